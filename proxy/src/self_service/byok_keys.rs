//! A user's own key, sealed and sealed anew. The credential is shown once, in the answer that makes it.

use http::StatusCode;
use hyper::body::Incoming;
use keyward_domain::byok::ByokCredential;
use keyward_domain::ids::ByokKeyId;
use keyward_domain::policy::Byok;
use keyward_domain::rejection::Rejection;
use keyward_store::StoreError;
use keyward_store::byok_keys::{NewByokKey, TOO_MANY_BYOK_KEYS};
use keyward_store::byok_sealing::{SealedByokKey, new_share};
use keyward_store::sealing::{DataKey, SealError};
use serde_json::json;
use tracing::error;
use uuid::Uuid;

use super::byok::{parsed, reply, stamp, unavailable};
use super::form::{self, KeyForm};
use super::{OwnReply, Question, key_test};
use crate::byok_vault::{OwnKey, context};

pub async fn create(question: &Question<'_>, body: &mut Option<Incoming>) -> Result<OwnReply, Rejection> {
    begin(question)?;
    let KeyForm { key, expires_at } = form::read(question, body).await?;
    let credential = ByokCredential { id: ByokKeyId(Uuid::new_v4()), share: new_share().map_err(unsealed)? };
    key_test::check(question, credential.id, &key).await?;
    let (proxy, owner, now) = (question.proxy, question.caller.subject(), question.edge.clock.now());
    let sealed = data_key(question)
        .await?
        .seal_byok_key(credential.id, (&context(proxy, owner), 1), &credential.share, &key)
        .map_err(unsealed)?;
    let new = NewByokKey {
        id: credential.id,
        account: proxy.account,
        app: proxy.app.id,
        proxy: proxy.id,
        owner: owner.clone(),
        sealed,
        hint: key.hint().0,
        expires_at,
    };
    match question.edge.custody.vault.store.insert_byok_key(&new, now).await {
        Ok(()) => {}
        Err(StoreError::Conflict { constraint }) if constraint == TOO_MANY_BYOK_KEYS => {
            return Err(Rejection::ByokTooMany);
        }
        Err(error) => return Err(unavailable(error)),
    }
    Ok(reply(
        StatusCode::CREATED,
        json!({
            "id": credential.id.0.simple().to_string(), "credential": credential.reveal().as_str(), "hint": new.hint,
            "created_at": stamp(Some(now)), "expires_at": stamp(expires_at),
        }),
    ))
}

/// Another credential for the same key; the one of before opens nothing any more.
pub async fn rotate_share(question: &Question<'_>, id: &str) -> Result<OwnReply, Rejection> {
    begin(question)?;
    let (own, _) = opened(question, parsed(id)?).await?;
    let renewed = ByokCredential { id: own.id, share: new_share().map_err(unsealed)? };
    let (proxy, owner) = (question.proxy, question.caller.subject());
    let sealed = data_key(question)
        .await?
        .seal_byok_key(own.id, (&context(proxy, owner), own.version + 1), &renewed.share, &own.key)
        .map_err(unsealed)?;
    reseal(question, own.id, (&sealed, None)).await?;
    Ok(reply(
        StatusCode::OK,
        json!({
            "id": own.id.0.simple().to_string(), "credential": renewed.reveal().as_str(), "hint": own.key.hint().0,
            "expires_at": stamp(own.expires_at),
        }),
    ))
}

/// Another provider key under the same credential.
pub async fn rotate_key(question: &Question<'_>, id: &str, body: &mut Option<Incoming>) -> Result<OwnReply, Rejection> {
    begin(question)?;
    let (own, credential) = opened(question, parsed(id)?).await?;
    let KeyForm { key, expires_at } = form::read(question, body).await?;
    if expires_at.is_some() {
        return Err(Rejection::SelfServiceForm { reason: "a key keeps its expires_at; make a new one".to_owned() });
    }
    key_test::check(question, own.id, &key).await?;
    let (proxy, owner) = (question.proxy, question.caller.subject());
    let sealed = data_key(question)
        .await?
        .seal_byok_key(own.id, (&context(proxy, owner), own.version + 1), &credential.share, &key)
        .map_err(unsealed)?;
    let hint = key.hint().0;
    reseal(question, own.id, (&sealed, Some(&hint))).await?;
    Ok(reply(
        StatusCode::OK,
        json!({"id": own.id.0.simple().to_string(), "hint": hint, "expires_at": stamp(own.expires_at)}),
    ))
}

fn begin(question: &Question<'_>) -> Result<(), Rejection> {
    match question.proxy.policy.byok {
        Byok::Off => Err(Rejection::ByokNotAllowed),
        Byok::Optional | Byok::Required => {
            question.edge.custody.attempts.change(question.proxy.id, question.caller.subject())
        }
    }
}

/// The key that is to change, opened with the credential of the moment.
async fn opened(question: &Question<'_>, id: ByokKeyId) -> Result<(OwnKey, ByokCredential), Rejection> {
    let text = question.byok.ok_or(Rejection::ByokRequired)?;
    let (vault, now) = (&question.edge.custody.vault, question.edge.clock.now());
    let own = vault.open(question.proxy, question.caller.subject(), text, now).await?;
    let credential = ByokCredential::parse(text).map_err(|_| Rejection::ByokRefused)?;
    if own.id == id { Ok((own, credential)) } else { Err(Rejection::ByokRefused) }
}

async fn reseal(
    question: &Question<'_>,
    id: ByokKeyId,
    sealed: (&SealedByokKey, Option<&str>),
) -> Result<(), Rejection> {
    let (vault, now) = (&question.edge.custody.vault, question.edge.clock.now());
    let resealed = vault.store.reseal_byok_key(question.proxy.id, (id, question.caller.subject()), sealed, now).await;
    vault.forget(question.proxy.id, id);
    resealed.map_err(|error| match error {
        // Revoked or changed since it was opened.
        StoreError::NotFound => Rejection::ByokRefused,
        StoreError::Conflict { .. } | StoreError::Unavailable(_) | StoreError::Broken(_) => unavailable(error),
    })
}

async fn data_key(question: &Question<'_>) -> Result<DataKey, Rejection> {
    let vault = &question.edge.custody.vault;
    let wrapped = vault.store.wrapped_data_key(question.proxy.account).await.map_err(unavailable)?;
    vault.ring.open_data_key(question.proxy.account, &wrapped).map_err(unsealed)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn unsealed(cause: SealError) -> Rejection {
    error!(%cause, "a user's own key can't be sealed");
    Rejection::ByokUnavailable
}
