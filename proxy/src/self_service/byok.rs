//! A user's own keys, without opening any: listed, revoked, and what each was used for.

use http::StatusCode;
use keyward_domain::ids::ByokKeyId;
use keyward_domain::rejection::Rejection;
use keyward_store::StoreError;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tracing::warn;
use uuid::Uuid;

use super::{OwnReply, Question};

const USAGE_DAYS: i64 = 30;

pub async fn list(question: &Question<'_>) -> Result<OwnReply, Rejection> {
    let subject = question.caller.subject();
    let rows = question.edge.custody.vault.store.byok_keys_of(question.proxy.id, subject).await.map_err(unavailable)?;
    let key = |row: &keyward_store::byok_keys::ByokKeyRow| {
        json!({
            "id": row.id.simple().to_string(), "hint": row.hint, "created_at": stamp(Some(row.created_at)),
            "updated_at": stamp(Some(row.updated_at)), "expires_at": stamp(row.expires_at),
            "last_used_at": stamp(row.last_used_at),
        })
    };
    Ok(reply(StatusCode::OK, json!({"keys": rows.iter().map(key).collect::<Vec<_>>()})))
}

pub async fn revoke(question: &Question<'_>, id: &str) -> Result<OwnReply, Rejection> {
    let (id, subject, vault) = (parsed(id)?, question.caller.subject(), &question.edge.custody.vault);
    match vault.store.revoke_byok_key(question.proxy.id, subject, id, question.edge.clock.now()).await {
        Ok(()) => {
            vault.forget(question.proxy.id, id);
            Ok(reply(StatusCode::NO_CONTENT, Value::Null))
        }
        Err(StoreError::NotFound) => Err(Rejection::ResourceNotFound),
        Err(error) => Err(unavailable(error)),
    }
}

/// By day, of the last thirty.
pub async fn usage(question: &Question<'_>, id: &str) -> Result<OwnReply, Rejection> {
    let (id, subject, store) = (parsed(id)?, question.caller.subject(), &question.edge.custody.vault.store);
    let own = store.byok_keys_of(question.proxy.id, subject).await.map_err(unavailable)?;
    if !own.iter().any(|row| row.id == id.0) {
        return Err(Rejection::ResourceNotFound);
    }
    let since = question.edge.clock.now() - Duration::days(USAGE_DAYS);
    let days = store.byok_usage(question.proxy.id, (id, subject), since).await.map_err(unavailable)?;
    let day = |row: &keyward_store::byok_usage::ByokDayRow| {
        json!({
            "day": row.day, "requests": row.requests,
            "input_tokens": row.input_tokens, "output_tokens": row.output_tokens,
        })
    };
    Ok(reply(StatusCode::OK, json!({"days": days.iter().map(day).collect::<Vec<_>>()})))
}

pub(super) fn reply(status: StatusCode, content: Value) -> OwnReply {
    OwnReply { status, content }
}

/// An id as it stands in the credential; anything else is no key of anybody's.
pub(super) fn parsed(id: &str) -> Result<ByokKeyId, Rejection> {
    Uuid::try_parse(id).map(ByokKeyId).map_err(|_| Rejection::ResourceNotFound)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(super) fn unavailable(error: StoreError) -> Rejection {
    warn!(%error, "users' own keys can't be read or written");
    Rejection::ByokUnavailable
}

pub(super) fn stamp(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}
