//! The keys of a proxy among which its calls are shared out, and its users' own keys. A new key needs the member's
//! password, as replacing one does.

use keyward_domain::ids::{KeyId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::key_pool::MAX_WEIGHT;
use keyward_domain::secret::{KeyHint, ProviderKey};
use keyward_domain::validate;
use keyward_domain::view::{ByokView, KeyRefusalView, NewPoolKeyForm, PoolKeyForm, PoolKeyView};
use keyward_store::StoreError;
use keyward_store::proxies::SeenProxy;
use keyward_store::sealed_keys::{PoolKeyRow, PoolKeySettings};
use url::Url;
use zeroize::Zeroizing;

use crate::key_sealing::KeyDestination;
use crate::{Actor, Control, ControlError};

impl Control {
    /// Oldest first.
    pub async fn proxy_keys(&self, actor: &Actor, proxy: ProxyId) -> Result<Vec<PoolKeyView>, ControlError> {
        let account = actor.account_id();
        self.store().proxy(account, proxy).await?;
        Ok(self.store().pool_keys(account, proxy).await?.into_iter().map(view).collect())
    }

    /// Beside those that are there. Keys of one proxy must be of one account at the provider.
    pub async fn add_proxy_key(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        form: NewPoolKeyForm,
    ) -> Result<KeyId, ControlError> {
        let account = actor.editing()?;
        let (typed, password) = (Zeroizing::new(form.key), Zeroizing::new(form.current_password));
        let row = self.store().proxy(account, proxy).await?;
        let settings = understood(&form.settings)?;
        let key = ProviderKey::parse(&typed).map_err(|error| ControlError::invalid("key", error))?;
        if password.is_empty() {
            return Err(ControlError::invalid("current_password", "enter your password to add a key"));
        }
        let member = self.store().member(actor.member_id()).await?;
        self.confirm_password(&member, &password, "current_password").await?;
        let base_url: Url = row.base_url.parse().map_err(|_| StoreError::Broken("base_url is no URL".to_owned()))?;
        let to = KeyDestination {
            proxy,
            provider: &row.provider,
            base_url: &base_url,
            placement: &row.key_placement,
            version: row.key_version.unwrap_or(0) + 1,
        };
        let sealed = self.seal_provider_key(account, &to, &key).await?;
        let seen = SeenProxy { updated_at: row.updated_at, key_version: row.key_version };
        self.store().add_pool_key(account, proxy, (&sealed, &settings), &seen, self.now()).await?;
        Ok(sealed.id)
    }

    pub async fn set_key_weight(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        key: KeyId,
        form: PoolKeyForm,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        Ok(self.store().set_pool_key(account, proxy, key, &understood(&form)?).await?)
    }

    /// The last one stays, but where every user must bring a key of their own.
    pub async fn remove_proxy_key(&self, actor: &Actor, proxy: ProxyId, key: KeyId) -> Result<(), ControlError> {
        Ok(self.store().remove_pool_key(actor.editing()?, proxy, key).await?)
    }

    pub async fn byok_summary(&self, actor: &Actor, proxy: ProxyId) -> Result<ByokView, ControlError> {
        let account = actor.account_id();
        self.store().proxy(account, proxy).await?;
        let counts = self.store().byok_counts(account, proxy, self.now()).await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(ByokView { live_keys: count(counts.live), owners: count(counts.owners) })
    }

    /// The keys of all users of the proxy, or of one of them; how many there were.
    pub async fn revoke_byok_keys(
        &self,
        actor: &Actor,
        proxy: ProxyId,
        owner: Option<Subject>,
    ) -> Result<u64, ControlError> {
        let account = actor.editing()?;
        self.store().proxy(account, proxy).await?;
        Ok(self.store().revoke_byok_keys(account, proxy, owner.as_ref(), self.now()).await?)
    }
}

fn understood(form: &PoolKeyForm) -> Result<PoolKeySettings, ControlError> {
    let label = match form.label.trim() {
        "" => String::new(),
        label => validate::name(label).map_err(|error| ControlError::invalid("label", error))?,
    };
    if form.weight > MAX_WEIGHT {
        return Err(ControlError::invalid("weight", format!("at most {MAX_WEIGHT}; 0 for a key that is not used")));
    }
    Ok(PoolKeySettings { label, weight: form.weight })
}

fn view(row: PoolKeyRow) -> PoolKeyView {
    let refusal = row.last_refused_at.zip(row.last_refused_status);
    PoolKeyView {
        id: KeyId(row.id),
        label: row.label,
        hint: KeyHint(row.hint),
        weight: u32::try_from(row.weight).unwrap_or(0),
        created_at: row.created_at,
        last_refusal: refusal.map(|(at, status)| KeyRefusalView { at, status: u16::try_from(status).unwrap_or(0) }),
    }
}
