// Streams as providers send them, and as the standard allows them to.

const sse = (events, end = "\n") => events.map((event) => `${event.split("\n").join(end)}${end}${end}`).join("");
const data = (value) => `data: ${JSON.stringify(value)}`;
const named = (value) => `event: ${value.type}\n${data(value)}`;

const WORDS = ["Hello", ", ", "wörld", " 👋🏽", " \u2028", "\n", "data: [DONE]\n\n", "\\u0000"];

const chunk = (delta, finish_reason = null, more = {}) => ({
  id: "chatcmpl-1", object: "chat.completion.chunk", created: 1767225600, model: "gpt-4o-mini", choices: [{ index: 0, delta, logprobs: null, finish_reason }], ...more,
});
const chat = [
  data(chunk({ role: "assistant", content: "" })),
  ...WORDS.map((content) => data(chunk({ content }))),
  data(chunk({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "f", arguments: "{\"a\":" } }] })),
  data(chunk({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] })),
  data(chunk({}, "tool_calls")),
  "data: [DONE]",
];

const response = { id: "resp_1", object: "response", created_at: 1767225600, status: "in_progress", model: "gpt-4o-mini", output: [] };
const item = { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] };
const responses = [
  { type: "response.created", response },
  { type: "response.in_progress", response },
  { type: "response.output_item.added", output_index: 0, item },
  ...WORDS.map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta })),
  { type: "response.a_kind_of_tomorrow", anything: [1, 2.50, { deep: null }] },
  { type: "response.completed", response: { ...response, status: "completed", usage: { input_tokens: 5, output_tokens: 8, total_tokens: 13 } } },
].map((event, sequence_number) => named({ ...event, sequence_number }));

const messages = [
  { type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "claude-haiku-4-5", content: [], stop_reason: null, usage: { input_tokens: 5, output_tokens: 1 } } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "ping" },
  ...WORDS.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 8 } },
  { type: "message_stop" },
].map(named);
const overloaded = named({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } });

const piece = (text, more = {}) => ({ candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0, ...more }], usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 1, totalTokenCount: 6 }, modelVersion: "gemini-2.5-flash" });
const generate = [...WORDS.map((text) => data(piece(text))), data(piece("", { finishReason: "STOP" }))];

export const STREAMS = [
  { name: "chat", call: "chat", text: sse(chat) },
  { name: "chat with CR LF and comments", call: "chat", text: `: keep-alive\r\n\r\n${sse(chat, "\r\n")}` },
  { name: "chat that breaks off within an event", call: "chat", text: sse(chat).slice(0, 900) },
  { name: "chat with data over several lines", call: "chat", text: sse(chat.map((event) => event.replace('"object"', '\ndata: "object"'))) },
  { name: "chat with an error in it", call: "chat", text: sse([chat[0], chat[1], data({ error: { message: "The server had an error", type: "server_error", code: null, param: null } })]) },
  { name: "responses", call: "responses", text: sse(responses) },
  { name: "responses with CR LF", call: "responses", text: sse(responses, "\r\n") },
  { name: "messages", call: "messages", text: sse(messages) },
  { name: "messages with an error in it", call: "messages", text: sse([...messages.slice(0, 5), overloaded]) },
  { name: "generate", call: "generate", text: sse(generate) },
  { name: "generate with CR LF", call: "generate", text: sse(generate, "\r\n") },
];
