//! The fake Gemini under `/gemini`: its routes and the files it keeps.

mod content;
mod files;
mod generate;
mod models;
mod upload;

use axum::{
    Router,
    routing::{get, post},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{emulator::Shared, failure::Failure, provider::Provider, shelf::Shelf};

const MAX_FILES: usize = 10_000;
const MAX_UPLOADS: usize = 100;

pub struct Store {
    files: Shelf<files::StoredFile>,
    uploads: Shelf<upload::Upload>,
}

impl Default for Store {
    fn default() -> Self {
        Self { files: Shelf::new(MAX_FILES), uploads: Shelf::new(MAX_UPLOADS) }
    }
}

impl Store {
    pub fn clear(&self) {
        self.files.clear();
        self.uploads.clear();
    }
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/gemini/v1beta/models", get(models::list))
        .route("/gemini/v1beta/models/{call}", get(models::one).post(models::call))
        .route("/gemini/v1beta/files", get(files::page))
        .route("/gemini/v1beta/files/{id}", get(files::one).delete(files::delete))
        .route("/gemini/upload/v1beta/files", post(upload::receive).put(upload::receive))
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Provider::Gemini.invalid(format!("Invalid JSON payload received. {error}")))
}
