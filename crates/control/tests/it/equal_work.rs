//! An answer to a stranger costs the same whether an address is known or not, so that its time tells nothing.
//! Counted, not timed: passwords hashed, statements sent before the answer, mails queued by it.

use std::cell::Cell;
use std::sync::Once;
use std::time::Duration;

use keyward_control::ControlError;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::world::{IP, PASSWORD, World, refusal};

const CONFIRMED: &str = "ada@example.com";
const UNCONFIRMED: &str = "eve@example.com";
const UNKNOWN: &str = "nobody@example.com";

thread_local! {
    /// Statements that sqlx says it sent from this thread: a test has one of its own.
    static SENT: Cell<u64> = const { Cell::new(0) };
}

struct CountStatements;

impl Subscriber for CountStatements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, _: &Event<'_>) {
        SENT.set(SENT.get() + 1);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Work {
    passwords: u64,
    statements: u64,
    mails: i64,
}

impl World {
    async fn mails(&self) -> i64 {
        self.control.settle(Duration::from_secs(10)).await;
        self.database.count("SELECT count(*) FROM dev_mails").await
    }

    async fn work_of<T>(&self, answer: impl Future<Output = T>) -> (T, Work) {
        let (mails, passwords) = (self.mails().await, self.control.password_runs());
        let statements = SENT.get();
        let answer = answer.await;
        let statements = SENT.get() - statements;
        let passwords = self.control.password_runs() - passwords;
        (answer, Work { passwords, statements, mails: self.mails().await - mails })
    }
}

async fn world_with_both() -> World {
    // For the whole process, once: one that comes and goes with each test would race with those beside it.
    static COUNTING: Once = Once::new();
    COUNTING.call_once(|| tracing::subscriber::set_global_default(CountStatements).expect("the tests have no other"));
    let world = World::development().await;
    world.member(CONFIRMED).await;
    world.control.sign_up(UNCONFIRMED, PASSWORD, IP).await.expect("signs up");
    world
}

#[tokio::test]
async fn signing_up_costs_the_same_for_every_address() {
    let world = world_with_both().await;
    let mut works = Vec::new();
    for address in [CONFIRMED, UNCONFIRMED, UNKNOWN] {
        let (answer, work) = world.work_of(world.control.sign_up(address, "quite another phrase", IP)).await;
        assert_eq!(answer, Ok(()), "{address}");
        works.push(work);
    }
    assert_eq!((works[0].passwords, works[0].mails), (1, 1));
    assert!(works[0].statements > 5, "they are counted: {works:?}");
    assert!(works.iter().all(|work| *work == works[0]), "{works:?}");
}

#[tokio::test]
async fn a_wrong_password_costs_the_same_for_every_address() {
    let world = world_with_both().await;
    let mut works = Vec::new();
    for address in [CONFIRMED, UNCONFIRMED, UNKNOWN] {
        let (answer, work) = world.work_of(world.control.sign_in(address, "wrong phrase", IP)).await;
        assert_eq!(refusal(answer).0, "password", "{address}");
        works.push(work);
    }
    assert_eq!((works[0].passwords, works[0].mails), (1, 0), "{works:?}");
    assert!(works[0].statements > 0, "they are counted: {works:?}");
    assert!(works.iter().all(|work| *work == works[0]), "{works:?}");
}

#[tokio::test]
async fn waiting_costs_the_same_for_every_address() {
    let world = world_with_both().await;
    let mut works = Vec::new();
    for address in [CONFIRMED, UNKNOWN] {
        for _ in 0..11 {
            refusal(world.control.sign_in(address, "wrong phrase", IP).await);
        }
        let (answer, work) = world.work_of(world.control.sign_in(address, "wrong phrase", IP)).await;
        assert!(matches!(answer, Err(ControlError::TooManyAttempts { .. })), "{address}: {answer:?}");
        works.push(work);
    }
    assert_eq!(works[0].passwords, 0);
    assert_eq!(works[0], works[1]);
}

#[tokio::test]
async fn asking_for_a_link_costs_the_same_before_the_answer() {
    let world = world_with_both().await;
    let mut before_the_answer = Vec::new();
    for address in [CONFIRMED, UNCONFIRMED, UNKNOWN] {
        let (answer, reset) = world.work_of(world.control.request_password_reset(address, IP)).await;
        assert_eq!(answer, Ok(()), "{address}");
        let (answer, again) = world.work_of(world.control.request_verification(address, IP)).await;
        assert_eq!(answer, Ok(()), "{address}");
        before_the_answer.push([(reset.passwords, reset.statements), (again.passwords, again.statements)]);
        // Behind the answer, and seen by nobody but the owner of the mailbox.
        let mails = (reset.mails, again.mails);
        let wanted = match address {
            CONFIRMED => (1, 0),
            UNCONFIRMED => (1, 1),
            _ => (0, 0),
        };
        assert_eq!(mails, wanted, "{address}");
    }
    assert!(before_the_answer[0].iter().all(|(passwords, statements)| (*passwords, *statements > 0) == (0, true)));
    assert!(before_the_answer.iter().all(|work| *work == before_the_answer[0]), "{before_the_answer:?}");
}
