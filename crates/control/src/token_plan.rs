//! Which plan a token puts its user in: what the edge decides, with all the claims at hand.

use std::sync::Arc;

use keyward_domain::ids::{AccountId, AppId, PlanId};
use keyward_domain::issuer::ClaimCheck;
use keyward_domain::plans::{self, Because, Entitlement, Facts, Terms};
use keyward_domain::policy::{AnonymousPolicy, AppPolicy};
use keyward_domain::view::{TokenCheckLine, Verdict};
use keyward_identity::VerifiedToken;

use crate::user_plans::Plans;
use crate::{Control, ControlError};

impl Control {
    pub(crate) async fn plan_line(
        &self,
        account: AccountId,
        app: AppId,
        verified: &VerifiedToken,
        of_anonymous: Option<AnonymousPolicy>,
    ) -> Result<TokenCheckLine, ControlError> {
        let (_, policy) = self.store().app_policy(account, app).await?;
        let known = Plans(self.store().plans(account, app).await?);
        let bought = self.bought_by(account, app, (verified, &policy)).await?;
        let facts = Facts {
            by_hand: self.store().plan_override(account, app, &verified.subject).await?,
            bought: &bought,
            claims: Some(&verified.claims),
            anonymous: verified.anonymous,
            linked: linked(verified, of_anonymous, &known),
        };
        let terms = Terms { rules: &policy.plan_rules, default: known.default()? };
        let decision = plans::decide(terms, facts, self.now());
        let why = match decision.because {
            Because::ByHand { .. } => "set by hand".to_owned(),
            Because::Rule(place) => format!("by rule {} ({})", place + 1, policy.plan_rules[place].when.in_words()),
            Because::Link => "by the identity provider’s link".to_owned(),
            Because::Default => "for everybody without another".to_owned(),
        };
        let reason = format!("{}, {why}", known.name_of(decision.plan));
        Ok(TokenCheckLine { check: ClaimCheck::Plan.title().to_owned(), verdict: Verdict::Passed, reason })
    }

    async fn bought_by(
        &self,
        account: AccountId,
        app: AppId,
        (verified, policy): (&VerifiedToken, &AppPolicy),
    ) -> Result<Vec<Arc<[Entitlement]>>, ControlError> {
        let mut rows = self.store().purchasers_of(account, app, &verified.subject).await?;
        if let Some(email) = plans::verified_email(&verified.claims).filter(|_| policy.link_by_email) {
            rows.extend(self.store().purchasers_of_email(account, app, &email).await?);
        }
        Ok(rows.into_iter().map(|row| Arc::from(row.entitlements.0)).collect())
    }
}

/// A name that is no plan was refused before.
fn linked(verified: &VerifiedToken, of_anonymous: Option<AnonymousPolicy>, known: &Plans) -> Option<PlanId> {
    match of_anonymous.filter(|_| verified.anonymous) {
        Some(AnonymousPolicy::Plan(plan)) => Some(plan),
        Some(AnonymousPolicy::Deny | AnonymousPolicy::AsOthers) | None => known.named(verified.plan.as_deref()?),
    }
}
