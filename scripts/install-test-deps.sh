#!/usr/bin/env bash
# Installs what the tests want beside Rust, Node and a C compiler, on Debian and its kin: PostgreSQL's programs, curl,
# make, openssl and chromium; into target/scim2, the SCIM conformance suites scim2-tester and scim-sanity from PyPI; and
# two real issuers of JWTs: Authlib from PyPI into target/authlib, oidc-provider from npm into examples/jwt-scim. Changes
# nothing when all is there; leaves no PostgreSQL server running.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scim2=$root/target/scim2
authlib=$root/target/authlib
walk=$root/examples/jwt-scim

has_postgres() {
  command -v initdb >/dev/null && command -v postgres >/dev/null && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

if [ "${1:-}" = --has-postgres ]; then
  has_postgres
  exit
fi

has_browser() {
  command -v chromium >/dev/null
}

if [ "${1:-}" = --has-browser ]; then
  has_browser
  exit
fi

has_suites() {
  [ -x "$scim2/bin/scim2" ] && "$scim2/bin/scim2" --help >/dev/null 2>&1 &&
    [ -x "$scim2/bin/scim-sanity" ] && "$scim2/bin/scim-sanity" --version >/dev/null 2>&1
}

if [ "${1:-}" = --has-suites ]; then
  has_suites
  exit
fi

install_suites() {
  has_suites && return
  echo 'Installing scim2-tester and scim-sanity'
  rm -rf "$scim2"
  python3 -m venv "$scim2"
  "$scim2/bin/pip" install --quiet --disable-pip-version-check --upgrade scim2-cli scim2-tester scim-sanity
}

has_authlib() {
  [ -x "$authlib/bin/python" ] && "$authlib/bin/python" -c 'import authlib.oauth2.rfc9068, flask, joserfc' 2>/dev/null
}

has_oidc_provider() {
  command -v node >/dev/null && [ -d "$walk/node_modules/oidc-provider" ]
}

if [ "${1:-}" = --has-issuers ]; then
  has_authlib && has_oidc_provider
  exit
fi

install_issuers() {
  if ! has_authlib; then
    echo 'Installing Authlib'
    rm -rf "$authlib"
    python3 -m venv "$authlib"
    "$authlib/bin/pip" install --quiet --disable-pip-version-check 'Authlib>=1.9,<2' 'Flask>=3.1,<4' 'joserfc>=1.8,<2'
  fi
  if ! has_oidc_provider; then
    if ! command -v npm >/dev/null; then
      echo 'Not here: Node 20 and npm. Install them, then try again: oidc-provider wants them.' >&2
      return 1
    fi
    echo 'Installing oidc-provider'
    (cd "$walk" && npm ci --no-audit --no-fund --silent)
  fi
}

install_from_registries() {
  install_suites
  install_issuers
}

missing=()
has_postgres || missing+=(postgresql)
command -v curl >/dev/null || missing+=(curl ca-certificates)
command -v make >/dev/null || missing+=(make)
# The TLS tests of the database bridge make a private certificate authority with it.
command -v openssl >/dev/null || missing+=(openssl)
# The console is tested in it.
has_browser || missing+=(chromium)
{ has_suites && has_authlib; } || python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ "${#missing[@]}" = 0 ]; then
  install_from_registries
  exit
fi

if ! command -v apt-get >/dev/null; then
  echo "Not here: ${missing[*]}. Install them with this system's package manager, then try again." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "Not here: ${missing[*]}. Run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

# The tests start private clusters of their own: Debian's default one must not come up beside them.
conf=/etc/postgresql-common/createcluster.conf
if [[ " ${missing[*]} " == *' postgresql '* ]] && [ ! -e "$conf" ]; then
  "${as_root[@]}" mkdir -p "$(dirname "$conf")"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$conf" >/dev/null
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  -o Dpkg::Options::=--force-confold "${missing[@]}" >/dev/null
install_from_registries
