//! Numbers, money and times as text: the same on the server and in the browser, so always UTC and always English.
//! What mails say too is in `keyward_domain::words`.

pub use keyward_domain::words::dated_moment;
use keyward_domain::words::thousands;
use time::OffsetDateTime;
use time::macros::format_description;

/// `12,345`
pub fn count(number: i64) -> String {
    let grouped = thousands(number.unsigned_abs());
    if number < 0 { format!("-{grouped}") } else { grouped }
}

/// `1 proxy`, `3 proxies`
pub fn counted(number: i64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", count(number)) }
}

/// `$1,234.50`; below a cent, four places; what is less than that is not shown as nothing.
pub fn micro_usd(cost_micro_usd: i64) -> String {
    if cost_micro_usd == 0 {
        return "$0.00".to_owned();
    }
    if (1..100).contains(&cost_micro_usd) {
        return "under $0.0001".to_owned();
    }
    if cost_micro_usd < 10_000 {
        return format!("${}.{:04}", cost_micro_usd / 1_000_000, (cost_micro_usd % 1_000_000) / 100);
    }
    let cents = (cost_micro_usd + 5_000) / 10_000;
    format!("${}.{:02}", count(cents / 100), cents % 100)
}

/// `Nov 21, 14:03 UTC`
pub fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.format(format_description!("[month repr:short] [day padding:none], [hour]:[minute] UTC"))
        .expect("the format has only parts every time has")
}

/// `Nov 21, 2026`
pub fn day(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.format(format_description!("[month repr:short] [day padding:none], [year]"))
        .expect("the format has only parts every time has")
}

/// `2026-11-21T14:03:00Z`, for `<time datetime>`.
pub fn machine_moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
        .expect("the format has only parts every time has")
}

/// `840 ms`, `1.2 s`
pub fn millis(duration_ms: i64) -> String {
    if duration_ms < 1_000 {
        format!("{duration_ms} ms")
    } else {
        format!("{}.{} s", duration_ms / 1_000, duration_ms % 1_000 / 100)
    }
}

/// With a capital letter: reasons are written as parts of a sentence.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_thousands() {
        for (number, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000")] {
            assert_eq!(count(number), want);
        }
    }

    #[test]
    fn money_keeps_the_places_that_matter() {
        for (cost_micro_usd, want) in [
            (0, "$0.00"),
            (5, "under $0.0001"),
            (150, "$0.0001"),
            (9_900, "$0.0099"),
            (1_234_560, "$1.23"),
            (1_999_999, "$2.00"),
            (4_321_000_000, "$4,321.00"),
        ] {
            assert_eq!(micro_usd(cost_micro_usd), want, "{cost_micro_usd}");
        }
    }

    #[test]
    fn durations_read_at_a_glance() {
        for (duration_ms, want) in [(7, "7 ms"), (999, "999 ms"), (1_250, "1.2 s")] {
            assert_eq!(millis(duration_ms), want);
        }
    }
}
