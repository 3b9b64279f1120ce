#!/usr/bin/env bash
# Licenses, sources, duplicate versions (cargo-deny) and known vulnerabilities (cargo-audit) of the dependencies.
# Where the advisory database can't be fetched, name a local copy: KEYWARD_ADVISORY_DB=path make audit
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain
for tool in cargo-deny cargo-audit; do
  [ -x "$TOOLS/bin/$tool" ] && continue
  say "building $tool (a few minutes, once)"
  CARGO_TARGET_DIR="$CACHE/tools-target" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 cargo install --quiet --locked --root "$TOOLS" "$tool"
done
cargo deny --all-features check bans licenses sources
if [ -n "${KEYWARD_ADVISORY_DB:-}" ]; then
  # cargo-audit wants a git checkout; a plain copy is made into one.
  db=$(mktemp -d); trap 'rm -rf "$db"' EXIT
  cp -r "$KEYWARD_ADVISORY_DB/." "$db/"
  [ -d "$db/.git" ] || (cd "$db" && git init -q && git add -A && git -c user.name=x -c user.email=x@localhost commit -qm copy)
  cargo audit --db "$db" --no-fetch --stale
else
  cargo audit
fi
