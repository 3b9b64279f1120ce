//! What the token check box says.

use keyward_domain::issuer::IssuerConfig;
use keyward_domain::view::{TokenCheckLine, Verdict};
use serde_json::json;

use crate::issuer_server::{IssuerServer, linked};
use crate::signer::{NOW_SECS, Signer, now, oidc_claims, with};

fn line<'l>(lines: &'l [TokenCheckLine], check: &str) -> &'l TokenCheckLine {
    lines.iter().find(|line| line.check == check).unwrap_or_else(|| panic!("no line {check:?} in {lines:#?}"))
}

#[tokio::test]
async fn every_check_of_a_good_token_passes() {
    let signer = Signer::rsa("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let token = format!(" {}\n", signer.sign(&oidc_claims()));
    let lines = server.key_sets().explain(&server.oidc(), &token, now()).await;
    assert!(lines.iter().all(|line| line.verdict == Verdict::Passed), "{lines:#?}");
    for check in ["Format", "Issuer (iss)", "Audience (aud)", "User id (sub)", "Expiry (exp)", "Algorithm", "Signature"]
    {
        line(&lines, check);
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_shown_at_once() {
    let (signer, stranger) = (Signer::p256("one"), Signer::p256("one"));
    let server = IssuerServer::publishing(&[&signer]).await;
    let claims = with(&with(&oidc_claims(), "aud", json!("other")), "exp", json!(NOW_SECS - 90));
    let lines = server.key_sets().explain(&server.oidc(), &stranger.sign(&claims), now()).await;
    let audience = line(&lines, "Audience (aud)");
    assert_eq!(audience.reason, "expected `aud` to be \"my-app\", the token has other");
    assert_eq!(line(&lines, "Expiry (exp)").reason, "the token expired 90 s ago");
    assert_eq!(line(&lines, "Signature").verdict, Verdict::Failed);
    assert_eq!(line(&lines, "User id (sub)").verdict, Verdict::Passed);
}

#[tokio::test]
async fn a_key_that_is_not_published_is_named() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let lines = server.key_sets().explain(&server.oidc(), &Signer::p256("gone").sign(&oidc_claims()), now()).await;
    assert_eq!(line(&lines, "Signature").reason, "the issuer publishes no ES256 key for kid gone");
}

#[tokio::test]
async fn a_token_of_another_issuer_is_told_apart_from_the_linked_ones() {
    let signer = Signer::rsa("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let issuers = [linked(IssuerConfig::Firebase { project_id: "demo-app".to_owned() })];
    let cookie = with(&oidc_claims(), "iss", json!("https://session.firebase.google.com/demo-app"));
    let lines = server.key_sets().explain(&issuers, &signer.sign(&cookie), now()).await;
    let issuer = line(&lines, "Issuer (iss)");
    assert_eq!(issuer.verdict, Verdict::Failed);
    assert!(issuer.reason.contains("linked: https://securetoken.google.com/demo-app"), "{}", issuer.reason);
    assert!(issuer.reason.contains("session cookie"), "{}", issuer.reason);
    assert_eq!(line(&lines, "Signature").verdict, Verdict::NotChecked);
    assert_eq!(server.fetches(), 0);
}

#[tokio::test]
async fn text_that_is_no_token_fails_by_its_format() {
    let server = IssuerServer::publishing(&[]).await;
    let lines = server.key_sets().explain(&server.oidc(), "sk-not-a-token", now()).await;
    assert_eq!(line(&lines, "Format").verdict, Verdict::Failed);
}
