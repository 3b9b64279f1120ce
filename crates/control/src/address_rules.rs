//! From where an app or a proxy may be called.

use keyward_domain::ids::{AccountId, AppId};
use keyward_domain::ip_rules::IpRule;
use keyward_domain::place::AddressPlace;
use keyward_domain::validate::{self, AddressRuleForm};
use keyward_domain::view::{AddressRuleView, AddressRulesView};

use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn address_rules(&self, actor: &Actor, place: AddressPlace) -> Result<AddressRulesView, ControlError> {
        let account = actor.account_id();
        let (app_id, app_name, proxy_name, rules) = match place {
            AddressPlace::App(app) => {
                let (name, policy) = self.store().app_policy(account, app).await?;
                (app, name, String::new(), policy.ip_rules)
            }
            AddressPlace::Proxy(proxy) => {
                let row = self.store().proxy(account, proxy).await?;
                (AppId(row.app_id), row.app_name, row.name, row.policy.0.ip_rules)
            }
        };
        let now = self.now();
        let view = |rule: IpRule| AddressRuleView { has_expired: rule.expires_at.is_some_and(|at| at <= now), rule };
        Ok(AddressRulesView { place, app_id, app_name, proxy_name, rules: rules.into_iter().map(view).collect() })
    }

    pub async fn put_address_rule(
        &self,
        actor: &Actor,
        place: AddressPlace,
        form: &AddressRuleForm,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let rule = validate::address_rule(form, self.now())?;
        self.change_address_rules(account, place, |rules| Ok(validate::put_address_rule(rules, rule)?)).await
    }

    pub async fn remove_address_rule(
        &self,
        actor: &Actor,
        place: AddressPlace,
        rule: &IpRule,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        self.change_address_rules(account, place, |rules| {
            rules.retain(|other| other != rule);
            Ok(())
        })
        .await
    }

    async fn change_address_rules(
        &self,
        account: AccountId,
        place: AddressPlace,
        change: impl FnOnce(&mut Vec<IpRule>) -> Result<(), ControlError> + Send,
    ) -> Result<(), ControlError> {
        match place {
            AddressPlace::App(app) => {
                self.store().change_app_policy(account, app, |policy| change(&mut policy.ip_rules)).await
            }
            AddressPlace::Proxy(proxy) => {
                self.store().change_proxy_policy(account, proxy, |policy| change(&mut policy.ip_rules)).await
            }
        }
    }
}
