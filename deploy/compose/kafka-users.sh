#!/usr/bin/env bash
# Sets the passwords in the secrets folder for the users of a running, secured Kafka: for users that
# a newer release adds, for changed passwords, and for a broker that has run without security.
#
#   docker compose exec kafka bash /etc/smart-region/kafka-users.sh
set -euo pipefail
settings=${1:-/etc/smart-region/kafka-secure.properties}
home=${KAFKA_HOME:-/opt/kafka}
secrets=${SECRETS:-/run/secrets}
export LOG_DIR=/tmp KAFKA_HEAP_OPTS=-Xmx128m

# Authenticates with the broker's own certificate. Passwords are in files, because everybody who may
# list processes can see arguments; /tmp is in memory.
umask 077
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
broker=$(sed -n 's|^listeners=.*BROKER://\([^,]*\).*|\1|p' "$settings")
{
  echo security.protocol=SSL
  grep -E '^ssl\.(keystore|truststore)\.' "$settings"
} >"$work/client"

for file in "$secrets"/kafka-*.password; do
  name=${file##*/kafka-}
  name=${name%.password}
  printf 'SCRAM-SHA-512=password=%s\n' "$(<"$file")" >"$work/user"
  "$home/bin/kafka-configs.sh" --bootstrap-server "$broker" --command-config "$work/client" \
    --alter --entity-type users --entity-name "$name" --add-config-file "$work/user"
done
