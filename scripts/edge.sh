#!/usr/bin/env bash
# Builds the edge as it is deployed: target/edge/keyward-proxy. Twice: the first one is run for a while, so that the
# compiler learns what an edge does all day (profile-guided optimization), and lays out the second one for that.
#   PLAIN=1   without training: built once, and so sooner
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain

HOST=$(rustc -vV | sed -n 's/^host: //p')
LINKER="-C link-arg=-fuse-ld=mold"
OUT=$TARGET/edge
LEARNED=$OUT/learned.profdata
mkdir -p "$OUT"

build() { # FOLDER RUSTFLAGS
  RUSTFLAGS="$LINKER $2" CARGO_TARGET_DIR="$1" cargo build -q --profile edge --target "$HOST" -p keyward-proxy
}

if [ -n "${PLAIN:-}" ]; then
  say "building the edge, without training"
  build "$OUT/plain" ""
  cp "$OUT/plain/$HOST/edge/keyward-proxy" "$OUT/"
  exit
fi

# The tool that reads what was learned is of the compiler's own LLVM.
MAJOR=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
if ! command -v "llvm-profdata-$MAJOR" >/dev/null; then
  say "installing llvm-$MAJOR from Debian"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "llvm-$MAJOR" >/dev/null
fi

say "building the edge that is watched"
rm -rf "$OUT/raw"
CARGO_PROFILE_EDGE_LTO=off build "$OUT/watched" "-C profile-generate=$OUT/raw"
cargo build -q --profile bench-fast -p keyward-bench
say "training"
POSTGRES_URL=$(scripts/postgres.sh start "$OUT/postgres")
trap 'scripts/postgres.sh stop "$OUT/postgres"' EXIT
"$TARGET/bench-fast/keyward-bench" --edge "$OUT/watched/$HOST/edge/keyward-proxy" --out "$OUT/training" --scenes training \
  --postgres "${POSTGRES_URL%/*}/postgres" --quick
"llvm-profdata-$MAJOR" merge -o "$LEARNED" "$OUT"/raw/*.profraw
say "building the edge that is deployed"
build "$OUT/taught" "-C profile-use=$LEARNED"
cp "$OUT/taught/$HOST/edge/keyward-proxy" "$OUT/"
say "target/edge holds keyward-proxy"
