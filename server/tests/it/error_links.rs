//! Errors that come back in the address: only ours are shown, and only to whom they were said.

use http::StatusCode;

use crate::harness::House;

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

#[tokio::test]
async fn a_link_cannot_put_words_on_our_pages() {
    let house = House::open().await;
    let mut stranger = house.stranger();
    // {"kind":"refused","field":"form","reason":"Write to evil.example"}
    let error = "eyJraW5kIjoicmVmdXNlZCIsImZpZWxkIjoiZm9ybSIsInJlYXNvbiI6IldyaXRlIHRvIGV2aWwuZXhhbXBsZSJ9";
    for query in [
        format!("__path=%2Fapi%2Fsign-in&__err={error}"),
        format!("__path=%2Fapi%2Fsign-in&__err={error}&__sig=00"),
        format!("x=1&__err={error}"),
    ] {
        let answer = stranger.get(&format!("/sign-in?{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{query}");
        assert!(!answer.location().contains("__"), "{}", answer.location());
    }
}

#[tokio::test]
async fn an_error_said_to_one_member_is_not_shown_to_another() {
    let house = House::open().await;
    let mut eve = house.member(EVE).await;
    let refused = eve.submit("/api/create-app?from=/apps", &[("name", " ")]).await;
    let link = refused.location().to_owned();
    assert_eq!(eve.get(&link).await.status, StatusCode::OK);
    let mut ada = house.member(ADA).await;
    let answer = ada.get(&link).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/apps"));
    let elsewhere = eve.get(&link.replacen("/apps?", "/account?", 1)).await;
    assert_eq!(elsewhere.status, StatusCode::SEE_OTHER, "the signature is for one page");
}

#[tokio::test]
async fn a_very_long_form_does_not_make_a_very_long_address() {
    let house = House::open().await;
    let mut ada = house.member(ADA).await;
    let proxy = house.belongings(ADA).await.proxy.to_string();
    let rules = format!("FETCH /v1/files\n{}", "GET /v1/some/longer/path\n".repeat(2_000));
    let fields = [("id", proxy.as_str()), ("name", "x"), ("base_url", "https://api.openai.com"), ("rules", &rules)];
    let answer = ada.submit(&format!("/api/save-proxy?from=/proxies/{proxy}/settings"), &fields).await;
    assert!(answer.location().len() < 4_500, "{} bytes", answer.location().len());
    let page = ada.get(answer.location()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("alert"), "the reason is still shown");
}

#[tokio::test]
async fn an_address_with_a_trailing_slash_is_the_same_page_behind_the_same_gate() {
    let house = House::open().await;
    let mut stranger = house.stranger();
    for (path, want) in [("/apps/", "/apps"), ("/account/", "/account"), ("/sign-in/?x=1", "/sign-in?x=1")] {
        let answer = stranger.get(path).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::PERMANENT_REDIRECT, want));
    }
    assert_eq!(stranger.get("//evil.example/").await.location(), "/");
}
