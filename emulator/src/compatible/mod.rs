//! The fake providers that speak OpenAI's language: one implementation, and what each does otherwise.

mod chat;
mod dialect;
mod embeddings;
mod workers_ai;

use axum::{
    Json, Router,
    routing::{get, post},
};
use bytes::Bytes;
use http::Uri;
use serde_json::{Value, json};

pub use dialect::failure_body;

use crate::{emulator::Shared, failure::Failure, provider::Dialect, provider::Provider};

/// What stands before `/chat/completions` and `/embeddings`.
const BASES: [&str; 14] = [
    "/azure-openai/openai/deployments/{deployment}",
    "/azure-openai/openai/v1",
    "/openrouter/api/v1",
    "/groq/openai/v1",
    "/mistral/v1",
    "/deepseek",
    "/deepseek/v1",
    "/xai/v1",
    "/perplexity",
    "/together/v1",
    "/fireworks/inference/v1",
    "/zai/api/paas/v4",
    "/github-models/inference",
    "/cloudflare/v1",
];

const MODEL_LISTS: [&str; 11] = [
    "/azure-openai/openai/v1/models",
    "/openrouter/api/v1/models",
    "/groq/openai/v1/models",
    "/mistral/v1/models",
    "/deepseek/models",
    "/deepseek/v1/models",
    "/xai/v1/models",
    "/together/v1/models",
    "/fireworks/inference/v1/models",
    "/zai/api/paas/v4/models",
    "/github-models/catalog/models",
];

pub fn routes() -> Router<Shared> {
    let router = BASES.iter().fold(Router::new(), |router, base| {
        router
            .route(&format!("{base}/chat/completions"), post(chat::complete))
            .route(&format!("{base}/embeddings"), post(embeddings::create))
    });
    let router = MODEL_LISTS.iter().fold(router, |router, path| router.route(path, get(models)));
    router
        .route("/cloudflare/run/@cf/{vendor}/{model}", post(workers_ai::run))
        .route("/cloudflare/models/search", get(workers_ai::search))
}

/// Routes of this module lie under a dialect's name.
fn dialect_of(uri: &Uri) -> Dialect {
    let Some(Provider::Compatible(dialect)) = Provider::of_path(uri.path()) else {
        unreachable!("every route of this module begins with a dialect's name")
    };
    dialect
}

fn parse(dialect: Dialect, body: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Provider::Compatible(dialect).invalid(format!("The body is not valid: {error}.")))
}

/// The deployment in an Azure path, else the body's `model`.
fn model_of(dialect: Dialect, uri: &Uri, request: &Value) -> Result<String, Failure> {
    let deployment = uri.path().split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
    let model = deployment.or_else(|| request["model"].as_str());
    let missing = || Provider::Compatible(dialect).invalid("you must provide a model parameter").param("model");
    model.map(str::to_owned).ok_or_else(missing)
}

async fn models(uri: Uri) -> Json<Value> {
    let model = |id: &str| json!({"id": id, "object": "model", "created": 1_715_367_049, "owned_by": "emulator"});
    let models = ["emulator-small", "emulator-large"].map(model);
    // Two of them answer with the bare list.
    let is_bare = matches!(dialect_of(&uri), Dialect::Together | Dialect::GitHubModels);
    Json(if is_bare { json!(models) } else { json!({"object": "list", "data": models}) })
}
