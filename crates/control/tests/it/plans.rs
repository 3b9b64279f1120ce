//! Plans and their rules: an order of the developer's, nothing that names what is gone, nothing undone by a page that is old.

use keyward_control::{Actor, Control, ControlError};
use keyward_domain::ids::{AppId, PlanId};
use keyward_domain::plans::{MAX_PLAN_RULES, PlanRule, PurchaseSource};
use keyward_domain::policy::{AnonymousPolicy, PlanAtProxy};
use keyward_domain::validate::{self, AccessScope, PlanAccessForm, PlanRuleForm, PlanWordsForm, RuleKind};
use keyward_domain::view::{EmailLink, IssuerForm, PlanView};
use uuid::Uuid;

use crate::world::{World, refusal};

pub fn rule_form(plan: PlanId, price: &str) -> PlanRuleForm {
    let blank = PlanRuleForm::blank(plan, RuleKind::Purchase(PurchaseSource::Stripe));
    PlanRuleForm { name: price.to_owned(), ..blank }
}

fn rule(plan: PlanId, price: &str) -> PlanRule {
    validate::plan_rule(&rule_form(plan, price)).expect("well-formed")
}

async fn rules(control: &Control, actor: &Actor, app: AppId) -> Vec<PlanRule> {
    control.plan_rules(actor, app).await.expect("works").rules
}

fn names(plans: Vec<PlanView>) -> Vec<String> {
    plans.into_iter().map(|plan| plan.name).collect()
}

fn is_conflict<T: std::fmt::Debug>(outcome: Result<T, ControlError>, about: &str) {
    match outcome {
        Err(ControlError::Conflict { reason }) => assert!(reason.contains(about), "{reason}"),
        other => panic!("another outcome: {other:?}"),
    }
}

#[tokio::test]
async fn an_app_keeps_its_default_plan_and_a_plan_its_anonymous_users() {
    let world = World::development().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let paid = control.create_plan(&ada, app, " Paid ").await.expect("made");
    assert_eq!(names(control.plans(&ada, app).await.expect("works")), ["Default", "Paid"]);
    assert_eq!(refusal(control.create_plan(&ada, app, " ").await).0, "name");
    for taken in
        [control.create_plan(&ada, app, "Paid").await.map(drop), control.rename_plan(&ada, paid, "Default").await]
    {
        assert!(matches!(taken, Err(ControlError::Conflict { .. })), "{taken:?}");
    }
    control.rename_plan(&ada, paid, "Gold").await.expect("renamed");
    let default_plan = control.plans(&ada, app).await.expect("works")[0].id;
    let kept = control.delete_plan(&ada, default_plan).await;
    assert!(matches!(kept, Err(ControlError::Conflict { .. })), "{kept:?}");
    let issuer = control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked").id;
    control.set_anonymous_users(&ada, issuer, AnonymousPolicy::Plan(paid)).await.expect("set");
    let Err(ControlError::Conflict { reason }) = control.delete_plan(&ada, paid).await else { panic!("in use") };
    assert!(reason.contains("anonymous"), "{reason}");
    control.set_anonymous_users(&ada, issuer, AnonymousPolicy::Deny).await.expect("set");
    control.delete_plan(&ada, paid).await.expect("deleted");
    assert_eq!(names(control.plans(&ada, app).await.expect("works")), ["Default"]);
}

#[tokio::test]
async fn plans_stand_as_the_developer_puts_them() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let free = control.plans(&ada, app).await.expect("works")[0].id;
    let pro = control.create_plan(&ada, app, "Pro").await.expect("made");
    let team = control.create_plan(&ada, app, "Team").await.expect("made");
    control.swap_plans(&ada, app, pro, team).await.expect("swapped");
    control.swap_plans(&ada, app, free, team).await.expect("swapped");
    control.create_plan(&ada, app, "Last").await.expect("made");
    assert_eq!(names(control.plans(&ada, app).await.expect("works")), ["Team", "Default", "Pro", "Last"]);
    // A page of before shows them otherwise.
    is_conflict(control.swap_plans(&ada, app, free, team).await, "in the meantime");
    is_conflict(control.swap_plans(&ada, app, team, pro).await, "in the meantime");
    assert_eq!(names(control.plans(&ada, app).await.expect("works")), ["Team", "Default", "Pro", "Last"]);
}

