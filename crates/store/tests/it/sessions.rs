//! Sessions: the id hashed, ended by idleness, age, revocation and a new password.

use std::sync::{Arc, Mutex};

use crate::common::{NOW, owner, token};
use keyward_domain::clock::Clock;
use keyward_domain::ids::{MemberId, SessionId};
use keyward_store::email_tokens::{TokenHash, TokenPurpose};
use keyward_store::sessions::{IDLE, OLDEST, PostgresSessionStore};
use keyward_store::testing::TestDatabase;
use serde_json::{Value, json};
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

    /// Of a member whose password was never changed.
    async fn begin(&self, member: MemberId) -> Record {
        self.begin_in(member, 0).await
    }

    async fn begin_in(&self, member: MemberId, epoch: i32) -> Record {
        let agent = "Firefox\u{0} on Linux";
        self.create(json!({ "member_id": member, "session_epoch": epoch, "user_agent": agent })).await
    }

    async fn create(&self, data: Value) -> Record {
        let Value::Object(data) = data else { panic!("session values have names") };
        let data = data.into_iter().collect();
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
    store.change_password(ada, "hash", "new hash", NOW).await.expect("works");
    assert!(!fixture.lives(&one).await && !fixture.lives(&two).await && fixture.lives(&eves).await);
}

#[tokio::test]
async fn a_revoked_session_does_not_come_back_by_a_save() {
    let fixture = Fixture::new().await;
    let (ada, _) = owner(fixture.database.store(), "ada@example.com").await;
    let record = fixture.begin(ada).await;
    fixture.database.store().change_password(ada, "hash", "new hash", NOW).await.expect("works");
    fixture.sessions.save(&record).await.expect("no error");
    assert!(!fixture.lives(&record).await);
}

#[tokio::test]
async fn a_session_begun_on_the_old_password_does_not_load_even_if_it_is_written_later() {
    let fixture = Fixture::new().await;
    let store = fixture.database.store();
    let (ada, _) = owner(store, "ada@example.com").await;
    let checked = store.member(ada).await.expect("there");
    let epoch = store.change_password(ada, "hash", "new hash", NOW).await.expect("meanwhile");
    let late = fixture.begin_in(ada, checked.session_epoch).await;
    assert!(!fixture.lives(&late).await);
    fixture.sessions.save(&late).await.expect("no error");
    assert!(!fixture.lives(&late).await);
    assert!(store.sessions_of(ada, None, NOW).await.expect("works").is_empty(), "nor is it listed");
    let new = fixture.begin_in(ada, epoch).await;
    assert!(fixture.lives(&new).await);
    store.add_email_token(ada, &token("reset", TokenPurpose::Reset)).await.expect("added");
    store.reset_password_with_token(TokenHash::of("reset"), "newer hash", NOW).await.expect("resets");
    assert!(!fixture.lives(&fixture.begin_in(ada, epoch).await).await, "a reset is a new password, too");
}

#[tokio::test]
async fn a_members_session_needs_an_epoch_and_a_visitors_does_not() {
    let fixture = Fixture::new().await;
    let (ada, _) = owner(fixture.database.store(), "ada@example.com").await;
    let nameless = fixture.create(json!({ "flash": "hello" })).await;
    assert!(fixture.lives(&nameless).await);
    let without = fixture.create(json!({ "member_id": ada })).await;
    assert!(!fixture.lives(&without).await);
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
