//! Bodies pass byte for byte both ways, within their bounds.

use crate::harness::{Seed, World};
use http::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of no pattern that a line or a block could hide in.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(step).collect()
}

#[tokio::test]
async fn an_upload_and_a_download_of_20_megabytes_arrive_as_they_were() {
    let world = World::with(&[("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    let content = noise(20 << 20);
    let mut form = b"--b0undary\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n".to_vec();
    form.extend_from_slice(&content);
    form.extend_from_slice(b"\r\n--b0undary--\r\n");
    let sent = hex::encode(Sha256::digest(&form));
    let upload = world.call(&proxy, "alice", Method::POST, "/v1/files").await;
    let file = upload.body("multipart/form-data; boundary=b0undary", form).send().await.expect(200).json();
    assert_eq!(world.seen().await[0]["body_sha256"], json!(sent));
    assert!(world.seen().await[0]["headers"]["content-length"].is_string(), "its length is passed on");
    let id = file["id"].as_str().expect("an id");
    let download = world.get(&proxy, "alice", &format!("/v1/files/{id}/content")).await.expect(200);
    assert_eq!(download.sha256(), hex::encode(Sha256::digest(&content)));
    assert_eq!(download.header("content-length"), Some(content.len().to_string().as_str()));
    let events = world.usage(&proxy, 2).await;
    assert_eq!(events[1]["response_bytes"], json!(content.len()));
    assert!(events[0]["request_bytes"].as_u64().is_some_and(|bytes| bytes > 20 << 20));
}

#[tokio::test]
async fn the_proxys_memory_does_not_grow_with_the_body() {
    let world = World::with(&[("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    let speech =
        |bytes: u64| json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": bytes}});
    world.post(&proxy, "alice", "/v1/audio/speech", &speech(1 << 20)).await.expect(200);
    let before = world.edge.process.peak_memory_kib();
    let large = world.post(&proxy, "alice", "/v1/audio/speech", &speech(100 << 20)).await.expect(200);
    assert_eq!(large.body.len(), 100 << 20);
    let grown = world.edge.process.peak_memory_kib() - before;
    assert!(grown < 20 << 10, "grown by {grown} KiB");
}

#[tokio::test]
async fn a_binary_reply_arrives_as_it_was() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": 300_001}});
    let answer = world.post(&proxy, "alice", "/v1/audio/speech", &body).await.expect(200);
    let want: Vec<u8> = (0..300_001_u32).map(|at| u8::try_from(at % 251).expect("under 251")).collect();
    assert_eq!(answer.sha256(), hex::encode(Sha256::digest(&want)));
}

#[tokio::test]
async fn json_reaches_the_provider_as_the_client_wrote_it() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = r#"{ "z":1.50e3, "model":"gpt-4o-mini","messages":[{"role":"user","content":"\u00e9\/"}] }"#;
    let call = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await;
    call.body("application/json", body.into()).send().await.expect(200);
    assert_eq!(world.seen().await[0]["body_sha256"], json!(hex::encode(Sha256::digest(body))));
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused_with_or_without_a_length() {
    let world =
        World::with(&[("KEYWARD_BODY_MAX_BYTES", "100000"), ("KEYWARD_JSON_BODY_MAX_BYTES", "10000")]).start().await;
    let openai = world.openai().await;
    let echo = world.echo(&[("POST", "/x")]).await;
    let json_body = format!("{{\"a\":\"{}\"}}", "x".repeat(20_000)).into_bytes();
    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
    form.resize(200_000, b'x');
    for (proxy, path, media_type, body) in [
        (&openai, "/v1/chat/completions", "application/json", json_body.clone()),
        (&echo, "/x", "application/json", json_body),
        (&openai, "/v1/files", "multipart/form-data; boundary=b", form),
    ] {
        let call = world.call(proxy, "alice", Method::POST, path).await;
        assert_eq!(call.body(media_type, body.clone()).send().await.expect(413).code(), "body_too_large", "{path}");
        // A broken-off upload of the round before may be noted late; it went to another path.
        let reached =
            world.seen().await.iter().any(|seen| seen["path"].as_str().is_some_and(|seen| seen.ends_with(path)));
        assert!(!reached, "{path} reached the provider");
        let mut call = world.call(proxy, "alice", Method::POST, path).await;
        let chunks = body.chunks(5_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
        let stream = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
        call.request = call.request.header("content-type", media_type).body(stream);
        // An upload is on its way before its size is known; what the edge holds back is the end of it.
        assert_eq!(call.send().await.expect(413).code(), "body_too_large", "{path} in chunks");
        let whole = world.seen().await.iter().any(|seen| seen["aborted"] == false && seen["finished"] == true);
        assert!(!whole, "{path} in chunks");
    }
}

#[tokio::test]
async fn a_body_that_stalls_or_breaks_off_is_not_waited_for() {
    let world = World::with(&[("KEYWARD_BODY_IDLE_TIMEOUT_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    let head = format!(
        "POST /{}/v1/chat/completions HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{{\"model\"",
        proxy.slug
    );
    let mut stream = TcpStream::connect(&world.edge.address).await.expect("connected");
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("an answer");
    assert!(reply.starts_with("HTTP/1.1 408") && reply.contains("body_timeout"), "{reply}");
    let mut stream = TcpStream::connect(&world.edge.address).await.expect("connected");
    stream.write_all(head.as_bytes()).await.expect("written");
    drop(stream);
    let events = world.usage(&proxy, 2).await;
    assert_eq!((&events[0]["outcome"], &events[1]["outcome"]), (&json!("rejected"), &json!("client_aborted")));
    world.assert_unseen().await;
}

#[tokio::test]
async fn answers_without_a_body_pass() {
    let world = World::start().await;
    let proxy = world.echo(&[("HEAD", "/x"), ("GET", "/x"), ("DELETE", "/x")]).await;
    let head = world.call(&proxy, "alice", Method::HEAD, "/x").await.send().await.expect(200);
    assert!(head.body.is_empty() && head.header("content-length").is_some());
    world.arm(&json!({"path_prefix": "/echo/x", "status": 204})).await;
    let answer = world.call(&proxy, "alice", Method::DELETE, "/x").await.send().await.expect(204);
    assert!(answer.body.is_empty());
    assert!(world.usage(&proxy, 2).await.iter().all(|event| event["outcome"] == "completed"));
}

#[tokio::test]
async fn an_upload_without_a_rule_that_reads_it_is_streamed_to_a_custom_api() {
    let world = World::start().await;
    let proxy = world.plant(Seed { ..world.seed("custom") }).await;
    world
        .change(&format!(
            "UPDATE proxies SET rules = '[{{\"method\":\"PUT\",\"template\":\"/blob/{{id}}\"}}]' WHERE id = '{}'",
            proxy.proxy
        ))
        .await;
    let content = noise(3 << 20);
    let call = world.call(&proxy, "alice", Method::PUT, "/blob/1").await;
    let echo = call.body("application/octet-stream", content.clone()).send().await.expect(200).json();
    assert_eq!(echo["body_sha256"], json!(hex::encode(Sha256::digest(&content))));
}

#[tokio::test]
async fn a_client_that_is_still_sending_reads_why_it_was_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for (user, path, length, status) in [
        (Some("alice"), "/v1/files", 30 << 20, 413),
        (Some("alice"), "/nowhere", 2 << 20, 403),
        (None, "/v1/files", 2 << 20, 401),
    ] {
        let mut request =
            world.client.post(world.url(&proxy, path)).header("content-type", "multipart/form-data; boundary=b");
        if let Some(user) = user {
            request = request.bearer_auth(world.token(user).await);
        }
        world.send(request.body(vec![b'x'; length])).await.expect(status);
    }
    world.assert_unseen().await;
}
