//! Calls that lead to further calls: an upload's address, a batch's file, a next page, an address in a reply.

use crate::harness::{Seed, Seeded, World};
use http::Method;
use keyward_domain::ownership::ResourceRef;
use keyward_domain::policy::ProxyPolicy;
use keyward_domain::rules::EndpointRule;
use serde_json::{Value, json};

fn rule(method: &str, template: &str) -> EndpointRule {
    let query = ["limit", "cursor", "pageSize", "pageToken"].map(str::to_owned).to_vec();
    EndpointRule { method: method.to_owned(), template: template.to_owned(), query, headers: vec![] }
}

async fn started(world: &World, proxy: &Seeded, user: &str) -> String {
    let call = world.call(proxy, user, Method::POST, "/upload/v1beta/files").await;
    let call = call.header("x-goog-upload-protocol", "resumable").header("x-goog-upload-command", "start");
    let answer = call.json(&json!({"file": {"displayName": "notes"}})).send().await.expect(200);
    assert_eq!(answer.header("x-goog-upload-status"), Some("active"));
    answer.header("x-goog-upload-url").expect("where to go on").to_owned()
}

async fn finished(world: &World, user: &str, url: &str) -> crate::harness::Answer {
    let request = world.client.post(url).header("x-goog-api-key", world.token(user).await);
    let request = request.header("x-goog-upload-command", "upload, finalize").header("x-goog-upload-offset", "0");
    world.send(request.header("content-type", "application/json").body("{not JSON, and nobody minds")).await
}

#[tokio::test]
async fn an_upload_goes_on_at_the_edge_and_belongs_to_who_began_it() {
    let world = World::start().await;
    let proxy = world.plant(world.seed("gemini")).await;
    let url = started(&world, &proxy, "alice").await;
    assert!(url.starts_with(&world.url(&proxy, "/upload/v1beta/files?upload_id=")), "{url}");
    world.forget_seen().await;
    let foreign = finished(&world, "bob", &url).await.expect(404);
    assert!(foreign.text().contains("resource_not_found"), "{}", foreign.text());
    world.assert_unseen().await;
    let file = finished(&world, "alice", &url).await.expect(200).json()["file"].clone();
    let name = file["name"].as_str().expect("a name").to_owned();
    world.get(&proxy, "alice", &format!("/v1beta/{name}")).await.expect(200);
    world.get(&proxy, "bob", &format!("/v1beta/{name}")).await.expect(404);
    let prompt = json!({"contents": [{"parts": [{"text": "read"}, {"fileData": {"fileUri": file["uri"]}}]}]});
    let path = "/v1beta/models/gemini-2.5-flash:generateContent";
    world.post(&proxy, "alice", path, &prompt).await.expect(200);
    world.post(&proxy, "bob", path, &prompt).await.expect(404);
    world.call(&proxy, "alice", Method::DELETE, &format!("/v1beta/{name}")).await.send().await.expect(200);
    world.get(&proxy, "alice", &format!("/v1beta/{name}")).await.expect(404);
}

#[tokio::test]
async fn pages_go_on_from_the_callers_own_object_where_the_provider_has_tokens() {
    let world = World::start().await;
    let proxy = world.plant(world.seed("gemini")).await;
    let mut own = Vec::new();
    for user in ["alice", "bob", "alice", "bob", "alice"] {
        let url = started(&world, &proxy, user).await;
        let file = finished(&world, user, &url).await.expect(200).json()["file"]["name"].clone();
        own.extend((user == "alice").then_some(file));
    }
    own.reverse();
    let first = world.get(&proxy, "alice", "/v1beta/files?pageSize=2").await.expect(200).json();
    let names = |page: &Value| -> Vec<Value> {
        page["files"].as_array().expect("files").iter().map(|file| file["name"].clone()).collect()
    };
    assert_eq!(names(&first), own[..2]);
    let token = first["nextPageToken"].as_str().expect("there is more");
    assert_eq!(Value::from(format!("files/{token}")), own[1], "the cursor is the caller's own");
    let rest =
        world.get(&proxy, "alice", &format!("/v1beta/files?pageSize=2&pageToken={token}")).await.expect(200).json();
    assert_eq!((names(&rest), rest.get("nextPageToken")), (vec![own[2].clone()], None));
    world.forget_seen().await;
    world.get(&proxy, "bob", &format!("/v1beta/files?pageToken={token}")).await.expect(404);
    world.assert_unseen().await;
}

