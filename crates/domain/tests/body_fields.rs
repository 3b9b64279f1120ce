//! The body rules at the endpoints where what they are about comes in by another way.

use keyward_domain::body_rules::{BodyRule, BodyRules, Call, apply};
use keyward_domain::json_edit;
use keyward_domain::path::RequestPath;
use serde_json::{Value, json};

/// The body that goes out, or the code of the refusal.
fn ruled(at: (&str, &str), rule: &Value, body: &str) -> Result<String, &'static str> {
    let rule: BodyRule = serde_json::from_value(rule.clone()).expect("a rule");
    let path = RequestPath::parse(at.1).expect("a path");
    let ruling = BodyRules::compile(&[rule]).expect("rules").ruling(at.0, "POST", &path);
    let Some(ruling) = ruling.map_err(|refusal| refusal.code())? else { return Ok(body.to_owned()) };
    let value = keyward_domain::strict_json::parse(body.as_bytes()).expect("JSON");
    let named = ruling.template.full_name("model", &path);
    let call = Call { fields: ruling.fields, body: &value, model_in_path: named.as_deref(), end_user: "h4sh" };
    let changes = apply(&ruling.rule, &call).map_err(|refusal| refusal.code())?;
    let sent = json_edit::apply(body.as_bytes(), &changes.edits).ok_or("no place")?;
    Ok(String::from_utf8(sent).expect("text"))
}

#[track_caller]
fn refuses(at: (&str, &str), rule: &Value, body: &str, code: &str) {
    assert_eq!(ruled(at, rule, body), Err(code), "{at:?} {rule} {body}");
}

#[track_caller]
fn passes(at: (&str, &str), rule: &Value, body: &str) {
    assert_eq!(ruled(at, rule, body).as_deref(), Ok(body), "{at:?} {rule}");
}

fn pinned() -> Value {
    json!({"system_prompt": {"kind": "pinned", "text": "Be kind."}})
}

#[test]
fn no_system_prompt_is_laid_by_for_a_later_call() {
    for rule in [pinned(), json!({"system_prompt": {"kind": "forbidden"}})] {
        for at in [("openai", "/v1/conversations"), ("openai", "/v1/conversations/conv_1/items")] {
            for role in ["system", "developer"] {
                let body = format!(r#"{{"items":[{{"type":"message","role":"{role}","content":"x"}}]}}"#);
                refuses(at, &rule, &body, "system_prompt_not_allowed");
            }
            passes(at, &rule, r#"{"items":[{"type":"message","role":"user","content":"x"}]}"#);
            passes(at, &rule, "{}");
        }
        let cached = r#"{"model":"models/gemini-2.5-flash","systemInstruction":{"parts":[{"text":"x"}]}}"#;
        refuses(("gemini", "/v1beta/cachedContents"), &rule, cached, "system_prompt_not_allowed");
    }
    let tools = r#"{"model":"models/gemini-2.5-flash","tools":[{"googleSearch":{}}]}"#;
    refuses(("gemini", "/v1beta/cachedContents"), &json!({"tools": {"kind": "none"}}), tools, "tool_not_allowed");
}

#[test]
fn text_that_is_laid_by_has_the_same_bounds() {
    for (path, body) in [
        ("/v1/conversations/conv_1/items", r#"{"items":[{"content":"more than ten"}]}"#),
        ("/v1/threads", r#"{"messages":[{"content":"more than ten"}]}"#),
        ("/v1/threads/t/messages", r#"{"role":"user","content":"more than ten"}"#),
        ("/v1/threads/t/runs/r/submit_tool_outputs", r#"{"tool_outputs":[{"output":"more than ten"}]}"#),
    ] {
        refuses(("openai", path), &json!({"max_chars": 10}), body, "body_text_too_long");
    }
}

#[test]
fn each_call_of_a_message_batch_obeys() {
    let at = ("anthropic", "/v1/messages/batches");
    let batch = |second: &str| {
        format!(r#"{{"requests":[{{"params":{{"model":"a","max_tokens":5}}}},{{"params":{{"model":{second}}}}}]}}"#)
    };
    passes(at, &json!({"models": ["a"], "tools": {"kind": "none"}}), &batch(r#""a""#));
    refuses(at, &json!({"models": ["a"]}), &batch(r#""b""#), "model_not_allowed");
    let forbidden = json!({"system_prompt": {"kind": "forbidden"}});
    refuses(at, &forbidden, &batch(r#""a","system":"x""#), "system_prompt_not_allowed");
    refuses(at, &json!({"tools": {"kind": "none"}}), &batch(r#""a","tools":[{"name":"f"}]"#), "tool_not_allowed");
    let clamped = batch(r#""a","max_tokens":5"#);
    assert_eq!(ruled(at, &json!({"max_output_tokens": 5}), &clamped.replacen('5', "9", 1)), Ok(clamped));
    // One prompt has no one place among several calls.
    refuses(at, &pinned(), &batch(r#""a""#), "body_field_unreadable");
}

#[test]
fn what_no_rule_can_read_is_refused_where_a_rule_restricts() {
    let run = ("cloudflare", "/run/@cf/meta/llama-3.1-8b-instruct");
    let replicate = ("replicate", "/v1/models/meta/llama/predictions");
    let openrouter = ("openrouter", "/api/v1/chat/completions");
    for (at, body) in [
        (("openai", "/v1/responses"), r#"{"prompt":{"id":"pmpt_1"}}"#),
        (run, r#"{"requests":[{"messages":[]}]}"#),
        (run, r#"{"prompt":"x","raw":true}"#),
        (replicate, r#"{"input":{"prompt_template":"x {prompt}"}}"#),
        (replicate, r#"{"input":{"messages":[{"role":"system","content":"x"}]}}"#),
        (openrouter, r#"{"prompt":"x","messages":[]}"#),
        (openrouter, r#"{"preset":"mine","messages":[]}"#),
    ] {
        refuses(at, &pinned(), body, "body_not_checkable");
        passes(at, &json!({"end_user": "free"}), body);
    }
    passes(run, &json!({"tools": {"kind": "none"}}), r#"{"prompt":"x","raw":false}"#);
}

#[test]
fn other_names_for_the_same_thing_are_known() {
    let replicate = ("replicate", "/v1/deployments/me/mine/predictions");
    let long = r#"{"input":{"max_new_tokens":900}}"#;
    let rule = json!({"max_output_tokens": 9});
    assert_eq!(ruled(replicate, &rule, long), Ok(long.replace("900", "9")));
    refuses(replicate, &pinned(), r#"{"input":{"system_instruction":"x"}}"#, "system_prompt_not_allowed");
    refuses(replicate, &json!({"models": ["me/other"]}), r#"{"input":{}}"#, "model_not_allowed");

    let many = r#"{"model":"m","n":1,"best_of":20}"#;
    assert_eq!(ruled(("openai", "/v1/completions"), &json!({"max_choices": 2}), many), Ok(many.replace("20", "2")));

    let none = json!({"tools": {"kind": "none"}});
    for body in [r#"{"model":"x/y:online","messages":[]}"#, r#"{"models":["x/y","x/z:online"],"messages":[]}"#] {
        refuses(("openrouter", "/api/v1/chat/completions"), &none, body, "tool_not_allowed");
    }
    for at in [("azure-openai", "/openai/v1/responses"), ("groq", "/openai/v1/chat/completions")] {
        let sent = ruled(at, &json!({"end_user": "hashed"}), r#"{"user":"u","safety_identifier":"someone-else"}"#);
        assert_eq!(sent.as_deref(), Ok(r#"{"user":"h4sh"}"#), "{at:?}");
    }
}
