//! Brave Search, DeepL and Open-Meteo: small questions, small answers.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, Query},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::parse;
use crate::{
    emulator::Shared,
    failure::Failure,
    provider::{Native, Provider},
};

type Parameters = Query<HashMap<String, String>>;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/brave/res/v1/{kind}/search", get(search))
        .route("/deepl/v2/translate", post(translate))
        .route("/deepl/v2/languages", get(languages))
        .route("/open-meteo/v1/forecast", get(forecast))
        .route("/open-meteo/v1/archive", get(forecast))
}

async fn search(Path(kind): Path<String>, Query(query): Parameters) -> Result<Json<Value>, Failure> {
    let Some(asked) = query.get("q") else {
        let failure = Provider::Native(Native::Brave);
        return Err(failure.failure(StatusCode::UNPROCESSABLE_ENTITY, "q is required").code("VALIDATION"));
    };
    let result =
        json!({"title": format!("You asked: {asked}"), "url": "https://example.com/", "description": "emulated"});
    let results = json!({"type": "search", "results": [result]});
    Ok(Json(json!({"type": "search", "query": {"original": asked}, kind: results})))
}

/// JSON or a form; the translation is the text in capitals.
async fn translate(headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Failure> {
    let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let texts: Vec<String> = if is_json {
        let request = parse(Native::DeepL, &body)?;
        let texts = request["text"].as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    } else {
        form_fields(&body).into_iter().filter(|(name, _)| name == "text").map(|(_, text)| text).collect()
    };
    if texts.is_empty() {
        return Err(Provider::Native(Native::DeepL).invalid("Parameter 'text' not specified.").param("text"));
    }
    let translated = |text: &String| json!({"detected_source_language": "EN", "text": text.to_uppercase()});
    Ok(Json(json!({"translations": texts.iter().map(translated).collect::<Vec<_>>()})))
}

/// `a=b&c=d`, which a query has too.
fn form_fields(body: &Bytes) -> Vec<(String, String)> {
    let uri = std::str::from_utf8(body).ok().and_then(|text| format!("/?{text}").parse::<Uri>().ok());
    let fields = uri.and_then(|uri| Query::try_from_uri(&uri).ok());
    fields.map(|Query(fields)| fields).unwrap_or_default()
}

async fn languages() -> Json<Value> {
    Json(
        json!([{"language": "DE", "name": "German", "supports_formality": true}, {"language": "EN", "name": "English"}]),
    )
}

async fn forecast(Query(query): Parameters) -> Result<Json<Value>, Failure> {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<f64>().ok());
    let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) else {
        return Err(Provider::Native(Native::OpenMeteo).invalid("Parameter 'latitude' and 'longitude' must be given"));
    };
    let current = json!({"time": "2026-01-01T12:00", "interval": 900, "temperature_2m": 7.5});
    Ok(Json(
        json!({"latitude": latitude, "longitude": longitude, "timezone": "GMT", "elevation": 38.0, "current": current}),
    ))
}
