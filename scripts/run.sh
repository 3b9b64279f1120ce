#!/usr/bin/env bash
# Starts all of Keyward on this machine for development: what is missing is installed, then Postgres, emulator,
# dashboard and edge are started. Ctrl-C stops them all. State is kept in .keyward/ (git-ignored).
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

STATE=$ROOT/.keyward
DASHBOARD_ADDR=${KEYWARD_DASHBOARD_ADDR:-127.0.0.1:3000}
EDGE_ADDR=${KEYWARD_EDGE_ADDR:-127.0.0.1:8080}
OPS_ADDR=${KEYWARD_OPS_ADDR:-127.0.0.1:8081}
EMULATOR_ADDR=${KEYWARD_EMULATOR_ADDR:-127.0.0.1:8790}

mkdir -p "$STATE/logs"
exec 9>"$STATE/lock"
flock -n 9 || die "Keyward is already running from this folder (its state is in .keyward/); stop that one first"

scripts/setup.sh
use_toolchain

# --- stop everything on the way out, whatever the way ------------------------------------------------------------
children=()
started_postgres=
stop_all() {
  trap - INT TERM EXIT
  [ ${#children[@]} = 0 ] || kill -TERM "${children[@]}" 2>/dev/null || true
  for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
  [ -z "$started_postgres" ] || scripts/postgres.sh stop "$STATE/postgres"
  echo; say "stopped"
}
trap 'stop_all; exit 0' INT TERM
trap stop_all EXIT

# --- ports, before the build: nobody wants to hear about them after it --------------------------------------------
require_free() { # ADDRESS VARIABLE WHAT
  ! (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null ||
    die "port ${1##*:} is taken, and the $3 wants it. Stop what uses it, or choose another: $2=127.0.0.1:PORT make run"
}
require_free "$DASHBOARD_ADDR" KEYWARD_DASHBOARD_ADDR dashboard
require_free "$EDGE_ADDR" KEYWARD_EDGE_ADDR edge
require_free "$OPS_ADDR" KEYWARD_OPS_ADDR "edge's health port"
require_free "$EMULATOR_ADDR" KEYWARD_EMULATOR_ADDR emulator

say "building (the first time takes about ten minutes, later seconds)"
cargo build -p server -p keyward-proxy -p keyward-emulator
build_dashboard --frontend-only

# --- Postgres and the key-encryption key --------------------------------------------------------------------------
if [ -z "${DATABASE_URL:-}" ]; then
  say "starting a private PostgreSQL in .keyward/postgres"
  started_postgres=yes
  DATABASE_URL=$(scripts/postgres.sh start "$STATE/postgres" 9>&-)
fi
if [ -z "${KEYWARD_KEY_ENCRYPTION_KEY:-}" ]; then
  [ -s "$STATE/key-encryption-key" ] ||
    (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$STATE/key-encryption-key")
  KEYWARD_KEY_ENCRYPTION_KEY=$(cat "$STATE/key-encryption-key")
fi
export DATABASE_URL KEYWARD_KEY_ENCRYPTION_KEY
export KEYWARD_MODE=development
export KEYWARD_DASHBOARD_ADDR=$DASHBOARD_ADDR KEYWARD_EDGE_ADDR=$EDGE_ADDR KEYWARD_OPS_ADDR=$OPS_ADDR
export KEYWARD_EMULATOR_ADDR=$EMULATOR_ADDR KEYWARD_EMULATOR_URL=http://$EMULATOR_ADDR
export KEYWARD_DASHBOARD_URL=${KEYWARD_DASHBOARD_URL:-http://localhost:${DASHBOARD_ADDR##*:}}
export KEYWARD_EDGE_URL=${KEYWARD_EDGE_URL:-http://$EDGE_ADDR}
export KEYWARD_EDGE_DATA_DIR=${KEYWARD_EDGE_DATA_DIR:-$STATE/edge}
export KEYWARD_SITE_ROOT=$ROOT/target/site
export KEYWARD_SEED_DEMO=true KEYWARD_DEMO_FILE=$STATE/demo.env
rm -f "$KEYWARD_DEMO_FILE"

# --- the processes ------------------------------------------------------------------------------------------------
launch() { # NAME PROGRAM
  "$TARGET/debug/$2" >"$STATE/logs/$1.log" 2>&1 9>&- &
  children+=($!)
  eval "pid_$1=$!"
}
await() { # NAME URL
  local pid_name=pid_$1
  for _ in $(seq 300); do
    curl -fsS -o /dev/null --max-time 2 "$2" 2>/dev/null && return
    kill -0 "${!pid_name}" 2>/dev/null || { tail -n 20 "$STATE/logs/$1.log" >&2; die "the $1 stopped at once; its log is .keyward/logs/$1.log"; }
    read -rt 0.1 <> <(:) || true
  done
  tail -n 20 "$STATE/logs/$1.log" >&2
  die "the $1 does not answer at $2; its log is .keyward/logs/$1.log"
}
say "starting emulator, dashboard and edge (logs in .keyward/logs)"
launch emulator keyward-emulator;  await emulator "http://$EMULATOR_ADDR/_health"
launch dashboard server;           await dashboard "http://$DASHBOARD_ADDR/healthz"
launch edge keyward-proxy;         await edge "http://$OPS_ADDR/readyz"

# shellcheck disable=SC1090
. "$KEYWARD_DEMO_FILE"
cat <<EOT

  Keyward is running. Ctrl-C stops it.

    dashboard   $KEYWARD_DASHBOARD_URL
                sign in as $DEMO_EMAIL with the password $DEMO_PASSWORD
    edge        $KEYWARD_EDGE_URL
    emulator    $KEYWARD_EMULATOR_URL   (for a proxy of your own without an account at the API: base URL
                $KEYWARD_EMULATOR_URL/openai, /anthropic or /gemini, API key ${KEYWARD_EMULATOR_KEY:-emulator-provider-key-0000})
    mail        $KEYWARD_DASHBOARD_URL/dev/mail   (what would have been sent)

  A streamed completion through the edge, with a user's token instead of a key:

    curl -N $KEYWARD_EDGE_URL/$DEMO_SLUG/v1/chat/completions -H "Authorization: Bearer \$(curl -s '$KEYWARD_EMULATOR_URL/token?sub=demo-user')" -H 'Content-Type: application/json' -d '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}'

EOT

wait -n "${children[@]}" || true
for name in emulator dashboard edge; do
  pid_name=pid_$name
  kill -0 "${!pid_name}" 2>/dev/null || { tail -n 20 "$STATE/logs/$name.log" >&2; die "the $name stopped; its log is .keyward/logs/$name.log"; }
done
