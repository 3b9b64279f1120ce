//! All that the edge serves from, read in one transaction: apps, plans, proxies, their sealed keys, issuers.
//! Secrets stay sealed here; the edge opens a key when it is first needed.

mod rows;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use keyward_domain::ids::{AccountId, AppId, IssuerId, KeyId, PlanId, ProxyId};
use keyward_domain::issuer::{IssuerConfig, Subject};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::policy::{AnonymousPolicy, AppPolicy, PlanPolicy, ProxyPolicy};
use keyward_domain::provider::KeyPlacement;
use keyward_domain::rules::EndpointRule;
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::end_user::EndUserNames;
use crate::sealing::{KeyRing, SealContext, SealError};
use crate::{Store, StoreError};

#[derive(Default)]
pub struct ConfigSnapshot {
    pub proxies: Vec<EdgeProxy>,
    /// By app; a proxy whose app is not among them serves nothing.
    pub apps: HashMap<AppId, EdgeApp>,
    /// Rows that can't be read serve nothing; they are named for the log.
    pub broken: Vec<String>,
}

/// The configuration of some apps as it was read, for what it makes (`into_snapshot`) and for keeping it.
#[derive(Serialize, Deserialize)]
pub struct ConfigRows {
    /// Whose rows these are: all that was known of them before is replaced.
    pub apps: Vec<AppId>,
    rows: rows::Rows,
}

impl ConfigRows {
    pub fn into_snapshot(self) -> ConfigSnapshot {
        self.rows.into_snapshot()
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
    /// The account has used up what it pays for.
    pub is_stopped: bool,
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

    /// The whole, as of one moment.
    pub async fn config_snapshot(&self) -> Result<ConfigSnapshot, StoreError> {
        let (mut reading, mut whole) = (self.read_config(None).await?, ConfigSnapshot::default());
        while let Some(rows) = reading.next_piece().await? {
            let ConfigSnapshot { proxies, apps, broken } = rows.into_snapshot();
            whole.proxies.extend(proxies);
            whole.apps.extend(apps);
            whole.broken.extend(broken);
        }
        Ok(whole)
    }

    /// What has changed after the version `since`; all there is without one.
    pub async fn read_config(&self, since: Option<i64>) -> Result<ConfigReading, StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
        let version = sqlx::query_scalar("SELECT version FROM config_version").fetch_one(&mut *tx).await?;
        let changed: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM apps WHERE $1::bigint IS NULL OR config_version > $1 ORDER BY id")
                .bind(since)
                .fetch_all(&mut *tx)
                .await?;
        let gone: Vec<Uuid> = sqlx::query_scalar("SELECT app_id FROM deleted_apps WHERE config_version > $1")
            .bind(since.unwrap_or(i64::MAX))
            .fetch_all(&mut *tx)
            .await?;
        let gone = gone.into_iter().map(AppId).collect();
        Ok(ConfigReading { version, gone, changed: changed.into(), tx })
    }
}

/// What is read goes by pieces: neither the database nor the reader has all of it at once, and none of it takes long.
const APPS_IN_A_PIECE: usize = 100;

/// A configuration as of one moment. Holds a connection and its transaction.
pub struct ConfigReading {
    pub version: i64,
    pub gone: Vec<AppId>,
    changed: VecDeque<Uuid>,
    tx: Transaction<'static, Postgres>,
}

impl ConfigReading {
    pub async fn next_piece(&mut self) -> Result<Option<ConfigRows>, StoreError> {
        let piece: Vec<Uuid> = self.changed.drain(..self.changed.len().min(APPS_IN_A_PIECE)).collect();
        if piece.is_empty() {
            return Ok(None);
        }
        let rows = rows::read(&mut self.tx, &piece).await?;
        Ok(Some(ConfigRows { apps: piece.into_iter().map(AppId).collect(), rows }))
    }
}
