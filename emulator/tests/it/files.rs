use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Emulator, json};

async fn upload(emulator: &Emulator, purpose: &str, content: &[u8]) -> Value {
    let mut body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let request = emulator
        .with_key(Method::POST, "/openai/v1/files")
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(body);
    json(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_large_file_comes_back_byte_for_byte() {
    let emulator = Emulator::start();
    let content: Vec<u8> = (0..21_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = upload(&emulator, "user_data", &content).await;
    assert_eq!(file["bytes"], content.len());
    let path = format!("/openai/v1/files/{}", file["id"].as_str().unwrap());
    let answer = emulator.with_key(Method::GET, &format!("{path}/content")).send().await.unwrap();
    assert_eq!(answer.content_length(), Some(content.len() as u64));
    assert!(answer.bytes().await.unwrap() == content);
    assert_eq!(emulator.get(&path).await, file);

    let deleted = json(emulator.with_key(Method::DELETE, &path).send().await.unwrap()).await;
    assert_eq!(deleted["deleted"], true);
    assert_eq!(emulator.with_key(Method::GET, &path).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn files_are_listed_in_pages_by_purpose() {
    let emulator = Emulator::start();
    for purpose in ["user_data", "batch", "user_data"] {
        upload(&emulator, purpose, b"x").await;
    }
    let first = emulator.get("/openai/v1/files?purpose=user_data&limit=1").await;
    assert_eq!(first["has_more"], true);
    let after = first["last_id"].as_str().unwrap();
    let second = emulator.get(&format!("/openai/v1/files?purpose=user_data&limit=1&after={after}")).await;
    assert_eq!((second["has_more"].as_bool(), second["data"].as_array().map(Vec::len)), (Some(false), Some(1)));
    assert_ne!(first["data"], second["data"]);
}

#[tokio::test]
async fn gemini_takes_a_resumable_upload() {
    let emulator = Emulator::start();
    let start = emulator
        .with_key(Method::POST, "/gemini/upload/v1beta/files")
        .header("x-goog-upload-protocol", "resumable")
        .header("x-goog-upload-command", "start")
        .header("x-goog-upload-header-content-type", "text/plain")
        .json(&json!({"file": {"display_name": "notes"}}));
    let started = start.send().await.unwrap();
    let url = started.headers()["x-goog-upload-url"].to_str().unwrap().to_owned();
    let path = url.strip_prefix(&emulator.url).expect("an address of the emulator");

    let piece = |command: &'static str, offset: usize, content: &'static str| {
        let request = emulator.with_key(Method::POST, path).header("x-goog-upload-command", command);
        request.header("x-goog-upload-offset", offset).body(content).send()
    };
    let active = piece("upload", 0, "hello ").await.unwrap();
    assert_eq!(active.headers()["x-goog-upload-status"], "active");
    let finished = piece("upload, finalize", 6, "world").await.unwrap();
    assert_eq!(finished.headers()["x-goog-upload-status"], "final");
    let file = json(finished).await["file"].clone();
    assert_eq!(file["sizeBytes"], "11");
    assert_eq!(file["displayName"], "notes");

    let name = file["name"].as_str().unwrap();
    assert_eq!(emulator.get(&format!("/gemini/v1beta/{name}")).await, file);
    let named = json!({"contents": [{"parts": [{"fileData": {"fileUri": file["uri"]}}, {"text": "sum up"}]}]});
    emulator.post("/gemini/v1beta/models/m:generateContent", named.clone()).await;
    json(emulator.with_key(Method::DELETE, &format!("/gemini/v1beta/{name}")).send().await.unwrap()).await;
    let path = "/gemini/v1beta/models/m:generateContent";
    let refused = emulator.with_key(Method::POST, path).json(&named).send().await.unwrap();
    assert_eq!(refused.status(), 403);
}
