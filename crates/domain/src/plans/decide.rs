//! The decision itself. First what was set by hand, then the rules in their order, then what the identity provider's link
//! says of its users, then the App's default.

use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::entitlement::Lapse;
use super::{Entitlement, PlanCondition, PlanOverride, PlanRule, PurchaseCondition};
use crate::ids::PlanId;
use crate::issuer::ClaimName;

/// What an App says of its plans.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    pub rules: &'a [PlanRule],
    pub default: PlanId,
}

/// What is known of a user.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    pub by_hand: Option<PlanOverride>,
    /// Of each customer that the user is.
    pub bought: &'a [Arc<[Entitlement]>],
    /// Of the verified token; none where there is no token to look at.
    pub claims: Option<&'a Map<String, Value>>,
    pub anonymous: bool,
    /// The plan in which the identity provider's link puts this user.
    pub linked: Option<PlanId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub plan: PlanId,
    pub because: Because,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    ByHand {
        until: Option<OffsetDateTime>,
    },
    /// The rule's place in the App's list, from 0.
    Rule(usize),
    Link,
    Default,
}

pub fn decide(terms: Terms<'_>, facts: Facts<'_>, now: OffsetDateTime) -> Decision {
    if let Some(set) = facts.by_hand.filter(|set| set.holds(now)) {
        return Decision { plan: set.plan, because: Because::ByHand { until: set.until } };
    }
    let fits = |rule: &PlanRule| judge(&rule.when, facts, now).is_ok();
    if let Some((at, rule)) = terms.rules.iter().enumerate().find(|(_, rule)| fits(rule)) {
        return Decision { plan: rule.plan, because: Because::Rule(at) };
    }
    match facts.linked {
        Some(plan) => Decision { plan, because: Because::Link },
        None => Decision { plan: terms.default, because: Because::Default },
    }
}

/// What a rule came to, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fits,
    Fails(String),
    /// Decided by a token, and there is none to look at.
    NeedsToken,
}

/// Each rule, in order. Which one counts is `decide`'s to say.
pub fn explain(terms: Terms<'_>, facts: Facts<'_>, now: OffsetDateTime) -> Vec<Verdict> {
    let verdict = |rule: &PlanRule| match judge(&rule.when, facts, now) {
        Ok(()) => Verdict::Fits,
        Err(Miss::NoToken) => Verdict::NeedsToken,
        Err(miss) => Verdict::Fails(miss.in_words()),
    };
    terms.rules.iter().map(verdict).collect()
}

enum Miss {
    NothingBought,
    Lapsed(Lapse),
    NoToken,
    NoClaim(String),
    OtherValue(String),
    SignedIn,
}

fn judge(condition: &PlanCondition, facts: Facts<'_>, now: OffsetDateTime) -> Result<(), Miss> {
    match condition {
        PlanCondition::Purchase(condition) => purchase(condition, facts.bought, now),
        PlanCondition::Claim { name, value } => claim(name, value, facts.claims),
        PlanCondition::Anonymous if facts.anonymous => Ok(()),
        PlanCondition::Anonymous if facts.claims.is_none() => Err(Miss::NoToken),
        PlanCondition::Anonymous => Err(Miss::SignedIn),
    }
}

/// One that counts is enough; of the others, the one of the right name says why not.
fn purchase(condition: &PurchaseCondition, bought: &[Arc<[Entitlement]>], now: OffsetDateTime) -> Result<(), Miss> {
    let mut nearest = Miss::NothingBought;
    for entitlement in bought.iter().flat_map(|of_one| of_one.iter()) {
        match (entitlement.meets(condition, now), &nearest) {
            (Ok(()), _) => return Ok(()),
            (Err(lapse), Miss::NothingBought | Miss::Lapsed(Lapse::OtherItem)) => nearest = Miss::Lapsed(lapse),
            (Err(_), _) => {}
        }
    }
    Err(nearest)
}

fn claim(name: &ClaimName, value: &str, claims: Option<&Map<String, Value>>) -> Result<(), Miss> {
    let found = name.find(claims.ok_or(Miss::NoToken)?);
    let found = found.ok_or_else(|| Miss::NoClaim(name.as_str().to_owned()))?;
    let is_it = match found {
        Value::Array(items) => items.iter().any(|item| says(item, value)),
        one => says(one, value),
    };
    if is_it { Ok(()) } else { Err(Miss::OtherValue(name.as_str().to_owned())) }
}

/// `true` and `3` are written as in JSON.
fn says(found: &Value, value: &str) -> bool {
    match found {
        Value::String(text) => text == value,
        Value::Bool(is) => value == is.to_string(),
        Value::Number(number) => value == number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

impl Miss {
    fn in_words(self) -> String {
        match self {
            Self::NothingBought => "nothing was bought".to_owned(),
            Self::Lapsed(lapse) => lapse.in_words(),
            Self::NoToken => "it depends on the token".to_owned(),
            Self::NoClaim(name) => format!("the token has no claim {name}"),
            Self::OtherValue(name) => format!("the claim {name} says something else"),
            Self::SignedIn => "the user is signed in".to_owned(),
        }
    }
}
