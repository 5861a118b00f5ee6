#!/usr/bin/env bash
# Brings veraPDF, with which the note's PDF is validated, into tests/pdf/target by Maven. Where there
# is no Maven it says so and is content (its tests are skipped), but where CI=true.
set -euo pipefail
cd "$(dirname "$0")"

# What is written last shows that all is there.
[[ target/done -nt pom.xml ]] && exit 0

if ! command -v mvn >/dev/null; then
  echo "Not found: mvn. The note's PDF is not validated by veraPDF." >&2
  [[ ${CI:-} != true ]]
  exit
fi
rm -rf target
mkdir target
if ! mvn --strict-checksums --batch-mode --no-transfer-progress package >target/maven.log 2>&1; then
  cat target/maven.log >&2
  exit 1
fi
touch target/done
