#!/usr/bin/env bash
# Licenses, sources, duplicate versions (cargo-deny) and known vulnerabilities (cargo-deny and cargo-audit) of the dependencies.
# Where the advisory database can't be fetched, name a local copy: KEYWARD_ADVISORY_DB=path make audit
# With an argument, what cargo-audit says goes there as JSON, too.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain
REPORT=${1:-}
for tool in cargo-deny cargo-audit; do
  [ -x "$TOOLS/bin/$tool" ] && continue
  say "building $tool (a few minutes, once)"
  CARGO_TARGET_DIR="$CACHE/tools-target" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 cargo install --quiet --locked --root "$TOOLS" "$tool"
done
if [ -n "${KEYWARD_ADVISORY_DB:-}" ]; then
  # Both tools want a git checkout, cargo-deny under the name that it gives to the database's address; a plain copy is made into one.
  folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
  db=$folder/advisory-db-3157b0e258782691
  cp -r "$KEYWARD_ADVISORY_DB" "$db" && chmod -R u+w "$db"
  [ -d "$db/.git" ] || (cd "$db" && git init -q && git add -A && git -c user.name=x -c user.email=x@localhost commit -qm copy)
  [ -e "$db/.git/FETCH_HEAD" ] || git -C "$db" fetch -q "$db"
  sed "s#^\[advisories\]#&\ndb-path = \"$folder\"#" deny.toml >"$folder/deny.toml"
  deny=(cargo deny --offline --all-features --config "$folder/deny.toml" check)
  audit=(cargo audit --db "$db" --no-fetch --stale)
else
  deny=(cargo deny --all-features check)
  audit=(cargo audit)
fi
"${deny[@]}"
"${audit[@]}"
[ -z "$REPORT" ] || "${audit[@]}" --json >"$REPORT"
