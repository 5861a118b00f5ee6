#!/usr/bin/env bash
# Brings Apache Kafka's jars into deploy/kafka/target/jars, and Java and Maven first where it may:
# as root on Debian or Ubuntu. Elsewhere it says what to install.
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

# A repository vouches for its own files by checksums that lie beside them; ours are here. Where
# pom.xml asks for other jars, and it is known where they are from, they are written anew:
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
