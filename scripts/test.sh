#!/usr/bin/env bash
# Everything that can fail: format, lints, all tests on both engines, the SCIM conformance suites, tokens of real
# issuers, the walk, the console in a browser, and the fuzz targets for a minute each (in CI; else shorter). Prints what
# ran and how long it took. With CI=true nothing may be skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
ci=${CI:-}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() {
  printf '\n== %s (%s s so far)\n' "$1" "$SECONDS"
}

step 'what the tests want'
if ! scripts/install-test-deps.sh; then
  [ "$ci" != true ] || exit 1
  echo 'Going on without: what needs it is not run, and the result says so.'
fi

step 'the console'
make --no-print-directory console

step 'format'
cargo fmt --all -- --check

step 'lints'
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings

step 'tests'
set +e
cargo test --locked --workspace --no-fail-fast 2>&1 | tee "$log" | grep -v '^test .* ok$'
failed=$((PIPESTATUS[0] != 0))
set -e

has_node() {
  command -v node >/dev/null && command -v npm >/dev/null
}

step 'the walk: curl, a real OpenID provider, SCIM with its JWT'
walk='passed'
if [ ! -x examples/jwt-scim/run-test.sh ]; then
  walk='not here'
elif ! has_node; then
  walk='NOT RUN: it wants Node 20 and npm'
elif ! PROGRAM=target/debug/muster examples/jwt-scim/run-test.sh; then
  walk='FAILED'
  failed=1
fi

step 'the console in a real browser'
browser='passed'
if [ ! -x console/run-test.sh ]; then
  browser='not here'
elif [ ! -e console/dist/index.html ] || ! has_node; then
  browser='NOT RUN: it wants Node 20 and npm'
elif ! scripts/install-test-deps.sh --has-browser; then
  browser='NOT RUN: chromium is not installed (scripts/install-test-deps.sh)'
elif ! PROGRAM=target/debug/muster console/run-test.sh; then
  browser='FAILED'
  failed=1
fi

step 'fuzz targets of the SCIM and JOSE cores'
fuzz='no finding'
if ! scripts/fuzz.sh "$([ "$ci" = true ] && echo 60 || echo 15)"; then
  fuzz='FAILED'
  failed=1
fi

step 'result'
count() { # the sum of the numbers before this word in the results of all test programs
  awk -v word="$1" '/^test result:/ { for (i = 2; i <= NF; i++) if ($i ~ "^" word) sum += $(i - 1) } END { print sum + 0 }' "$log"
}
ignored=$(count ignored)
printf 'tests: %s passed, %s failed, %s ignored\nwalk: %s\nconsole: %s\n' "$(count passed)" "$(count failed)" "$ignored" "$walk" "$browser"
postgres='tested'
scripts/install-test-deps.sh --has-postgres || postgres='NOT TESTED: it is not installed (scripts/install-test-deps.sh)'
echo "PostgreSQL: $postgres"
conformance='scim2-tester and scim-sanity, tested on SQLite and PostgreSQL'
scripts/install-test-deps.sh --has-suites || conformance='NOT RUN: one is not installed (scripts/install-test-deps.sh)'
echo "conformance suites: $conformance"
issuers='oidc-provider and Authlib, tested on SQLite and PostgreSQL'
scripts/install-test-deps.sh --has-issuers || issuers='NOT RUN: one is not installed (scripts/install-test-deps.sh)'
echo "real issuers: $issuers"
echo "fuzz targets: $fuzz"
printf 'time: %s s\n' "$SECONDS"
if [ "$ci" = true ] && { [ "$ignored" != 0 ] || [ "$walk" != passed ] || [ "$browser" != passed ] ||
  [ "$postgres" != tested ] || [[ $conformance == NOT* ]] || [[ $issuers == NOT* ]]; }; then
  echo 'Something was skipped; in CI that is a failure.' >&2
  failed=1
fi
exit "$failed"
