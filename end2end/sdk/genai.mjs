// The official `@google/genai` npm package: generate, generate as a stream, and a bad token.
import assert from "node:assert/strict";

import { ApiError, GoogleGenAI } from "@google/genai";

import { baseUrl, check, collect, denied, finish, token } from "./checks.mjs";

const client = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl } });
const question = { model: "gemini-2.5-flash", contents: "Say hello to the world" };

const answer = await check("content is generated, with usage", async () => {
  const reply = await client.models.generateContent(question);
  assert(reply.text.length > 0);
  assert(reply.usageMetadata.promptTokenCount > 0);
  assert(reply.usageMetadata.candidatesTokenCount > 0);
  return reply.text;
});

await check("a stream brings the same text in several pieces", async () => {
  const pieces = await collect(await client.models.generateContentStream(question));
  assert(pieces.length > 1);
  assert.equal(pieces.map((piece) => piece.text ?? "").join(""), answer);
  assert(pieces.at(-1).usageMetadata.totalTokenCount > 0);
});

await denied("a bad token raises ApiError", ApiError, 401, () =>
  new GoogleGenAI({ apiKey: "not-a-token", httpOptions: { baseUrl } }).models.generateContent(question),
);

finish();
