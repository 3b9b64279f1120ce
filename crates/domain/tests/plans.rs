//! Which plan a user is in: the promises that a developer relies on.

use std::sync::Arc;

use keyward_domain::ids::PlanId;
use keyward_domain::issuer::ClaimName;
use keyward_domain::plans::{
    Because, Decision, Entitlement, EntitlementState, Facts, HELD_WITHOUT_NEWS, NamedUser, ParseNamedUserError,
    PlanCondition, PlanOverride, PlanRule, PurchaseCondition, PurchaseSource, Terms, Verdict, decide, explain,
    verified_email,
};
use serde_json::{Map, Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const FREE: PlanId = PlanId(Uuid::from_u128(1));
const PRO: PlanId = PlanId(Uuid::from_u128(2));
const TEAM: PlanId = PlanId(Uuid::from_u128(3));

fn buys(plan: PlanId, name: &str) -> PlanRule {
    let condition = PurchaseCondition { source: PurchaseSource::Stripe, name: name.into(), trial: true, grace_days: 0 };
    PlanRule { plan, when: PlanCondition::Purchase(condition) }
}

fn with(rule: PlanRule, change: impl FnOnce(&mut PurchaseCondition)) -> PlanRule {
    let PlanRule { plan, when: PlanCondition::Purchase(mut condition) } = rule else { panic!("a purchase") };
    change(&mut condition);
    PlanRule { plan, when: PlanCondition::Purchase(condition) }
}

fn bought(name: &str, state: EntitlementState) -> Entitlement {
    Entitlement {
        source: PurchaseSource::Stripe,
        id: "sub_1".into(),
        names: vec!["price_other".into(), name.into()],
        state,
        paid_until: Some(NOW + Duration::days(10)),
        ends: false,
    }
}

fn claims(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

fn decided(rules: &[PlanRule], bought: Vec<Entitlement>) -> Decision {
    let bought = [Arc::from(bought)];
    decide(Terms { rules, default: FREE }, Facts { bought: &bought, ..Facts::default() }, NOW)
}

fn verdict(rule: &PlanRule, facts: Facts<'_>) -> Verdict {
    explain(Terms { rules: std::slice::from_ref(rule), default: FREE }, facts, NOW).remove(0)
}

#[test]
fn the_first_rule_that_fits_decides_and_without_one_the_default_plan() {
    let rules = [buys(TEAM, "price_team"), buys(PRO, "price_pro"), buys(FREE, "price_pro")];
    let decision = decided(&rules, vec![bought("price_pro", EntitlementState::Active)]);
    assert_eq!(decision, Decision { plan: PRO, because: Because::Rule(1) });
    let both = vec![bought("price_pro", EntitlementState::Active), bought("price_team", EntitlementState::Active)];
    assert_eq!(decided(&rules, both).plan, TEAM, "the order is the rules', not the purchases'");
    assert_eq!(decided(&rules, vec![]), Decision { plan: FREE, because: Because::Default });
}

#[test]
fn a_purchase_counts_at_its_own_seller_only() {
    let mut elsewhere = bought("price_pro", EntitlementState::Active);
    elsewhere.source = PurchaseSource::RevenueCat;
    assert_eq!(decided(&[buys(PRO, "price_pro")], vec![elsewhere]).plan, FREE);
}

#[test]
fn what_is_over_counts_no_more_and_a_trial_counts_where_the_rule_says_so() {
    let rule = buys(PRO, "price_pro");
    assert_eq!(decided(std::slice::from_ref(&rule), vec![bought("price_pro", EntitlementState::Over)]).plan, FREE);
    let trial = || vec![bought("price_pro", EntitlementState::Trial)];
    assert_eq!(decided(std::slice::from_ref(&rule), trial()).plan, PRO);
    assert_eq!(decided(&[with(rule, |when| when.trial = false)], trial()).plan, FREE);
}

#[test]
fn a_payment_that_failed_changes_nothing_within_the_grace_of_the_rule() {
    let failed = |days| vec![bought("price_pro", EntitlementState::PastDue { since: NOW - Duration::days(days) })];
    let rule = with(buys(PRO, "price_pro"), |when| when.grace_days = 7);
    for (days, plan) in [(0, PRO), (6, PRO), (7, FREE), (30, FREE)] {
        assert_eq!(decided(std::slice::from_ref(&rule), failed(days)).plan, plan, "{days} days");
    }
    assert_eq!(decided(&[buys(PRO, "price_pro")], failed(0)).plan, FREE, "no grace is none");
}

#[test]
fn what_ends_ends_on_time_and_what_renews_holds_for_the_stated_time_without_news() {
    let paid_until = |at, ends| {
        let mut one = bought("price_pro", EntitlementState::Active);
        (one.paid_until, one.ends) = (Some(at), ends);
        decided(&[buys(PRO, "price_pro")], vec![one]).plan
    };
    let second = Duration::seconds(1);
    assert_eq!(paid_until(NOW + second, true), PRO);
    assert_eq!(paid_until(NOW, true), FREE, "canceled at the period's end");
    assert_eq!(paid_until(NOW, false), PRO, "its renewal was not heard of yet");
    assert_eq!(paid_until(NOW - HELD_WITHOUT_NEWS + second, false), PRO);
    assert_eq!(paid_until(NOW - HELD_WITHOUT_NEWS, false), FREE);
    let mut for_good = bought("price_pro", EntitlementState::Active);
    for_good.paid_until = None;
    assert_eq!(decided(&[buys(PRO, "price_pro")], vec![for_good]).plan, PRO);
}

#[test]
fn of_several_customers_that_are_one_user_any_may_have_paid() {
    let rules = [buys(PRO, "price_pro")];
    let of: [Arc<[Entitlement]>; 2] = [
        Arc::from(vec![bought("price_pro", EntitlementState::Over)]),
        Arc::from(vec![bought("price_pro", EntitlementState::Active)]),
    ];
    let facts = Facts { bought: &of, ..Facts::default() };
    assert_eq!(decide(Terms { rules: &rules, default: FREE }, facts, NOW).plan, PRO);
}

#[test]
fn a_plan_set_by_hand_goes_first_until_it_expires() {
    let terms = Terms { rules: &[buys(PRO, "price_pro")], default: FREE };
    let bought = [Arc::from(vec![bought("price_pro", EntitlementState::Active)])];
    for (until, plan) in [(None, TEAM), (Some(NOW + Duration::seconds(1)), TEAM), (Some(NOW), PRO)] {
        let by_hand = Some(PlanOverride { plan: TEAM, until });
        assert_eq!(decide(terms, Facts { by_hand, bought: &bought, ..Facts::default() }, NOW).plan, plan, "{until:?}");
    }
}

#[test]
fn a_claim_fits_by_its_value_and_a_list_by_each_of_its_items() {
    let rule = |value: &str| PlanRule {
        plan: PRO,
        when: PlanCondition::Claim {
            name: ClaimName::parse("app_metadata.plan").expect("a name"),
            value: value.into(),
        },
    };
    for (token, value, fits) in [
        (json!({"app_metadata": {"plan": "pro"}}), "pro", true),
        (json!({"app_metadata": {"plan": "Pro"}}), "pro", false),
        (json!({"app_metadata": {"plan": ["a", "pro"]}}), "pro", true),
        (json!({"app_metadata": {"plan": true}}), "true", true),
        (json!({"app_metadata": {"plan": 2}}), "2", true),
        (json!({"app_metadata": {"plan": {"pro": true}}}), "pro", false),
        (json!({"app_metadata": {"plan": null}}), "null", false),
        (json!({"user_metadata": {"plan": "pro"}}), "pro", false),
    ] {
        let claims = claims(token.clone());
        let facts = Facts { claims: Some(&claims), ..Facts::default() };
        assert_eq!(verdict(&rule(value), facts) == Verdict::Fits, fits, "{token} {value}");
    }
}

#[test]
fn the_link_of_the_identity_provider_comes_behind_the_rules() {
    let anonymous = PlanRule { plan: TEAM, when: PlanCondition::Anonymous };
    let terms = Terms { rules: std::slice::from_ref(&anonymous), default: FREE };
    let facts = |anonymous| Facts { anonymous, linked: Some(PRO), ..Facts::default() };
    assert_eq!(decide(terms, facts(true), NOW).plan, TEAM);
    assert_eq!(decide(terms, facts(false), NOW), Decision { plan: PRO, because: Because::Link });
}

#[test]
fn every_rule_that_does_not_fit_says_why() {
    let token = claims(json!({"role": "x"}));
    let facts = Facts { claims: Some(&token), ..Facts::default() };
    let late = [Arc::from(vec![bought("price_pro", EntitlementState::PastDue { since: NOW - Duration::days(9) })])];
    let claim = PlanRule {
        plan: PRO,
        when: PlanCondition::Claim { name: ClaimName::parse("tier").expect("a name"), value: "gold".into() },
    };
    for (rule, facts, reason) in [
        (buys(PRO, "price_pro"), facts, "nothing was bought"),
        (buys(PRO, "price_new"), Facts { bought: &late, ..facts }, "nothing of that name was bought"),
        (
            buys(PRO, "price_pro"),
            Facts { bought: &late, ..facts },
            "a payment failed, and the grace ended on 2026-02-20",
        ),
        (claim.clone(), facts, "the token has no claim tier"),
        (PlanRule { plan: PRO, when: PlanCondition::Anonymous }, facts, "the user is signed in"),
    ] {
        assert_eq!(verdict(&rule, facts), Verdict::Fails(reason.to_owned()));
    }
    assert_eq!(verdict(&claim, Facts::default()), Verdict::NeedsToken);
}

#[test]
fn an_e_mail_address_counts_only_where_the_issuer_says_it_verified_it() {
    for (token, found) in [
        (json!({"email": " Ann@Example.com", "email_verified": true}), Some("ann@example.com")),
        (json!({"email": "ann@example.com", "email_verified": "true"}), None),
        (json!({"email": "ann@example.com"}), None),
        (json!({"email": "ann@example.com", "user_metadata": {"email_verified": true}}), None),
        (json!({"email_verified": true}), None),
        (json!({"email": "ann", "email_verified": true}), None),
    ] {
        assert_eq!(verified_email(&claims(token.clone())).as_deref(), found, "{token}");
    }
}

#[test]
fn a_user_is_named_by_sub_and_where_needed_by_issuer() {
    let issuer = "018f0000-0000-7000-8000-000000000001";
    for (text, named) in [
        ("alice", Some((None, "alice"))),
        (" auth0|1/2 ", Some((None, "auth0|1/2"))),
        (&format!("{issuer}/alice/b"), Some((Some(issuer), "alice/b"))),
        ("", None),
        (&format!("{issuer}/"), None),
        ("a\nb", None),
        (&"x".repeat(256), None),
    ] {
        let found = text.parse::<NamedUser>();
        let shown = found.as_ref().ok().map(|user| (user.issuer.map(|id| id.to_string()), user.sub.as_str()));
        assert_eq!(shown, named.map(|(issuer, sub)| (issuer.map(str::to_owned), sub)), "{text:?}");
        assert_eq!(found.is_err(), matches!(found, Err(ParseNamedUserError)));
    }
}

#[test]
fn a_rule_of_a_later_version_is_not_read() {
    let rule = serde_json::to_value(with(buys(PRO, "price_pro"), |when| when.grace_days = 3)).expect("written");
    assert!(serde_json::from_value::<PlanRule>(rule.clone()).is_ok());
    for (place, name) in [("", "later"), ("/when", "later"), ("/when/state", "x")] {
        let mut changed = rule.clone();
        let Some(Value::Object(object)) = changed.pointer_mut(place) else { continue };
        object.insert(name.into(), json!(1));
        assert!(serde_json::from_value::<PlanRule>(changed).is_err(), "{place}");
    }
}
