//! Sealing of what a developer types: the only place in this crate that sees a provider key in the clear.

use keyward_domain::ids::{AccountId, IssuerId, KeyId, ProxyId};
use keyward_domain::provider::{KeyPlacement, upstream_origin};
use keyward_domain::secret::ProviderKey;
use keyward_store::proxies::NewSealedKey;
use keyward_store::sealing::{DataKey, SealContext};
use url::Url;
use uuid::Uuid;

use crate::{Control, ControlError};

/// Where a key will be sent, and nowhere else.
pub(crate) struct KeyDestination<'a> {
    pub proxy: ProxyId,
    pub provider: &'a str,
    pub base_url: &'a Url,
    pub placement: &'a KeyPlacement,
    pub version: i32,
}

impl Control {
    pub(crate) async fn data_key(&self, account: AccountId) -> Result<DataKey, ControlError> {
        let wrapped = self.store().wrapped_data_key(account).await?;
        Ok(self.key_ring().open_data_key(account, &wrapped)?)
    }

    pub(crate) async fn seal_provider_key(
        &self,
        account: AccountId,
        to: &KeyDestination<'_>,
        key: &ProviderKey,
    ) -> Result<NewSealedKey, ControlError> {
        let id = KeyId(Uuid::now_v7());
        let context = SealContext {
            account,
            proxy: to.proxy,
            key: id,
            provider: to.provider.to_owned(),
            origin: upstream_origin(to.base_url),
            placement: to.placement.binding(),
            version: to.version,
        };
        let sealed = self.data_key(account).await?.seal_provider_key(&context, key)?;
        Ok(NewSealedKey { id, version: to.version, sealed, hint: key.hint().0 })
    }

    pub(crate) async fn seal_issuer_secret(
        &self,
        account: AccountId,
        issuer: IssuerId,
        secret: &str,
    ) -> Result<Vec<u8>, ControlError> {
        Ok(self.data_key(account).await?.seal_issuer_secret(issuer, secret)?)
    }
}
