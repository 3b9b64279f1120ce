//! What a client is shown of the provider's models: those that it may ask for, and none that the developer's account made
//! (fine-tuned ones, whose names tell of the owner) unless a rule names it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::body_rules::BodyRules;
use crate::ownership;

/// A call that lists models, or tells of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelList {
    /// `GET /v1/models`
    pub endpoint: String,
    /// JSON pointers to the arrays of models; none where the reply is one model.
    #[serde(default)]
    pub items: Vec<String>,
    /// The member with the name that a call asks for.
    pub id: String,
    /// Only of such an item the provider is the owner; without it, of all whose name does not say otherwise.
    #[serde(default)]
    pub public_when: Option<ownership::rule::Condition>,
    /// Names of the provider's own begin so.
    #[serde(default)]
    pub public_prefix: String,
}

/// Who made a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Provider,
    /// The developer's account: its name is a secret unless a rule tells it.
    Account,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    AsItCame,
    Changed,
    /// It is one model, and not for this client; or not the reply that the catalogue describes.
    Nothing,
}

/// Takes out of a reply what is not to be shown.
pub fn filter(list: &ModelList, rules: &BodyRules, reply: &mut Value) -> Shown {
    if list.items.is_empty() {
        return if is_shown(list, rules, reply) { Shown::AsItCame } else { Shown::Nothing };
    }
    let mut is_changed = false;
    for pointer in &list.items {
        match reply.pointer_mut(pointer) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                let before = items.len();
                items.retain(|item| is_shown(list, rules, item));
                is_changed |= items.len() != before;
            }
            Some(_) => return Shown::Nothing,
        }
    }
    // A member that nobody knows might hold a second list.
    let is_known = list.items.iter().any(|pointer| reply.pointer(pointer).is_some());
    match (is_known, is_changed) {
        (false, _) => Shown::Nothing,
        (true, true) => Shown::Changed,
        (true, false) => Shown::AsItCame,
    }
}

fn is_shown(list: &ModelList, rules: &BodyRules, item: &Value) -> bool {
    let Some(name) = item.get(&list.id).and_then(Value::as_str) else { return false };
    let says_so = list.public_when.as_ref().is_none_or(|when| ownership::holds(when, item));
    let maker = if says_so && name.starts_with(&list.public_prefix) { maker(name) } else { Maker::Account };
    rules.shows(name, maker)
}

/// As far as the name tells: `ft:gpt-4o-mini:acme::x`, `davinci:ft-acme-2023`, `gpt-35-turbo.ft-0a1b`.
pub fn maker(name: &str) -> Maker {
    let is_tuned = name.starts_with("ft:") || name.contains(":ft-") || name.contains(".ft-");
    if is_tuned { Maker::Account } else { Maker::Provider }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body_rules::BodyRule;
    use crate::catalogue;
    use crate::path::RequestPath;
    use serde_json::json;

    fn rules(models: &[&str]) -> BodyRules {
        let models = models.iter().map(|&name| name.to_owned()).collect();
        BodyRules::compile(&[BodyRule { models, ..BodyRule::default() }]).expect("rules")
    }

    fn names(provider: &str, path: &str, models: &[&str], mut reply: Value) -> Option<Value> {
        let path = RequestPath::parse(path).expect("a path");
        let list = catalogue::model_list(provider, "GET", &path).expect("a list of models");
        (filter(list, &rules(models), &mut reply) != Shown::Nothing).then_some(reply)
    }

    #[test]
    fn a_list_holds_what_may_be_asked_for() {
        let openai = json!({"object": "list", "data": [{"id": "gpt-4o", "owned_by": "system"}, {"id": "o3", "owned_by": "openai"}]});
        let shown = names("openai", "/v1/models", &["gpt-4o*"], openai.clone()).expect("a list");
        assert_eq!(shown["data"], json!([{"id": "gpt-4o", "owned_by": "system"}]));
        assert_eq!(names("openai", "/v1/models", &[], openai.clone()), Some(openai));
        let gemini = json!({"models": [{"name": "models/gemini-2.5-pro"}, {"name": "models/gemini-2.5-flash"}], "nextPageToken": "x"});
        let shown = names("gemini", "/v1beta/models", &["gemini-2.5-flash"], gemini).expect("a list");
        assert_eq!(shown, json!({"models": [{"name": "models/gemini-2.5-flash"}], "nextPageToken": "x"}));
        let bare = json!([{"id": "x/a"}, {"id": "x/b"}]);
        assert_eq!(names("together", "/v1/models", &["x/b"], bare), Some(json!([{"id": "x/b"}])));
    }

    #[test]
    fn what_the_account_made_is_shown_only_where_a_rule_names_it() {
        let tuned = "ft:gpt-4o-mini:acme::x";
        let reply = json!({"data": [{"id": tuned, "owned_by": "openai"}, {"id": "gpt-4o", "owned_by": "system"}, {"id": "mine", "owned_by": "acme"}]});
        let shown = |models: &[&str]| {
            let reply = names("openai", "/v1/models", models, reply.clone()).expect("a list");
            let ids = reply["data"]
                .as_array()
                .expect("items")
                .iter()
                .map(|item| item["id"].as_str().expect("an id").to_owned());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(shown(&[]), ["gpt-4o"]);
        assert_eq!(shown(&["*"]), ["gpt-4o"]);
        assert_eq!(shown(&[tuned, "mine"]), [tuned, "mine"]);
        let one = json!({"id": "mine", "owned_by": "acme"});
        assert_eq!(names("openai", "/v1/models/mine", &[], one.clone()), None);
        assert_eq!(names("openai", "/v1/models/mine", &["mine"], one.clone()), Some(one));
        let theirs = json!({"data": [{"id": "accounts/fireworks/models/a"}, {"id": "accounts/acme/models/b"}]});
        let shown = names("fireworks", "/inference/v1/models", &[], theirs).expect("a list");
        assert_eq!(shown["data"], json!([{"id": "accounts/fireworks/models/a"}]));
    }

    #[test]
    fn a_reply_that_is_no_list_is_not_shown() {
        for reply in [json!({}), json!({"data": "x"}), json!([]), json!({"models": [{"id": "x"}]})] {
            assert_eq!(names("openai", "/v1/models", &[], reply.clone()), None, "{reply}");
        }
    }
}
