//! Figures and times in sentences that both a mail and a page say: always UTC, always English.

use time::OffsetDateTime;
use time::macros::format_description;

/// `12,345`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

/// `Nov 21, 2026, 14:03 UTC`
pub fn dated_moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.format(format_description!("[month repr:short] [day padding:none], [year], [hour]:[minute] UTC"))
        .expect("the format has only parts every time has")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn thousands_are_grouped_and_times_are_in_utc() {
        for (number, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (20_000_000, "20,000,000")] {
            assert_eq!(thousands(number), want);
        }
        assert_eq!(dated_moment(datetime!(2026-03-01 0:30 +1)), "Feb 28, 2026, 23:30 UTC");
    }
}
