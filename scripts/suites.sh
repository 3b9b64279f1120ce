#!/usr/bin/env bash
# Keyward measured by suites that others wrote. Figures go to target/suites.json and docs/scoreboard.md.
#   make suites                          all of them (half an hour on two cores, most of it fuzzing)
#   make suites ONLY="wycheproof audit"  some; the others keep the figures of their last run on this machine
#   MINUTES=5 (of fuzzing, for each target; 0.2 for a quick look)  AT_ONCE (targets; as many as cores)  SEED=1 and TOKENS=10000 (of the token oracle)  SECONDS_EACH=20 (slowhttptest)
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

ALL="wycheproof oracle audit streams slowhttptest httpwg fuzz"
ONLY=${ONLY:-$ALL}
MINUTES=${MINUTES:-5}
SEED=${SEED:-1}
TOKENS=${TOKENS:-10000}
SECONDS_EACH=${SECONDS_EACH:-20}
FIGURES=$ROOT/target/suites
FUZZ=$ROOT/suites/fuzz
COMMAND="make suites"
[ "$ONLY" = "$ALL" ] || COMMAND="make suites ONLY=\"$ONLY\""
export COMMAND

mkdir -p "$FIGURES"
scripts/setup.sh --test
use_toolchain
unset RUST_BACKTRACE

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
debian() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null && return
  say "installing from Debian: $2"
  as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}
crate() { # PROGRAM CRATE VERSION
  [ -x "$TOOLS/bin/$1" ] && return
  say "building $2 $3 (a few minutes, once)"
  CARGO_TARGET_DIR="$CACHE/tools-target" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 cargo install --quiet --locked --root "$TOOLS" "$2" --version "$3"
}
npm_packages() {
  [ suites/node_modules/.package-lock.json -nt suites/package-lock.json ] && return
  npm ci --prefix suites --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  touch suites/node_modules/.package-lock.json
}
debian_version() { dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo unknown; }
# A development build: slower than what is deployed, and so the harder case.
programs() { cargo build -q -p keyward-suites -p keyward-proxy -p keyward-emulator; }
database() {
  [ -n "${KEYWARD_TEST_DATABASE_URL:-}" ] && return
  KEYWARD_TEST_DATABASE_URL=$(POSTGRES_OPTIONS="-c fsync=off" scripts/postgres.sh start "$ROOT/.keyward/suites-postgres")
  export KEYWARD_TEST_DATABASE_URL
  trap 'scripts/postgres.sh stop "$ROOT/.keyward/suites-postgres"' EXIT
}

# --- the suites: each prints its figures as JSON; its status says whether they are what they should be ------------------
wycheproof() { cargo run -q -p keyward-suites --bin vectors; }
oracle() {
  npm_packages
  cargo build -q -p keyward-suites
  node suites/tokens.mjs "$TARGET/debug/verdicts" "$TOKENS" "$SEED"
}
audit() {
  local said=0
  scripts/audit.sh "$FIGURES/audit.json" >"$FIGURES/audit.log" 2>&1 || said=$?
  node suites/audit.mjs "$FIGURES" "$said" "$(cargo deny --version), cargo-audit $(cargo audit --version | awk '{print $2}')"
}
streams() {
  database; programs
  node suites/streams.mjs "$TARGET/debug/stand" "$ROOT/end2end/sdk" "$ROOT/end2end/.venv/bin/python"
}
slowhttptest() {
  debian slowhttptest slowhttptest >&2
  database; programs
  ulimit -n "$(ulimit -Hn)"
  PATH="$PATH:/usr/sbin" SLOWHTTPTEST_VERSION=$(debian_version slowhttptest) node suites/slow.mjs "$TARGET/debug/stand" "$SECONDS_EACH"
}
httpwg() {
  debian nghttpd nghttp2-server >&2
  crate httpwg httpwg-cli 0.2.5 >&2
  database; programs
  NGHTTPD_VERSION=$(debian_version nghttp2-server) node suites/httpwg.mjs "$TARGET/debug/stand" "$TOOLS/bin/httpwg"
}
fuzz() {
  crate cargo-fuzz cargo-fuzz 0.13.2 >&2
  node suites/fuzz.mjs "$FUZZ" "$MINUTES" ${TARGETS:-}
}

# --- running them -------------------------------------------------------------------------------------------------------
failed=()
for part in $ONLY; do
  case " $ALL " in *" $part "*) ;; *) die "there is no suite $part; there are: $ALL" ;; esac
  say "$part"
  began=$SECONDS status=0
  "$part" >"$FIGURES/$part.out" || status=$?
  node suites/scoreboard.mjs add "$FIGURES" "$part" "$status" "$((SECONDS - began))"
  [ "$status" = 0 ] || failed+=("$part")
done
node suites/scoreboard.mjs write "$FIGURES" "$ROOT/target/suites.json" "$ROOT/docs/scoreboard.md"
[ ${#failed[@]} = 0 ] || die "failed: ${failed[*]} (figures in target/suites)"
say "figures are in target/suites.json and docs/scoreboard.md"
