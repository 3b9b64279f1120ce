// slowhttptest in its four modes against the edge, while another client, from another address, goes on calling.
// Twice: with the edge's own limit of connections for an address, and with it lifted, as if the attack came from everywhere.
import { spawn } from "node:child_process";
import { Agent, request } from "node:http";

import { startStand } from "./stand.mjs";

const [standProgram, secondsText = "20"] = process.argv.slice(2);
const SECONDS = Number(secondsText);
const CONNECTIONS = 1000;
/** A call that takes longer counts as a failure: the client would think that the service is gone. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 50;
/** A call during which this very program stood still for longer says nothing of the edge: the machine had other things to do. */
const STANDSTILL_MS = 1_000;
/** The attack stood still too, and so a mode is tried again. */
const TRIES = 3;
const SETTINGS = { "its own limits": [], "connections per address unlimited": ["KEYWARD_CONNECTIONS_PER_ADDRESS=100000"] };

let standstills = 0;
let ticked = performance.now();
setInterval(() => {
  const now = performance.now();
  if (now - ticked > STANDSTILL_MS) standstills += 1;
  ticked = now;
}, STANDSTILL_MS / 10).unref();

const figures = { connections: CONNECTIONS, seconds: SECONDS, runs: [], failures: [] };
for (const [settings, env] of Object.entries(SETTINGS)) {
  const stand = await startStand(standProgram, env);
  try {
    await attackedBy(modes(stand, await stand.token("attacker")), settings, stand);
  } finally {
    await stand.stop();
  }
}
console.log(JSON.stringify(figures, null, 1));
process.exitCode = figures.failures.length === 0 ? 0 : 1;

/** The attacker has a valid token, so that its bodies and reads get as far as anybody's. */
function modes(stand, token) {
  const gemini = `${stand.edge}/${stand.proxies.gemini}/v1beta/models`;
  const body = `${gemini}/gemini-2.5-flash:generateContent?key=${token}`;
  return {
    "slow headers": ["-H", "-i", "2", "-u", `${gemini}?key=${token}`],
    "slow body": ["-B", "-i", "2", "-s", "8192", "-f", "application/json", "-u", body],
    ranges: ["-R", "-a", "5", "-b", "3000", "-u", `${gemini}?key=${token}`],
    "slow reading": ["-X", "-w", "1", "-y", "16", "-n", "2", "-z", "5", "-k", "5", "-u", `${gemini}?key=${token}`],
  };
}

async function attackedBy(attacks, settings, stand) {
  for (const [mode, options] of Object.entries(attacks)) {
    let run;
    for (let tries = 0; tries < TRIES && !(run?.not_counted === 0); tries += 1) run = { settings, mode, ...(await attacked(stand, options)) };
    figures.runs.push(run);
    if (run.bad > 0 || run.good === 0) figures.failures.push(`${settings}, ${mode}: ${run.bad} of ${run.bad + run.good} calls failed`);
  }
}

async function attacked(stand, options) {
  const token = await stand.token("bystander");
  const attack = spawn("slowhttptest", [...options, "-c", `${CONNECTIONS}`, "-r", "500", "-l", `${SECONDS}`, "-p", "3"], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const output of [attack.stdout, attack.stderr]) output.on("data", (chunk) => (said = (said + chunk).slice(-20_000)));
  let running = true;
  attack.once("exit", () => (running = false));
  const calls = { good: 0, bad: 0, slowest_ms: 0, not_counted: 0 };
  while (running) {
    const before = standstills;
    const call = await called(stand, token);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (standstills === before) count(call, calls);
    else calls.not_counted += 1;
  }
  return { ...calls, ...summary(said) };
}

/** A new connection each time: it is new ones that an attack of this kind keeps out. */
async function called(stand, token) {
  const began = performance.now();
  const status = await chat(stand, token).catch((error) => error.code ?? error.message);
  return { status, took: performance.now() - began };
}

function count({ status, took }, calls) {
  calls.slowest_ms = Math.max(calls.slowest_ms, Math.round(took));
  if (status === 200) calls.good += 1;
  else {
    calls.bad += 1;
    calls.last_failure = status;
  }
}

function chat(stand, token) {
  const url = new URL(`${stand.edge}/${stand.proxies.openai}/v1/chat/completions`);
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "still there?" }] });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST", headers, agent: new Agent({ keepAlive: false }), localAddress: "127.0.0.2", timeout: PATIENCE_MS });
    call.once("response", (response) => response.resume().once("end", () => resolve(response.statusCode)).once("error", reject));
    call.once("timeout", () => call.destroy(new Error("timed out")));
    call.once("error", reject).end(body);
  });
}

/** What the tool itself says at its end. */
function summary(said) {
  const plain = said.replace(/\u001b\[[0-9;]*m/g, "");
  const last = (name) => plain.match(new RegExp(`${name}:\\s+(\\S+)`, "g"))?.at(-1)?.replace(/^.*:\s+/, "");
  return { tool_says_available: last("service available"), held_at_the_end: Number(last("connected") ?? 0), closed: Number(last("closed") ?? 0), exit: plain.match(/Exit status: (.*)/)?.[1]?.trim() };
}
