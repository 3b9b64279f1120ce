//! How long to wait after something failed: twice as long each time, never all at the same moment.

use time::Duration;

/// `failures` in a row, the one just now not counted. A wait that the seller asked for is kept at least.
pub(crate) fn wait(
    failures: i32,
    (first, longest): (Duration, Duration),
    asked: Option<Duration>,
    jitter: f64,
) -> Duration {
    let doublings = u32::try_from(failures).unwrap_or(0).min(20);
    let whole = first.saturating_mul(1 << doublings).min(longest);
    // Between half of it and all of it.
    let wait = whole * (0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    asked.map_or(wait, |asked| wait.max(asked.min(longest)))
}

/// Between 0 and 1; where there is no randomness, all wait equally long.
pub(crate) fn jitter() -> f64 {
    let mut byte = [0_u8];
    match getrandom::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 255.0,
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: (Duration, Duration) = (Duration::seconds(1), Duration::minutes(15));

    #[test]
    fn doubles_up_to_a_quarter_of_an_hour() {
        for (failures, want_secs) in [(0, 1), (1, 2), (9, 512), (10, 900), (i32::MAX, 900), (-1, 1)] {
            assert_eq!(wait(failures, BOUNDS, None, 1.0).whole_seconds(), want_secs, "{failures}");
        }
        assert_eq!(wait(3, BOUNDS, None, 0.0), Duration::seconds(4));
    }

    #[test]
    fn waits_at_least_as_long_as_the_seller_asks_but_not_for_ever() {
        assert_eq!(wait(0, BOUNDS, Some(Duration::seconds(30)), 1.0), Duration::seconds(30));
        assert_eq!(wait(6, BOUNDS, Some(Duration::seconds(30)), 1.0), Duration::seconds(64));
        assert_eq!(wait(0, BOUNDS, Some(Duration::days(3)), 1.0), Duration::minutes(15));
    }
}
