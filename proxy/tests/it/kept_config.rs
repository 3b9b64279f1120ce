//! A start without PostgreSQL serves what the edge kept on disk, and nothing that anybody else put there.

use std::path::{Path, PathBuf};

use crate::harness::{EdgeProcess, Folder, KEK, PROVIDER_KEY, Seeded, World, eventually};
use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::Subject;
use keyward_store::kept_file::{KeptKind, KeptSealer};
use keyward_store::sealing::KeyRing;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const SET_UP: &str = "INSERT INTO key_ring (fingerprint) VALUES";

struct Kept {
    folder: Folder,
}

impl Kept {
    fn file(&self) -> PathBuf {
        Path::new(&self.folder.text()).join("configuration.sealed")
    }

    /// Of the head, which is in the clear.
    fn version(&self) -> Option<i64> {
        let bytes = std::fs::read(self.file()).ok()?;
        Some(i64::from_be_bytes(bytes.get(15..23)?.try_into().ok()?))
    }

    async fn is_current(&self, world: &World) {
        let version = world.database.count("SELECT version FROM config_version").await;
        eventually("the newest configuration is kept", || async { (self.version()? >= version).then_some(()) }).await;
    }
}

async fn world() -> (World, Kept) {
    let kept = Kept { folder: Folder::fresh() };
    let world = World::with(&[("KEYWARD_EDGE_DATA_DIR", &kept.folder.text())]).start().await;
    (world, kept)
}

/// Without a database, and with no time to say good-bye.
async fn restart_alone(world: &mut World) {
    world.cable.cut();
    world.edge.process.kill().await;
    world.edge = EdgeProcess::start(&world.env()).await;
}

async fn readyz(world: &World) -> String {
    world.send(world.client.get(format!("{}/readyz", world.edge.ops))).await.expect(200).text()
}

async fn now(world: &World) -> OffsetDateTime {
    let secs = world.database.count("SELECT extract(epoch FROM now())::bigint").await;
    OffsetDateTime::from_unix_timestamp(secs).expect("a time")
}

/// Length, format, nonce and tag of a piece that holds nothing.
const END_LENGTH: usize = 8 + 1 + 12 + 16;
const HEADER_LENGTH: usize = 31;

/// As the edge would have kept it.
async fn sealed(world: &World, key: &str, read_at: OffsetDateTime) -> Vec<u8> {
    let mut reading = world.database.store().read_config(None).await.expect("read");
    let ring = KeyRing::from_hex(key).expect("64 digits");
    let mut sealer = KeptSealer::new(ring, KeptKind::Configuration, reading.version, read_at);
    let mut bytes = sealer.header().to_vec();
    while let Some(rows) = reading.next_piece().await.expect("read") {
        bytes.extend(sealer.seal(&rows).expect("sealed"));
    }
    bytes.extend(sealer.end().expect("sealed"));
    bytes
}

async fn block(world: &World, proxy: &Seeded, sub: &str) {
    let id = async |column: &str| -> Uuid {
        let sql = format!("SELECT {column}::text FROM issuers WHERE app_id = '{}'", proxy.app);
        world.database.text(&sql).await.parse().expect("an id")
    };
    let (account, issuer) = (AccountId(id("account_id").await), IssuerId(id("id").await));
    let subject = Subject { issuer, sub: sub.to_owned() };
    let store = world.database.store();
    store.block_app_user(account, AppId(proxy.app), &subject, now(world).await).await.expect("blocked");
}

#[tokio::test]
async fn a_restart_without_the_database_serves_what_was_kept_and_takes_the_newer_one_later() {
    let (mut world, kept) = world().await;
    let proxy = world.openai().await;
    block(&world, &proxy, "bob").await;
    kept.is_current(&world).await;

    restart_alone(&mut world).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert_eq!(world.get(&proxy, "bob", "/v1/models").await.expect(403).code(), "user_blocked");
    assert!(readyz(&world).await.contains("stale"), "the operator is told");
    assert_eq!(world.metric("keyward_edge_config_stale").await, 1.0);
    // Whose a file is nobody can say now.
    let file = world.get(&proxy, "alice", "/v1/files/file-1").await.expect(503);
    assert_eq!(file.code(), "ownership_unavailable");

    world.database.execute(&format!("UPDATE proxies SET enabled = false WHERE id = '{}'", proxy.proxy)).await;
    world.cable.mend();
    eventually("the newer configuration is served", || async {
        (world.get(&proxy, "alice", "/v1/models").await.status == 403).then_some(())
    })
    .await;
    eventually("it is current", || async { (readyz(&world).await == "ready").then_some(()) }).await;
    kept.is_current(&world).await;
}

