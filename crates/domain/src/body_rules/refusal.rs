//! Why a body was refused. Holds of the request only names that the client wrote, cut short.

use crate::json_edit::MAX_EDITS;
use crate::multipart::FormError;

const NAME_CHARS: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyRefusal {
    Model {
        name: String,
    },
    /// A list of models is no list when leaving the name away means the provider's own choice.
    NoModel,
    Tool {
        name: String,
    },
    Modality {
        name: String,
    },
    SystemPrompt,
    TooManyMessages {
        most: u64,
    },
    TextTooLong {
        most: u64,
    },
    /// What a rule must read is not of the type that the provider documents, or is there under two names.
    Unreadable {
        field: String,
    },
    /// A model under an alias, at more places than are worth changing.
    TooManyChanges,
    /// The rule of all endpoints restricts, and where this one takes what it restricts is not known.
    UnknownFields,
    /// A member that brings in what the rule can't read.
    Uncheckable {
        field: String,
    },
    Form(FormError),
}

impl BodyRefusal {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Model { .. } | Self::NoModel => "model_not_allowed",
            Self::Tool { .. } => "tool_not_allowed",
            Self::Modality { .. } => "modality_not_allowed",
            Self::SystemPrompt => "system_prompt_not_allowed",
            Self::TooManyMessages { .. } => "too_many_messages",
            Self::TextTooLong { .. } => "body_text_too_long",
            Self::Unreadable { .. } | Self::TooManyChanges => "body_field_unreadable",
            Self::UnknownFields | Self::Uncheckable { .. } => "body_not_checkable",
            Self::Form(_) => "bad_form",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Model { .. } | Self::NoModel | Self::Tool { .. } | Self::Modality { .. } | Self::SystemPrompt => 403,
            Self::UnknownFields | Self::Uncheckable { .. } => 403,
            Self::TooManyMessages { .. } | Self::Unreadable { .. } | Self::TooManyChanges | Self::Form(_) => 400,
            Self::TextTooLong { .. } => 413,
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::Model { name } => format!(
                "This proxy does not allow the model {name:?}. The models it allows are on the proxy's page in the dashboard."
            ),
            Self::NoModel => {
                "The request names no model, and this proxy allows only certain ones. Name one of them.".into()
            }
            Self::Tool { name } => format!("This proxy does not allow tools of the type {name:?}."),
            Self::Modality { name } => format!("This proxy does not allow output of the modality {name:?}."),
            Self::SystemPrompt => {
                "This proxy takes no system prompt from the app: the developer sets it, or there is none.".into()
            }
            Self::TooManyMessages { most } => format!("The request has more than {most} messages."),
            Self::TextTooLong { most } => format!("The request's body has more than {most} characters of text."),
            Self::Unreadable { field } => format!(
                "The field {field} must be checked on this proxy and can't be: it has another type than documented, or is there twice."
            ),
            Self::TooManyChanges => {
                format!("The request names models by an alias at more than {MAX_EDITS} places.")
            }
            Self::UnknownFields => {
                "This proxy's rule for bodies must hold here, and which fields this endpoint has is not known. Its developer can write a rule that names the endpoint.".into()
            }
            Self::Uncheckable { field } => format!(
                "The field {field} brings in what this proxy's rules for bodies can't check. Leave it out."
            ),
            Self::Form(error) => format!("The form can't be checked: {error}."),
        }
    }

    pub(super) fn unreadable(pointer: &str) -> Self {
        Self::Unreadable { field: dotted(pointer) }
    }

    pub(super) fn uncheckable(pointer: &str) -> Self {
        Self::Uncheckable { field: dotted(pointer) }
    }

    pub(super) fn model(name: &str) -> Self {
        Self::Model { name: cut(name) }
    }

    pub(super) fn tool(name: &str) -> Self {
        Self::Tool { name: cut(name) }
    }

    pub(super) fn modality(name: &str) -> Self {
        Self::Modality { name: cut(name) }
    }
}

fn dotted(pointer: &str) -> String {
    let field = pointer.trim_start_matches('/').replace('/', ".");
    if field.is_empty() { "body".to_owned() } else { cut(&field) }
}

fn cut(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}