#[tokio::test]
async fn rules_are_added_last_changed_in_place_moved_and_removed() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let pro = control.create_plan(&ada, app, "Pro").await.expect("made");
    let [one, two, three] = ["price_1", "price_2", "price_3"].map(|price| rule(pro, price));
    for price in ["price_1", "price_2"] {
        control.put_plan_rule(&ada, app, &rule_form(pro, price), None).await.expect("added");
    }
    control.put_plan_rule(&ada, app, &rule_form(pro, "price_3"), Some(&one)).await.expect("changed");
    assert_eq!(rules(control, &ada, app).await, [three.clone(), two.clone()]);
    control.swap_plan_rules(&ada, app, (&three, &two)).await.expect("swapped");
    assert_eq!(rules(control, &ada, app).await, [two.clone(), three.clone()]);
    control.remove_plan_rule(&ada, app, &two).await.expect("removed");
    control.remove_plan_rule(&ada, app, &two).await.expect("gone already");
    assert_eq!(rules(control, &ada, app).await, [three]);
}

#[tokio::test]
async fn a_page_of_before_changes_no_rule() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let pro = control.create_plan(&ada, app, "Pro").await.expect("made");
    for price in ["price_1", "price_2", "price_3"] {
        control.put_plan_rule(&ada, app, &rule_form(pro, price), None).await.expect("added");
    }
    let before = rules(control, &ada, app).await;
    let gone = rule(pro, "price_gone");
    let late = control.put_plan_rule(&ada, app, &rule_form(pro, "price_9"), Some(&gone)).await;
    is_conflict(late, "in the meantime");
    is_conflict(control.swap_plan_rules(&ada, app, (&before[0], &before[2])).await, "in the meantime");
    is_conflict(control.swap_plan_rules(&ada, app, (&before[1], &before[0])).await, "in the meantime");
    assert_eq!(rules(control, &ada, app).await, before);
}

#[tokio::test]
async fn a_rule_that_could_never_count_is_refused() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let pro = control.create_plan(&ada, app, "Pro").await.expect("made");
    let other_app = control.create_app(&ada, "Other").await.expect("created");
    let elsewhere = control.plans(&ada, other_app).await.expect("works")[0].id;
    for plan in [elsewhere, PlanId(Uuid::nil())] {
        assert_eq!(refusal(control.put_plan_rule(&ada, app, &rule_form(plan, "price_1"), None).await).0, "plan");
    }
    control.put_plan_rule(&ada, app, &rule_form(pro, "price_1"), None).await.expect("added");
    let (field, reason) = refusal(control.put_plan_rule(&ada, app, &rule_form(pro, "price_1"), None).await);
    assert!(field == "name" && reason.contains("rule 1"), "{field}: {reason}");
    let bad = PlanRuleForm { grace_days: "1000".to_owned(), ..rule_form(pro, "price_2") };
    assert_eq!(refusal(control.put_plan_rule(&ada, app, &bad, None).await).0, "grace_days");
    for n in 1..MAX_PLAN_RULES {
        control.put_plan_rule(&ada, app, &rule_form(pro, &format!("price_x{n}")), None).await.expect("room");
    }
    assert_eq!(refusal(control.put_plan_rule(&ada, app, &rule_form(pro, "price_no"), None).await).0, "plan");
    let first = rule(pro, "price_1");
    control.put_plan_rule(&ada, app, &rule_form(pro, "price_new"), Some(&first)).await.expect("no more of them");
}

