#!/usr/bin/env bash
# Brings mutmut into build/mutants, an environment of its own that sees the project's packages too.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
environment=$root/build/mutants
python=$root/.venv/bin/python

# What is written last shows that all is there.
if [[ ! $environment/done -nt requirements.txt ]]; then
  mkdir -p "$root/build"
  "$python" -m venv --clear --without-pip "$environment"
  "$python" -m pip --disable-pip-version-check --quiet --python "$environment/bin/python" \
    install --only-binary :all: --require-hashes --requirement requirements.txt
  packages='import sysconfig; print(sysconfig.get_path("purelib"))'
  "$python" -c "$packages" >"$("$environment/bin/python" -c "$packages")/project.pth"
  touch "$environment/done"
fi
