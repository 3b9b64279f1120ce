//! A custom API: plain HTTP with the user's token as a bearer token, on the proxy's first rule.

use super::{Place, Platform, TOKEN_HINT};
use crate::rules::EndpointRule;
use crate::view::Snippet;

const FLUTTER: &str = r#"import "package:http/http.dart" as http;

final request = http.Request("{method}", Uri.parse("{edge_url}{path}"));
// {token_hint}
request.headers["Authorization"] = "Bearer $userToken";
final reply = await http.Response.fromStream(await request.send());
print(reply.body);
"#;

const SWIFT: &str = r#"import Foundation

var request = URLRequest(url: URL(string: "{edge_url}{path}")!)
request.httpMethod = "{method}"
// {token_hint}
request.setValue("Bearer \(userToken)", forHTTPHeaderField: "Authorization")
let (data, _) = try await URLSession.shared.data(for: request)
print(String(decoding: data, as: UTF8.self))
"#;

const KOTLIN: &str = r#"import okhttp3.OkHttpClient
import okhttp3.Request

val request = Request.Builder()
    .url("{edge_url}{path}")
    .method("{method}", {okhttp_body})
    .header("Authorization", "Bearer $userToken") // {token_hint}
    .build()
OkHttpClient().newCall(request).execute().use { reply -> println(reply.body?.string()) }
"#;

const JAVASCRIPT: &str = r#"const reply = await fetch("{edge_url}{path}", {
  method: "{method}",
  headers: { Authorization: `Bearer ${userToken}` }, // {token_hint}
});
console.log(await reply.text());
"#;

const CURL: &str = r#"# USER_TOKEN: {token_hint}
curl -X {method} '{edge_url}{path}' \
  -H "Authorization: Bearer $USER_TOKEN"
"#;

pub(super) fn snippets(edge_url: &str, rules: &[EndpointRule]) -> Vec<Snippet> {
    let (method, path) = rules.first().map_or(("GET", "/"), |rule| (rule.method.as_str(), rule.template.as_str()));
    // OkHttp demands a body for these methods and refuses one for the others.
    let needs_body = matches!(method, "POST" | "PUT" | "PATCH");
    let okhttp_body = if needs_body { "okhttp3.RequestBody.create(null, ByteArray(0))" } else { "null" };
    let places = [
        ("{edge_url}", Place::Text(edge_url)),
        ("{token_hint}", Place::Code(TOKEN_HINT)),
        ("{method}", Place::Text(method)),
        ("{okhttp_body}", Place::Code(okhttp_body)),
        // Last: a template's parameters are braces too, and may be named like a place.
        ("{path}", Place::Text(path)),
    ];
    [
        (Platform::Flutter, "http", FLUTTER),
        (Platform::Swift, "URLSession", SWIFT),
        (Platform::Kotlin, "OkHttp", KOTLIN),
        (Platform::ReactNative, "fetch", JAVASCRIPT),
        (Platform::JavaScript, "fetch", JAVASCRIPT),
        (Platform::Curl, "", CURL),
    ]
    .into_iter()
    .map(|(platform, package, template)| platform.snippet(package, &platform.fill(template, &places)))
    .collect()
}
