#!/usr/bin/env bash
# Brings what the JavaScript samples of the producers' guide need into tests/guide/node_modules.
# Where there is no npm it says so and is content (their tests are skipped), but where CI=true.
set -euo pipefail
cd "$(dirname "$0")"

# npm leaves this file when it has installed everything.
[[ node_modules/.package-lock.json -nt package-lock.json ]] && exit 0

if ! command -v npm >/dev/null; then
  echo "Not found: npm. The guide's JavaScript samples are not tested." >&2
  [[ ${CI:-} != true ]]
  exit
fi
# Scripts of packages are not run: what a package does when it is installed nobody has read.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/.package-lock.json
