//! What belongs to another account does not exist, over every server function there is.

use std::collections::BTreeSet;

use http::StatusCode;

use keyward_domain::policy::AnonymousPolicy;

use crate::harness::{Belongings, House};

/// What a server function is about.
enum Kind {
    /// Anyone may call it; it reaches nobody's belongings.
    Public,
    /// It reaches the caller's own account only, because it takes no id.
    Own,
    /// It takes ids: these fields name another account's.
    Theirs(Vec<(&'static str, String)>),
}

/// What is decided for an app, a plan and a proxy, in each place.
fn policies(theirs: &Belongings) -> Vec<(&'static str, Kind)> {
    let Belongings { app, plan, proxy, .. } = theirs;
    let with = |name: &'static str, id: &dyn ToString, more: &[(&'static str, &str)]| {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Kind::Theirs(std::iter::once((name, id.to_string())).chain(more).collect())
    };
    let price = [("provider", "openai"), ("model", "m"), ("input", "1"), ("output", "1")];
    let mut functions = vec![
        ("/api/app-policy", with("id", app, &[])),
        ("/api/put-price", with("app", app, &price)),
        ("/api/remove-price", with("app", app, &[("price", PRICE)])),
    ];
    let limit = [("measure", "requests"), ("amount", "1"), ("window", "day"), ("per", "user")];
    for place in [format!("app:{app}"), format!("plan:{plan}"), format!("proxy:{proxy}")] {
        functions.push(("/api/put-limit", with("place", &place, &limit)));
        functions.push(("/api/remove-limit", with("place", &place, &[("limit", LIMIT)])));
    }
    functions.extend(people(theirs));
    functions.extend(plans(theirs));
    functions.extend(purchases(theirs));
    functions.extend(account_members(theirs));
    let rule = [("action", "deny"), ("network", "198.51.100.1"), ("lasts", "always")];
    for place in [format!("app:{app}"), format!("proxy:{proxy}")] {
        functions.push(("/api/address-rules", with("place", &place, &[])));
        functions.push(("/api/put-address-rule", with("place", &place, &rule)));
        functions.push(("/api/remove-address-rule", with("place", &place, &[("rule", ADDRESS_RULE)])));
    }
    functions
}

