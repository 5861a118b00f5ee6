#!/usr/bin/env bash
# Starts Kafka in its container with a settings file, and prepares the data folder the first time.
# If the secrets folder contains passwords (kafka-USER.password), it creates these users.
set -euo pipefail
settings=$1
home=${KAFKA_HOME:-/opt/kafka}
secrets=${SECRETS:-/run/secrets}
data=$(sed -n 's/^log\.dirs=//p' "$settings")

# Only the data is written to disk: the log goes to standard output.
export LOG_DIR=/tmp EXTRA_ARGS="-name kafkaServer"
export KAFKA_LOG4J_OPTS="${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/etc/kafka-log/log4j2.xml}"

if [[ ! -e $data/meta.properties ]]; then
  # The tool reads arguments from a file, one per line: everybody who may list processes can see
  # those of a command. /tmp is in memory, and the file is deleted before the broker starts.
  users=$(umask 077 && mktemp)
  trap 'rm -f "$users"' EXIT
  for file in "$secrets"/kafka-*.password; do
    [[ -e $file ]] || continue
    name=${file##*/kafka-}
    printf '%s\n' --add-scram "SCRAM-SHA-512=[name=${name%.password},password=$(<"$file")]" >>"$users"
  done
  arguments=()
  [[ ! -s $users ]] || arguments=("@$users")
  # It also prints the hash of each password, from which a weak one can be guessed.
  "$home/bin/kafka-storage.sh" format --config "$settings" \
    --cluster-id="$("$home/bin/kafka-storage.sh" random-uuid)" ${arguments[@]+"${arguments[@]}"} \
    >/dev/null
  rm -f "$users"
  trap - EXIT
fi
exec "$home/bin/kafka-server-start.sh" "$settings"
