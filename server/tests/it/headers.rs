//! What every response says about itself.

use http::StatusCode;

use crate::harness::House;

const ALWAYS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let house = House::open().await;
    let mut client = house.stranger_in_production();
    for path in ["/", "/sign-in", "/apps", "/dev/mail", "/no-such-page", "/healthz", "/robots.txt"] {
        let answer = client.get(path).await;
        for (name, value) in ALWAYS {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(answer.header("permissions-policy").contains("camera=()"), "{path}");
        assert!(answer.header("strict-transport-security").starts_with("max-age=63072000"), "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    let refused = client.call("/api/sign-in", &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.header("x-content-type-options"), "nosniff");
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_browser_is_not_told_to_remember_https_in_development() {
    let house = House::open().await;
    assert_eq!(house.stranger().get("/").await.header("strict-transport-security"), "");
}

#[tokio::test]
async fn a_page_runs_only_the_scripts_that_carry_its_nonce() {
    let house = House::open().await;
    let mut client = house.stranger_in_production();
    let (first, second) = (client.get("/sign-in").await, client.get("/sign-in").await);
    for answer in [&first, &second] {
        let policy = answer.header("content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
        assert!(nonce.len() >= 20, "{policy}");
        for directive in [
            "'strict-dynamic'",
            "'wasm-unsafe-eval'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "style-src 'self'",
        ] {
            assert!(policy.contains(directive), "{directive} in {policy}");
        }
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        let scripts = answer.body.matches("<script").count();
        assert!(
            scripts > 0 && answer.body.matches(&format!("nonce=\"{nonce}\"")).count() == scripts,
            "{}",
            answer.body
        );
        assert!(!answer.body.contains(" style="), "no inline styles");
        assert!(!answer.body.contains(" onclick="), "no inline handlers");
    }
    assert_ne!(first.header("content-security-policy"), second.header("content-security-policy"));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let house = House::open().await;
    let long = "x".repeat(300 * 1024);
    let answer = house.stranger().call("/api/sign-in", &[("email", &long), ("password", "x")]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_dashboard_says_that_it_is_well() {
    let house = House::open().await;
    let answer = house.stranger().get("/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "ok\n"));
}
