//! Forms as a browser without JavaScript sends them: they work, errors come back to the page, and secrets don't.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use http::StatusCode;

use crate::harness::{Answer, Client, House};

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "hush-hush 0123456789";

/// The page that the answer sends the browser to, with the error it then shows.
async fn followed(client: &mut Client<'_>, answer: &Answer) -> Answer {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let location = answer.location().to_owned();
    client.get(&location).await
}

#[tokio::test]
async fn an_error_comes_back_beside_its_field() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let answer = member.submit("/api/create-app?from=/apps", &[("name", " ")]).await;
    assert!(answer.location().starts_with("/apps?__path="), "{}", answer.location());
    let page = followed(&mut member, &answer).await;
    assert!(page.body.contains("Enter a name."), "{}", page.body);
    assert!(page.body.contains("aria-invalid=\"true\""), "{}", page.body);
}

#[tokio::test]
async fn the_way_back_is_never_another_site() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    for from in ["https://evil.example/", "//evil.example/", "/%5Cevil.example", "/.//evil.example/x"] {
        let answer = member.submit(&format!("/api/create-app?from={from}"), &[("name", " ")]).await;
        assert!(answer.location().starts_with("/?__path="), "{from}: {}", answer.location());
    }
}

#[tokio::test]
async fn a_long_form_that_was_refused_is_not_lost() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let proxy = house.belongings(EMAIL).await.proxy.to_string();
    let path = format!("/api/save-proxy?from=/proxies/{proxy}/settings");
    let fields = [
        ("id", proxy.as_str()),
        ("name", "Renamed"),
        ("base_url", "https://api.openai.com"),
        ("rules", "GET /v1/models\nFETCH /v1/files\nGET /v1/mine"),
    ];
    let answer = member.submit(&path, &fields).await;
    let page = followed(&mut member, &answer).await;
    assert!(page.body.contains("Line 2: "), "{}", page.body);
    assert!(page.body.contains("GET /v1/mine"), "{}", page.body);
    assert!(page.body.contains("value=\"Renamed\""), "{}", page.body);
}

#[tokio::test]
async fn settings_are_saved() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let proxy = house.belongings(EMAIL).await.proxy;
    let id = proxy.to_string();
    let fields = [
        ("id", id.as_str()),
        ("name", "Renamed"),
        ("base_url", "https://api.openai.com"),
        ("allowed_origins", "https://app.example.com\r\n"),
        ("rules", "GET /v1/models ?limit\r\n"),
    ];
    let answer = member.submit("/api/save-proxy", &fields).await;
    assert_eq!(answer.location(), format!("/proxies/{id}/settings?saved=yes"), "{}", answer.body);
    let actor = house.actor(EMAIL).await;
    let saved = house.control.proxy(&actor, proxy).await.expect("the proxy");
    assert_eq!(saved.name, "Renamed");
    assert_eq!(saved.allowed_origins, ["https://app.example.com"]);
    assert_eq!((saved.rules.len(), saved.rules[0].query.as_slice()), (1, &["limit".to_owned()][..]));
}

/// As a browser sends boxes that are ticked, and as it sends none.
#[tokio::test]
async fn the_endpoints_of_a_plan_are_chosen_by_ticking_them() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let theirs = house.belongings(EMAIL).await;
    let (plan, proxy) = (theirs.plan.to_string(), theirs.proxy.to_string());
    let path = format!("/apps/{}/plans/{plan}/proxies/{proxy}", theirs.app);
    let chosen = [("plan", plan.as_str()), ("proxy", &proxy), ("scope", "chosen")];
    let ticked = [("endpoints[]", "GET /v1/models"), ("endpoints[]", "POST /v1/chat/completions")];
    let answer = member.submit(&format!("/api/save-plan-access?from={path}"), &chosen).await;
    let page = followed(&mut member, &answer).await;
    assert!(page.body.contains("Choose an endpoint"), "{}", page.body);
    let answer = member.submit("/api/save-plan-access", &[&chosen[..], &ticked].concat()).await;
    assert_eq!(answer.location(), format!("/apps/{}/plans/{plan}", theirs.app), "{}", answer.body);
    let view = house.control.plan_access(&house.actor(EMAIL).await, theirs.plan, theirs.proxy).await.expect("works");
    let names: Vec<&str> = view.proxy.at.endpoints.iter().flatten().map(String::as_str).collect();
    assert_eq!(names, ["GET /v1/models", "POST /v1/chat/completions"]);
    let page = member.get(&path).await;
    let ticked = page.body.split("<input ").filter(|input| input.contains("endpoints[]") && input.contains("checked"));
    assert_eq!(ticked.count(), 2, "{}", page.body);
}

#[tokio::test]
async fn a_new_key_needs_the_members_password() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let proxy = house.belongings(EMAIL).await.proxy;
    let id = proxy.to_string();
    let settings = format!("/proxies/{id}/settings");
    let page = member.get(&settings).await;
    assert!(page.body.contains("autocomplete=\"current-password\""), "{}", page.body);
    let mut fields = vec![("id", id.as_str()), ("name", "Theirs"), ("key", "sk-mine-0123456789")];
    let answer = member.submit(&format!("/api/save-proxy?from={settings}"), &fields).await;
    let page = followed(&mut member, &answer).await;
    assert!(page.body.contains("Enter your password to replace the key."), "{}", page.body);
    fields.push(("current_password", crate::harness::PASSWORD));
    let answer = member.submit("/api/save-proxy", &fields).await;
    assert_eq!(answer.location(), format!("{settings}?saved=yes"), "{}", answer.body);
    let saved = house.control.proxy(&house.actor(EMAIL).await, proxy).await.expect("the proxy");
    assert_eq!(saved.key_hint.map(|hint| hint.to_string()).as_deref(), Some("…6789"));
}

