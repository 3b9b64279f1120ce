//! The rules that put an app's users in its plans, in the developer's order: the first that fits decides.

use keyward_domain::ids::{AppId, PlanId};
use keyward_domain::plans::{MAX_PLAN_RULES, PlanCondition, PlanRule, PurchaseSource};
use keyward_domain::validate::{self, PlanRuleForm};
use keyward_domain::view::{EmailLink, PlansView};

use crate::plans::plan_view;
use crate::seen::changed_meanwhile;
use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn plan_rules(&self, actor: &Actor, app: AppId) -> Result<PlansView, ControlError> {
        let account = actor.account_id();
        let (app_name, policy) = self.store().app_policy(account, app).await?;
        let plans = self.store().plans(account, app).await?;
        let sources = self.store().purchase_sources(account, app).await?;
        Ok(PlansView {
            app_id: app,
            app_name,
            plans: plans.into_iter().map(plan_view).collect(),
            rules: policy.plan_rules,
            email_link: email_link(policy.link_by_email),
            connected: sources.iter().filter_map(|row| PurchaseSource::named(&row.source)).collect(),
        })
    }

    /// In place of `seen`, the rule that the form was filled in on; a new one stands behind all others.
    pub async fn put_plan_rule(
        &self,
        actor: &Actor,
        app: AppId,
        form: &PlanRuleForm,
        seen: Option<&PlanRule>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let rule = validate::plan_rule(form)?;
        self.store().change_plan_rules(account, app, |rules, plans| put(rules, (rule, plans), seen)).await
    }

    /// One that somebody else has removed or changed meanwhile is left as it is now.
    pub async fn remove_plan_rule(&self, actor: &Actor, app: AppId, rule: &PlanRule) -> Result<(), ControlError> {
        self.store()
            .change_plan_rules(actor.editing()?, app, |rules, _| {
                rules.retain(|other| other != rule);
                Ok(())
            })
            .await
    }

    /// `upper` stands right before `lower`, as the page showed them; then it is the other way around.
    pub async fn swap_plan_rules(
        &self,
        actor: &Actor,
        app: AppId,
        (upper, lower): (&PlanRule, &PlanRule),
    ) -> Result<(), ControlError> {
        self.store()
            .change_plan_rules(actor.editing()?, app, |rules, _| {
                let place = rules.windows(2).position(|pair| pair == [upper.clone(), lower.clone()]);
                let place = place.ok_or_else(changed_meanwhile)?;
                rules.swap(place, place + 1);
                Ok(())
            })
            .await
    }

    pub async fn set_email_link(&self, actor: &Actor, app: AppId, to: EmailLink) -> Result<(), ControlError> {
        self.change_app(actor, app, |policy| {
            policy.link_by_email = match to {
                EmailLink::On => true,
                EmailLink::Off => false,
            };
            Ok(())
        })
        .await
    }
}

pub(crate) fn email_link(links: bool) -> EmailLink {
    if links { EmailLink::On } else { EmailLink::Off }
}

fn put(
    rules: &mut Vec<PlanRule>,
    (rule, plans): (PlanRule, &[PlanId]),
    seen: Option<&PlanRule>,
) -> Result<(), ControlError> {
    if !plans.contains(&rule.plan) {
        return Err(ControlError::invalid("plan", "choose a plan of this app"));
    }
    let place = match seen {
        Some(seen) => rules.iter().position(|other| other == seen).ok_or_else(changed_meanwhile)?,
        None => rules.len(),
    };
    let twin = rules.iter().enumerate().find(|(at, other)| *at != place && other.when == rule.when);
    if let Some((at, _)) = twin {
        let reason = format!("rule {} asks for the same, and a second one would never count", at + 1);
        return Err(ControlError::invalid(field_of(&rule.when), reason));
    }
    if place == rules.len() && rules.len() >= MAX_PLAN_RULES {
        let reason = format!("an app has at most {MAX_PLAN_RULES} rules; remove one first");
        return Err(ControlError::invalid("plan", reason));
    }
    rules.splice(place..rules.len().min(place + 1), [rule]);
    Ok(())
}

/// Which field of the form says what the rule asks for.
fn field_of(condition: &PlanCondition) -> &'static str {
    match condition {
        PlanCondition::Purchase(_) => "name",
        PlanCondition::Claim { .. } => "value",
        PlanCondition::Anonymous => "plan",
    }
}
