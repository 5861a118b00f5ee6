#!/usr/bin/env bash
# deploy/debian-packages.sh [GROUP...]: installs the programs of these groups, by default of all:
#   alerting   Prometheus and Alertmanager, with promtool and amtool: `make stack` runs them, and
#              `make demo` if they are installed
#   haproxy    HAProxy, in front of gateway and page: `make stack` runs it
#   database   PostgreSQL, for the tests of outboxes and of exports
#   guide      curl, kcat, Node.js and npm, for the tests of the producers' guide
#   browser    Chromium with its driver and a font, for the tests of the delegate's page
#   java       Maven and a compiler, for Kafka's jars and for the tests of generated clients
#   crash      strace, for the tests that kill programs at their writes
# As root on Debian or Ubuntu it installs what is missing, and starts no service. Otherwise it says
# what to install and succeeds (tests that need it are skipped), or fails if CI=true.
set -euo pipefail

missing=()
services=()

alerting() {
  command -v prometheus >/dev/null && command -v promtool >/dev/null || services+=(prometheus)
  # In the archives of the Prometheus project its name is alertmanager.
  { command -v prometheus-alertmanager || command -v alertmanager; } >/dev/null &&
    command -v amtool >/dev/null || services+=(prometheus-alertmanager)
}

haproxy() {
  # Not `command -v`, which would find this function.
  type -P haproxy >/dev/null || [[ -x /usr/sbin/haproxy ]] || services+=(haproxy)
}

database() {
  # Debian installs each release in its own folder.
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
    services+=(postgresql)
}

guide() {
  for program in curl kcat npm; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  # Other packages of Node.js include npm.
  command -v node >/dev/null || missing+=(nodejs)
}

browser() {
  # Both, so that they are of the same release. Ubuntu has the browser only as a snap without a
  # driver: the tests are skipped there.
  if ! { command -v chromium && command -v chromedriver; } >/dev/null &&
    grep -qs '^ID=debian' /etc/os-release; then
    missing+=(chromium chromium-driver fonts-liberation)
  fi
}

java() {
  command -v javac >/dev/null || missing+=(default-jdk-headless)
  command -v mvn >/dev/null || missing+=(maven)
}

crash() {
  command -v strace >/dev/null || missing+=(strace)
}

[[ $# -gt 0 ]] || set -- alerting haproxy database guide browser java crash
for group in "$@"; do
  case $group in
    alerting | haproxy | database | guide | browser | java | crash) "$group" ;;
    *)
      echo "$0: no group $group: alerting, haproxy, database, guide, browser, java or crash" >&2
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

# Debian runs this program to decide whether a package's service may start; 101 forbids it. An
# existing one belongs to the administrator and is restored afterwards.
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
# Services must not start with the machine either.
if [[ ${#services[@]} -gt 0 ]] && command -v systemctl >/dev/null; then
  systemctl --quiet disable "${services[@]}" || true
fi
