//! Body rules over the fields of the real catalogue: what goes out, byte for byte, or why nothing does.

use keyward_domain::body_rules::{BodyRule, BodyRules, Call, apply};
use keyward_domain::json_edit;
use keyward_domain::path::RequestPath;
use serde_json::{Value, json};

const CHAT: (&str, &str) = ("openai", "/v1/chat/completions");
const RESPONSES: (&str, &str) = ("openai", "/v1/responses");
const EMBEDDINGS: (&str, &str) = ("openai", "/v1/embeddings");
const IMAGES: (&str, &str) = ("openai", "/v1/images/generations");
const MESSAGES: (&str, &str) = ("anthropic", "/v1/messages");
const GEMINI: (&str, &str) = ("gemini", "/v1beta/models/gemini-2.5-flash:generateContent");
const GEMINI_EMBED: (&str, &str) = ("gemini", "/v1beta/models/embed-1:batchEmbedContents");

/// The body that goes out and, where another, the model in the path; or the code of the refusal.
fn ruled(at: (&str, &str), rule: &Value, body: &str) -> Result<(String, Option<String>), &'static str> {
    let rule: BodyRule = serde_json::from_value(rule.clone()).expect("a rule");
    let path = RequestPath::parse(at.1).expect("a path");
    let ruling = BodyRules::compile(&[rule]).expect("rules").ruling(at.0, "POST", &path);
    let Some(ruling) = ruling.map_err(|refusal| refusal.code())? else {
        return Ok((body.to_owned(), None));
    };
    let value = keyward_domain::strict_json::parse(body.as_bytes()).expect("JSON");
    let named = ruling.template.full_name("model", &path);
    let call = Call { fields: ruling.fields, body: &value, model_in_path: named.as_deref(), end_user: "h4sh" };
    let changes = apply(&ruling.rule, &call).map_err(|refusal| refusal.code())?;
    let sent = json_edit::apply(body.as_bytes(), &changes.edits).expect("the edits fit");
    Ok((String::from_utf8(sent).expect("text"), changes.model_in_path))
}

#[track_caller]
fn passes(at: (&str, &str), rule: &Value, body: &str) {
    sends(at, rule, body, body);
}

#[track_caller]
fn sends(at: (&str, &str), rule: &Value, body: &str, sent: &str) {
    assert_eq!(ruled(at, rule, body).map(|(sent, _)| sent), Ok(sent.to_owned()), "{rule} {body}");
}

#[track_caller]
fn refuses(at: (&str, &str), rule: &Value, body: &str, code: &str) {
    assert_eq!(ruled(at, rule, body), Err(code), "{rule} {body}");
}

