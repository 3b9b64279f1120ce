// Two users of one app, each with the official `openai` npm package: vector stores, conversations and large uploads.
import assert from "node:assert/strict";

import OpenAI, { NotFoundError, toFile } from "openai";

import { baseUrl, check, collect, denied, finish, required, throughEdge, token } from "./checks.mjs";

assert(throughEdge, "only the edge knows who owns what");
const alice = new OpenAI({ baseURL: baseUrl, apiKey: token });
const bob = new OpenAI({ baseURL: baseUrl, apiKey: required("KEYWARD_TOKEN_OTHER") });

const file = await check("alice uploads a file", async () =>
  alice.files.create({ file: await toFile(Buffer.from("the diary of alice"), "diary.txt"), purpose: "assistants" }),
);
const store = await check("alice makes a vector store and puts the file into it", async () => {
  const made = await alice.vectorStores.create({ name: "diaries" });
  await alice.vectorStores.files.createAndPoll(made.id, { file_id: file.id }, { pollIntervalMs: 20 });
  return made;
});
await check("alice searches it", async () => {
  const found = await collect(alice.vectorStores.search(store.id, { query: "diary" }));
  assert.equal(found[0].file_id, file.id);
});
await check("alice adds a batch of files", async () => {
  const batch = await alice.vectorStores.fileBatches.create(store.id, { file_ids: [file.id] });
  assert.equal(batch.file_counts.completed, 1);
});
const conversation = await check("alice begins a conversation and says something", async () => {
  const begun = await alice.conversations.create({ metadata: { topic: "hers" } });
  const item = { type: "message", role: "user", content: [{ type: "input_text", text: "Mine" }] };
  await alice.conversations.items.create(begun.id, { items: [item] });
  const items = await collect(alice.conversations.items.list(begun.id));
  assert.equal(items.length, 1);
  return begun;
});
await check("alice goes on in it", () =>
  alice.responses.create({ model: "gpt-4o-mini", input: "more", conversation: conversation.id }),
);
await check("alice uploads a large file in parts", async () => {
  const data = Buffer.from("in two parts");
  const upload = await alice.uploads.create({ bytes: data.length, filename: "large.txt", mime_type: "text/plain", purpose: "assistants" });
  const one = await alice.uploads.parts.create(upload.id, { data: await toFile(data.subarray(0, 6), "a") });
  const two = await alice.uploads.parts.create(upload.id, { data: await toFile(data.subarray(6), "b") });
  const done = await alice.uploads.complete(upload.id, { part_ids: [one.id, two.id] });
  assert.equal(await (await alice.files.content(done.file.id)).text(), "in two parts");
  await denied("bob can't read what it became", NotFoundError, 404, () => bob.files.content(done.file.id));
});

const foreign = {
  "read the vector store": () => bob.vectorStores.retrieve(store.id),
  "search the vector store": () => bob.vectorStores.search(store.id, { query: "diary" }),
  "list its files": () => bob.vectorStores.files.list(store.id),
  "read a file in it": () => bob.vectorStores.files.content(file.id, { vector_store_id: store.id }),
  "delete the vector store": () => bob.vectorStores.delete(store.id),
  "put the file into a store of his own": async () =>
    bob.vectorStores.create({ file_ids: [file.id] }),
  "search it through a response": () =>
    bob.responses.create({ model: "gpt-4o-mini", input: "x", tools: [{ type: "file_search", vector_store_ids: [store.id] }] }),
  "read the conversation": () => bob.conversations.retrieve(conversation.id),
  "list what was said": () => bob.conversations.items.list(conversation.id),
  "go on in the conversation": () =>
    bob.responses.create({ model: "gpt-4o-mini", input: "x", conversation: conversation.id }),
  "delete the conversation": () => bob.conversations.delete(conversation.id),
};
for (const [what, call] of Object.entries(foreign)) {
  await denied(`bob can't ${what}`, NotFoundError, 404, call);
}

await check("each lists vector stores of their own", async () => {
  const his = await bob.vectorStores.create({ name: "his" });
  const ids = async (client) => (await collect(client.vectorStores.list())).map((one) => one.id);
  assert.deepEqual(await ids(bob), [his.id]);
  assert.deepEqual(await ids(alice), [store.id]);
});
await check("alice deletes it, and it is gone", async () => {
  await alice.vectorStores.delete(store.id);
  await assert.rejects(alice.vectorStores.retrieve(store.id), NotFoundError);
});

finish();
