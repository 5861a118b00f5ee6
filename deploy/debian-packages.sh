#!/usr/bin/env bash
# deploy/debian-packages.sh [GROUP...]: brings the programs of these groups, by default of all:
#   alerting   Prometheus and Alertmanager, with promtool and amtool: `make stack` runs them, and
#              `make demo` where they are there
#   haproxy    HAProxy, before gateway and page: `make stack` runs it
#   database   PostgreSQL, for the tests of outboxes and of exports
#   guide      curl, kcat, Node.js and npm, with which the producers' guide is tested
#   browser    Chromium with its driver and a font, with which the delegate's page is tested
# As root on Debian or Ubuntu it installs what is missing, and starts no service. Elsewhere it says
# what to install and is content (tests that need it are skipped), but where CI=true.
set -euo pipefail

missing=()
services=()

alerting() {
  command -v prometheus >/dev/null && command -v promtool >/dev/null || services+=(prometheus)
  # The project's own archives call it alertmanager.
  { command -v prometheus-alertmanager || command -v alertmanager; } >/dev/null &&
    command -v amtool >/dev/null || services+=(prometheus-alertmanager)
}

haproxy() {
  command -v haproxy >/dev/null || [[ -x /usr/sbin/haproxy ]] || services+=(haproxy)
}

database() {
  # Debian has a folder for each release of it.
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
    services+=(postgresql)
}

guide() {
  for program in curl kcat npm; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  # Other packages of Node.js bring npm with them.
  command -v node >/dev/null || missing+=(nodejs)
}

browser() {
  # Both, so that they are of one release. Ubuntu has the browser as a snap alone, without a driver:
  # the tests skip there.
  if ! { command -v chromium && command -v chromedriver; } >/dev/null &&
    grep -qs '^ID=debian' /etc/os-release; then
    missing+=(chromium chromium-driver fonts-liberation)
  fi
}

[[ $# -gt 0 ]] || set -- alerting haproxy database guide browser
for group in "$@"; do
  case $group in
    alerting | haproxy | database | guide | browser) "$group" ;;
    *)
      echo "$0: no group $group: alerting, haproxy, database, guide or browser" >&2
      exit 2
      ;;
  esac
done
missing+=(${services[@]+"${services[@]}"}) # Empty is unset for older shells.
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "Not found: ${missing[*]}. What needs them is left out; tests are skipped." >&2
  echo "On Debian or Ubuntu: sudo deploy/debian-packages.sh $*" >&2
  [[ ${CI:-} != true ]]
  exit
fi

echo "installing ${missing[*]} with apt-get"
apt-get -qq update

# Debian asks this program whether a package's service may start; 101 is no. One that is there
# already is the administrator's, and is put back.
policy=/usr/sbin/policy-rc.d
kept=$(mktemp --directory)
put_back() {
  rm -f "$policy"
  [[ ! -e $kept/policy ]] || mv "$kept/policy" "$policy"
  rm -rf "$kept"
}
[[ ! -e $policy ]] || mv "$policy" "$kept/policy"
trap put_back EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
# Nor when the machine starts.
if [[ ${#services[@]} -gt 0 ]] && command -v systemctl >/dev/null; then
  systemctl --quiet disable "${services[@]}" || true
fi
