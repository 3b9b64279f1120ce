//! Which fake provider a path belongs to, and where that provider expects its key.

use http::{HeaderName, StatusCode, header};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    Anthropic,
    Gemini,
    Compatible(Dialect),
    Native(Native),
    /// Stands for any custom API.
    Echo,
}

/// Those who took over OpenAI's chat completions, each with differences of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    AzureOpenAi,
    OpenRouter,
    Groq,
    Mistral,
    DeepSeek,
    XAi,
    Perplexity,
    Together,
    Fireworks,
    Zai,
    GitHubModels,
    Cloudflare,
}

/// Those with an API of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    Replicate,
    Stability,
    Fal,
    ElevenLabs,
    Deepgram,
    Brave,
    DeepL,
    OpenMeteo,
}

/// Where the key stands in a request.
pub enum KeyPlace {
    Header(HeaderName, &'static str),
    Query(&'static str),
    /// A custom API chooses its own.
    Anywhere,
}

/// The first segment of the path.
const NAMES: [(&str, Provider); 24] = [
    ("openai", Provider::OpenAi),
    ("anthropic", Provider::Anthropic),
    ("gemini", Provider::Gemini),
    ("azure-openai", Provider::Compatible(Dialect::AzureOpenAi)),
    ("openrouter", Provider::Compatible(Dialect::OpenRouter)),
    ("groq", Provider::Compatible(Dialect::Groq)),
    ("mistral", Provider::Compatible(Dialect::Mistral)),
    ("deepseek", Provider::Compatible(Dialect::DeepSeek)),
    ("xai", Provider::Compatible(Dialect::XAi)),
    ("perplexity", Provider::Compatible(Dialect::Perplexity)),
    ("together", Provider::Compatible(Dialect::Together)),
    ("fireworks", Provider::Compatible(Dialect::Fireworks)),
    ("zai", Provider::Compatible(Dialect::Zai)),
    ("github-models", Provider::Compatible(Dialect::GitHubModels)),
    ("cloudflare", Provider::Compatible(Dialect::Cloudflare)),
    ("replicate", Provider::Native(Native::Replicate)),
    ("stability", Provider::Native(Native::Stability)),
    ("fal", Provider::Native(Native::Fal)),
    ("elevenlabs", Provider::Native(Native::ElevenLabs)),
    ("deepgram", Provider::Native(Native::Deepgram)),
    ("brave", Provider::Native(Native::Brave)),
    ("deepl", Provider::Native(Native::DeepL)),
    ("open-meteo", Provider::Native(Native::OpenMeteo)),
    ("echo", Provider::Echo),
];

impl Provider {
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let first = path.split_once('/').map_or(path, |(first, _)| first);
        NAMES.iter().find(|(name, _)| *name == first).map(|(_, provider)| *provider)
    }

    pub fn key_place(self) -> KeyPlace {
        let own = |name| KeyPlace::Header(HeaderName::from_static(name), "");
        match self {
            Self::Compatible(Dialect::AzureOpenAi) => own("api-key"),
            Self::OpenAi | Self::Compatible(_) | Self::Native(Native::Replicate | Native::Stability) => {
                KeyPlace::Header(header::AUTHORIZATION, "Bearer ")
            }
            Self::Anthropic => own("x-api-key"),
            Self::Gemini => own("x-goog-api-key"),
            Self::Native(Native::ElevenLabs) => own("xi-api-key"),
            Self::Native(Native::Brave) => own("x-subscription-token"),
            Self::Native(Native::Fal) => KeyPlace::Header(header::AUTHORIZATION, "Key "),
            Self::Native(Native::Deepgram) => KeyPlace::Header(header::AUTHORIZATION, "Token "),
            Self::Native(Native::DeepL) => KeyPlace::Header(header::AUTHORIZATION, "DeepL-Auth-Key "),
            Self::Native(Native::OpenMeteo) => KeyPlace::Query("apikey"),
            Self::Echo => KeyPlace::Anywhere,
        }
    }

    pub fn failure(self, status: StatusCode, message: impl Into<String>) -> Failure {
        Failure::new(self, status, message.into())
    }

    pub fn invalid(self, message: impl Into<String>) -> Failure {
        self.failure(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found(self, message: impl Into<String>) -> Failure {
        self.failure(StatusCode::NOT_FOUND, message)
    }
}
