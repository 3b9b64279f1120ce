// Two users of one app, each with the official `@google/genai` npm package: a file is uploaded in steps, all of them
// through the edge, and is nobody else's.
import assert from "node:assert/strict";

import { ApiError, GoogleGenAI, createPartFromUri, createUserContent } from "@google/genai";

import { baseUrl, check, collect, denied, finish, required, throughEdge, token } from "./checks.mjs";

assert(throughEdge, "only the edge knows who owns what");
const alice = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl } });
const bob = new GoogleGenAI({ apiKey: required("KEYWARD_TOKEN_OTHER"), httpOptions: { baseUrl } });

const upload = (client, text) =>
  client.files.upload({ file: new Blob([text], { type: "application/json" }), config: { mimeType: "application/json" } });
const ask = (client, file) =>
  client.models.generateContent({
    model: "gemini-2.5-flash",
    contents: createUserContent([createPartFromUri(file.uri, file.mimeType), "What is in it?"]),
  });

const file = await check("alice uploads a file", () => upload(alice, '{"diary": 1}'));
await check("alice reads what is known of it", async () => {
  assert.equal((await alice.files.get({ name: file.name })).name, file.name);
});
await check("alice asks about it", () => ask(alice, file));
await denied("bob can't read it", ApiError, 404, () => bob.files.get({ name: file.name }));
await denied("bob can't ask about it", ApiError, 404, () => ask(bob, file));
await denied("bob can't delete it", ApiError, 404, () => bob.files.delete({ name: file.name }));
await check("each lists files of their own", async () => {
  const his = await upload(bob, "[]");
  const names = async (client) => (await collect(await client.files.list())).map((one) => one.name);
  assert.deepEqual(await names(bob), [his.name]);
  assert.deepEqual(await names(alice), [file.name]);
});
await check("alice deletes it, and it is gone", async () => {
  await alice.files.delete({ name: file.name });
  await assert.rejects(alice.files.get({ name: file.name }), ApiError);
});

finish();
