//! "Send a test request": through the edge, as a user, with advice for every way it can fail.

use keyward_domain::error_shape::ERROR_DOCS_URL;
use keyward_domain::view::IssuerForm;
use keyward_identity::test_call;
use serde_json::json;
use time::macros::datetime;

use crate::world::{KEY, World, key_ring, new_proxy};

#[tokio::test]
async fn calls_the_edge_as_a_user_with_a_token_of_its_own() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = control.create_proxy(&ada, app, new_proxy("anthropic", "")).await.expect("created");
    world.stand_in.edge_answers(&[(200, json!({"data": []}))]);
    let answer = control.send_test_request(&ada, proxy).await.expect("sent");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"data":[]}"#));
    assert!(answer.advice.contains("Link an identity provider"), "{}", answer.advice);
    control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked");
    assert!(control.send_test_request(&ada, proxy).await.expect("sent").advice.starts_with("It works"));
    let saw = world.stand_in.edge_saw();
    let slug = control.proxy(&ada, proxy).await.expect("works").slug;
    assert_eq!(saw[0].0, format!("/edge/{slug}/v1/models"));
    assert_eq!(saw[0].1["anthropic-version"], "2023-06-01");
    let token = saw[0].1["authorization"].to_str().expect("ASCII").strip_prefix("Bearer ").expect("a bearer token");
    let verified =
        test_call::verify(&key_ring().test_call_key(), proxy, token, datetime!(2026-03-01 12:30 UTC)).expect("ours");
    assert_eq!(verified.subject.sub, format!("dashboard:{}", ada.member_id()));
    assert!(saw.iter().all(|(_, headers)| !format!("{headers:?}").contains(KEY)));
}

/// As the edge writes it: the code ends the link, in every provider's shape.
fn error(code: &str) -> serde_json::Value {
    json!({"error": {"code": code, "doc_url": format!("{ERROR_DOCS_URL}#{code}")}})
}

#[tokio::test]
async fn every_failure_comes_with_advice() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    for (status, code, advice) in [
        (502, "upstream_auth_failed", "The provider refused the key. Check it at https://platform.openai.com"),
        (502, "upstream_unreachable", "can't reach https://api.openai.com"),
        (403, "proxy_disabled", "switched off"),
        (403, "endpoint_not_allowed", "Add the rule GET /v1/models"),
        (429, "rate_limited", "limit per user"),
        (401, "token_bad_signature", "KEYWARD_KEY_ENCRYPTION_KEY"),
        (503, "provider_key_unusable", "Enter it again"),
        (418, "teapot", "status 418"),
    ] {
        world.stand_in.edge_answers(&[(status, error(code))]);
        let answer = control.send_test_request(&ada, proxy).await.expect("an answer");
        assert_eq!(answer.status, status);
        assert!(answer.advice.contains(advice), "{code}: {}", answer.advice);
    }
}

#[tokio::test]
async fn waits_for_the_edge_to_learn_of_a_new_proxy() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    world.stand_in.edge_answers(&[(404, error("unknown_proxy")), (200, json!({}))]);
    assert_eq!(world.control.send_test_request(&ada, proxy).await.expect("sent").status, 200);
}

#[tokio::test]
async fn a_long_reply_is_cut_and_an_absent_edge_is_named() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    world.stand_in.edge_answers(&[(200, json!("x".repeat(10_000)))]);
    assert_eq!(control.send_test_request(&ada, proxy).await.expect("sent").body.len(), 4096);
    let custom =
        control.create_proxy(&ada, app, new_proxy("custom", "https://api.example.com")).await.expect("created");
    let error = control.send_test_request(&ada, custom).await.expect_err("no rule to test with");
    assert!(error.to_string().contains("add a GET rule"), "{error}");
    let nowhere = World::with_absent_edge().await;
    let ada = nowhere.actor("ada@example.com").await;
    let app = nowhere.app(&ada).await;
    let proxy = nowhere.openai_proxy(&ada, app).await;
    let answer = nowhere.control.send_test_request(&ada, proxy).await.expect("an answer");
    assert_eq!(answer.status, 0);
    assert!(answer.advice.contains("KEYWARD_EDGE_URL"), "{}", answer.advice);
}
