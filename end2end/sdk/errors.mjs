// What the official SDKs make of every rejection of the edge: their own typed error, with our code, the request's id and
// the link to its explanation; a second try after Retry-After where one may help, and none where it can't.
// The rejections come from crates/domain/examples/rejections.rs, so that none is left out.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import Anthropic, * as anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, * as openai from "openai";

import { check, finish, rejections } from "./rejections.mjs";

const completion = { id: "c", object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "hi" } }] };
const message = { id: "m", type: "message", role: "assistant", content: [{ type: "text", text: "hi" }], usage: {} };

/** Answers the first call with the rejection, as the edge does, and all others as the provider would. */
let turn = { rejection: undefined, shape: "openai", calls: [] };
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const { rejection, shape, calls } = turn;
    calls.push(performance.now());
    const isRefused = calls.length === 1;
    const headers = { "content-type": "application/json", "x-request-id": "req-1" };
    if (shape === "anthropic") headers["request-id"] = "req-1";
    if (isRefused && rejection.retry_after_secs) headers["retry-after"] = String(rejection.retry_after_secs);
    if (isRefused && rejection.is_final) headers["x-should-retry"] = "false";
    response.writeHead(isRefused ? rejection.status : 200, headers);
    response.end(JSON.stringify(isRefused ? rejection.bodies[shape] : shape === "anthropic" ? message : completion));
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;

const question = { model: "m", messages: [{ role: "user", content: "hi" }] };
const askOpenAi = (maxRetries) => new OpenAI({ baseURL: base, apiKey: "t", maxRetries }).chat.completions.create(question);
const askAnthropic = (maxRetries) =>
  new Anthropic({ baseURL: base, apiKey: "t", maxRetries }).messages.create({ ...question, max_tokens: 5 });
const askGoogle = () =>
  new GoogleGenAI({ apiKey: "t", httpOptions: { baseUrl: base } }).models.generateContent({ model: "m", contents: "hi" });

/** The class that an SDK has for a status: Anthropic's knows more of them. */
function errorClass(sdk, status) {
  const classes = {
    400: sdk.BadRequestError,
    401: sdk.AuthenticationError,
    402: sdk.PaymentRequiredError,
    403: sdk.PermissionDeniedError,
    404: sdk.NotFoundError,
    409: sdk.ConflictError,
    408: sdk.RequestTimeoutError,
    413: sdk.ContentTooLargeError,
    429: sdk.RateLimitError,
    431: sdk.RequestHeaderFieldsTooLargeError,
    503: sdk.ServiceUnavailableError,
    504: sdk.GatewayTimeoutError,
  };
  return classes[status] ?? (status >= 500 ? sdk.InternalServerError : sdk.APIError);
}

/** These SDKs try again by themselves. */
const isRepeated = ({ status, is_final }) => !is_final && ([408, 409, 429].includes(status) || status >= 500);

async function refused(shape, rejection, call) {
  turn = { rejection, shape, calls: [] };
  try {
    await call();
  } catch (error) {
    return error;
  }
  return assert.fail("was not refused");
}

/** A call that may try once more: it does after the time that it was told, or does not. */
async function triesAgain(shape, rejection, call) {
  turn = { rejection, shape, calls: [] };
  const failed = await call().then(() => false, () => true);
  const [first, second] = turn.calls;
  assert.equal(turn.calls.length, isRepeated(rejection) ? 2 : 1, "number of calls");
  assert.equal(failed, !isRepeated(rejection));
  if (second && rejection.retry_after_secs) {
    const waited = (second - first) / 1_000;
    assert(waited > 0.9 * rejection.retry_after_secs, `came back after ${waited} s`);
  }
}

const link = (rejection) => `https://keyward.dev/docs/errors#${rejection.code}`;

for (const rejection of rejections()) {
  const name = `${rejection.code} (${rejection.status})`;
  await check(`openai raises its own error for ${name}`, async () => {
    const error = await refused("openai", rejection, () => askOpenAi(0));
    assert.equal(error.constructor, errorClass(openai, rejection.status));
    assert.equal(error.status, rejection.status);
    assert.equal(error.code, rejection.code);
    assert.equal(error.requestID, "req-1");
    assert.equal(error.error.doc_url, link(rejection));
    assert(error.message.includes(rejection.bodies.openai.error.message));
  });
  await check(`@anthropic-ai/sdk raises its own error for ${name}`, async () => {
    const error = await refused("anthropic", rejection, () => askAnthropic(0));
    assert.equal(error.constructor, errorClass(anthropic, rejection.status));
    assert.equal(error.status, rejection.status);
    assert.equal(error.requestID, "req-1");
    assert.equal(error.error.error.code, rejection.code);
    assert.equal(error.error.error.doc_url, link(rejection));
  });
  await check(`@google/genai raises ApiError for ${name}`, async () => {
    const error = await refused("google", rejection, askGoogle);
    assert(error instanceof ApiError);
    assert.equal(error.status, rejection.status);
    const { code, details } = JSON.parse(error.message).error;
    assert.equal(code, rejection.status);
    assert.equal(details[0].reason, rejection.code.toUpperCase());
    assert.deepEqual(details[0].metadata, { requestId: "req-1", docUrl: link(rejection) });
  });
  await check(`both SDKs that try again ${isRepeated(rejection) ? "do" : "don't"} after ${name}`, async () => {
    await triesAgain("openai", rejection, () => askOpenAi(1));
    await triesAgain("anthropic", rejection, () => askAnthropic(1));
  });
}

server.close();
finish();
