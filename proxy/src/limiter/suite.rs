//! What every limiter promises, asked of both: the counters of this process, and those in Redis
//! (`KEYWARD_TEST_REDIS_URL`). Each test has an app of its own.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use keyward_domain::calendar::Months;
use keyward_domain::clock::Clock;
use keyward_domain::ids::AppId;
use keyward_domain::limits::quota::Place;
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::policy::WithoutCounters;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Demand, Dimension, Limiter, LocalLimiter, Refusal, Reserved, Scope, Settlement, SharedLimiter, SharedSettings, Used,
};

#[expect(clippy::disallowed_methods, reason = "a test's clock may be the real one")]
fn local() -> Arc<LocalLimiter> {
    Arc::new(LocalLimiter::new(Clock::from_fn(OffsetDateTime::now_utc)))
}

#[expect(clippy::disallowed_methods, reason = "tests are told where their Redis is")]
fn redis_url() -> String {
    std::env::var("KEYWARD_TEST_REDIS_URL")
        .expect("KEYWARD_TEST_REDIS_URL must be set: the address of a Redis for tests; scripts/test.sh starts one")
}

/// A node of its own, with what runs beside it.
fn shared(lease: Duration) -> Arc<SharedLimiter> {
    let settings = SharedSettings { url: redis_url(), nodes: 1, budgets_last: Duration::from_secs(60), lease };
    let (limiter, postman) = SharedLimiter::new(&settings, local()).expect("an address");
    let limiter = Arc::new(limiter);
    tokio::spawn(postman.run(CancellationToken::new(), Duration::ZERO));
    let watched = limiter.clone();
    tokio::spawn(async move { watched.watch().await });
    limiter
}

fn dimension(measure: Measure, window: Window, amount: u64, asked: u64) -> Dimension {
    let limit = Limit { measure, window, per: Per::User, model: None, amount };
    Dimension { limit, place: Place::Plan, stands_at: Uuid::nil(), plan: Some("Free".into()), asked }
}

fn demand(app: AppId, dimensions: Vec<Dimension>) -> Demand {
    // Beginnings of months long ago and far ahead: this one does not end during the test.
    let months = Months { starts_ms: [0, 1, 4_000_000_000_000, 5_000_000_000_000] };
    let scope = Scope { app, caller: None, address: None, months, without_counters: WithoutCounters::Refuse };
    Demand { scope, dimensions }
}

fn an_app() -> AppId {
    AppId(Uuid::new_v4())
}

async fn used(limiter: &impl Limiter, app: AppId, dimension: Dimension) -> u64 {
    let quotas = limiter.look(&demand(app, vec![dimension])).await.expect("the counters are there");
    quotas[0].used
}

