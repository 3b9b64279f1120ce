# Shared by the scripts in this folder: where things are kept, and how to say what is going on.
# Source it; it defines names and does nothing else.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${KEYWARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/keyward}
TOOLS=$CACHE/tools
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf '\033[1;31merror:\033[0m %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this step needs root, and sudo is not installed. As root, run: $*"
  fi
}

# The wasm-bindgen program must be of exactly the version that the lock file names.
locked_version() {
  awk -v name="$1" '$1 == "name" && $3 == "\"" name "\"" { getline; gsub(/"/, "", $3); print $3; exit }' "$ROOT/Cargo.lock"
}

# Written by setup.sh: which toolchain to use and where its programs are.
use_toolchain() {
  [ -f "$TOOLS/env" ] || die "the tools are not installed yet; run: make setup"
  # shellcheck disable=SC1091
  . "$TOOLS/env"
  export PATH="$TOOLS/bin:$ROOT/end2end/node_modules/.bin:$ROOT/style/node_modules/.bin:$PATH"
}

# The dashboard: server program, WebAssembly, style sheet (the latter two in target/site).
build_dashboard() {
  LEPTOS_TAILWIND_VERSION=v$(node -p "require('$ROOT/style/node_modules/tailwindcss/package.json').version")
  export LEPTOS_TAILWIND_VERSION
  cargo leptos build "$@"
}
