//! Which claims let a token in, issuer by issuer.

use keyward_domain::issuer::{
    AcceptedClaims, Audiences, ClaimCheck, ClaimFailure, ClaimNames, IssuerConfig, OidcDialect, check_claims,
    is_supabase_api_key,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

const NOW_SECS: i64 = 1_800_000_000;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW_SECS).expect("a date")
}

fn firebase() -> (IssuerConfig, Map<String, Value>) {
    let config = IssuerConfig::Firebase { project_id: "demo-app".to_owned() };
    let claims = json!({
        "iss": "https://securetoken.google.com/demo-app", "aud": "demo-app", "sub": "ada", "exp": NOW_SECS + 3600, "iat": NOW_SECS - 5,
        "auth_time": NOW_SECS - 9, "firebase": { "sign_in_provider": "password", "identities": {} },
    });
    (config, object(claims))
}

fn supabase() -> (IssuerConfig, Map<String, Value>) {
    let config = IssuerConfig::Supabase { issuer: "https://abcdef.supabase.co/auth/v1".parse().expect("a URL") };
    let claims = json!({
        "iss": "https://abcdef.supabase.co/auth/v1", "aud": "authenticated", "sub": "6f1c", "exp": NOW_SECS + 3600, "iat": NOW_SECS - 5,
        "role": "authenticated", "is_anonymous": false, "app_metadata": {}, "user_metadata": {},
    });
    (config, object(claims))
}

fn oidc_config(audiences: &[&str], dialect: OidcDialect, claims: ClaimNames) -> IssuerConfig {
    IssuerConfig::Oidc {
        issuer: "https://tenant.example.com/".to_owned(),
        audience: Audiences::new(audiences.iter().map(|&name| name.to_owned())),
        jwks_url: "https://tenant.example.com/jwks".parse().expect("a URL"),
        dialect,
        claims,
    }
}