async fn becomes(limiter: &impl Limiter, app: AppId, dimension: &Dimension, want: u64) {
    let mut seen = 0;
    for _ in 0..500 {
        seen = used(limiter, app, dimension.clone()).await;
        if seen == want {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("used is {seen}, not {want}");
}

async fn take(limiter: &impl Limiter, app: AppId, dimensions: Vec<Dimension>) -> Option<Reserved> {
    limiter.reserve(demand(app, dimensions)).await.ok()
}

async fn exactly_the_limit_passes_of_a_thousand_at_once<L: Limiter + 'static>(limiter: Arc<L>) {
    let app = an_app();
    let calls = (0..1_000).map(|_| {
        let limiter = limiter.clone();
        let ten = dimension(Measure::Requests, Window::Hour, 10, 1);
        tokio::spawn(async move { take(&*limiter, app, vec![ten]).await.is_some() })
    });
    let passed = join_all(calls).await.into_iter().filter(|passed| *passed.as_ref().expect("no panic")).count();
    assert_eq!(passed, 10);
}

async fn all_are_reserved_or_none(limiter: &impl Limiter) {
    let app = an_app();
    let requests = || dimension(Measure::Requests, Window::Minute, 5, 1);
    let tokens = |asked| dimension(Measure::TotalTokens, Window::Day, 100, asked);
    take(limiter, app, vec![requests(), tokens(80)]).await.expect("there is room");
    assert!(take(limiter, app, vec![requests(), tokens(21)]).await.is_none());
    assert_eq!(used(limiter, app, requests()).await, 1, "what was refused is not counted");
    take(limiter, app, vec![requests(), tokens(20)]).await.expect("there is room for so much");
}

async fn what_remains_is_what_was_used(limiter: &impl Limiter) {
    let app = an_app();
    let (requests, tokens) =
        (dimension(Measure::Requests, Window::Hour, 9, 1), dimension(Measure::TotalTokens, Window::Month, 100, 50));
    let (cost, places) =
        (dimension(Measure::CostMicroUsd, Window::Day, 1_000, 300), dimension(Measure::Requests, Window::AtOnce, 2, 1));
    let all = || vec![requests.clone(), tokens.clone(), cost.clone(), places.clone()];
    let first = take(limiter, app, all()).await.expect("room");
    let second = take(limiter, app, all()).await.expect("room");
    assert!(take(limiter, app, vec![places.clone()]).await.is_none(), "both places are taken");
    assert_eq!(used(limiter, app, tokens.clone()).await, 100);
    let part = Settlement::Used(Used { input_tokens: 3, output_tokens: 4, cost_micro_usd: Some(11) });
    limiter.settle(first.reservation, part);
    becomes(limiter, app, &tokens, 57).await;
    becomes(limiter, app, &cost, 311).await;
    limiter.settle(second.reservation, Settlement::Refund);
    becomes(limiter, app, &tokens, 7).await;
    becomes(limiter, app, &cost, 11).await;
    becomes(limiter, app, &places, 0).await;
    becomes(limiter, app, &requests, 1).await;
    let third = take(limiter, app, all()).await.expect("room");
    limiter.settle(third.reservation, Settlement::AtLeast(Used::NOTHING));
    becomes(limiter, app, &places, 0).await;
    becomes(limiter, app, &tokens, 57).await;
    assert_eq!(used(limiter, app, requests).await, 2);
}

async fn another_amount_keeps_the_count(limiter: &impl Limiter) {
    let app = an_app();
    let of = |amount| dimension(Measure::Requests, Window::Day, amount, 1);
    for _ in 0..3 {
        take(limiter, app, vec![of(3)]).await.expect("room");
    }
    assert!(take(limiter, app, vec![of(3)]).await.is_none());
    take(limiter, app, vec![of(1_000)]).await.expect("room for more");
    assert_eq!(used(limiter, app, of(5)).await, 4);
    let Err(Refusal::Short(short)) = limiter.reserve(demand(app, vec![of(3)])).await else { panic!("it is short") };
    assert!((86_000..=86_400).contains(&short.quota.reset_secs), "{}", short.quota.reset_secs);
}

/// What happens to calls, in any order: some begin, some end with what they used, some never were.
async fn no_interleaving_exceeds_the_limit(limiter: &impl Limiter, limit: u64, steps: Vec<(u8, u64)>) {
    let app = an_app();
    let tokens = |asked| dimension(Measure::TotalTokens, Window::Hour, limit, asked);
    let (mut open, mut counted) = (Vec::<(Reserved, u64)>::new(), 0);
    for (action, share) in steps {
        let asked = (limit * share / 1_000).max(1);
        if action < 2 {
            if let Some(reserved) = take(limiter, app, vec![tokens(asked)]).await {
                open.push((reserved, asked));
            }
        } else if !open.is_empty() {
            let (reserved, asked) = open.swap_remove(share as usize % open.len());
            let spent = asked * (share % 5) / 4;
            match action {
                2 => {
                    limiter
                        .settle(reserved.reservation, Settlement::Used(Used { output_tokens: spent, ..Used::NOTHING }));
                    counted += spent;
                }
                3 => {
                    limiter.settle(reserved.reservation, Settlement::AtLeast(Used::NOTHING));
                    counted += asked;
                }
                _ => limiter.settle(reserved.reservation, Settlement::Refund),
            }
        }
        let held: u64 = open.iter().map(|(_, asked)| asked).sum();
        assert!(counted + held <= limit, "{counted} counted and {held} held of {limit}");
    }
    let held: u64 = open.iter().map(|(_, asked)| asked).sum();
    becomes(limiter, app, &tokens(1), counted + held).await;
}

fn interleavings(limiter: &impl Limiter, runtime: &tokio::runtime::Runtime, cases: u32) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    let steps = prop::collection::vec((0..5_u8, 0..1_000_u64), 1..60);
    let tried = runner.run(&(prop_oneof![1..20_u64, Just(100_000_u64)], steps), |(limit, steps)| {
        runtime.block_on(no_interleaving_exceeds_the_limit(limiter, limit, steps));
        Ok(())
    });
    tried.expect("never more than the limit");
}

macro_rules! promises {
    ($name:ident, $limiter:expr) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn exactly_the_limit_passes_of_a_thousand_at_once() {
                super::exactly_the_limit_passes_of_a_thousand_at_once($limiter).await;
            }

            #[tokio::test]
            async fn all_are_reserved_or_none() {
                super::all_are_reserved_or_none(&*$limiter).await;
            }

            #[tokio::test]
            async fn what_remains_is_what_was_used() {
                super::what_remains_is_what_was_used(&*$limiter).await;
            }

            #[tokio::test]
            async fn another_amount_keeps_the_count() {
                super::another_amount_keeps_the_count(&*$limiter).await;
            }

            #[test]
            fn no_interleaving_exceeds_the_limit() {
                let runtime = tokio::runtime::Runtime::new().expect("a runtime");
                let limiter = runtime.block_on(async { $limiter });
                super::interleavings(&*limiter, &runtime, 32);
            }
        }
    };
}

promises!(in_this_process, local());
promises!(in_redis, shared(Duration::from_secs(60)));

#[tokio::test]
async fn two_nodes_on_one_redis_share_each_limit() {
    let (one, two, app) = (shared(Duration::from_secs(60)), shared(Duration::from_secs(60)), an_app());
    let mut passed = 0;
    for at in 0..40 {
        let node = if at % 2 == 0 { &one } else { &two };
        let places = dimension(Measure::Requests, Window::AtOnce, 7, 1);
        passed += usize::from(
            take(&**node, app, vec![places, dimension(Measure::Requests, Window::Hour, 100, 1)]).await.is_some(),
        );
    }
    assert_eq!(passed, 7);
}

#[tokio::test]
async fn what_a_dead_node_held_is_free_again() {
    let (dying, living, app) = (shared(Duration::from_millis(300)), shared(Duration::from_secs(60)), an_app());
    let tokens = || dimension(Measure::TotalTokens, Window::Month, 10, 10);
    let held = take(&*dying, app, vec![tokens()]).await.expect("room");
    assert!(take(&*living, app, vec![tokens()]).await.is_none());
    // It never says what became of the call, and no longer renews its lease.
    std::mem::forget(held);
    let mut tries = 0;
    while take(&*living, app, vec![tokens()]).await.is_none() {
        tries += 1;
        assert!(tries < 500, "the reservation of a dead node never expires");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
