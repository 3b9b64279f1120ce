//! The dashboard's own short-lived token, with which "send a test request" goes through the edge as a user's call would,
//! so that the dashboard never opens a provider key.

use jsonwebtoken::{EncodingKey, Header};
use keyward_domain::ids::{IssuerId, MemberId, ProxyId};
use keyward_domain::issuer::Subject;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::VerifiedToken;
use crate::jwk::VerificationKey;
use crate::jws::CompactToken;

const ISSUER: &str = "keyward-dashboard";
const LIFETIME: Duration = Duration::seconds(60);
/// Dashboard and edge may run on two machines.
const CLOCK_SKEW: Duration = Duration::seconds(5);

/// `key` is what dashboard and edge derive from the same key-encryption key.
pub fn mint(key: &[u8; 32], proxy: ProxyId, member: MemberId, now: OffsetDateTime) -> String {
    let claims = json!({
        "iss": ISSUER,
        "aud": proxy.to_string(),
        "sub": format!("dashboard:{member}"),
        "iat": now.unix_timestamp(),
        "exp": (now + LIFETIME).unix_timestamp(),
    });
    let header = Header::new(jsonwebtoken::Algorithm::HS256);
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key))
        .expect("HMAC takes any key and JSON any claims")
}

/// Whether a token claims to be one of these; proves nothing.
pub fn looks_like(token: &str) -> bool {
    let claims = CompactToken::parse(token).and_then(|token| token.claims());
    claims.is_ok_and(|claims| claims.get("iss").and_then(Value::as_str) == Some(ISSUER))
}

pub fn verify(key: &[u8; 32], proxy: ProxyId, token: &str, now: OffsetDateTime) -> Option<VerifiedToken> {
    let token = CompactToken::parse(token).ok()?;
    VerificationKey::from_secret(key).verify(&token).ok()?;
    let claims = token.claims().ok()?;
    let text = |name| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(ISSUER) || text("aud") != Some(proxy.to_string().as_str()) {
        return None;
    }
    let sub = text("sub")?.to_owned();
    let (issued_at, expires_at) = (date(&claims, "iat")?, date(&claims, "exp")?);
    let is_short_lived = expires_at - issued_at <= LIFETIME;
    if !is_short_lived || now >= expires_at || issued_at > now + CLOCK_SKEW {
        return None;
    }
    let subject = Subject { issuer: IssuerId(Uuid::nil()), sub };
    Some(VerifiedToken { subject, expires_at, issued_at: Some(issued_at), anonymous: false, plan: None, claims })
}

fn date(claims: &Map<String, Value>, name: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(claims.get(name)?.as_i64()?).ok()
}
