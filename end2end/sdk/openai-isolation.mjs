// Two users of one app, each with the official `openai` npm package: what one made does not exist for the other.
import assert from "node:assert/strict";

import OpenAI, { NotFoundError, toFile } from "openai";

import { baseUrl, check, collect, denied, finish, required, throughEdge, token } from "./checks.mjs";

assert(throughEdge, "only the edge knows who owns what");
const alice = new OpenAI({ baseURL: baseUrl, apiKey: token });
const bob = new OpenAI({ baseURL: baseUrl, apiKey: required("KEYWARD_TOKEN_OTHER") });
const hers = alice.beta.threads;
const his = bob.beta.threads;

const secret = Buffer.from("what alice alone may read");
const file = await check("alice uploads a file", async () =>
  alice.files.create({ file: await toFile(secret, "diary.txt"), purpose: "user_data" }),
);
const thread = await check("alice makes a thread", () => hers.create({ messages: [{ role: "user", content: "Mine" }] }));
const [message] = await check("alice lists her messages", () => collect(hers.messages.list(thread.id)));
const run = await check("alice runs an assistant in it", () =>
  hers.runs.createAndPoll(thread.id, { assistant_id: "asst_demo" }, { pollIntervalMs: 20 }),
);
const [step] = await check("alice lists the run's steps", () =>
  collect(hers.runs.steps.list(run.id, { thread_id: thread.id })),
);
const own = await check("bob makes a thread and a file of his own", async () => ({
  thread: await his.create({}),
  file: await bob.files.create({ file: await toFile(Buffer.from("bob's"), "his.txt"), purpose: "user_data" }),
}));

const inHers = { thread_id: thread.id };
const foreign = {
  "read the file": () => bob.files.retrieve(file.id),
  "download the file": () => bob.files.content(file.id),
  "delete the file": () => bob.files.delete(file.id),
  "read the thread": () => his.retrieve(thread.id),
  "change the thread": () => his.update(thread.id, { metadata: { owner: "bob" } }),
  "delete the thread": () => his.delete(thread.id),
  "list the messages": () => his.messages.list(thread.id),
  "read a message": () => his.messages.retrieve(message.id, inHers),
  "add a message": () => his.messages.create(thread.id, { role: "user", content: "From bob" }),
  "change a message": () => his.messages.update(message.id, { ...inHers, metadata: { by: "bob" } }),
  "delete a message": () => his.messages.delete(message.id, inHers),
  "list the runs": () => his.runs.list(thread.id),
  "read a run": () => his.runs.retrieve(run.id, inHers),
  "start a run": () => his.runs.create(thread.id, { assistant_id: "asst_demo" }),
  "cancel a run": () => his.runs.cancel(run.id, inHers),
  "answer a run's tool call": () =>
    his.runs.submitToolOutputs(run.id, { ...inHers, tool_outputs: [{ tool_call_id: "call_1", output: "{}" }] }),
  "list a run's steps": () => his.runs.steps.list(run.id, inHers),
  "read a run's step": () => his.runs.steps.retrieve(step.id, { ...inHers, run_id: run.id }),
  "attach the file to a message of his own": () =>
    his.messages.create(own.thread.id, {
      role: "user",
      content: "Read this",
      attachments: [{ file_id: file.id, tools: [{ type: "file_search" }] }],
    }),
  "start a thread that names the file": () =>
    his.create({ messages: [{ role: "user", content: [{ type: "image_file", image_file: { file_id: file.id } }] }] }),
  "send the file with a chat": () =>
    bob.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: [{ type: "file", file: { file_id: file.id } }] }],
    }),
};
for (const [deed, call] of Object.entries(foreign)) {
  await denied(`bob can't ${deed}`, NotFoundError, 404, call);
}

await check("bob's list of files holds only his own", async () => {
  assert.deepEqual((await collect(bob.files.list())).map((item) => item.id), [own.file.id]);
});

await check("a file that nobody made and a foreign one are refused in the same words", async () => {
  const words = async (id) => {
    const error = await bob.files.retrieve(id).then(() => assert.fail("was not refused"), (refusal) => refusal);
    const { request_id: _, ...rest } = error.error;
    return JSON.stringify(rest).replaceAll(id, "ID");
  };
  assert.equal(await words(file.id), await words("file-0000000000000000000000"));
});

await check("all that is alice's is still there, unchanged", async () => {
  assert.equal(await (await alice.files.content(file.id)).text(), secret.toString());
  assert.deepEqual((await hers.retrieve(thread.id)).metadata ?? {}, {});
  const messages = await collect(hers.messages.list(thread.id));
  assert(messages.every((item) => !JSON.stringify(item).includes("bob")));
});

await check("alice deletes her file and it is gone for her too", async () => {
  assert.equal((await alice.files.delete(file.id)).deleted, true);
});
await denied("a deleted file is not found", NotFoundError, 404, () => alice.files.retrieve(file.id));

finish();
