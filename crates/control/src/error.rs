//! What a use case can answer instead of its result. Texts are shown to the developer as they are.

use keyward_domain::key_pool;
use keyward_domain::validate::FieldError;
use keyward_store::sealing::SealError;
use keyward_store::{
    StoreError, account_members, apps, invitations, issuers, members, plan_rules, plans, proxies, purchase_sources,
    sealed_keys,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It does not exist, or it is another account's: the same answer.
    #[error("there is nothing here")]
    NotFound,
    #[error("your role in this account does not allow this")]
    Forbidden,
    /// `field` is the form field's name.
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: String },
    #[error("{reason}")]
    Conflict { reason: String },
    #[error("too many attempts; try again in {retry_after_secs} s")]
    TooManyAttempts { retry_after_secs: u64 },
    /// Ours to repair; the cause is in the log.
    #[error("something went wrong on our side")]
    Internal,
}

impl ControlError {
    #[expect(clippy::needless_pass_by_value, reason = "callers give up the error they report")]
    pub(crate) fn invalid(field: &'static str, reason: impl ToString) -> Self {
        Self::Invalid { field, reason: reason.to_string() }
    }
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict { constraint } => {
                let reason = match constraint.as_str() {
                    "apps_name_unique" => "there is an app of this name already".to_owned(),
                    members::PASSWORD_CHANGED => "the password was changed in the meantime; sign in again".to_owned(),
                    account_members::OWNS_ONE => "you have an account of your own already".to_owned(),
                    invitations::MEMBER_ALREADY => "this address belongs to the account already".to_owned(),
                    invitations::INVITED_ALREADY => {
                        "this address was invited already; send that invitation again, or withdraw it".to_owned()
                    }
                    invitations::NO_ROOM_FOR_MEMBERS => {
                        format!("an account has at most {} members", invitations::MAX_MEMBERS_PER_ACCOUNT)
                    }
                    invitations::HAS_PASSWORD => "this address has a member already; sign in to accept".to_owned(),
                    apps::TOO_MANY_APPS => format!("an account has at most {} apps", apps::MAX_APPS_PER_ACCOUNT),
                    proxies::TOO_MANY_PROXIES => {
                        format!("an app has at most {} proxies", proxies::MAX_PROXIES_PER_APP)
                    }
                    proxies::PROXY_CHANGED => {
                        "the proxy was changed in the meantime; reload the page and try again".to_owned()
                    }
                    sealed_keys::TOO_MANY_KEYS => format!("a proxy has at most {} keys", key_pool::MAX_KEYS),
                    sealed_keys::LAST_KEY => "a proxy needs a key; add another one first".to_owned(),
                    plans::TOO_MANY_PLANS => format!("an app has at most {} plans", plans::MAX_PLANS_PER_APP),
                    plans::PLAN_NAME_TAKEN => "there is a plan of this name already".to_owned(),
                    plans::DEFAULT_PLAN => "the default plan stays: it is for everybody without another".to_owned(),
                    plans::ANONYMOUS_PLAN => {
                        "the anonymous users of an identity provider are in this plan; choose another for them first"
                            .to_owned()
                    }
                    plans::PLAN_IN_RULES => "a rule puts users in this plan; change it or remove it first".to_owned(),
                    plan_rules::PLANS_REORDERED => {
                        "the plans were changed in the meantime; reload the page and try again".to_owned()
                    }
                    issuers::ISSUER_TWICE => "this identity provider is linked already".to_owned(),
                    issuers::TOO_MANY_ISSUERS => {
                        format!("an app has at most {} identity providers", issuers::MAX_ISSUERS_PER_APP)
                    }
                    purchase_sources::SOURCE_TWICE => "this seller is connected already".to_owned(),
                    purchase_sources::TOO_MANY_WEBHOOK_SECRETS => {
                        format!("there are at most {} webhook secrets", purchase_sources::MAX_WEBHOOK_SECRETS)
                    }
                    purchase_sources::LAST_WEBHOOK_SECRET => {
                        "without a secret no webhook is taken; add the new one first".to_owned()
                    }
                    _ => "it conflicts with something that was changed in the meantime; reload the page".to_owned(),
                };
                Self::Conflict { reason }
            }
            StoreError::Unavailable(cause) => {
                tracing::error!(%cause, "the database can't be used");
                Self::Internal
            }
            StoreError::Broken(cause) => {
                tracing::error!(cause, "a stored value can't be read");
                Self::Internal
            }
        }
    }
}

impl From<FieldError> for ControlError {
    fn from(error: FieldError) -> Self {
        Self::Invalid { field: error.field, reason: error.reason }
    }
}

impl From<SealError> for ControlError {
    fn from(error: SealError) -> Self {
        // With the wrong key-encryption key nothing opens: the log must say so where the operator looks.
        tracing::error!(%error, "sealing failed; check KEYWARD_KEY_ENCRYPTION_KEY");
        Self::Internal
    }
}
