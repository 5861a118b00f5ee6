#!/usr/bin/env bash
# tests/packages.sh FOLDER...: installs, side by side, what each folder needs beside the project's own packages:
#   package-lock.json   packages of npm, into its node_modules
#   pom.xml             jars, by Maven, into its target
#   requirements.txt    an environment of its own, build/NAME, which also sees the project's packages
# What is there already stays. What cannot be installed is named and left out (tests that need it are
# skipped), but with CI=true the script then fails.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
root=$PWD

# A stamp is written last, so it shows that all is there.
is_current() {
  local stamp=$1 source
  shift
  for source in "$@"; do
    [[ $stamp -nt $source ]] || return 1
  done
}

npm_packages() {
  is_current node_modules/done package-lock.json && return
  # No package's own scripts: nobody has read what they do.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/done
}

jars() {
  is_current target/done pom.xml ./*.java && return
  rm -rf target && mkdir target &&
    mvn --strict-checksums --batch-mode --no-transfer-progress --quiet package && touch target/done
}

environment() {
  local place=$root/build/${PWD##*/} python=$root/.venv/bin/python
  local packages='import sysconfig; print(sysconfig.get_path("purelib"))'
  is_current "$place/done" requirements.txt && return
  mkdir -p "$root/build" && "$python" -m venv --clear --without-pip "$place" &&
    "$python" -m pip --disable-pip-version-check --quiet --python "$place/bin/python" \
      install --only-binary :all: --require-hashes --requirement requirements.txt &&
    "$python" -c "$packages" >"$("$place/bin/python" -c "$packages")/project.pth" &&
    touch "$place/done"
}

install() {
  local failed=0
  cd "$1"
  [[ ! -e package-lock.json ]] || npm_packages || failed=1
  [[ ! -e pom.xml ]] || jars || failed=1
  [[ ! -e requirements.txt ]] || environment || failed=1
  return "$failed"
}

logs=$(mktemp --directory)
trap 'rm -rf "$logs"' EXIT
started=()
for folder in "$@"; do
  (install "$folder") >"$logs/${#started[@]}" 2>&1 &
  started+=($!)
done
failed=0
for index in "${!started[@]}"; do
  wait "${started[index]}" && continue
  failed=1
  cat "$logs/$index" >&2
  shift "$index"
  echo "Not installed: packages of $1. What needs them is left out; tests are skipped." >&2
done
[[ $failed -eq 0 || ${CI:-} != true ]]
