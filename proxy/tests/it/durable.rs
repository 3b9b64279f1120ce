//! Usage on the edge's own disk: neither a kill nor an outage loses it, and nothing is counted twice.

use futures::StreamExt;
use futures::stream;

use crate::harness::{EdgeProcess, Folder, Seeded, World, ended_with, eventually};

const WAITING: &str = "keyward_edge_usage_queue_events";
const LOST: &str = "keyward_edge_usage_events_dropped_total";

/// So many calls of a user, several at once; how many were answered with 200.
async fn calls(world: &World, proxy: &Seeded, user: &str, count: usize) -> usize {
    let token = world.token(user).await;
    let url = world.url(proxy, "/v1/models");
    let answers = stream::iter(0..count).map(|_| world.client.get(&url).bearer_auth(&token).send());
    let answered = answers.buffer_unordered(32).filter(|answer| {
        let is_ok = answer.as_ref().is_ok_and(|answer| answer.status() == 200);
        async move { is_ok }
    });
    answered.count().await
}

async fn rows(world: &World, user: &str) -> i64 {
    world.database.count(&format!("SELECT count(*) FROM usage_events WHERE sub = '{user}'")).await
}

async fn on_disk(world: &World, events: f64) {
    eventually("they are on disk", || async { (world.metric(WAITING).await >= events).then_some(()) }).await;
}

async fn nothing_waits(world: &World) {
    eventually("all is in PostgreSQL", || async { (world.metric(WAITING).await == 0.0).then_some(()) }).await;
    assert_eq!(
        world.database.count("SELECT count(*) FROM usage_events").await,
        world.database.count("SELECT coalesce(sum(requests), 0)::bigint FROM usage_hours").await,
        "the hours say what the events say"
    );
}

#[tokio::test]
async fn what_was_on_disk_when_the_edge_was_killed_is_counted_exactly_once() {
    let folder = Folder::fresh();
    let mut world = World::with(&[("KEYWARD_EDGE_DATA_DIR", &folder.text()), ("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    // Some are in PostgreSQL already, and perhaps still on disk.
    assert_eq!(calls(&world, &proxy, "before", 50).await, 50);
    eventually("they are written", || async { (rows(&world, "before").await == 50).then_some(()) }).await;
    world.cable.cut();
    assert_eq!(calls(&world, &proxy, "alice", 200).await, 200);
    on_disk(&world, 200.0).await;
    world.token("bob").await;
    {
        let mut traffic = std::pin::pin!(calls(&world, &proxy, "bob", 100_000));
        let begun = world.metric("keyward_edge_requests_total").await + 50.0;
        let some = eventually("some of it was answered", || async {
            (world.metric("keyward_edge_requests_total").await >= begun).then_some(())
        });
        tokio::select! { _ = &mut traffic => panic!("it ended before the kill"), () = some => {} }
    }
    world.edge.process.kill().await;
    world.cable.mend();
    world.edge = EdgeProcess::start(&world.env()).await;
    nothing_waits(&world).await;
    assert_eq!((rows(&world, "before").await, rows(&world, "alice").await), (50, 200));
    assert!(rows(&world, "bob").await > 0, "what ended long before the kill is there too");
}

#[tokio::test]
async fn usage_waits_on_disk_for_postgres_over_a_restart() {
    let folder = Folder::fresh();
    let queue = ("KEYWARD_USAGE_QUEUE_EVENTS", "300");
    let env = [("KEYWARD_EDGE_DATA_DIR", folder.text()), (queue.0, queue.1.to_owned())];
    let env = [(env[0].0, env[0].1.as_str()), (env[1].0, env[1].1.as_str()), ("KEYWARD_LOG", "info")];
    let mut world = World::with(&env).start().await;
    let proxy = world.openai().await;
    world.cable.cut();
    // More than memory holds.
    assert_eq!(calls(&world, &proxy, "alice", 1_500).await, 1_500);
    on_disk(&world, 1_500.0).await;
    world.edge.process.signal("TERM");
    assert_eq!(world.edge.process.exit_code().await, 0);
    assert!(world.edge.process.output.text().contains("usage events wait on disk for the next start"));
    world.cable.mend();
    world.edge = EdgeProcess::start(&world.env()).await;
    assert_eq!(calls(&world, &proxy, "bob", 20).await, 20);
    eventually("all of it", || async { (rows(&world, "bob").await == 20).then_some(()) }).await;
    nothing_waits(&world).await;
    assert_eq!(rows(&world, "alice").await, 1_500);
    assert_eq!(world.metric(LOST).await, 0.0);
}

const SMALL: [(&str, &str); 3] =
    [("KEYWARD_USAGE_DISK_MAX_BYTES", "20000"), ("KEYWARD_USAGE_QUEUE_EVENTS", "50"), ("KEYWARD_LOG", "info")];

#[tokio::test]
async fn with_no_room_for_usage_calls_are_served_and_what_is_lost_is_counted() {
    let world = World::with(&SMALL).start().await;
    let proxy = world.openai().await;
    world.cable.cut();
    let mut made = 0;
    while world.metric(LOST).await == 0.0 {
        assert_eq!(calls(&world, &proxy, "alice", 50).await, 50);
        made += 50;
        assert!(made < 10_000, "nothing was ever lost");
    }
    assert!(world.edge.process.output.text().contains("KEYWARD_USAGE_DISK_MAX_BYTES"));
    world.cable.mend();
    nothing_waits(&world).await;
    let lost = world.metric(LOST).await;
    assert_eq!(rows(&world, "alice").await as f64 + lost, f64::from(made));
}

#[tokio::test]
async fn with_no_room_for_usage_calls_are_refused_where_that_is_wanted() {
    let env = [SMALL[0], SMALL[1], SMALL[2], ("KEYWARD_USAGE_WHEN_FULL", "refuse")];
    let world = World::with(&env).start().await;
    let proxy = world.openai().await;
    world.cable.cut();
    eventually("it is full", || async { (calls(&world, &proxy, "alice", 20).await < 20).then_some(()) }).await;
    let refused = world.get(&proxy, "alice", "/v1/models").await.expect(503);
    assert!(refused.text().contains("overloaded"));
    world.cable.mend();
    eventually("there is room again", || async {
        (world.get(&proxy, "alice", "/v1/models").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_edges_never_write_to_one_folder() {
    let folder = Folder::fresh();
    let world = World::with(&[("KEYWARD_EDGE_DATA_DIR", &folder.text())]).start().await;
    let said = ended_with(2, &world.env()).await;
    assert!(said.contains("is used by another edge") && said.contains("KEYWARD_EDGE_DATA_DIR"), "{said}");
}

#[tokio::test]
async fn a_file_of_usage_that_cannot_be_read_does_not_keep_the_edge_from_starting() {
    let folder = Folder::fresh();
    std::fs::create_dir_all(folder.text()).expect("made");
    std::fs::write(format!("{}/usage.redb", folder.text()), "not what it was".repeat(1_000)).expect("written");
    let world = World::with(&[("KEYWARD_EDGE_DATA_DIR", &folder.text())]).start().await;
    let proxy = world.openai().await;
    assert!(world.edge.process.output.text().contains("their file is set aside"));
    assert_eq!(calls(&world, &proxy, "alice", 5).await, 5);
    eventually("they are written", || async { (rows(&world, "alice").await == 5).then_some(()) }).await;
}
