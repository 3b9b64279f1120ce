//! A provider whose SDK has no setting for its address: plain HTTP, with the user's token where its SDK puts the key.

use super::{Place, Platform, TOKEN_HINT};
use crate::provider::{KeyPlacement, TestRequest};
use crate::view::Snippet;

const FLUTTER: &str = r#"import "package:http/http.dart" as http;

final request = http.Request("{method}", Uri.parse("{url}{in_query}"));
// userToken: {token_hint}
{headers}{body}final reply = await http.Response.fromStream(await request.send());
print(reply.body);
"#;

const SWIFT: &str = r#"import Foundation

var request = URLRequest(url: URL(string: "{url}{in_query}")!)
request.httpMethod = "{method}"
// userToken: {token_hint}
{headers}{body}let (data, _) = try await URLSession.shared.data(for: request)
print(String(decoding: data, as: UTF8.self))
"#;

const KOTLIN: &str = r#"import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody

val request = Request.Builder()
    .url("{url}{in_query}")
    .method("{method}", {body})
    // userToken: {token_hint}
{headers}    .build()
OkHttpClient().newCall(request).execute().use { reply -> println(reply.body?.string()) }
"#;

const JAVASCRIPT: &str = r#"// userToken: {token_hint}
const reply = await fetch(`{url}{in_query}`, {
  method: "{method}",
{headers}{body}});
console.log(await reply.text());
"#;

const CURL: &str = r#"# USER_TOKEN: {token_hint}
curl -X {method} '{url}'{in_query}{headers}{body}
"#;

pub(super) fn snippets(edge_url: &str, example: &TestRequest, placement: &KeyPlacement) -> Vec<Snippet> {
    let url = format!("{edge_url}{}", example.path);
    let example = Example { example, placement, url: &url };
    [
        (Platform::Flutter, "http", FLUTTER),
        (Platform::Swift, "URLSession", SWIFT),
        (Platform::Kotlin, "OkHttp", KOTLIN),
        (Platform::ReactNative, "fetch", JAVASCRIPT),
        (Platform::JavaScript, "fetch", JAVASCRIPT),
        (Platform::Curl, "", CURL),
    ]
    .into_iter()
    .map(|(platform, package, template)| platform.snippet(package, &example.code(platform, template)))
    .collect()
}

struct Example<'a> {
    example: &'a TestRequest,
    placement: &'a KeyPlacement,
    url: &'a str,
}

impl Example<'_> {
    fn code(&self, platform: Platform, template: &str) -> String {
        let headers: String = self.headers().iter().map(|(name, value)| header(platform, name, value)).collect();
        let headers = match platform {
            Platform::ReactNative | Platform::JavaScript if !headers.is_empty() => {
                format!("  headers: {{\n{headers}  }},\n")
            }
            Platform::ReactNative
            | Platform::JavaScript
            | Platform::Flutter
            | Platform::Swift
            | Platform::Kotlin
            | Platform::Curl => headers,
        };
        let (body, in_query) = (self.body(platform), self.in_query(platform));
        let places = [
            ("{method}", Place::Text(&self.example.method)),
            ("{token_hint}", Place::Code(TOKEN_HINT)),
            ("{headers}", Place::Code(&headers)),
            ("{body}", Place::Code(&body)),
            ("{in_query}", Place::Code(&in_query)),
            ("{url}", Place::Text(self.url)),
        ];
        platform.fill(template, &places)
    }

    /// Name and value; in a value, `{}` is the user's token.
    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = match self.placement {
            KeyPlacement::Bearer => vec![("Authorization".to_owned(), "Bearer {}".to_owned())],
            KeyPlacement::Header { name, prefix } if name == "authorization" => {
                vec![("Authorization".to_owned(), format!("{prefix}{{}}"))]
            }
            KeyPlacement::Header { name, prefix } => vec![(name.clone(), format!("{prefix}{{}}"))],
            KeyPlacement::Query { .. } => Vec::new(),
        };
        headers.extend(self.example.body.is_some().then(|| ("Content-Type".to_owned(), "application/json".to_owned())));
        headers.extend(self.example.headers.iter().cloned());
        headers
    }

    fn in_query(&self, platform: Platform) -> String {
        let KeyPlacement::Query { name } = self.placement else { return String::new() };
        let sign = if self.url.contains('?') { '&' } else { '?' };
        let parameter = format!("{sign}{name}={}", token_in_text(platform));
        match platform {
            Platform::Curl => format!("\"{parameter}\""),
            Platform::Flutter | Platform::Swift | Platform::Kotlin | Platform::ReactNative | Platform::JavaScript => {
                parameter
            }
        }
    }

    fn body(&self, platform: Platform) -> String {
        let json = self.example.body.as_ref().map(ToString::to_string);
        let text = json.as_deref().map(|json| platform.escaped(json));
        match (platform, text) {
            (Platform::Kotlin, None) if self.example.method == "GET" => "null".to_owned(),
            (Platform::Kotlin, text) => format!("\"{}\".toRequestBody()", text.unwrap_or_default()),
            (Platform::Flutter, Some(text)) => format!("request.body = \"{text}\";\n"),
            (Platform::Swift, Some(text)) => format!("request.httpBody = Data(\"{text}\".utf8)\n"),
            (Platform::ReactNative | Platform::JavaScript, Some(_)) => {
                format!("  body: JSON.stringify({}),\n", json.unwrap_or_default())
            }
            (Platform::Curl, Some(text)) => format!(" \\\n  -d '{text}'"),
            (
                Platform::Flutter | Platform::Swift | Platform::ReactNative | Platform::JavaScript | Platform::Curl,
                None,
            ) => String::new(),
        }
    }
}

fn header(platform: Platform, name: &str, value: &str) -> String {
    let value = value.replace("{}", token_in_text(platform));
    match platform {
        Platform::Flutter => format!("request.headers[\"{name}\"] = \"{value}\";\n"),
        Platform::Swift => format!("request.setValue(\"{value}\", forHTTPHeaderField: \"{name}\")\n"),
        Platform::Kotlin => format!("    .header(\"{name}\", \"{value}\")\n"),
        Platform::ReactNative | Platform::JavaScript => format!("    \"{name}\": `{value}`,\n"),
        Platform::Curl => format!(" \\\n  -H \"{name}: {value}\""),
    }
}

/// Within a string literal of the language.
fn token_in_text(platform: Platform) -> &'static str {
    match platform {
        Platform::Flutter | Platform::Kotlin => "$userToken",
        Platform::Swift => "\\(userToken)",
        Platform::ReactNative | Platform::JavaScript => "${userToken}",
        Platform::Curl => "$USER_TOKEN",
    }
}
