#!/usr/bin/env bash
# Tests the console that is in a server's program: real servers on free loopback ports, a real browser without window.
#   PROGRAM   the program; default: target/release/muster, else target/debug/muster
#   CHROMIUM  the browser; default: chromium on the PATH
#   PICTURES  a folder for pictures of the pages on which a test failed
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
program=${PROGRAM:-}
for candidate in "$root/target/release/muster" "$root/target/debug/muster"; do
  [ -n "$program" ] || { [ -x "$candidate" ] && program=$candidate; } || true
done
[ -n "$program" ] || { echo 'There is no muster program: run `make build` first.' >&2; exit 1; }
PROGRAM=$(realpath "$program")
CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
[ -n "$CHROMIUM" ] || { echo 'There is no chromium: scripts/install-test-deps.sh installs it.' >&2; exit 1; }
export PROGRAM CHROMIUM

cd "$here"
[ -d node_modules/playwright-core ] || npm ci --no-audit --no-fund --silent
exec node --test --test-reporter=spec --test-concurrency=1 e2e/*.test.mjs
