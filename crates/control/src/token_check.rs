//! The token check box: a pasted token against every check, said one by one. Never stored, never logged.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::ClaimCheck;
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::revocation::{Revoked, UserStanding, check_standing};
use keyward_domain::view::{TokenCheckLine, Verdict};
use keyward_identity::{LinkedIssuer, SharedSecret, VerifiedToken};
use keyward_store::StoreError;
use keyward_store::issuers::IssuerRow;

use crate::{Actor, Control, ControlError};

const LONGEST_TOKEN_BYTES: usize = 16 * 1024;
const ANONYMOUS_REFUSED: &str =
    "anonymous, and this identity provider's anonymous users are refused; allow them above, or sign the user in";

impl Control {
    pub async fn check_token(
        &self,
        actor: &Actor,
        app: AppId,
        token: &str,
    ) -> Result<Vec<TokenCheckLine>, ControlError> {
        let account = actor.account_id();
        self.store().app_name(account, app).await?;
        // People paste the whole header.
        let token = token.trim();
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
        if token.is_empty() {
            return Err(ControlError::invalid(
                "token",
                "paste a token that your app's user got from the identity provider",
            ));
        }
        if token.len() > LONGEST_TOKEN_BYTES {
            return Err(ControlError::invalid("token", "this is too long for a token"));
        }
        let rows = self.store().issuers(account, app).await?;
        if rows.is_empty() {
            return Ok(vec![TokenCheckLine {
                check: "Issuer (iss)".to_owned(),
                verdict: Verdict::Failed,
                reason: "this app has no identity provider yet; link one first".to_owned(),
            }]);
        }
        let of_anonymous: HashMap<IssuerId, AnonymousPolicy> =
            rows.iter().map(|row| (IssuerId(row.id), row.anonymous_policy.0)).collect();
        let linked = self.linked_issuers(account, rows).await?;
        let mut lines = self.key_sets().explain(&linked, token, self.now()).await;
        if let Ok(verified) = self.key_sets().verify(&linked, token, self.now()).await {
            let of_anonymous = of_anonymous.get(&verified.subject.issuer).copied();
            if verified.anonymous && of_anonymous == Some(AnonymousPolicy::Deny) {
                refuse(&mut lines, ClaimCheck::Anonymous, ANONYMOUS_REFUSED.to_owned());
            }
            if let Some(name) = &verified.plan
                && !self.store().plans(account, app).await?.iter().any(|plan| plan.name == *name)
            {
                refuse(&mut lines, ClaimCheck::Plan, format!("this app has no plan with the name {name:?}"));
            }
            if lines.iter().all(|line| line.verdict != Verdict::Failed) {
                let plan = self.plan_line(account, app, &verified, of_anonymous).await?;
                lines.retain(|line| line.check != plan.check);
                lines.push(plan);
            }
            lines.extend(self.explain_standing(account, app, &verified).await?);
        }
        Ok(lines)
    }

    /// Nothing where nothing was revoked.
    async fn explain_standing(
        &self,
        account: AccountId,
        app: AppId,
        verified: &VerifiedToken,
    ) -> Result<Option<TokenCheckLine>, ControlError> {
        let (_, policy) = self.store().app_policy(account, app).await?;
        let user = match self.store().app_user(account, app, &verified.subject).await {
            Ok(row) => UserStanding { blocked: row.blocked_at.is_some(), tokens_not_before: row.tokens_not_before },
            Err(StoreError::NotFound) => UserStanding::default(),
            Err(error) => return Err(error.into()),
        };
        let Err(revoked) = check_standing(user, policy.tokens_not_before, verified.issued_at) else { return Ok(None) };
        let reason = match revoked {
            Revoked::UserBlocked => "this user is blocked",
            Revoked::TokenTooOld => "issued before the time from which tokens count; a new token passes",
        };
        let check = "Revocation".to_owned();
        Ok(Some(TokenCheckLine { check, verdict: Verdict::Failed, reason: reason.to_owned() }))
    }

    async fn linked_issuers(
        &self,
        account: AccountId,
        rows: Vec<IssuerRow>,
    ) -> Result<Vec<Arc<LinkedIssuer>>, ControlError> {
        let mut linked = Vec::with_capacity(rows.len());
        for row in rows {
            let id = IssuerId(row.id);
            let secret = match &row.sealed_secret {
                Some(sealed) => Some(self.open_issuer_secret(account, id, sealed).await?),
                None => None,
            };
            linked.push(Arc::new(LinkedIssuer { id, config: row.config.0, secret }));
        }
        Ok(linked)
    }

    async fn open_issuer_secret(
        &self,
        account: AccountId,
        issuer: IssuerId,
        sealed: &[u8],
    ) -> Result<SharedSecret, ControlError> {
        let plain = self.data_key(account).await?.open_issuer_secret(issuer, sealed)?;
        SharedSecret::parse(&plain).map_err(|error| {
            tracing::error!(%error, issuer.id = %issuer, "a stored issuer secret can't be used");
            ControlError::Internal
        })
    }
}

/// The token itself is sound; what the app makes of it is not.
fn refuse(lines: &mut Vec<TokenCheckLine>, check: ClaimCheck, reason: String) {
    let check = check.title().to_owned();
    lines.retain(|line| line.check != check);
    lines.push(TokenCheckLine { check, verdict: Verdict::Failed, reason });
}
