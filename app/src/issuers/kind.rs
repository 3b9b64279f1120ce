//! The identity providers one can choose from, and what the form says about each.

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
            Self::Clerk => "Frontend API URL and audience",
            Self::Auth0 => "Tenant URL and API identifier",
            Self::Cognito => "User pool URL and client id",
            Self::Oidc => "Issuer URL and audience",
            Self::Emulator => "Development only",
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
                "my-app",
                "Clerk’s session tokens carry no audience until you add one: in Sessions, customize the token with {\"aud\": \"my-app\"}.",
            ),
            Self::Auth0 => (
                "https://api.example.com",
                "The identifier of the API that your app asks for in its audience parameter.",
            ),
            Self::Cognito => {
                ("1h57kf5cpq17m0eml12EXAMPLE", "The app client’s id. Send the ID token, which carries it as aud.")
            }
            Self::Firebase | Self::Supabase | Self::SupabaseSecret | Self::Oidc | Self::Emulator => {
                ("my-app", "The aud that your app’s tokens carry.")
            }
        }
    }
}
