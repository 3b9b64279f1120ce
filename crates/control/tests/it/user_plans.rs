//! Why a user is in a plan: the answer is the decision's own, with what it stands on.

use keyward_control::{Actor, ControlError};
use keyward_domain::ids::{AppId, IssuerId, PlanId};
use keyward_domain::issuer::Subject;
use keyward_domain::plans::PurchaseSource;
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::validate::{PlanOverrideForm, PlanRuleForm, RuleKind};
use keyward_domain::view::{DecidedBy, EmailLink, IssuerForm, UserPlanView, Verdict};
use serde_json::{Value, json};

use crate::plans::rule_form;
use crate::world::{World, refusal};

struct House {
    world: World,
    ada: Actor,
    app: AppId,
    issuer: IssuerId,
    pro: PlanId,
}

impl House {
    /// With a rule for who bought, and one behind it for a claim.
    async fn open() -> Self {
        let world = World::development().await;
        let ada = world.actor("ada@example.com").await;
        let app = world.app(&ada).await;
        let issuer = world.control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked").id;
        let pro = world.control.create_plan(&ada, app, "Pro").await.expect("made");
        let bought = PlanRuleForm { grace_days: "7".to_owned(), ..rule_form(pro, "price_pro") };
        let claim = PlanRuleForm {
            claim: "tier".to_owned(),
            value: "gold".to_owned(),
            ..PlanRuleForm::blank(pro, RuleKind::Claim)
        };
        for form in [bought, claim] {
            world.control.put_plan_rule(&ada, app, &form, None).await.expect("added");
        }
        Self { world, ada, app, issuer, pro }
    }

    fn subject(&self) -> Subject {
        Subject { issuer: self.issuer, sub: "user|1".to_owned() }
    }

    async fn view(&self) -> UserPlanView {
        self.world.control.plan_of_user(&self.ada, self.app, &self.subject()).await.expect("works")
    }

    /// As a reading of the seller's records leaves it. The clock stands at noon of 2026-03-01.
    async fn buys(&self, state: &Value) {
        let (app, account) = (self.app, self.ada.account_id());
        let bought = json!([{
            "source": "stripe", "id": "sub_1", "names": ["price_pro"], "state": state,
            "paid_until": "2026-03-20T00:00:00Z", "ends": false
        }]);
        self.world
            .database
            .execute(&format!(
                "INSERT INTO purchase_sources (app_id, account_id, source, sealed_key, key_hint, live, connected_at, checked_at, next_run_at)
                 VALUES ('{app}', '{account}', 'stripe', '\\x00', 'abcd', false, now(), now(), now())",
            ))
            .await;
        self.world
            .database
            .execute(&format!(
                "INSERT INTO purchasers (id, app_id, account_id, source, customer_id, issuer_id, sub, linked_by, entitlements, wanted, next_try_at, created_at)
                 VALUES (gen_random_uuid(), '{app}', '{account}', 'stripe', 'cus_1', '{}', 'user|1', 'reference', '{bought}', 1, now(), now())",
                self.issuer
            ))
            .await;
    }
}

#[tokio::test]
async fn who_bought_nothing_is_in_the_default_plan_unless_a_token_says_otherwise() {
    let house = House::open().await;
    let view = house.view().await;
    assert_eq!((view.decision.plan.name.as_str(), view.decision.because), ("Default", DecidedBy::Default));
    assert_eq!(view.decision.unless, ["rule 2"]);
    let verdicts: Vec<Verdict> = view.rules.iter().map(|rule| rule.verdict).collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::NotChecked]);
    assert_eq!((view.user.last_seen_at, view.last_call), (None, None));
    let anonymous = AnonymousPolicy::Plan(house.pro);
    house.world.control.set_anonymous_users(&house.ada, house.issuer, anonymous).await.expect("set");
    assert_eq!(house.view().await.decision.unless[1..], ["an anonymous user, who is in Pro"]);
}

#[tokio::test]
async fn a_purchase_decides_as_long_as_its_rule_says() {
    let house = House::open().await;
    let seller_missing = async || {
        let view = house.world.control.plan_rules(&house.ada, house.app).await.expect("works");
        view.missing_seller(&view.rules[0].when)
    };
    assert_eq!(seller_missing().await, Some(PurchaseSource::Stripe));
    house.buys(&json!({"kind": "past_due", "since": "2026-02-25T00:00:00Z"})).await;
    assert_eq!(seller_missing().await, None);
    let view = house.view().await;
    assert_eq!((view.decision.plan.id, view.decision.because), (house.pro, DecidedBy::Rule { number: 1 }));
    assert!(view.decision.unless.is_empty(), "no rule goes before the first");
    assert_eq!((view.purchases.len(), view.purchases[0].customer_id.as_str()), (1, "cus_1"));
    house.world.wait(time::Duration::days(5));
    let view = house.view().await;
    assert_eq!(view.decision.because, DecidedBy::Default);
    assert_eq!(view.rules[0].reason, "a payment failed, and the grace ended on 2026-03-04");
}

