//! How many rows callers without a proven identity may cost: whoever can send a bad token can send a million.
//! Beyond the first few of a minute they are counted in the metrics only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use keyward_domain::ids::ProxyId;
use time::OffsetDateTime;

const ROWS_PER_MINUTE: u32 = 10;

/// One entry for each proxy that strangers called: their number is the configuration's.
#[derive(Default)]
pub struct StrangerLog(Mutex<HashMap<ProxyId, Minute>>);

#[derive(Clone, Copy, Default)]
struct Minute {
    number: i64,
    rows: u32,
}

impl StrangerLog {
    /// Whether this one is written down.
    pub fn admits(&self, proxy: ProxyId, at: OffsetDateTime) -> bool {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, minute) = (at.unix_timestamp().div_euclid(60), minutes.entry(proxy).or_default());
        if minute.number != number {
            *minute = Minute { number, rows: 0 };
        }
        minute.rows = minute.rows.saturating_add(1);
        minute.rows <= ROWS_PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use uuid::Uuid;

    #[test]
    fn each_proxy_has_its_rows_anew_each_minute() {
        let (log, start) = (StrangerLog::default(), OffsetDateTime::UNIX_EPOCH);
        let (one, two) = (ProxyId(Uuid::from_u128(1)), ProxyId(Uuid::from_u128(2)));
        let rows = |proxy, at| (0..1_000).filter(|_| log.admits(proxy, at)).count();
        assert_eq!((rows(one, start), rows(one, start + Duration::seconds(59)), rows(two, start)), (10, 0, 10));
        assert_eq!(rows(one, start + Duration::seconds(60)), 10);
    }
}
