//! Nobody pays twice by two tabs; whoever does all the same keeps the better subscription and is told which to cancel.

use keyward_domain::tiers::TierName;
use serde_json::json;

use crate::paying::Paying;
use crate::shop::subscription;

#[tokio::test]
async fn of_several_pages_of_checkout_only_the_newest_can_be_paid_on() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    let page = paying.control.start_checkout(&paying.actor, TierName::Scale).await.expect("a page");
    assert!(page.as_str().ends_with("/cs_2"));
    assert_eq!(paying.world.shop.open_pages(), ["cs_2"]);
    let (one, other) = tokio::join!(
        paying.control.start_checkout(&paying.actor, TierName::Pro),
        paying.control.start_checkout(&paying.actor, TierName::Pro)
    );
    let (one, other) = (one.expect("a page"), other.expect("a page"));
    let open = paying.world.shop.open_pages();
    assert_eq!(open.len(), 1, "of two tabs at once one is left");
    assert!([one, other].iter().any(|page| page.as_str().ends_with(&format!("/{}", open[0]))));
}

#[tokio::test]
async fn whoever_pays_on_another_page_meanwhile_is_taken_to_the_portal_and_the_new_page_is_closed() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    paying.world.shop.pays_when_a_page_opens("cus_own");
    let page = paying.control.start_checkout(&paying.actor, TierName::Scale).await.expect("a page");
    assert_eq!(page.host_str(), Some("billing.stripe.com"));
    assert!(paying.world.shop.open_pages().is_empty());
}

#[tokio::test]
async fn who_still_owes_for_a_subscription_is_not_sold_another() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    paying.world.shop.sells("cus_own", "past_due");
    paying.event("evt_1").await.expect("taken");
    paying.world.wait(time::Duration::days(90));
    paying.event("evt_2").await.expect("taken");
    assert_eq!(paying.tier().await, TierName::Free, "the grace is over");
    let page = paying.control.start_checkout(&paying.actor, TierName::Pro).await.expect("a page");
    assert_eq!(page.host_str(), Some("billing.stripe.com"));
}

#[tokio::test]
async fn of_two_subscriptions_the_better_counts_and_the_page_names_the_other_until_it_is_canceled() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    let named = |id: &str, price: &str, status: &str| {
        let mut subscription = subscription("cus_own", status);
        subscription["id"] = json!(id);
        subscription["items"]["data"][0]["price"]["id"] = json!(price);
        subscription
    };
    let ending = {
        let mut ending = named("sub_ending", "price_pro", "active");
        ending["cancel_at_period_end"] = json!(true);
        ending
    };
    let pro = named("sub_pro", "price_pro", "active");
    for (number, (subscriptions, tier, beside)) in [
        (vec![pro.clone(), named("sub_scale", "price_scale", "active")], TierName::Scale, vec!["sub_pro"]),
        (vec![named("sub_newer", "price_pro", "active"), pro.clone()], TierName::Pro, vec!["sub_newer"]),
        (vec![pro.clone(), named("sub_unpaid", "price_pro", "past_due")], TierName::Pro, vec!["sub_unpaid"]),
        (vec![ending, pro.clone()], TierName::Pro, vec![]),
        (vec![named("sub_over", "price_scale", "canceled"), pro], TierName::Pro, vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        paying.world.shop.sets_subscriptions("cus_own", subscriptions);
        paying.event(&format!("evt_{number}")).await.expect("taken");
        let view = paying.control.billing(&paying.actor).await.expect("there").expect("money is taken");
        let told: Vec<&str> = view.beside.iter().map(|beside| beside.id.as_str()).collect();
        assert_eq!((view.tier.name, told), (tier, beside), "{number}");
    }
    let ended = paying.world.shop.asked().into_iter().filter(|path| path.contains("/subscriptions/")).count();
    assert_eq!(ended, 0, "nothing that was paid for is canceled by us");
}
