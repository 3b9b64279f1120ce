//! How a session begins, lasts and ends.

use http::StatusCode;
use http::header::SET_COOKIE;

use crate::harness::{Client, House, PASSWORD};

const EMAIL: &str = "ada@example.com";

async fn signed_in(client: &mut Client<'_>) -> bool {
    client.get("/apps").await.status == StatusCode::OK
}

#[tokio::test]
async fn the_cookie_is_bound_to_this_host_in_production() {
    let house = House::open().await;
    house.member(EMAIL).await;
    for (mut client, name, secure) in
        [(house.stranger(), "keyward=", false), (house.stranger_in_production(), "__Host-keyward=", true)]
    {
        let answer = client.submit("/api/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await;
        let cookie = answer.headers.get(SET_COOKIE).expect("a cookie").to_str().expect("text");
        assert!(cookie.starts_with(name), "{cookie}");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test]
async fn whoever_opens_a_confirmation_link_is_not_signed_in_by_it() {
    let house = House::open().await;
    let mut client = house.confirmed(EMAIL).await;
    assert_eq!(client.cookie, None);
    assert!(!signed_in(&mut client).await);
    let page = client.get("/sign-in?confirmed=yes").await;
    assert!(page.body.contains("Your address is confirmed."), "{}", page.body);
}

#[tokio::test]
async fn somebody_elses_confirmation_link_leaves_me_signed_in_as_myself() {
    let house = House::open().await;
    let mut ada = house.member(EMAIL).await;
    let eve = "eve@example.com";
    house.stranger().submit("/api/sign-up", &[("email", eve), ("password", PASSWORD)]).await;
    let token = house.mailed_token(eve).await;
    ada.submit("/api/verify-email", &[("token", &token)]).await;
    let page = ada.get("/account").await;
    assert!(page.body.contains(EMAIL) && !page.body.contains(eve), "{}", page.body);
}

#[tokio::test]
async fn a_session_id_from_before_the_sign_in_is_worth_nothing_after_it() {
    let house = House::open().await;
    let mut client = house.member(EMAIL).await;
    let before = client.cookie.clone();
    assert!(client.submit("/api/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await.location() == "/apps");
    assert_ne!(client.cookie, before);
    let mut old = house.stranger();
    old.cookie = before;
    assert!(!signed_in(&mut old).await);
    assert!(signed_in(&mut client).await);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let house = House::open().await;
    let mut client = house.member(EMAIL).await;
    let cookie = client.cookie.clone();
    assert_eq!(client.submit("/api/sign-out", &[]).await.location(), "/");
    assert_eq!(client.cookie, None);
    client.cookie = cookie;
    assert!(!signed_in(&mut client).await);
}

#[tokio::test]
async fn a_session_ends_after_twelve_idle_hours() {
    let house = House::open().await;
    let mut client = house.member(EMAIL).await;
    house.pass(time::Duration::hours(11));
    assert!(signed_in(&mut client).await);
    house.pass(time::Duration::hours(13));
    assert!(!signed_in(&mut client).await);
}

#[tokio::test]
async fn a_session_ends_after_seven_days_however_busy() {
    let house = House::open().await;
    let mut client = house.member(EMAIL).await;
    for _ in 0..16 {
        house.pass(time::Duration::hours(10));
        assert!(signed_in(&mut client).await);
    }
    house.pass(time::Duration::hours(10));
    assert!(!signed_in(&mut client).await);
}

#[tokio::test]
async fn a_password_change_ends_the_other_sessions_and_keeps_this_browser() {
    let house = House::open().await;
    let mut client = house.member(EMAIL).await;
    let mut other = house.stranger();
    other.submit("/api/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert!(signed_in(&mut other).await);
    let fields = [("current", PASSWORD), ("new", "another four words here")];
    assert_eq!(client.submit("/api/change-password", &fields).await.location(), "/account?password=changed");
    assert!(signed_in(&mut client).await);
    assert!(!signed_in(&mut other).await);
}

#[tokio::test]
async fn a_revoked_session_is_out_at_once() {
    let house = House::open().await;
    let mut client = house.member(EMAIL).await;
    let mut other = house.stranger();
    other.submit("/api/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await;
    let actor = house.actor(EMAIL).await;
    let current = client.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).map(|(_, id)| id.to_owned());
    let sessions = house.control.sessions(&actor, current.as_deref()).await.expect("sessions");
    let id = sessions.iter().find(|session| !session.is_current).expect("the other one").id.to_string();
    let answer = client.submit("/api/revoke-session?from=/account", &[("id", &id)]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account"));
    assert!(!signed_in(&mut other).await);
    assert!(signed_in(&mut client).await);
}
