//! Gemini: the official `@google/genai` and `google-genai` (Java) clients, and plain HTTP on Flutter and Swift,
//! where Google's own packages have no setting for the base URL. The key goes into `x-goog-api-key`.

use super::{Place, Platform, TOKEN_HINT};
use crate::view::Snippet;

const FLUTTER: &str = r#"import "dart:convert";
import "package:http/http.dart" as http;

final reply = await http.post(
  Uri.parse("{edge_url}/v1beta/models/gemini-2.5-flash:generateContent"),
  headers: {
    "x-goog-api-key": userToken, // {token_hint}
    "Content-Type": "application/json",
  },
  body: jsonEncode({
    "contents": [
      {"parts": [{"text": "Say hello"}]},
    ],
  }),
);
print(jsonDecode(reply.body)["candidates"][0]["content"]["parts"][0]["text"]);
"#;

const SWIFT: &str = r#"import Foundation

var request = URLRequest(url: URL(string: "{edge_url}/v1beta/models/gemini-2.5-flash:generateContent")!)
request.httpMethod = "POST"
request.setValue(userToken, forHTTPHeaderField: "x-goog-api-key") // {token_hint}
request.setValue("application/json", forHTTPHeaderField: "Content-Type")
request.httpBody = try JSONSerialization.data(withJSONObject: [
    "contents": [["parts": [["text": "Say hello"]]]],
])
let (data, _) = try await URLSession.shared.data(for: request)
print(String(decoding: data, as: UTF8.self))
"#;

const KOTLIN: &str = r#"import com.google.genai.Client
import com.google.genai.types.HttpOptions

val client = Client.builder()
    .apiKey(userToken) // {token_hint}
    .httpOptions(HttpOptions.builder().baseUrl("{edge_url}").build())
    .build()

client.models.generateContentStream("gemini-2.5-flash", "Say hello", null).use { stream ->
    stream.forEach { part -> print(part.text() ?: "") }
}
"#;

const JAVASCRIPT: &str = r#"import { GoogleGenAI } from "@google/genai";

const ai = new GoogleGenAI({
  apiKey: userToken, // {token_hint}
  httpOptions: { baseUrl: "{edge_url}" },
});

const stream = await ai.models.generateContentStream({
  model: "gemini-2.5-flash",
  contents: "Say hello",
});
for await (const part of stream) {
  console.log(part.text);
}
"#;

/// Not streamed: the client has no setting for a fetch that can stream in React Native.
const REACT_NATIVE: &str = r#"import { GoogleGenAI } from "@google/genai";

const ai = new GoogleGenAI({
  apiKey: userToken, // {token_hint}
  httpOptions: { baseUrl: "{edge_url}" },
});

const reply = await ai.models.generateContent({
  model: "gemini-2.5-flash",
  contents: "Say hello",
});
console.log(reply.text);
"#;

const CURL: &str = r#"# USER_TOKEN: {token_hint}
curl -N '{edge_url}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse' \
  -H "x-goog-api-key: $USER_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"contents": [{"parts": [{"text": "Say hello"}]}]}'
"#;

pub(super) fn snippets(edge_url: &str) -> Vec<Snippet> {
    let places = [("{edge_url}", Place::Text(edge_url)), ("{token_hint}", Place::Code(TOKEN_HINT))];
    [
        (Platform::Flutter, "http", FLUTTER),
        (Platform::Swift, "URLSession", SWIFT),
        (Platform::Kotlin, "google-genai", KOTLIN),
        (Platform::ReactNative, "@google/genai", REACT_NATIVE),
        (Platform::JavaScript, "@google/genai", JAVASCRIPT),
        (Platform::Curl, "", CURL),
    ]
    .into_iter()
    .map(|(platform, package, template)| platform.snippet(package, &platform.fill(template, &places)))
    .collect()
}
