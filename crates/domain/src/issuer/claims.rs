//! The claims a token must carry, one check at a time, each with its own failure.
//! Says nothing about who signed the token: a caller must check the signature over the same bytes too.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::{ClaimName, IssuerConfig, OidcDialect};

/// How far clocks may be apart.
pub const LEEWAY: Duration = Duration::seconds(60);

/// Firebase's own ceiling for `sub`.
const FIREBASE_SUB_CHARS: usize = 128;
/// OpenID Connect Core, section 2.
const SUB_CHARS: usize = 255;

type Claims = Map<String, Value>;

/// What the claims say about the caller once every check has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedClaims {
    pub sub: String,
    pub expires_at: OffsetDateTime,
    /// `iat`; where there is none, when the user signed in.
    pub issued_at: Option<OffsetDateTime>,
    pub anonymous: bool,
    /// The plan's name that the configured claim holds.
    pub plan: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFailure {
    #[error("the token has no `{0}` claim")]
    Missing(&'static str),
    #[error("the claim `{claim}` {reason}")]
    Bad { claim: &'static str, reason: &'static str },
    /// One whose name the developer chose.
    #[error("the token has no `{0}` claim, which the settings name for the user id")]
    MissingNamed(String),
    #[error("the claim `{claim}` {reason}")]
    BadNamed { claim: String, reason: &'static str },
    #[error("expected `iss` to be {expected:?}, the token has {found:?}")]
    WrongIssuer { expected: String, found: String },
    #[error("expected `aud` to be {expected:?}, the token has {found}")]
    WrongAudience { expected: String, found: String },
    #[error("the token expired {ago_secs} s ago")]
    Expired { ago_secs: i64 },
    #[error("the time in `{claim}` is {ahead_secs} s in the future")]
    NotYetValid { claim: &'static str, ahead_secs: i64 },
    #[error("the role {0:?} is refused: this is a project's API key, not the token of a signed-in user")]
    RoleRefused(String),
}

/// One thing that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimCheck {
    Issuer,
    Role,
    Audience,
    Subject,
    Expiry,
    NotBefore,
    IssuedAt,
    AuthTime,
    Anonymous,
    Plan,
}

/// Every check of this issuer, in order; the first failure is the answer.
pub fn check_claims(
    config: &IssuerConfig,
    claims: &Claims,
    now: OffsetDateTime,
) -> Result<AcceptedClaims, ClaimFailure> {
    for check in ClaimCheck::of(config) {
        check.run(config, claims, now)?;
    }
    Ok(AcceptedClaims {
        sub: subject(config, claims)?.1.to_owned(),
        expires_at: required_date(claims, "exp")?,
        issued_at: date(claims, "iat")?.map_or_else(|| date(claims, "auth_time"), |at| Ok(Some(at)))?,
        anonymous: anonymous(config, claims)?,
        plan: plan(config, claims)?.map(str::to_owned),
    })
}

/// A Supabase project's public or service key: a valid token by its signature, but nobody's.
pub fn is_supabase_api_key(claims: &Claims) -> bool {
    claims.get("iss").and_then(Value::as_str) == Some("supabase")
        && matches!(role(claims), Err(ClaimFailure::RoleRefused(_)))
}

impl ClaimCheck {
    pub fn of(config: &IssuerConfig) -> &'static [Self] {
        use ClaimCheck::{Anonymous, Audience, AuthTime, Expiry, IssuedAt, Issuer, NotBefore, Plan, Role, Subject};
        match config {
            IssuerConfig::Firebase { .. } => {
                &[Issuer, Audience, Subject, Expiry, NotBefore, IssuedAt, AuthTime, Anonymous]
            }
            IssuerConfig::Supabase { .. } | IssuerConfig::SupabaseSecret { .. } => {
                &[Issuer, Role, Audience, Subject, Expiry, NotBefore, IssuedAt, Anonymous]
            }
            IssuerConfig::Oidc { .. } => &[Issuer, Audience, Subject, Expiry, NotBefore, IssuedAt, Anonymous, Plan],
            IssuerConfig::Emulator { .. } => &[Issuer, Audience, Subject, Expiry, NotBefore, IssuedAt, Anonymous],
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Issuer => "Issuer (iss)",
            Self::Role => "Role (role)",
            Self::Audience => "Audience (aud)",
            Self::Subject => "User id (sub)",
            Self::Expiry => "Expiry (exp)",
            Self::NotBefore => "Not before (nbf)",
            Self::IssuedAt => "Issued at (iat)",
            Self::AuthTime => "Sign-in time (auth_time)",
            Self::Anonymous => "Anonymous user",
            Self::Plan => "Plan",
        }
    }

    /// What was found, in words for the developer, or why it is refused.
    pub fn run(self, config: &IssuerConfig, claims: &Claims, now: OffsetDateTime) -> Result<String, ClaimFailure> {
        match self {
            Self::Issuer => issuer(config, claims),
            Self::Role => role(claims),
            Self::Audience => audience(config, claims),
            Self::Subject => subject(config, claims).map(|(claim, id)| found_in(claim, "sub", id)),
            Self::Expiry => check_expiry(claims, now),
            Self::NotBefore => past(claims, "nbf", now),
            Self::IssuedAt => issued_at(config, claims, now),
            Self::AuthTime => required_date(claims, "auth_time").and_then(|_| past(claims, "auth_time", now)),
            Self::Anonymous => {
                anonymous(config, claims).map(|is| if is { "anonymous" } else { "signed in" }.to_owned())
            }
            Self::Plan => plan(config, claims).map(|named| named.unwrap_or("the app's default plan").to_owned()),
        }
    }
}

fn issuer(config: &IssuerConfig, claims: &Claims) -> Result<String, ClaimFailure> {
    let expected = config.expected_issuer();
    let found = required_text(claims, "iss")?.to_owned();
    if found == expected { Ok(found) } else { Err(ClaimFailure::WrongIssuer { expected, found }) }
}

fn role(claims: &Claims) -> Result<String, ClaimFailure> {
    let role = required_text(claims, "role")?;
    match role {
        "anon" | "service_role" => Err(ClaimFailure::RoleRefused(role.to_owned())),
        _ => Ok(role.to_owned()),
    }
}

/// The value, and where it stood if that is not where one would look.
fn found_in(claim: &str, usual: &str, value: &str) -> String {
    if claim == usual { value.to_owned() } else { format!("{value} (in {claim})") }
}

fn audience(config: &IssuerConfig, claims: &Claims) -> Result<String, ClaimFailure> {
    let expected = config.expected_audiences();
    let named = audiences(config, claims)?;
    if let Some((claim, name)) = named.iter().find(|(_, name)| !name.is_empty() && expected.contains(name)) {
        return Ok(found_in(claim, "aud", name));
    }
    if named.is_empty() && !claims.contains_key("aud") {
        return Err(ClaimFailure::Missing(usual_audience_claim(config)));
    }
    let found: Vec<_> = named.iter().map(|(_, name)| *name).collect();
    Err(ClaimFailure::WrongAudience { expected: expected.join(" or "), found: found.join(", ") })
}

fn usual_audience_claim(config: &IssuerConfig) -> &'static str {
    match config {
        IssuerConfig::Oidc { dialect: OidcDialect::Clerk, .. } => "azp",
        IssuerConfig::Oidc { .. }
        | IssuerConfig::Firebase { .. }
        | IssuerConfig::Supabase { .. }
        | IssuerConfig::SupabaseSecret { .. }
        | IssuerConfig::Emulator { .. } => "aud",
    }
}

