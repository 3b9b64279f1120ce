//! What a Provider is: where its credential goes and what may be called on it by default.
//! The providers themselves are data, in `catalogue/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::body_fields::BodyFields;
use crate::model_lists::ModelList;
pub use crate::ownership::rule::{Creates, FiltersList, NamesInBody, OwnershipRule, Requires};
use crate::rules::EndpointRule;
pub use crate::sockets::SocketEndpoint;

/// Where the developer's key goes on the upstream request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeyPlacement {
    /// `Authorization: Bearer {key}`
    Bearer,
    /// `{name}: {prefix}{key}`; the name is lower case.
    Header { name: String, prefix: String },
    /// `?{name}={key}`
    Query { name: String },
}

impl KeyPlacement {
    /// The form that a sealed key is bound to (`SealContext::placement`); never change it, or no stored key opens.
    pub fn binding(&self) -> String {
        serde_json::to_string(self).expect("an enum of strings is always JSON")
    }
}

/// `scheme://host:port`, the port always written: what a sealed key is bound to (`SealContext::origin`).
pub fn upstream_origin(base_url: &Url) -> String {
    let host = base_url.host_str().unwrap_or_default();
    let port = base_url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}", base_url.scheme())
}

/// The shape in which this provider reports errors; its SDK raises typed errors from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    OpenAi,
    Anthropic,
    Google,
    Plain,
    Brave,
    Cloudflare,
    DeepL,
    Deepgram,
    ElevenLabs,
    Fal,
    Mistral,
    OpenMeteo,
    OpenRouter,
    Replicate,
    Stability,
    XAi,
}

impl ErrorShape {
    pub const ALL: [Self; 16] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Google,
        Self::Plain,
        Self::Brave,
        Self::Cloudflare,
        Self::DeepL,
        Self::Deepgram,
        Self::ElevenLabs,
        Self::Fal,
        Self::Mistral,
        Self::OpenMeteo,
        Self::OpenRouter,
        Self::Replicate,
        Self::Stability,
        Self::XAi,
    ];
}

/// How token counts are read from this provider's replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageShape {
    /// OpenAI and all who took over its chat completions, each with members of its own.
    OpenAi,
    Anthropic,
    Gemini,
    /// OpenAI's, and Cloudflare's own envelope around it.
    Cloudflare,
    /// `metrics` of a prediction.
    Replicate,
    /// Not paid by tokens: none are counted, and none are made up.
    None,
}

impl UsageShape {
    /// Whether what a reply without figures used can be told from its text. A picture's address is no text.
    pub fn is_estimable(self) -> bool {
        match self {
            Self::OpenAi | Self::Anthropic | Self::Gemini | Self::Cloudflare => true,
            Self::Replicate | Self::None => false,
        }
    }
}

/// When a chat stream says what it used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamUsage {
    /// By itself, or never; a request for it may be refused.
    #[default]
    Unasked,
    /// When `stream_options.include_usage` asks for it, in a chunk of its own.
    OnRequest,
}

/// An upstream API kind from the catalogue. One JSON file each, validated by a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// `openai`, `anthropic`, …, `custom`; stored in `proxies.provider`.
    pub name: String,
    /// `OpenAI`
    pub title: String,
    /// Empty where the address has a part of the developer's own (`addresses`), and for `custom`.
    pub base_url: String,
    /// Further addresses of this provider. `{part}` stands for one label of the host or one segment of the path that is the
    /// developer's own: `https://{resource}.openai.azure.com`. A key is never sent to any other host.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Where a developer finds the key.
    pub keys_url: String,
    pub key_placement: KeyPlacement,
    pub error_shape: ErrorShape,
    pub usage_shape: UsageShape,
    #[serde(default)]
    pub stream_usage: StreamUsage,
    /// Request headers, lower case, that pass to the upstream beside the common ones.
    #[serde(default)]
    pub request_headers: Vec<String>,
    /// Response headers, lower case, that pass to the client beside the common ones.
    #[serde(default)]
    pub response_headers: Vec<String>,
    #[serde(default)]
    pub default_rules: Vec<EndpointRule>,
    /// Reviewed like those, and off until the developer adds them: what they open is costly or long.
    #[serde(default)]
    pub optional_rules: Vec<EndpointRule>,
    /// What is spoken where a WebSocket can be opened.
    #[serde(default)]
    pub sockets: Vec<SocketEndpoint>,
    #[serde(default)]
    pub ownership: Vec<OwnershipRule>,
    /// Paths, as templates, at and below which objects of all users lie. A rule there is taken only if `ownership` knows
    /// whose they are.
    #[serde(default)]
    pub stateful_prefixes: Vec<String>,
    /// Request headers, lower case, that only the developer's own settings may send: which organization pays, which beta
    /// is on.
    #[serde(default)]
    pub developer_headers: Vec<String>,
    /// What is known of the bodies of requests.
    #[serde(default)]
    pub body_fields: Vec<BodyFields>,
    /// `POST /v1/files`: calls that cost nothing at the provider, whatever their size, beside those that only read.
    /// What their replies say of tokens is counted all the same: work done in the background is told when it is fetched.
    #[serde(default)]
    pub unbilled: Vec<String>,
    /// Calls whose body holds others, which the provider makes later.
    #[serde(default)]
    pub later_calls: Vec<LaterCalls>,
    /// Calls that list models, or tell of one.
    #[serde(default)]
    pub model_lists: Vec<ModelList>,
    #[serde(default)]
    pub reads: Reads,
    /// Of these query parameters, only these values pass.
    #[serde(default)]
    pub query_values: BTreeMap<String, Vec<String>>,
    /// A cheap call that shows a new proxy works: sent by the "send a test request" button.
    pub test_request: Option<TestRequest>,
    /// How OpenAI's SDK is used for this provider, which speaks its language.
    #[serde(default)]
    pub open_ai_sdk: Option<OpenAiSdk>,
    /// A small call, for the code examples of a provider whose SDK has no setting for its address.
    #[serde(default)]
    pub example: Option<TestRequest>,
}

/// A batch in one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaterCalls {
    /// Of the call that brings them: `POST /v1/messages/batches`.
    pub endpoint: String,
    /// JSON pointer to their array.
    pub calls: String,
    /// The member of each that is its body.
    pub body: String,
    /// Where each is posted: `/v1/messages`.
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAiSdk {
    /// What stands between the address and `/chat/completions`: `/v1`.
    pub path: String,
    /// A model to begin with.
    pub model: String,
}

/// Whether calls that only fetch or delete something are paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    #[default]
    Free,
    /// To look something up is what these sell.
    Billed,
}

pub const CUSTOM: &str = "custom";

impl Provider {
    /// Any API: the developer says where it is and how it takes its key.
    pub fn is_custom(&self) -> bool {
        self.name == CUSTOM
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    pub body: Option<serde_json::Value>,
}
