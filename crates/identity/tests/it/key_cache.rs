//! When key sets are fetched, and which set counts when a fetch goes wrong.

use axum::http::StatusCode;
use keyward_identity::TokenRejection;
use serde_json::json;

use crate::issuer_server::{Answer, IssuerServer};
use crate::signer::{Signer, key_set, now, oidc_claims};

const HOUR_SECS: u64 = 60 * 60;

fn with_kid(signer: &Signer, kid: &str) -> String {
    signer.sign_with(&json!({ "alg": signer.algorithm(), "kid": kid }), &oidc_claims())
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_costs_at_most_two_fetches() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    for number in 0..200 {
        let token = with_kid(&signer, &format!("random-{number}"));
        assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(TokenRejection::UnknownKey));
    }
    assert_eq!(server.fetches(), 2);
    server.pass_secs(29);
    let _ = key_sets.verify(&issuers, &with_kid(&signer, "random"), now()).await;
    assert_eq!(server.fetches(), 2);
    server.pass_secs(1);
    let _ = key_sets.verify(&issuers, &with_kid(&signer, "random"), now()).await;
    assert_eq!(server.fetches(), 3, "once per 30 s");
}

#[tokio::test]
async fn a_parallel_flood_of_unknown_key_ids_costs_at_most_two_fetches() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let (key_sets, issuers, token) =
                (key_sets.clone(), issuers.clone(), with_kid(&signer, &number.to_string()));
            tokio::spawn(async move { key_sets.verify(&issuers, &token, now()).await })
        })
        .collect();
    for task in flood {
        assert_eq!(task.await.expect("no panic"), Err(TokenRejection::UnknownKey));
    }
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_at_its_first_use() {
    let (old, new) = (Signer::rsa("old"), Signer::rsa("new"));
    let server = IssuerServer::publishing(&[&old]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    assert!(key_sets.verify(&issuers, &old.sign(&oidc_claims()), now()).await.is_ok());
    server.answer(Answer::Json(key_set(&[&old, &new])));
    assert!(key_sets.verify(&issuers, &new.sign(&oidc_claims()), now()).await.is_ok());
    assert!(key_sets.verify(&issuers, &old.sign(&oidc_claims()), now()).await.is_ok());
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_hundred_parallel_tokens_share_one_fetch() {
    let signer = Signer::rsa("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    server.hold_answers();
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let (key_sets, issuers, token) = (key_sets.clone(), issuers.clone(), signer.sign(&oidc_claims()));
            tokio::spawn(async move { key_sets.verify(&issuers, &token, now()).await })
        })
        .collect();
    server.fetches_reach(1).await;
    server.release_answers();
    for task in waiting {
        assert!(task.await.expect("no panic").is_ok());
    }
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_break_off_the_fetch() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers, token) = (server.key_sets(), server.oidc(), signer.sign(&oidc_claims()));
    server.hold_answers();
    let first = tokio::spawn({
        let (key_sets, issuers, token) = (key_sets.clone(), issuers.clone(), token.clone());
        async move { key_sets.verify(&issuers, &token, now()).await }
    });
    server.fetches_reach(1).await;
    first.abort();
    assert!(first.await.expect_err("aborted").is_cancelled());
    server.release_answers();
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_set_is_renewed_ahead_of_its_expiry_while_tokens_go_on_passing() {
    let signer = Signer::p256("one");
    let server = IssuerServer::start(Answer::JsonFor { body: key_set(&[&signer]), max_age_secs: 1000 }).await;
    let (key_sets, issuers, token) = (server.key_sets(), server.oidc(), signer.sign(&oidc_claims()));
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
    server.pass_secs(740);
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
    assert_eq!(server.fetches(), 1);
    server.hold_answers();
    server.pass_secs(20);
    for _ in 0..10 {
        assert!(key_sets.verify(&issuers, &token, now()).await.is_ok(), "nobody waits for the renewal");
    }
    server.fetches_reach(2).await;
    assert_eq!(server.fetches(), 2);
    server.release_answers();
}

#[tokio::test]
async fn an_expired_set_is_renewed_before_it_is_believed_again() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let server = IssuerServer::publishing(&[&old]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    assert!(key_sets.verify(&issuers, &old.sign(&oidc_claims()), now()).await.is_ok());
    server.answer(Answer::Json(key_set(&[&new])));
    server.pass_secs(2 * HOUR_SECS);
    let refused = key_sets.verify(&issuers, &old.sign(&oidc_claims()), now()).await;
    assert_eq!(refused, Err(TokenRejection::UnknownKey), "a withdrawn key dies with its set");
}

#[tokio::test]
async fn a_failed_or_empty_answer_never_replaces_a_good_set() {
    let signer = Signer::p256("one");
    let token = signer.sign(&oidc_claims());
    for answer in [
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::Status(StatusCode::NO_CONTENT),
        Answer::Json(String::new()),
        Answer::Json("<html>".to_owned()),
        Answer::Json(r#"{"keys":[]}"#.to_owned()),
        Answer::Json(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned()),
        Answer::Json(format!(r#"{{"keys":[],"filler":"{}"}}"#, "x".repeat(300 * 1024))),
        Answer::RedirectTo("/elsewhere"),
    ] {
        let server = IssuerServer::publishing(&[&signer]).await;
        let (key_sets, issuers) = (server.key_sets(), server.oidc());
        assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
        server.answer(answer);
        assert!(key_sets.fetch_now(&issuers[0].config).await.is_err());
        assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
        server.pass_secs(HOUR_SECS);
        assert!(key_sets.verify(&issuers, &token, now()).await.is_ok(), "stale, but all there is");
        assert_eq!(server.fetches(), 3);
    }
}

#[tokio::test]
async fn a_stale_set_is_used_for_up_to_24_hours() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers, token) = (server.key_sets(), server.oidc(), signer.sign(&oidc_claims()));
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
    server.answer(Answer::Status(StatusCode::BAD_GATEWAY));
    server.pass_secs(24 * HOUR_SECS - 31);
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
    server.pass_secs(31);
    assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(TokenRejection::IssuerUnavailable));
}

#[tokio::test]
async fn an_issuer_that_is_down_with_nothing_cached_is_unavailable_and_not_hammered() {
    let signer = Signer::p256("one");
    let server = IssuerServer::start(Answer::Status(StatusCode::SERVICE_UNAVAILABLE)).await;
    let (key_sets, issuers, token) = (server.key_sets(), server.oidc(), signer.sign(&oidc_claims()));
    for _ in 0..50 {
        assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(TokenRejection::IssuerUnavailable));
    }
    assert_eq!(server.fetches(), 1);
    server.answer(Answer::Json(key_set(&[&signer])));
    server.pass_secs(5);
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
}

#[tokio::test]
async fn a_stale_set_during_an_outage_costs_one_attempt_in_30_seconds() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers, token) = (server.key_sets(), server.oidc(), signer.sign(&oidc_claims()));
    assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
    server.answer(Answer::Status(StatusCode::BAD_GATEWAY));
    server.pass_secs(2 * HOUR_SECS);
    for _ in 0..20 {
        assert!(key_sets.verify(&issuers, &token, now()).await.is_ok());
        let _ = key_sets.verify(&issuers, &with_kid(&signer, "random"), now()).await;
    }
    assert_eq!(server.fetches(), 2);
}