/// A claim's name and its value.
type Named<'c> = (&'static str, &'c str);

/// Whom the token names as its audience, by the claims in which this kind of issuer says it.
fn audiences<'c>(config: &IssuerConfig, claims: &'c Claims) -> Result<Vec<Named<'c>>, ClaimFailure> {
    let in_aud = || -> Result<Vec<Named<'c>>, ClaimFailure> {
        let aud = claims.get("aud").map_or(Ok(Vec::new()), |value| texts("aud", value))?;
        Ok(aud.into_iter().map(|name| ("aud", name)).collect())
    };
    let in_claim = |claim| Ok(optional_text(claims, claim)?.map(|name| (claim, name)));
    match config {
        IssuerConfig::Firebase { .. } => Ok(vec![("aud", required_text(claims, "aud")?)]),
        IssuerConfig::Supabase { .. } | IssuerConfig::SupabaseSecret { .. } => in_aud(),
        IssuerConfig::Emulator { .. } => Ok(in_aud()?.into_iter().chain(in_claim("azp")?).collect()),
        IssuerConfig::Oidc { dialect, .. } => match dialect {
            OidcDialect::Generic => {
                let by_client = if claims.contains_key("aud") { None } else { in_claim("client_id")? };
                Ok(in_aud()?.into_iter().chain(in_claim("azp")?).chain(by_client).collect())
            }
            OidcDialect::Clerk => Ok(in_aud()?.into_iter().chain(in_claim("azp")?).collect()),
            OidcDialect::Auth0 => in_aud(),
            OidcDialect::Cognito => match required_text(claims, "token_use")? {
                "id" => in_aud(),
                "access" => Ok(vec![("client_id", required_text(claims, "client_id")?)]),
                _ => Err(ClaimFailure::Bad { claim: "token_use", reason: "is neither id nor access" }),
            },
        },
    }
}

