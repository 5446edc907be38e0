#!/usr/bin/env bash
# Builds the web console into console/dist, which the program embeds. Without Node 20 and npm it says so and leaves it
# at that: the program is then built without the console, and says how to have it.
set -euo pipefail
cd "$(dirname "$0")/../console"
if ! command -v node >/dev/null || ! command -v npm >/dev/null ||
  ! node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then
  echo 'No Node 20 and npm here: the program will have no web console.' >&2
  exit
fi
npm ci --no-audit --no-fund --loglevel=error
npm run build --silent
