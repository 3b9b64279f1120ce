//! The dialects of OpenID Connect, and the claims whose names a developer chose.

use keyward_domain::issuer::{
    AcceptedClaims, Audiences, ClaimCheck, ClaimFailure, ClaimName, ClaimNames, IssuerConfig, OidcDialect, check_claims,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

const NOW_SECS: i64 = 1_800_000_000;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW_SECS).expect("a date")
}

fn config(audiences: &[&str], dialect: OidcDialect, claims: ClaimNames) -> IssuerConfig {
    IssuerConfig::Oidc {
        issuer: "https://issuer.example".to_owned(),
        audience: Audiences::new(audiences.iter().map(|&name| name.to_owned())),
        jwks_url: "https://issuer.example/jwks".parse().expect("a URL"),
        dialect,
        claims,
    }
}

fn claims(changes: &Value) -> Map<String, Value> {
    let mut claims = json!({"iss": "https://issuer.example", "sub": "ada", "exp": NOW_SECS + 60, "iat": NOW_SECS});
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    let Value::Object(mut claims) = claims else { panic!("an object") };
    claims.retain(|_, value| !value.is_null());
    claims
}

fn outcome(config: &IssuerConfig, changes: &Value) -> Result<AcceptedClaims, ClaimFailure> {
    check_claims(config, &claims(changes), now())
}

fn check_audiences(config: &IssuerConfig, cases: &[(Value, bool)]) {
    for (changes, passes) in cases {
        let outcome = outcome(config, changes);
        assert_eq!(outcome.is_ok(), *passes, "{changes} {outcome:?}");
    }
}

fn named(name: &str) -> Option<ClaimName> {
    Some(ClaimName::parse(name).expect("a claim's name"))
}

#[test]
fn clerk_names_the_app_in_azp_which_must_be_on_the_list() {
    let config = config(&["https://app.example", "https://staging.example"], OidcDialect::Clerk, ClaimNames::default());
    check_audiences(
        &config,
        &[
            (json!({"azp": "https://app.example"}), true),
            (json!({"azp": "https://staging.example"}), true),
            (json!({"azp": "https://evil.example"}), false),
            (json!({"azp": "https://app.example.evil.example"}), false),
            (json!({"azp": ["https://app.example"]}), false),
            (json!({"client_id": "https://app.example"}), false),
            (json!({}), false),
        ],
    );
    assert_eq!(outcome(&config, &json!({})), Err(ClaimFailure::Missing("azp")));
}

#[test]
fn auth0_names_the_app_in_aud_alone() {
    let config = config(&["https://api.example.com"], OidcDialect::Auth0, ClaimNames::default());
    check_audiences(
        &config,
        &[
            (json!({"aud": "https://api.example.com"}), true),
            (json!({"aud": ["https://api.example.com", "https://issuer.example/userinfo"]}), true),
            (json!({"aud": ["https://other.example"], "azp": "https://api.example.com"}), false),
            (json!({"azp": "https://api.example.com"}), false),
            (json!({"aud": {"0": "https://api.example.com"}}), false),
        ],
    );
}

#[test]
fn cognito_names_the_app_in_aud_or_client_id_by_the_use_of_the_token() {
    let config = config(&["client-1"], OidcDialect::Cognito, ClaimNames::default());
    check_audiences(
        &config,
        &[
            (json!({"token_use": "id", "aud": "client-1"}), true),
            (json!({"token_use": "access", "client_id": "client-1"}), true),
            (json!({"token_use": "id", "client_id": "client-1"}), false),
            (json!({"token_use": "access", "aud": "client-1"}), false),
            (json!({"token_use": "access", "client_id": "other"}), false),
            (json!({"token_use": "refresh", "aud": "client-1", "client_id": "client-1"}), false),
            (json!({"aud": "client-1", "client_id": "client-1"}), false),
        ],
    );
}

#[test]
fn a_named_claim_takes_the_place_of_sub() {
    let names = ClaimNames { user: named("app_metadata.uid"), ..ClaimNames::default() };
    let config = config(&["a"], OidcDialect::Generic, names);
    let found =
        |uid: Value| outcome(&config, &json!({"aud": "a", "app_metadata": {"uid": uid}})).map(|found| found.sub);
    assert_eq!(found(json!("u-7")), Ok("u-7".to_owned()));
    assert_eq!(found(Value::Null), Err(ClaimFailure::MissingNamed("app_metadata.uid".to_owned())));
    for wrong in [json!(7), json!(""), json!("x".repeat(256)), json!("a\u{0}b")] {
        assert!(matches!(found(wrong.clone()), Err(ClaimFailure::BadNamed { .. })), "{wrong}");
    }
}

#[test]
fn a_named_claim_says_the_plan_and_who_is_anonymous() {
    let names = ClaimNames { user: None, plan: named("https://app.example/plan"), anonymous: named("guest") };
    let config = config(&["a"], OidcDialect::Generic, names);
    assert!(config.marks_anonymous_users());
    let found = |changes: Value| {
        let mut claims = json!({"aud": "a"});
        claims.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        outcome(&config, &claims).map(|found| (found.plan, found.anonymous))
    };
    assert_eq!(found(json!({})), Ok((None, false)));
    assert_eq!(found(json!({"https://app.example/plan": "pro", "guest": true})), Ok((Some("pro".to_owned()), true)));
    assert_eq!(found(json!({"plan": "pro", "guest": false})), Ok((None, false)));
    for wrong in [json!({"https://app.example/plan": 1}), json!({"guest": "false"}), json!({"guest": 0})] {
        assert!(matches!(found(wrong.clone()), Err(ClaimFailure::BadNamed { .. })), "{wrong}");
    }
}

#[test]
fn issuers_of_one_kind_of_key_take_no_other() {
    for dialect in [OidcDialect::Clerk, OidcDialect::Auth0, OidcDialect::Cognito] {
        assert_eq!(config(&["a"], dialect, ClaimNames::default()).algorithms(), ["RS256"]);
    }
}

#[test]
fn every_check_of_every_dialect_says_what_it_found() {
    for dialect in [OidcDialect::Generic, OidcDialect::Clerk, OidcDialect::Auth0, OidcDialect::Cognito] {
        let config = config(&["a"], dialect, ClaimNames { plan: named("plan"), ..ClaimNames::default() });
        let claims = claims(&json!({"aud": "a", "azp": "a", "token_use": "id", "plan": "pro"}));
        for check in ClaimCheck::of(&config) {
            assert!(!check.run(&config, &claims, now()).expect("an ordinary token").is_empty(), "{}", check.title());
        }
    }
}

#[test]
fn a_row_of_an_earlier_version_is_read_as_before() {
    let row = json!({"kind": "oidc", "issuer": "https://issuer.example", "audience": "a",
        "jwks_url": "https://issuer.example/jwks"});
    let read: IssuerConfig = serde_json::from_value(row).expect("read");
    assert_eq!(read, config(&["a"], OidcDialect::Generic, ClaimNames::default()));
}
