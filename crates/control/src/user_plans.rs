//! Which plan one user is in, and why; and the plan that is set for a user by hand.

use std::sync::Arc;

use keyward_domain::ids::{AppId, PlanId};
use keyward_domain::issuer::{IssuerConfig, Subject};
use keyward_domain::plans::{self, Because, Entitlement, Facts, LinkKind, PlanRule, PurchaseSource, Terms};
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::validate::{self, PlanOverrideForm};
use keyward_domain::view::{
    AppUserView, DecidedBy, LastCallView, PlanName, PurchaseView, RuleVerdict, UserDecision, UserPlanView, Verdict,
};
use keyward_store::StoreError;
use keyward_store::issuers::IssuerRow;
use keyward_store::plans::PlanRow;
use keyward_store::purchasers::PurchaserRow;

use crate::app_users::{app_user_view, well_formed};
use crate::plan_rules::email_link;
use crate::{Actor, Control, ControlError};

impl Control {
    /// Also of one who never called. What only a token can say is left open.
    pub async fn plan_of_user(
        &self,
        actor: &Actor,
        app: AppId,
        subject: &Subject,
    ) -> Result<UserPlanView, ControlError> {
        let (account, store, now) = (actor.account_id(), self.store(), self.now());
        let (app_name, policy) = store.app_policy(account, app).await?;
        let subject = &well_formed(subject)?;
        let issuers = store.issuers(account, app).await?;
        let issuer = issuers.into_iter().find(|row| row.id == subject.issuer.0).ok_or(ControlError::NotFound)?;
        let plans = Plans(store.plans(account, app).await?);
        let by_hand = store.plan_override(account, app, subject).await?;
        let purchases: Vec<PurchaseView> =
            store.purchasers_of(account, app, subject).await?.into_iter().filter_map(purchase).collect();
        let bought: Vec<Arc<[Entitlement]>> =
            purchases.iter().map(|purchase| Arc::from(purchase.entitlements.clone())).collect();
        let terms = Terms { rules: &policy.plan_rules, default: plans.default()? };
        let facts = Facts { by_hand, bought: &bought, ..Facts::default() };
        let decision = plans::decide(terms, facts, now);
        let verdicts = plans::explain(terms, facts, now);
        let user = self.user_or_stranger(actor, app, (subject, &issuer)).await?;
        Ok(UserPlanView {
            app_id: app,
            app_name,
            last_call: self.last_call(actor, app, (subject, &user, &plans)).await?,
            user,
            decision: UserDecision {
                plan: PlanName { id: decision.plan, name: plans.name_of(decision.plan) },
                because: decided_by(decision.because),
                unless: unless(&decision.because, &verdicts, (&issuer, &plans)),
            },
            rules: policy.plan_rules.iter().zip(verdicts).map(|(rule, verdict)| said(rule, verdict, &plans)).collect(),
            by_hand_plan: by_hand.map(|set| plans.name_of(set.plan)).unwrap_or_default(),
            by_hand,
            purchases,
            email_link: email_link(policy.link_by_email),
            plans: plans.0.into_iter().map(|row| PlanName { id: PlanId(row.id), name: row.name }).collect(),
        })
    }

    /// Goes before every rule until it ends or is cleared. The user need not have called.
    pub async fn set_plan_override(
        &self,
        actor: &Actor,
        app: AppId,
        subject: &Subject,
        form: &PlanOverrideForm,
    ) -> Result<(), ControlError> {
        let (account, now) = (actor.editing()?, self.now());
        let subject = well_formed(subject)?;
        let set = validate::plan_override(form, now)?;
        Ok(self.store().set_plan_override(account, app, &subject, (&set, now)).await?)
    }

    pub async fn clear_plan_override(&self, actor: &Actor, app: AppId, subject: &Subject) -> Result<(), ControlError> {
        let account = actor.editing()?;
        self.store().app_name(account, app).await?;
        Ok(self.store().clear_plan_override(account, app, subject).await?)
    }

    async fn user_or_stranger(
        &self,
        actor: &Actor,
        app: AppId,
        (subject, issuer): (&Subject, &IssuerRow),
    ) -> Result<AppUserView, ControlError> {
        let title = issuer.config.title();
        match self.store().app_user(actor.account_id(), app, subject).await {
            Ok(row) => Ok(app_user_view(row, title)),
            Err(StoreError::NotFound) => Ok(AppUserView {
                issuer: subject.issuer,
                issuer_title: title.to_owned(),
                sub: subject.sub.clone(),
                last_seen_at: None,
                blocked_at: None,
                tokens_not_before: None,
            }),
            Err(error) => Err(error.into()),
        }
    }

