//! Whether what a user holds still counts: a block, or a time before which tokens were issued that count no more.

use time::OffsetDateTime;

/// Why a caller whose token is sound may not call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The user, with whatever token.
    UserBlocked,
    /// This token; one that is issued now counts again.
    TokenTooOld,
}

/// What was decided for one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserStanding {
    pub blocked: bool,
    pub tokens_not_before: Option<OffsetDateTime>,
}

/// A token that doesn't say when it was issued is refused as soon as that matters.
pub fn check_standing(
    user: UserStanding,
    app_tokens_not_before: Option<OffsetDateTime>,
    issued_at: Option<OffsetDateTime>,
) -> Result<(), Revoked> {
    if user.blocked {
        return Err(Revoked::UserBlocked);
    }
    match user.tokens_not_before.max(app_tokens_not_before) {
        Some(not_before) if issued_at.is_none_or(|issued_at| issued_at < not_before) => Err(Revoked::TokenTooOld),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(secs).ok()
    }

    #[test]
    fn the_later_of_both_times_counts_and_a_token_without_a_time_is_refused() {
        for (of_user, of_app, issued_at, passes) in [
            (None, None, None, true),
            (at(10), None, at(10), true),
            (at(10), None, at(9), false),
            (None, at(10), at(9), false),
            (at(5), at(10), at(7), false),
            (at(10), at(5), at(7), false),
            (at(5), at(5), at(7), true),
            (at(10), None, None, false),
            (None, at(10), None, false),
        ] {
            let user = UserStanding { blocked: false, tokens_not_before: of_user };
            assert_eq!(check_standing(user, of_app, issued_at).is_ok(), passes, "{of_user:?} {of_app:?} {issued_at:?}");
        }
    }

    #[test]
    fn a_blocked_user_has_no_token_that_counts() {
        let user = UserStanding { blocked: true, tokens_not_before: None };
        assert_eq!(check_standing(user, None, at(i64::from(u32::MAX))), Err(Revoked::UserBlocked));
    }
}
