//! Anthropic: anthropic_sdk_dart, SwiftAnthropic, the official Java and TypeScript clients, curl.
//! These clients add `/v1` themselves and send the key as `x-api-key`, where the edge takes the user's token too.

use super::{Place, Platform, TOKEN_HINT};
use crate::view::Snippet;

const FLUTTER: &str = r#"import "package:anthropic_sdk_dart/anthropic_sdk_dart.dart";

final client = AnthropicClient.withApiKey(
  userToken, // {token_hint}
  baseUrl: "{edge_url}",
);

final message = await client.messages.create(
  MessageCreateRequest(
    model: "claude-haiku-4-5",
    maxTokens: 256,
    messages: [InputMessage.user("Say hello")],
  ),
);
print(message.text);
"#;

const SWIFT: &str = r#"import SwiftAnthropic

let service = AnthropicServiceFactory.service(
    apiKey: userToken, // {token_hint}
    basePath: "{edge_url}",
    betaHeaders: nil
)

let parameter = MessageParameter(
    model: .other("claude-haiku-4-5"),
    messages: [.init(role: .user, content: .text("Say hello"))],
    maxTokens: 256
)
for try await event in try await service.streamMessage(parameter) {
    print(event.delta?.text ?? "", terminator: "")
}
"#;

const KOTLIN: &str = r#"import com.anthropic.client.okhttp.AnthropicOkHttpClient
import com.anthropic.models.messages.MessageCreateParams

val client = AnthropicOkHttpClient.builder()
    .apiKey(userToken) // {token_hint}
    .baseUrl("{edge_url}")
    .build()

val params = MessageCreateParams.builder()
    .model("claude-haiku-4-5")
    .maxTokens(256)
    .addUserMessage("Say hello")
    .build()
client.messages().createStreaming(params).use { response ->
    response.stream().forEach { event -> println(event) }
}
"#;

/// React Native's own fetch can't stream; Expo's can.
const REACT_NATIVE: &str = r#"import Anthropic from "@anthropic-ai/sdk";
import { fetch } from "expo/fetch";

const anthropic = new Anthropic({
  baseURL: "{edge_url}",
  apiKey: userToken, // {token_hint}
  dangerouslyAllowBrowser: true, // the provider's key is not in the app: this is a user's token
  fetch: fetch as unknown as typeof globalThis.fetch,
});

const stream = anthropic.messages.stream({
  model: "claude-haiku-4-5",
  max_tokens: 256,
  messages: [{ role: "user", content: "Say hello" }],
});
stream.on("text", (text) => console.log(text));
await stream.finalMessage();
"#;

const JAVASCRIPT: &str = r#"import Anthropic from "@anthropic-ai/sdk";

const anthropic = new Anthropic({
  baseURL: "{edge_url}",
  apiKey: userToken, // {token_hint}
  dangerouslyAllowBrowser: true, // the provider's key is not in the page: this is a user's token
});

const stream = anthropic.messages.stream({
  model: "claude-haiku-4-5",
  max_tokens: 256,
  messages: [{ role: "user", content: "Say hello" }],
});
stream.on("text", (text) => console.log(text));
await stream.finalMessage();
"#;

const CURL: &str = r#"# USER_TOKEN: {token_hint}
curl -N '{edge_url}/v1/messages' \
  -H "x-api-key: $USER_TOKEN" \
  -H "anthropic-version: 2023-06-01" \
  -H "Content-Type: application/json" \
  -d '{"model": "claude-haiku-4-5", "max_tokens": 256, "stream": true, "messages": [{"role": "user", "content": "Say hello"}]}'
"#;

pub(super) fn snippets(edge_url: &str) -> Vec<Snippet> {
    let places = [("{edge_url}", Place::Text(edge_url)), ("{token_hint}", Place::Code(TOKEN_HINT))];
    [
        (Platform::Flutter, "anthropic_sdk_dart", FLUTTER),
        (Platform::Swift, "SwiftAnthropic", SWIFT),
        (Platform::Kotlin, "anthropic-java", KOTLIN),
        (Platform::ReactNative, "@anthropic-ai/sdk", REACT_NATIVE),
        (Platform::JavaScript, "@anthropic-ai/sdk", JAVASCRIPT),
        (Platform::Curl, "", CURL),
    ]
    .into_iter()
    .map(|(platform, package, template)| platform.snippet(package, &platform.fill(template, &places)))
    .collect()
}
