//! The claims that each issuer puts into its tokens.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::tokens::TokenRequest;
use crate::clock;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    #[default]
    Generic,
    Firebase,
    Supabase,
    AppCheck,
}

/// Seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub issued_at: i64,
    pub expires_at: i64,
}

impl Times {
    /// A token that is expired already was issued an hour before its end.
    pub fn of_ttl(ttl_secs: i64) -> Self {
        let now = clock::unix_secs();
        let expires_at = now.saturating_add(ttl_secs);
        let issued_at = if ttl_secs > 0 { now } else { expires_at.saturating_sub(3600) };
        Self { issued_at, expires_at }
    }
}

pub fn standard(request: &TokenRequest, public_url: &str, times: Times) -> Map<String, Value> {
    let claims = match request.shape {
        Shape::Generic => generic(request, public_url, times),
        Shape::Firebase => firebase(request, times),
        Shape::Supabase => supabase(request, public_url, times),
        Shape::AppCheck => app_check(request, times),
    };
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}

/// Adds and replaces; `null` removes.
pub fn overlay(map: &mut Map<String, Value>, overrides: &Map<String, Value>) {
    for (name, value) in overrides {
        if value.is_null() {
            map.remove(name);
        } else {
            map.insert(name.clone(), value.clone());
        }
    }
}

fn generic(request: &TokenRequest, public_url: &str, times: Times) -> Value {
    json!({
        "iss": public_url, "aud": "keyward-app", "sub": request.sub,
        "iat": times.issued_at, "exp": times.expires_at,
    })
}

/// <https://firebase.google.com/docs/auth/admin/verify-id-tokens>
fn firebase(request: &TokenRequest, times: Times) -> Value {
    let mut claims = json!({
        "iss": format!("https://securetoken.google.com/{}", request.project),
        "aud": request.project,
        "auth_time": times.issued_at,
        "user_id": request.sub,
        "sub": request.sub,
        "iat": times.issued_at,
        "exp": times.expires_at,
    });
    if request.anonymous {
        claims["provider_id"] = Value::from("anonymous");
        claims["firebase"] = json!({"identities": {}, "sign_in_provider": "anonymous"});
        return claims;
    }
    let email = email(&request.sub);
    claims["firebase"] = json!({"identities": {"email": [email]}, "sign_in_provider": "password"});
    claims["email"] = Value::from(email);
    claims["email_verified"] = Value::from(true);
    claims
}

/// <https://supabase.com/docs/guides/auth/jwt-fields>
fn supabase(request: &TokenRequest, public_url: &str, times: Times) -> Value {
    let (email, app_metadata, method) = if request.anonymous {
        (String::new(), json!({}), "anonymous")
    } else {
        (email(&request.sub), json!({"provider": "email", "providers": ["email"]}), "password")
    };
    json!({
        "iss": format!("{public_url}/auth/v1"),
        "sub": request.sub,
        "aud": "authenticated",
        "role": "authenticated",
        "iat": times.issued_at,
        "exp": times.expires_at,
        "email": email,
        "phone": "",
        "app_metadata": app_metadata,
        "user_metadata": {},
        "aal": "aal1",
        "amr": [{"method": method, "timestamp": times.issued_at}],
        "session_id": Uuid::new_v4(),
        "is_anonymous": request.anonymous,
    })
}

/// <https://firebase.google.com/docs/app-check/custom-resource-backend>: `project` is the project number.
fn app_check(request: &TokenRequest, times: Times) -> Value {
    json!({
        "iss": format!("https://firebaseappcheck.googleapis.com/{}", request.project),
        "aud": [format!("projects/{}", request.project)],
        "sub": request.sub,
        "iat": times.issued_at,
        "exp": times.expires_at,
        "jti": Uuid::new_v4(),
    })
}

fn email(sub: &str) -> String {
    format!("{sub}@example.com")
}
