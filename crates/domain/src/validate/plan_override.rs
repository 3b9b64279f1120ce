//! A user's plan as it is set by hand: which one, and until when.

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, Time};

use super::FieldError;
use crate::ids::PlanId;
use crate::plans::PlanOverride;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOverrideForm {
    pub plan: PlanId,
    /// The last day, `2026-12-31`, in UTC; empty for good.
    pub until: String,
}

pub fn plan_override(form: &PlanOverrideForm, now: OffsetDateTime) -> Result<PlanOverride, FieldError> {
    let until = match form.until.trim() {
        "" => None,
        typed => Some(end_of(typed)?),
    };
    if until.is_some_and(|until| until <= now) {
        return Err(FieldError::new("until", "this day is over; enter one that is to come, or none"));
    }
    Ok(PlanOverride { plan: form.plan, until })
}

fn end_of(day: &str) -> Result<OffsetDateTime, FieldError> {
    let malformed = || FieldError::new("until", "enter a day as year, month and day, such as 2026-12-31");
    let mut parts = day.splitn(3, '-');
    let mut number = |digits: usize| {
        let text = parts.next().filter(|text| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()))?;
        text.parse::<u16>().ok()
    };
    let (year, month, day) = (number(4), number(2), number(2));
    let date = || {
        let month = Month::try_from(u8::try_from(month?).ok()?).ok()?;
        Date::from_calendar_date(i32::from(year?), month, u8::try_from(day?).ok()?).ok()?.next_day()
    };
    Ok(date().ok_or_else(malformed)?.with_time(Time::MIDNIGHT).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn until(text: &str) -> Result<Option<OffsetDateTime>, String> {
        let form = PlanOverrideForm { plan: PlanId(uuid::Uuid::from_u128(1)), until: text.to_owned() };
        plan_override(&form, NOW).map(|set| set.until).map_err(|fault| fault.reason)
    }

    #[test]
    fn a_day_counts_to_its_end() {
        assert_eq!(until(" "), Ok(None));
        assert_eq!(until("2026-03-01"), Ok(Some(datetime!(2026-03-02 00:00 UTC))));
        assert_eq!(until("2026-12-31"), Ok(Some(datetime!(2027-01-01 00:00 UTC))));
    }

    #[test]
    fn a_day_that_is_over_or_is_none_is_refused() {
        assert!(until("2026-02-28").is_err_and(|reason| reason.contains("is over")));
        for text in ["2026-02-30", "31.12.2026", "2026-12", "26-12-31", "9999-12-31", "tomorrow", "2026-12-31-1"] {
            assert!(until(text).is_err_and(|reason| reason.contains("such as 2026-12-31")), "{text}");
        }
    }
}
