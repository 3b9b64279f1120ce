// Official SDKs read the same streams directly and through the edge: every event must be the same, at any chunking.
// What the provider says is fixed, byte for byte, so that nothing but the edge can make a difference.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { startStand } from "./stand.mjs";
import { STREAMS } from "./stream-texts.mjs";

const [standProgram, sdkFolder, python] = process.argv.slice(2);
/** Bytes at a time, a millisecond apart; none: as it comes. */
const CHUNKINGS = [1, 3, 17, 64, undefined];
/** Byte by byte takes seconds for each kilobyte. */
const SHORT_BYTES = 1_000;
const PROVIDERS = { chat: "openai", responses: "openai", messages: "anthropic", generate: "gemini" };
const PATHS = {
  chat: "/v1/chat/completions", responses: "/v1/responses", messages: "/v1/messages", generate: "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
};

const figures = { streams: 0, events: 0, by_sdk: {}, failures: [] };
const stand = await startStand(standProgram);
const readers = {
  "JavaScript SDKs": reader(process.execPath, [`${sdkFolder}/stream-events.mjs`]),
  "openai for Python": reader(python, [`${sdkFolder}/stream_events.py`]),
};
try {
  const token = await stand.token("reader");
  for (const { name, call, text } of STREAMS) {
    for (const bytes of CHUNKINGS.filter((bytes) => bytes !== 1 || text.length < SHORT_BYTES)) {
      await arm(PROVIDERS[call], PATHS[call], text, bytes);
      for (const [sdk, read] of Object.entries(readers)) {
        if (sdk === "openai for Python" && PROVIDERS[call] !== "openai") continue;
        await compare(`${sdk}, ${name}, ${bytes ? `${bytes} bytes at a time` : "whole"}`, sdk, read, { call, token });
      }
    }
  }
  await fetch(`${stand.emulator}/_faults`, { method: "DELETE" });
  await usageStaysHidden(token);
} finally {
  Object.values(readers).forEach((read) => read.end());
  await stand.stop();
}
console.log(JSON.stringify(figures, null, 1));
process.exitCode = figures.failures.length === 0 && figures.streams > 0 ? 0 : 1;

function reader(program, args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async (job) => {
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const line = await lines.next();
    if (line.done) throw new Error(`${args[0]} ended`);
    return JSON.parse(line.value);
  };
  read.end = () => child.stdin.end();
  return read;
}

async function arm(provider, path, body, bytes) {
  await fetch(`${stand.emulator}/_faults`, { method: "DELETE" });
  const fault = { path_prefix: `/${provider}${path}`, body, headers: { "content-type": "text/event-stream" }, ...(bytes && { trickle: { bytes, every_ms: 1 } }) };
  const answer = await fetch(`${stand.emulator}/_faults`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fault) });
  if (!answer.ok) throw new Error(await answer.text());
}

function jobs({ call, token }) {
  const provider = PROVIDERS[call];
  return [
    { call, base: `${stand.emulator}/${provider}`, key: stand.key, isProviderKey: true },
    { call, base: `${stand.edge}/${stand.proxies[provider]}`, key: token },
  ];
}

async function compare(what, sdk, read, asked) {
  const [direct, through] = await Promise.all(jobs(asked).map(async (job) => read(job)));
  figures.streams += 1;
  figures.events += direct.events.length;
  figures.by_sdk[sdk] = (figures.by_sdk[sdk] ?? 0) + 1;
  if (direct.events.length === 0) figures.failures.push(`${what}: the SDK read nothing, even directly: ${direct.error}`);
  else if (JSON.stringify(direct) !== JSON.stringify(through)) {
    const at = direct.events.findIndex((event, index) => JSON.stringify(event) !== JSON.stringify(through.events[index]));
    figures.failures.push(`${what}: event ${at}: ${JSON.stringify(direct.events[at])} became ${JSON.stringify(through.events[at])}; ${direct.error} became ${through.error}`);
  }
}

/** A chat stream whose figures the edge asked for: all that is left of that is `usage: null`, which the provider adds. */
async function usageStaysHidden(token) {
  const [direct, through] = await Promise.all(jobs({ call: "chat", token }).map((job) => readers["JavaScript SDKs"](job)));
  const plain = ({ id, created, usage, ...rest }) => (usage === null || usage === undefined ? rest : { ...rest, usage });
  figures.streams += 1;
  if (JSON.stringify(direct.events.map(plain)) !== JSON.stringify(through.events.map(plain))) figures.failures.push("the emulator's own chat stream differs");
}
