//! What the ownership table doesn't know stays closed, even if a rule is in the database.

use crate::harness::World;
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_stored_rule_that_opens_all_users_objects_allows_nothing() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let more = json!([
        {"method": "GET", "template": "/v1/evals"},
        {"method": "GET", "template": "/v1/assistants"},
        {"method": "GET", "template": "/v1/videos/{id}"},
        {"method": "GET", "template": "/v1/{any}"},
    ]);
    world.change(&format!("UPDATE proxies SET rules = rules || '{more}'::jsonb WHERE id = '{}'", proxy.proxy)).await;
    for path in ["/v1/evals", "/v1/assistants", "/v1/videos/video_1", "/v1/fine_tuning"] {
        assert_eq!(world.get(&proxy, "bob", path).await.expect(403).code(), "endpoint_not_allowed", "{path}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_head_demands_what_a_get_does() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let more = json!([{"method": "HEAD", "template": "/v1/files"}, {"method": "HEAD", "template": "/v1/files/{id}"}]);
    world.change(&format!("UPDATE proxies SET rules = rules || '{more}'::jsonb WHERE id = '{}'", proxy.proxy)).await;
    for path in ["/v1/files/file-1", "/v1/files?after=file-1"] {
        // Of a cursor the rule above says nothing, so it is refused before that.
        let status = if path.contains('?') { 400 } else { 404 };
        world.call(&proxy, "bob", Method::HEAD, path).await.send().await.expect(status);
    }
    world.assert_unseen().await;
    let list = world.call(&proxy, "bob", Method::HEAD, "/v1/files").await.send().await;
    assert_eq!(list.header("content-length"), None, "how long everybody's list is");
}

#[tokio::test]
async fn gemini_answers_in_json_or_events_only() {
    let world = World::start().await;
    let proxy = world.plant(world.seed("gemini")).await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    for alt in ["media", "proto", ""] {
        let path = format!("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt={alt}");
        assert_eq!(world.post(&proxy, "alice", &path, &body).await.expect(400).code(), "query_not_allowed", "{alt}");
    }
    world.assert_unseen().await;
    for alt in ["sse", "json"] {
        let path = format!("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt={alt}");
        world.post(&proxy, "alice", &path, &body).await.expect(200);
    }
}
