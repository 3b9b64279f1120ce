// The official SDKs, each a program of its own that knows a base URL and a token, through the edge to the emulator.
import { randomBytes } from "node:crypto";

import { mintToken, mintWith, seenByProvider } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { runSdk } from "./programs.ts";
import { LIMIT, test } from "./workshop.ts";

async function twoUsers(): Promise<Record<string, string>> {
  const run = randomBytes(4).toString("hex");
  return {
    KEYWARD_TOKEN: await mintToken(`alice-${run}`),
    KEYWARD_TOKEN_OTHER: await mintToken(`bob-${run}`),
  };
}

async function passes(file: string, settings: Record<string, string>): Promise<void> {
  const { exitCode, output } = await runSdk(file, settings);
  expect(exitCode, output).toBe(0);
  expect(output).toMatch(/^[1-9]\d* passed, 0 failed$/m);
}

test("openai for JavaScript works with a user's token: chat, streams, embeddings, files, threads, runs", async ({ workshop }) => {
  await passes("openai.mjs", { KEYWARD_BASE_URL: `${workshop.openai.edgeUrl}/v1`, ...(await twoUsers()) });
});

test("openai for JavaScript: neither user can read, list, change or delete what is the other's, at any depth", async ({ workshop }) => {
  await passes("openai-isolation.mjs", { KEYWARD_BASE_URL: `${workshop.openai.edgeUrl}/v1`, ...(await twoUsers()) });
});

test("openai for JavaScript: vector stores, conversations and uploads are kept apart", async ({ workshop }) => {
  await passes("openai-objects.mjs", { KEYWARD_BASE_URL: `${workshop.openai.edgeUrl}/v1`, ...(await twoUsers()) });
});

test("@google/genai uploads a file through the edge, and keeps two users apart", async ({ workshop }) => {
  await passes("genai-files.mjs", { KEYWARD_BASE_URL: workshop.gemini.edgeUrl, ...(await twoUsers()) });
});

test("openai for JavaScript raises RateLimitError at the limit, with Retry-After", async ({ workshop }) => {
  await passes("openai-limit.mjs", {
    KEYWARD_BASE_URL: `${workshop.limited.edgeUrl}/v1`,
    KEYWARD_LIMIT: String(LIMIT),
    ...(await twoUsers()),
  });
});

test("openai for Python works with a user's token, and keeps two users apart", async ({ workshop }) => {
  await passes("openai_sdk.py", { KEYWARD_BASE_URL: `${workshop.openai.edgeUrl}/v1`, ...(await twoUsers()) });
});

test("openai for Python raises RateLimitError at the limit, with Retry-After", async ({ workshop }) => {
  await passes("openai_sdk.py", {
    KEYWARD_BASE_URL: `${workshop.limited.edgeUrl}/v1`,
    KEYWARD_LIMIT: String(LIMIT),
    ...(await twoUsers()),
  });
});

test("@anthropic-ai/sdk works with a user's token: messages and streams", async ({ workshop }) => {
  await passes("anthropic.mjs", { KEYWARD_BASE_URL: workshop.anthropic.edgeUrl, ...(await twoUsers()) });
});

test("@google/genai works with a user's token: generate, and generate as a stream", async ({ workshop }) => {
  await passes("genai.mjs", { KEYWARD_BASE_URL: workshop.gemini.edgeUrl, ...(await twoUsers()) });
});

const badTokens = {
  "no token at all": async () => undefined,
  "a token that is none": async () => "not-a-token",
  "an expired token": async () => mintWith({ ttl_secs: -3_600 }),
  "a token signed by a stranger's key": async () => mintWith({ sign_with: "unknown_key" }),
  "an unsigned token": async () => mintWith({ alg: "none" }),
  "a token for another audience": async () => mintWith({ claims: { aud: "another-app" } }),
  "a token of another issuer": async () => mintWith({ claims: { iss: "https://id.example.com" } }),
  "a token without a subject": async () => mintWith({ claims: { sub: null } }),
};
for (const [what, make] of Object.entries(badTokens)) {
  test(`refuses ${what} with 401, and the provider hears nothing`, async ({ workshop }) => {
    const token = await make();
    const before = await seenByProvider();
    const answer = await fetch(`${workshop.openai.edgeUrl}/v1/models`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(401);
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    expect(error.code).toBeTruthy();
    expect(error.message).toBeTruthy();
    if (token !== undefined) expect(error.message).not.toContain(token);
    expect(await seenByProvider()).toBe(before);
  });
}

const badPaths = {
  "an unknown slug": { path: "/zzzzzzzzzzzzzzzz/v1/models", method: "GET", status: 404, ofProxy: false },
  "a path without a rule": { path: "/v1/organization/users", method: "GET", status: 403, ofProxy: true },
  "a method without a rule": { path: "/v1/models/gpt-4o-mini", method: "DELETE", status: 403, ofProxy: true },
  "an encoded slash": { path: "/v1/files/..%2Fmodels", method: "GET", status: 400, ofProxy: true },
  "a doubled slash": { path: "/v1//models", method: "GET", status: 400, ofProxy: true },
};
for (const [what, { path, method, status, ofProxy }] of Object.entries(badPaths)) {
  test(`refuses ${what} with ${status}, and the provider hears nothing`, async ({ workshop }) => {
    const token = await mintToken("wanderer");
    const before = await seenByProvider();
    const base = ofProxy ? workshop.openai.edgeUrl : new URL(workshop.openai.edgeUrl).origin;
    const answer = await fetch(`${base}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
    expect(answer.status, await answer.text()).toBe(status);
    expect(await seenByProvider()).toBe(before);
  });
}