fn oidc() -> (IssuerConfig, Map<String, Value>) {
    let config = oidc_config(&["my-app"], OidcDialect::Generic, ClaimNames::default());
    let claims =
        json!({ "iss": "https://tenant.example.com/", "aud": "my-app", "sub": "auth0|42", "exp": NOW_SECS + 3600 });
    (config, object(claims))
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

/// The same claims with some replaced, and those set to null removed.
fn with(claims: &Map<String, Value>, changes: Value) -> Map<String, Value> {
    let mut changed = claims.clone();
    changed.extend(object(changes));
    changed.retain(|_, value| !value.is_null());
    changed
}

fn outcome(of: &(IssuerConfig, Map<String, Value>), changes: Value) -> Result<AcceptedClaims, ClaimFailure> {
    check_claims(&of.0, &with(&of.1, changes), now())
}

fn bad(claim: &'static str, reason: &'static str) -> Result<AcceptedClaims, ClaimFailure> {
    Err(ClaimFailure::Bad { claim, reason })
}

#[test]
fn accepts_the_ordinary_token_of_each_issuer() {
    for (of, sub) in [(firebase(), "ada"), (supabase(), "6f1c"), (oidc(), "auth0|42")] {
        let accepted = outcome(&of, json!({})).expect(sub);
        assert_eq!((accepted.sub.as_str(), accepted.anonymous), (sub, false));
        assert_eq!(accepted.expires_at.unix_timestamp(), NOW_SECS + 3600);
    }
}

#[test]
fn requires_exp_iss_aud_and_sub() {
    for of in [firebase(), supabase(), oidc()] {
        for claim in ["exp", "iss", "aud", "sub"] {
            assert_eq!(outcome(&of, json!({ claim: null })), Err(ClaimFailure::Missing(claim)), "{:?}", of.0);
        }
    }
}

#[test]
fn refuses_required_claims_of_the_wrong_type() {
    for of in [firebase(), supabase(), oidc()] {
        for wrong in [json!(1), json!(true), json!({ "a": 1 }), json!([["demo-app"]])] {
            for claim in ["iss", "sub", "aud"] {
                let refused = outcome(&of, json!({ claim: wrong })).expect_err("wrong type");
                assert!(
                    matches!(refused, ClaimFailure::Bad { claim: found, .. } if found == claim),
                    "{claim} {wrong} {refused:?}"
                );
            }
        }
        assert_eq!(outcome(&of, json!({ "iss": [of.0.expected_issuer()] })), bad("iss", "is not a string"));
        assert_eq!(outcome(&of, json!({ "exp": (NOW_SECS + 60).to_string() })), bad("exp", "is not a number"));
        assert_eq!(outcome(&of, json!({ "exp": 1e300 })), bad("exp", "is out of range"));
        // `null` is a value of the wrong type, not an absent claim.
        let mut claims = of.1.clone();
        claims.insert("sub".to_owned(), Value::Null);
        assert_eq!(check_claims(&of.0, &claims, now()), bad("sub", "is not a string"));
    }
}

#[test]
fn allows_a_leeway_of_60_seconds_and_no_more() {
    for of in [firebase(), supabase(), oidc()] {
        assert!(outcome(&of, json!({ "exp": NOW_SECS - 59 })).is_ok());
        assert_eq!(outcome(&of, json!({ "exp": NOW_SECS - 60 })), Err(ClaimFailure::Expired { ago_secs: 60 }));
        for claim in ["nbf", "iat"] {
            assert!(outcome(&of, json!({ claim: NOW_SECS + 60 })).is_ok());
            let refused = outcome(&of, json!({ claim: NOW_SECS + 61 }));
            assert_eq!(refused, Err(ClaimFailure::NotYetValid { claim, ahead_secs: 61 }));
            assert_eq!(outcome(&of, json!({ claim: "soon" })), bad(claim, "is not a number"));
        }
        assert!(
            outcome(&of, json!({ "exp": NOW_SECS as f64 + 0.5 })).is_ok(),
            "a fraction of a second is a valid date"
        );
    }
}

#[test]
fn the_issuer_must_be_equal_to_the_letter() {
    for (of, wrong) in [
        (firebase(), "https://securetoken.google.com/other-app"),
        (firebase(), "https://securetoken.google.com/demo-app/"),
        (supabase(), "https://abcdef.supabase.co/auth/v1/"),
        (supabase(), "https://evil.supabase.co/auth/v1"),
        (oidc(), "https://tenant.example.com"),
        (oidc(), "HTTPS://tenant.example.com/"),
    ] {
        assert!(matches!(outcome(&of, json!({ "iss": wrong })), Err(ClaimFailure::WrongIssuer { .. })), "{wrong}");
    }
}

#[test]
fn firebase_projects_are_kept_apart_by_issuer_and_audience() {
    let of = firebase();
    assert!(matches!(outcome(&of, json!({ "aud": "other-app" })), Err(ClaimFailure::WrongAudience { .. })));
    assert_eq!(outcome(&of, json!({ "aud": ["demo-app"] })), bad("aud", "is not a string"));
    let other = json!({ "iss": "https://securetoken.google.com/other-app", "aud": "other-app" });
    assert!(matches!(outcome(&of, other), Err(ClaimFailure::WrongIssuer { .. })));
}

#[test]
fn firebase_session_cookies_and_custom_tokens_are_refused() {
    let of = firebase();
    let cookie = json!({ "iss": "https://session.firebase.google.com/demo-app" });
    assert!(matches!(outcome(&of, cookie), Err(ClaimFailure::WrongIssuer { .. })));
    let account = "firebase-adminsdk@demo-app.iam.gserviceaccount.com";
    let custom = json!({ "iss": account, "sub": account, "uid": "ada",
        "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit" });
    assert!(matches!(outcome(&of, custom), Err(ClaimFailure::WrongIssuer { .. })));
}

#[test]
fn a_firebase_sub_has_1_to_128_characters() {
    let of = firebase();
    assert_eq!(outcome(&of, json!({ "sub": "" })), bad("sub", "is empty"));
    assert!(outcome(&of, json!({ "sub": "ü".repeat(128) })).is_ok());
    assert_eq!(outcome(&of, json!({ "sub": "u".repeat(129) })), bad("sub", "is too long"));
    assert_eq!(outcome(&oidc(), json!({ "sub": "u".repeat(256) })), bad("sub", "is too long"));
    assert_eq!(outcome(&oidc(), json!({ "sub": "a\u{0}b" })), bad("sub", "holds control characters"));
}

#[test]
fn firebase_requires_auth_time_and_iat_in_the_past() {
    let of = firebase();
    for claim in ["auth_time", "iat"] {
        assert_eq!(outcome(&of, json!({ claim: null })), Err(ClaimFailure::Missing(claim)));
        let refused = outcome(&of, json!({ claim: NOW_SECS + 61 }));
        assert_eq!(refused, Err(ClaimFailure::NotYetValid { claim, ahead_secs: 61 }));
    }
}

#[test]
fn firebase_says_who_is_anonymous_by_the_sign_in_provider() {
    let of = firebase();
    let anonymous = json!({ "firebase": { "sign_in_provider": "anonymous" } });
    assert!(outcome(&of, anonymous).expect("anonymous").anonymous);
    assert!(!outcome(&of, json!({ "provider_id": "anonymous" })).expect("not by other claims").anonymous);
    assert_eq!(outcome(&of, json!({ "firebase": null })), Err(ClaimFailure::Missing("firebase.sign_in_provider")));
}

#[test]
fn supabase_takes_aud_as_a_string_or_a_list() {
    let of = supabase();
    assert!(outcome(&of, json!({ "aud": ["other", "authenticated"] })).is_ok());
    for wrong in [json!("other"), json!(["other"]), json!([]), json!("authenticated ")] {
        assert!(matches!(outcome(&of, json!({ "aud": wrong })), Err(ClaimFailure::WrongAudience { .. })), "{wrong}");
    }
    assert!(matches!(outcome(&of, json!({ "aud": ["authenticated", 1] })), Err(ClaimFailure::Bad { .. })));
    assert_eq!(outcome(&of, json!({ "aud": null, "azp": "authenticated" })), Err(ClaimFailure::Missing("aud")));
}

#[test]
fn supabase_roles_anon_and_service_role_are_refused() {
    let secret = IssuerConfig::SupabaseSecret { issuer: "https://abcdef.supabase.co/auth/v1".parse().expect("a URL") };
    for of in [supabase(), (secret, supabase().1)] {
        for role in ["anon", "service_role"] {
            assert_eq!(outcome(&of, json!({ "role": role })), Err(ClaimFailure::RoleRefused(role.to_owned())));
        }
        assert_eq!(outcome(&of, json!({ "role": null })), Err(ClaimFailure::Missing("role")));
        assert_eq!(outcome(&of, json!({ "role": ["anon"] })), bad("role", "is not a string"));
    }
}

#[test]
fn a_supabase_project_key_is_known_by_its_claims() {
    let key = object(json!({ "iss": "supabase", "ref": "abcdef", "role": "anon", "iat": 1, "exp": NOW_SECS }));
    assert!(is_supabase_api_key(&key));
    assert!(!is_supabase_api_key(&supabase().1));
}

#[test]
fn supabase_says_who_is_anonymous_and_user_metadata_does_not_count() {
    let of = supabase();
    assert!(outcome(&of, json!({ "is_anonymous": true })).expect("anonymous").anonymous);
    let edited = json!({ "is_anonymous": true, "user_metadata": { "is_anonymous": false, "role": "admin" } });
    assert!(outcome(&of, edited).expect("anonymous").anonymous);
    assert!(!outcome(&of, json!({ "is_anonymous": null })).expect("an older project").anonymous);
    assert_eq!(outcome(&of, json!({ "is_anonymous": "false" })), bad("is_anonymous", "is not true or false"));
}

#[test]
fn openid_connect_takes_the_audience_from_aud_or_azp() {
    let of = oidc();
    assert!(outcome(&of, json!({ "aud": ["https://tenant.example.com/userinfo", "my-app"] })).is_ok());
    assert!(outcome(&of, json!({ "aud": null, "azp": "my-app" })).is_ok(), "Clerk");
    assert!(outcome(&of, json!({ "aud": "https://api.example.com", "azp": "my-app" })).is_ok(), "Auth0 access token");
    for wrong in [
        json!({ "aud": "other" }),
        json!({ "aud": "other", "azp": "other" }),
        json!({ "aud": [] }),
        json!({ "aud": null, "azp": "other" }),
    ] {
        assert!(matches!(outcome(&of, wrong.clone()), Err(ClaimFailure::WrongAudience { .. })), "{wrong}");
    }
    assert_eq!(outcome(&of, json!({ "azp": 1 })), bad("azp", "is not a string"));
}

#[test]
fn a_client_id_is_an_audience_only_without_aud_and_only_for_openid_connect() {
    let of = oidc();
    assert!(outcome(&of, json!({ "aud": null, "client_id": "my-app" })).is_ok(), "Cognito access token");
    let both = json!({ "aud": "other", "client_id": "my-app" });
    assert!(matches!(outcome(&of, both), Err(ClaimFailure::WrongAudience { .. })));
    let emulator = IssuerConfig::Emulator {
        issuer: "https://tenant.example.com/".to_owned(),
        audience: "my-app".to_owned(),
        jwks_url: "http://localhost:9090/jwks".parse().expect("a URL"),
    };
    let refused = outcome(&(emulator, oidc().1), json!({ "aud": null, "client_id": "my-app" }));
    assert_eq!(refused, Err(ClaimFailure::Missing("aud")));
}

#[test]
fn an_empty_audience_in_the_settings_matches_nothing() {
    let dialects = [OidcDialect::Generic, OidcDialect::Clerk, OidcDialect::Auth0, OidcDialect::Cognito];
    for (dialect, settings) in dialects.into_iter().flat_map(|dialect| [(dialect, &[][..]), (dialect, &[""][..])]) {
        let open = (oidc_config(settings, dialect, ClaimNames::default()), oidc().1);
        for names in [json!({ "aud": "" }), json!({ "aud": [] }), json!({ "aud": null, "azp": "" }), json!({})] {
            let mut claims = json!({ "token_use": "id" });
            claims.as_object_mut().expect("an object").extend(object(names));
            assert!(outcome(&open, claims).is_err(), "{dialect:?} {settings:?}");
        }
    }
}

#[test]
fn every_check_has_a_title_and_says_what_it_found() {
    for (config, claims) in [firebase(), supabase(), oidc()] {
        for check in ClaimCheck::of(&config) {
            let found = check.run(&config, &claims, now()).expect("an ordinary token");
            assert!(!found.is_empty(), "{}", check.title());
        }
    }
}
