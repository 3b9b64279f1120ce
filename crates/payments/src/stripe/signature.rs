//! Stripe's signature over the raw body: `Stripe-Signature: t={seconds},v1={hex},…`, HMAC-SHA256 of `{t}.{body}`
//! (docs.stripe.com/webhooks#verify-manually). One signature for each secret of the endpoint while secrets are changed.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

use crate::seller::{WebhookRefusal, WebhookSecret};

/// Between signing and our clock, either way.
const TOLERANCE: Duration = Duration::seconds(300);
/// More than Stripe sends while secrets are changed; each costs a hash for each of our secrets.
const MOST_SIGNATURES: usize = 8;

/// The place of the secret that signed it.
pub(super) fn verify(
    header: &str,
    body: &[u8],
    secrets: &[WebhookSecret],
    now: OffsetDateTime,
) -> Result<usize, WebhookRefusal> {
    let Parts { signed_at_text, signed_at, signatures } = parts(header).ok_or(WebhookRefusal::Malformed)?;
    let fits = |secret: &WebhookSecret| {
        signatures.iter().any(|signature| is_signature(signature, (signed_at_text, body), secret))
    };
    let found = secrets.iter().position(fits).ok_or(WebhookRefusal::NoMatch)?;
    // Last: only whoever has the secret learns that it was right.
    if (now - signed_at).abs() > TOLERANCE { Err(WebhookRefusal::Expired) } else { Ok(found) }
}

fn is_signature(signature: &[u8], (signed_at, body): (&str, &[u8]), secret: &WebhookSecret) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.bytes()) else { return false };
    mac.chain_update(signed_at).chain_update(b".").chain_update(body).verify_slice(signature).is_ok()
}

struct Parts<'a> {
    /// As it was signed.
    signed_at_text: &'a str,
    signed_at: OffsetDateTime,
    signatures: Vec<Vec<u8>>,
}

/// Exactly one time; signatures of other schemes (`v0` of test events) are passed over.
fn parts(header: &str) -> Option<Parts<'_>> {
    let mut signed_at_text = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", text) if signed_at_text.is_none() => signed_at_text = Some(text),
            ("t", _) => return None,
            ("v1", text) if signatures.len() < MOST_SIGNATURES => signatures.push(hex::decode(text).ok()?),
            _ => {}
        }
    }
    let signed_at_text = signed_at_text.filter(|text| text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit()))?;
    let signed_at = OffsetDateTime::from_unix_timestamp(signed_at_text.parse().ok()?).ok()?;
    Some(Parts { signed_at_text, signed_at, signatures })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:30 UTC);

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(&Zeroizing::new(text.to_owned()))
    }

    fn signature(secret: &str, at: i64, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        hex::encode(mac.chain_update(format!("{at}.")).chain_update(body).finalize().into_bytes())
    }

    fn header(secret: &str, at: i64, body: &[u8]) -> String {
        format!("t={at},v1={}", signature(secret, at, body))
    }

    #[test]
    fn takes_a_signature_of_any_of_its_secrets_within_five_minutes_either_way() {
        let (secrets, at) = ([secret("whsec_new"), secret("whsec_old")], NOW.unix_timestamp());
        assert_eq!(verify(&header("whsec_new", at, b"{}"), b"{}", &secrets, NOW), Ok(0));
        assert_eq!(verify(&header("whsec_old", at - 300, b"{}"), b"{}", &secrets, NOW), Ok(1));
        assert_eq!(verify(&header("whsec_old", at + 300, b"{}"), b"{}", &secrets, NOW), Ok(1));
        for off in [-301, 301] {
            let old = header("whsec_old", at + off, b"{}");
            assert_eq!(verify(&old, b"{}", &secrets, NOW), Err(WebhookRefusal::Expired), "{off}");
        }
    }

    #[test]
    fn refuses_another_body_another_time_and_another_secret() {
        let (secrets, at) = ([secret("whsec_a")], NOW.unix_timestamp());
        let good = header("whsec_a", at, b"{\"a\":1}");
        assert_eq!(verify(&good, b"{\"a\": 1}", &secrets, NOW), Err(WebhookRefusal::NoMatch));
        assert_eq!(verify(&header("whsec_b", at, b"{}"), b"{}", &secrets, NOW), Err(WebhookRefusal::NoMatch));
        assert_eq!(verify(&good, b"{\"a\":1}", &[], NOW), Err(WebhookRefusal::NoMatch));
        let other_time = good.replace(&at.to_string(), &(at + 1).to_string());
        assert_eq!(verify(&other_time, b"{\"a\":1}", &secrets, NOW), Err(WebhookRefusal::NoMatch));
    }

    #[test]
    fn finds_the_right_signature_among_others() {
        let at = NOW.unix_timestamp();
        let (wrong, right) = (signature("whsec_b", at, b"{}"), signature("whsec_a", at, b"{}"));
        let header = format!("t={at},v1={wrong},v1={right},v0={wrong}");
        assert_eq!(verify(&header, b"{}", &[secret("whsec_a")], NOW), Ok(0));
    }

    #[test]
    fn refuses_what_is_no_signature() {
        let at = NOW.unix_timestamp();
        let right = signature("whsec_a", at, b"{}");
        for bad in [
            String::new(),
            "v1".to_owned(),
            format!("v1={right}"),
            format!("t={at},t={at},v1={right}"),
            format!("t=+{at},v1={right}"),
            format!("t={at},v1=zz"),
            format!("t=99999999999999,v1={right}"),
        ] {
            assert_eq!(verify(&bad, b"{}", &[secret("whsec_a")], NOW), Err(WebhookRefusal::Malformed), "{bad}");
        }
        for none in [format!("t={at}"), format!("t={at},v0={right}"), format!("t={at},v1={}", &right[..62])] {
            assert_eq!(verify(&none, b"{}", &[secret("whsec_a")], NOW), Err(WebhookRefusal::NoMatch), "{none}");
        }
    }
}
