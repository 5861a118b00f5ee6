#!/usr/bin/env bash
# maven.sh FOLDER LOSS: brings what FOLDER/pom.xml names into FOLDER/target. Where there is no Maven
# it says what is lost and is content (tests that need it are skipped), but where CI=true.
set -euo pipefail
cd "$1"

# What is written last shows that all is there.
[[ target/done -nt pom.xml ]] && exit 0

if ! command -v mvn >/dev/null; then
  echo "Not found: mvn. $2" >&2
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
