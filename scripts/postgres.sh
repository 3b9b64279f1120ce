#!/usr/bin/env bash
# A private PostgreSQL cluster in a folder of its own, from the system's binaries.
#   scripts/postgres.sh start DIR    make it if it isn't there, start it, print its address
#   scripts/postgres.sh stop  DIR    stop it (does nothing when it isn't running)
#   scripts/postgres.sh remove DIR   stop it and throw everything in it away
# PostgreSQL refuses to run as root: then it runs as the system's `postgres` user (or `nobody`).
. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || die "usage: scripts/postgres.sh start|stop|remove DIR"
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
DATA=$DIR/data

BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$BIN/initdb" ] || BIN=$(dirname "$(command -v initdb || echo /missing/initdb)")
[ -x "$BIN/initdb" ] || die "PostgreSQL's server programs are not installed; run: make setup (or set DATABASE_URL)"

OWNER=$(id -un)
if [ "$(id -u)" = 0 ]; then
  OWNER=postgres
  id "$OWNER" >/dev/null 2>&1 || OWNER=nobody
fi

as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$OWNER" -- "$@"); else "$@"; fi
}
# Where OWNER can't reach DIR (a clone below /root), the cluster lives under /var/lib instead, named after DIR.
if [ "$(id -u)" = 0 ]; then
  [ -e "$DATA" ] || chown "$OWNER" "$DIR"
  if ! as_owner test -w "$DIR"; then
    DATA=/var/lib/keyward-$(printf %s "$DIR" | cksum | cut -d' ' -f1)
    [ -e "$DATA" ] || { mkdir -m 700 "$DATA" && chown "$OWNER" "$DATA"; }
  fi
fi
[ ! -e "$DATA" ] || [ "$(stat -c %U "$DATA")" = "$OWNER" ] ||
  die "$DATA belongs to $(stat -c %U "$DATA"), but PostgreSQL would run as $OWNER here: it was made by another user. Use that user, or remove the folder (and the data in it)"

SOCKETS=/tmp

running() { as_owner "$BIN/pg_ctl" -D "$DATA" status >/dev/null 2>&1; }
port() { sed -n 4p "$DATA/postmaster.pid" 2>/dev/null; }

free_port() {
  python3 - 2>/dev/null <<'PY' || node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])
PY
}

start() {
  if [ ! -f "$DATA/PG_VERSION" ]; then
    # Everyone on this machine can reach a loopback port, so the address holds a password.
    local pwfile
    pwfile=$(mktemp /var/tmp/keyward-XXXXXXXX)
    (umask 077; od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | tee "$pwfile" >"$DIR/password")
    [ "$(id -u)" != 0 ] || chown "$OWNER" "$pwfile"
    as_owner "$BIN/initdb" -D "$DATA" -U keyward --auth=scram-sha-256 --pwfile="$pwfile" --encoding=UTF8 --locale=C \
      >"$DIR/initdb.log" 2>&1 || { rm -f "$pwfile"; die "PostgreSQL could not make its cluster; see $DIR/initdb.log"; }
    rm -f "$pwfile"
  fi
  if ! running; then
    local chosen log=$DATA/server.log
    chosen=${KEYWARD_POSTGRES_PORT:-$(free_port)}
    as_owner "$BIN/pg_ctl" -D "$DATA" -l "$log" -w -t 30 start \
      -o "-c listen_addresses=127.0.0.1 -p $chosen -k $SOCKETS -c max_connections=200 $POSTGRES_OPTIONS" >/dev/null ||
      die "PostgreSQL did not start on port $chosen (KEYWARD_POSTGRES_PORT changes it); see $log"
  fi
  local url
  url=postgres://keyward:$(cat "$DIR/password")@127.0.0.1:$(port)/keyward
  "$BIN/psql" -qtA "${url%/*}/postgres" -c "SELECT 1 FROM pg_database WHERE datname = 'keyward'" | grep -q 1 ||
    "$BIN/psql" -q "${url%/*}/postgres" -c 'CREATE DATABASE keyward'
  echo "$url"
}

POSTGRES_OPTIONS=${POSTGRES_OPTIONS:-}
case $1 in
  start) start ;;
  stop) ! running || as_owner "$BIN/pg_ctl" -D "$DATA" -m fast -w stop >/dev/null ;;
  remove)
    ! running || as_owner "$BIN/pg_ctl" -D "$DATA" -m fast -w stop >/dev/null
    rm -rf "$DATA" "$DIR"
    ;;
  *) die "usage: scripts/postgres.sh start|stop|remove DIR" ;;
esac
