//! What a developer allows inside a request's body: models, sizes, tools, system prompts.
//! Pure: says what must change in a body or why it is refused; reading and sending it is the edge's.

mod apply;
mod conversation;
mod models;
mod numbers;
mod refusal;
mod set;
mod sockets;
mod stricter;
mod tools;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use apply::{Call, Changes, apply};
pub use models::fits;
pub use refusal::BodyRefusal;
pub use set::{BodyRuleError, BodyRules, Ruling, endpoint};
pub use sockets::check_message;
pub use stricter::stricter;
pub use tools::tool_types;

/// Of two rules that fit an endpoint, the one that names it counts alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BodyRule {
    /// `POST /v1/chat/completions`; none for every endpoint whose fields the catalogue knows. Where they are not known,
    /// a rule without an endpoint that restricts refuses the call.
    pub endpoint: Option<String>,
    /// The only models that may be asked for; a `*` at the end stands for any rest. Empty for all.
    pub models: Vec<String>,
    /// The model a client names, and the one that is asked for instead.
    pub aliases: BTreeMap<String, String>,
    /// A larger, or no, limit of the client's becomes this one.
    pub max_output_tokens: Option<u64>,
    /// A larger `n` becomes this one.
    pub max_choices: Option<u64>,
    pub tools: Tools,
    /// Output modalities that may be asked for; none for all.
    pub modalities: Option<Vec<String>>,
    pub max_messages: Option<u64>,
    /// Characters of text in the whole body.
    pub max_chars: Option<u64>,
    pub system_prompt: SystemPrompt,
    pub end_user: EndUser,
}

impl BodyRule {
    /// Whether it keeps a client from something. Another name for a model, or for a user, is for order only.
    pub fn restricts(&self) -> bool {
        let Self {
            endpoint: _,
            models,
            aliases: _,
            max_output_tokens,
            max_choices,
            tools,
            modalities,
            max_messages,
            max_chars,
            system_prompt,
            end_user: _,
        } = self;
        let sizes = [max_output_tokens, max_choices, max_messages, max_chars];
        !models.is_empty()
            || *tools != Tools::Any
            || modalities.is_some()
            || *system_prompt != SystemPrompt::Free
            || sizes.into_iter().any(Option::is_some)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "types")]
pub enum Tools {
    #[default]
    Any,
    None,
    /// Types such as `function` or `web_search`.
    Only(Vec<String>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "text")]
pub enum SystemPrompt {
    /// As the client sends it.
    #[default]
    Free,
    Forbidden,
    /// This one; a client's own is refused.
    Pinned(String),
}

/// The field by which a provider tells an app's users apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndUser {
    /// As the client sends it.
    #[default]
    Free,
    /// A keyed hash of the Subject, whatever the client sends.
    Hashed,
}
