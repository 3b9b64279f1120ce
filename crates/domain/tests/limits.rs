//! Over any sequence of times, no window of the limit's length holds more than the limit.

use keyward_domain::limits::{RateLimit, SlidingLog, Window};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_the_limit(
        requests in prop_oneof![1..20_u32, Just(2_000_u32)],
        gaps_ms in prop::collection::vec(0..9_000_u64, 1..400),
        refunds in prop::collection::vec(prop::bool::weighted(0.1), 400),
    ) {
        let limit = RateLimit { requests, window: Window::Minute };
        let (mut log, mut now_ms, mut passed) = (SlidingLog::default(), 1_000_000, Vec::new());
        for (gap, refund) in gaps_ms.into_iter().zip(refunds) {
            now_ms += gap;
            match log.reserve(limit, now_ms) {
                Ok(reserved) if refund => log.refund(&reserved),
                Ok(_) => passed.push(now_ms),
                Err(quota) => {
                    prop_assert!(quota.reset_secs >= 1 && quota.reset_secs <= 60);
                    let recent = passed.iter().filter(|&&at| at + 60_000 > now_ms).count();
                    prop_assert!(requests > 1_024 || recent == requests as usize, "refused with {} used", recent);
                }
            }
            let in_window = passed.iter().filter(|&&at| at + 60_000 > now_ms).count();
            prop_assert!(in_window <= requests as usize);
        }
    }
}
