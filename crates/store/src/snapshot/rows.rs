//! The rows of a snapshot, and how they are put together. A row that can't be read serves nothing, and is named.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_domain::ids::{AccountId, AppId, IssuerId, KeyId, PlanId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::provider::{KeyPlacement, upstream_origin};
use keyward_domain::slug::ProxySlug;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use super::{
    ConfigSnapshot, EdgeApp, EdgeIssuer, EdgePlan, EdgeProxy, RevokedUser, SealedIssuerSecret, SealedProviderKey,
};
use crate::StoreError;
use crate::end_user::EndUserNames;
use crate::purchase_sources::source_named;
use crate::sealing::SealContext;

#[derive(Serialize, Deserialize)]
pub(super) struct Rows {
    apps: Vec<AppRow>,
    plans: Vec<PlanRow>,
    proxies: Vec<ProxyRow>,
    keys: Vec<KeyRow>,
    issuers: Vec<IssuerRow>,
    revoked: Vec<RevokedRow>,
    #[serde(default)]
    sources: Vec<SourceRow>,
}

#[derive(FromRow, Serialize, Deserialize)]
struct AppRow {
    id: Uuid,
    policy: Value,
}

#[derive(FromRow, Serialize, Deserialize)]
struct PlanRow {
    id: Uuid,
    app_id: Uuid,
    name: String,
    is_default: bool,
    policy: Value,
}

#[derive(FromRow, Serialize, Deserialize)]
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
    policy: Value,
    allowed_origins: Vec<String>,
    #[serde(with = "hex::serde")]
    wrapped_data_key: Vec<u8>,
    stopped: bool,
}

#[derive(FromRow, Serialize, Deserialize)]
struct KeyRow {
    id: Uuid,
    proxy_id: Uuid,
    version: i32,
    #[serde(with = "hex::serde")]
    sealed: Vec<u8>,
    weight: i32,
}

#[derive(FromRow, Serialize, Deserialize)]
struct IssuerRow {
    id: Uuid,
    app_id: Uuid,
    account_id: Uuid,
    config: Value,
    sealed_secret: Option<Vec<u8>>,
    anonymous_policy: Value,
    #[serde(with = "hex::serde")]
    wrapped_data_key: Vec<u8>,
}

#[derive(FromRow, Serialize, Deserialize)]
struct SourceRow {
    app_id: Uuid,
    source: String,
    connected_at: OffsetDateTime,
}

#[derive(FromRow, Serialize, Deserialize)]
struct RevokedRow {
    app_id: Uuid,
    issuer_id: Uuid,
    sub: String,
    blocked: bool,
    tokens_not_before: Option<OffsetDateTime>,
}

/// Of these apps.
pub(super) async fn read(connection: &mut PgConnection, apps: &[Uuid]) -> Result<Rows, StoreError> {
    Ok(Rows {
        apps: sqlx::query_as("SELECT id, policy FROM apps WHERE id = ANY($1)")
            .bind(apps)
            .fetch_all(&mut *connection)
            .await?,
        plans: sqlx::query_as(
            "SELECT id, app_id, name, is_default, policy FROM plans WHERE app_id = ANY($1)
             ORDER BY position, created_at, id",
        )
        .bind(apps)
        .fetch_all(&mut *connection)
        .await?,
        proxies: sqlx::query_as(
            "SELECT proxies.id, app_id, account_id, slug, provider, base_url, key_placement, enabled, rules, policy,
                 allowed_origins, accounts.wrapped_data_key, accounts.stopped
             FROM proxies JOIN accounts ON accounts.id = proxies.account_id WHERE app_id = ANY($1)",
        )
        .bind(apps)
        .fetch_all(&mut *connection)
        .await?,
        keys: sqlx::query_as(
            "SELECT sealed_keys.id, proxy_id, version, sealed, weight
             FROM sealed_keys JOIN proxies ON proxies.id = proxy_id AND proxies.account_id = sealed_keys.account_id
             WHERE proxies.app_id = ANY($1) ORDER BY sealed_keys.created_at, sealed_keys.id",
        )
        .bind(apps)
        .fetch_all(&mut *connection)
        .await?,
        issuers: sqlx::query_as(
            "SELECT issuers.id, app_id, account_id, config, sealed_secret, anonymous_policy, accounts.wrapped_data_key
             FROM issuers JOIN accounts ON accounts.id = issuers.account_id WHERE app_id = ANY($1)
             ORDER BY issuers.created_at, issuers.id",
        )
        .bind(apps)
        .fetch_all(&mut *connection)
        .await?,
        revoked: sqlx::query_as(
            "SELECT app_id, issuer_id, sub, blocked_at IS NOT NULL AS blocked, tokens_not_before
             FROM app_users WHERE app_id = ANY($1) AND (blocked_at IS NOT NULL OR tokens_not_before IS NOT NULL)",
        )
        .bind(apps)
        .fetch_all(&mut *connection)
        .await?,
        sources: sqlx::query_as("SELECT app_id, source, connected_at FROM purchase_sources WHERE app_id = ANY($1)")
            .bind(apps)
            .fetch_all(&mut *connection)
            .await?,
    })
}

