//! A target may be as long as the edge says, whatever is done with it on the way.

use crate::harness::World;

#[tokio::test]
async fn a_target_of_nearly_8_kib_reaches_the_provider() {
    let world = World::start().await;
    let proxy = world.echo(&[("GET", "/x")]).await;
    for length in [2_000, 3_000, 7_500] {
        let query = format!("q={}", "a".repeat(length));
        let echo = world.get(&proxy, "alice", &format!("/x?{query}")).await.expect(200).json();
        assert_eq!(echo["query"], query.as_str(), "{length}");
    }
}
