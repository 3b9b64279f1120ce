//! A plan's rule as a form sends it: which plan, and who is put in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::money::optional_number;
use super::{FieldError, is_hidden};
use crate::ids::PlanId;
use crate::issuer::ClaimName;
use crate::plans::{MAX_GRACE_DAYS, PlanCondition, PlanRule, PurchaseCondition, PurchaseSource};

/// Of a price's name, a claim's value.
const MAX_TEXT_CHARS: usize = 200;

/// What a rule asks about; decides which fields of the form count. In addresses and forms by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RuleKind {
    Purchase(PurchaseSource),
    Claim,
    Anonymous,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("names no kind of rule")]
pub struct ParseRuleKindError;

impl RuleKind {
    pub fn all() -> Vec<Self> {
        PurchaseSource::ALL.into_iter().map(Self::Purchase).chain([Self::Claim, Self::Anonymous]).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Purchase(source) => source.name(),
            Self::Claim => "claim",
            Self::Anonymous => "anonymous",
        }
    }

    pub fn of(condition: &PlanCondition) -> Self {
        match condition {
            PlanCondition::Purchase(bought) => Self::Purchase(bought.source),
            PlanCondition::Claim { .. } => Self::Claim,
            PlanCondition::Anonymous => Self::Anonymous,
        }
    }
}

impl FromStr for RuleKind {
    type Err = ParseRuleKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all().into_iter().find(|kind| kind.name() == text).ok_or(ParseRuleKindError)
    }
}

impl TryFrom<String> for RuleKind {
    type Error = ParseRuleKindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RuleKind> for String {
    fn from(kind: RuleKind) -> Self {
        kind.name().to_owned()
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a trial is as good as a purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trials {
    #[default]
    Count,
    DoNotCount,
}

/// Every field as it is typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRuleForm {
    pub plan: PlanId,
    pub kind: RuleKind,
    /// Of a purchase: a price, a product, an entitlement.
    pub name: String,
    pub trials: Trials,
    pub grace_days: String,
    /// Of a claim.
    pub claim: String,
    pub value: String,
}

impl PlanRuleForm {
    pub fn blank(plan: PlanId, kind: RuleKind) -> Self {
        let nothing = String::new;
        let trials = Trials::default();
        Self { plan, kind, name: nothing(), trials, grace_days: nothing(), claim: nothing(), value: nothing() }
    }

    pub fn of(rule: &PlanRule) -> Self {
        let blank = Self::blank(rule.plan, RuleKind::of(&rule.when));
        match &rule.when {
            PlanCondition::Purchase(bought) => Self {
                name: bought.name.clone(),
                trials: if bought.trial { Trials::Count } else { Trials::DoNotCount },
                grace_days: bought.grace_days.to_string(),
                ..blank
            },
            PlanCondition::Claim { name, value } => {
                Self { claim: name.as_str().to_owned(), value: value.clone(), ..blank }
            }
            PlanCondition::Anonymous => blank,
        }
    }
}

/// Whether the plan is one of the app's is somebody else's question.
pub fn plan_rule(form: &PlanRuleForm) -> Result<PlanRule, FieldError> {
    let when = match form.kind {
        RuleKind::Purchase(source) => PlanCondition::Purchase(PurchaseCondition {
            source,
            name: visible("name", &form.name)?,
            trial: match form.trials {
                Trials::Count => true,
                Trials::DoNotCount => false,
            },
            grace_days: grace(&form.grace_days)?,
        }),
        RuleKind::Claim => {
            let name =
                ClaimName::parse(form.claim.trim()).map_err(|reason| FieldError::new("claim", reason.to_string()))?;
            PlanCondition::Claim { name, value: visible("value", &form.value)? }
        }
        RuleKind::Anonymous => PlanCondition::Anonymous,
    };
    Ok(PlanRule { plan: form.plan, when })
}

fn visible(field: &'static str, text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT_CHARS || text.chars().any(is_hidden) {
        return Err(FieldError::new(field, format!("enter 1 to {MAX_TEXT_CHARS} visible characters")));
    }
    Ok(text.to_owned())
}

fn grace(text: &str) -> Result<u16, FieldError> {
    let typed = optional_number(text).map_err(|reason| FieldError::new("grace_days", reason))?.unwrap_or(0);
    let days = u16::try_from(typed).ok().filter(|days| *days <= MAX_GRACE_DAYS);
    days.ok_or_else(|| FieldError::new("grace_days", format!("at most {MAX_GRACE_DAYS} days")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIPE: RuleKind = RuleKind::Purchase(PurchaseSource::Stripe);

    fn form(kind: RuleKind) -> PlanRuleForm {
        let blank = PlanRuleForm::blank(PlanId(uuid::Uuid::from_u128(1)), kind);
        PlanRuleForm { name: "price_1".to_owned(), claim: "plan".to_owned(), value: "pro".to_owned(), ..blank }
    }

    #[test]
    fn a_kind_is_read_by_its_name() {
        for kind in RuleKind::all() {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(RuleKind::of(&plan_rule(&form(kind)).expect("fine").when), kind);
        }
        assert_eq!("paypal".parse::<RuleKind>(), Err(ParseRuleKindError));
    }

    #[test]
    fn what_is_written_reads_back() {
        for form in [
            PlanRuleForm { grace_days: " 7 ".to_owned(), trials: Trials::DoNotCount, ..form(STRIPE) },
            form(RuleKind::Claim),
            form(RuleKind::Anonymous),
        ] {
            let rule = plan_rule(&form).expect("fine");
            assert_eq!(plan_rule(&PlanRuleForm::of(&rule)), Ok(rule));
        }
    }

    #[test]
    fn refuses_fields_by_name() {
        let long = "x".repeat(MAX_TEXT_CHARS + 1);
        for (form, field) in [
            (PlanRuleForm { name: " ".to_owned(), ..form(STRIPE) }, "name"),
            (PlanRuleForm { name: long.clone(), ..form(STRIPE) }, "name"),
            (PlanRuleForm { name: "a\u{202E}b".to_owned(), ..form(STRIPE) }, "name"),
            (PlanRuleForm { grace_days: "91".to_owned(), ..form(STRIPE) }, "grace_days"),
            (PlanRuleForm { grace_days: "a week".to_owned(), ..form(STRIPE) }, "grace_days"),
            (PlanRuleForm { claim: "user_metadata.plan".to_owned(), ..form(RuleKind::Claim) }, "claim"),
            (PlanRuleForm { claim: String::new(), ..form(RuleKind::Claim) }, "claim"),
            (PlanRuleForm { value: long, ..form(RuleKind::Claim) }, "value"),
        ] {
            assert_eq!(plan_rule(&form).expect_err("refused").field, field, "{form:?}");
        }
        let longest = PlanRuleForm { name: "x".repeat(MAX_TEXT_CHARS), grace_days: "90".to_owned(), ..form(STRIPE) };
        assert!(plan_rule(&longest).is_ok());
    }
}
