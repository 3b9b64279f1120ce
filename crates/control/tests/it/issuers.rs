//! Linking identity providers: what is saved, what is fetched, what is said.

use keyward_control::ControlError;
use keyward_domain::issuer::{IssuerConfig, OidcDialect, Subject};
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::view::{IssuerForm, TokenCheckLine, Verdict};

use crate::world::{World, refusal};

const REF: &str = "abcdefghijklmnopqrst";

fn oidc(issuer_url: &str, audience: &str) -> IssuerForm {
    IssuerForm::Oidc {
        dialect: OidcDialect::Generic,
        issuer_url: issuer_url.to_owned(),
        audience: audience.to_owned(),
        user_claim: String::new(),
        plan_claim: String::new(),
        anonymous_claim: String::new(),
    }
}

#[tokio::test]
async fn on_saving_the_keys_are_fetched_and_the_outcome_is_kept() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let linked = control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked");
    let check = linked.last_check.clone().expect("checked");
    assert_eq!((check.ok, check.note.as_str()), (true, "1 key (ES256)"));
    assert_eq!(control.app(&ada, app).await.expect("works").issuers, std::slice::from_ref(&linked));
    world.stand_in.break_issuer();
    let check = control.recheck_issuer(&ada, linked.id).await.expect("an outcome, not an error");
    assert!(!check.ok && check.note.contains("500"), "{}", check.note);
    assert_eq!(control.app(&ada, app).await.expect("works").issuers[0].last_check, Some(check));
}

#[tokio::test]
async fn an_issuer_that_can_not_be_reached_is_saved_with_advice() {
    let world = World::development().await;
    world.stand_in.break_issuer();
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let linked = world.control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("saved all the same");
    let check = linked.last_check.expect("checked");
    assert!(!check.ok && check.note.contains("Is the emulator running?"), "{}", check.note);
    assert_eq!(world.control.apps(&ada).await.expect("works")[0].issuers, 1);
}

#[tokio::test]
async fn an_openid_issuer_is_discovered() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let issuer = world.stand_in.issuer();
    let linked = world.control.add_issuer(&ada, app, oidc(&issuer, "my-app")).await.expect("linked");
    let IssuerConfig::Oidc { issuer: found, audience, jwks_url, .. } = &linked.config else {
        panic!("{:?}", linked.config)
    };
    assert_eq!(
        (found, audience.iter().collect(), jwks_url.path()),
        (&issuer, vec!["my-app"], "/.well-known/jwks.json")
    );
    let twice = world.control.add_issuer(&ada, app, oidc(&issuer, "other-app")).await.expect_err("the same iss");
    assert!(matches!(&twice, ControlError::Conflict { reason } if reason.contains("linked already")), "{twice}");
    let (field, _) = refusal(world.control.add_issuer(&ada, app, oidc(&format!("{issuer}/nothing"), "a")).await);
    assert_eq!(field, "issuer_url", "without discovery nobody knows where the keys are");
}

#[tokio::test]
async fn a_shared_secret_is_sealed_and_never_shown() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let secret = "canary-secret-canary-secret-canary-secret";
    let form = IssuerForm::SupabaseSecret { project: REF.to_owned(), secret: secret.to_owned() };
    let linked = control.add_issuer(&ada, app, form).await.expect("linked");
    assert!(linked.has_secret && linked.last_check.is_some_and(|check| check.ok));
    let shown = format!("{:?}", control.app(&ada, app).await.expect("works"));
    assert!(!shown.contains("canary"), "{shown}");
    let in_clear = "SELECT count(*) FROM issuers WHERE issuers::text LIKE '%canary%' OR position('canary'::bytea IN sealed_secret) > 0";
    assert_eq!(world.database.count(in_clear).await, 0);
    let lines = control.check_token(&ada, app, "Bearer not-a-token").await.expect("lines");
    assert_eq!(lines[0].verdict, Verdict::Failed);
}

#[tokio::test]
async fn refuses_fields_by_name() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let short_secret = IssuerForm::SupabaseSecret { project: REF.to_owned(), secret: "short".to_owned() };
    for (form, field) in [
        (IssuerForm::Firebase { project_id: "NO".to_owned() }, "project"),
        (IssuerForm::Supabase { project: "no".to_owned() }, "project"),
        (IssuerForm::Supabase { project: "http://localhost:8790".to_owned() }, "project"),
        (short_secret, "secret"),
        (oidc("not a url", "a"), "issuer_url"),
        (oidc("http://127.0.0.1:1/", "a"), "issuer_url"),
        (oidc("https://10.0.0.1/", "a"), "issuer_url"),
        (oidc("https://id.example.com/", ""), "audience"),
        (IssuerForm::Emulator, "kind"),
    ] {
        assert_eq!(refusal(world.control.add_issuer(&ada, app, form).await).0, field);
    }
    assert_eq!(world.control.apps(&ada).await.expect("works")[0].issuers, 0);
}

#[tokio::test]
async fn anonymous_users_are_refused_until_the_link_allows_them() {
    const ALLOWING: &str = "SELECT count(*) FROM issuers WHERE anonymous_policy = '{\"kind\": \"as_others\"}'";
    const VERSION: &str = "SELECT version FROM config_version";
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let linked = control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked");
    assert_eq!(linked.anonymous, AnonymousPolicy::Deny);
    for (choice, allowed) in [(AnonymousPolicy::AsOthers, true), (AnonymousPolicy::Deny, false)] {
        let before = world.database.count(VERSION).await;
        control.set_anonymous_users(&ada, linked.id, choice).await.expect("set");
        assert_eq!(control.app(&ada, app).await.expect("works").issuers[0].anonymous, choice);
        assert_eq!(world.database.count(ALLOWING).await, i64::from(allowed));
        assert!(world.database.count(VERSION).await > before, "the edge reads its configuration anew");
    }
}

