//! The plans of an app: their names and order, what they say to a user who has reached a limit, what they allow at each proxy.

use keyward_domain::ids::{AppId, PlanId, ProxyId};
use keyward_domain::policy::PlanAtProxy;
use keyward_domain::validate::{self, NarrowedProxy, PlanAccessForm, PlanWordsForm};
use keyward_domain::view::{PlanAccessView, PlanPageView, PlanProxyView, PlanView, ProxySummary};
use keyward_store::plans::PlanRow;
use keyward_store::proxies::ProxyRow;

use crate::apps::{provider_title, proxy_summary};
use crate::proxies::known_provider;
use crate::seen::still_as_seen;
use crate::{Actor, Control, ControlError};

impl Control {
    /// In the developer's order. `NotFound` for another account's app.
    pub async fn plans(&self, actor: &Actor, app: AppId) -> Result<Vec<PlanView>, ControlError> {
        let account = actor.account_id();
        self.store().app_name(account, app).await?;
        Ok(self.store().plans(account, app).await?.into_iter().map(plan_view).collect())
    }

    pub async fn plan(&self, actor: &Actor, plan: PlanId) -> Result<PlanPageView, ControlError> {
        let account = actor.account_id();
        let plan = plan_view(self.store().plan(account, plan).await?);
        let (_, policy) = self.store().app_policy(account, plan.app_id).await?;
        let proxies = self.store().proxies(account, plan.app_id, self.now()).await?;
        let proxies = proxies.into_iter().map(|row| Ok(proxy_of_plan(proxy_summary(row)?, &plan)));
        let proxies = proxies.collect::<Result<Vec<_>, ControlError>>()?;
        let rules = policy.plan_rules.iter().filter(|rule| rule.plan == plan.id);
        let rules = rules.map(|rule| rule.when.in_words()).collect();
        Ok(PlanPageView { plan, proxies, rules })
    }

    /// Behind all others.
    pub async fn create_plan(&self, actor: &Actor, app: AppId, name: &str) -> Result<PlanId, ControlError> {
        let account = actor.editing()?;
        let name = validate::name(name).map_err(|error| ControlError::invalid("name", error))?;
        Ok(self.store().create_plan(account, app, &name, self.now()).await?)
    }

    pub async fn rename_plan(&self, actor: &Actor, plan: PlanId, name: &str) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let name = validate::name(name).map_err(|error| ControlError::invalid("name", error))?;
        Ok(self.store().rename_plan(account, plan, &name).await?)
    }

    /// Who was in it by hand, or by the claim of an identity provider's link, is where the rules put them from then on.
    pub async fn delete_plan(&self, actor: &Actor, plan: PlanId) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let app = AppId(self.store().plan(account, plan).await?.app_id);
        let (_, policy) = self.store().app_policy(account, app).await?;
        if let Some(place) = policy.plan_rules.iter().position(|rule| rule.plan == plan) {
            let (number, words) = (place + 1, policy.plan_rules[place].when.in_words());
            let reason = format!("rule {number} puts users in this plan ({words}); change it or remove it first");
            return Err(ControlError::Conflict { reason });
        }
        Ok(self.store().delete_plan(account, plan).await?)
    }

    /// `upper` stands right before `lower`, as the page showed them; then it is the other way around.
    pub async fn swap_plans(
        &self,
        actor: &Actor,
        app: AppId,
        upper: PlanId,
        lower: PlanId,
    ) -> Result<(), ControlError> {
        Ok(self.store().swap_plans(actor.editing()?, app, (upper, lower)).await?)
    }

    pub async fn save_plan_words(
        &self,
        actor: &Actor,
        plan: PlanId,
        form: &PlanWordsForm,
        seen: Option<&PlanWordsForm>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let words = validate::plan_words(form)?;
        if words.upgrade_url.as_ref().is_some_and(|url| url.scheme() == "http") && !self.is_development() {
            return Err(ControlError::invalid("upgrade_url", "a link to this machine works in development only"));
        }
        self.store()
            .change_plan_policy(account, plan, |policy| {
                let upgrade_url = policy.upgrade_url.clone().unwrap_or_default();
                still_as_seen(&PlanWordsForm { message: policy.message.clone(), upgrade_url }, seen)?;
                policy.message = words.message;
                policy.upgrade_url = words.upgrade_url.map(String::from);
                Ok(())
            })
            .await
    }

    pub async fn plan_access(
        &self,
        actor: &Actor,
        plan: PlanId,
        proxy: ProxyId,
    ) -> Result<PlanAccessView, ControlError> {
        let account = actor.account_id();
        let plan = plan_view(self.store().plan(account, plan).await?);
        let row = of_the_same_app(self.store().proxy(account, proxy).await?, plan.app_id)?;
        let knows_bodies = narrowed(&row)?.knows_bodies();
        let proxy = PlanProxyView {
            id: proxy,
            name: row.name,
            provider_title: provider_title(&row.provider),
            provider: row.provider,
            at: plan.policy.proxies.get(&proxy).cloned().unwrap_or_default(),
        };
        Ok(PlanAccessView { plan, proxy, opened: row.rules.0, knows_bodies })
    }

    /// `seen` is what the form was filled in on.
    pub async fn save_plan_access(
        &self,
        actor: &Actor,
        plan: PlanId,
        proxy: ProxyId,
        (form, seen): (&PlanAccessForm, Option<&PlanAtProxy>),
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let app = AppId(self.store().plan(account, plan).await?.app_id);
        let row = of_the_same_app(self.store().proxy(account, proxy).await?, app)?;
        let at = form.read(narrowed(&row)?)?;
        self.store()
            .change_plan_policy(account, plan, |policy| {
                still_as_seen(&policy.proxies.get(&proxy).cloned().unwrap_or_default(), seen)?;
                if at == PlanAtProxy::default() {
                    policy.proxies.remove(&proxy);
                } else {
                    policy.proxies.insert(proxy, at);
                }
                Ok(())
            })
            .await
    }
}

fn of_the_same_app(proxy: ProxyRow, app: AppId) -> Result<ProxyRow, ControlError> {
    if proxy.app_id == app.0 { Ok(proxy) } else { Err(ControlError::NotFound) }
}

fn narrowed(proxy: &ProxyRow) -> Result<NarrowedProxy<'_>, ControlError> {
    let provider = known_provider(&proxy.provider)?;
    Ok(NarrowedProxy { provider, opened: &proxy.rules, bodies: &proxy.policy.bodies })
}

fn proxy_of_plan(proxy: ProxySummary, plan: &PlanView) -> PlanProxyView {
    PlanProxyView {
        id: proxy.id,
        name: proxy.name,
        provider: proxy.provider,
        provider_title: proxy.provider_title,
        at: plan.policy.proxies.get(&proxy.id).cloned().unwrap_or_default(),
    }
}

pub(crate) fn plan_view(row: PlanRow) -> PlanView {
    PlanView {
        id: PlanId(row.id),
        app_id: AppId(row.app_id),
        app_name: row.app_name,
        name: row.name,
        is_default: row.is_default,
        policy: row.policy.0,
    }
}
