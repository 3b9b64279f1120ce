//! An app's users: who called, who may no longer. The edge follows within seconds, for calls under way too.

use std::collections::HashMap;

use keyward_domain::ids::{AppId, AppUserId, IssuerId};
use keyward_domain::issuer::Subject;
use keyward_domain::view::{AppUserSearch, AppUserView, AppUsersShown, AppUsersView};
use keyward_store::app_users::{AppUserCursor, AppUserFilter, AppUserQuery, AppUserRow};
use time::OffsetDateTime;

use crate::{Actor, Control, ControlError};

const USERS_A_PAGE: u32 = 50;
/// As long as the `sub` of a token may be.
const LONGEST_SUB: usize = 255;

impl Control {
    /// Last seen first.
    pub async fn app_users(
        &self,
        actor: &Actor,
        app: AppId,
        search: &AppUserSearch,
    ) -> Result<AppUsersView, ControlError> {
        let account = actor.account_id();
        let (app_name, policy) = self.store().app_policy(account, app).await?;
        let issuers: Vec<(IssuerId, &str, String)> = self
            .store()
            .issuers(account, app)
            .await?
            .into_iter()
            .map(|row| (IssuerId(row.id), row.config.0.title(), row.config.0.expected_issuer()))
            .collect();
        let query = AppUserQuery {
            search: (!search.sub.trim().is_empty()).then(|| search.sub.clone()),
            only: match search.only {
                AppUsersShown::All => AppUserFilter::All,
                AppUsersShown::Revoked => AppUserFilter::Revoked,
            },
            after: cursor(&search.after),
            page_rows: USERS_A_PAGE,
        };
        let page = self.store().app_users(account, app, &query).await?;
        let titles: HashMap<IssuerId, &str> = issuers.iter().map(|(id, title, _)| (*id, *title)).collect();
        Ok(AppUsersView {
            app_id: app,
            app_name,
            users: page.users.into_iter().map(|row| view(row, &titles)).collect(),
            next: page.next.map(cursor_text),
            issuers: issuers.into_iter().map(|(id, title, iss)| (id, format!("{title}: {iss}"))).collect(),
            tokens_not_before: policy.tokens_not_before,
        })
    }

    /// Also one who never called.
    pub async fn block_app_user(&self, actor: &Actor, app: AppId, subject: &Subject) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let subject = well_formed(subject)?;
        Ok(self.store().block_app_user(account, app, &subject, self.now()).await?)
    }

    pub async fn unblock_app_user(&self, actor: &Actor, app: AppId, subject: &Subject) -> Result<(), ControlError> {
        Ok(self.store().unblock_app_user(actor.editing()?, app, subject).await?)
    }

    /// Tokens that this user has by now are worth nothing; one who signs in again gets a new one.
    pub async fn revoke_tokens_of(&self, actor: &Actor, app: AppId, subject: &Subject) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let subject = well_formed(subject)?;
        Ok(self.store().revoke_tokens_of(account, app, &subject, self.now()).await?)
    }

    pub async fn revoke_all_tokens(&self, actor: &Actor, app: AppId) -> Result<(), ControlError> {
        Ok(self.store().revoke_all_tokens(actor.editing()?, app, self.now()).await?)
    }
}

/// A user's id is compared with what tokens carry: only blanks around it can be a slip.
pub(crate) fn well_formed(subject: &Subject) -> Result<Subject, ControlError> {
    let sub = subject.sub.trim();
    if sub.is_empty() || sub.len() > LONGEST_SUB || sub.chars().any(char::is_control) {
        return Err(ControlError::invalid("sub", "enter the user’s id, as the sub of their token has it"));
    }
    Ok(Subject { issuer: subject.issuer, sub: sub.to_owned() })
}

fn view(row: AppUserRow, titles: &HashMap<IssuerId, &str>) -> AppUserView {
    let title = titles.get(&IssuerId(row.issuer_id)).copied().unwrap_or_default();
    app_user_view(row, title)
}

pub(crate) fn app_user_view(row: AppUserRow, issuer_title: &str) -> AppUserView {
    AppUserView {
        issuer: IssuerId(row.issuer_id),
        issuer_title: issuer_title.to_owned(),
        sub: row.sub,
        last_seen_at: row.last_seen_at,
        blocked_at: row.blocked_at,
        tokens_not_before: row.tokens_not_before,
    }
}

/// `{microseconds}.{id}`; anything else begins at the beginning.
fn cursor(text: &str) -> Option<AppUserCursor> {
    let (micros, id) = text.split_once('.')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
    let listed_at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    Some(AppUserCursor { listed_at, id: id.parse::<AppUserId>().ok()? })
}

fn cursor_text(cursor: AppUserCursor) -> String {
    format!("{}.{}", cursor.listed_at.unix_timestamp_nanos() / 1_000, cursor.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_s_end_is_where_the_next_begins() {
        let end = AppUserCursor {
            listed_at: OffsetDateTime::from_unix_timestamp_nanos(1_772_368_200_123_456_000).expect("a time"),
            id: AppUserId(uuid::Uuid::from_u128(7)),
        };
        assert_eq!(cursor(&cursor_text(end)), Some(end));
        for text in
            ["", "x", "1.x", "x.00000000-0000-0000-0000-000000000007", "99999999999999999999999999999999999999.x"]
        {
            assert_eq!(cursor(text), None, "{text}");
        }
    }
}
