#!/usr/bin/env bash
# Measures how many finished requests per second an edge writes to its disk and from there to a local PostgreSQL, both with
# every sync on. Uses the server that KEYWARD_TEST_DATABASE_URL names, else starts one.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain
if [ -z "${KEYWARD_TEST_DATABASE_URL:-}" ]; then
  KEYWARD_TEST_DATABASE_URL=$(scripts/postgres.sh start "$ROOT/.keyward/rate-postgres")
  trap 'scripts/postgres.sh stop "$ROOT/.keyward/rate-postgres"' EXIT
  export KEYWARD_TEST_DATABASE_URL
fi
cargo test -q --profile bench-fast -p keyward-proxy --bin keyward-proxy --features keyward-store/testing -- --ignored --nocapture ledger_rate
