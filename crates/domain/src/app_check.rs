//! Which claims a Firebase App Check token must carry: it says of an app, not of a user, that Google takes it for genuine.
//! Says nothing about who signed it. <https://firebase.google.com/docs/app-check/custom-resource-backend>

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::issuer::ClaimFailure;
use crate::issuer::claims::{check_expiry, past, required_date, required_text, texts};
use crate::policy::AppCheckPolicy;

pub const APP_CHECK_KEYS_URL: &str = "https://firebaseappcheck.googleapis.com/v1/jwks";

/// When it expires, once every claim was checked.
pub fn check_app_check_claims(
    policy: &AppCheckPolicy,
    claims: &Map<String, Value>,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, ClaimFailure> {
    let project = &policy.project_number;
    let expected = format!("https://firebaseappcheck.googleapis.com/{project}");
    let found = required_text(claims, "iss")?;
    // All projects share one set of keys: issuer and audience are the only wall.
    if project.is_empty() || found != expected {
        return Err(ClaimFailure::WrongIssuer { expected, found: found.to_owned() });
    }
    let expected = format!("projects/{project}");
    let named = texts("aud", claims.get("aud").ok_or(ClaimFailure::Missing("aud"))?)?;
    if !named.contains(&expected.as_str()) {
        return Err(ClaimFailure::WrongAudience { expected, found: named.join(", ") });
    }
    check_expiry(claims, now)?;
    past(claims, "iat", now)?;
    past(claims, "nbf", now)?;
    let app = required_text(claims, "sub")?;
    if app.is_empty() || !(policy.app_ids.is_empty() || policy.app_ids.iter().any(|id| id == app)) {
        return Err(ClaimFailure::Bad { claim: "sub", reason: "is none of the Firebase apps that may call" });
    }
    required_date(claims, "exp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW_SECS: i64 = 1_800_000_000;

    fn verdict(app_ids: &[&str], changes: Value) -> Result<(), ClaimFailure> {
        let policy = AppCheckPolicy {
            project_number: "1234567890".to_owned(),
            app_ids: app_ids.iter().map(|&id| id.to_owned()).collect(),
            ..AppCheckPolicy::default()
        };
        let mut claims = json!({"iss": "https://firebaseappcheck.googleapis.com/1234567890",
            "aud": ["projects/1234567890", "projects/demo-app"], "sub": "1:1234567890:ios:abc",
            "iat": NOW_SECS - 60, "exp": NOW_SECS + 3_600});
        let Value::Object(changes) = changes else { panic!("an object") };
        for (name, value) in changes {
            claims[&name] = value;
        }
        let Value::Object(mut claims) = claims else { panic!("an object") };
        claims.retain(|_, value| !value.is_null());
        let now = OffsetDateTime::from_unix_timestamp(NOW_SECS).expect("a time");
        check_app_check_claims(&policy, &claims, now).map(|_| ())
    }

    #[test]
    fn a_token_of_the_project_passes_and_every_other_is_refused() {
        assert_eq!(verdict(&[], json!({})), Ok(()));
        assert_eq!(verdict(&[], json!({"aud": "projects/1234567890"})), Ok(()));
        for changes in [
            json!({"iss": "https://firebaseappcheck.googleapis.com/999"}),
            json!({"iss": "https://securetoken.google.com/1234567890"}),
            json!({"iss": null}),
            json!({"aud": ["projects/999"]}),
            json!({"aud": []}),
            json!({"aud": null}),
            json!({"aud": ["1234567890"]}),
            json!({"exp": NOW_SECS - 60}),
            json!({"exp": null}),
            json!({"exp": "later"}),
            json!({"iat": NOW_SECS + 61}),
            json!({"sub": null}),
            json!({"sub": ""}),
            json!({"sub": 7}),
        ] {
            assert!(verdict(&[], changes.clone()).is_err(), "{changes}");
        }
    }

    #[test]
    fn only_listed_apps_pass_where_there_is_a_list() {
        assert_eq!(verdict(&["1:1234567890:ios:abc"], json!({})), Ok(()));
        assert!(verdict(&["1:1234567890:android:abc"], json!({})).is_err());
    }

    #[test]
    fn without_a_project_number_nothing_passes() {
        let claims = json!({"iss": "https://firebaseappcheck.googleapis.com/", "aud": ["projects/"], "sub": "a",
            "exp": NOW_SECS + 60});
        let Value::Object(claims) = claims else { panic!("an object") };
        let now = OffsetDateTime::from_unix_timestamp(NOW_SECS).expect("a time");
        assert!(check_app_check_claims(&AppCheckPolicy::default(), &claims, now).is_err());
    }
}
