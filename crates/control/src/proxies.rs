//! Proxies: made from a provider of the catalogue or a custom address, shown, switched, deleted.

use keyward_domain::catalogue;
use keyward_domain::ids::{AppId, ProxyId};
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::policy::ProxyPolicy;
use keyward_domain::provider::Provider;
use keyward_domain::secret::{KeyHint, ProviderKey};
use keyward_domain::slug::ProxySlug;
use keyward_domain::view::{NewProxyForm, ProxyView, Snippet};
use keyward_domain::{snippets, validate};
use keyward_store::proxies::{NewProxy, ProxyRow, ProxySettings};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::apps::{provider_title, stored_slug};
use crate::key_sealing::KeyDestination;
use crate::proxy_settings::stored_base_url;
use crate::test_request::test_request_of;
use crate::tokens::random_bytes;
use crate::{Actor, Control, ControlError};

/// A new proxy is not unlimited by oversight: enough for a person, too little for a script.
const FIRST_LIMIT: Limit =
    Limit { measure: Measure::Requests, window: Window::Minute, per: Per::User, model: None, amount: 60 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxySwitch {
    On,
    Off,
}

impl Control {
    /// With the provider's default rules, and the key sealed at once.
    pub async fn create_proxy(&self, actor: &Actor, app: AppId, form: NewProxyForm) -> Result<ProxyId, ControlError> {
        let account = actor.editing()?;
        self.store().app_name(account, app).await?;
        let key = Zeroizing::new(form.key);
        let provider = known_provider(&form.provider)?;
        let name = validate::name(&form.name).map_err(|error| ControlError::invalid("name", error))?;
        let (base_url, key_placement) = self.upstream(provider, &form.base_url, form.key_placement)?;
        let key = ProviderKey::parse(&key).map_err(|error| ControlError::invalid("key", error))?;
        let id = ProxyId(Uuid::now_v7());
        let to = KeyDestination {
            proxy: id,
            provider: &provider.name,
            base_url: &base_url,
            placement: &key_placement,
            version: 1,
        };
        let key = self.seal_provider_key(account, &to, &key).await?;
        let settings = ProxySettings {
            name,
            base_url: stored_base_url(&base_url),
            key_placement,
            rules: provider.default_rules.clone(),
            allowed_origins: Vec::new(),
        };
        let slug = ProxySlug::from_random(random_bytes()?).to_string();
        let new = NewProxy { id, app, slug, provider: provider.name.clone(), settings, policy: first_policy(), key };
        self.store().create_proxy(account, &new, self.now()).await?;
        Ok(id)
    }

    pub async fn proxy(&self, actor: &Actor, proxy: ProxyId) -> Result<ProxyView, ControlError> {
        let row = self.store().proxy(actor.account_id(), proxy).await?;
        self.proxy_view(row)
    }

    fn proxy_view(&self, row: ProxyRow) -> Result<ProxyView, ControlError> {
        let slug = stored_slug(&row.slug)?;
        Ok(ProxyView {
            id: ProxyId(row.id),
            app_id: AppId(row.app_id),
            edge_url: self.settings().proxy_url(slug.as_str()),
            can_send_test: row.key_hint.is_some() && test_request_of(&row.provider, &row.rules).is_some(),
            app_name: row.app_name,
            name: row.name,
            slug,
            provider_title: provider_title(&row.provider),
            provider: row.provider,
            base_url: row.base_url,
            key_placement: row.key_placement.0,
            key_hint: row.key_hint.map(KeyHint),
            enabled: row.enabled,
            rules: row.rules.0,
            policy: row.policy.0,
            allowed_origins: row.allowed_origins,
            needs_issuer: !row.app_has_issuer,
            updated_at: row.updated_at,
        })
    }

    pub async fn set_proxy_enabled(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        switch: ProxySwitch,
    ) -> Result<(), ControlError> {
        let enabled = match switch {
            ProxySwitch::On => true,
            ProxySwitch::Off => false,
        };
        Ok(self.store().set_proxy_enabled(actor.editing()?, proxy, enabled, self.now()).await?)
    }

    /// Its sealed key goes with it.
    pub async fn delete_proxy(&self, actor: &Actor, proxy: ProxyId) -> Result<(), ControlError> {
        Ok(self.store().delete_proxy(actor.editing()?, proxy).await?)
    }

    pub async fn snippets(&self, actor: &Actor, proxy: ProxyId) -> Result<Vec<Snippet>, ControlError> {
        let row = self.store().proxy(actor.account_id(), proxy).await?;
        Ok(snippets::snippets(&row.provider, &self.settings().proxy_url(&row.slug), &row.rules))
    }
}

fn first_policy() -> ProxyPolicy {
    ProxyPolicy { limits: vec![FIRST_LIMIT], ..ProxyPolicy::default() }
}

pub(crate) fn known_provider(name: &str) -> Result<&'static Provider, ControlError> {
    catalogue::provider(name).ok_or_else(|| ControlError::invalid("provider", "choose a provider from the list"))
}
