#!/usr/bin/env bash
# make faults SEED=… MINUTES=…: the seeded fault runner (docs/faults.md), with a Postgres and a Redis of its own in a
# folder that is thrown away. FAULTS=EdgeKilled,RedisFrozen plays only those.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
export SEED=${SEED:-$RANDOM} MINUTES=${MINUTES:-3}

install_missing() {
  local missing=()
  command -v redis-server >/dev/null || missing+=(redis-server)
  [ -n "$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null)" ] || missing+=(postgresql)
  FAKETIME=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1 || true)
  [ -n "$FAKETIME" ] || missing+=(libfaketime)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ]; then
    say "installing ${missing[*]}"
    apt-get install -y -q "${missing[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null && apt-get install -y -q "${missing[@]}" >/dev/null; }
    FAKETIME=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1 || true)
  elif [ "${missing[*]}" != libfaketime ]; then
    die "please install: ${missing[*]}"
  fi
}

SCRATCH=$(mktemp -d /tmp/keyward-faults-XXXXXX)
chmod 755 "$SCRATCH"
echo $$ >"$SCRATCH/owner"
RUNNER=

# Everything that a run leaves: a frozen Postgres goes on first, else it could not be stopped; a disk that something still
# holds open is taken away all the same.
remove_run() {
  local postmaster child
  postmaster=$(head -n 1 "$1/postgres/data/postmaster.pid" 2>/dev/null || true)
  if [ -n "$postmaster" ] && [ -d "/proc/$postmaster" ]; then
    for child in $(cat "/proc/$postmaster"/task/*/children 2>/dev/null) "$postmaster"; do
      kill -s CONT "$child" 2>/dev/null || true
    done
  fi
  [ ! -d "$1/postgres" ] || scripts/postgres.sh remove "$1/postgres" || true
  for disk in "$1"/disks/*; do
    ! mountpoint -q "$disk" || umount -l "$disk" || true
  done
  rm -rf "$1"
}

clean_up() {
  trap '' INT TERM HUP
  # The runner leads a session of its own, so what it started goes with it.
  [ -z "$RUNNER" ] || kill -s KILL -- "-$RUNNER" 2>/dev/null || true
  remove_run "$SCRATCH"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Of runs that were killed themselves.
for left in /tmp/keyward-faults-*; do
  owner=$(cat "$left/owner" 2>/dev/null) || continue
  [ -d "/proc/$owner" ] || remove_run "$left"
done

# A disk that can be full, for each edge; only root can make one.
small_disks() {
  [ "$(id -u)" = 0 ] || return 0
  for name in a b; do
    mkdir -p "$SCRATCH/disks/$name"
    mount -t tmpfs -o size=24m tmpfs "$SCRATCH/disks/$name" 2>/dev/null || return 0
  done
  export KEYWARD_FAULTS_SMALL_DISKS=$SCRATCH/disks
}

install_missing
[ -n "${RUSTUP_TOOLCHAIN:-}" ] || use_toolchain
small_disks
say "building"
cargo build -q -p keyward-emulator
cargo test -q --no-run -p keyward-proxy --test faults --features keyward-store/testing
say "starting"
KEYWARD_TEST_DATABASE_URL=$(scripts/postgres.sh start "$SCRATCH/postgres")
export KEYWARD_TEST_DATABASE_URL KEYWARD_FAULTS_POSTGRES=$SCRATCH/postgres KEYWARD_FAULTS_SCRATCH=$SCRATCH
export KEYWARD_FAULTS_FAKETIME=$FAKETIME
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH
export PATH
setsid cargo test -q -p keyward-proxy --test faults --features keyward-store/testing -- --ignored --nocapture &
RUNNER=$!
wait "$RUNNER" || die "a promise was broken; again with: make faults SEED=$SEED MINUTES=$MINUTES"
RUNNER=
