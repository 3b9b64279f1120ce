//! Sessions: the id hashed, ended by idleness, age, revocation and a new password.

use std::sync::{Arc, Mutex};

use crate::common::{NOW, owner};
use keyward_domain::clock::Clock;
use keyward_domain::ids::{MemberId, SessionId};
use keyward_store::sessions::{IDLE, OLDEST, PostgresSessionStore};
use keyward_store::testing::TestDatabase;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

struct Fixture {
    database: TestDatabase,
    sessions: PostgresSessionStore,
    now: Arc<Mutex<OffsetDateTime>>,
}

impl Fixture {
    async fn new() -> Self {
        let (database, now) = (TestDatabase::create().await, Arc::new(Mutex::new(NOW)));
        let shared = Arc::clone(&now);
        let clock = Clock::from_fn(move || *shared.lock().expect("not poisoned"));
        let sessions = PostgresSessionStore::new(database.store().clone(), clock);
        Self { database, sessions, now }
    }

    fn wait(&self, duration: Duration) {
        *self.now.lock().expect("not poisoned") += duration;
    }

    async fn begin(&self, member: MemberId) -> Record {
        let data = [("member_id", json!(member)), ("user_agent", json!("Firefox\u{0} on Linux"))];
        let data = data.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut record = Record { id: Id::default(), data, expiry_date: NOW };
        self.sessions.create(&mut record).await.expect("created");
        record
    }

    async fn lives(&self, record: &Record) -> bool {
        self.sessions.load(&record.id).await.expect("works").is_some()
    }
}

#[tokio::test]
async fn keeps_its_values_and_lists_without_the_id() {
    let fixture = Fixture::new().await;
    let (ada, _) = owner(fixture.database.store(), "ada@example.com").await;
    let record = fixture.begin(ada).await;
    let other = fixture.begin(ada).await;
    let loaded = fixture.sessions.load(&record.id).await.expect("works").expect("lives");
    assert_eq!(loaded.data, record.data);
    let raw = record.id.to_string();
    let listed = fixture.database.store().sessions_of(ada, Some(&raw), NOW).await.expect("works");
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().filter(|row| row.is_current).count(), 1);
    assert!(listed.iter().all(|row| row.user_agent == "Firefox on Linux"));
    let in_clear = format!(
        "SELECT count(*) FROM sessions WHERE sessions::text LIKE '%{raw}%' OR encode(data, 'escape') LIKE '%{raw}%'"
    );
    assert_eq!(fixture.database.count(&in_clear).await, 0);
    let current = listed.iter().find(|row| row.is_current).expect("one");
    fixture.database.store().revoke_session(ada, SessionId(current.public_id)).await.expect("mine");
    assert!(!fixture.lives(&record).await && fixture.lives(&other).await);
}

#[tokio::test]
async fn ends_when_idle_and_when_old() {
    let fixture = Fixture::new().await;
    let (ada, _) = owner(fixture.database.store(), "ada@example.com").await;
    let (idle, busy) = (fixture.begin(ada).await, fixture.begin(ada).await);
    fixture.wait(IDLE - Duration::SECOND);
    assert!(fixture.lives(&busy).await, "used in time");
    fixture.wait(Duration::SECOND);
    assert!(!fixture.lives(&idle).await, "nobody used it");
    let step = IDLE - Duration::MINUTE;
    while fixture.lives(&busy).await {
        fixture.wait(step);
        // A save is use, too, and must not make it older than allowed.
        fixture.sessions.save(&busy).await.expect("works");
    }
    let age = *fixture.now.lock().expect("not poisoned") - NOW;
    assert!(age >= OLDEST && age < OLDEST + IDLE, "{age}");
    assert_eq!(fixture.database.store().delete_expired_sessions(NOW + OLDEST + IDLE).await.expect("works"), 2);
}

#[tokio::test]
async fn a_new_password_ends_every_session_of_that_member_only() {
    let fixture = Fixture::new().await;
    let store = fixture.database.store();
    let (ada, _) = owner(store, "ada@example.com").await;
    let (eve, _) = owner(store, "eve@example.com").await;
    let (one, two, eves) = (fixture.begin(ada).await, fixture.begin(ada).await, fixture.begin(eve).await);
    store.change_password(ada, "new hash").await.expect("works");
    assert!(!fixture.lives(&one).await && !fixture.lives(&two).await && fixture.lives(&eves).await);
}

#[tokio::test]
async fn a_revoked_session_does_not_come_back_by_a_save() {
    let fixture = Fixture::new().await;
    let (ada, _) = owner(fixture.database.store(), "ada@example.com").await;
    let record = fixture.begin(ada).await;
    fixture.database.store().change_password(ada, "new hash").await.expect("works");
    fixture.sessions.save(&record).await.expect("no error");
    assert!(!fixture.lives(&record).await);
}

#[tokio::test]
async fn a_taken_id_is_replaced() {
    let fixture = Fixture::new().await;
    let (ada, _) = owner(fixture.database.store(), "ada@example.com").await;
    let first = fixture.begin(ada).await;
    let mut second = first.clone();
    fixture.sessions.create(&mut second).await.expect("works");
    assert_ne!(first.id, second.id);
}
