#!/usr/bin/env bash
# Writes the files that compose.yaml needs and git must not contain: deploy/.env and
# deploy/secrets/, for this user only. Keeps existing files: remove one to create it again.
# Needs openssl.
set -euo pipefail
umask 077
cd "$(dirname "$0")/.."
command -v openssl >/dev/null || { echo "openssl is missing: install it" >&2; exit 1; }

# No container runs as root, even if root runs this script.
owner=$(id -u)
[[ $owner -ne 0 ]] || owner=65532
if [[ ! -e .env ]]; then
  sed "s/^OWNER=.*/OWNER=$owner/" .env.example >.env
  echo "wrote deploy/.env"
fi
# The first user to run it remains the owner: the containers run as that user.
owner=$(sed -n 's/^OWNER=//p' .env)
mkdir -p secrets

# The users in compose.secure.yaml, each with the rights of its roles, and Grafana's administrator.
for name in grafana-admin kafka-{root,deployer,worker,page,gateway,producer,operator}; do
  file=secrets/$name.password
  [[ -e $file ]] || printf '%s' "$(openssl rand -hex 24)" >"$file"
done

# The token that assessor, page and audit send to the workers.
[[ -e secrets/histories.token ]] || openssl rand -hex 32 >secrets/histories.token

# The harvest's token, and its hash for the gateway. No other producer may send until the lines
# printed by `producers issue` are added to producers.yaml.
if [[ ! -e secrets/harvest.token ]]; then
  random=$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')
  printf 'srt_open-data_%s' "$random" >secrets/harvest.token
  hash=$(openssl dgst -sha256 -r secrets/harvest.token | cut -d ' ' -f 1)
  touch secrets/producers.yaml
  if grep -q '^open-data:' secrets/producers.yaml; then
    echo "add to the bearer_sha256 of open-data in deploy/secrets/producers.yaml: $hash"
  else
    sed -i '/^{}$/d' secrets/producers.yaml
    printf 'open-data:\n  bearer_sha256:\n    - %s\n' "$hash" >>secrets/producers.yaml
  fi
fi

# An authority that signs only the broker's certificate. Its key is not kept: renew both together.
# Python ≥ 3.13 refuses certificates without the two extensions.
if [[ ! -e secrets/broker.pem ]]; then
  work=$(mktemp --directory)
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 \
    -subj "/CN=Smart Region local authority" -addext keyUsage=critical,keyCertSign \
    -keyout "$work/authority.key" -out "$work/authority.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=broker" \
    -keyout "$work/broker.key" -out "$work/broker.csr" 2>/dev/null
  openssl x509 -req -in "$work/broker.csr" -CA "$work/authority.pem" -CAkey "$work/authority.key" \
    -CAcreateserial -days 825 -out "$work/broker.crt" 2>/dev/null \
    -extfile <(printf '%s\n' subjectAltName=DNS:kafka,DNS:localhost,IP:127.0.0.1 \
      authorityKeyIdentifier=keyid)
  cat "$work/broker.key" "$work/broker.crt" "$work/authority.pem" >secrets/broker.pem
  cp "$work/authority.pem" secrets/authority.pem
  echo "wrote deploy/secrets/: passwords, and a certificate for 825 days"
fi

[[ $(id -u) -ne 0 ]] || chown -R "$owner" secrets
