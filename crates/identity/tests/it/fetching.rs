//! Fetching on a developer's behalf: discovery, key sets, and what is said when they fail.

use axum::http::StatusCode;
use keyward_domain::issuer::IssuerConfig;
use keyward_identity::{FetchError, KeySetSummary, KeySets};
use keyward_outbound::{Guard, OutboundError, Reach};
use serde_json::json;

use crate::issuer_server::{Answer, IssuerServer};
use crate::signer::{Signer, key_set, now, oidc_claims};

#[tokio::test]
async fn a_fetch_on_demand_says_what_it_found_and_fills_the_cache() {
    let (rsa, p256) = (Signer::rsa("one"), Signer::p256("two"));
    let server = IssuerServer::publishing(&[&rsa, &p256]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    let summary = key_sets.fetch_now(&issuers[0].config).await.expect("good");
    assert_eq!(summary, KeySetSummary { keys: 2, algorithms: vec!["RS256".to_owned(), "ES256".to_owned()] });
    assert!(key_sets.verify(&issuers, &rsa.sign(&oidc_claims()), now()).await.is_ok());
    assert_eq!(server.fetches(), 1);
    key_sets.fetch_now(&issuers[0].config).await.expect("good");
    assert_eq!(server.fetches(), 2, "past the cache");
}

#[tokio::test]
async fn a_fetch_says_what_went_wrong() {
    let server = IssuerServer::start(Answer::Status(StatusCode::NOT_FOUND)).await;
    let (key_sets, config) = (server.key_sets(), server.oidc()[0].config.clone());
    let host = "127.0.0.1".to_owned();
    let not_found = key_sets.fetch_now(&config).await;
    assert_eq!(not_found, Err(FetchError::Status { host: host.clone(), status: 404 }));
    server.answer(Answer::RedirectTo("/elsewhere"));
    assert_eq!(key_sets.fetch_now(&config).await, Err(FetchError::Redirected { host: host.clone() }));
    assert_eq!(server.visits_elsewhere(), 0, "redirects are not followed");
    server.answer(Answer::Json("x".repeat(256 * 1024 + 1)));
    assert_eq!(key_sets.fetch_now(&config).await, Err(FetchError::TooLarge { host }));
    server.answer(Answer::Json(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned()));
    let unusable = key_sets.fetch_now(&config).await.expect_err("no key").to_string();
    assert!(unusable.contains("none of its 1 keys can be used"), "{unusable}");
    let secret = IssuerConfig::SupabaseSecret { issuer: "https://abcdef.supabase.co/auth/v1".parse().expect("a URL") };
    assert_eq!(key_sets.fetch_now(&secret).await, Err(FetchError::NoKeySet));
}

#[tokio::test]
async fn a_silent_issuer_is_given_up_after_five_seconds() {
    let server = IssuerServer::publishing(&[&Signer::p256("one")]).await;
    server.hold_answers();
    let outcome = server.key_sets().fetch_now(&server.oidc()[0].config).await;
    assert_eq!(outcome, Err(FetchError::TimedOut { host: "127.0.0.1".to_owned() }));
}

#[tokio::test]
async fn an_unreachable_issuer_is_named() {
    let server = IssuerServer::publishing(&[&Signer::p256("one")]).await;
    let mut config = server.oidc()[0].config.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let free = listener.local_addr().expect("bound");
    drop(listener);
    if let IssuerConfig::Oidc { jwks_url, .. } = &mut config {
        *jwks_url = format!("http://{free}/jwks").parse().expect("a URL");
    }
    let outcome = server.key_sets().fetch_now(&config).await;
    assert_eq!(outcome, Err(FetchError::Unreachable { host: "127.0.0.1".to_owned() }));
}

#[tokio::test]
async fn key_sets_of_this_machine_are_refused_in_production() {
    let server = IssuerServer::publishing(&[&Signer::p256("one")]).await;
    let key_sets = KeySets::new(Guard::new(Reach::PublicHttps));
    let outcome = key_sets.fetch_now(&server.oidc()[0].config).await;
    assert_eq!(outcome, Err(FetchError::Refused(OutboundError::Loopback("127.0.0.1".to_owned()))));
    assert_eq!(server.fetches(), 0);
}

#[tokio::test]
async fn discovery_returns_the_issuer_as_its_tokens_spell_it() {
    let server = IssuerServer::publishing(&[]).await;
    let base = server.url("");
    let with_slash = json!({ "issuer": format!("{base}/"), "jwks_uri": server.url("/jwks") });
    server.answer(Answer::Json(with_slash.to_string()));
    for asked in [base.clone(), format!(" {base}/ ")] {
        let discovery = server.key_sets().discover(&asked).await.expect("good");
        assert_eq!(discovery.issuer, format!("{base}/"));
        assert_eq!(discovery.jwks_url.as_str(), server.url("/jwks"));
    }
}

#[tokio::test]
async fn discovery_refuses_the_document_of_another_issuer() {
    let server = IssuerServer::publishing(&[]).await;
    let other = json!({ "issuer": "https://login.example.com", "jwks_uri": server.url("/jwks") });
    server.answer(Answer::Json(other.to_string()));
    let refused = server.key_sets().discover(&server.url("")).await;
    assert!(matches!(refused, Err(FetchError::OtherIssuer { .. })), "{refused:?}");
}

#[tokio::test]
async fn discovery_refuses_a_key_set_on_a_private_address() {
    let server = IssuerServer::publishing(&[]).await;
    let base = server.url("");
    for (jwks_uri, refusal) in [
        ("https://169.254.169.254/latest/meta-data", OutboundError::IpLiteral),
        ("http://keys.example.com/jwks", OutboundError::NotHttps),
    ] {
        server.answer(Answer::Json(json!({ "issuer": base, "jwks_uri": jwks_uri }).to_string()));
        assert_eq!(server.key_sets().discover(&base).await, Err(FetchError::Refused(refusal)));
    }
    server.answer(Answer::Json(key_set(&[])));
    let refused = server.key_sets().discover(&base).await;
    assert!(matches!(refused, Err(FetchError::NotADiscoveryDocument { .. })), "{refused:?}");
}
