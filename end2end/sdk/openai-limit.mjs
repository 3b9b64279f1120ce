// At the limit of requests the official `openai` npm package raises RateLimitError and is told when to come back.
import assert from "node:assert/strict";

import OpenAI, { RateLimitError } from "openai";

import { baseUrl, check, denied, finish, raised, required, token } from "./checks.mjs";

const limit = Number(required("KEYWARD_LIMIT"));
const client = new OpenAI({ baseURL: baseUrl, apiKey: token, maxRetries: 0 });
const other = new OpenAI({ baseURL: baseUrl, apiKey: required("KEYWARD_TOKEN_OTHER"), maxRetries: 0 });

for (let n = 1; n <= limit; n += 1) {
  await check(`request ${n} of ${limit} passes`, () => client.models.list());
}
await denied("the next one raises RateLimitError", RateLimitError, 429, () => client.models.list());
await check("the refusal says when to come back", async () => {
  const { headers, code } = await raised(() => client.models.list());
  const seconds = Number(headers.get("retry-after"));
  assert(Number.isInteger(seconds) && seconds > 0, `Retry-After: ${headers.get("retry-after")}`);
  assert(code, "the error has a code");
});
await check("another user is not held back by it", () => other.models.list());

finish();
