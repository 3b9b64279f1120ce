//! OpenAI, and all who speak its language: dart_openai, MacPaw/OpenAI, openai-kotlin, the official `openai` package, curl.

use url::Url;

use super::{Place, Platform, TOKEN_HINT};
use crate::provider::OpenAiSdk;
use crate::view::Snippet;

/// dart_openai adds `/v1` itself; where an API has none, plain HTTP is left.
const FLUTTER: &str = r#"import "package:dart_openai/dart_openai.dart";

OpenAI.baseUrl = "{before_v1}";
// {token_hint}
OpenAI.apiKey = userToken;

final stream = OpenAI.instance.chat.createStream(
  model: "{model}",
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

const FLUTTER_HTTP: &str = r#"import "dart:convert";
import "package:http/http.dart" as http;

final reply = await http.post(
  Uri.parse("{base_url}/chat/completions"),
  headers: {
    "Authorization": "Bearer $userToken", // {token_hint}
    "Content-Type": "application/json",
  },
  body: jsonEncode({
    "model": "{model}",
    "messages": [
      {"role": "user", "content": "Say hello"},
    ],
  }),
);
print(jsonDecode(reply.body)["choices"][0]["message"]["content"]);
"#;

const SWIFT: &str = r#"import OpenAI

let openAI = OpenAI(configuration: .init(
    token: userToken, // {token_hint}
    {host_and_path}{parsing}
))

let query = ChatQuery(
    messages: [.user(.init(content: .string("Say hello")))],
    model: "{model}"
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
    host = OpenAIHost(baseUrl = "{base_url}/"),
)

val request = ChatCompletionRequest(
    model = ModelId("{model}"),
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
  baseURL: "{base_url}",
  apiKey: userToken, // {token_hint}
  dangerouslyAllowBrowser: true, // the provider's key is not in the app: this is a user's token
  fetch: fetch as unknown as typeof globalThis.fetch,
});

const stream = await openai.chat.completions.create({
  model: "{model}",
  messages: [{ role: "user", content: "Say hello" }],
  stream: true,
});
for await (const part of stream) {
  console.log(part.choices[0]?.delta?.content ?? "");
}
"#;

const JAVASCRIPT: &str = r#"import OpenAI from "openai";

const openai = new OpenAI({
  baseURL: "{base_url}",
  apiKey: userToken, // {token_hint}
  dangerouslyAllowBrowser: true, // the provider's key is not in the page: this is a user's token
});

const stream = await openai.chat.completions.create({
  model: "{model}",
  messages: [{ role: "user", content: "Say hello" }],
  stream: true,
});
for await (const part of stream) {
  console.log(part.choices[0]?.delta?.content ?? "");
}
"#;

const CURL: &str = r#"# USER_TOKEN: {token_hint}
curl -N '{base_url}/chat/completions' \
  -H "Authorization: Bearer $USER_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"model": "{model}", "stream": true, "messages": [{"role": "user", "content": "Say hello"}]}'
"#;

pub(super) fn snippets(edge_url: &str, sdk: &OpenAiSdk, is_openai: bool) -> Vec<Snippet> {
    let base_url = format!("{edge_url}{}", sdk.path);
    let host_and_path = swift_host_and_path(&base_url);
    let before_v1 = base_url.strip_suffix("/v1");
    let places = [
        ("{before_v1}", Place::Text(before_v1.unwrap_or_default())),
        ("{base_url}", Place::Text(&base_url)),
        ("{model}", Place::Text(&sdk.model)),
        ("{token_hint}", Place::Code(TOKEN_HINT)),
        ("{host_and_path}", Place::Code(&host_and_path)),
        // Others leave out members that OpenAI always sends.
        ("{parsing}", Place::Code(if is_openai { "" } else { ", parsingOptions: .relaxed" })),
    ];
    let flutter = if before_v1.is_some() { ("dart_openai", FLUTTER) } else { ("http", FLUTTER_HTTP) };
    [
        (Platform::Flutter, flutter.0, flutter.1),
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
    format!("host: \"{host}\"{port}{scheme}, basePath: \"{}\"", url.path().trim_end_matches('/'))
}
