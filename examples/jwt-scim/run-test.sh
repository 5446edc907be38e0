#!/usr/bin/env bash
# Runs walk.sh against a fresh server and a real OpenID provider, both on free loopback ports, and ends them.
#   PROGRAM          the server's program; default: target/release/muster, else target/debug/muster
#   MUSTER_DATABASE  a PostgreSQL URL; default: SQLite in a temporary folder
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=${PROGRAM:-}
for candidate in "$root/target/release/muster" "$root/target/debug/muster"; do
  [ -n "$bin" ] || { [ -x "$candidate" ] && bin=$candidate; } || true
done
[ -n "$bin" ] || { echo 'There is no muster program: run `make build` first.' >&2; exit 1; }

work=$(mktemp -d)
pids=()
finish() {
  status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ "$status" = 0 ] || { echo '--- the server said:'; tail -n 40 "$work/muster.log"; } >&2
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

# wait_for SECONDS COMMAND…
wait_for() {
  local left=$(($1 * 10)); shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "gave up waiting for: $*" >&2; return 1; }
    sleep 0.1
  done
}

[ -d "$here/node_modules/oidc-provider" ] || (cd "$here" && npm ci --no-audit --no-fund --silent)

mkfifo "$work/hold"
node "$here/provider.mjs" 0 <"$work/hold" >"$work/provider.json" 2>"$work/provider.log" &
provider=$!
pids+=("$provider")
exec 9>"$work/hold" # the provider ends when this end closes
wait_for 20 grep -q jwks_uri "$work/provider.json"
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }

store=(--data-dir "$work/data")
[ -z "${MUSTER_DATABASE:-}" ] || store=(--database "$MUSTER_DATABASE")
"$bin" bootstrap "${store[@]}" --account walk --email admin@example.com --json >"$work/bootstrap.json"
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
"$bin" serve "${store[@]}" --listen "127.0.0.1:$port" --jwks-allow 127.0.0.1 >"$work/muster.log" 2>&1 &
pids+=("$!")
wait_for 30 curl --silent --fail "http://127.0.0.1:$port/readyz"

MUSTER_URL="http://127.0.0.1:$port" ACCOUNT=walk PAT=$(field token "$work/bootstrap.json") \
  JWKS_URL=$(field jwks_uri "$work/provider.json") TOKEN_ENDPOINT=$(field token_endpoint "$work/provider.json") \
  ROTATE="kill -HUP $provider && sleep 1" bash "$here/walk.sh"

# Nothing of the walk's own is taken for an option.
if grep 'is no option' "$work/muster.log" >&2; then exit 1; fi
