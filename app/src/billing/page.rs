//! The account's tier: how much of it is used, what the others give, and the way to Stripe.

use keyward_domain::tiers::{Tier, TierName};
use keyward_domain::view::{BillingView, SubscriptionState, SubscriptionView, TierOffer};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{OpenPortal, StartCheckout, billing};
use crate::error::PageError;
use crate::ui::card::{Figure, Section};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::{count, dated_moment};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::page::{Crumb, PageHead};

#[component]
pub fn BillingPage() -> impl IntoView {
    let checkout = ServerAction::<StartCheckout>::new();
    let portal = ServerAction::<OpenPortal>::new();
    let query = use_query_map();
    let paid = Memo::new(move |_| query.with(|query| query.get("paid").is_some()));
    let resource = Resource::new(|| (), |()| async { billing().await?.ok_or(PageError::NotFound) });
    loaded(resource, move |view| {
        let crumbs = vec![Crumb::new("Account", "/account")];
        let lead = format!("Your tier is {}.", view.tier.title);
        view! {
            <PageHead title="Billing" lead crumbs/>
            <div class="stack">
                {move || paid.get().then(|| view! { <Notice tone=Tone::Good>"Thank you. Stripe tells us of the payment; your new tier holds within a few seconds."</Notice> })}
                {(!view.beside.is_empty()).then(|| paid_twice(&view))}
                <ThisMonth view=view.clone()/>
                <Tiers view=view.clone() action=checkout/>
                {view.has_portal.then(|| view! { <Portal subscription=view.subscription.clone() may_pay=view.may_pay action=portal/> })}
            </div>
        }
        .into_any()
    })
}

/// Nothing that was paid for is canceled by itself.
fn paid_twice(view: &BillingView) -> AnyView {
    let others = view.beside.iter().map(|beside| {
        let paid = &beside.subscription;
        format!("{} ({}). {}", paid.tier.tier().title, beside.id, state(paid))
    });
    let others = others.map(|text| view! { <li class="break">{text}</li> }).collect_view();
    let text = format!(
        "You pay for more than one subscription. {} is the one that counts; cancel what is listed here on Stripe’s page, or it is charged again:",
        view.tier.title
    );
    view! { <Notice tone=Tone::Caution>{text}<ul>{others}</ul></Notice> }.into_any()
}

#[component]
fn ThisMonth(view: BillingView) -> impl IntoView {
    let of = |used: u64, most: u64| format!("{} of {}", number(used), number(most));
    let Tier { requests_per_month, apps, members, .. } = view.tier;
    let lead = format!("Requests begin anew on {}.", dated_moment(view.resets_at));
    let logs = view.log_days_from.map(|from| {
        let days = view.tier.log_days;
        format!(
            "Single requests that are older than {days} days stay until {}; with this tier, they are deleted then.",
            dated_moment(from)
        )
    });
    view! {
        <Section title="This month" lead>
            <dl class="figures">
                <Figure label="Requests" value=of(view.requests, requests_per_month)/>
                <Figure label="Apps" value=of(view.apps, apps.into())/>
                <Figure label="Members" value=of(view.members, members.into())/>
            </dl>
            {logs.map(|text| view! { <p class="muted">{text}</p> })}
        </Section>
    }
    .into_any()
}

#[component]
fn Tiers(view: BillingView, action: ServerAction<StartCheckout>) -> impl IntoView {
    let BillingView { tier: own, tiers, may_pay, subscription, .. } = view;
    let is_paying = subscription.is_some();
    let row = move |offer: TierOffer| {
        let tier = offer.tier;
        let is_own = tier.name == own.name;
        let end = if is_own {
            view! { <Badge tone=Tone::Good text="Yours"/> }.into_any()
        } else if offer.can_be_bought && may_pay && !is_paying && tier.name > own.name {
            take(tier.name, &tier.title, action)
        } else {
            ().into_any()
        };
        view! {
            <li class="row">
                <div class="row-main">
                    <h3 class="row-title">{tier.title.clone()}</h3>
                    <p class="muted">{gives(&tier)}</p>
                </div>
                <div class="row-end">{end}</div>
            </li>
        }
    };
    view! {
        <Section title="Tiers" lead="What each has room for. Prices are on Stripe’s page before you pay.">
            <FormAlert error=FormError::of(action)/>
            <ul class="row-list">{tiers.into_iter().map(row).collect_view()}</ul>
        </Section>
    }
    .into_any()
}

fn take(tier: TierName, title: &str, action: ServerAction<StartCheckout>) -> AnyView {
    let text = format!("Take {title}");
    view! {
        <PostForm action=action class="contents">
            <input type="hidden" name="tier" value=tier.name()/>
            <SubmitButton pending=pending(action) class="btn btn-sm">{text}</SubmitButton>
        </PostForm>
    }
    .into_any()
}

#[component]
fn Portal(subscription: Option<SubscriptionView>, may_pay: bool, action: ServerAction<OpenPortal>) -> impl IntoView {
    let lead = match &subscription {
        None => "No subscription is running. Your invoices are at Stripe.".to_owned(),
        Some(paid) => state(paid),
    };
    let form = may_pay.then(|| {
        view! {
            <div>
                <PostForm action=action>
                    <FormAlert error=FormError::of(action)/>
                    <div><SubmitButton pending=pending(action) class="btn">"Open billing at Stripe"</SubmitButton></div>
                </PostForm>
            </div>
        }
    });
    view! { <Section title="Subscription" lead>{form}</Section> }.into_any()
}

/// Changing, canceling and paying again are on Stripe's page.
fn state(paid: &SubscriptionView) -> String {
    let until = paid.paid_until.map(dated_moment);
    let what = match (paid.state, paid.ends) {
        (SubscriptionState::PastDue, _) => {
            return "The last payment failed. Stripe tries again; give it another card to keep your tier.".to_owned();
        }
        (SubscriptionState::Trial, false) => "On trial; paid from",
        (SubscriptionState::Active, false) => "Renews on",
        (SubscriptionState::Trial | SubscriptionState::Active, true) => "Ends on",
    };
    until.map_or_else(|| "Running.".to_owned(), |until| format!("{what} {until}."))
}

fn gives(tier: &Tier) -> String {
    format!(
        "{} requests a month · {} apps · {} · single requests kept for up to {} days",
        number(tier.requests_per_month),
        tier.apps,
        if tier.members == 1 { "1 member".to_owned() } else { format!("{} members", tier.members) },
        tier.log_days
    )
}

fn number(number: u64) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX))
}
