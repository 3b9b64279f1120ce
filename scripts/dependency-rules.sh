#!/usr/bin/env bash
# The walls between crates that docs/ARCHITECTURE.md promises, asked of cargo itself.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain

failed=
# PACKAGE must not have any of the CRATES in its tree.
without() { # PACKAGE TARGET CRATES…
  local package=$1 target=$2; shift 2
  local tree
  tree=$(cargo tree -q --locked -e normal -p "$package" --target "$target" --prefix none --format '{p}' | awk '{print $1}' | sort -u)
  [ -n "$tree" ] || die "cargo tree says nothing about $package"
  for crate in "$@"; do
    if grep -qx "$crate" <<<"$tree"; then
      echo "error: $package must not depend on $crate; the way it got in:" >&2
      cargo tree -q --locked -e normal -p "$package" --target "$target" -i "$crate" >&2 || true
      failed=yes
    fi
  done
}

HOST=$(rustc -vV | sed -n 's/^host: //p')
without keyward-domain "$HOST" tokio sqlx axum leptos reqwest getrandom rand
without frontend wasm32-unknown-unknown keyward-store keyward-control keyward-identity sqlx tokio reqwest
without keyward-proxy "$HOST" keyward-app keyward-control keyward-payments leptos
without keyward-emulator "$HOST" keyward-domain keyward-store keyward-control sqlx
without keyward-store "$HOST" keyward-control keyward-identity keyward-payments reqwest axum leptos
without keyward-control "$HOST" leptos axum
without keyward-payments "$HOST" keyward-store keyward-control sqlx leptos axum

# SQL only in the store.
if git grep -nE 'sqlx::(query|raw_sql)' -- '*.rs' ':!crates/store' ':!*/tests/*' >&2; then
  echo "error: SQL outside crates/store" >&2; failed=yes
fi
[ -z "$failed" ]
