#!/usr/bin/env bash
# Line and branch coverage of crates/jose by its own tests, and with --mutants what survives of cargo-mutants on it.
#   scripts/coverage.sh [--mutants]
# Installs llvm-cov and llvm-profdata (Debian's llvm-19 reads what the compiler of today writes) and cargo-mutants when
# they are not there. Branches are counted by a flag that is not stable yet, so it asks for it by RUSTC_BOOTSTRAP=1; only
# the workspace's own crates are built with it. Fails when lines or branches are below 98 % or a mutant survives.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
least=98

if [ "${1:-}" = --mutants ]; then
  if [ ! -x target/tools/bin/cargo-mutants ]; then
    echo 'Installing cargo-mutants'
    cargo install --quiet --locked --root target/tools cargo-mutants
  fi
  export PATH="$root/target/tools/bin:$PATH"
  code=0
  cargo mutants -p jose --jobs 2 --timeout 60 --output target || code=$?
  # 3: some loop without end, which is as good as a test that fails.
  if [ "$code" = 3 ] && [ ! -s target/mutants.out/missed.txt ]; then code=0; fi
  exit "$code"
fi

if ! command -v llvm-cov-19 >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo 'Installing llvm-19'
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends llvm-19 >/dev/null
fi

work=$root/target/coverage
rm -rf "$work/raw"
mkdir -p "$work/raw"
printf '#!/bin/sh\nexec "$@" -C instrument-coverage -Z coverage-options=branch\n' >"$work/rustc"
chmod +x "$work/rustc"
export RUSTC_BOOTSTRAP=1 RUSTC_WORKSPACE_WRAPPER=$work/rustc CARGO_TARGET_DIR=$work/build
export LLVM_PROFILE_FILE=$work/raw/%p-%m.profraw
cargo test --locked -q -p jose --tests >"$work/tests.log" 2>&1 || { tail -n 40 "$work/tests.log" >&2; exit 1; }
llvm-profdata-19 merge -sparse "$work"/raw/*.profraw -o "$work/jose.profdata"
objects=()
while read -r program; do
  objects+=(-object "$program")
done < <(cargo test --locked -p jose --tests --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
show=(-instr-profile="$work/jose.profdata" '-ignore-filename-regex=registry|rustc|/tests/')
llvm-cov-19 report "${objects[@]}" "${show[@]}" -show-region-summary=false | tee "$work/report.txt"
llvm-cov-19 show "${objects[@]}" "${show[@]}" -show-branches=count >"$work/lines.txt"
echo 'Line by line: target/coverage/lines.txt'
awk -v least="$least" '$1 == "TOTAL" { seen = 1; low = ($7 + 0 < least || $10 + 0 < least)
  printf "lines %s, branches %s; wanted: %s %%\n", $7, $10, least } END { exit !seen || low }' "$work/report.txt"
