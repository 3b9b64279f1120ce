//! All that the edge serves from, read in one transaction: apps, plans, proxies, their sealed keys, issuers.
//! Secrets stay sealed here; the edge opens a key when it is first needed.

mod kept;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use keyward_domain::ids::{AccountId, AppId, IssuerId, KeyId, PlanId, ProxyId};
use keyward_domain::issuer::{IssuerConfig, Subject};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::policy::{AnonymousPolicy, AppPolicy, PlanPolicy, ProxyPolicy};
use keyward_domain::provider::KeyPlacement;
use keyward_domain::rules::EndpointRule;
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use crate::end_user::EndUserNames;
use crate::sealing::{KeyRing, SealContext, SealError};
use crate::{Store, StoreError};

pub use kept::KeptConfigError;

pub struct ConfigSnapshot {
    pub version: i64,
    pub proxies: Vec<EdgeProxy>,
    /// By app; a proxy whose app is not among them serves nothing.
    pub apps: HashMap<AppId, EdgeApp>,
    /// Rows that can't be read serve nothing; they are named for the log.
    pub broken: Vec<String>,
}

/// A configuration as it was read, for what it makes (`into_snapshot`) and for keeping it (`seal`).
pub struct ConfigRows {
    pub version: i64,
    rows: rows::Rows,
}

impl ConfigRows {
    pub fn into_snapshot(self) -> ConfigSnapshot {
        self.rows.into_snapshot(self.version)
    }
}

pub struct EdgeApp {
    pub policy: AppPolicy,
    pub default_plan: Option<PlanId>,
    pub plans: Vec<EdgePlan>,
    pub issuers: Vec<EdgeIssuer>,
    /// Users who may no longer call, or only with newer tokens.
    pub revoked: Vec<RevokedUser>,
    /// Where its users buy, and since when.
    pub sources: Vec<(PurchaseSource, OffsetDateTime)>,
}

pub struct EdgePlan {
    pub id: PlanId,
    pub name: String,
    pub policy: PlanPolicy,
}

pub struct RevokedUser {
    pub subject: Subject,
    pub blocked: bool,
    pub tokens_not_before: Option<OffsetDateTime>,
}

pub struct EdgeProxy {
    pub id: ProxyId,
    pub app: AppId,
    pub account: AccountId,
    pub slug: ProxySlug,
    pub provider: String,
    pub base_url: Url,
    pub key_placement: KeyPlacement,
    pub enabled: bool,
    pub rules: Vec<EndpointRule>,
    pub policy: ProxyPolicy,
    pub allowed_origins: Vec<String>,
    /// All that the proxy has, oldest first.
    pub keys: Vec<SealedProviderKey>,
    pub end_users: EndUserNames,
}

/// A provider's key as stored, with all that it is bound to.
pub struct SealedProviderKey {
    pub id: KeyId,
    /// Its share of the calls; 0 for none.
    pub weight: u32,
    context: SealContext,
    wrapped_data_key: Arc<[u8]>,
    sealed: Vec<u8>,
}

impl SealedProviderKey {
    pub fn open(&self, ring: &KeyRing) -> Result<ProviderKey, SealError> {
        ring.open_data_key(self.context.account, &self.wrapped_data_key)?.open_provider_key(&self.context, &self.sealed)
    }
}

pub struct EdgeIssuer {
    pub id: IssuerId,
    pub config: IssuerConfig,
    pub secret: Option<SealedIssuerSecret>,
    pub anonymous: AnonymousPolicy,
}

impl EdgeIssuer {
    /// Equal as long as the issuer is configured the same.
    pub fn digest(&self) -> [u8; 32] {
        let config = serde_json::to_vec(&self.config).unwrap_or_default();
        let hash = Sha256::new().chain_update(self.id.0.as_bytes()).chain_update(config);
        let sealed = self.secret.as_ref().map_or(&[][..], |secret| &secret.sealed);
        hash.chain_update([0]).chain_update(sealed).finalize().into()
    }
}

pub struct SealedIssuerSecret {
    account: AccountId,
    issuer: IssuerId,
    wrapped_data_key: Arc<[u8]>,
    sealed: Vec<u8>,
}

impl SealedIssuerSecret {
    pub fn open(&self, ring: &KeyRing) -> Result<Zeroizing<String>, SealError> {
        ring.open_data_key(self.account, &self.wrapped_data_key)?.open_issuer_secret(self.issuer, &self.sealed)
    }
}

impl Store {
    /// Changes whenever anything in the snapshot does.
    pub async fn config_version(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT version FROM config_version").fetch_one(&self.pool).await?)
    }

    pub async fn config_snapshot(&self) -> Result<ConfigSnapshot, StoreError> {
        Ok(self.config_rows().await?.into_snapshot())
    }

    pub async fn config_rows(&self) -> Result<ConfigRows, StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
        let version = sqlx::query_scalar("SELECT version FROM config_version").fetch_one(&mut *tx).await?;
        let rows = rows::read(&mut tx).await?;
        tx.commit().await?;
        Ok(ConfigRows { version, rows })
    }
}
