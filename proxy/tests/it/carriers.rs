//! The user's token is accepted wherever a provider's SDK puts its key, taken off, and replaced by the key.

use crate::harness::{Seed, World};
use http::Method;
use keyward_domain::provider::KeyPlacement;
use keyward_domain::rules::EndpointRule;
use serde_json::{Value, json};

fn get_x() -> Option<Vec<EndpointRule>> {
    Some(vec![EndpointRule {
        method: "GET".to_owned(),
        template: "/x".to_owned(),
        query: vec!["q".to_owned()],
        headers: vec![],
    }])
}

#[tokio::test]
async fn a_token_is_accepted_wherever_the_providers_sdk_puts_its_key() {
    let world = World::start().await;
    let (openai, anthropic, gemini) =
        (world.openai().await, world.plant(world.seed("anthropic")).await, world.plant(world.seed("gemini")).await);
    let own = KeyPlacement::Header { name: "x-own-key".to_owned(), prefix: "Key ".to_owned() };
    let own = world.plant(Seed { placement: Some(own), rules: get_x(), ..world.seed("custom") }).await;
    let in_query = KeyPlacement::Query { name: "api_key".to_owned() };
    let in_query = world.plant(Seed { placement: Some(in_query), rules: get_x(), ..world.seed("custom") }).await;
    let token = world.token("alice").await;
    for (proxy, path, header) in [
        (&openai, "/v1/models", Some(("authorization", format!("Bearer {token}")))),
        (&openai, "/v1/models", Some(("authorization", format!("Token {token}")))),
        (&openai, "/v1/models", Some(("authorization", format!("DeepL-Auth-Key {token}")))),
        (&openai, "/v1/models", Some(("xi-api-key", token.clone()))),
        (&openai, "/v1/models", Some(("x-subscription-token", token.clone()))),
        (&anthropic, "/v1/models", Some(("x-api-key", token.clone()))),
        (&gemini, "/v1beta/models", Some(("x-goog-api-key", token.clone()))),
        (&gemini, &format!("/v1beta/models?key={token}"), None),
        (&own, "/x", Some(("x-own-key", format!("Key {token}")))),
        (&in_query, &format!("/x?api_key={token}&q=1"), None),
    ] {
        world.forget_seen().await;
        let mut request = world.client.get(world.url(proxy, path)).header("anthropic-version", "2023-06-01");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        // The emulator itself refuses a request that carries anything of the caller's, or the key twice.
        world.send(request).await.expect(200);
        assert_eq!(world.seen().await.len(), 1, "{path}");
    }
    assert_eq!(world.seen().await[0]["query"], "q=1&api_key=[key]");
}

#[tokio::test]
async fn two_different_credentials_are_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let (alice, bob) = (world.token("alice").await, world.token("bob").await);
    let request = world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(&alice);
    assert_eq!(world.send(request.header("x-api-key", &bob)).await.expect(400).code(), "token_conflict");
    let request = world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(&alice).bearer_auth(&bob);
    assert_eq!(world.send(request).await.expect(400).code(), "token_conflict");
    world.assert_unseen().await;
    let request = world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(&alice);
    world.send(request.header("x-api-key", &alice)).await.expect(200);
}

#[tokio::test]
async fn the_key_arrives_once_and_nothing_of_the_caller_does() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    let call = world.call(&proxy, "alice", Method::GET, &format!("/v1/models?key={token}&access_token={token}")).await;
    let call = call.header("x-api-key", &token).header("x-goog-api-key", &token).header("api-key", &token);
    call.header("cookie", &format!("session={token}")).header("proxy-authorization", &token).send().await.expect(200);
    let seen = world.seen().await;
    assert_eq!((&seen[0]["headers"]["authorization"], &seen[0]["query"]), (&json!("Bearer [key]"), &Value::Null));
    assert!(!seen[0].to_string().contains(&token));
}

#[tokio::test]
async fn without_a_token_nothing_goes_out_in_any_error_shape() {
    let world = World::start().await;
    let openai = world.openai().await;
    let answer = world.send(world.client.get(world.url(&openai, "/v1/models"))).await.expect(401);
    assert_eq!((answer.code().as_str(), answer.header("www-authenticate")), ("token_missing", Some("Bearer")));
    assert_eq!(answer.json()["error"]["type"], "authentication_error");
    assert_eq!(answer.json()["error"]["doc_url"], "https://keyward.dev/docs/errors#token_missing");
    let anthropic = world.plant(world.seed("anthropic")).await;
    let answer = world.send(world.client.get(world.url(&anthropic, "/v1/models"))).await.expect(401);
    assert!(answer.header("request-id").is_some_and(|id| Some(id) == answer.header("x-request-id")));
    let answer = answer.json();
    assert_eq!((&answer["type"], &answer["error"]["type"]), (&json!("error"), &json!("authentication_error")));
    let gemini = world.plant(world.seed("gemini")).await;
    let answer = world.send(world.client.get(world.url(&gemini, "/v1beta/models"))).await.expect(401).json();
    assert_eq!((&answer["error"]["status"], &answer["error"]["code"]), (&json!("UNAUTHENTICATED"), &json!(401)));
    world.assert_unseen().await;
}
