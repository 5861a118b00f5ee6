#!/usr/bin/env bash
# Brings veraPDF, with which the note's PDF is validated, into tests/pdf/target.
set -euo pipefail
cd "$(dirname "$0")/.."
exec ./maven.sh pdf "The note's PDF is not validated by veraPDF."
