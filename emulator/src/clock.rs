//! The present time. The emulator plays services outside of Keyward, whose clocks nobody sets.

use time::OffsetDateTime;

#[expect(clippy::disallowed_methods, reason = "the emulator has no decisions that depend on a set clock")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

pub fn unix_secs() -> i64 {
    now().unix_timestamp()
}
