//! What a developer decides for an App, a Plan or a Proxy. A change is made on the row as it is now, while nobody else
//! can change it: of two people who each add a rule, both rules stand.

use std::collections::BTreeSet;

use keyward_domain::ids::{AccountId, AppId, PlanId, ProxyId};
use keyward_domain::ownership::ResourceRef;
use keyward_domain::policy::{AppPolicy, PlanPolicy, ProxyPolicy};
use keyward_domain::provider::OwnershipRule;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::proxies::{SeenProxy, lock_as_seen};
use crate::{Store, StoreError};

/// `$1` is the row, `$2` its account, `$3` the new policy.
struct PolicySql {
    lock: &'static str,
    write: &'static str,
}

const OF_APP: PolicySql = PolicySql {
    lock: "SELECT policy FROM apps WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
    write: "UPDATE apps SET policy = $3 WHERE id = $1 AND account_id = $2",
};

const OF_PLAN: PolicySql = PolicySql {
    lock: "SELECT policy FROM plans WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
    write: "UPDATE plans SET policy = $3 WHERE id = $1 AND account_id = $2",
};

const OF_PROXY: PolicySql = PolicySql {
    lock: "SELECT policy FROM proxies WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
    write: "UPDATE proxies SET policy = $3 WHERE id = $1 AND account_id = $2",
};

impl Store {
    pub async fn app_policy(&self, account: AccountId, app: AppId) -> Result<(String, AppPolicy), StoreError> {
        let (name, policy): (String, Value) =
            sqlx::query_as("SELECT name, policy FROM apps WHERE id = $1 AND account_id = $2")
                .bind(app.0)
                .bind(account.0)
                .fetch_one(&self.pool)
                .await?;
        Ok((name, serde_json::from_value(policy)?))
    }

    /// Nothing is written when `change` says no.
    pub async fn change_app_policy<E: From<StoreError>>(
        &self,
        account: AccountId,
        app: AppId,
        change: impl FnOnce(&mut AppPolicy) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        self.change_policy(&OF_APP, (account, app.0), change).await
    }

    pub async fn change_plan_policy<E: From<StoreError>>(
        &self,
        account: AccountId,
        plan: PlanId,
        change: impl FnOnce(&mut PlanPolicy) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        self.change_policy(&OF_PLAN, (account, plan.0), change).await
    }

    pub async fn change_proxy_policy<E: From<StoreError>>(
        &self,
        account: AccountId,
        proxy: ProxyId,
        change: impl FnOnce(&mut ProxyPolicy) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        self.change_policy(&OF_PROXY, (account, proxy.0), change).await
    }

    /// The table was decided on with the proxy's endpoints in view; other ones meanwhile are a `Conflict`.
    pub async fn set_ownership(
        &self,
        account: AccountId,
        proxy: ProxyId,
        (rules, shared): (&[OwnershipRule], &BTreeSet<ResourceRef>),
        seen: &SeenProxy,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_as_seen(&mut tx, account, proxy, seen).await?;
        sqlx::query(
            "UPDATE proxies SET policy = jsonb_set(jsonb_set(policy, '{ownership}', $3), '{shared}', $4), updated_at = $5
             WHERE id = $1 AND account_id = $2",
        )
        .bind(proxy.0)
        .bind(account.0)
        .bind(Json(rules))
        .bind(Json(shared))
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn change_policy<P, E>(
        &self,
        sql: &PolicySql,
        (account, id): (AccountId, Uuid),
        change: impl FnOnce(&mut P) -> Result<(), E> + Send,
    ) -> Result<(), E>
    where
        P: Serialize + DeserializeOwned + Send + Sync,
        E: From<StoreError>,
    {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let stored: Value = sqlx::query_scalar(sql.lock)
            .bind(id)
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::from)?;
        let mut policy: P = serde_json::from_value(stored).map_err(StoreError::from)?;
        change(&mut policy)?;
        sqlx::query(sql.write)
            .bind(id)
            .bind(account.0)
            .bind(Json(&policy))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::from)?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}
