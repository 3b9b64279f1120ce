// What the SDK programs share: where to call, saying what was checked, and looking at what reached the provider.
// The SDK under test is given a base URL and a token, and nothing else.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

export const baseUrl = required("KEYWARD_BASE_URL");
export const token = required("KEYWARD_TOKEN");
/** Straight at the emulator there are no owners; through the edge there are. */
export const throughEdge = process.env.KEYWARD_THROUGH_EDGE === "1";
const witnessUrl = process.env.KEYWARD_WITNESS_URL;

export function required(name) {
  const value = process.env[name];
  assert(value, `${name} must be set`);
  return value;
}

let passed = 0;

/** Runs one named check; the first that fails ends the program. */
export async function check(name, body) {
  try {
    const value = await body();
    passed += 1;
    console.log(`ok ${passed} - ${name}`);
    return value;
  } catch (error) {
    console.error(`not ok - ${name}\n${error.stack ?? error}`);
    process.exit(1);
  }
}

export function finish() {
  console.log(`${passed} passed, 0 failed`);
}

/** The call is refused with exactly this SDK error, and the provider never hears of it. */
export async function denied(name, ErrorClass, status, call) {
  await check(name, async () => {
    const before = await seenByProvider();
    const error = await raised(call);
    assert(error instanceof ErrorClass, `wanted ${ErrorClass.name}, got ${describe(error)}`);
    assert.equal(error.status, status);
    assert.equal(await seenByProvider(), before, "the provider was called");
    assert(!String(error.message).includes(token), "the error repeats the token");
  });
}

export async function raised(call) {
  try {
    const value = await call();
    // A page or a raw response is an answer, too.
    return assert.fail(`was not refused: ${JSON.stringify(value).slice(0, 200)}`);
  } catch (error) {
    return error;
  }
}

/** How many requests reached the provider so far; constant where nobody watches. */
async function seenByProvider() {
  if (!witnessUrl) return 0;
  const answer = await fetch(witnessUrl);
  assert.equal(answer.status, 200, `the witness answered ${answer.status}`);
  return (await answer.json()).total;
}

function describe(error) {
  return `${error?.constructor?.name} (${error?.status ?? "no status"}): ${error?.message}`;
}

export async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

export function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
