// Prints, for each job on standard input, every event that an official SDK's stream gives, as one line of JSON.
// A job is `{"call": "chat", "base": "https://…", "key": "…"}`.
import { createInterface } from "node:readline";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const question = [{ role: "user", content: "Say hello to the world" }];

const CALLS = {
  chat: ({ base, key, usage }) =>
    openai(base, key).chat.completions.create({ model: "gpt-4o-mini", messages: question, stream: true, ...(usage && { stream_options: { include_usage: true } }) }),
  responses: ({ base, key }) => openai(base, key).responses.create({ model: "gpt-4o-mini", input: "Say hello to the world", stream: true }),
  // The provider itself wants the key in `x-api-key` only; through the edge the user's token goes where the SDK puts it.
  messages: ({ base, key, isProviderKey }) =>
    new Anthropic({ baseURL: base, maxRetries: 0, apiKey: key, ...(isProviderKey && { defaultHeaders: { authorization: null, "x-api-key": key } }) })
      .messages.create({ model: "claude-haiku-4-5", max_tokens: 200, messages: question, stream: true }),
  generate: ({ base, key }) =>
    new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: base } }).models.generateContentStream({ model: "gemini-2.5-flash", contents: "Say hello to the world" }),
};

function openai(base, key) {
  return new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0 });
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  const events = [];
  let error = null;
  try {
    for await (const event of await CALLS[job.call](job)) {
      // The answer's headers are not a part of the stream.
      const { sdkHttpResponse, ...rest } = event;
      events.push(rest);
    }
  } catch (caught) {
    error = `${caught.constructor.name}: ${caught.message}`;
  }
  console.log(JSON.stringify({ events, error }));
}