    async fn last_call(
        &self,
        actor: &Actor,
        app: AppId,
        (subject, user, plans): (&Subject, &AppUserView, &Plans),
    ) -> Result<Option<LastCallView>, ControlError> {
        let Some(at) = user.last_seen_at else { return Ok(None) };
        let plan = self.store().plan_at_last_call(actor.account_id(), app, subject).await?;
        Ok(plan.map(|plan| LastCallView { at, plan_name: plan.map(|plan| plans.name_of(plan)) }))
    }
}

/// All of an app.
pub(crate) struct Plans(pub Vec<PlanRow>);

impl Plans {
    pub fn default(&self) -> Result<PlanId, ControlError> {
        let default = self.0.iter().find(|row| row.is_default).map(|row| PlanId(row.id));
        default.ok_or_else(|| {
            tracing::error!("an app has no default plan");
            ControlError::Internal
        })
    }

    pub fn named(&self, name: &str) -> Option<PlanId> {
        self.0.iter().find(|row| row.name == name).map(|row| PlanId(row.id))
    }

    pub fn name_of(&self, plan: PlanId) -> String {
        let row = self.0.iter().find(|row| row.id == plan.0);
        row.map_or_else(|| "a plan that is gone".to_owned(), |row| row.name.clone())
    }
}

fn decided_by(because: Because) -> DecidedBy {
    match because {
        Because::ByHand { until } => DecidedBy::ByHand { until },
        Because::Rule(place) => DecidedBy::Rule { number: place + 1 },
        Because::Link => DecidedBy::Link,
        Because::Default => DecidedBy::Default,
    }
}

/// What goes before the decision, and only a token can say.
fn unless(because: &Because, verdicts: &[plans::Verdict], (issuer, plans): (&IssuerRow, &Plans)) -> Vec<String> {
    let before = match because {
        Because::ByHand { .. } => 0,
        Because::Rule(place) => *place,
        Because::Link | Because::Default => verdicts.len(),
    };
    let open = verdicts.iter().take(before).enumerate().filter(|(_, verdict)| **verdict == plans::Verdict::NeedsToken);
    let mut unless: Vec<String> = open.map(|(place, _)| format!("rule {}", place + 1)).collect();
    if *because == Because::Default {
        unless.extend(by_link(issuer, plans));
    }
    unless
}

/// Where the identity provider's link puts users in a plan.
fn by_link(issuer: &IssuerRow, plans: &Plans) -> Vec<String> {
    let claim = match &issuer.config.0 {
        IssuerConfig::Oidc { claims, .. } => claims.plan.as_ref(),
        IssuerConfig::Firebase { .. }
        | IssuerConfig::Supabase { .. }
        | IssuerConfig::SupabaseSecret { .. }
        | IssuerConfig::Emulator { .. } => None,
    };
    let claim = claim.map(|name| format!("the claim {}, which names a plan", name.as_str()));
    let anonymous = match issuer.anonymous_policy.0 {
        AnonymousPolicy::Plan(plan) => Some(format!("an anonymous user, who is in {}", plans.name_of(plan))),
        AnonymousPolicy::Deny | AnonymousPolicy::AsOthers => None,
    };
    claim.into_iter().chain(anonymous).collect()
}

fn said(rule: &PlanRule, verdict: plans::Verdict, plans: &Plans) -> RuleVerdict {
    let (verdict, reason) = match verdict {
        plans::Verdict::Fits => (Verdict::Passed, "fits".to_owned()),
        plans::Verdict::Fails(reason) => (Verdict::Failed, reason),
        plans::Verdict::NeedsToken => (Verdict::NotChecked, "depends on the token of the call".to_owned()),
    };
    RuleVerdict { plan_name: plans.name_of(rule.plan), condition: rule.when.in_words(), verdict, reason }
}

/// A row of a seller that this version does not know shows nothing.
fn purchase(row: PurchaserRow) -> Option<PurchaseView> {
    Some(PurchaseView {
        source: PurchaseSource::named(&row.source)?,
        customer_id: row.customer_id,
        linked_by: row.linked_by.as_deref().and_then(LinkKind::named),
        entitlements: row.entitlements.0,
        read_at: row.read_at,
        last_error: row.last_error,
    })
}
