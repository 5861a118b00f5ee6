#!/usr/bin/env bash
# Brings the generators of clients, and what their clients need, into tests/clients: node_modules by
# npm, target by Maven, and a Java compiler first where it may: as root on Debian or Ubuntu. Where
# something is not to be had it says so and is content (its tests are skipped), but where CI=true.
set -euo pipefail
cd "$(dirname "$0")"

go_without() {
  echo "Not found: $1. $2" >&2
  [[ ${CI:-} != true ]]
  exit
}

if ! command -v javac >/dev/null && [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
  echo "installing a Java compiler with apt-get"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    default-jdk-headless
fi
command -v javac >/dev/null || go_without javac "Generated Java clients are not tested."

# What is written last shows that all is there.
if [[ ! target/done -nt pom.xml ]]; then
  command -v mvn >/dev/null || go_without mvn "Clients are not generated."
  rm -rf target
  mkdir target
  if ! mvn --strict-checksums --batch-mode --no-transfer-progress package >target/maven.log 2>&1; then
    cat target/maven.log >&2
    exit 1
  fi
  touch target/done
fi

if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  command -v npm >/dev/null || go_without npm "Generated TypeScript clients are not tested."
  # Scripts of packages are not run: what a package does when it is installed nobody has read.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
