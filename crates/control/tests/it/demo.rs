//! The demo of a development installation.

use crate::world::{IP, World};

#[tokio::test]
async fn seeding_twice_changes_nothing() {
    let world = World::development().await;
    let demo = world.control.ensure_demo().await.expect("seeded");
    assert_eq!(world.control.ensure_demo().await.as_ref(), Ok(&demo));
    let member = world.sign_in(&demo.email, &demo.password, IP).await.expect("verified, with that password");
    let actor = world.control.actor(member).await.expect("an actor");
    let app = world.control.app(&actor, demo.app).await.expect("works");
    assert_eq!((app.issuers.len(), app.proxies.len()), (1, 1));
    assert!(app.issuers[0].last_check.as_ref().is_some_and(|check| check.ok));
    let proxy = world.control.proxy(&actor, demo.proxy).await.expect("works");
    assert_eq!((proxy.base_url, &proxy.edge_url), (format!("{}/openai", world.stand_in.issuer()), &demo.edge_url));
}

#[tokio::test]
async fn follows_an_emulator_that_moved() {
    let world = World::development().await;
    let first = world.control.ensure_demo().await.expect("seeded");
    world.database.execute("UPDATE proxies SET base_url = 'http://127.0.0.1:1/openai'").await;
    world.database.execute(r#"UPDATE issuers SET config = config || '{"issuer": "http://127.0.0.1:1"}'"#).await;
    let second = world.control.ensure_demo().await.expect("seeded again");
    assert_eq!(second, first, "the same address for apps");
    let actor = world
        .control
        .actor(world.sign_in(&first.email, &first.password, IP).await.expect("in"))
        .await
        .expect("an actor");
    let app = world.control.app(&actor, first.app).await.expect("works");
    assert_eq!(app.issuers.len(), 1);
    assert_eq!(app.issuers[0].config.expected_issuer(), world.stand_in.issuer());
}

#[tokio::test]
async fn a_database_with_the_demo_does_not_start_in_production() {
    let world = World::development().await;
    world.control.ensure_demo().await.expect("seeded");
    assert_eq!(world.control.refuse_demo_in_production().await, Ok(()), "development is what it is for");
    let error = world.as_production().refuse_demo_in_production().await.expect_err("the password is known");
    let text = error.to_string();
    assert!(text.contains("demo@example.com") && text.contains("DATABASE_URL"), "{text}");
}

#[tokio::test]
async fn a_stranger_can_not_keep_production_from_starting() {
    let world = World::production().await;
    assert_eq!(world.control.refuse_demo_in_production().await, Ok(()));
    world.control.sign_up("demo@example.com", "keyward-demo!", IP).await.expect("an address like any other");
    assert_eq!(world.control.refuse_demo_in_production().await, Ok(()), "signed up, never confirmed");
}