#[tokio::test]
async fn what_was_kept_is_closed_to_others_and_names_no_secret() {
    use std::os::unix::fs::PermissionsExt;
    let (world, kept) = world().await;
    let proxy = world.openai().await;
    kept.is_current(&world).await;
    let mode = std::fs::metadata(kept.file()).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let bytes = String::from_utf8_lossy(&std::fs::read(kept.file()).expect("there")).into_owned();
    for text in [PROVIDER_KEY, KEK, proxy.slug.as_str(), "emulator"] {
        assert!(!bytes.contains(text), "{text} is in it");
    }
}

#[tokio::test]
async fn what_was_changed_cut_or_sealed_by_others_is_refused_and_the_database_waited_for() {
    let (mut world, kept) = world().await;
    let proxy = world.openai().await;
    kept.is_current(&world).await;
    world.cable.cut();
    world.edge.process.kill().await;
    let whole = std::fs::read(kept.file()).expect("there");
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let others = sealed(&world, &"ab".repeat(32), OffsetDateTime::UNIX_EPOCH).await;
    let last = whole.len() - END_LENGTH;
    assert!(last > HEADER_LENGTH + END_LENGTH, "a piece stands before the end");
    for (what, bytes) in [
        ("the version was changed", flipped(22)),
        ("the time was changed", flipped(30)),
        ("the rows were changed", flipped(whole.len() / 2)),
        ("it was cut short", whole[..whole.len() - 1].to_vec()),
        ("hardly anything is left", whole[..9].to_vec()),
        ("the end was cut off", whole[..last].to_vec()),
        ("a piece was cut out", [&whole[..HEADER_LENGTH], &whole[last..]].concat()),
        ("a piece stands in it twice", [&whole[..last], &whole[HEADER_LENGTH..]].concat()),
        ("it is something else", b"{\"proxies\": []}".to_vec()),
        ("it is of another installation", others),
    ] {
        std::fs::write(kept.file(), bytes).expect("written");
        let (mut process, ops) = EdgeProcess::start_waiting(&world.env()).await;
        process.line_with("what was kept is refused").await;
        process.line_with("can't be used, or has no schema yet; trying again").await;
        assert_eq!(world.send(world.client.get(format!("{ops}/readyz"))).await.status, 503, "{what}");
        process.kill().await;
    }
    world.cable.mend();
    world.edge = EdgeProcess::start(&world.env()).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    kept.is_current(&world).await;
}

#[tokio::test]
async fn what_is_older_than_the_operator_allows_is_refused() {
    let (mut world, kept) = world().await;
    let proxy = world.openai().await;
    kept.is_current(&world).await;
    world.cable.cut();
    world.edge.process.kill().await;
    let old = sealed(&world, KEK, now(&world).await - Duration::hours(2)).await;
    std::fs::write(kept.file(), old).expect("written");
    let mut env = world.env();
    env.push(("KEYWARD_KEPT_CONFIG_MAX_AGE_SECS".to_owned(), "3600".to_owned()));
    let (mut process, _) = EdgeProcess::start_waiting(&env).await;
    process.line_with("it is too old").await;
    process.kill().await;
    // By default it may be of any age.
    world.edge = EdgeProcess::start(&world.env()).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
}

#[tokio::test]
async fn a_database_of_another_key_is_not_served_from_after_a_start_without_it() {
    let (mut world, kept) = world().await;
    let proxy = world.openai().await;
    kept.is_current(&world).await;
    restart_alone(&mut world).await;
    world.database.execute(&format!("{SET_UP} ('\\x{}')", "00".repeat(32))).await;
    world.database.execute(&format!("UPDATE proxies SET enabled = false WHERE id = '{}'", proxy.proxy)).await;
    world.cable.mend();
    world.edge.process.line_with("is not the key this database was set up with").await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert!(readyz(&world).await.contains("stale"));
}
