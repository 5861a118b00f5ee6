#!/usr/bin/env bash
# Starts Kafka in its container with a file of settings, and prepares the data folder the first time.
# Where there are passwords in the secrets' folder, these are the first users: USER.password.
set -euo pipefail
settings=$1
home=${KAFKA_HOME:-/opt/kafka}
secrets=${SECRETS:-/run/secrets}
data=$(sed -n 's/^log\.dirs=//p' "$settings")

# Nothing but the data is written to a disk: the log goes to standard output.
export LOG_DIR=/tmp EXTRA_ARGS="-name kafkaServer"
export KAFKA_LOG4J_OPTS="${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/etc/kafka-log/log4j2.xml}"

if [[ ! -e $data/meta.properties ]]; then
  users=()
  for file in "$secrets"/kafka-*.password; do
    [[ -e $file ]] || continue
    name=${file##*/kafka-}
    users+=(--add-scram "SCRAM-SHA-512=[name=${name%.password},password=$(<"$file")]")
  done
  "$home/bin/kafka-storage.sh" format --config "$settings" \
    --cluster-id="$("$home/bin/kafka-storage.sh" random-uuid)" ${users[@]+"${users[@]}"}
fi
exec "$home/bin/kafka-server-start.sh" "$settings"
