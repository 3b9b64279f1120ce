//! All that the edge serves from, read in one transaction: proxies, their sealed keys, issuers, default plans.
//! Secrets stay sealed here; the edge opens a key when it is first needed.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_domain::ids::{AccountId, AppId, IssuerId, KeyId, PlanId, ProxyId};
use keyward_domain::issuer::IssuerConfig;
use keyward_domain::limits::RateLimit;
use keyward_domain::provider::{KeyPlacement, upstream_origin};
use keyward_domain::rules::EndpointRule;
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::sealing::{KeyRing, SealContext, SealError};
use crate::{Store, StoreError};

pub struct ConfigSnapshot {
    pub version: i64,
    pub proxies: Vec<EdgeProxy>,
    pub issuers: HashMap<AppId, Vec<EdgeIssuer>>,
    /// Rows that can't be read serve nothing; they are named for the log.
    pub broken: Vec<String>,
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
    pub rate_limit: Option<RateLimit>,
    pub allowed_origins: Vec<String>,
    pub default_plan: Option<PlanId>,
    pub key: Option<SealedProviderKey>,
}

/// A provider's key as stored, with all that it is bound to.
pub struct SealedProviderKey {
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
    pub allow_anonymous: bool,
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

#[derive(FromRow)]
struct ProxyRow {
    id: Uuid,
    app_id: Uuid,
    account_id: Uuid,
    slug: String,
    provider: String,
    base_url: String,
    key_placement: Value,
    enabled: bool,
    rules: Value,
    rate_limit: Option<Value>,
    allowed_origins: Vec<String>,
    plan_id: Option<Uuid>,
    wrapped_data_key: Vec<u8>,
    key_id: Option<Uuid>,
    key_version: Option<i32>,
    sealed: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct IssuerRow {
    id: Uuid,
    app_id: Uuid,
    account_id: Uuid,
    config: Value,
    sealed_secret: Option<Vec<u8>>,
    allow_anonymous: bool,
    wrapped_data_key: Vec<u8>,
}

impl Store {
    /// Changes whenever anything in the snapshot does.
    pub async fn config_version(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT version FROM config_version").fetch_one(&self.pool).await?)
    }

    pub async fn config_snapshot(&self) -> Result<ConfigSnapshot, StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
        let version = sqlx::query_scalar("SELECT version FROM config_version").fetch_one(&mut *tx).await?;
        let (proxies, issuers) = (proxy_rows(&mut tx).await?, issuer_rows(&mut tx).await?);
        tx.commit().await?;
        let mut snapshot = ConfigSnapshot { version, proxies: Vec::new(), issuers: HashMap::new(), broken: Vec::new() };
        for row in proxies {
            let id = row.id;
            match row.read() {
                Ok(proxy) => snapshot.proxies.push(proxy),
                Err(error) => snapshot.broken.push(format!("proxy {id}: {error}")),
            }
        }
        for row in issuers {
            let id = row.id;
            match row.read() {
                Ok((app, issuer)) => snapshot.issuers.entry(app).or_default().push(issuer),
                Err(error) => snapshot.broken.push(format!("issuer {id}: {error}")),
            }
        }
        Ok(snapshot)
    }
}

async fn proxy_rows(connection: &mut PgConnection) -> Result<Vec<ProxyRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT proxies.id, proxies.app_id, proxies.account_id, slug, provider, base_url, key_placement, enabled, rules,
             rate_limit, allowed_origins, plans.id AS plan_id, accounts.wrapped_data_key,
             sealed_keys.id AS key_id, sealed_keys.version AS key_version, sealed_keys.sealed
         FROM proxies
         JOIN accounts ON accounts.id = proxies.account_id
         LEFT JOIN plans ON plans.app_id = proxies.app_id AND plans.account_id = proxies.account_id AND plans.is_default
         LEFT JOIN sealed_keys ON sealed_keys.proxy_id = proxies.id AND sealed_keys.account_id = proxies.account_id",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

async fn issuer_rows(connection: &mut PgConnection) -> Result<Vec<IssuerRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT issuers.id, issuers.app_id, issuers.account_id, config, sealed_secret, allow_anonymous,
             accounts.wrapped_data_key
         FROM issuers JOIN accounts ON accounts.id = issuers.account_id ORDER BY issuers.created_at, issuers.id",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

impl ProxyRow {
    fn read(self) -> Result<EdgeProxy, StoreError> {
        let base_url: Url = self.base_url.parse().map_err(|_| StoreError::Broken("base_url is no URL".to_owned()))?;
        let key_placement: KeyPlacement = json(self.key_placement)?;
        let (id, account) = (ProxyId(self.id), AccountId(self.account_id));
        let key = match (self.key_id, self.key_version, self.sealed) {
            (Some(key), Some(version), Some(sealed)) => Some(SealedProviderKey {
                context: SealContext {
                    account,
                    proxy: id,
                    key: KeyId(key),
                    provider: self.provider.clone(),
                    origin: upstream_origin(&base_url),
                    placement: key_placement.binding(),
                    version,
                },
                wrapped_data_key: self.wrapped_data_key.into(),
                sealed,
            }),
            (_, _, _) => None,
        };
        Ok(EdgeProxy {
            id,
            app: AppId(self.app_id),
            account,
            slug: ProxySlug::parse(&self.slug).map_err(|error| StoreError::Broken(error.to_string()))?,
            provider: self.provider,
            base_url,
            key_placement,
            enabled: self.enabled,
            rules: json(self.rules)?,
            rate_limit: self.rate_limit.map(json).transpose()?,
            allowed_origins: self.allowed_origins,
            default_plan: self.plan_id.map(PlanId),
            key,
        })
    }
}

impl IssuerRow {
    fn read(self) -> Result<(AppId, EdgeIssuer), StoreError> {
        let (account, issuer) = (AccountId(self.account_id), IssuerId(self.id));
        let wrapped_data_key: Arc<[u8]> = self.wrapped_data_key.into();
        let secret = self.sealed_secret.map(|sealed| SealedIssuerSecret { account, issuer, wrapped_data_key, sealed });
        let (config, allow_anonymous) = (json(self.config)?, self.allow_anonymous);
        Ok((AppId(self.app_id), EdgeIssuer { id: issuer, config, secret, allow_anonymous }))
    }
}

fn json<T: DeserializeOwned>(value: Value) -> Result<T, StoreError> {
    Ok(serde_json::from_value(value)?)
}
