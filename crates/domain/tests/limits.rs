//! Over any sequence of calls, however they interleave and end, no window ever holds more than the limit.

use keyward_domain::calendar::{Months, months};
use keyward_domain::limits::counter::{Counter, Frame};
use keyward_domain::limits::{Limit, Measure, Per, Window};
use proptest::prelude::*;

const UTC: Months = Months { starts_ms: [0, 1, 2, 3] };

fn limit(amount: u64, window: Window) -> Limit {
    Limit { measure: Measure::TotalTokens, window, per: Per::User, model: None, amount }
}

/// Takes the amount as a limiter does, if there is room.
fn take(counter: &mut Counter, limit: &Limit, amount: u64, now_ms: u64) -> Option<u64> {
    let frame = Frame::of(limit, now_ms, &UTC);
    let fits = counter.used(frame) + amount <= limit.amount;
    fits.then(|| {
        counter.count(frame.bucket_ms, amount, frame);
        frame.bucket_ms
    })
}

fn passed(counter: &mut Counter, limit: &Limit, times_ms: impl IntoIterator<Item = u64>) -> usize {
    times_ms.into_iter().filter(|&at_ms| take(counter, limit, 1, at_ms).is_some()).count()
}

#[test]
fn there_is_no_double_burst_at_a_window_edge() {
    let (mut counter, ten) = (Counter::default(), limit(10, Window::Minute));
    assert_eq!(passed(&mut counter, &ten, std::iter::repeat_n(59_999, 1_000)), 10);
    assert_eq!(passed(&mut counter, &ten, std::iter::repeat_n(60_001, 10)), 0);
    assert_eq!(passed(&mut counter, &ten, std::iter::repeat_n(119_998, 10)), 0);
    assert_eq!(passed(&mut counter, &ten, std::iter::repeat_n(119_999, 10)), 10);
}

#[test]
fn a_clock_set_back_opens_nothing() {
    let (mut counter, ten) = (Counter::default(), limit(10, Window::Minute));
    passed(&mut counter, &ten, std::iter::repeat_n(100_000, 10));
    assert_eq!(passed(&mut counter, &ten, [10]), 0);
}

#[test]
fn it_says_when_enough_is_free() {
    let (mut counter, ten) = (Counter::default(), limit(10, Window::Minute));
    passed(&mut counter, &ten, (1..=10).map(|n| n * 1_000));
    let now_ms = 15_500;
    let frame = Frame::of(&ten, now_ms, &UTC);
    assert_eq!(counter.frees_in_ms(1, frame, now_ms), Some(45_500));
    assert_eq!(counter.frees_in_ms(3, frame, now_ms), Some(47_500));
    assert_eq!(counter.frees_in_ms(11, frame, now_ms), None);
}

#[test]
fn a_large_limit_keeps_few_buckets() {
    let (mut counter, large) = (Counter::default(), limit(1_000_000, Window::Minute));
    assert_eq!(passed(&mut counter, &large, (0..200_000).map(|n| n / 3)), 200_000);
    let stored = serde_json::to_value(&counter).expect("JSON");
    assert!(stored["buckets"].as_object().expect("a map").len() <= 258, "{stored}");
}

#[test]
fn a_month_is_counted_anew_and_a_day_later_not() {
    let january = 1_767_225_600_000; // 2026-01-01T00:00:00Z
    let day_ms = 86_400_000;
    let (mut counter, limit) = (Counter::default(), limit(5, Window::Month));
    let take = |counter: &mut Counter, now_ms: u64| {
        let frame = Frame::of(&limit, now_ms, &months("UTC", now_ms));
        let fits = counter.used(frame) < limit.amount;
        fits.then(|| counter.count(frame.bucket_ms, 1, frame)).is_some()
    };
    assert_eq!((0..10).filter(|day| take(&mut counter, january + day * day_ms)).count(), 5);
    assert!(!take(&mut counter, january + 31 * day_ms - 1));
    assert!(take(&mut counter, january + 31 * day_ms));
    // Another time zone shifts the month's start by hours; what was used stays used.
    let frame = Frame::of(&limit, january + 40 * day_ms, &months("Asia/Tokyo", january + 40 * day_ms));
    assert_eq!(counter.used(frame), 1);
}

#[test]
fn what_a_restart_keeps_is_what_was_counted() {
    let (mut counter, ten) = (Counter::default(), limit(10, Window::Hour));
    assert_eq!(passed(&mut counter, &ten, [1, 2, 3]), 3);
    counter.hold(5);
    let kept: Counter = serde_json::from_value(serde_json::to_value(&counter).expect("JSON")).expect("a counter");
    let mut next = Counter::default();
    next.absorb(&kept);
    assert_eq!(next.used(Frame::of(&ten, 10, &UTC)), 3);
}

#[derive(Clone, Copy, Debug)]
struct Open {
    bucket_ms: u64,
    at_ms: u64,
    reserved: u64,
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_the_limit(
        amount in prop_oneof![1..20_u64, Just(2_000_u64), Just(1_000_000_u64)],
        steps in prop::collection::vec((0..9_000_u64, 0..4_u8, 0..1_000_u64), 1..400),
    ) {
        let limit = limit(amount, Window::Minute);
        let (mut counter, mut now_ms) = (Counter::default(), 1_000_000);
        let (mut open, mut settled): (Vec<Open>, Vec<(u64, u64)>) = (Vec::new(), Vec::new());
        for (gap_ms, action, share) in steps {
            now_ms += gap_ms;
            let frame = Frame::of(&limit, now_ms, &UTC);
            match action {
                0 | 1 => {
                    let reserved = (amount * share / 1_000).max(1);
                    if counter.used(frame) + reserved <= amount {
                        counter.hold(reserved);
                        open.push(Open { bucket_ms: frame.bucket_ms, at_ms: now_ms, reserved });
                    } else {
                        let recent: u64 = settled.iter().filter(|(at, _)| at + 61_000 > now_ms).map(|(_, used)| used).sum();
                        let held: u64 = open.iter().map(|open| open.reserved).sum();
                        prop_assert!(recent + held + reserved > amount, "refused with {} counted and {} held", recent, held);
                    }
                }
                2 if !open.is_empty() => {
                    let ended = open.swap_remove(share as usize % open.len());
                    let used = ended.reserved * (share % 10) / 9;
                    counter.release(ended.reserved);
                    counter.count(ended.bucket_ms, used.min(ended.reserved), frame);
                    settled.push((ended.at_ms, used.min(ended.reserved)));
                }
                _ if !open.is_empty() => {
                    let ended = open.swap_remove(share as usize % open.len());
                    counter.release(ended.reserved);
                }
                _ => {}
            }
            let in_window: u64 = settled.iter().filter(|(at, _)| at + 60_000 > now_ms).map(|(_, used)| used).sum();
            let held: u64 = open.iter().map(|open| open.reserved).sum();
            prop_assert!(in_window + held <= amount, "{} in the window and {} held of {}", in_window, held, amount);
        }
    }
}
