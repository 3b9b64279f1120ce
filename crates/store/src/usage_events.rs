//! Finished requests, written in batches by the edge. A batch sent twice counts once; what ends after its proxy was
//! deleted isn't written any more.

use keyward_domain::usage::{AppCheckOutcome, Extent, UsageEvent};
use sqlx::PgConnection;

use crate::{Store, StoreError};

impl Store {
    pub async fn insert_usage_events(&self, events: &[UsageEvent]) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        insert_events(&mut tx, events).await?;
        upsert_app_users(&mut tx, events).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn insert_events(connection: &mut PgConnection, events: &[UsageEvent]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO usage_events (id, account_id, app_id, proxy_id, issuer_id, sub, occurred_at, method, endpoint, status,
             outcome, code, model, input_tokens, cached_tokens, output_tokens, cost_micro_usd, request_bytes, response_bytes,
             first_byte_ms, duration_ms, app_check, plan_id, estimated, byok_key_id, is_part)
         SELECT finished.* FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[],
             $8::text[], $9::text[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[],
             $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::integer[], $21::integer[],
             $22::text[], $23::uuid[], $24::boolean[], $25::uuid[], $26::boolean[])
             AS finished (id, account_id, app_id, proxy_id)
         JOIN proxies ON proxies.id = finished.proxy_id
         ORDER BY finished.proxy_id
         ON CONFLICT (id, occurred_at) DO NOTHING",
    )
    .bind(column(events, |event| event.id))
    .bind(column(events, |event| event.account.0))
    .bind(column(events, |event| event.app.0))
    .bind(column(events, |event| event.proxy.0))
    .bind(column(events, |event| event.subject.as_ref().map(|subject| subject.issuer.0)))
    .bind(column(events, |event| event.subject.as_ref().map(|subject| text(&subject.sub))))
    .bind(column(events, |event| event.occurred_at))
    .bind(column(events, |event| event.method.clone()))
    .bind(column(events, |event| event.endpoint.clone()))
    .bind(column(events, |event| i32::from(event.status)))
    .bind(column(events, |event| event.outcome.name()))
    .bind(column(events, |event| event.code.clone()))
    .bind(column(events, |event| event.model.as_deref().map(text)))
    .bind(column(events, |event| event.tokens.map(|tokens| bigint(tokens.input))))
    .bind(column(events, |event| event.tokens.map(|tokens| bigint(tokens.cached))))
    .bind(column(events, |event| event.tokens.map(|tokens| bigint(tokens.output))))
    .bind(column(events, |event| event.cost_micro_usd.map(bigint)))
    .bind(column(events, |event| bigint(event.request_bytes)))
    .bind(column(events, |event| bigint(event.response_bytes)))
    .bind(column(events, |event| event.first_byte_ms.map(integer)))
    .bind(column(events, |event| integer(event.duration_ms)))
    .bind(column(events, |event| event.app_check.map(AppCheckOutcome::name)))
    .bind(column(events, |event| event.plan.map(|plan| plan.0)))
    .bind(column(events, |event| event.estimated))
    .bind(column(events, |event| event.byok_key.map(|key| key.0)))
    .bind(column(events, |event| event.extent == Extent::Part))
    .execute(connection)
    .await?;
    Ok(())
}

/// Only for issuers that are still linked; the dashboard's own test calls have none.
/// In a fixed order, so that two edges can't lock each other out.
async fn upsert_app_users(connection: &mut PgConnection, events: &[UsageEvent]) -> Result<(), StoreError> {
    let seen: Vec<&UsageEvent> = events.iter().filter(|event| event.subject.is_some()).collect();
    sqlx::query(
        "INSERT INTO app_users (id, app_id, account_id, issuer_id, sub, first_seen_at, last_seen_at)
         SELECT gen_random_uuid(), issuers.app_id, issuers.account_id, issuers.id, seen.sub, min(seen.at), max(seen.at)
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) AS seen (app_id, issuer_id, sub, at)
         JOIN issuers ON issuers.id = seen.issuer_id AND issuers.app_id = seen.app_id
         GROUP BY issuers.app_id, issuers.account_id, issuers.id, seen.sub
         ORDER BY issuers.id, seen.sub
         ON CONFLICT (issuer_id, sub) DO UPDATE SET
             first_seen_at = coalesce(app_users.first_seen_at, excluded.first_seen_at),
             last_seen_at = greatest(app_users.last_seen_at, excluded.last_seen_at)",
    )
    .bind(column(&seen, |event| event.app.0))
    .bind(column(&seen, |event| event.subject.as_ref().map(|subject| subject.issuer.0)))
    .bind(column(&seen, |event| event.subject.as_ref().map(|subject| text(&subject.sub))))
    .bind(column(&seen, |event| event.occurred_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Between two of them, whoever waits for the processor may have it: on a busy machine, those are requests.
fn column<E, T>(events: &[E], value: impl Fn(&E) -> T) -> Vec<T> {
    std::thread::yield_now();
    events.iter().map(value).collect()
}

/// PostgreSQL stores no NUL; one in a user's id must not hold up a whole batch.
fn text(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
