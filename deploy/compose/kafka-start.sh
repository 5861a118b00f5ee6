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
  # The tool takes arguments from a file, a line each: those of a command are seen by everybody who
  # may list processes. /tmp is memory, and the file is gone before the broker is there.
  users=$(umask 077 && mktemp)
  trap 'rm -f "$users"' EXIT
  for file in "$secrets"/kafka-*.password; do
    [[ -e $file ]] || continue
    name=${file##*/kafka-}
    printf '%s\n' --add-scram "SCRAM-SHA-512=[name=${name%.password},password=$(<"$file")]" >>"$users"
  done
  arguments=()
  [[ ! -s $users ]] || arguments=("@$users")
  # It also prints what it makes of each password, from which a weak one can be guessed.
  "$home/bin/kafka-storage.sh" format --config "$settings" \
    --cluster-id="$("$home/bin/kafka-storage.sh" random-uuid)" ${arguments[@]+"${arguments[@]}"} \
    >/dev/null
  rm -f "$users"
  trap - EXIT
fi
exec "$home/bin/kafka-server-start.sh" "$settings"
