//! No other site can make a browser change anything here.

use axum::body::Body;
use axum::extract::Request;
use http::{Method, StatusCode};

use crate::harness::{House, OWN_ORIGIN};

/// Header fields of a request, and whether it is one of ours.
const CASES: [(&[(&str, &str)], bool); 8] = [
    (&[], false),
    (&[("sec-fetch-site", "cross-site")], false),
    (&[("sec-fetch-site", "same-site")], false),
    (&[("sec-fetch-site", "cross-site"), ("origin", OWN_ORIGIN)], false),
    (&[("origin", "https://evil.example")], false),
    (&[("origin", "null")], false),
    (&[("origin", OWN_ORIGIN)], true),
    (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
];

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "evil.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.header("content-type", "application/x-www-form-urlencoded").body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn refuses_requests_of_other_sites_on_every_unsafe_route() {
    let house = House::open().await;
    let mut client = house.stranger();
    let paths: Vec<_> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    assert!(paths.len() > 20, "the server functions are linked in: {paths:?}");
    for path in paths.into_iter().chain(["/", "/apps", "/healthz", "/no-such-page"]) {
        for (headers, is_ours) in CASES {
            let answer = client.send(request(Method::POST, path, headers)).await;
            assert_eq!(answer.status != StatusCode::FORBIDDEN, is_ours, "{path} {headers:?}: {}", answer.status);
        }
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = client.send(request(method.clone(), path, &[("sec-fetch-site", "cross-site")])).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn says_why_a_request_was_refused() {
    let house = House::open().await;
    let answer = house.stranger().send(request(Method::POST, "/api/sign-in", &[])).await;
    assert!(answer.body.contains("does not come from a page of this dashboard"), "{}", answer.body);
}

#[tokio::test]
async fn no_server_function_answers_a_get() {
    let house = House::open().await;
    let mut member = house.member("ada@example.com").await;
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert_eq!(method, Method::POST, "{path}");
        assert_eq!(member.get(path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}