#[test]
fn only_allowed_models_are_asked_for() {
    let rule = json!({"models": ["gpt-4o-mini", "text-embedding-3-*"]});
    passes(CHAT, &rule, r#"{"model":"gpt-4o-mini"}"#);
    passes(EMBEDDINGS, &rule, r#"{ "model" : "text-embedding-3-large" }"#);
    for body in [r#"{"model":"gpt-4o"}"#, r#"{"model":"gpt-4o-mini2"}"#, r#"{"model":""}"#, "{}", r#"{"model":null}"#] {
        refuses(CHAT, &rule, body, "model_not_allowed");
    }
    for body in [r#"{"model":7}"#, r#"{"model":["gpt-4o-mini"]}"#, r#"{"model":"gpt-4o-mini","Model":"gpt-4o"}"#] {
        refuses(CHAT, &rule, body, "body_field_unreadable");
    }
    refuses(MESSAGES, &json!({"models": ["claude-haiku-4-5"]}), r#"{"model":"claude-opus-4-1"}"#, "model_not_allowed");
}

#[test]
fn a_model_that_works_for_another_one_is_a_model_too() {
    let rule = json!({"models": ["gpt-4o-mini"]});
    let with_tool = r#"{"model":"gpt-4o-mini","tools":[{"type":"image_generation","model":"gpt-image-1"}]}"#;
    refuses(RESPONSES, &rule, with_tool, "model_not_allowed");
    passes(RESPONSES, &json!({"models": ["gpt-4o-mini", "gpt-image-1"]}), with_tool);
    let embed = r#"{"requests":[{"model":"models/embed-1"},{"model":"models/embed-9"}]}"#;
    refuses(GEMINI_EMBED, &json!({"models": ["embed-1"]}), embed, "model_not_allowed");
}

#[test]
fn the_model_in_the_path_counts_and_so_does_its_long_name() {
    passes(GEMINI, &json!({"models": ["gemini-2.5-flash"]}), "{}");
    passes(GEMINI, &json!({"models": ["models/gemini-2.5-*"]}), "{}");
    refuses(GEMINI, &json!({"models": ["gemini-2.5-pro"]}), "{}", "model_not_allowed");
    let other = r#"{"model":"models/gemini-2.5-pro"}"#;
    refuses(GEMINI, &json!({"models": ["gemini-2.5-flash"]}), other, "model_not_allowed");
}

#[test]
fn a_name_of_several_segments_is_one_name() {
    let cloudflare = ("cloudflare", "/run/@cf/meta/llama-3.1-8b-instruct");
    passes(cloudflare, &json!({"models": ["@cf/meta/*"]}), r#"{"prompt":"x"}"#);
    refuses(cloudflare, &json!({"models": ["llama-3.1-8b-instruct"]}), "{}", "model_not_allowed");
    let replicate = ("replicate", "/v1/models/meta/llama/predictions");
    passes(replicate, &json!({"models": ["meta/llama"]}), r#"{"input":{}}"#);
    refuses(replicate, &json!({"models": ["evil/llama"]}), r#"{"input":{}}"#, "model_not_allowed");
    let alias = ruled(replicate, &json!({"aliases": {"meta/llama": "meta/llama-4"}}), r#"{"input":{}}"#);
    assert_eq!(alias.map(|(_, model)| model), Ok(Some("meta/llama-4".to_owned())));
}

#[test]
fn an_alias_is_checked_as_the_model_it_stands_for() {
    let rule = json!({"models": ["gpt-4o-mini"], "aliases": {"fast": "gpt-4o-mini", "best": "gpt-4o"}});
    sends(CHAT, &rule, r#"{"model" : "fast", "n":1.0}"#, r#"{"model" : "gpt-4o-mini", "n":1.0}"#);
    passes(CHAT, &rule, r#"{"model":"gpt-4o-mini"}"#);
    refuses(CHAT, &rule, r#"{"model":"best"}"#, "model_not_allowed");
    let rule = json!({"aliases": {"gemini-2.5-flash": "gemini-2.5-flash-lite", "embed-1": "models/embed-2"}});
    assert_eq!(ruled(GEMINI, &rule, "{}"), Ok(("{}".to_owned(), Some("gemini-2.5-flash-lite".to_owned()))));
    let (sent, model) = ruled(GEMINI_EMBED, &rule, r#"{"requests":[{"model":"models/embed-1"}]}"#).expect("allowed");
    assert_eq!((sent.as_str(), model.as_deref()), (r#"{"requests":[{"model":"models/embed-2"}]}"#, Some("embed-2")));
    for target in ["a:countTokens", "a//b", "..", "a?b", "a%2fb"] {
        refuses(GEMINI, &json!({"aliases": {"gemini-2.5-flash": target}}), "{}", "model_not_allowed");
    }
}

#[test]
fn a_larger_limit_or_none_becomes_the_rules() {
    let rule = json!({"max_output_tokens": 100});
    for (at, body, sent) in [
        (CHAT, r#"{"max_tokens":50}"#, r#"{"max_tokens":50}"#),
        (CHAT, r#"{"max_tokens": 101 ,"a":1}"#, r#"{"max_tokens": 100 ,"a":1}"#),
        (CHAT, r#"{"max_tokens":5,"max_completion_tokens":500}"#, r#"{"max_tokens":5,"max_completion_tokens":100}"#),
        (CHAT, "{}", r#"{"max_completion_tokens":100}"#),
        (CHAT, r#"{"max_completion_tokens":null}"#, r#"{"max_completion_tokens":100}"#),
        (CHAT, r#"{"max_tokens":18446744073709551615}"#, r#"{"max_tokens":100}"#),
        (RESPONSES, r#"{"max_output_tokens":101}"#, r#"{"max_output_tokens":100}"#),
        (MESSAGES, "{}", r#"{"max_tokens":100}"#),
        (EMBEDDINGS, "{}", "{}"),
        (GEMINI, "{}", r#"{"generationConfig":{"maxOutputTokens":100}}"#),
        (
            GEMINI,
            r#"{"generation_config":{"max_output_tokens":101}}"#,
            r#"{"generation_config":{"max_output_tokens":100}}"#,
        ),
        (GEMINI, r#"{"generation_config":{}}"#, r#"{"generation_config":{"maxOutputTokens":100}}"#),
        (GEMINI, r#"{"generationConfig":null}"#, r#"{"generationConfig":{"maxOutputTokens":100}}"#),
        (
            GEMINI,
            r#"{"generationConfig":{"maxOutputTokens":9},"generation_config":{"maxOutputTokens":900}}"#,
            r#"{"generationConfig":{"maxOutputTokens":9},"generation_config":{"maxOutputTokens":100}}"#,
        ),
    ] {
        sends(at, &rule, body, sent);
    }
    for value in ["1e9", "100.0", "-1", "\"50\"", "true", "[5]", "{}", "18446744073709551616"] {
        refuses(CHAT, &rule, &format!(r#"{{"max_tokens":{value}}}"#), "body_field_unreadable");
    }
    for body in [r#"{"generationConfig":"x"}"#, r#"{"generationConfig":{},"generation_config":{}}"#] {
        refuses(GEMINI, &rule, body, "body_field_unreadable");
    }
}

#[test]
fn more_answers_than_allowed_become_as_many_as_allowed() {
    let rule = json!({"max_choices": 2});
    sends(CHAT, &rule, r#"{"n":9}"#, r#"{"n":2}"#);
    sends(IMAGES, &rule, r#"{"n":3}"#, r#"{"n":2}"#);
    let many = r#"{"generationConfig":{"candidateCount":8}}"#;
    sends(GEMINI, &rule, many, &many.replace('8', "2"));
    for body in ["{}", r#"{"n":2}"#, r#"{"n":null}"#] {
        passes(CHAT, &rule, body);
    }
    refuses(CHAT, &rule, r#"{"n":2.5}"#, "body_field_unreadable");
}

#[test]
fn no_tool_comes_in_under_any_name() {
    let rule = json!({"tools": {"kind": "none"}});
    for (at, body) in [
        (CHAT, r#"{"tools":[{"type":"function","function":{"name":"f"}}]}"#),
        (CHAT, r#"{"functions":[{"name":"f"}]}"#),
        (CHAT, r#"{"web_search_options":{}}"#),
        (CHAT, r#"{"function_call":{"name":"f"}}"#),
        (RESPONSES, r#"{"tools":[{"type":"web_search"}]}"#),
        (RESPONSES, r#"{"tool_choice":{"type":"web_search"}}"#),
        (RESPONSES, r#"{"tool_choice":{"type":"allowed_tools","tools":[{"type":"mcp"}]}}"#),
        (MESSAGES, r#"{"tools":[{"name":"f"}]}"#),
        (MESSAGES, r#"{"tools":[{"type":"web_search_20250305","name":"w"}]}"#),
        (MESSAGES, r#"{"mcp_servers":[{"type":"url","url":"https://x"}]}"#),
        (GEMINI, r#"{"tools":[{"googleSearch":{}}]}"#),
        (GEMINI, r#"{"tools":[{"google_search":{}}]}"#),
    ] {
        refuses(at, &rule, body, "tool_not_allowed");
    }
    for body in [r#"{"tools":[]}"#, r#"{"tools":null}"#, r#"{"tool_choice":"none"}"#, r#"{"functions":[]}"#, "{}"] {
        passes(CHAT, &rule, body);
    }
    for body in [r#"{"tools":{"type":"function"}}"#, r#"{"tools":["f"]}"#, r#"{"tools":[{"type":7}]}"#] {
        refuses(CHAT, &rule, body, "body_field_unreadable");
    }
}

#[test]
fn only_tools_of_listed_types_come_in() {
    let rule = json!({"tools": {"kind": "only", "types": ["function", "google_search", "web_search_*", "custom"]}});
    for (at, body) in [
        (CHAT, r#"{"tools":[{"type":"function"}],"tool_choice":{"type":"function","function":{"name":"f"}}}"#),
        (CHAT, r#"{"functions":[{"name":"f"}]}"#),
        (RESPONSES, r#"{"tools":[{"type":"web_search_preview"}],"tool_choice":"auto"}"#),
        (MESSAGES, r#"{"tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"f"}}"#),
        (GEMINI, r#"{"tools":[{"functionDeclarations":[]},{"googleSearch":{}}]}"#),
    ] {
        passes(at, &rule, body);
    }
    for (at, body) in [
        (RESPONSES, r#"{"tools":[{"type":"function"},{"type":"code_interpreter"}]}"#),
        (RESPONSES, r#"{"tool_choice":{"type":"file_search"}}"#),
        (GEMINI, r#"{"tools":[{"googleSearch":{},"codeExecution":{}}]}"#),
        (MESSAGES, r#"{"mcp_servers":[{}]}"#),
    ] {
        refuses(at, &rule, body, "tool_not_allowed");
    }
}

#[test]
fn only_listed_modalities_come_out() {
    let rule = json!({"modalities": ["text"]});
    for (at, body) in [
        (CHAT, r#"{"modalities":["text"]}"#),
        (CHAT, "{}"),
        (GEMINI, r#"{"generationConfig":{"responseModalities":["TEXT"]}}"#),
    ] {
        passes(at, &rule, body);
    }
    refuses(CHAT, &rule, r#"{"modalities":["text","audio"]}"#, "modality_not_allowed");
    let image = r#"{"generation_config":{"response_modalities":["IMAGE"]}}"#;
    refuses(GEMINI, &rule, image, "modality_not_allowed");
    for value in ["\"audio\"", "[1]", "{}"] {
        refuses(CHAT, &rule, &format!(r#"{{"modalities":{value}}}"#), "body_field_unreadable");
    }
}

#[test]
fn a_conversation_has_bounds() {
    let rule = json!({"max_messages": 2});
    for (at, body) in
        [(CHAT, r#"{"messages":[{},{}]}"#), (RESPONSES, r#"{"input":"one text"}"#), (GEMINI, r#"{"contents":[{},{}]}"#)]
    {
        passes(at, &rule, body);
    }
    for (at, body) in [(CHAT, r#"{"messages":[{},{},{}]}"#), (GEMINI, r#"{"contents":[1,2,3]}"#)] {
        refuses(at, &rule, body, "too_many_messages");
    }
    refuses(CHAT, &rule, r#"{"messages":7}"#, "body_field_unreadable");

    let rule = json!({"max_chars": 10});
    let message = |content: &str| format!(r#"{{"messages":[{{"content":{content}}}]}}"#);
    passes(CHAT, &rule, &message("\"\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\""));
    for part in [
        r#"{"source":{"media_type":"image/png","data":"AAAAAAAAAAAAAAAAAAAA"}}"#,
        r#"{"inlineData":{"mimeType":"audio/wav","data":"AAAAAAAAAAAAAAAAAAAA"}}"#,
        r#"{"input_audio":{"format":"wav","data":"AAAAAAAAAAAAAAAAAAAA"}}"#,
        r#"{"file_data":"data:application/pdf;base64,AAAAAAAAAAAA"}"#,
    ] {
        // A media type is a word too.
        passes(CHAT, &json!({"max_chars": 16}), &message(&format!("[{part}]")));
    }
    passes(CHAT, &rule, &message(r#"[{"image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAAAAAA"}}]"#));
    for content in [
        "\"eleven char\"",
        r#"[{"text":"six, x"},{"text":"six, x"}]"#,
        r#"[{"text":"data:text/plain;base64,AAAAAAAAAAAA"}]"#,
        r#"[{"source":{"data":"a document, in words"}}]"#,
        r#"[{"source":{"type":"text","media_type":"text/plain","data":"words_without_spaces"}}]"#,
        r#"[{"source":{"type":"text","media_type":"image/png","data":"words_without_spaces"}}]"#,
        r#"[{"data":"words_without_spaces"}]"#,
        r#"[{"media_type":"x","data":"words_without_spaces"}]"#,
        r#"[{"file_data":"data:text/plain;base64,AAAAAAAAAAAA"}]"#,
        r#"[{"image_url":{"url":"https://example.com/long"}}]"#,
        r#"[{"image_url":{"url":"data:text/plain;base64,in words, not bytes"}}]"#,
    ] {
        refuses(CHAT, &rule, &message(content), "body_text_too_long");
    }
}

#[test]
fn a_forbidden_system_prompt_is_found_wherever_it_may_stand() {
    let rule = json!({"system_prompt": {"kind": "forbidden"}});
    for (at, body) in [
        (CHAT, r#"{"messages":[{"role":"user"},{"role":"system","content":"x"}]}"#),
        (CHAT, r#"{"messages":[{"role":"developer","content":"x"}]}"#),
        (CHAT, r#"{"messages":[{"role":" System ","content":"x"}]}"#),
        (CHAT, r#"{"messages":{"role":"system","content":"x"}}"#),
        (RESPONSES, r#"{"instructions":"x"}"#),
        (RESPONSES, r#"{"input":[{"type":"message","role":"system","content":"x"}]}"#),
        (MESSAGES, r#"{"system":"x"}"#),
        (MESSAGES, r#"{"system":[{"type":"text","text":"x"}]}"#),
        (GEMINI, r#"{"systemInstruction":{"parts":[{"text":"x"}]}}"#),
        (GEMINI, r#"{"system_instruction":{"parts":[{"text":"x"}]}}"#),
    ] {
        refuses(at, &rule, body, "system_prompt_not_allowed");
    }
    for (at, body) in [
        (CHAT, r#"{"messages":[{"role":"user","content":"system"},{"role":"assistant"}]}"#),
        (RESPONSES, r#"{"instructions":null,"input":[{"type":"function_call_output"}]}"#),
        (MESSAGES, r#"{"system":""}"#),
        (EMBEDDINGS, "{}"),
    ] {
        passes(at, &rule, body);
    }
    refuses(CHAT, &rule, r#"{"messages":[{"role":["system"]}]}"#, "body_field_unreadable");
}

#[test]
fn a_pinned_system_prompt_comes_first_and_alone() {
    let rule = json!({"system_prompt": {"kind": "pinned", "text": "Be \"kind\"."}});
    let text = r#""Be \"kind\".""#;
    for (at, body, sent) in [
        (
            CHAT,
            r#"{"messages": [ {"role":"user"}]}"#,
            format!(r#"{{"messages": [{{"role":"system","content":{text}}}, {{"role":"user"}}]}}"#),
        ),
        (CHAT, r#"{"messages":[]}"#, format!(r#"{{"messages":[{{"role":"system","content":{text}}}]}}"#)),
        (RESPONSES, r#"{"input":"x"}"#, format!(r#"{{"input":"x","instructions":{text}}}"#)),
        (MESSAGES, r#"{"system":""}"#, format!(r#"{{"system":{text}}}"#)),
        (GEMINI, "{}", format!(r#"{{"systemInstruction":{{"parts":[{{"text":{text}}}]}}}}"#)),
        (
            GEMINI,
            r#"{"system_instruction":{}}"#,
            format!(r#"{{"system_instruction":{{"parts":[{{"text":{text}}}]}}}}"#),
        ),
        (EMBEDDINGS, "{}", "{}".to_owned()),
        (("openai", "/v1/audio/speech"), "{}", "{}".to_owned()),
    ] {
        sends(at, &rule, body, &sent);
    }
    refuses(CHAT, &rule, r#"{"messages":[{"role":"system","content":"x"}]}"#, "system_prompt_not_allowed");
    refuses(RESPONSES, &rule, r#"{"instructions":"x"}"#, "system_prompt_not_allowed");
    for body in ["{}", r#"{"messages":"x"}"#] {
        refuses(CHAT, &rule, body, "body_field_unreadable");
    }
}

#[test]
fn the_end_user_is_named_by_the_edge_alone() {
    let rule = json!({"end_user": "hashed"});
    for (at, body, sent) in [
        (CHAT, "{}", r#"{"safety_identifier":"h4sh"}"#),
        (CHAT, r#"{"user":"someone-else","safety_identifier":"x"}"#, r#"{"safety_identifier":"h4sh"}"#),
        (EMBEDDINGS, r#"{"user":"someone-else"}"#, r#"{"user":"h4sh"}"#),
        (MESSAGES, "{}", r#"{"metadata":{"user_id":"h4sh"}}"#),
        (MESSAGES, r#"{"metadata":{"user_id":"x","a":1}}"#, r#"{"metadata":{"user_id":"h4sh","a":1}}"#),
        (MESSAGES, r#"{"metadata":null}"#, r#"{"metadata":{"user_id":"h4sh"}}"#),
        (GEMINI, "{}", "{}"),
    ] {
        sends(at, &rule, body, sent);
    }
    refuses(MESSAGES, &rule, r#"{"metadata":"x"}"#, "body_field_unreadable");
}

#[test]
fn an_endpoint_that_only_the_developer_knows_is_read_as_a_chat() {
    let at = ("custom", "/chat");
    let rule = json!({"endpoint": "POST /chat", "models": ["m"], "max_output_tokens": 9});
    sends(at, &rule, r#"{"model":"m"}"#, r#"{"model":"m","max_tokens":9}"#);
    refuses(at, &rule, r#"{"model":"x"}"#, "model_not_allowed");
}

#[test]
fn all_changes_of_a_rule_are_made_at_once() {
    let rule = json!({"aliases": {"a": "b"}, "max_output_tokens": 5, "max_choices": 1, "end_user": "hashed",
        "system_prompt": {"kind": "pinned", "text": "p"}});
    let body = r#"{ "user":"u", "n":3, "messages":[{"role":"user","content":1.50}], "model":"a" }"#;
    let sent = r#"{ "n":1, "messages":[{"role":"system","content":"p"},{"role":"user","content":1.50}], "model":"b","max_completion_tokens":5,"safety_identifier":"h4sh" }"#;
    sends(CHAT, &rule, body, sent);
}
