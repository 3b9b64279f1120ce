//! The identity providers one can choose from, and what the form says about each.

#[cfg(feature = "ssr")]
use keyward_domain::issuer::OidcDialect;

use crate::deployment::Deployment;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IssuerKind {
    Firebase,
    Supabase,
    SupabaseSecret,
    Clerk,
    Auth0,
    Cognito,
    Oidc,
    Emulator,
}

impl IssuerKind {
    const ALWAYS: [Self; 7] =
        [Self::Firebase, Self::Supabase, Self::Clerk, Self::Auth0, Self::Cognito, Self::Oidc, Self::SupabaseSecret];

    pub fn offered(deployment: Deployment) -> Vec<Self> {
        match deployment {
            Deployment::Production => Self::ALWAYS.to_vec(),
            Deployment::Development => Self::ALWAYS.into_iter().chain([Self::Emulator]).collect(),
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALWAYS.into_iter().chain([Self::Emulator]).find(|kind| kind.name() == name)
    }

    /// In the address and in the form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Firebase => "firebase",
            Self::Supabase => "supabase",
            Self::SupabaseSecret => "supabase-secret",
            Self::Clerk => "clerk",
            Self::Auth0 => "auth0",
            Self::Cognito => "cognito",
            Self::Oidc => "oidc",
            Self::Emulator => "emulator",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Firebase => "Firebase",
            Self::Supabase => "Supabase",
            Self::SupabaseSecret => "Supabase (legacy)",
            Self::Clerk => "Clerk",
            Self::Auth0 => "Auth0",
            Self::Cognito => "Amazon Cognito",
            Self::Oidc => "Any OpenID Connect",
            Self::Emulator => "Local emulator",
        }
    }

    pub fn summary(self) -> &'static str {
        match self {
            Self::Firebase => "Project id",
            Self::Supabase => "Project reference or URL",
            Self::SupabaseSecret => "Shared JWT secret",
            Self::Clerk => "Frontend API URL and web origins",
            Self::Auth0 => "Tenant URL and API identifier",
            Self::Cognito => "User pool URL and client id",
            Self::Oidc => "Issuer URL and audience",
            Self::Emulator => "Development only",
        }
    }

    /// How its tokens name their app.
    #[cfg(feature = "ssr")]
    pub fn dialect(self) -> OidcDialect {
        match self {
            Self::Clerk => OidcDialect::Clerk,
            Self::Auth0 => OidcDialect::Auth0,
            Self::Cognito => OidcDialect::Cognito,
            Self::Firebase | Self::Supabase | Self::SupabaseSecret | Self::Oidc | Self::Emulator => {
                OidcDialect::Generic
            }
        }
    }

    /// For the kinds that are described by an issuer and an audience.
    pub fn issuer_hint(self) -> (&'static str, &'static str) {
        match self {
            Self::Clerk => {
                ("https://your-app.clerk.accounts.dev", "The Frontend API URL, under API keys in Clerk’s dashboard.")
            }
            Self::Auth0 => (
                "https://your-tenant.eu.auth0.com/",
                "Your tenant’s domain with https:// before it and a slash after it.",
            ),
            Self::Cognito => (
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
                "https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID",
            ),
            Self::Firebase | Self::Supabase | Self::SupabaseSecret | Self::Oidc | Self::Emulator => (
                "https://login.example.com",
                "Exactly as in the token’s iss. Its key set is found through /.well-known/openid-configuration.",
            ),
        }
    }

    pub fn audience_hint(self) -> (&'static str, &'static str) {
        match self {
            Self::Clerk => (
                "https://app.example.com",
                "Your app’s web origins, which session tokens name in azp. A mobile app’s tokens have no azp: in Sessions, customize the token with {\"aud\": \"my-app\"}, and enter my-app. Several with commas between.",
            ),
            Self::Auth0 => (
                "https://api.example.com",
                "The identifier of the API that your app asks for in its audience parameter.",
            ),
            Self::Cognito => (
                "1h57kf5cpq17m0eml12EXAMPLE",
                "The app client’s id; several with commas between. ID tokens and access tokens both pass.",
            ),
            Self::Firebase | Self::Supabase | Self::SupabaseSecret | Self::Oidc | Self::Emulator => {
                ("my-app", "The aud that your app’s tokens carry, or their azp. Several with commas between.")
            }
        }
    }
}
