#!/usr/bin/env bash
# Where the edge's processor time goes while 32 callers ask for all they can: docs/flamegraph.svg.
# The edge is built as it is deployed, without training, but so that every function can be named.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

INFERNO_VERSION=0.12.8
OUT=$ROOT/target/flamegraph

scripts/setup.sh
use_toolchain
[ "$(nproc)" -ge 2 ] || die "two cores are needed: one for the edge, one for the load"
if ! command -v perf >/dev/null; then
  say "installing linux-perf from Debian"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends linux-perf >/dev/null
fi
INFERNO=$TOOLS/inferno-$INFERNO_VERSION
if [ ! -x "$INFERNO/bin/inferno-flamegraph" ]; then
  say "installing inferno $INFERNO_VERSION from crates.io"
  cargo install --quiet --locked --root "$INFERNO" --version "$INFERNO_VERSION" inferno
fi

mkdir -p "$OUT"
HOST=$(rustc -vV | sed -n 's/^host: //p')
say "building the edge"
RUSTFLAGS="-C link-arg=-fuse-ld=mold -C force-frame-pointers=yes" CARGO_PROFILE_EDGE_DEBUG=line-tables-only \
  CARGO_TARGET_DIR="$TARGET/edge/named" cargo build -q --profile edge --target "$HOST" -p keyward-proxy
cargo build -q --profile bench-fast -p keyward-bench

# The load starts it and ends it, as it does every edge.
cat >"$OUT/watched-edge" <<END
#!/bin/sh
exec $(command -v perf) record --quiet --freq 1997 --call-graph fp --output $OUT/perf.data -- $TARGET/edge/named/$HOST/edge/keyward-proxy
END
chmod +x "$OUT/watched-edge"
POSTGRES_URL=$(taskset -c 1 scripts/postgres.sh start "$OUT/postgres")
trap 'scripts/postgres.sh stop "$OUT/postgres"' EXIT
say "watching"
taskset -c 1 "$TARGET/bench-fast/keyward-bench" --edge "$OUT/watched-edge" --out "$OUT" --scenes calls \
  --postgres "${POSTGRES_URL%/*}/postgres"

say "drawing"
perf script --input "$OUT/perf.data" 2>/dev/null | "$INFERNO/bin/inferno-collapse-perf" >"$OUT/stacks"
"$INFERNO/bin/inferno-flamegraph" --title "The edge under 32 callers" --minwidth 0.2 "$OUT/stacks" >docs/flamegraph.svg
say "docs/flamegraph.svg is new"
