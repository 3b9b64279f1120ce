//! Which fake provider a path belongs to, and where that provider expects its key.

use http::{HeaderName, StatusCode, header};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    Anthropic,
    Gemini,
    /// Stands for any custom API.
    Echo,
}

impl Provider {
    /// Decided by the first segment of the path.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        match path.split_once('/').map_or(path, |(first, _)| first) {
            "openai" => Some(Self::OpenAi),
            "anthropic" => Some(Self::Anthropic),
            "gemini" => Some(Self::Gemini),
            "echo" => Some(Self::Echo),
            _ => None,
        }
    }

    /// The header that carries the key; a custom API chooses its own.
    pub fn key_header(self) -> Option<HeaderName> {
        match self {
            Self::OpenAi => Some(header::AUTHORIZATION),
            Self::Anthropic => Some(HeaderName::from_static("x-api-key")),
            Self::Gemini => Some(HeaderName::from_static("x-goog-api-key")),
            Self::Echo => None,
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
