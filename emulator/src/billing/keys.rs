//! Stripe's keys: `sk_` and `rk_`, `test_` and `live_`. A key named `…_no_{permission}` may not read that, `…_revoked` nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header::AUTHORIZATION};

use super::Refusal;

/// Who calls, as far as it shows in answers.
#[derive(Clone, Copy)]
pub struct Caller {
    pub live: bool,
}

pub fn check(headers: &HeaderMap, segments: &[&str]) -> Result<Caller, Refusal> {
    let key = bearer(headers).ok_or_else(|| Refusal::new(401, "You did not provide an API key."))?;
    if key.ends_with("_revoked") {
        return Err(Refusal::new(401, "Expired API Key provided."));
    }
    let kind = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"));
    let live = match kind {
        Some(rest) if rest.starts_with("live_") => true,
        Some(rest) if rest.starts_with("test_") => false,
        Some(_) | None => return Err(Refusal::new(401, "Invalid API Key provided.")),
    };
    let permission = match segments {
        ["checkout", "sessions", ..] => "checkout_sessions",
        ["billing_portal", ..] => "billing_portal",
        [first, ..] => first,
        [] => "",
    };
    if key.contains(&format!("_no_{permission}")) {
        let message = format!("The provided key does not have the required permissions for {permission}.");
        return Err(Refusal::new(403, message).with_code("more_permissions_required"));
    }
    Ok(Caller { live })
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if let Some(key) = value.strip_prefix("Bearer ") {
        return Some(key.to_owned());
    }
    let pair = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
    Some(pair.split(':').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(key: &str, segments: &[&str]) -> Result<bool, u16> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {key}").parse().unwrap())]);
        check(&headers, segments).map(|caller| caller.live).map_err(|refusal| refusal.status)
    }

    #[test]
    fn tells_modes_permissions_and_strangers_apart() {
        assert_eq!(status("sk_test_x", &["customers"]), Ok(false));
        assert_eq!(status("rk_live_x", &["customers"]), Ok(true));
        assert_eq!(status("pk_test_x", &["customers"]), Err(401));
        assert_eq!(status("sk_test_x_revoked", &["customers"]), Err(401));
        assert_eq!(status("rk_test_x_no_customers", &["customers", "cus_1"]), Err(403));
        assert_eq!(status("rk_test_x_no_checkout_sessions", &["checkout", "sessions"]), Err(403));
        assert_eq!(status("rk_test_x_no_events", &["customers"]), Ok(false));
    }
}
