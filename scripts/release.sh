#!/usr/bin/env bash
# Builds what is deployed: target/dist/{server,keyward-proxy,site}.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain
scripts/edge.sh
build_dashboard --release --precompress
mkdir -p target/dist
cp "$TARGET/release/server" "$TARGET/edge/keyward-proxy" target/dist/
rm -rf target/dist/site && cp -r target/site target/dist/site
say "target/dist holds server, keyward-proxy and site (point KEYWARD_SITE_ROOT at the latter)"
