//! Amounts as a person types them: US dollars, which we keep as whole micro-USD, and whole numbers. No floats: a budget
//! must be to the last digit what was typed.

/// A dollar's worth.
const MICRO: u64 = 1_000_000;
/// A trillion dollars is a typing error, and far from overflowing.
const MOST_DOLLARS: u64 = 1_000_000_000;

/// `12`, `12.5`, `$0.000001`: at most six decimals.
pub fn micro_usd(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let typed = text.strip_prefix('$').unwrap_or(text).trim_start();
    let (whole, decimals) = typed.split_once('.').unwrap_or((typed, ""));
    if decimals.len() > 6 {
        return Err("an amount of money has at most six decimals".to_owned());
    }
    let not_money = || "enter US dollars, such as 20 or 0.05".to_owned();
    if decimals.is_empty() && typed.contains('.') {
        return Err(not_money());
    }
    let dollars = whole_number(whole).map_err(|_| not_money())?;
    if dollars > MOST_DOLLARS {
        return Err("an amount of money is at most a billion US dollars".to_owned());
    }
    if !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return Err(not_money());
    }
    let micro = format!("{decimals:0<6}").parse::<u64>().map_err(|_| not_money())?;
    Ok(dollars * MICRO + micro)
}

/// As `micro_usd` reads it back, without zeros at the end: `12.5`.
pub fn micro_usd_text(micro_usd: u64) -> String {
    let text = format!("{}.{:06}", micro_usd / MICRO, micro_usd % MICRO);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1000000` or `1,000,000`.
pub fn whole_number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let groups: Vec<&str> = text.split(',').collect();
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let grouped = groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
    let number = (grouped && groups.iter().all(|group| digits(group))).then(|| groups.concat());
    number
        .and_then(|digits| digits.parse::<u64>().ok())
        .filter(|&number| number <= MOST)
        .ok_or_else(|| "enter a whole number, such as 1000".to_owned())
}

/// Fits a browser's number and a database's.
const MOST: u64 = 1_000_000_000_000_000;

/// Nothing typed is nothing set.
pub fn optional_number(text: &str) -> Result<Option<u64>, String> {
    if text.trim().is_empty() { Ok(None) } else { whole_number(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_kept_to_the_last_digit() {
        for (text, want) in [
            ("20", 20_000_000),
            (" $12.50 ", 12_500_000),
            ("0.000001", 1),
            ("0.1", 100_000),
            ("1,000.25", 1_000_250_000),
            ("0", 0),
        ] {
            assert_eq!(micro_usd(text), Ok(want), "{text:?}");
        }
        for text in ["", ".", ".5", "5.", "1e3", "-1", "12,50", "0.0000001", "1.2.3", "1 000", "NaN", "2000000000"] {
            assert!(micro_usd(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for amount in [0, 1, 10, 100_000, 1_000_000, 12_500_000, 999_999_999_999] {
            assert_eq!(micro_usd(&micro_usd_text(amount)), Ok(amount));
        }
        assert_eq!(micro_usd_text(12_500_000), "12.5");
        assert_eq!(micro_usd_text(20_000_000), "20");
    }

    #[test]
    fn a_number_may_be_grouped_as_it_is_read() {
        assert_eq!((whole_number("1,000,000"), whole_number(" 60 ")), (Ok(1_000_000), Ok(60)));
        for text in ["", "1,00", "1000,000", ",1", "1.5", "+1", "9999999999999999999"] {
            assert!(whole_number(text).is_err(), "{text:?}");
        }
        assert_eq!(optional_number(" "), Ok(None));
    }
}
