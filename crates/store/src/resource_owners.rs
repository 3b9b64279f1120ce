//! Who created which object at a provider. The first owner stays: nothing here gives an object to somebody else.

use keyward_domain::ids::{IssuerId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::ownership::ResourceRef;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

#[derive(FromRow)]
struct OwnerRow {
    kind: String,
    resource_id: String,
    issuer_id: Uuid,
    sub: String,
}

impl Store {
    /// The recorded owner of each of these objects; an object without one is not in the answer.
    pub async fn resource_owners(
        &self,
        proxy: ProxyId,
        resources: &[ResourceRef],
    ) -> Result<Vec<(ResourceRef, Subject)>, StoreError> {
        let (kinds, ids) = columns(resources);
        let rows: Vec<OwnerRow> = sqlx::query_as(
            "SELECT owners.kind, owners.resource_id, owners.issuer_id, owners.sub
             FROM resource_owners AS owners
             JOIN unnest($2::text[], $3::text[]) AS wanted (kind, id) ON owners.kind = wanted.kind AND owners.resource_id = wanted.id
             WHERE owners.proxy_id = $1",
        )
        .bind(proxy.0)
        .bind(kinds)
        .bind(ids)
        .fetch_all(&self.pool)
        .await?;
        let owner = |row: OwnerRow| {
            let resource = ResourceRef { kind: row.kind, id: row.resource_id };
            (resource, Subject { issuer: IssuerId(row.issuer_id), sub: row.sub })
        };
        Ok(rows.into_iter().map(owner).collect())
    }

    /// Durable when it returns. Whether all of them now belong to the subject: an object that had another owner keeps it.
    pub async fn record_resource_owner(
        &self,
        proxy: ProxyId,
        resources: &[ResourceRef],
        subject: &Subject,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let (kinds, ids) = columns(resources);
        let recorded = sqlx::query(
            "INSERT INTO resource_owners (proxy_id, kind, resource_id, issuer_id, sub, created_at)
             SELECT $1, kind, id, $4, $5, $6 FROM unnest($2::text[], $3::text[]) AS minted (kind, id)
             ON CONFLICT (proxy_id, kind, resource_id) DO NOTHING",
        )
        .bind(proxy.0)
        .bind(kinds)
        .bind(ids)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .bind(now)
        .execute(&self.pool)
        .await?;
        if recorded.rows_affected() == resources.len() as u64 {
            return Ok(true);
        }
        let owners = self.resource_owners(proxy, resources).await?;
        Ok(owners.len() == resources.len() && owners.iter().all(|(_, owner)| owner == subject))
    }

    /// How many objects of a kind the subject owns.
    pub async fn count_owned(&self, proxy: ProxyId, kind: &str, subject: &Subject) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar(
            "SELECT count(*) FROM resource_owners WHERE proxy_id = $1 AND kind = $2 AND issuer_id = $3 AND sub = $4",
        )
        .bind(proxy.0)
        .bind(kind)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .fetch_one(&self.pool)
        .await?;
        Ok(count)
    }

    /// The object was deleted at the provider.
    pub async fn forget_resource(
        &self,
        proxy: ProxyId,
        resource: &ResourceRef,
        subject: &Subject,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM resource_owners
             WHERE proxy_id = $1 AND kind = $2 AND resource_id = $3 AND issuer_id = $4 AND sub = $5",
        )
        .bind(proxy.0)
        .bind(&resource.kind)
        .bind(&resource.id)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn columns(resources: &[ResourceRef]) -> (Vec<&str>, Vec<&str>) {
    resources.iter().map(|resource| (resource.kind.as_str(), resource.id.as_str())).unzip()
}