#[tokio::test]
async fn a_plan_that_a_rule_names_stays() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let pro = control.create_plan(&ada, app, "Pro").await.expect("made");
    control.put_plan_rule(&ada, app, &rule_form(pro, "price_1"), None).await.expect("added");
    is_conflict(control.delete_plan(&ada, pro).await, "rule 1 puts users in this plan (bought price_1 at Stripe");
    // Also behind the back of the use case, which looks first.
    let deleted = world.database.store().delete_plan(ada.account_id(), pro).await;
    is_conflict(deleted.map_err(ControlError::from), "a rule puts users in this plan");
    control.remove_plan_rule(&ada, app, &rule(pro, "price_1")).await.expect("removed");
    control.delete_plan(&ada, pro).await.expect("deleted");
}

#[tokio::test]
async fn a_plan_says_its_own_words() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let plan = control.plans(&ada, app).await.expect("works")[0].id;
    let (blank, link) = (PlanWordsForm::default(), "https://example.com/upgrade");
    let words = PlanWordsForm { message: "Get more.".to_owned(), upgrade_url: link.to_owned() };
    control.save_plan_words(&ada, plan, &words, Some(&blank)).await.expect("saved");
    let policy = control.plan(&ada, plan).await.expect("works").plan.policy;
    assert_eq!((policy.message.as_str(), policy.upgrade_url.as_deref()), ("Get more.", Some(link)));
    is_conflict(control.save_plan_words(&ada, plan, &blank, Some(&blank)).await, "in the meantime");
    let here = PlanWordsForm { upgrade_url: "http://localhost:3000/".to_owned(), ..blank.clone() };
    assert_eq!(refusal(control.save_plan_words(&ada, plan, &here, None).await).0, "upgrade_url");
    control.save_plan_words(&ada, plan, &blank, Some(&words)).await.expect("taken back");
    assert_eq!(control.plan(&ada, plan).await.expect("works").plan.policy.upgrade_url, None);
}

#[tokio::test]
async fn a_plan_allows_less_than_a_proxy_of_its_own_app() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let (plan, proxy) = (control.plans(&ada, app).await.expect("works")[0].id, world.openai_proxy(&ada, app).await);
    let view = control.plan_access(&ada, plan, proxy).await.expect("works");
    assert_eq!(view.proxy.at, PlanAtProxy::default());
    let form = PlanAccessForm {
        scope: AccessScope::Chosen,
        endpoints: vec!["POST /v1/chat/completions".to_owned()],
        models: "gpt-4o-mini".to_owned(),
        ..PlanAccessForm::default()
    };
    control.save_plan_access(&ada, plan, proxy, (&form, Some(&view.proxy.at))).await.expect("saved");
    let at = control.plan(&ada, plan).await.expect("works").proxies.remove(0).at;
    assert_eq!((at.endpoints.as_ref().map(|names| names.len()), at.body.models.len()), (Some(1), 1));
    let late = control.save_plan_access(&ada, plan, proxy, (&PlanAccessForm::default(), Some(&view.proxy.at))).await;
    is_conflict(late, "in the meantime");
    control.save_plan_access(&ada, plan, proxy, (&PlanAccessForm::default(), Some(&at))).await.expect("saved");
    assert!(control.plan(&ada, plan).await.expect("works").plan.policy.proxies.is_empty(), "all is no entry");
    let other_app = control.create_app(&ada, "Other").await.expect("created");
    let elsewhere = world.openai_proxy(&ada, other_app).await;
    let refused = control.save_plan_access(&ada, plan, elsewhere, (&form, None)).await;
    assert_eq!(refused, Err(ControlError::NotFound));
    assert!(control.plan_access(&ada, plan, elsewhere).await.is_err());
}

#[tokio::test]
async fn customers_are_matched_by_e_mail_only_where_it_was_asked_for() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    assert_eq!(control.plan_rules(&ada, app).await.expect("works").email_link, EmailLink::Off);
    control.set_email_link(&ada, app, EmailLink::On).await.expect("set");
    assert!(control.app_policy(&ada, app).await.expect("works").policy.link_by_email);
}
