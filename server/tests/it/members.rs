//! Several people in an account, several accounts of a member: what a session may do changes with the next request.

use http::StatusCode;
use keyward_domain::ids::AccountId;
use keyward_domain::role::Role;

use crate::harness::{Client, House, PASSWORD};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

/// Bob, who has an account of his own, is let into Ada's by mail, and works there.
async fn let_in(house: &House, role: Role) -> (AccountId, Client<'_>) {
    house.member(ADA).await;
    let mut bob = house.member(BOB).await;
    // Joined after Bob's own account was made.
    house.pass(time::Duration::SECOND);
    let token = invited(house, BOB, role).await;
    let answer = bob.submit("/api/accept-invitation", &[("token", &token)]).await;
    assert_eq!(answer.location(), "/apps", "{}", answer.body);
    (house.actor(ADA).await.account_id(), bob)
}

async fn invited(house: &House, email: &str, role: Role) -> String {
    let ada = house.actor(ADA).await;
    let ip = std::net::IpAddr::from([192, 0, 2, 250]);
    house.control.invite(&ada, email, role, ip).await.expect("sent");
    house.mailed_token(email).await
}

#[tokio::test]
async fn a_member_who_is_removed_loses_pages_and_functions_with_the_next_request() {
    let house = House::open().await;
    let (account, mut bob) = let_in(&house, Role::Admin).await;
    let app = house.control.create_app(&house.actor(ADA).await, "Ada's").await.expect("made");
    assert!(bob.get("/apps").await.body.contains("Ada&#x27;s") || bob.get("/apps").await.body.contains("Ada's"));
    let member = house.actor(BOB).await.member_id();
    house.control.remove_member(&house.actor(ADA).await, member).await.expect("removed");
    assert_eq!(bob.get("/apps").await.status, StatusCode::FORBIDDEN);
    assert_eq!(bob.get(&format!("/apps/{app}")).await.status, StatusCode::FORBIDDEN);
    // A page that is still open: nothing of it lands in Bob's own account instead.
    let (id, account) = (app.to_string(), account.to_string());
    for (path, fields) in [
        ("/api/create-app", vec![("name", "Typed before")]),
        ("/api/rename-account", vec![("name", "Typed before")]),
        ("/api/app", vec![("id", id.as_str())]),
        ("/api/account-members", vec![]),
    ] {
        let answer = bob.call(path, &fields).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::FORBIDDEN, r#"{"kind":"no_account"}"#),
            "{path}"
        );
    }
    for path in ["/api/switch-account", "/api/leave-account"] {
        assert_eq!(bob.call(path, &[("account", &account)]).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(house.count("SELECT count(*) FROM apps WHERE name = 'Typed before'").await, 0);
    let own = house.actor(BOB).await.account_id().to_string();
    assert_eq!(bob.get("/accounts").await.status, StatusCode::OK, "the way out");
    assert_eq!(bob.submit("/api/switch-account", &[("account", &own)]).await.location(), "/apps");
    assert_eq!(bob.get("/apps").await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_account_is_another_session_id_and_a_form_goes_to_the_account_it_names() {
    let house = House::open().await;
    let (account, mut bob) = let_in(&house, Role::Admin).await;
    let (own, before) = (house.actor(BOB).await.account_id(), bob.cookie.clone());
    let answer = bob.submit("/api/switch-account", &[("account", &own.to_string())]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/apps"));
    assert_ne!(bob.cookie, before);
    // Of a page of Ada's account that is open in another tab.
    let form =
        [("account", account.to_string()), ("email", "new@example.com".to_owned()), ("role", "viewer".to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(bob.call("/api/invite", &form).await.status, StatusCode::OK);
    let of = |account: AccountId| {
        format!("SELECT count(*) FROM invitations WHERE used_at IS NULL AND account_id = '{account}'")
    };
    assert_eq!((house.count(&of(account)).await, house.count(&of(own)).await), (1, 0));
}

#[tokio::test]
async fn a_viewer_sees_and_does_not_change() {
    let house = House::open().await;
    let (account, mut bob) = let_in(&house, Role::Viewer).await;
    let account = account.to_string();
    assert_eq!(bob.get("/account/members").await.status, StatusCode::OK);
    let form = [("account", account.as_str()), ("email", "new@example.com"), ("role", "viewer")];
    for (path, fields) in [("/api/create-app", &[("name", "Mine")][..]), ("/api/invite", &form)] {
        assert_eq!(bob.call(path, fields).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn the_link_leads_each_reader_to_the_form_that_fits() {
    let house = House::open().await;
    let mut ada = house.member(ADA).await;
    house.confirmed(BOB).await;
    let token = invited(&house, BOB, Role::Viewer).await;
    let page = format!("/invitation?token={token}");
    let mut bob = house.stranger();
    assert!(bob.get(&page).await.body.contains("Sign in to accept"));
    assert!(ada.get(&page).await.body.contains("You are signed in as ada@example.com"));
    let refused = ada.call("/api/accept-invitation", &[("token", &token)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("email", BOB), ("password", PASSWORD), ("next", page.as_str())];
    assert_eq!(bob.submit("/api/sign-in", &fields).await.location(), page, "and back to the link");
    assert!(bob.get(&page).await.body.contains("Join the account"));
    assert_eq!(bob.submit("/api/accept-invitation", &[("token", &token)]).await.location(), "/apps");
    assert!(house.stranger().get(&page).await.body.contains("This invitation is over"));
}

#[tokio::test]
async fn a_new_member_joins_is_signed_in_and_leaves_to_open_an_account_of_their_own() {
    let house = House::open().await;
    house.member(ADA).await;
    let token = invited(&house, "new@example.com", Role::Viewer).await;
    let mut new = house.stranger();
    assert!(new.get(&format!("/invitation?token={token}")).await.body.contains("Choose a password"));
    let joined = new.submit("/api/join-by-invitation", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(joined.location(), "/apps", "{}", joined.body);
    assert_eq!(new.get("/apps").await.status, StatusCode::OK);
    let account = house.actor(ADA).await.account_id().to_string();
    assert_eq!(new.submit("/api/leave-account", &[("account", &account)]).await.location(), "/accounts");
    assert!(new.get("/accounts").await.body.contains("You belong to no account"));
    assert_eq!(new.get("/apps").await.status, StatusCode::FORBIDDEN);
    assert_eq!(new.submit("/api/open-account", &[]).await.location(), "/apps");
    assert_eq!(new.call("/api/create-app", &[("name", "Mine")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_keeps_the_account_one_works_in() {
    let house = House::open().await;
    let (_, mut bob) = let_in(&house, Role::Viewer).await;
    let fields = [("current", PASSWORD), ("new", "five other words in a row")];
    assert_eq!(bob.submit("/api/change-password", &fields).await.location(), "/account?password=changed");
    assert_eq!(
        bob.call("/api/create-app", &[("name", "Mine")]).await.status,
        StatusCode::FORBIDDEN,
        "a viewer's still"
    );
}
