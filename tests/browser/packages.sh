#!/usr/bin/env bash
# Brings what the delegate's page is checked with into tests/browser/node_modules: axe-core and the
# W3C's checker. Where there is no npm it says so and is content (its tests are skipped), but where
# CI=true.
set -euo pipefail
cd "$(dirname "$0")"

# npm leaves this file when it has installed everything.
[[ node_modules/.package-lock.json -nt package-lock.json ]] && exit 0

if ! command -v npm >/dev/null; then
  echo "Not found: npm. The page is not checked by axe-core and the W3C's checker." >&2
  [[ ${CI:-} != true ]]
  exit
fi
# Scripts of packages are not run: what a package does when it is installed nobody has read. The
# checker's would download a Java that is here already.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/.package-lock.json