/// Plans, their rules, and who is in which.
fn plans(theirs: &Belongings) -> Vec<(&'static str, Kind)> {
    let fields = |fields: &[(&'static str, &dyn ToString)]| {
        Kind::Theirs(fields.iter().map(|(name, value)| (*name, value.to_string())).collect())
    };
    let Belongings { app, issuer, proxy, plan, .. } = theirs;
    let user = |more: &[(&'static str, &dyn ToString)]| {
        let who: [(&'static str, &dyn ToString); 3] = [("app", app), ("issuer", issuer), ("sub", &"user-1")];
        fields(&[&who, more].concat())
    };
    let rule = format!(r#"{{"plan":"{plan}","when":{{"kind":"anonymous"}}}}"#);
    vec![
        ("/api/plans", fields(&[("id", app)])),
        ("/api/plans-page", fields(&[("id", app)])),
        ("/api/plan", fields(&[("id", plan)])),
        ("/api/create-plan", fields(&[("app", app), ("name", &"Mine")])),
        ("/api/rename-plan", fields(&[("id", plan), ("name", &"Mine")])),
        ("/api/delete-plan", fields(&[("id", plan)])),
        ("/api/swap-plans", fields(&[("app", app), ("upper", plan), ("lower", plan)])),
        ("/api/save-plan-words", fields(&[("id", plan), ("message", &"Mine")])),
        ("/api/plan-access", fields(&[("plan", plan), ("proxy", proxy)])),
        ("/api/save-plan-access", fields(&[("plan", plan), ("proxy", proxy), ("scope", &"nothing")])),
        ("/api/put-plan-rule", fields(&[("app", app), ("plan", plan), ("kind", &"anonymous")])),
        ("/api/remove-plan-rule", fields(&[("app", app), ("rule", &rule)])),
        ("/api/swap-plan-rules", fields(&[("app", app), ("upper", &rule), ("lower", &rule)])),
        ("/api/set-email-link", fields(&[("app", app), ("to", &"on")])),
        ("/api/user-plan", user(&[])),
        ("/api/set-plan-override", user(&[("plan", plan)])),
        ("/api/clear-plan-override", user(&[])),
    ]
}

/// The people of an account, and the choice among accounts.
fn account_members(theirs: &Belongings) -> Vec<(&'static str, Kind)> {
    let of_account = |more: &[(&'static str, &str)]| {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Kind::Theirs(std::iter::once(("account", theirs.account.to_string())).chain(more).collect())
    };
    vec![
        ("/api/account-members", Kind::Own),
        ("/api/invite", of_account(&[("email", "new@example.com"), ("role", "viewer")])),
        ("/api/resend-invitation", of_account(&[("invitation", NOBODYS)])),
        ("/api/withdraw-invitation", of_account(&[("invitation", NOBODYS)])),
        ("/api/set-role", of_account(&[("member", NOBODYS), ("role", "owner")])),
        ("/api/remove-member", of_account(&[("member", NOBODYS)])),
        ("/api/leave-account", of_account(&[])),
        ("/api/switch-account", of_account(&[])),
        ("/api/accounts", Kind::Own),
        ("/api/open-account", Kind::Own),
        ("/api/invitation", Kind::Public),
        ("/api/join-by-invitation", Kind::Public),
        ("/api/accept-invitation", Kind::Own),
    ]
}

/// Where users buy.
fn purchases(theirs: &Belongings) -> Vec<(&'static str, Kind)> {
    let of_seller = |more: &[(&'static str, &str)]| {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let whose = [("app", theirs.app.to_string()), ("source", "stripe".to_owned())];
        Kind::Theirs(whose.into_iter().chain(more).collect())
    };
    let of_customer = |more: &[(&'static str, String)]| {
        let customer = [("id", NOBODYS.to_owned())];
        Kind::Theirs(customer.into_iter().chain(more.iter().cloned()).collect())
    };
    vec![
        ("/api/purchases", of_seller(&[])),
        ("/api/purchases-page", of_seller(&[])),
        ("/api/offers", of_seller(&[])),
        ("/api/connect-purchases", of_seller(&[("mode", "test"), ("key", "rk_test_0123456789")])),
        ("/api/replace-purchases-key", of_seller(&[("key", "rk_test_0123456789")])),
        ("/api/add-webhook-secret", of_seller(&[("webhook_secret", "whsec_0123456789012345")])),
        ("/api/remove-webhook-secret", of_seller(&[("secret", NOBODYS)])),
        ("/api/disconnect-purchases", of_seller(&[])),
        ("/api/link-purchaser", of_customer(&[("issuer", theirs.issuer.to_string()), ("sub", "user-1".to_owned())])),
        ("/api/unlink-purchaser", of_customer(&[])),
        ("/api/read-purchaser-again", of_customer(&[])),
    ]
}

/// An app's users, the apps they call from, a proxy's keys.
fn people(theirs: &Belongings) -> Vec<(&'static str, Kind)> {
    let fields = |fields: &[(&'static str, &dyn ToString)]| {
        Kind::Theirs(fields.iter().map(|(name, value)| (*name, value.to_string())).collect())
    };
    let Belongings { app, issuer, proxy, key, .. } = theirs;
    let user = || fields(&[("app", app), ("issuer", issuer), ("sub", &"user-1")]);
    vec![
        (
            "/api/app-users",
            fields(&[("id", app), ("search[sub]", &""), ("search[only]", &"all"), ("search[after]", &"")]),
        ),
        ("/api/block-user", user()),
        ("/api/unblock-user", user()),
        ("/api/revoke-user-tokens", user()),
        ("/api/revoke-all-tokens", fields(&[("app", app)])),
        ("/api/app-check", fields(&[("id", app)])),
        ("/api/save-app-check", fields(&[("id", app), ("mode", &"observe"), ("project_number", &"123456789012")])),
        ("/api/save-counting", fields(&[("id", app), ("time_zone", &"UTC"), ("without_counters", &"allow")])),
        ("/api/put-body-rule", fields(&[("id", proxy), ("max_chars", &"1000")])),
        ("/api/remove-body-rule", fields(&[("id", proxy)])),
        ("/api/save-connection", fields(&[("id", proxy), ("idle_secs", &"30")])),
        ("/api/save-ownership", fields(&[("id", proxy)])),
        ("/api/proxy-keys", fields(&[("id", proxy)])),
        (
            "/api/add-key",
            fields(&[("id", proxy), ("key", &"sk-mine-0123456789"), ("current_password", &crate::harness::PASSWORD)]),
        ),
        ("/api/change-key", fields(&[("id", proxy), ("key", key), ("weight", &"7")])),
        ("/api/remove-key", fields(&[("id", proxy), ("key", key)])),
        ("/api/set-byok", fields(&[("id", proxy), ("byok", &"required")])),
        ("/api/revoke-byok-keys", fields(&[("id", proxy)])),
        ("/api/set-fallback", fields(&[("id", proxy), ("fallback", &"")])),
    ]
}

/// A customer or a secret that is not there: whose those are that are, the use cases' own tests ask.
const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";
const LIMIT: &str = r#"{"measure":"requests","window":"minute","per":"user","amount":60}"#;
const PRICE: &str = r#"{"provider":"openai","model":"m","input_per_million":1,"output_per_million":1}"#;
const ADDRESS_RULE: &str = r#"{"network":"198.51.100.1","action":"deny"}"#;

fn functions(theirs: &Belongings) -> Vec<(&'static str, Kind)> {
    let id = |id: String| vec![("id", id)];
    let app = || theirs.app.to_string();
    let proxy = || id(theirs.proxy.to_string());
    let with = |mut fields: Vec<(&'static str, String)>, more: &[(&'static str, &str)]| {
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Kind::Theirs(fields)
    };
    let mut functions = policies(theirs);
    functions.extend(vec![
        ("/api/deployment", Kind::Public),
        ("/api/dev-mails", Kind::Public),
        ("/api/request-password-reset", Kind::Public),
        ("/api/request-verification", Kind::Public),
        ("/api/reset-password", Kind::Public),
        ("/api/set-theme", Kind::Public),
        ("/api/sign-in", Kind::Public),
        ("/api/sign-out", Kind::Public),
        ("/api/sign-up", Kind::Public),
        ("/api/verify-email", Kind::Public),
        ("/api/account", Kind::Own),
        ("/api/billing", Kind::Own),
        ("/api/open-portal", Kind::Own),
        ("/api/start-checkout", Kind::Own),
        ("/api/apps", Kind::Own),
        ("/api/change-password", Kind::Own),
        ("/api/create-app", Kind::Own),
        ("/api/member", Kind::Own),
        ("/api/rename-account", Kind::Own),
        ("/api/app", Kind::Theirs(id(app()))),
        ("/api/app-name", Kind::Theirs(id(app()))),
        ("/api/rename-app", with(id(app()), &[("name", "Mine now")])),
        ("/api/set-usage-retention", with(id(app()), &[("days", "30")])),
        ("/api/delete-app", Kind::Theirs(id(app()))),
        ("/api/link-issuer", with(vec![("app", app())], &[("kind", "firebase"), ("project", "my-app-1a2b3")])),
        ("/api/recheck-issuer", Kind::Theirs(id(theirs.issuer.to_string()))),
        ("/api/set-anonymous-users", with(id(theirs.issuer.to_string()), &[("to", "allowed")])),
        ("/api/remove-issuer", Kind::Theirs(id(theirs.issuer.to_string()))),
        ("/api/check-token", with(vec![("app", app())], &[("token", "a.b.c")])),
        (
            "/api/create-proxy",
            with(vec![("app", app())], &[("provider", "openai"), ("name", "Mine"), ("key", "sk-mine-0123456789")]),
        ),
        ("/api/proxy", Kind::Theirs(proxy())),
        ("/api/proxy-settings", Kind::Theirs(proxy())),
        (
            "/api/save-proxy",
            with(proxy(), &[("name", "Mine"), ("base_url", "https://api.openai.com"), ("rules", "GET /v1/models")]),
        ),
        ("/api/switch-proxy", with(proxy(), &[("to", "off")])),
        ("/api/delete-proxy", Kind::Theirs(proxy())),
        ("/api/send-test-request", Kind::Theirs(proxy())),
        ("/api/usage", with(proxy(), &[("range", "day")])),
        ("/api/revoke-session", Kind::Theirs(id(theirs.session.to_string()))),
    ]);
    functions
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A new server function fails this test until it is listed above with what it is about.
#[tokio::test]
async fn the_list_names_every_server_function() {
    let house = House::open().await;
    house.member("bob@example.com").await;
    let listed: BTreeSet<_> =
        functions(&house.belongings("bob@example.com").await).into_iter().map(|(path, _)| path).collect();
    let linked: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    assert_eq!(listed, linked);
}

#[tokio::test]
async fn another_account_s_anything_is_not_found() {
    let house = House::open().await;
    let mut bob = house.member("bob@example.com").await;
    let theirs = house.belongings("bob@example.com").await;
    let mut ada = house.member("ada@example.com").await;
    for (path, kind) in functions(&theirs) {
        let Kind::Theirs(fields) = kind else { continue };
        let answer = ada.call(path, &borrowed(&fields)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
        assert_eq!(answer.body, r#"{"kind":"not_found"}"#, "{path}");
    }
    // Nothing of it came through.
    let actor = house.actor("bob@example.com").await;
    let app = house.control.app(&actor, theirs.app).await.expect("still there");
    assert_eq!((app.name.as_str(), app.issuers.len(), app.proxies.len()), ("Theirs", 1, 1));
    assert!(app.issuers.iter().all(|issuer| issuer.anonymous == AnonymousPolicy::Deny));
    assert!(app.proxies.iter().all(|proxy| proxy.enabled && proxy.name == "Theirs"));
    assert_eq!(bob.get("/apps").await.status, StatusCode::OK, "Bob is still signed in");
}

#[tokio::test]
async fn another_account_s_pages_are_not_found() {
    let house = House::open().await;
    house.member("bob@example.com").await;
    let theirs = house.belongings("bob@example.com").await;
    let mut ada = house.member("ada@example.com").await;
    for path in [
        format!("/apps/{}", theirs.app),
        format!("/apps/{}/issuers/new", theirs.app),
        format!("/apps/{}/proxies/new", theirs.app),
        format!("/apps/{}/limits", theirs.app),
        format!("/apps/{}/plans", theirs.app),
        format!("/apps/{}/plans/{}", theirs.app, theirs.plan),
        format!("/apps/{}/plans/rule", theirs.app),
        format!("/apps/{}/plans/{}/proxies/{}", theirs.app, theirs.plan, theirs.proxy),
        format!("/apps/{}/purchases", theirs.app),
        format!("/apps/{}/purchases/stripe", theirs.app),
        format!("/apps/{}/users", theirs.app),
        format!("/apps/{}/users/user?issuer={}&sub=user-1", theirs.app, theirs.issuer),
        format!("/apps/{}/app-check", theirs.app),
        format!("/apps/{}/addresses", theirs.app),
        format!("/apps/{}/prices", theirs.app),
        format!("/proxies/{}", theirs.proxy),
        format!("/proxies/{}/limits", theirs.proxy),
        format!("/proxies/{}/bodies", theirs.proxy),
        format!("/proxies/{}/bodies/rule", theirs.proxy),
        format!("/proxies/{}/keys", theirs.proxy),
        format!("/proxies/{}/addresses", theirs.proxy),
        format!("/proxies/{}/settings", theirs.proxy),
        format!("/proxies/{}/usage", theirs.proxy),
    ] {
        let answer = ada.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.body.contains("Theirs"), "{path}");
    }
}

#[tokio::test]
async fn every_function_that_is_not_public_needs_a_session() {
    let house = House::open().await;
    house.member("bob@example.com").await;
    let theirs = house.belongings("bob@example.com").await;
    let mut stranger = house.stranger();
    for (path, kind) in functions(&theirs) {
        let fields = match kind {
            Kind::Public => continue,
            Kind::Own => vec![("name", "x".to_owned()), ("current", "x".to_owned()), ("new", "x".to_owned())],
            Kind::Theirs(fields) => fields,
        };
        let answer = stranger.call(path, &borrowed(&fields)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {}", answer.body);
    }
}
