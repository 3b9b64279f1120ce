//! What is decided for a proxy beside its limits and addresses: whose keys serve its calls, and how they go out.

use keyward_domain::catalogue;
use keyward_domain::ids::{AppId, ProxyId};
use keyward_domain::policy::Byok;
use keyward_domain::view::ProxySummary;

use crate::apps::proxy_summary;
use crate::{Actor, Control, ControlError};

impl Control {
    /// Without a key of the developer's, users must bring their own.
    pub async fn set_byok(&self, actor: &Actor, proxy: ProxyId, byok: Byok) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        if byok != Byok::Required && row.key_hint.is_none() {
            return Err(ControlError::invalid("byok", "the proxy has no key of yours; add one first"));
        }
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                policy.byok = byok;
                Ok(())
            })
            .await
    }

    /// Other proxies of the app that speak this one's language.
    pub async fn fallback_choices(&self, actor: &Actor, proxy: ProxyId) -> Result<Vec<ProxySummary>, ControlError> {
        let account = actor.account_id();
        let row = self.store().proxy(account, proxy).await?;
        let others = self.store().proxies(account, AppId(row.app_id), self.now()).await?;
        let speaks_alike = |provider: &str| shapes(provider).is_some_and(|there| Some(there) == shapes(&row.provider));
        others
            .into_iter()
            .filter(|other| other.id != row.id && speaks_alike(&other.provider))
            .map(proxy_summary)
            .collect()
    }

    pub async fn set_fallback(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        fallback: Option<ProxyId>,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let choices = self.fallback_choices(actor, proxy).await?;
        if fallback.is_some_and(|chosen| choices.iter().all(|choice| choice.id != chosen)) {
            return Err(ControlError::invalid("fallback", "choose another proxy of this app for the same kind of API"));
        }
        self.store()
            .change_proxy_policy(account, proxy, |policy| {
                policy.fallback = fallback;
                Ok(())
            })
            .await
    }
}

/// What an app's SDK must understand of a provider's replies.
fn shapes(provider: &str) -> Option<impl PartialEq> {
    catalogue::provider(provider).map(|known| (known.error_shape, known.usage_shape))
}
