//! What the guarded client does on the wire, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use http_body_util::{Either, Full};
use keyward_outbound::{ClientTimes, Guard, Lookup, OutboundError, Protocols, Reach, refusal_in};

const TIMES: ClientTimes =
    ClientTimes { connect: Duration::from_secs(2), idle: None, total: Some(Duration::from_secs(5)) };

fn guard_answering(reach: Reach, answers: &[&str]) -> Guard {
    let addresses: Vec<SocketAddr> = answers.iter().map(|text| format!("{text}:0").parse().expect(text)).collect();
    Guard::with_lookup(reach, Lookup::from_fn(move |_| std::future::ready(Ok(addresses.clone()))))
}

async fn refusal(guard: &Guard, url: &str) -> Option<OutboundError> {
    let url = guard.parse_url(url).expect("allowed by its looks");
    let mut request = Request::new(Either::Left(Full::default()));
    *request.uri_mut() = url.as_str().parse().expect("an address");
    let conduit = guard.conduit(TIMES.connect, Protocols::Http1And2).expect("root certificates");
    let by_conduit = conduit.call(request).await.expect_err("must not connect");
    let by_client = guard.client(&TIMES).get(url).send().await.expect_err("must not connect");
    let refused = refusal_in(&by_client).cloned();
    assert_eq!(refusal_in(&by_conduit).cloned(), refused, "both ways out have one guard");
    assert!(by_conduit.connecting, "nothing was sent");
    refused
}

#[tokio::test]
async fn refuses_a_host_when_any_answer_is_private() {
    for answers in [
        &["8.8.8.8", "10.0.0.1"][..],
        &["127.0.0.1"],
        &["[::ffff:169.254.169.254]"],
        &["1.1.1.1", "8.8.8.8", "[fe80::1]"],
        &["[64:ff9b::10.0.0.1]"],
    ] {
        let guard = guard_answering(Reach::PublicHttps, answers);
        let refused = refusal(&guard, "https://api.example.com/").await;
        assert_eq!(refused, Some(OutboundError::NotPublic("api.example.com".to_owned())), "{answers:?}");
    }
}

#[tokio::test]
async fn passes_on_all_answers_when_all_are_public() {
    let guard = guard_answering(Reach::PublicHttps, &["8.8.8.8", "[2606:4700:4700::1111]"]);
    assert_eq!(guard.resolve("api.example.com").await.expect("public").len(), 2);
}

#[tokio::test]
async fn a_public_name_may_not_point_at_this_machine_even_in_development() {
    let guard = guard_answering(Reach::PublicHttpsAndLoopback, &["127.0.0.1"]);
    let refused = refusal(&guard, "https://api.example.com/").await;
    assert_eq!(refused, Some(OutboundError::NotPublic("api.example.com".to_owned())));
}

#[tokio::test]
async fn localhost_may_not_point_elsewhere() {
    let guard = guard_answering(Reach::PublicHttpsAndLoopback, &["10.0.0.1"]);
    let refused = refusal(&guard, "http://localhost:9090/").await;
    assert_eq!(refused, Some(OutboundError::NotPublic("localhost".to_owned())));
}

#[tokio::test]
async fn says_so_when_a_name_has_no_address() {
    let guard = guard_answering(Reach::PublicHttps, &[]);
    let refused = refusal(&guard, "https://nowhere.example/").await;
    assert_eq!(refused, Some(OutboundError::Unresolvable("nowhere.example".to_owned())));
}

/// A server on this machine that redirects `/` to `/target`, and counts who comes there.
async fn redirecting_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    let app = Router::new()
        .route("/", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/target")]) }))
        .route("/target", get(move || async move { counted.fetch_add(1, Ordering::SeqCst).to_string() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, visits)
}

#[tokio::test]
async fn does_not_follow_redirects() {
    let (address, visits) = redirecting_server().await;
    let guard = guard_answering(Reach::PublicHttpsAndLoopback, &["127.0.0.1"]);
    let url = guard.parse_url(&format!("http://localhost:{}/", address.port())).expect("development");
    let answer = guard.client(&TIMES).get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_production_client_refuses_plain_http_even_unchecked() {
    let (address, _) = redirecting_server().await;
    let guard = Guard::new(Reach::PublicHttps);
    let outcome = guard.client(&TIMES).get(format!("http://{address}/target")).send().await;
    assert!(outcome.expect_err("refused").is_builder());
}
