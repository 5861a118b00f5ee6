#!/usr/bin/env bash
# Brings what `make bench ARGS="--only peers"` compares the worker with: Quix Streams and librdkafka's
# Python client into build/peers, an environment of their own, and Kafka Streams by Maven into
# kafka-streams/target. Where one is not to be had it says so and is content (it is left out, its test
# is skipped), but where CI=true.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
environment=$root/build/peers
missing=0

go_without() {
  echo "Not found: $1. Left out: $2." >&2
  missing=1
}

python_packages() {
  local pip=("$root/.venv/bin/python" -m pip --disable-pip-version-check --quiet)
  mkdir -p "$root/build" &&
    "$root/.venv/bin/python" -m venv --clear --without-pip "$environment" &&
    "${pip[@]}" --python "$environment/bin/python" install --only-binary :all: --require-hashes \
      --requirement requirements.txt
}

kafka_streams() (
  cd kafka-streams || return
  rm -rf target
  mkdir target
  if ! mvn --strict-checksums --batch-mode --no-transfer-progress package >target/maven.log 2>&1; then
    cat target/maven.log >&2
    return 1
  fi
)

# What is written last shows that all is there.
if [[ ! $environment/done -nt requirements.txt ]]; then
  if python_packages; then
    touch "$environment/done"
  else
    go_without "packages of requirements.txt" "Quix Streams, the librdkafka loop"
  fi
fi

if [[ ! kafka-streams/target/done -nt kafka-streams/pom.xml ||
  ! kafka-streams/target/done -nt kafka-streams/LastValue.java ]]; then
  if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
    go_without "mvn, or javac (Debian: maven default-jdk-headless)" "Kafka Streams"
  elif kafka_streams; then
    touch kafka-streams/target/done
  else
    go_without "jars of kafka-streams/pom.xml" "Kafka Streams"
  fi
fi

[[ $missing -eq 0 || ${CI:-} != true ]]
