#!/usr/bin/env bash
# Installs what building, running and testing Keyward needs, and nothing that is already there.
# Safe to run again: the second run takes a second. Pass `--test` to also install what only the tests need.
. "$(dirname "$0")/lib.sh"

CARGO_LEPTOS_VERSION=0.3.11
WITH_TESTS=${1:-}

have_package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

install_packages() {
  local missing=()
  for package in "$@"; do have_package "$package" || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || die "please install these with your package manager, then run again: ${missing[*]}"
  say "installing from Debian: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# --- system packages ---------------------------------------------------------------------------------------------
install_packages ca-certificates curl gcc g++ cmake libc6-dev pkg-config mold postgresql
[ "$WITH_TESTS" = --test ] && install_packages chromium python3-venv redis-server

mkdir -p "$TOOLS/bin"

# --- compiler with the WebAssembly target ------------------------------------------------------------------------
# Short way: rustup has, or can fetch, the target. Long way: Debian's compiler, with a library we build for wasm32.
minimum=96
minor() { "$@" --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\).*/\1/p'; }
if [ "$(minor rustc)" -ge "$minimum" ] 2>/dev/null &&
   { rustup target list --installed 2>/dev/null | grep -q wasm32-unknown-unknown ||
     timeout 120 rustup target add wasm32-unknown-unknown >/dev/null 2>&1; }; then
  echo "export RUSTUP_TOOLCHAIN=$(rustup show active-toolchain | cut -d' ' -f1)" >"$TOOLS/env"
else
  install_packages rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy rustfmt-web
  # The linker's package is whatever /usr/bin/rust-lld points to (lld-22 at the time of writing).
  [ -x /usr/bin/rust-lld ] || install_packages "$(readlink /usr/bin/rust-lld)"
  rustup toolchain list | grep -q '^keyward' || rustup toolchain link keyward /usr
  export RUSTUP_TOOLCHAIN=keyward
  wasm_lib=$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib
  if ! ls "$wasm_lib"/libstd-*.rlib >/dev/null 2>&1; then
    say "building the standard library for WebAssembly (about 75 s, once)"
    scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
    mkdir -p "$scratch/src"; touch "$scratch/src/lib.rs"
    printf '[package]\nname = "throwaway"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$scratch/Cargo.toml"
    (cd "$scratch" && RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$scratch/target" cargo build -q --release \
      --target wasm32-unknown-unknown -Z build-std=std,panic_abort,proc_macro)
    rm -f "$scratch"/target/wasm32-unknown-unknown/release/deps/libthrowaway*
    as_root mkdir -p "$wasm_lib"
    as_root cp "$scratch"/target/wasm32-unknown-unknown/release/deps/*.rlib "$wasm_lib/"
  fi
  echo "export RUSTUP_TOOLCHAIN=keyward" >"$TOOLS/env"
fi
# shellcheck disable=SC1091
. "$TOOLS/env"
export PATH="$TOOLS/bin:$PATH"

# --- cargo-leptos and wasm-bindgen -------------------------------------------------------------------------------
# Their own release profiles take very long to compile and gain us nothing: the tools run once per build.
tool_build() {
  CARGO_TARGET_DIR="$CACHE/tools-target" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 \
    CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_OPT_LEVEL="$1" cargo install --quiet --root "$TOOLS" "${@:2}"
}
bindgen=$(locked_version wasm-bindgen); : "${bindgen:=0.2.130}"
if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $bindgen" ]; then
  say "building wasm-bindgen $bindgen (about 3 minutes, once)"
  tool_build 1 wasm-bindgen-cli --version "=$bindgen"
fi
if ! cargo leptos --version 2>/dev/null | grep -q "$CARGO_LEPTOS_VERSION"; then
  say "building cargo-leptos $CARGO_LEPTOS_VERSION (about 8 minutes, once)"
  tool_build 0 cargo-leptos --version "$CARGO_LEPTOS_VERSION" --locked --features no_downloads
fi

# --- npm packages ------------------------------------------------------------------------------------------------
npm_install() {
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
  say "installing the npm packages of $(basename "$1")/"
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
  touch "$1/node_modules/.package-lock.json"
}
[ -f "$ROOT/style/package-lock.json" ] && npm_install "$ROOT/style"
if [ "$WITH_TESTS" = --test ]; then
  [ -f "$ROOT/end2end/package-lock.json" ] && npm_install "$ROOT/end2end"
  # The Python SDK that the tests drive.
  if [ ! "$ROOT/end2end/.venv/installed" -nt "$ROOT/end2end/requirements.txt" ]; then
    say "installing the Python packages of end2end/"
    /usr/bin/python3 -m venv --clear "$ROOT/end2end/.venv"
    "$ROOT/end2end/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$ROOT/end2end/requirements.txt"
    touch "$ROOT/end2end/.venv/installed"
  fi
  # A stand-in for Stripe's records, under a license of its own (GPL): a program beside ours, never part of one.
  if [ ! "$ROOT/end2end/.localstripe/installed" -nt "$ROOT/end2end/localstripe.txt" ]; then
    say "installing localstripe"
    /usr/bin/python3 -m venv --clear "$ROOT/end2end/.localstripe"
    "$ROOT/end2end/.localstripe/bin/pip" install --quiet --disable-pip-version-check -r "$ROOT/end2end/localstripe.txt"
    touch "$ROOT/end2end/.localstripe/installed"
  fi
fi
say "tools are ready"