#[tokio::test]
async fn a_plan_set_by_hand_goes_first_until_it_ends_or_is_cleared() {
    let house = House::open().await;
    let (control, ada, app) = (&house.world.control, &house.ada, house.app);
    let form = |until: &str| PlanOverrideForm { plan: house.pro, until: until.to_owned() };
    control.set_plan_override(ada, app, &house.subject(), &form("2026-03-02")).await.expect("set");
    let view = house.view().await;
    assert!(matches!(view.decision.because, DecidedBy::ByHand { until: Some(_) }), "{:?}", view.decision);
    assert_eq!((view.by_hand_plan.as_str(), view.decision.unless.len()), ("Pro", 0));
    house.world.wait(time::Duration::days(2));
    let view = house.view().await;
    assert_eq!(view.decision.because, DecidedBy::Default);
    assert!(view.by_hand.is_some(), "it is still shown");
    let (field, _) = refusal(control.set_plan_override(ada, app, &house.subject(), &form("2026-03-02")).await);
    assert_eq!(field, "until");
    control.set_plan_override(ada, app, &house.subject(), &form("")).await.expect("set");
    assert_eq!(house.view().await.decision.plan.id, house.pro);
    control.clear_plan_override(ada, app, &house.subject()).await.expect("cleared");
    assert_eq!(house.view().await.by_hand, None);
}

#[tokio::test]
async fn the_plan_of_the_last_call_is_shown() {
    let house = House::open().await;
    let proxy = house.world.openai_proxy(&house.ada, house.app).await;
    let (app, account, issuer) = (house.app, house.ada.account_id(), house.issuer);
    house
        .world
        .database
        .execute(&format!(
            "INSERT INTO app_users (id, app_id, account_id, issuer_id, sub, first_seen_at, last_seen_at)
             VALUES (gen_random_uuid(), '{app}', '{account}', '{issuer}', 'user|1', '2026-03-01 11:00Z', '2026-03-01 11:30Z')",
        ))
        .await;
    for (minute, plan) in [(30, format!("'{}'", house.pro)), (10, "NULL".to_owned())] {
        house
            .world
            .database
            .execute(&format!(
                "INSERT INTO usage_events (id, account_id, app_id, proxy_id, issuer_id, sub, occurred_at, method, status, outcome,
                     request_bytes, response_bytes, duration_ms, plan_id)
                 VALUES (gen_random_uuid(), '{account}', '{app}', '{proxy}', '{issuer}', 'user|1', '2026-03-01 11:{minute}Z',
                     'GET', 200, 'completed', 0, 0, 1, {plan})",
            ))
            .await;
    }
    let call = house.view().await.last_call.expect("a call");
    assert_eq!(call.plan_name.as_deref(), Some("Pro"));
}

#[tokio::test]
async fn a_plan_of_another_app_is_given_to_nobody_and_a_stranger_s_issuer_names_nobody() {
    let house = House::open().await;
    let (control, ada, app) = (&house.world.control, &house.ada, house.app);
    let other = control.create_app(ada, "Other").await.expect("created");
    let elsewhere = control.plans(ada, other).await.expect("works")[0].id;
    let form = PlanOverrideForm { plan: elsewhere, until: String::new() };
    let set = control.set_plan_override(ada, app, &house.subject(), &form).await;
    assert_eq!(set, Err(ControlError::NotFound));
    assert_eq!(control.plan_of_user(ada, other, &house.subject()).await.map(drop), Err(ControlError::NotFound));
    let nobody = Subject { sub: " ".to_owned(), ..house.subject() };
    assert_eq!(refusal(control.plan_of_user(ada, app, &nobody).await).0, "sub");
}

#[tokio::test]
async fn a_token_says_what_only_a_token_can() {
    let mut house = House::open().await;
    let (control, ada, app) = (&house.world.control, &house.ada, house.app);
    let secret = "s".repeat(40);
    let form = IssuerForm::SupabaseSecret { project: "abcdefghijklmnopqrst".to_owned(), secret: secret.clone() };
    house.issuer = control.add_issuer(ada, app, form).await.expect("linked").id;
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let signed = |more: Value| {
        let mut claims = json!({
            "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "aud": "authenticated", "sub": "user|2",
            "role": "authenticated", "iat": 1_700_000_000_i64, "exp": 4_000_000_000_i64
        });
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("signed")
    };
    let plan = async |more: Value| {
        let lines = control.check_token(ada, app, &signed(more)).await.expect("lines");
        let mut said = lines.into_iter().filter(|line| line.check == "Plan").map(|line| line.reason);
        (said.next().unwrap_or_default(), said.next())
    };
    assert_eq!(plan(json!({})).await, ("Default, for everybody without another".to_owned(), None));
    let by_claim = "Pro, by rule 2 (the token’s claim tier is gold)".to_owned();
    assert_eq!(plan(json!({"tier": "gold"})).await, (by_claim, None));
    // Of somebody with this address, whose records name nobody.
    house.buys(&json!({"kind": "active"})).await;
    house.world.database.execute("UPDATE purchasers SET sub = NULL, issuer_id = NULL, email = 'ann@example.com'").await;
    let ann = json!({"email": "Ann@example.com", "email_verified": true});
    assert!(plan(ann.clone()).await.0.starts_with("Default"), "matching by address was not asked for");
    control.set_email_link(ada, app, EmailLink::On).await.expect("set");
    assert!(plan(ann).await.0.starts_with("Pro, by rule 1"));
    let unverified = json!({"email": "ann@example.com", "user_metadata": {"email_verified": true}});
    assert!(plan(unverified).await.0.starts_with("Default"));
}
