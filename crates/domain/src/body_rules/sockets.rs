//! Body rules over a WebSocket: what a rule says of a body holds for every message. A rule that could only be kept by
//! changing what was said before, or by counting over messages, keeps the socket shut.

use serde_json::Value;

use super::{BodyRefusal, BodyRule, BodyRules, Call, Ruling, SystemPrompt, apply};
use crate::body_fields::BodyFields;
use crate::catalogue;
use crate::json_edit::Edit;
use crate::path::RequestPath;
use crate::rules::WEBSOCKET;

impl BodyRules {
    /// The rule by which every message must be read, if one must.
    pub fn socket_ruling(&self, provider: &str, path: &RequestPath) -> Result<Option<Ruling>, BodyRefusal> {
        let Some(ruling) = self.holding(provider, WEBSOCKET, path)? else { return Ok(None) };
        if !ruling.rule.restricts() && ruling.rule.aliases.is_empty() {
            return Ok(None);
        }
        let is_known = catalogue::body_fields(provider, WEBSOCKET, path).is_some();
        if is_known && is_kept_message_by_message(&ruling.rule, ruling.fields) {
            Ok(Some(ruling))
        } else {
            Err(BodyRefusal::UnknownFields)
        }
    }
}

fn is_kept_message_by_message(rule: &BodyRule, fields: &BodyFields) -> bool {
    let counts = rule.max_output_tokens.is_some() && !fields.max_output.is_empty()
        || rule.max_choices.is_some() && fields.choices.is_some()
        || (rule.max_messages.is_some() || rule.max_chars.is_some()) && fields.messages.is_some();
    let pins = matches!(rule.system_prompt, SystemPrompt::Pinned(_)) && !fields.system.is_empty();
    !counts && !pins
}

/// What must be changed in a client's message, or why it may not pass.
pub fn check_message(ruling: &Ruling, message: &Value) -> Result<Vec<Edit>, BodyRefusal> {
    let call = Call { fields: ruling.fields, body: message, model_in_path: None, end_user: "" };
    apply(&ruling.rule, &call).map(|changes| changes.edits)
}

#[cfg(test)]
mod tests {
    use super::super::{EndUser, Tools};
    use super::*;
    use serde_json::json;

    fn ruled(rule: BodyRule, provider: &str, path: &str) -> Result<Option<Ruling>, BodyRefusal> {
        let path = RequestPath::parse(path).expect("a path");
        BodyRules::compile(&[rule]).expect("rules").socket_ruling(provider, &path)
    }

    fn verdict(rule: &BodyRule, message: &Value) -> Result<usize, &'static str> {
        let ruling = ruled(rule.clone(), "openai", "/v1/realtime").expect("kept").expect("it restricts");
        check_message(&ruling, message).map(|edits| edits.len()).map_err(|refusal| refusal.code())
    }

    #[test]
    fn what_a_body_may_not_say_no_message_may() {
        let models = BodyRule { models: vec!["gpt-realtime".to_owned()], ..BodyRule::default() };
        let no_prompt = BodyRule { system_prompt: SystemPrompt::Forbidden, ..BodyRule::default() };
        let no_tools = BodyRule { tools: Tools::None, ..BodyRule::default() };
        let text_only = BodyRule { modalities: Some(vec!["text".to_owned()]), ..BodyRule::default() };
        let said = |kind: &str, value: Value| json!({"type": kind, "session": value});
        for (rule, message, want) in [
            (&models, said("session.update", json!({"model": "gpt-realtime"})), Ok(0)),
            (&models, said("session.update", json!({"voice": "marin"})), Ok(0)),
            (&models, said("session.update", json!({"model": "gpt-realtime-mini"})), Err("model_not_allowed")),
            (
                &models,
                said("session.update", json!({"audio": {"input": {"transcription": {"model": "whisper-1"}}}})),
                Err("model_not_allowed"),
            ),
            (&no_prompt, said("session.update", json!({"instructions": ""})), Ok(0)),
            (&no_prompt, said("session.update", json!({"instructions": "Obey."})), Err("system_prompt_not_allowed")),
            (
                &no_prompt,
                json!({"type": "response.create", "response": {"instructions": "Obey."}}),
                Err("system_prompt_not_allowed"),
            ),
            (
                &no_prompt,
                json!({"type": "conversation.item.create", "item": {"type": "message", "role": "system"}}),
                Err("system_prompt_not_allowed"),
            ),
            (
                &no_prompt,
                json!({"type": "response.create", "response": {"input": [{"role": "developer"}]}}),
                Err("system_prompt_not_allowed"),
            ),
            (&no_prompt, said("session.update", json!({"prompt": {"id": "pmpt_1"}})), Err("body_not_checkable")),
            (&no_tools, said("session.update", json!({"tools": []})), Ok(0)),
            (
                &no_tools,
                said("session.update", json!({"tools": [{"type": "mcp", "server_url": "https://x"}]})),
                Err("tool_not_allowed"),
            ),
            (&text_only, said("session.update", json!({"output_modalities": ["text"]})), Ok(0)),
            (&text_only, said("session.update", json!({"output_modalities": ["audio"]})), Err("modality_not_allowed")),
        ] {
            assert_eq!(verdict(rule, &message), want, "{message}");
        }
    }

    #[test]
    fn a_rule_that_no_message_alone_can_keep_keeps_the_socket_shut() {
        for rule in [
            BodyRule { max_output_tokens: Some(5), ..BodyRule::default() },
            BodyRule { max_messages: Some(5), ..BodyRule::default() },
            BodyRule { max_chars: Some(5), ..BodyRule::default() },
            BodyRule { system_prompt: SystemPrompt::Pinned("p".to_owned()), ..BodyRule::default() },
        ] {
            let refused = ruled(rule.clone(), "openai", "/v1/realtime").expect_err("shut");
            assert_eq!(refused, BodyRefusal::UnknownFields, "{rule:?}");
        }
        let models = BodyRule { models: vec!["m".to_owned()], ..BodyRule::default() };
        let named = BodyRule { endpoint: Some("WEBSOCKET /v1/live".to_owned()), ..models.clone() };
        assert!(ruled(models.clone(), "custom", "/v1/live").is_err(), "nobody knows where it takes its model");
        assert!(ruled(named, "custom", "/v1/live").is_err());
        assert!(ruled(models, "deepgram", "/v1/listen").expect("its query names the model").is_some());
    }

    #[test]
    fn a_rule_that_keeps_nobody_from_anything_reads_nothing() {
        let order = BodyRule { end_user: EndUser::Hashed, ..BodyRule::default() };
        for rule in [order, BodyRule::default()] {
            assert!(ruled(rule, "openai", "/v1/realtime").expect("open").is_none());
        }
    }
}
