//! Limits and budgets as a form sends them. Of one kind (what, when, whose, which model) there is one in each place.

use serde::{Deserialize, Serialize};

use super::money::{micro_usd, whole_number};
use super::{FieldError, model_pattern};
use crate::limits::{Limit, Measure, Per, Window};

/// In one place: for an app, a plan or a proxy.
pub const MAX_LIMITS: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitForm {
    pub measure: Measure,
    pub window: Window,
    pub per: Per,
    /// Empty for every model.
    pub model: String,
    /// Dollars for a budget, a whole number for everything else.
    pub amount: String,
}

pub fn limit(form: &LimitForm) -> Result<Limit, FieldError> {
    let amount = match form.measure {
        Measure::CostMicroUsd => micro_usd(&form.amount),
        Measure::Requests | Measure::InputTokens | Measure::OutputTokens | Measure::TotalTokens => {
            whole_number(&form.amount)
        }
    };
    let amount = amount.map_err(|reason| FieldError::new("amount", reason))?;
    if amount == 0 {
        return Err(FieldError::new("amount", "a limit of 0 would refuse every request; switch the proxy off instead"));
    }
    let model = match form.model.trim() {
        "" => None,
        typed => Some(model_pattern(typed).map_err(|reason| FieldError::new("model", reason))?.into()),
    };
    match (form.window, form.measure) {
        (Window::AtOnce, Measure::Requests) => {}
        (
            Window::AtOnce,
            Measure::InputTokens | Measure::OutputTokens | Measure::TotalTokens | Measure::CostMicroUsd,
        ) => {
            return Err(FieldError::new(
                "window",
                "only requests can be limited at once; choose a time for the others",
            ));
        }
        (Window::Second | Window::Minute | Window::Hour | Window::Day | Window::Month, _) => {}
    }
    Ok(Limit { measure: form.measure, window: form.window, per: form.per, model, amount })
}

/// Takes the place of a limit of the same kind, so that its amount can be changed without a moment without any.
pub fn put_limit(limits: &mut Vec<Limit>, limit: Limit) -> Result<(), FieldError> {
    let kind = |limit: &Limit| (limit.measure, limit.window, limit.per, limit.model.clone());
    if let Some(same) = limits.iter_mut().find(|other| kind(other) == kind(&limit)) {
        *same = limit;
        return Ok(());
    }
    if limits.len() >= MAX_LIMITS {
        return Err(FieldError::new("amount", format!("at most {MAX_LIMITS} limits in one place; remove one first")));
    }
    limits.push(limit);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(measure: Measure, window: Window, amount: &str) -> LimitForm {
        LimitForm { measure, window, per: Per::User, model: String::new(), amount: amount.to_owned() }
    }

    #[test]
    fn a_budget_is_typed_in_dollars_and_the_rest_in_numbers() {
        let budget = limit(&form(Measure::CostMicroUsd, Window::Month, "12.50")).expect("fine");
        assert_eq!((budget.amount, budget.model), (12_500_000, None));
        assert_eq!(limit(&form(Measure::TotalTokens, Window::Day, "1,000")).expect("fine").amount, 1_000);
        assert_eq!(limit(&form(Measure::Requests, Window::Day, "1.5")).expect_err("whole").field, "amount");
    }

    #[test]
    fn refuses_fields_by_name() {
        for (form, field) in [
            (form(Measure::Requests, Window::Minute, "0"), "amount"),
            (form(Measure::Requests, Window::Minute, ""), "amount"),
            (form(Measure::CostMicroUsd, Window::AtOnce, "1"), "window"),
            (form(Measure::OutputTokens, Window::AtOnce, "1"), "window"),
            (LimitForm { model: "gpt *".to_owned(), ..form(Measure::Requests, Window::Hour, "1") }, "model"),
        ] {
            assert_eq!(limit(&form).expect_err("refused").field, field, "{form:?}");
        }
        assert!(limit(&form(Measure::Requests, Window::AtOnce, "2")).is_ok());
    }

    #[test]
    fn a_limit_takes_the_place_of_one_of_its_kind() {
        let mut limits = Vec::new();
        let a_day = |amount: &str| limit(&form(Measure::Requests, Window::Day, amount)).expect("fine");
        put_limit(&mut limits, a_day("10")).expect("room");
        put_limit(&mut limits, a_day("20")).expect("room");
        assert_eq!(limits, [a_day("20")]);
        let named = |n: usize| Limit { model: Some(format!("m-{n}").into()), ..a_day("1") };
        (1..MAX_LIMITS).for_each(|n| put_limit(&mut limits, named(n)).expect("room"));
        assert_eq!(put_limit(&mut limits, named(99)).expect_err("full").field, "amount");
        assert!(put_limit(&mut limits, a_day("30")).is_ok(), "changing one is no more of them");
    }
}
