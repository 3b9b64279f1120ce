//! Changes of a Proxy. Whatever moves the key elsewhere (another address, another place in the request) needs the key
//! again: the stored one is sealed to where it was meant to go, and whoever can edit must not be able to redirect it.

use keyward_domain::ids::{AccountId, ProxyId};
use keyward_domain::provider::{KeyPlacement, Provider};
use keyward_domain::secret::ProviderKey;
use keyward_domain::validate;
use keyward_domain::view::ProxySettingsForm;
use keyward_store::proxies::{ProxyRow, ProxySettings, SeenProxy};
use url::Url;
use zeroize::Zeroizing;

use crate::key_sealing::KeyDestination;
use crate::proxies::known_provider;
use crate::{Actor, Control, ControlError};

/// A form that was understood.
struct ProxyChange {
    settings: ProxySettings,
    base_url: Url,
    key: Option<ProviderKey>,
    seen: SeenProxy,
}

impl Control {
    /// A new key needs the member's password: a session left open must not be enough to send an app's requests, and
    /// what its users wrote, through somebody else's account at the provider.
    pub async fn save_proxy(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        mut form: ProxySettingsForm,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        let password = Zeroizing::new(std::mem::take(&mut form.current_password));
        let change = self.understood(&row, form)?;
        if change.key.is_some() {
            if password.is_empty() {
                return Err(ControlError::invalid("current_password", "enter your password to replace the key"));
            }
            let member = self.store().member(actor.member_id()).await?;
            self.confirm_password(&member, &password, "current_password").await?;
        }
        self.apply(account, &row, change).await
    }

    /// For the demo's own proxy, which follows the emulator.
    pub(crate) async fn save_proxy_unasked(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        form: ProxySettingsForm,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        let change = self.understood(&row, form)?;
        self.apply(account, &row, change).await
    }

    fn understood(&self, row: &ProxyRow, form: ProxySettingsForm) -> Result<ProxyChange, ControlError> {
        let typed_key = Zeroizing::new(form.key);
        let provider = known_provider(&row.provider)?;
        // A form without the field (the provider's address is fixed) keeps what is there.
        let is_custom = provider.is_custom();
        let typed_url = if form.base_url.trim().is_empty() && !is_custom { &row.base_url } else { &form.base_url };
        let typed_placement = form.key_placement.or_else(|| Some(row.key_placement.0.clone()));
        let (base_url, key_placement) = self.upstream(provider, typed_url, typed_placement)?;
        let rules = validate::endpoint_rules(provider, &form.rules)
            .and_then(|rules| validate::ownership_rules(provider, &row.policy.ownership, &rules).map(|()| rules))
            .map_err(|reason| ControlError::invalid("rules", reason))?;
        let settings = ProxySettings {
            name: validate::name(&form.name).map_err(|error| ControlError::invalid("name", error))?,
            base_url: stored_base_url(&base_url),
            rules,
            allowed_origins: validate::web_origins(&form.allowed_origins)
                .map_err(|error| ControlError::invalid("allowed_origins", error))?,
            key_placement,
        };
        let key = new_key(row, &settings, &typed_key)?;
        let seen = SeenProxy { updated_at: form.seen.unwrap_or(row.updated_at), key_version: row.key_version };
        Ok(ProxyChange { settings, base_url, key, seen })
    }

    async fn apply(&self, account: AccountId, row: &ProxyRow, change: ProxyChange) -> Result<(), ControlError> {
        let proxy = ProxyId(row.id);
        let key = match &change.key {
            Some(key) => {
                let to = KeyDestination {
                    proxy,
                    provider: &row.provider,
                    base_url: &change.base_url,
                    placement: &change.settings.key_placement,
                    version: row.key_version.unwrap_or(0) + 1,
                };
                Some(self.seal_provider_key(account, &to, key).await?)
            }
            None => None,
        };
        Ok(self.store().save_proxy(account, proxy, (&change.settings, key.as_ref()), &change.seen, self.now()).await?)
    }

    /// Where the requests go and how the key is sent. A provider of the catalogue has both fixed, but for a part of the
    /// address that is the developer's own, and for this machine in development, where the emulator stands in for it.
    pub(crate) fn upstream(
        &self,
        provider: &Provider,
        typed_url: &str,
        typed_placement: Option<KeyPlacement>,
    ) -> Result<(Url, KeyPlacement), ControlError> {
        let invalid_url = |reason: String| ControlError::invalid("base_url", reason);
        let is_custom = provider.is_custom();
        let typed_url = if typed_url.trim().is_empty() { provider.base_url.as_str() } else { typed_url };
        let url = validate::base_url(typed_url).map_err(invalid_url)?;
        let is_stand_in = self.is_development() && validate::is_loopback(&url);
        if !is_custom && !is_stand_in && !validate::address::is_providers(provider, &url) {
            return Err(invalid_url(not_the_providers(provider)));
        }
        self.guard().check_url(&url).map_err(|error| invalid_url(error.to_string()))?;
        let placement = match typed_placement {
            Some(typed) if is_custom => {
                validate::key_placement(typed).map_err(|reason| ControlError::invalid("placement", reason))?
            }
            Some(_) | None => provider.key_placement.clone(),
        };
        Ok((url, placement))
    }
}

fn not_the_providers(provider: &Provider) -> String {
    let known = Some(&provider.base_url).filter(|known| !known.is_empty());
    let addresses: Vec<&str> = known.into_iter().chain(&provider.addresses).map(String::as_str).collect();
    format!("{}'s address is {}; for another one make a custom proxy", provider.title, addresses.join(" or "))
}

fn new_key(row: &ProxyRow, settings: &ProxySettings, typed: &str) -> Result<Option<ProviderKey>, ControlError> {
    if !typed.trim().is_empty() {
        return ProviderKey::parse(typed).map(Some).map_err(|error| ControlError::invalid("key", error));
    }
    if settings.base_url != row.base_url {
        return Err(ControlError::invalid("key", "enter the key again: it was given for another address"));
    }
    if settings.key_placement != row.key_placement.0 {
        return Err(ControlError::invalid("key", "enter the key again: it was given to be sent in another way"));
    }
    Ok(None)
}

/// Without the slash at its end: paths of requests are appended to it.
pub(crate) fn stored_base_url(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
