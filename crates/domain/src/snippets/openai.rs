//! OpenAI: dart_openai, MacPaw/OpenAI, openai-kotlin, the official `openai` package, curl.

use url::Url;

use super::{Place, Platform, TOKEN_HINT};
use crate::view::Snippet;

/// dart_openai adds `/v1` itself.
const FLUTTER: &str = r#"import "package:dart_openai/dart_openai.dart";

OpenAI.baseUrl = "{edge_url}";
// {token_hint}
OpenAI.apiKey = userToken;

final stream = OpenAI.instance.chat.createStream(
  model: "gpt-4o-mini",
  messages: [
    OpenAIChatCompletionChoiceMessageModel(
      role: OpenAIChatMessageRole.user,
      content: [
        OpenAIChatCompletionChoiceMessageContentItemModel.text("Say hello"),
      ],
    ),
  ],
);
await for (final event in stream) {
  print(event.choices.first.delta.content?.first?.text);
}
"#;

const SWIFT: &str = r#"import OpenAI

let openAI = OpenAI(configuration: .init(
    token: userToken, // {token_hint}
    {host_and_path}
))

let query = ChatQuery(
    messages: [.user(.init(content: .string("Say hello")))],
    model: "gpt-4o-mini"
)
for try await part in openAI.chatsStream(query: query) {
    print(part.choices.first?.delta.content ?? "", terminator: "")
}
"#;

/// The slash at the end matters: paths are resolved against it.
const KOTLIN: &str = r#"import com.aallam.openai.api.chat.*
import com.aallam.openai.api.model.ModelId
import com.aallam.openai.client.*

val openAI = OpenAI(
    token = userToken, // {token_hint}
    host = OpenAIHost(baseUrl = "{edge_url}/v1/"),
)

val request = ChatCompletionRequest(
    model = ModelId("gpt-4o-mini"),
    messages = listOf(ChatMessage(role = ChatRole.User, content = "Say hello")),
)
openAI.chatCompletions(request).collect { part ->
    print(part.choices.firstOrNull()?.delta?.content ?: "")
}
"#;

/// React Native's own fetch can't stream; Expo's can.
const REACT_NATIVE: &str = r#"import OpenAI from "openai";
import { fetch } from "expo/fetch";

const openai = new OpenAI({
  baseURL: "{edge_url}/v1",
  apiKey: userToken, // {token_hint}
  dangerouslyAllowBrowser: true, // the provider's key is not in the app: this is a user's token
  fetch: fetch as unknown as typeof globalThis.fetch,
});

const stream = await openai.chat.completions.create({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Say hello" }],
  stream: true,
});
for await (const part of stream) {
  console.log(part.choices[0]?.delta?.content ?? "");
}
"#;

const JAVASCRIPT: &str = r#"import OpenAI from "openai";

const openai = new OpenAI({
  baseURL: "{edge_url}/v1",
  apiKey: userToken, // {token_hint}
  dangerouslyAllowBrowser: true, // the provider's key is not in the page: this is a user's token
});

const stream = await openai.chat.completions.create({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Say hello" }],
  stream: true,
});
for await (const part of stream) {
  console.log(part.choices[0]?.delta?.content ?? "");
}
"#;

const CURL: &str = r#"# USER_TOKEN: {token_hint}
curl -N '{edge_url}/v1/chat/completions' \
  -H "Authorization: Bearer $USER_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "Say hello"}]}'
"#;

pub(super) fn snippets(edge_url: &str) -> Vec<Snippet> {
    let host_and_path = swift_host_and_path(edge_url);
    let places = [
        ("{edge_url}", Place::Text(edge_url)),
        ("{token_hint}", Place::Code(TOKEN_HINT)),
        ("{host_and_path}", Place::Code(&host_and_path)),
    ];
    [
        (Platform::Flutter, "dart_openai", FLUTTER),
        (Platform::Swift, "MacPaw/OpenAI", SWIFT),
        (Platform::Kotlin, "openai-kotlin", KOTLIN),
        (Platform::ReactNative, "openai", REACT_NATIVE),
        (Platform::JavaScript, "openai", JAVASCRIPT),
        (Platform::Curl, "", CURL),
    ]
    .into_iter()
    .map(|(platform, package, template)| platform.snippet(package, &platform.fill(template, &places)))
    .collect()
}

/// MacPaw's client takes the address in pieces.
fn swift_host_and_path(edge_url: &str) -> String {
    let Ok(url) = Url::parse(edge_url) else { return format!("host: \"{}\"", Platform::Swift.escaped(edge_url)) };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(", port: {port}")).unwrap_or_default();
    let scheme = if url.scheme() == "https" { String::new() } else { format!(", scheme: \"{}\"", url.scheme()) };
    format!("host: \"{host}\"{port}{scheme}, basePath: \"{}/v1\"", url.path().trim_end_matches('/'))
}
