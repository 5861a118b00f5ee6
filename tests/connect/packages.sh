#!/usr/bin/env bash
# Brings Kafka Connect and Debezium's PostgreSQL connector into deploy/connect/target.
set -euo pipefail
cd "$(dirname "$0")/.."
exec ./maven.sh ../deploy/connect "The way by Debezium is not tested."