#[tokio::test]
async fn a_provider_whose_tokens_do_not_tell_anonymous_users_has_no_such_choice() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let form = oidc(&world.stand_in.issuer(), "my-app");
    let linked = world.control.add_issuer(&ada, app, form).await.expect("linked");
    assert_eq!(refusal(world.control.set_anonymous_users(&ada, linked.id, AnonymousPolicy::AsOthers).await).0, "to");
    assert_eq!(
        world.database.count("SELECT count(*) FROM issuers WHERE anonymous_policy = '{\"kind\": \"as_others\"}'").await,
        0
    );
}

#[tokio::test]
async fn a_token_is_checked_line_by_line() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let lines = control.check_token(&ada, app, "a.b.c").await.expect("lines");
    assert!(lines[0].reason.contains("no identity provider yet"), "{lines:?}");
    control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked");
    let lines = control.check_token(&ada, app, "a.b.c").await.expect("lines");
    assert_eq!((lines[0].check.as_str(), lines[0].verdict), ("Format", Verdict::Failed));
    assert_eq!(refusal(control.check_token(&ada, app, "  ").await).0, "token");
    assert_eq!(refusal(control.check_token(&ada, app, &"x".repeat(20_000)).await).0, "token");
}

#[tokio::test]
async fn the_token_check_says_no_to_an_anonymous_and_to_a_revoked_user_while_the_edge_would() {
    const SECRET: &str = "a-shared-secret-of-the-project-0123456789";
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let project = "abcdefghijklmnopqrst".to_owned();
    let form = IssuerForm::SupabaseSecret { project, secret: SECRET.to_owned() };
    let linked = control.add_issuer(&ada, app, form).await.expect("linked");
    let claims = serde_json::json!({
        "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "aud": "authenticated", "role": "authenticated",
        "sub": "somebody", "is_anonymous": true, "exp": 4_000_000_000_i64, "iat": 1_700_000_000_i64,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("signed");
    let failed = |lines: Vec<TokenCheckLine>| -> Vec<String> {
        lines.into_iter().filter(|line| line.verdict == Verdict::Failed).map(|line| line.check).collect()
    };
    assert_eq!(failed(control.check_token(&ada, app, &token).await.expect("lines")), ["Anonymous user"]);
    control.set_anonymous_users(&ada, linked.id, AnonymousPolicy::AsOthers).await.expect("set");
    assert_eq!(failed(control.check_token(&ada, app, &token).await.expect("lines")), [""; 0]);
    let subject = Subject { issuer: linked.id, sub: "somebody".to_owned() };
    control.block_app_user(&ada, app, &subject).await.expect("blocked");
    assert_eq!(failed(control.check_token(&ada, app, &token).await.expect("lines")), ["Revocation"]);
    control.unblock_app_user(&ada, app, &subject).await.expect("unblocked");
    control.revoke_all_tokens(&ada, app).await.expect("revoked");
    assert_eq!(failed(control.check_token(&ada, app, &token).await.expect("lines")), ["Revocation"]);
}

#[tokio::test]
async fn claims_of_the_developers_own_choice_are_kept_and_those_that_users_edit_are_refused() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let form = |audience: &str, user: &str, plan: &str| IssuerForm::Oidc {
        dialect: OidcDialect::Clerk,
        issuer_url: world.stand_in.issuer(),
        audience: audience.to_owned(),
        user_claim: user.to_owned(),
        plan_claim: plan.to_owned(),
        anonymous_claim: "guest".to_owned(),
    };
    for (audience, user, plan, field) in [
        ("a", "user_metadata.id", "", "user_claim"),
        ("a", "", "unsafe_metadata.plan", "plan_claim"),
        ("a", "two words", "", "user_claim"),
        ("", "", "", "audience"),
        ("a,,b", "", "", "audience"),
    ] {
        assert_eq!(refusal(world.control.add_issuer(&ada, app, form(audience, user, plan)).await).0, field);
    }
    let linked = world.control.add_issuer(&ada, app, form("a, b", "uid", "app_metadata.plan")).await.expect("linked");
    assert_eq!(linked.config.expected_audiences(), ["a", "b"]);
    assert_eq!(world.control.app(&ada, app).await.expect("works").issuers[0].config, linked.config);
    world.control.set_anonymous_users(&ada, linked.id, AnonymousPolicy::AsOthers).await.expect("the claim tells");
}

#[tokio::test]
async fn anonymous_users_get_a_plan_of_the_same_app_only() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let other = control.create_app(&ada, "Another").await.expect("an app");
    let linked = control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked");
    let (own, foreign) = (
        control.create_plan(&ada, app, "Guests").await.expect("a plan"),
        control.create_plan(&ada, other, "Guests").await.expect("a plan"),
    );
    assert_eq!(refusal(control.set_anonymous_users(&ada, linked.id, AnonymousPolicy::Plan(foreign)).await).0, "to");
    control.set_anonymous_users(&ada, linked.id, AnonymousPolicy::Plan(own)).await.expect("set");
    let view = control.app(&ada, app).await.expect("works");
    assert_eq!(view.issuers[0].anonymous, AnonymousPolicy::Plan(own));
    assert!(view.plans.iter().any(|plan| plan.id == own && plan.name == "Guests") && view.plans.len() == 2);
}
