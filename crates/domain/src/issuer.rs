//! Who signs an app's user tokens, and which claims a token must carry.
//! Decides about claims only; signatures and key sets are the identity crate's.

pub(crate) mod claims;
mod oidc;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::ids::IssuerId;

pub use claims::{AcceptedClaims, ClaimCheck, ClaimFailure, LEEWAY, check_claims, is_supabase_api_key};
pub use oidc::{Audiences, ClaimName, ClaimNames, MAX_AUDIENCES, OidcDialect, ParseClaimNameError};

/// Who a verified token says the caller is. The same `sub` of two issuers is two people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    pub issuer: IssuerId,
    pub sub: String,
}

/// One linked identity provider, as stored in `issuers.config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IssuerConfig {
    Firebase {
        project_id: String,
    },
    /// `issuer` is `https://{ref}.supabase.co/auth/v1`.
    Supabase {
        issuer: Url,
    },
    /// The legacy shared secret (sealed beside the config); accepts HS256 only.
    SupabaseSecret {
        issuer: Url,
    },
    /// Any OpenID Connect issuer; `jwks_url` came from discovery when it was saved.
    Oidc {
        issuer: String,
        audience: Audiences,
        jwks_url: Url,
        #[serde(default)]
        dialect: OidcDialect,
        #[serde(default)]
        claims: ClaimNames,
    },
    /// The local emulator's generic tokens; refused in production mode.
    Emulator {
        issuer: String,
        audience: String,
        jwks_url: Url,
    },
}

impl IssuerConfig {
    pub fn title(&self) -> &'static str {
        match self {
            Self::Firebase { .. } => "Firebase",
            Self::Supabase { .. } => "Supabase",
            Self::SupabaseSecret { .. } => "Supabase (legacy secret)",
            Self::Oidc { dialect, .. } => match dialect {
                OidcDialect::Generic => "OpenID Connect",
                OidcDialect::Clerk => "Clerk",
                OidcDialect::Auth0 => "Auth0",
                OidcDialect::Cognito => "Amazon Cognito",
            },
            Self::Emulator { .. } => "Emulator",
        }
    }

    /// The exact `iss` a token must carry.
    pub fn expected_issuer(&self) -> String {
        match self {
            Self::Firebase { project_id } => format!("https://securetoken.google.com/{project_id}"),
            Self::Supabase { issuer } | Self::SupabaseSecret { issuer } => {
                issuer.as_str().trim_end_matches('/').to_owned()
            }
            Self::Oidc { issuer, .. } | Self::Emulator { issuer, .. } => issuer.clone(),
        }
    }

    /// A token must name one of them; with none, no token passes.
    pub fn expected_audiences(&self) -> Vec<&str> {
        match self {
            Self::Firebase { project_id } => vec![project_id],
            Self::Supabase { .. } | Self::SupabaseSecret { .. } => vec!["authenticated"],
            Self::Oidc { audience, .. } => audience.iter().collect(),
            Self::Emulator { audience, .. } => vec![audience],
        }
    }

    /// Whether its tokens tell who never signed in. At OpenID Connect only the claim that the developer named says so.
    pub fn marks_anonymous_users(&self) -> bool {
        match self {
            Self::Firebase { .. } | Self::Supabase { .. } | Self::SupabaseSecret { .. } | Self::Emulator { .. } => true,
            Self::Oidc { claims, .. } => claims.anonymous.is_some(),
        }
    }

    /// Where the public keys are; none for a shared secret.
    pub fn jwks_url(&self) -> Option<String> {
        match self {
            Self::Firebase { .. } => Some(
                "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com".to_owned(),
            ),
            Self::Supabase { .. } => Some(format!("{}/.well-known/jwks.json", self.expected_issuer())),
            Self::SupabaseSecret { .. } => None,
            Self::Oidc { jwks_url, .. } | Self::Emulator { jwks_url, .. } => Some(jwks_url.to_string()),
        }
    }

    /// The signature algorithms this issuer may use (JWA names). The token never chooses.
    pub fn algorithms(&self) -> &'static [&'static str] {
        match self {
            Self::Firebase { .. } => &["RS256"],
            Self::Supabase { .. } => &["ES256", "RS256"],
            Self::SupabaseSecret { .. } => &["HS256"],
            Self::Oidc { dialect: OidcDialect::Clerk | OidcDialect::Auth0 | OidcDialect::Cognito, .. } => &["RS256"],
            Self::Oidc { dialect: OidcDialect::Generic, .. } | Self::Emulator { .. } => &["RS256", "ES256"],
        }
    }
}