/// The user's id and the claim that holds it.
fn subject<'c>(config: &'c IssuerConfig, claims: &'c Claims) -> Result<(&'c str, &'c str), ClaimFailure> {
    let (longest, chosen) = match config {
        IssuerConfig::Firebase { .. } => (FIREBASE_SUB_CHARS, None),
        IssuerConfig::Supabase { .. } | IssuerConfig::SupabaseSecret { .. } | IssuerConfig::Emulator { .. } => {
            (SUB_CHARS, None)
        }
        IssuerConfig::Oidc { claims: names, .. } => (SUB_CHARS, names.user.as_ref()),
    };
    let (claim, id) = match chosen {
        None => ("sub", required_text(claims, "sub")?),
        Some(name) => {
            let id = named_text(claims, name)?;
            (name.as_str(), id.ok_or_else(|| ClaimFailure::MissingNamed(name.as_str().to_owned()))?)
        }
    };
    let fault = if id.is_empty() {
        "is empty"
    } else if id.chars().count() > longest {
        "is too long"
    } else if id.chars().any(char::is_control) {
        "holds control characters"
    } else {
        return Ok((claim, id));
    };
    Err(match chosen {
        None => ClaimFailure::Bad { claim: "sub", reason: fault },
        Some(name) => ClaimFailure::BadNamed { claim: name.as_str().to_owned(), reason: fault },
    })
}

/// None where no claim is configured, or the token leaves it out.
fn plan<'c>(config: &IssuerConfig, claims: &'c Claims) -> Result<Option<&'c str>, ClaimFailure> {
    match config {
        IssuerConfig::Oidc { claims: names, .. } => {
            names.plan.as_ref().map_or(Ok(None), |name| named_text(claims, name))
        }
        IssuerConfig::Firebase { .. }
        | IssuerConfig::Supabase { .. }
        | IssuerConfig::SupabaseSecret { .. }
        | IssuerConfig::Emulator { .. } => Ok(None),
    }
}

fn named_text<'c>(claims: &'c Claims, name: &ClaimName) -> Result<Option<&'c str>, ClaimFailure> {
    let Some(value) = name.find(claims) else { return Ok(None) };
    let wrong_type = || ClaimFailure::BadNamed { claim: name.as_str().to_owned(), reason: "is not a string" };
    value.as_str().map(Some).ok_or_else(wrong_type)
}

pub(crate) fn check_expiry(claims: &Claims, now: OffsetDateTime) -> Result<String, ClaimFailure> {
    let expires_at = required_date(claims, "exp")?;
    let left = expires_at - now;
    if left + LEEWAY <= Duration::ZERO {
        return Err(ClaimFailure::Expired { ago_secs: -left.whole_seconds() });
    }
    Ok(format!("{} s left", left.whole_seconds()))
}

/// Firebase always says when it issued a token; elsewhere the claim is optional but never from the future.
fn issued_at(config: &IssuerConfig, claims: &Claims, now: OffsetDateTime) -> Result<String, ClaimFailure> {
    if matches!(config, IssuerConfig::Firebase { .. }) {
        required_date(claims, "iat")?;
    }
    past(claims, "iat", now)
}

