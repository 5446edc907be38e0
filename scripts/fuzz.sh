#!/usr/bin/env bash
# Fuzzes the pure cores: every target of crates/scim/fuzz and crates/jose/fuzz at once, for so many seconds each (60
# unless told).
#   scripts/fuzz.sh [SECONDS]
# It starts from the stored corpus and writes what it finds below target/fuzz; a finding is a failure. Installs cargo-fuzz
# into target/tools when it is not there. The flags that it wants of the compiler are not stable yet, so it asks for them
# by RUSTC_BOOTSTRAP=1; nothing but the fuzz targets is built that way.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
root=$PWD
targets=(scim/cursor scim/filter scim/patch scim/path scim/resource jose/claims jose/jwks jose/token)

if [ ! -x target/tools/bin/cargo-fuzz ]; then
  echo 'Installing cargo-fuzz'
  cargo install --quiet --locked --root target/tools cargo-fuzz
fi
export PATH="$root/target/tools/bin:$PATH" RUSTC_BOOTSTRAP=1
# The cores have no unsafe code: what a memory sanitizer would find cannot be there, and it halves the speed.
for core in scim jose; do
  (cd "crates/$core" && cargo fuzz build --sanitizer none --fuzz-dir fuzz --target-dir "$root/target/fuzz/build")
done

pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
}
trap finish EXIT
host=$(rustc -vV | sed -n 's/^host: //p')
for target in "${targets[@]}"; do
  found=$root/target/fuzz/$target
  mkdir -p "$found/corpus" "$found/artifacts"
  "target/fuzz/build/$host/release/${target#*/}" "$found/corpus" "crates/${target%/*}/fuzz/corpus/${target#*/}" \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$found/artifacts/" >"$found/log" 2>&1 &
  pids+=("$!")
done
failed=0
for at in "${!targets[@]}"; do
  target=${targets[$at]}
  if wait "${pids[$at]}"; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$root/target/fuzz/$target/log")
    echo "fuzz $target: ${runs:-0} runs in $seconds s, no finding"
  else
    echo "fuzz $target: FAILED; the input lies in target/fuzz/$target/artifacts:" >&2
    grep -v '^#' "$root/target/fuzz/$target/log" | tail -n 20 >&2
    failed=1
  fi
done
pids=()
exit "$failed"
