#!/usr/bin/env bash
# Downloads Apache Kafka's jars into deploy/kafka/target/jars. As root on Debian or Ubuntu it first
# installs Java and Maven; otherwise it says what to install.
set -euo pipefail
cd "$(dirname "$0")"

java_is_recent() {
  local major
  major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1) || return 1
  [[ ${major:-0} -ge 17 ]]
}

if ! java_is_recent || ! command -v mvn >/dev/null; then
  if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
    echo "installing Java and Maven with apt-get"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
      default-jre-headless maven
  fi
  if ! java_is_recent || ! command -v mvn >/dev/null; then
    echo "The tests' Kafka needs Java 17 or later and Maven." >&2
    echo "On Debian or Ubuntu: sudo apt-get install default-jre-headless maven" >&2
    exit 1
  fi
fi

rm -rf target
mkdir target
if ! mvn --strict-checksums --batch-mode --no-transfer-progress package >target/maven.log 2>&1; then
  cat target/maven.log >&2
  exit 1
fi

# A repository's own checksums do not protect against the repository, so ours are here. When pom.xml
# requires other jars, and their origin is known, write them again:
#   (cd target/jars && sha256sum -- *.jar) >jars.sha256
cd target/jars
export LC_ALL=C
command -v sha256sum >/dev/null || sha256sum() { shasum --algorithm 256 "$@"; } # As on macOS.
if ! diff <(sed 's/^.*  //' ../../jars.sha256) <(printf '%s\n' *.jar) >&2 ||
  ! sha256sum --check --strict --quiet ../../jars.sha256 >&2; then
  rm -rf ../jars
  echo "These are not the jars of deploy/kafka/jars.sha256: they were removed." >&2
  exit 1
fi
