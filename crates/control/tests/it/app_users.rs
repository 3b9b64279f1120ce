//! An app's users, App Check, and whose keys serve their calls.

use keyward_control::ControlError;
use keyward_domain::ids::{IssuerId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::policy::{AppCheckMode, Byok};
use keyward_domain::validate::AppCheckForm;
use keyward_domain::view::{AppCheckRates, AppUserSearch, AppUsersShown, IssuerForm};
use uuid::Uuid;

use crate::world::{World, new_proxy, refusal};

fn search(sub: &str) -> AppUserSearch {
    AppUserSearch { sub: sub.to_owned(), ..AppUserSearch::default() }
}

#[tokio::test]
async fn who_never_called_can_be_blocked_and_is_found() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let issuer = control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked").id;
    let mallory = Subject { issuer, sub: " mallory ".to_owned() };
    control.block_app_user(&ada, app, &mallory).await.expect("blocked");
    let view = control.app_users(&ada, app, &search("MALL")).await.expect("works");
    let user = view.users.first().expect("found");
    assert_eq!((user.sub.as_str(), user.issuer_title.as_str(), user.last_seen_at), ("mallory", "Emulator", None));
    assert!(user.blocked_at.is_some() && view.next.is_none());
    assert!(control.app_users(&ada, app, &search("nobody")).await.expect("works").users.is_empty());
    let known = Subject { issuer, sub: "mallory".to_owned() };
    control.unblock_app_user(&ada, app, &known).await.expect("unblocked");
    let only_revoked = AppUserSearch { only: AppUsersShown::Revoked, ..AppUserSearch::default() };
    assert!(control.app_users(&ada, app, &only_revoked).await.expect("works").users.is_empty());
    control.revoke_tokens_of(&ada, app, &known).await.expect("revoked");
    assert_eq!(control.app_users(&ada, app, &only_revoked).await.expect("works").users.len(), 1);
    control.revoke_all_tokens(&ada, app).await.expect("revoked");
    assert!(control.app_users(&ada, app, &search("")).await.expect("works").tokens_not_before.is_some());
    assert_eq!(refusal(control.block_app_user(&ada, app, &Subject { issuer, sub: " ".to_owned() }).await).0, "sub");
}

#[tokio::test]
async fn another_apps_identity_provider_names_nobody_here() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let other = control.create_app(&ada, "Other").await.expect("created");
    let elsewhere = control.add_issuer(&ada, other, IssuerForm::Emulator).await.expect("linked").id;
    for issuer in [elsewhere, IssuerId(Uuid::nil())] {
        let subject = Subject { issuer, sub: "user-1".to_owned() };
        assert_eq!(control.block_app_user(&ada, app, &subject).await, Err(ControlError::NotFound));
        assert_eq!(control.revoke_tokens_of(&ada, app, &subject).await, Err(ControlError::NotFound));
    }
    assert_eq!(world.database.count("SELECT count(*) FROM app_users").await, 0);
}

#[tokio::test]
async fn the_list_goes_on_over_pages_without_losing_anybody() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let issuer = control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked").id;
    world
        .database
        .execute(&format!(
            "INSERT INTO app_users (id, app_id, account_id, issuer_id, sub, first_seen_at, last_seen_at)
             SELECT gen_random_uuid(), '{app}', '{}', '{issuer}', 'user-' || n, now(), now() + (n / 10) * interval '1 microsecond'
             FROM generate_series(1, 120) AS n",
            ada.account_id()
        ))
        .await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let view = control.app_users(&ada, app, &AppUserSearch { after, ..search("") }).await.expect("works");
        seen.extend(view.users.into_iter().map(|user| user.sub));
        match view.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 120);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120, "nobody twice");
}

#[tokio::test]
async fn app_check_says_how_many_calls_would_pass() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let form =
        AppCheckForm { mode: AppCheckMode::Observe, project_number: "123456789012".to_owned(), app_ids: String::new() };
    assert_eq!(
        refusal(
            control
                .save_app_check(&ada, app, &AppCheckForm { project_number: String::new(), ..form.clone() }, None)
                .await
        )
        .0,
        "project_number"
    );
    control.save_app_check(&ada, app, &form, None).await.expect("saved");
    for (outcome, hours_ago, calls) in [("'passed'", 1, 3), ("'missing'", 2, 1), ("'failed'", 50, 2), ("NULL", 1, 4)] {
        world
            .database
            .execute(&format!(
                "INSERT INTO usage_events (id, account_id, app_id, proxy_id, occurred_at, method, status, outcome,
                     request_bytes, response_bytes, duration_ms, app_check)
                 SELECT gen_random_uuid(), '{}', '{app}', '{proxy}', timestamptz '2026-03-01 12:30Z' - interval '{hours_ago} hours',
                     'GET', 200, 'completed', 0, 0, 1, {outcome} FROM generate_series(1, {calls})",
                ada.account_id()
            ))
            .await;
    }
    let view = control.app_check(&ada, app).await.expect("works");
    assert_eq!(view.policy.mode, AppCheckMode::Observe);
    assert_eq!(view.last_day, AppCheckRates { passed: 3, failed: 0, missing: 1 });
    assert_eq!((view.last_week.total(), view.last_week.passed_percent()), (6, Some(50)));
}

#[tokio::test]
async fn a_fallback_is_of_the_same_app_and_language() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let alike = world.openai_proxy(&ada, app).await;
    let stranger = control.create_proxy(&ada, app, new_proxy("anthropic", "")).await.expect("created");
    let other_app = control.create_app(&ada, "Other").await.expect("created");
    let elsewhere = world.openai_proxy(&ada, other_app).await;
    let choices: Vec<ProxyId> =
        control.fallback_choices(&ada, proxy).await.expect("works").into_iter().map(|choice| choice.id).collect();
    assert_eq!(choices, [alike]);
    for refused in [proxy, stranger, elsewhere, ProxyId(Uuid::nil())] {
        assert_eq!(refusal(control.set_fallback(&ada, proxy, Some(refused)).await).0, "fallback");
    }
    control.set_fallback(&ada, proxy, Some(alike)).await.expect("set");
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy.fallback, Some(alike));
    control.set_fallback(&ada, proxy, None).await.expect("taken back");
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy.fallback, None);
}

#[tokio::test]
async fn users_must_bring_keys_where_the_developer_has_none() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let key = control.proxy_keys(&ada, proxy).await.expect("works")[0].id;
    control.set_byok(&ada, proxy, Byok::Required).await.expect("set");
    control.remove_proxy_key(&ada, proxy, key).await.expect("nobody needs it");
    assert_eq!(refusal(control.set_byok(&ada, proxy, Byok::Off).await).0, "byok");
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy.byok, Byok::Required);
}
