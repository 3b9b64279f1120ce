//! For how many days an app's single requests are kept.

use super::FieldError;

pub const MIN_RETENTION_DAYS: i32 = 1;
pub const MAX_RETENTION_DAYS: i32 = 400;

pub fn retention_days(text: &str) -> Result<i32, FieldError> {
    let days = text.trim().parse().ok().filter(|days| (MIN_RETENTION_DAYS..=MAX_RETENTION_DAYS).contains(days));
    days.ok_or_else(|| {
        FieldError::new("days", format!("enter a number of days from {MIN_RETENTION_DAYS} to {MAX_RETENTION_DAYS}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_a_whole_number_within_bounds() {
        assert_eq!((retention_days(" 1 "), retention_days("400")), (Ok(1), Ok(400)));
        for wrong in ["", "0", "401", "-3", "1.5", "ten", "99999999999"] {
            assert!(retention_days(wrong).is_err(), "{wrong}");
        }
    }
}
