#!/usr/bin/env bash
# Installs what the tests want beside Rust, Node and a C compiler, on Debian and its kin: PostgreSQL's programs, curl,
# make and openssl. Changes nothing when all is there; leaves no PostgreSQL server running.
set -euo pipefail

has_postgres() {
  command -v initdb >/dev/null && command -v postgres >/dev/null && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

if [ "${1:-}" = --has-postgres ]; then
  has_postgres
  exit
fi

missing=()
has_postgres || missing+=(postgresql)
command -v curl >/dev/null || missing+=(curl ca-certificates)
command -v make >/dev/null || missing+=(make)
# The TLS tests of the database bridge make a private certificate authority with it.
command -v openssl >/dev/null || missing+=(openssl)
[ "${#missing[@]}" -gt 0 ] || exit 0

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
