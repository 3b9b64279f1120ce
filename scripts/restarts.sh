#!/usr/bin/env bash
# What is lost when two edges are restarted in turn under load, by how they share their port. ROUNDS=20 make restarts
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain
if [ -z "${KEYWARD_TEST_DATABASE_URL:-}" ]; then
  KEYWARD_TEST_DATABASE_URL=$(POSTGRES_OPTIONS="-c fsync=off" scripts/postgres.sh start "$ROOT/.keyward/test-postgres")
  export KEYWARD_TEST_DATABASE_URL
  trap 'scripts/postgres.sh stop "$ROOT/.keyward/test-postgres"' EXIT
fi
cargo build -q -p keyward-emulator
cargo test -q -p keyward-proxy --test it --features keyward-store/testing -- restarting::what_each_way_loses --ignored --nocapture
