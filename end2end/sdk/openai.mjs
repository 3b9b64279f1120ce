// The official `openai` npm package does one user's everyday work.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import OpenAI, { AuthenticationError, toFile } from "openai";

import { baseUrl, check, collect, denied, finish, sha256, token } from "./checks.mjs";

const client = new OpenAI({ baseURL: baseUrl, apiKey: token });
const question = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello to the world" }] };

const answer = await check("chat answers with text and usage", async () => {
  const completion = await client.chat.completions.create(question);
  assert.equal(completion.object, "chat.completion");
  assert(completion.choices[0].message.content.length > 0);
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert(completion.usage.prompt_tokens > 0);
  assert(completion.usage.completion_tokens > 0);
  return completion.choices[0].message.content;
});

await check("a streamed chat arrives in several events that make the same text", async () => {
  const chunks = await collect(await client.chat.completions.create({ ...question, stream: true }));
  const text = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
  assert(chunks.length > 2);
  assert.equal(text, answer);
  assert.equal(chunks.findLast((chunk) => chunk.choices.length > 0).choices[0].finish_reason, "stop");
  assert(chunks.every((chunk) => !chunk.usage), "usage that was not asked for is not shown");
});

await check("a streamed chat shows the usage when it is asked for", async () => {
  const stream = await client.chat.completions.create({
    ...question,
    stream: true,
    stream_options: { include_usage: true },
  });
  const last = (await collect(stream)).at(-1);
  assert.deepEqual(last.choices, []);
  assert(last.usage.total_tokens > 0);
});

await check("embeddings come back one for each input, all of one length", async () => {
  const { data } = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
  assert.deepEqual(data.map((item) => item.index), [0, 1]);
  assert(data[0].embedding.length > 1);
  assert.equal(data[0].embedding.length, data[1].embedding.length);
  assert(data[0].embedding.every(Number.isFinite));
});

await check("models are listed", async () => {
  const models = await collect(client.models.list());
  assert(models.some((model) => model.id === "gpt-4o-mini"));
});

const contents = randomBytes(200_000);
const file = await check("a file is uploaded", async () => {
  const uploaded = await client.files.create({ file: await toFile(contents, "noise.bin"), purpose: "user_data" });
  assert.match(uploaded.id, /^file-/);
  assert.equal(uploaded.bytes, contents.length);
  return uploaded;
});

await check("the file is read, and is in the list", async () => {
  assert.equal((await client.files.retrieve(file.id)).filename, "noise.bin");
  const listed = await collect(client.files.list());
  assert.equal(listed.filter((item) => item.id === file.id).length, 1);
});

await check("the file downloads byte for byte", async () => {
  const downloaded = Buffer.from(await (await client.files.content(file.id)).arrayBuffer());
  assert.equal(sha256(downloaded), sha256(contents));
});

await check("the file is deleted and gone from the list", async () => {
  assert.equal((await client.files.delete(file.id)).deleted, true);
  const listed = await collect(client.files.list());
  assert(!listed.some((item) => item.id === file.id));
});

const { threads } = client.beta;
const thread = await check("a thread is made, read and changed", async () => {
  const made = await threads.create({ messages: [{ role: "user", content: "First" }] });
  assert.match(made.id, /^thread_/);
  await threads.update(made.id, { metadata: { topic: "greeting" } });
  assert.equal((await threads.retrieve(made.id)).metadata.topic, "greeting");
  return made;
});

await check("messages are added, listed and read", async () => {
  const message = await threads.messages.create(thread.id, { role: "user", content: "Second" });
  const listed = await collect(threads.messages.list(thread.id, { order: "asc" }));
  assert.equal(listed.length, 2);
  assert.equal(listed[1].id, message.id);
  assert.equal((await threads.messages.retrieve(message.id, { thread_id: thread.id })).id, message.id);
});

await check("a run completes, with its steps, and answers in the thread", async () => {
  const run = await threads.runs.createAndPoll(thread.id, { assistant_id: "asst_demo" }, { pollIntervalMs: 20 });
  assert.equal(run.status, "completed");
  const steps = await collect(threads.runs.steps.list(run.id, { thread_id: thread.id }));
  assert(steps.length > 0);
  const listed = await collect(threads.messages.list(thread.id));
  assert(listed.some((message) => message.role === "assistant" && message.run_id === run.id));
});

await check("the thread is deleted", async () => {
  assert.equal((await threads.delete(thread.id)).deleted, true);
});

await denied("a bad token raises AuthenticationError", AuthenticationError, 401, () =>
  new OpenAI({ baseURL: baseUrl, apiKey: "not-a-token" }).chat.completions.create(question),
);

finish();
