//! Limits, prices and address rules: each change on what is there now, refused by the field's name, or whole.

use keyward_domain::ip_rules::IpAction;
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::place::{AddressPlace, LimitPlace};
use keyward_domain::validate::{AddressRuleForm, Lasts, LimitForm, MAX_LIMITS, PriceForm};
use keyward_domain::view::Admits;

use crate::world::{World, refusal};

pub fn limit_form() -> LimitForm {
    LimitForm {
        measure: Measure::CostMicroUsd,
        window: Window::Month,
        per: Per::Everyone,
        model: String::new(),
        amount: "12.50".to_owned(),
    }
}

pub fn address_form() -> AddressRuleForm {
    AddressRuleForm {
        action: IpAction::Deny,
        network: "198.51.100.0/24".to_owned(),
        note: "A scraper".to_owned(),
        lasts: Lasts::Always,
    }
}

pub fn price_form() -> PriceForm {
    PriceForm {
        provider: "openai".to_owned(),
        model: "my-model".to_owned(),
        input: "0.15".to_owned(),
        output: "0.60".to_owned(),
        cached: "0.075".to_owned(),
        per_request: String::new(),
    }
}

#[tokio::test]
async fn a_limit_stands_where_it_was_put_and_nowhere_else() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let default_plan = control.plans(&ada, app).await.expect("works").remove(0);
    let proxy_limits = control.proxy(&ada, proxy).await.expect("works").policy.limits;
    control.put_limit(&ada, LimitPlace::Plan(default_plan.id), &limit_form()).await.expect("put");
    let plan = control.plan(&ada, default_plan.id).await.expect("works").plan;
    let budget = Limit {
        measure: Measure::CostMicroUsd,
        window: Window::Month,
        per: Per::Everyone,
        model: None,
        amount: 12_500_000,
    };
    assert_eq!(plan.limits(), std::slice::from_ref(&budget));
    assert_eq!(control.app_policy(&ada, app).await.expect("works").policy.limits, []);
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy.limits, proxy_limits);
    control.remove_limit(&ada, LimitPlace::Plan(default_plan.id), &budget).await.expect("removed");
    assert!(control.plan(&ada, default_plan.id).await.expect("works").plan.limits().is_empty());
    control.remove_limit(&ada, LimitPlace::Plan(default_plan.id), &budget).await.expect("gone already");
}

#[tokio::test]
async fn a_refused_limit_changes_nothing() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let place = LimitPlace::App(world.app(&ada).await);
    for (form, field) in [
        (LimitForm { amount: "0".to_owned(), ..limit_form() }, "amount"),
        (LimitForm { window: Window::AtOnce, ..limit_form() }, "window"),
        (LimitForm { model: "a b".to_owned(), ..limit_form() }, "model"),
    ] {
        assert_eq!(refusal(control.put_limit(&ada, place, &form).await).0, field);
    }
    assert_eq!(world.database.count("SELECT count(*) FROM apps WHERE policy <> '{}'").await, 0);
}

#[tokio::test]
async fn of_two_who_add_at_once_both_limits_stand() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let forms: Vec<_> = (0..MAX_LIMITS).map(|n| LimitForm { model: format!("model-{n}"), ..limit_form() }).collect();
    let adding: Vec<_> = forms
        .into_iter()
        .map(|form| {
            let (control, ada) = (control.clone(), ada.clone());
            tokio::spawn(async move { control.put_limit(&ada, LimitPlace::App(app), &form).await })
        })
        .collect();
    for added in adding {
        added.await.expect("no panic").expect("put");
    }
    assert_eq!(control.app_policy(&ada, app).await.expect("works").policy.limits.len(), MAX_LIMITS);
    assert_eq!(refusal(control.put_limit(&ada, LimitPlace::App(app), &limit_form()).await).0, "amount");
}

#[tokio::test]
async fn an_allow_rule_that_has_expired_opens_to_nobody() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let place = AddressPlace::Proxy(world.openai_proxy(&ada, app).await);
    control.put_address_rule(&ada, place, &address_form()).await.expect("put");
    assert_eq!(control.address_rules(&ada, place).await.expect("works").admits(), Admits::Everybody);
    let office = AddressRuleForm {
        action: IpAction::Allow,
        network: "192.0.2.0/24".to_owned(),
        lasts: Lasts::Hour,
        ..address_form()
    };
    control.put_address_rule(&ada, place, &office).await.expect("put");
    let view = control.address_rules(&ada, place).await.expect("works");
    assert_eq!((view.rules.len(), view.admits()), (2, Admits::OnlyListed));
    world.wait(time::Duration::HOUR);
    let view = control.address_rules(&ada, place).await.expect("works");
    assert_eq!((view.rules[1].has_expired, view.admits()), (true, Admits::Nobody));
    control.remove_address_rule(&ada, place, &view.rules[1].rule).await.expect("removed");
    assert_eq!(control.address_rules(&ada, place).await.expect("works").admits(), Admits::Everybody);
    let bad = AddressRuleForm { network: "example.com".to_owned(), ..address_form() };
    assert_eq!(refusal(control.put_address_rule(&ada, place, &bad).await).0, "network");
    assert!(control.address_rules(&ada, AddressPlace::App(app)).await.expect("works").rules.is_empty());
}

#[tokio::test]
async fn prices_are_kept_to_the_micro_dollar() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    control.put_price(&ada, app, &price_form()).await.expect("put");
    control.put_price(&ada, app, &PriceForm { input: "0.20".to_owned(), ..price_form() }).await.expect("changed");
    let prices = control.app_policy(&ada, app).await.expect("works").policy.prices;
    assert_eq!((prices.len(), prices[0].input_per_million, prices[0].cached_per_million), (1, 200_000, Some(75_000)));
    assert_eq!(
        refusal(control.put_price(&ada, app, &PriceForm { output: String::new(), ..price_form() }).await).0,
        "output"
    );
    control.remove_price(&ada, app, &prices[0]).await.expect("removed");
    assert!(control.app_policy(&ada, app).await.expect("works").policy.prices.is_empty());
}