#[tokio::test]
async fn a_secret_in_a_refused_form_is_never_sent_back() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let theirs = house.belongings(EMAIL).await;
    let (app, proxy) = (theirs.app.to_string(), theirs.proxy.to_string());
    let forms = [
        ("/api/sign-in", "/sign-in".to_owned(), vec![("email", EMAIL), ("password", SECRET)]),
        ("/api/sign-up", "/sign-up".to_owned(), vec![("email", "not-an-address"), ("password", SECRET)]),
        ("/api/reset-password", "/reset-password".to_owned(), vec![("token", SECRET), ("password", SECRET)]),
        ("/api/change-password", "/account".to_owned(), vec![("current", SECRET), ("new", SECRET)]),
        (
            "/api/create-proxy",
            format!("/apps/{app}/proxies/new?provider=openai"),
            vec![("app", &app), ("provider", "openai"), ("name", "Mine"), ("key", SECRET)],
        ),
        (
            "/api/save-proxy",
            format!("/proxies/{proxy}/settings"),
            vec![
                ("id", &proxy),
                ("name", "Mine"),
                ("base_url", "https://api.openai.com"),
                ("key", SECRET),
                ("current_password", SECRET),
                ("rules", "nonsense"),
            ],
        ),
        (
            "/api/save-proxy",
            format!("/proxies/{proxy}/settings"),
            vec![("id", &proxy), ("name", "Mine"), ("key", "sk-mine-0123456789"), ("current_password", SECRET)],
        ),
        (
            "/api/link-issuer",
            format!("/apps/{app}/issuers/new?kind=supabase-secret"),
            vec![("app", &app), ("kind", "supabase-secret"), ("project", "nonsense"), ("secret", SECRET)],
        ),
        // A field is missing, so the form can't even be read.
        (
            "/api/create-proxy",
            format!("/apps/{app}/proxies/new?provider=openai"),
            vec![("app", "nonsense"), ("key", SECRET)],
        ),
    ];
    for (path, from, fields) in forms {
        let from: String = url::form_urlencoded::byte_serialize(from.as_bytes()).collect();
        let target = format!("{path}?from={from}");
        let is_for_strangers = path == "/api/sign-in" || path == "/api/sign-up" || path == "/api/reset-password";
        let mut stranger = house.stranger();
        let client = if is_for_strangers { &mut stranger } else { &mut member };
        let answer = client.submit(&target, &fields).await;
        assert!(answer.location().contains("__err="), "{path}: {} {}", answer.status, answer.location());
        let page = followed(client, &answer).await;
        let called = client.call(path, &fields).await;
        for text in [&decoded(answer.location()), &answer.body, &page.body, &called.body] {
            assert!(!text.contains("hush-hush"), "{path}: {text}");
        }
        assert!(page.body.contains("field-error") || page.body.contains("alert-error"), "{path}: {}", page.body);
    }
}

/// The address with its error as text.
fn decoded(location: &str) -> String {
    let url = url::Url::parse("https://x.example").and_then(|base| base.join(location)).expect("an address");
    url.query_pairs()
        .map(|(name, value)| match name.as_ref() {
            "__err" => String::from_utf8(URL_SAFE.decode(value.as_bytes()).expect("base64url")).expect("text"),
            _ => value.into_owned(),
        })
        .collect()
}

#[tokio::test]
async fn a_checked_token_is_shown_once_and_the_token_never() {
    let house = House::open().await;
    let mut member = house.member(EMAIL).await;
    let app = house.belongings(EMAIL).await.app.to_string();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodXNoIn0.c2lnbmF0dXJl";
    let answer = member.submit(&format!("/api/check-token?from=/apps/{app}"), &[("app", &app), ("token", token)]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, format!("/apps/{app}").as_str()));
    let page = followed(&mut member, &answer).await;
    assert!(page.body.contains("This token would be refused."), "{}", page.body);
    assert!(!page.body.contains(token), "{}", page.body);
    let again = member.get(&format!("/apps/{app}")).await;
    assert!(!again.body.contains("This token would be refused."), "{}", again.body);
}

#[tokio::test]
async fn the_chosen_theme_is_remembered() {
    let house = House::open().await;
    let answer = house.stranger().submit("/api/set-theme?from=/sign-in", &[("theme", "dark")]).await;
    assert_eq!(answer.location(), "/sign-in");
    assert!(answer.header("set-cookie").starts_with("theme=dark;"), "{}", answer.header("set-cookie"));
    let mut client = house.stranger();
    client.cookie = Some("theme=dark".to_owned());
    assert!(client.get("/sign-in").await.body.contains("data-theme=\"dark\""));
    client.cookie = Some("theme=\"><script>".to_owned());
    assert!(!client.get("/sign-in").await.body.contains("data-theme"));
}
