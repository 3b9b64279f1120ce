#!/usr/bin/env bash
# The fast check while working: formatting, lints of the server side, tests of the pure rules.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
use_toolchain
cargo fmt --all --check
cargo clippy -q --workspace --exclude frontend --all-targets --features keyward-store/testing -- -D warnings
cargo test -q -p keyward-domain
say "checked"
