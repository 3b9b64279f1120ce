//! Changes of a Proxy. Whatever moves the key elsewhere (another address, another place in the request) needs the key
//! again: the stored one is sealed to where it was meant to go, and whoever can edit must not be able to redirect it.

use keyward_domain::ids::{AccountId, ProxyId};
use keyward_domain::provider::{KeyPlacement, Provider};
use keyward_domain::secret::ProviderKey;
use keyward_domain::validate;
use keyward_domain::view::ProxySettingsForm;
use keyward_store::proxies::{NewSealedKey, ProxyRow, ProxySettings, SeenProxy};
use url::Url;
use zeroize::Zeroizing;

use crate::key_sealing::KeyDestination;
use crate::proxies::known_provider;
use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn save_proxy(&self, actor: &Actor, proxy: ProxyId, form: ProxySettingsForm) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let row = self.store().proxy(account, proxy).await?;
        let typed_key = Zeroizing::new(form.key);
        let provider = known_provider(&row.provider)?;
        // A form without the field (the provider's address is fixed) keeps what is there.
        let is_custom = provider.base_url.is_empty();
        let typed_url = if form.base_url.trim().is_empty() && !is_custom { &row.base_url } else { &form.base_url };
        let typed_placement = form.key_placement.or_else(|| Some(row.key_placement.0.clone()));
        let (base_url, key_placement) = self.upstream(provider, typed_url, typed_placement)?;
        let settings = ProxySettings {
            name: validate::name(&form.name).map_err(|error| ControlError::invalid("name", error))?,
            base_url: stored_base_url(&base_url),
            rules: validate::endpoint_rules(&form.rules).map_err(|reason| ControlError::invalid("rules", reason))?,
            rate_limit: form
                .rate_limit
                .map(validate::rate_limit)
                .transpose()
                .map_err(|reason| ControlError::invalid("limit_requests", reason))?,
            allowed_origins: validate::web_origins(&form.allowed_origins)
                .map_err(|error| ControlError::invalid("allowed_origins", error))?,
            key_placement,
        };
        let key = self.new_key(account, &row, (&settings, &base_url), &typed_key).await?;
        let seen = SeenProxy { updated_at: row.updated_at, key_version: row.key_version };
        Ok(self.store().save_proxy(account, proxy, (&settings, key.as_ref()), &seen, self.now()).await?)
    }

    async fn new_key(
        &self,
        account: AccountId,
        row: &ProxyRow,
        (settings, base_url): (&ProxySettings, &Url),
        typed: &str,
    ) -> Result<Option<NewSealedKey>, ControlError> {
        if typed.trim().is_empty() {
            let reason = if settings.base_url != row.base_url {
                "enter the key again: it was given for another address"
            } else if settings.key_placement != row.key_placement.0 {
                "enter the key again: it was given to be sent in another way"
            } else {
                return Ok(None);
            };
            return Err(ControlError::invalid("key", reason));
        }
        let key = ProviderKey::parse(typed).map_err(|error| ControlError::invalid("key", error))?;
        let to = KeyDestination {
            proxy: ProxyId(row.id),
            provider: &row.provider,
            base_url,
            placement: &settings.key_placement,
            version: row.key_version.unwrap_or(0) + 1,
        };
        self.seal_provider_key(account, &to, &key).await.map(Some)
    }

    /// Where the requests go and how the key is sent. A provider of the catalogue has both fixed, but for an address of
    /// this machine in development, where the emulator stands in for it.
    pub(crate) fn upstream(
        &self,
        provider: &Provider,
        typed_url: &str,
        typed_placement: Option<KeyPlacement>,
    ) -> Result<(Url, KeyPlacement), ControlError> {
        let invalid_url = |reason: String| ControlError::invalid("base_url", reason);
        let is_custom = provider.base_url.is_empty();
        let typed_url = if typed_url.trim().is_empty() { provider.base_url.as_str() } else { typed_url };
        let url = validate::base_url(typed_url).map_err(invalid_url)?;
        let is_stand_in = self.is_development() && validate::is_loopback(&url);
        if !is_custom && !is_stand_in && stored_base_url(&url) != provider.base_url {
            return Err(invalid_url(format!(
                "{}'s address is {}; for another one make a custom proxy",
                provider.title, provider.base_url
            )));
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

/// Without the slash at its end: paths of requests are appended to it.
pub(crate) fn stored_base_url(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