pub async fn batch_file(world: &World, proxy: &Seeded, user: &str, lines: &str) -> String {
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"calls.jsonl\"\r\n\r\n{lines}\r\n--b--\r\n"
    );
    let call = world.call(proxy, user, Method::POST, "/v1/files").await;
    let answer = call.body("multipart/form-data; boundary=b", form.into()).send().await.expect(200).json();
    answer["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_batch_may_do_later_only_what_its_user_may_do_now() {
    let world = World::start().await;
    let mut rules = keyward_domain::catalogue::provider("openai").expect("in the catalogue").default_rules.clone();
    rules.extend([rule("POST", "/v1/batches"), rule("GET", "/v1/batches"), rule("GET", "/v1/batches/{batch_id}")]);
    let proxy = world.plant(Seed { rules: Some(rules), ..world.seed("openai") }).await;
    let response = world.post(&proxy, "alice", "/v1/responses", &json!({"model": "m", "input": "secret"})).await;
    let response = response.expect(200).json()["id"].clone();
    let line =
        |url: &str, body: Value| json!({"custom_id": "1", "method": "POST", "url": url, "body": body}).to_string();
    let begun = |file: String| json!({"input_file_id": file, "endpoint": "/v1/responses", "completion_window": "24h"});
    for (text, status, code) in [
        (
            line("/v1/responses", json!({"model": "m", "input": "x", "previous_response_id": response})),
            404,
            "resource_not_found",
        ),
        (
            line("/v1/responses", json!({"input": [{"content": [{"file_id": "file-other"}]}]})),
            404,
            "resource_not_found",
        ),
        (line("/v1/fine_tuning/jobs", json!({})), 403, "endpoint_not_allowed"),
        ("not JSON".to_owned(), 400, "unreadable_calls"),
        (r#"{"url":"/v1/responses","body":{"a":1,"a":2}}"#.to_owned(), 400, "unreadable_calls"),
    ] {
        let file = batch_file(&world, &proxy, "bob", &text).await;
        let answer = world.post(&proxy, "bob", "/v1/batches", &begun(file)).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{text}");
    }
    let seen = world.seen().await;
    assert!(!seen.iter().any(|seen| seen["path"] == "/openai/v1/batches"), "a batch was begun");

    let good = line("/v1/chat/completions", json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}));
    let file = batch_file(&world, &proxy, "bob", &good).await;
    world.post(&proxy, "alice", "/v1/batches", &begun(file.clone())).await.expect(404);
    let batch = world.post(&proxy, "bob", "/v1/batches", &begun(file)).await.expect(200).json()["id"].clone();
    let path = format!("/v1/batches/{}", batch.as_str().expect("an id"));
    world.get(&proxy, "alice", &path).await.expect(404);
    // Its output is made later, and is its user's as soon as it is named.
    let output = world.get(&proxy, "bob", &path).await.expect(200).json()["output_file_id"].clone();
    let content = format!("/v1/files/{}/content", output.as_str().expect("an id"));
    assert!(world.get(&proxy, "bob", &content).await.expect(200).text().contains("You said: hi"));
    world.get(&proxy, "alice", &content).await.expect(404);
}

