//! Which pages need a session.

use http::StatusCode;
use server::gate::PUBLIC_PAGES;
use server::router::PAGES;

use crate::harness::House;

const SOME_ID: &str = "00000000-0000-0000-0000-000000000001";

fn pages() -> Vec<String> {
    let pages: Vec<_> = PAGES.iter().map(|route| route.path().to_owned()).collect();
    assert!(pages.len() > 15, "{pages:?}");
    pages
}

#[tokio::test]
async fn every_page_that_is_not_public_sends_a_stranger_to_sign_in() {
    let house = House::open().await;
    let mut stranger = house.stranger();
    for page in pages() {
        let path = page.replace("{id}", SOME_ID);
        let answer = stranger.get(&path).await;
        if PUBLIC_PAGES.contains(&page.as_str()) {
            assert_eq!(answer.status, StatusCode::OK, "{page}");
        } else {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
            assert!(answer.location().starts_with("/sign-in?next=%2F"), "{page}: {}", answer.location());
            assert!(answer.body.is_empty(), "{page}");
        }
    }
}

#[tokio::test]
async fn a_member_sees_every_page_and_a_page_of_nothing_is_not_found() {
    let house = House::open().await;
    let mut member = house.member("ada@example.com").await;
    for page in pages() {
        let answer = member.get(&page.replace("{id}", SOME_ID)).await;
        let want = match page.as_str() {
            "/" | "/sign-in" | "/sign-up" => StatusCode::SEE_OTHER,
            _ if page.contains("{id}") => StatusCode::NOT_FOUND,
            // This house takes no money.
            "/account/billing" => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        assert_eq!(answer.status, want, "{page}");
    }
}

#[tokio::test]
async fn goes_on_to_the_page_that_was_asked_for_and_to_no_other_site() {
    let house = House::open().await;
    house.member("ada@example.com").await;
    for (next, want) in
        [("/account", "/account"), ("https://evil.example/", "/apps"), ("//evil.example", "/apps"), ("", "/apps")]
    {
        let fields = [("email", "ada@example.com"), ("password", crate::harness::PASSWORD), ("next", next)];
        let answer = house.stranger().submit("/api/sign-in", &fields).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, want), "{next}");
    }
}

#[tokio::test]
async fn an_unknown_address_is_a_page_that_says_so() {
    let house = House::open().await;
    for path in ["/no-such-page", "/apps-and-more", "/pkg/nothing.js"] {
        let answer = house.stranger().get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("Page not found"), "{path}");
    }
    let mut member = house.member("ada@example.com").await;
    assert_eq!(member.get("/apps/not-an-id").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn kept_mail_is_shown_in_development_only() {
    let house = House::open().await;
    house.member("ada@example.com").await;
    let answer = house.stranger().get("/dev/mail").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("/verify?token="), "{}", answer.body);

    let mut production = house.stranger_in_production();
    let answer = production.get("/dev/mail").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(!answer.body.contains("token="), "{}", answer.body);
    assert_eq!(production.call("/api/dev-mails", &[]).await.status, StatusCode::NOT_FOUND);
    assert!(!production.get("/check-your-mail").await.body.contains("/dev/mail"));
}

#[tokio::test]
async fn a_strangers_form_is_not_read() {
    let house = House::open().await;
    let id = ("id", SOME_ID);
    for (path, fields) in [
        (
            "/api/create-proxy",
            vec![("app", SOME_ID), ("provider", "x"), ("name", "x"), ("key", "x"), ("placement", "nonsense")],
        ),
        ("/api/save-proxy", vec![id, ("name", "x"), ("rules", "nonsense")]),
        ("/api/save-proxy", vec![id, ("name", "x"), ("limit_requests", "nonsense")]),
        ("/api/link-issuer", vec![("app", SOME_ID), ("kind", "nonsense")]),
    ] {
        let answer = house.stranger().call(path, &fields).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {}", answer.body);
    }
}
