//! Limits, budgets and prices: what an app's users may use, and what it costs.

use keyward_domain::calendar;
use keyward_domain::ids::{AccountId, AppId};
use keyward_domain::limits::Limit;
use keyward_domain::place::LimitPlace;
use keyward_domain::policy::{AppPolicy, PriceOverride, WithoutCounters};
use keyward_domain::validate::{self, LimitForm, PriceForm};
use keyward_domain::view::AppPolicyView;

use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn app_policy(&self, actor: &Actor, app: AppId) -> Result<AppPolicyView, ControlError> {
        let (name, policy) = self.store().app_policy(actor.account_id(), app).await?;
        Ok(AppPolicyView { id: app, name, policy })
    }

    /// A limit of the same kind has the new amount from then on; what was counted stays counted.
    pub async fn put_limit(&self, actor: &Actor, place: LimitPlace, form: &LimitForm) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let limit = validate::limit(form)?;
        self.change_limits(account, place, |limits| Ok(validate::put_limit(limits, limit)?)).await
    }

    /// A limit that somebody else has removed or changed meanwhile is left as it is now.
    pub async fn remove_limit(&self, actor: &Actor, place: LimitPlace, limit: &Limit) -> Result<(), ControlError> {
        let account = actor.editing()?;
        self.change_limits(account, place, |limits| {
            limits.retain(|other| other != limit);
            Ok(())
        })
        .await
    }

    async fn change_limits(
        &self,
        account: AccountId,
        place: LimitPlace,
        change: impl FnOnce(&mut Vec<Limit>) -> Result<(), ControlError> + Send,
    ) -> Result<(), ControlError> {
        match place {
            LimitPlace::App(app) => {
                self.store().change_app_policy(account, app, |policy| change(&mut policy.limits)).await
            }
            LimitPlace::Plan(plan) => {
                self.store().change_plan_policy(account, plan, |policy| change(&mut policy.limits)).await
            }
            LimitPlace::Proxy(proxy) => {
                self.store().change_proxy_policy(account, proxy, |policy| change(&mut policy.limits)).await
            }
        }
    }

    /// When months begin, and what becomes of budgets while the counters are out of reach.
    pub async fn save_counting(
        &self,
        actor: &Actor,
        app: AppId,
        time_zone: &str,
        without_counters: WithoutCounters,
    ) -> Result<(), ControlError> {
        let time_zone = time_zone.trim();
        if !calendar::is_time_zone(time_zone) {
            return Err(ControlError::invalid(
                "time_zone",
                "enter a time zone by its name, such as UTC, Europe/Berlin or America/New_York",
            ));
        }
        self.change_app(actor, app, |policy| {
            time_zone.clone_into(&mut policy.time_zone);
            policy.without_counters = without_counters;
            Ok(())
        })
        .await
    }

    pub async fn put_price(&self, actor: &Actor, app: AppId, form: &PriceForm) -> Result<(), ControlError> {
        let price = validate::price(form)?;
        self.change_app(actor, app, |policy| Ok(validate::put_price(&mut policy.prices, price)?)).await
    }

    pub async fn remove_price(&self, actor: &Actor, app: AppId, price: &PriceOverride) -> Result<(), ControlError> {
        self.change_app(actor, app, |policy| {
            policy.prices.retain(|other| other != price);
            Ok(())
        })
        .await
    }

    pub(crate) async fn change_app(
        &self,
        actor: &Actor,
        app: AppId,
        change: impl FnOnce(&mut AppPolicy) -> Result<(), ControlError> + Send,
    ) -> Result<(), ControlError> {
        self.store().change_app_policy(actor.editing()?, app, change).await
    }
}