#[tokio::test]
async fn a_voice_is_everybodys_only_when_the_provider_says_so() {
    let world = World::start().await;
    let base = Seed::new("elevenlabs", format!("{}/echo", world.emulator), &world.emulator);
    let shared = [ResourceRef { kind: "voice".to_owned(), id: "house".to_owned() }].into();
    let mut rules = keyward_domain::catalogue::provider("elevenlabs").expect("in the catalogue").default_rules.clone();
    rules.push(rule("DELETE", "/v1/voices/{voice}"));
    let policy = ProxyPolicy { shared, ..ProxyPolicy::default() };
    let proxy = world.plant(Seed { policy, rules: Some(rules), ..base }).await;
    for (voice, category) in [("premade", "premade"), ("cloned", "cloned")] {
        let fault = json!({"path_prefix": format!("/echo/v1/voices/{voice}"), "times": 1, "status": 200, "body": {"category": category}});
        world.arm(&fault).await;
    }
    let say = |voice: &str| format!("/v1/text-to-speech/{voice}");
    let text = json!({"text": "hello"});
    world.post(&proxy, "alice", &say("premade"), &text).await.expect(200);
    world.post(&proxy, "bob", &say("premade"), &text).await.expect(200);
    world.post(&proxy, "bob", &say("house"), &text).await.expect(200);
    world.post(&proxy, "bob", &say("cloned"), &text).await.expect(404);
    let asked = world.seen().await.iter().filter(|seen| seen["path"] == "/echo/v1/voices/premade").count();
    assert_eq!(asked, 1, "the provider's answer is remembered");
    world.forget_seen().await;
    for voice in ["premade", "house", "cloned"] {
        let call = world.call(&proxy, "bob", Method::DELETE, &format!("/v1/voices/{voice}")).await;
        call.send().await.expect(404);
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn an_address_in_a_reply_leads_to_the_edge_or_is_left_out() {
    let world = World::start().await;
    let base = Seed::new("replicate", format!("{}/echo", world.emulator), &world.emulator);
    let mut rules = keyward_domain::catalogue::provider("replicate").expect("in the catalogue").default_rules.clone();
    rules.push(rule("GET", "/v1/predictions"));
    let proxy = world.plant(Seed { rules: Some(rules), ..base }).await;
    let made = |id: &str| {
        json!({"id": id, "status": "starting", "urls": {
            "get": format!("{}/echo/v1/predictions/{id}?api_key=secret", world.emulator),
            "cancel": format!("https://elsewhere.example/v1/predictions/{id}/cancel"),
            "stream": "https://stream.example/abc", "web": "https://example.com/p"}})
    };
    for id in ["p1", "p2", "p3"] {
        world
            .arm(&json!({"path_prefix": "/echo", "method": "POST", "times": 1, "status": 201, "body": made(id)}))
            .await;
        let body = json!({"version": "v", "input": {"prompt": "x"}});
        let answer = world.post(&proxy, "alice", "/v1/predictions", &body).await.expect(201).json();
        assert_eq!(answer["urls"], json!({"get": world.url(&proxy, &format!("/v1/predictions/{id}"))}));
    }
    let page = json!({"results": [made("p3"), made("foreign"), made("p2"), made("p1")], "previous": null,
        "next": format!("{}/echo/v1/predictions?cursor=opaque", world.emulator)});
    world.arm(&json!({"path_prefix": "/echo/v1/predictions", "method": "GET", "status": 200, "body": page})).await;
    let list = world.get(&proxy, "alice", "/v1/predictions").await.expect(200);
    assert!(!list.text().contains("foreign") && !list.text().contains("secret"), "{}", list.text());
    assert_eq!(list.json()["next"], Value::Null, "all were found");
    let limited = world.get(&proxy, "alice", "/v1/predictions?limit=2").await.expect(200).json();
    assert_eq!(limited["next"], world.url(&proxy, "/v1/predictions?cursor=p2"));
    let rest = world.get(&proxy, "alice", "/v1/predictions?cursor=p2").await.expect(200).json();
    assert_eq!(rest["results"].as_array().map(|results| results[0]["id"].clone()), Some(json!("p1")));
}

#[tokio::test]
async fn the_results_of_a_message_batch_are_fetched_through_the_edge() {
    let world = World::start().await;
    let mut rules = keyward_domain::catalogue::provider("anthropic").expect("in the catalogue").default_rules.clone();
    let batch = "/v1/messages/batches/{batch_id}";
    rules.extend([rule("POST", "/v1/messages/batches"), rule("GET", batch), rule("GET", &format!("{batch}/results"))]);
    let proxy = world.plant(Seed { rules: Some(rules), ..world.seed("anthropic") }).await;
    let send = async |user: &str, body: Value| {
        let call = world.call(&proxy, user, Method::POST, "/v1/messages/batches").await;
        call.header("anthropic-version", "2023-06-01").json(&body).send().await
    };
    let of = |content: Value| json!({"requests": [{"custom_id": "one", "params": {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}}]});
    let document = json!([{"type": "document", "source": {"type": "file", "file_id": "file_other"}}]);
    send("alice", of(document)).await.expect(404);
    world.assert_unseen().await;
    let id = send("alice", of(json!("hi"))).await.expect(200).json()["id"].as_str().expect("an id").to_owned();
    let read = world.get(&proxy, "alice", &format!("/v1/messages/batches/{id}")).await.expect(200).json();
    let path = format!("/v1/messages/batches/{id}/results");
    assert_eq!(read["results_url"], world.url(&proxy, &path), "an SDK sends the user's token to this address");
    assert!(world.get(&proxy, "alice", &path).await.expect(200).text().contains("You asked"));
    world.get(&proxy, "bob", &path).await.expect(404);
}
