//! Ids inside bodies and streams: a body may name only what is the caller's; a stream's ids are recorded before they show.

use crate::harness::{Seed, Seeded, World};
use http::Method;
use serde_json::{Value, json};

async fn created(world: &World, proxy: &Seeded, user: &str, path: &str, body: &Value) -> String {
    let reply = world.post(proxy, user, path, body).await.expect(200).json();
    reply["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_body_may_name_only_the_callers_own_objects() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let response = created(&world, &proxy, "alice", "/v1/responses", &json!({"model": "m", "input": "hello"})).await;
    let own = json!({"model": "m", "input": "more", "previous_response_id": response});
    world.post(&proxy, "alice", "/v1/responses", &own).await.expect(200);
    world.forget_seen().await;
    for (path, body) in [
        ("/v1/responses", json!({"model": "m", "input": "x", "previous_response_id": response})),
        ("/v1/responses", json!({"model": "m", "input": "x", "conversation": "conv_1"})),
        ("/v1/responses", json!({"model": "m", "input": "x", "conversation": {"id": "conv_1"}})),
        ("/v1/responses", json!({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]})),
        ("/v1/responses", json!({"model": "m", "input": [{"content": [{"type": "input_file", "file_id": "file-1"}]}]})),
        (
            "/v1/responses",
            json!({"model": "m", "input": "x", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "m", "input": "x", "tools": [{"container": {"type": "auto", "file_ids": ["file-1"]}}]}),
        ),
        ("/v1/threads", json!({"tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}}})),
        ("/v1/threads", json!({"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}})),
        (
            "/v1/threads",
            json!({"messages": [{"role": "user", "content": "x", "attachments": [{"file_id": "file-1"}]}]}),
        ),
        (
            "/v1/threads/runs",
            json!({"assistant_id": "a", "thread": {"messages": [{"attachments": [{"file_id": "file-1"}]}]}}),
        ),
        (
            "/v1/chat/completions",
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]}),
        ),
        ("/v1/embeddings", json!({"model": "m", "input": "x", "file_id": "file-1"})),
    ] {
        let answer = world.post(&proxy, "bob", path, &body).await.expect(404);
        assert_eq!(answer.code(), "resource_not_found", "{path} {body}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_body_that_two_could_read_in_two_ways_is_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for body in [
        r#"{"model":"m","previous_response_id":null,"previous_response_id":"resp_1"}"#.to_owned(),
        r#"{"model":"m","input":[{"file_id":"a","file\u005fid":"b"}]}"#.to_owned(),
        format!(r#"{{"model":"m","input":{nested}}}"#),
        "{\"model\":\"m\"} {}".to_owned(),
        "not JSON".to_owned(),
    ] {
        let call = world.call(&proxy, "bob", Method::POST, "/v1/responses").await;
        let answer = call.body("application/json", body.clone().into()).send().await;
        assert_eq!(answer.expect(400).code(), "bad_body", "{body}");
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"] {
        let call = world.call(&proxy, "bob", Method::POST, "/v1/responses").await;
        let answer = call.body(media_type, br#"{"previous_response_id":"resp_1"}"#.to_vec()).send().await;
        assert_eq!(answer.expect(415).code(), "unsupported_media_type", "{media_type}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn an_id_minted_in_a_stream_belongs_to_its_caller_before_the_event_is_seen() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = json!({"model": "m", "input": "hello there", "stream": true});
    let stream = world.post(&proxy, "alice", "/v1/responses", &body).await.expect(200).text();
    let from = stream.find("\"resp_").expect("an id") + 1;
    let id = &stream[from..from + stream[from..].find('"').expect("its end")];
    world.get(&proxy, "alice", &format!("/v1/responses/{id}")).await.expect(200);
    world.get(&proxy, "bob", &format!("/v1/responses/{id}")).await.expect(404);
}

#[tokio::test]
async fn while_ownership_cannot_be_looked_up_or_recorded_nothing_is_shown() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let response = created(&world, &proxy, "alice", "/v1/responses", &json!({"model": "m", "input": "hello"})).await;
    world.get(&proxy, "alice", &format!("/v1/responses/{response}")).await.expect(200);
    world.cable.cut();
    world.forget_seen().await;
    let unknown = world.get(&proxy, "alice", "/v1/responses/resp_never_seen").await.expect(503);
    assert_eq!(unknown.code(), "ownership_unavailable");
    world.assert_unseen().await;
    // What was found before is still known.
    world.get(&proxy, "alice", &format!("/v1/responses/{response}")).await.expect(200);
    let minted =
        world.post(&proxy, "alice", "/v1/responses", &json!({"model": "m", "input": "hello"})).await.expect(503);
    assert_eq!(minted.code(), "ownership_not_recorded");
    assert!(!minted.text().contains("resp_"));
    let body = json!({"model": "m", "input": "hello", "stream": true});
    let stream = world.post(&proxy, "alice", "/v1/responses", &body).await;
    assert!(!stream.text().contains("resp_") && stream.text().contains("ownership_not_recorded"), "{}", stream.text());
    world.cable.mend();
}

#[tokio::test]
async fn an_object_never_changes_its_owner() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let thread = created(&world, &proxy, "alice", "/v1/threads", &json!({})).await;
    world.post(&proxy, "alice", &format!("/v1/threads/{thread}"), &json!({"metadata": {"a": "b"}})).await.expect(200);
    let bobs = created(&world, &proxy, "bob", "/v1/threads", &json!({})).await;
    // A provider that gave out alice's id once more would not make it bob's.
    let fault = json!({"path_prefix": "/openai/v1/threads", "method": "POST", "times": 1, "body": {"id": thread, "object": "thread"}});
    world.arm(&fault).await;
    let answer = world.post(&proxy, "bob", "/v1/threads", &json!({})).await.expect(503);
    assert_eq!(answer.code(), "ownership_not_recorded");
    world.get(&proxy, "bob", &format!("/v1/threads/{thread}")).await.expect(404);
    world.get(&proxy, "alice", &format!("/v1/threads/{thread}")).await.expect(200);
    world.get(&proxy, "bob", &format!("/v1/threads/{bobs}")).await.expect(200);
}

#[tokio::test]
async fn geminis_files_are_nobodys_while_they_are_off() {
    let world = World::start().await;
    let proxy = world.plant(world.seed("gemini")).await;
    let path = "/v1beta/models/gemini-2.5-flash:generateContent";
    for body in [
        json!({"contents": [{"parts": [{"fileData": {"fileUri": "https://x/v1beta/files/a"}}]}]}),
        json!({"contents": [{"parts": [{"file_data": {"file_uri": "files/a"}}]}]}),
        json!({"contents": [], "cachedContent": "cachedContents/a"}),
    ] {
        let answer = world.post(&proxy, "alice", path, &body).await.expect(404);
        assert_eq!(answer.code(), "resource_not_found", "{body}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn what_the_developers_account_keeps_is_used_by_nobody_unless_it_is_shared() {
    let world = World::start().await;
    let cases = [
        ("openai", "/v1/responses", json!({"model": "m", "store": false, "prompt": {"id": "@"}}), "prompt"),
        (
            "openai",
            "/v1/responses",
            json!({"model": "m", "store": false, "tools": [{"type": "shell", "environment": {"skills": [{"skill_id": "@"}]}}]}),
            "skill",
        ),
        (
            "anthropic",
            "/v1/messages",
            json!({"model": "m", "max_tokens": 5, "messages": [], "container": {"skills": [{"skill_id": "@"}]}}),
            "skill",
        ),
        ("deepl", "/v2/translate", json!({"text": ["x"], "target_lang": "DE", "glossary_id": "@"}), "glossary"),
    ];
    for (provider, path, body, kind) in cases {
        let shared = json!({"shared": [{"kind": kind, "id": "the-apps"}]});
        let policy = serde_json::from_value(shared).expect("a policy");
        let base_url = format!("{}/echo", world.emulator);
        let proxy = world.plant(Seed { policy, base_url, ..world.seed(provider) }).await;
        let send = async |id: &str| {
            let body = serde_json::from_str(&body.to_string().replace('@', id)).expect("JSON");
            world.post(&proxy, "alice", path, &body).await
        };
        world.forget_seen().await;
        assert_eq!(send("another").await.expect(404).code(), "resource_not_found", "{provider} {kind}");
        world.assert_unseen().await;
        send("the-apps").await;
        assert_eq!(world.seen().await.len(), 1, "{provider} {kind}");
    }
    let base_url = format!("{}/echo", world.emulator);
    let proxy = world.plant(Seed { base_url, ..world.seed("deepl") }).await;
    world.forget_seen().await;
    for (form, status) in [
        ("text=hello&target_lang=DE&glossary_id=other", 404),
        ("glossary%5Fid=other&text=hello", 404),
        ("glossary_id=&glossary_id=other&text=hello", 400),
        ("Glossary_Id=other&text=hello", 400),
    ] {
        let call = world.call(&proxy, "alice", Method::POST, "/v2/translate").await;
        call.body("application/x-www-form-urlencoded", form.into()).send().await.expect(status);
    }
    world.assert_unseen().await;
}