pub(crate) fn past(claims: &Claims, claim: &'static str, now: OffsetDateTime) -> Result<String, ClaimFailure> {
    let Some(at) = date(claims, claim)? else {
        return Ok("not in the token".to_owned());
    };
    let ahead = at - now;
    if ahead > LEEWAY {
        return Err(ClaimFailure::NotYetValid { claim, ahead_secs: ahead.whole_seconds() });
    }
    Ok(format!("{} s ago", -ahead.whole_seconds()))
}

fn anonymous(config: &IssuerConfig, claims: &Claims) -> Result<bool, ClaimFailure> {
    match config {
        IssuerConfig::Firebase { .. } => Ok(sign_in_provider(claims)? == "anonymous"),
        IssuerConfig::Supabase { .. } | IssuerConfig::SupabaseSecret { .. } | IssuerConfig::Emulator { .. } => {
            match claims.get("is_anonymous") {
                None => Ok(false),
                Some(Value::Bool(is_anonymous)) => Ok(*is_anonymous),
                Some(_) => Err(ClaimFailure::Bad { claim: "is_anonymous", reason: "is not true or false" }),
            }
        }
        IssuerConfig::Oidc { claims: names, .. } => {
            match names.anonymous.as_ref().and_then(|name| Some((name, name.find(claims)?))) {
                None => Ok(false),
                Some((_, Value::Bool(is_anonymous))) => Ok(*is_anonymous),
                Some((name, _)) => {
                    Err(ClaimFailure::BadNamed { claim: name.as_str().to_owned(), reason: "is not true or false" })
                }
            }
        }
    }
}

fn sign_in_provider(claims: &Claims) -> Result<&str, ClaimFailure> {
    const CLAIM: &str = "firebase.sign_in_provider";
    let firebase = claims.get("firebase").ok_or(ClaimFailure::Missing(CLAIM))?;
    let provider = firebase.get("sign_in_provider").ok_or(ClaimFailure::Missing(CLAIM))?;
    provider.as_str().ok_or(ClaimFailure::Bad { claim: CLAIM, reason: "is not a string" })
}

pub(crate) fn required_text<'c>(claims: &'c Claims, claim: &'static str) -> Result<&'c str, ClaimFailure> {
    optional_text(claims, claim)?.ok_or(ClaimFailure::Missing(claim))
}

fn optional_text<'c>(claims: &'c Claims, claim: &'static str) -> Result<Option<&'c str>, ClaimFailure> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    value.as_str().map(Some).ok_or(ClaimFailure::Bad { claim, reason: "is not a string" })
}

pub(crate) fn texts<'c>(claim: &'static str, value: &'c Value) -> Result<Vec<&'c str>, ClaimFailure> {
    let wrong_type = ClaimFailure::Bad { claim, reason: "is neither a string nor a list of strings" };
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<_>>().ok_or(wrong_type),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong_type),
    }
}

pub(crate) fn required_date(claims: &Claims, claim: &'static str) -> Result<OffsetDateTime, ClaimFailure> {
    date(claims, claim)?.ok_or(ClaimFailure::Missing(claim))
}

/// Seconds since 1970, a fraction allowed (RFC 7519, section 2: NumericDate).
fn date(claims: &Claims, claim: &'static str) -> Result<Option<OffsetDateTime>, ClaimFailure> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let Value::Number(number) = value else {
        return Err(ClaimFailure::Bad { claim, reason: "is not a number" });
    };
    // Neither up nor down: what was cut off would be leeway for one claim or another.
    let secs = match number.as_i64() {
        Some(secs) => Some((secs, Duration::ZERO)),
        None => number.as_f64().map(|secs| (secs.floor() as i64, Duration::seconds_f64(secs - secs.floor()))),
    };
    secs.and_then(|(secs, fraction)| OffsetDateTime::from_unix_timestamp(secs).ok()?.checked_add(fraction))
        .map(Some)
        .ok_or(ClaimFailure::Bad { claim, reason: "is out of range" })
}