impl Rows {
    pub(super) fn into_snapshot(self) -> ConfigSnapshot {
        let mut snapshot = ConfigSnapshot::default();
        for row in self.apps {
            let id = row.id;
            let app = json(row.policy).map(|policy| EdgeApp {
                policy,
                default_plan: None,
                plans: Vec::new(),
                issuers: Vec::new(),
                revoked: Vec::new(),
                sources: Vec::new(),
            });
            let app = snapshot.readable(app, "app", id);
            snapshot.apps.extend(app.map(|app| (AppId(id), app)));
        }
        for row in self.plans {
            let (app, id, is_default) = (AppId(row.app_id), row.id, row.is_default);
            let Some(plan) = snapshot.readable(row.read(), "plan", id) else { continue };
            if let Some(app) = snapshot.apps.get_mut(&app) {
                app.default_plan = if is_default { Some(plan.id) } else { app.default_plan };
                app.plans.push(plan);
            }
        }
        for row in self.issuers {
            let (app, id) = (AppId(row.app_id), row.id);
            let issuer = snapshot.readable(row.read(), "issuer", id);
            if let Some(app) = snapshot.apps.get_mut(&app) {
                app.issuers.extend(issuer);
            }
        }
        for row in self.revoked {
            if let Some(app) = snapshot.apps.get_mut(&AppId(row.app_id)) {
                app.revoked.push(row.read());
            }
        }
        for row in self.sources {
            if let (Some(app), Ok(source)) = (snapshot.apps.get_mut(&AppId(row.app_id)), source_named(&row.source)) {
                app.sources.push((source, row.connected_at));
            }
        }
        let mut keys: HashMap<Uuid, Vec<KeyRow>> = HashMap::new();
        for key in self.keys {
            keys.entry(key.proxy_id).or_default().push(key);
        }
        for row in self.proxies {
            let (id, keys) = (row.id, keys.remove(&row.id).unwrap_or_default());
            let proxy = snapshot.readable(row.read(keys), "proxy", id);
            snapshot.proxies.extend(proxy);
        }
        snapshot
    }
}

impl ConfigSnapshot {
    fn readable<T>(&mut self, row: Result<T, StoreError>, noun: &str, id: Uuid) -> Option<T> {
        row.map_err(|error| self.broken.push(format!("{noun} {id}: {error}"))).ok()
    }
}

impl PlanRow {
    fn read(self) -> Result<EdgePlan, StoreError> {
        Ok(EdgePlan { id: PlanId(self.id), name: self.name, policy: json(self.policy)? })
    }
}

impl RevokedRow {
    fn read(self) -> RevokedUser {
        RevokedUser {
            subject: Subject { issuer: IssuerId(self.issuer_id), sub: self.sub },
            blocked: self.blocked,
            tokens_not_before: self.tokens_not_before,
        }
    }
}

impl ProxyRow {
    fn read(self, keys: Vec<KeyRow>) -> Result<EdgeProxy, StoreError> {
        let base_url: Url = self.base_url.parse().map_err(|_| StoreError::Broken("base_url is no URL".to_owned()))?;
        let key_placement: KeyPlacement = json(self.key_placement)?;
        let (id, account) = (ProxyId(self.id), AccountId(self.account_id));
        let wrapped_data_key: Arc<[u8]> = self.wrapped_data_key.into();
        let key = |row: KeyRow| SealedProviderKey {
            id: KeyId(row.id),
            weight: u32::try_from(row.weight).unwrap_or(0),
            context: SealContext {
                account,
                proxy: id,
                key: KeyId(row.id),
                provider: self.provider.clone(),
                origin: upstream_origin(&base_url),
                placement: key_placement.binding(),
                version: row.version,
            },
            wrapped_data_key: wrapped_data_key.clone(),
            sealed: row.sealed,
        };
        let keys = keys.into_iter().map(key).collect();
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
            policy: json(self.policy)?,
            allowed_origins: self.allowed_origins,
            is_stopped: self.stopped,
            keys,
            end_users: EndUserNames::new(account, AppId(self.app_id), wrapped_data_key),
        })
    }
}

impl IssuerRow {
    fn read(self) -> Result<EdgeIssuer, StoreError> {
        let (account, issuer) = (AccountId(self.account_id), IssuerId(self.id));
        let wrapped_data_key: Arc<[u8]> = self.wrapped_data_key.into();
        let secret = self.sealed_secret.map(|sealed| SealedIssuerSecret { account, issuer, wrapped_data_key, sealed });
        let (config, anonymous) = (json(self.config)?, json(self.anonymous_policy)?);
        Ok(EdgeIssuer { id: issuer, config, secret, anonymous })
    }
}

fn json<T: DeserializeOwned>(value: Value) -> Result<T, StoreError> {
    Ok(serde_json::from_value(value)?)
}
