//! What an account may own has an end, and many forms sent at once don't slip past it.

use keyward_control::ControlError;
use tokio::task::JoinSet;

use crate::world::{World, new_proxy};

fn conflict<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> String {
    match outcome.expect_err("one too many") {
        ControlError::Conflict { reason } => reason,
        other => panic!("another error: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_fifty_apps_however_many_are_made_at_once() {
    let world = World::production().await;
    let (ada, eve) = (world.actor("ada@example.com").await, world.actor("eve@example.com").await);
    let mut forms = JoinSet::new();
    for n in 0..55 {
        let (control, ada) = (world.control.clone(), ada.clone());
        forms.spawn(async move { control.create_app(&ada, &format!("App {n}")).await });
    }
    let outcomes = forms.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 50);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(conflict(refused), "an account has at most 50 apps");
    }
    let apps = world.control.apps(&ada).await.expect("works");
    world.control.delete_app(&ada, apps[0].id).await.expect("deletes");
    world.control.create_app(&ada, "Another").await.expect("there is room again");
    world.control.create_app(&eve, "Mine").await.expect("another account's own fifty");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_has_fifty_proxies_however_many_are_made_at_once() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let other = world.control.create_app(&ada, "Other").await.expect("created");
    let mut forms = JoinSet::new();
    for _ in 0..55 {
        let (control, ada) = (world.control.clone(), ada.clone());
        forms.spawn(async move { control.create_proxy(&ada, app, new_proxy("openai", "")).await });
    }
    let outcomes = forms.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 50);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(conflict(refused), "an app has at most 50 proxies");
    }
    assert_eq!(world.database.count("SELECT count(*) FROM sealed_keys").await, 50, "nothing half-written");
    world.openai_proxy(&ada, other).await;
}
