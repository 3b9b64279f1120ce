//! What a call may ask for that costs beside its model's tokens: tools that the provider runs, a faster tier. Says their
//! names, under which a developer may give a price (`tool:web_search`, `service_tier:priority`); what they cost is
//! `call_price`'s.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::body_fields::BodyFields;
use crate::body_rules::tool_types;

/// Tools that the app or its own servers run, and those for which only tokens are taken.
const FREE_TOOLS: [&str; 14] = [
    "apply_patch",
    "bash",
    "computer",
    "computer_use",
    "custom",
    "function",
    "function_declarations",
    "local_shell",
    "mcp",
    "mcp_toolset",
    "memory",
    "text_editor",
    "url_context",
    "web_fetch",
];
/// Members whose value chooses a price, and the values at the price of the list or below.
const TIERS: [(&str, &str, &[&str]); 4] = [
    ("service_tier", "service_tier", &["auto", "default", "flex", "on_demand", "standard", "standard_only"]),
    ("serviceTier", "service_tier", &["auto", "default", "flex", "standard"]),
    ("speed", "speed", &["standard"]),
    ("inference_geo", "inference_geo", &["global", "not_available"]),
];
const NAME_CHARS: usize = 60;

/// Whether a price's name is one of these, and no model's.
pub fn is_name(text: &str) -> bool {
    ["tool:", "service_tier:", "speed:", "inference_geo:"].iter().any(|start| text.starts_with(start))
}

/// Their names, each once. `fields` say where tools stand; without them, where most APIs have them.
pub fn asked(fields: Option<&BodyFields>, body: &Value) -> Vec<String> {
    let tools: Vec<String> = match fields {
        Some(fields) if fields.tools.is_empty() => Vec::new(),
        // What can't be told apart is no free tool.
        Some(fields) => tool_types(fields, body).unwrap_or_else(|_| vec!["unreadable".to_owned()]),
        None => {
            let tools = body["tools"].as_array().into_iter().flatten();
            tools.filter_map(|tool| tool["type"].as_str()).map(str::to_owned).collect()
        }
    };
    let costly = |name: &String| Some(plain(name)).filter(|name| !FREE_TOOLS.contains(&name.as_str()));
    let tools = tools.iter().filter(|name| !FREE_TOOLS.contains(&name.as_str())).filter_map(costly);
    let tools = tools.map(|name| format!("tool:{name}"));
    // A number here is something else: how fast a voice speaks.
    let tiers = TIERS.iter().filter_map(|(member, name, listed)| {
        let value = body[*member].as_str().filter(|value| !listed.contains(value))?;
        Some(format!("{name}:{}", cut(value)))
    });
    tools.chain(tiers).collect::<BTreeSet<_>>().into_iter().collect()
}

/// `googleSearch`, `web_search_20250305` and `web_search_preview` without their spelling, date and state.
fn plain(name: &str) -> String {
    let mut snake = String::new();
    for letter in cut(name).chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    let dated = snake.split_once("_20").filter(|(_, date)| date.starts_with(|digit: char| digit.is_ascii_digit()));
    let undated = dated.map_or(snake.as_str(), |(before, _)| before);
    undated.strip_suffix("_preview").unwrap_or(undated).to_owned()
}

fn cut(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::path::RequestPath;
    use serde_json::json;

    fn extras(provider: &str, path: &str, body: &Value) -> Vec<String> {
        let path = RequestPath::parse(path).expect("a path");
        asked(catalogue::body_fields(provider, "POST", &path), body)
    }

    #[test]
    fn what_costs_beside_tokens_is_told_by_one_name_in_every_spelling() {
        for (provider, path, body, want) in [
            (
                "openai",
                "/v1/responses",
                json!({"tools": [{"type": "web_search_preview_2025_03_11"}]}),
                "tool:web_search",
            ),
            ("openai", "/v1/responses", json!({"tools": [{"type": "file_search"}]}), "tool:file_search"),
            ("openai", "/v1/responses", json!({"tools": [{"type": "code_interpreter"}]}), "tool:code_interpreter"),
            ("openai", "/v1/chat/completions", json!({"web_search_options": {}}), "tool:web_search"),
            ("openai", "/v1/chat/completions", json!({"service_tier": "priority"}), "service_tier:priority"),
            ("anthropic", "/v1/messages", json!({"tools": [{"type": "web_search_20250305"}]}), "tool:web_search"),
            (
                "anthropic",
                "/v1/messages",
                json!({"tools": [{"type": "code_execution_20250825"}]}),
                "tool:code_execution",
            ),
            ("anthropic", "/v1/messages", json!({"speed": "fast"}), "speed:fast"),
            (
                "gemini",
                "/v1beta/models/m:generateContent",
                json!({"tools": [{"google_search": {}}]}),
                "tool:google_search",
            ),
            (
                "gemini",
                "/v1beta/models/m:generateContent",
                json!({"tools": [{"googleSearch": {}}]}),
                "tool:google_search",
            ),
            ("openrouter", "/api/v1/chat/completions", json!({"model": "x/y:online"}), "tool:web_search"),
            ("openai", "/v1/responses", json!({"tools": {}}), "tool:unreadable"),
            ("custom", "/anything", json!({"tools": [{"type": "browse"}]}), "tool:browse"),
        ] {
            assert_eq!(extras(provider, path, &body), [want], "{provider} {body}");
            assert!(is_name(want));
        }
    }

    #[test]
    fn the_apps_own_tools_and_the_usual_tier_cost_nothing_more() {
        for (provider, path, body) in [
            ("openai", "/v1/chat/completions", json!({"tools": [{"type": "function"}], "service_tier": "flex"})),
            ("openai", "/v1/responses", json!({"tools": [{"type": "mcp"}, {"type": "computer_use_preview"}]})),
            (
                "anthropic",
                "/v1/messages",
                json!({"tools": [{"name": "mine"}, {"type": "bash_20250124"}], "service_tier": "auto"}),
            ),
            ("gemini", "/v1beta/models/m:generateContent", json!({"tools": [{"functionDeclarations": []}]})),
            ("openai", "/v1/audio/speech", json!({"speed": 1.5})),
            ("openai", "/v1/embeddings", json!({"input": "x"})),
        ] {
            assert_eq!(extras(provider, path, &body), Vec::<String>::new(), "{provider} {body}");
        }
    }
}
