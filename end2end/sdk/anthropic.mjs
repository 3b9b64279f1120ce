// The official `@anthropic-ai/sdk` npm package: messages, a stream, and a bad token.
import assert from "node:assert/strict";

import Anthropic, { AuthenticationError } from "@anthropic-ai/sdk";

import { baseUrl, check, collect, denied, finish, token } from "./checks.mjs";

const client = new Anthropic({ baseURL: baseUrl, apiKey: token });
const question = {
  model: "claude-haiku-4-5",
  max_tokens: 200,
  messages: [{ role: "user", content: "Say hello to the world" }],
};

const answer = await check("a message is answered with text and usage", async () => {
  const message = await client.messages.create(question);
  assert.equal(message.role, "assistant");
  assert.equal(message.content[0].type, "text");
  assert(message.content[0].text.length > 0);
  assert(message.usage.input_tokens > 0);
  assert(message.usage.output_tokens > 0);
  return message.content[0].text;
});

await check("a stream brings the events in order", async () => {
  const events = await collect(await client.messages.create({ ...question, stream: true }));
  const types = events.map((event) => event.type);
  assert.equal(types[0], "message_start");
  assert.equal(types.at(-1), "message_stop");
  assert(types.filter((type) => type === "content_block_delta").length > 1);
});

await check("the streamed text is the same, and the final message has its usage", async () => {
  const stream = client.messages.stream(question);
  const message = await stream.finalMessage();
  assert.equal(await stream.finalText(), answer);
  assert(message.usage.output_tokens > 0);
});

await check("models are listed", async () => {
  assert((await collect(client.models.list())).length > 0);
});

await denied("a bad token raises AuthenticationError", AuthenticationError, 401, () =>
  new Anthropic({ baseURL: baseUrl, apiKey: "not-a-token" }).messages.create(question),
);

finish();
