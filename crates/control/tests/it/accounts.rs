//! A member's own affairs: sessions end with the password, and the account has a name.

use keyward_control::{Actor, ControlError, SignedIn};
use keyward_domain::clock::Clock;
use keyward_store::sessions::PostgresSessionStore;
use serde_json::json;
use time::macros::datetime;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

use crate::world::{IP, PASSWORD, World, refusal};

async fn begin_session(world: &World, signed_in: SignedIn) -> Id {
    let now = datetime!(2026-03-01 12:30 UTC);
    let sessions = PostgresSessionStore::new(world.database.store().clone(), Clock::fixed(now));
    let data = [
        ("member_id", json!(signed_in.member_id)),
        ("session_epoch", json!(signed_in.session_epoch)),
        ("user_agent", json!("Firefox")),
    ];
    let data = data.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut record = Record { id: Id::default(), data, expiry_date: now };
    sessions.create(&mut record).await.expect("created");
    record.id
}

fn first_sign_in(actor: &Actor) -> SignedIn {
    SignedIn { member_id: actor.member_id(), session_epoch: 0 }
}

#[tokio::test]
async fn a_changed_password_ends_every_session() {
    let world = World::development().await;
    let control = &world.control;
    let ada = world.actor("ada@example.com").await;
    let current = begin_session(&world, first_sign_in(&ada)).await.to_string();
    begin_session(&world, first_sign_in(&ada)).await;
    let listed = control.sessions(&ada, Some(&current)).await.expect("works");
    assert_eq!((listed.len(), listed.iter().filter(|session| session.is_current).count()), (2, 1));
    let new = "another rare long phrase";
    assert_eq!(refusal(control.change_password(&ada, "not it", new).await).0, "current");
    assert_eq!(refusal(control.change_password(&ada, PASSWORD, "weak").await).0, "new");
    assert_eq!(control.sessions(&ada, None).await.expect("works").len(), 2, "a refusal ends nothing");
    let signed_in = control.change_password(&ada, PASSWORD, new).await.expect("changes");
    assert!(control.sessions(&ada, None).await.expect("works").is_empty());
    begin_session(&world, signed_in).await;
    assert_eq!(control.sessions(&ada, None).await.expect("works").len(), 1, "the caller goes on");
    assert_eq!(control.sign_in("ada@example.com", new, IP).await, Ok(signed_in));
    assert_eq!(world.mails_to("ada@example.com").await[0].subject, "Your password was changed");
}

#[tokio::test]
async fn a_sign_in_overtaken_by_a_new_password_begins_nothing() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let overtaken = world.control.sign_in("ada@example.com", PASSWORD, IP).await.expect("the old password");
    world.control.change_password(&ada, PASSWORD, "another rare long phrase").await.expect("changes");
    begin_session(&world, overtaken).await;
    assert!(world.control.sessions(&ada, None).await.expect("works").is_empty());
}

#[tokio::test]
async fn failed_sign_ins_do_not_keep_a_member_from_a_new_password_but_guesses_there_wait() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let new = "another rare long phrase";
    for _ in 0..11 {
        refusal(world.sign_in("ada@example.com", "wrong phrase", IP).await);
    }
    control.change_password(&ada, PASSWORD, new).await.expect("is signed in already");
    for _ in 0..11 {
        assert_eq!(refusal(control.change_password(&ada, "wrong phrase", PASSWORD).await).0, "current");
    }
    let blocked = control.change_password(&ada, new, PASSWORD).await;
    assert!(matches!(blocked, Err(ControlError::TooManyAttempts { .. })), "{blocked:?}");
}

#[tokio::test]
async fn one_session_can_be_revoked() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    begin_session(&world, first_sign_in(&ada)).await;
    let id = world.control.sessions(&ada, None).await.expect("works")[0].id;
    world.control.revoke_session(&ada, id).await.expect("mine");
    assert!(world.control.sessions(&ada, None).await.expect("works").is_empty());
}

#[tokio::test]
async fn an_account_and_its_apps_have_names() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    control.rename_account(&ada, " Lovelace Ltd ").await.expect("renames");
    assert_eq!(control.member(&ada).await.expect("works").account_name, "Lovelace Ltd");
    assert_eq!(refusal(control.rename_account(&ada, "").await).0, "name");
    let app = control.create_app(&ada, "Chat").await.expect("created");
    let twice = control.create_app(&ada, "Chat").await.expect_err("the name is taken");
    assert!(twice.to_string().contains("app of this name"), "{twice}");
    control.rename_app(&ada, app, "Talk").await.expect("renames");
    let apps = control.apps(&ada).await.expect("works");
    assert_eq!(apps.iter().map(|app| app.name.as_str()).collect::<Vec<_>>(), ["Talk"]);
    assert_eq!(
        world.database.count("SELECT count(*) FROM plans WHERE is_default").await,
        1,
        "an app has its default plan"
    );
    control.delete_app(&ada, app).await.expect("deletes");
    assert_eq!(world.database.count("SELECT count(*) FROM plans").await, 0);
}

#[tokio::test]
async fn a_sweep_throws_away_only_what_has_expired() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    begin_session(&world, first_sign_in(&ada)).await;
    world.control.sweep().await.expect("works");
    assert_eq!(world.database.count("SELECT count(*) FROM sessions").await, 1);
    world.wait(time::Duration::days(3));
    world.control.sweep().await.expect("works");
    for table in ["sessions", "email_tokens", "attempt_backoffs"] {
        assert_eq!(world.database.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_sweep_forgets_a_sign_up_after_a_week() {
    let world = World::development().await;
    world.control.sign_up("forgotten@example.com", PASSWORD, IP).await.expect("signs up");
    world.wait(time::Duration::days(7));
    world.control.sweep().await.expect("works");
    assert_eq!(world.database.count("SELECT count(*) FROM members").await, 1);
    world.wait(time::Duration::SECOND);
    world.control.sweep().await.expect("works");
    for table in ["members", "accounts", "email_tokens"] {
        assert_eq!(world.database.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}
