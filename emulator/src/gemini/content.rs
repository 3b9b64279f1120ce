//! The parts of a prompt, and what is counted in them.

use serde::Deserialize;

use crate::{emulator::Emulator, failure::Failure, provider::Provider, reply::count_words};
use http::StatusCode;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub text: Option<String>,
    #[serde(alias = "file_data")]
    pub file_data: Option<FileReference>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReference {
    #[serde(alias = "file_uri")]
    pub file_uri: String,
}

impl Content {
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n")
    }

    pub fn tokens(&self) -> u64 {
        self.parts.iter().filter_map(|part| part.text.as_deref()).map(count_words).sum()
    }

    /// Every file that a prompt names must be one of ours, as the real API demands.
    pub fn check_files(&self, emulator: &Emulator) -> Result<(), Failure> {
        for file in self.parts.iter().filter_map(|part| part.file_data.as_ref()) {
            let id = file.file_uri.rsplit('/').next().unwrap_or_default();
            if emulator.gemini.files.get(id).is_none() {
                let message = format!("You do not have permission to access the File {id} or it may not exist.");
                return Err(Provider::Gemini.failure(StatusCode::FORBIDDEN, message));
            }
        }
        Ok(())
    }
}
