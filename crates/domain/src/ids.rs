//! One type per kind of id, so that an app's id can't be passed where a proxy's is wanted.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
AccountId MemberId AppId AppUserId IssuerId ProxyId PlanId KeyId
    /// A customer of a seller, as we keep it.
    PurchaserId
    WebhookSecretId
    InvitationId
    /// An app user's own provider key.
    ByokKeyId
    /// Names a session in the list of active sessions; it is not what the cookie holds.
    SessionId
}
