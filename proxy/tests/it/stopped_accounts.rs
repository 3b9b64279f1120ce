//! An account that has used up what it pays for: refused by name, and served again as soon as it may.

use crate::harness::World;

#[tokio::test]
async fn an_account_that_is_stopped_is_refused_with_a_code_of_its_own_and_no_other_account_is() {
    let world = World::start().await;
    let (stopped, other) = (world.openai().await, world.openai().await);
    world.get(&stopped, "alice", "/v1/models").await.expect(200);
    let account = format!("id = (SELECT account_id FROM apps WHERE id = '{}')", stopped.app);
    world.change(&format!("UPDATE accounts SET stopped = true WHERE {account}")).await;
    world.forget_seen().await;
    let refused = world.get(&stopped, "alice", "/v1/models").await.expect(402);
    assert_eq!((refused.code().as_str(), refused.header("x-should-retry")), ("account_stopped", Some("false")));
    world.assert_unseen().await;
    world.get(&other, "alice", "/v1/models").await.expect(200);
    world.change(&format!("UPDATE accounts SET stopped = false WHERE {account}")).await;
    world.get(&stopped, "alice", "/v1/models").await.expect(200);
}

#[tokio::test]
async fn what_reached_a_provider_is_counted_for_the_account_and_what_was_refused_is_not() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for _ in 0..3 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    world.get(&proxy, "alice", "/v1/organization/users").await.expect(403);
    world.usage(&proxy, 4).await;
    let sql = format!(
        "SELECT requests FROM account_months WHERE account_id = (SELECT account_id FROM apps WHERE id = '{}')",
        proxy.app
    );
    assert_eq!(world.database.count(&sql).await, 3);
    world.change(&format!("DELETE FROM proxies WHERE id = '{}'", proxy.proxy)).await;
    assert_eq!(world.database.count(&sql).await, 3, "what was used is used");
}
