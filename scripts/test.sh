#!/usr/bin/env bash
# Everything CI checks, in the order in which it is cheapest to fail. Prints the time of each part.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

times=()
part() { # NAME COMMAND…
  local name=$1 began=$SECONDS; shift
  say "$name"
  "$@" || die "failed: $name"
  times+=("$(printf '%4d s  %s' $((SECONDS - began)) "$name")")
}

lint_server_side() {
  cargo clippy -q --workspace --exclude frontend --all-targets --features keyward-store/testing -- -D warnings
}
lint_browser_side() { cargo clippy -q -p frontend --target wasm32-unknown-unknown -- -D warnings; }
# Every variable that a process reads is explained in .env.example.
settings_are_explained() {
  local missing
  missing=$(grep -rohE '"KEYWARD_[A-Z_]+"' --include='*config.rs' {server,proxy,emulator}/src | tr -d '"' | sort -u | grep -vxFf <(grep -oE 'KEYWARD_[A-Z_]+' .env.example) || true)
  [ -z "$missing" ] || { echo "not in .env.example: $missing" >&2; return 1; }
}
start_postgres() {
  KEYWARD_TEST_DATABASE_URL=$(POSTGRES_OPTIONS="-c fsync=off -c synchronous_commit=off -c full_page_writes=off" \
    scripts/postgres.sh start "$ROOT/.keyward/test-postgres")
  export KEYWARD_TEST_DATABASE_URL
  trap stop_services EXIT
}
stop_services() {
  scripts/postgres.sh stop "$ROOT/.keyward/test-postgres"
  [ ! -f "$REDIS_DIR/pid" ] || kill "$(cat "$REDIS_DIR/pid")" 2>/dev/null || true
}
# Of its own, on a port that is free, and only in memory.
REDIS_DIR=$ROOT/.keyward/test-redis
start_redis() {
  local port
  mkdir -p "$REDIS_DIR"
  [ ! -f "$REDIS_DIR/pid" ] || kill "$(cat "$REDIS_DIR/pid")" 2>/dev/null || true
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  redis-server --bind 127.0.0.1 --port "$port" --dir "$REDIS_DIR" --pidfile "$REDIS_DIR/pid" --save "" --appendonly no \
    --daemonize yes --logfile "$REDIS_DIR/log" >/dev/null
  for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
  redis-cli -p "$port" ping >/dev/null || return 1
  export KEYWARD_TEST_REDIS_URL=redis://127.0.0.1:$port
}
# Builds the programs too, all in one go: the tests of the edge and the browser tests start them.
build_tests() { cargo test -q --no-run --workspace --exclude frontend --features keyward-store/testing; }
# A run names all tests that fail. One that hangs is ended: libtest says which ones still run after a minute.
rust_tests() { KEYWARD_TEST_SDKS=required timeout 1800 cargo test -q --no-fail-fast --workspace --exclude frontend --features keyward-store/testing; }
browser_tests() { (cd end2end && npx --no-install tsc && npx --no-install playwright test); }

part "tools" scripts/setup.sh --test
use_toolchain
part "formatting" cargo fmt --all --check
part "settings" settings_are_explained
part "dependency rules" scripts/dependency-rules.sh
part "lints, server side" lint_server_side
part "lints, browser side" lint_browser_side
part "test database" start_postgres
part "test Redis" start_redis
part "programs and their tests" build_tests
part "unit and integration tests" rust_tests
part "WebAssembly and style sheet" build_dashboard --frontend-only
part "SDK and browser tests" browser_tests

say "all passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
printf '    %s\n' "${times[@]}"
