//! An app's users, and the apps they call from, as the dashboard shows them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{AppId, IssuerId};
use crate::policy::AppCheckPolicy;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppUserView {
    pub issuer: IssuerId,
    /// `Firebase`
    pub issuer_title: String,
    pub sub: String,
    /// Absent for one who was blocked before ever calling.
    pub last_seen_at: Option<OffsetDateTime>,
    pub blocked_at: Option<OffsetDateTime>,
    pub tokens_not_before: Option<OffsetDateTime>,
}

/// What is asked for in the list of users; empty fields ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppUserSearch {
    /// A part of the user id.
    pub sub: String,
    pub only: AppUsersShown,
    /// `AppUsersView::next` of the page before.
    pub after: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppUsersShown {
    #[default]
    All,
    /// Blocked, or with revoked tokens.
    Revoked,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppUsersView {
    pub app_id: AppId,
    pub app_name: String,
    pub users: Vec<AppUserView>,
    /// Names the next page, if there is one.
    pub next: Option<String>,
    /// Each with its title and what its tokens carry as `iss`.
    pub issuers: Vec<(IssuerId, String)>,
    /// For all users of the app.
    pub tokens_not_before: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCheckView {
    pub app_id: AppId,
    pub app_name: String,
    pub policy: AppCheckPolicy,
    pub last_day: AppCheckRates,
    pub last_week: AppCheckRates,
}

/// Calls by how they fared at App Check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCheckRates {
    pub passed: i64,
    pub failed: i64,
    pub missing: i64,
}

impl AppCheckRates {
    pub fn total(&self) -> i64 {
        self.passed + self.failed + self.missing
    }

    /// Of a hundred calls, how many passed; rounded down, so that 100 means all of them.
    pub fn passed_percent(&self) -> Option<i64> {
        (self.total() > 0).then(|| self.passed * 100 / self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_percent_is_all_of_them() {
        let rates = |passed, failed, missing| AppCheckRates { passed, failed, missing }.passed_percent();
        assert_eq!(rates(999, 1, 0), Some(99));
        assert_eq!(rates(999, 0, 0), Some(100));
        assert_eq!(rates(0, 0, 0), None);
    }
}
