//! What one user has bought, as the seller last said.

use keyward_domain::view::{EmailLink, PurchaseView};
use leptos::prelude::*;

use crate::purchases::item;
use crate::ui::card::{Empty, Section};
use crate::ui::format::moment;

#[component]
pub fn Purchases(purchases: Vec<PurchaseView>, email_link: EmailLink) -> impl IntoView {
    let note = match email_link {
        EmailLink::Off => None,
        EmailLink::On => Some(view! {
            <p class="field-hint">"Customers without a user who have this user’s verified e-mail address count too; only a token tells the address."</p>
        }),
    };
    let several = (purchases.len() > 1).then(|| {
        let text = "Several customers are this user, and whatever any of them has counts. One that is somebody else can be unlinked under the app’s purchases.";
        view! { <p class="field-hint">{text}</p> }
    });
    let list = if purchases.is_empty() {
        view! { <Empty title="Nothing bought" text="No customer at Stripe or RevenueCat is linked to this user."/> }
            .into_any()
    } else {
        let rows = purchases.into_iter().map(row).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! { <Section title="Purchases">{list}{several}{note}</Section> }.into_any()
}

fn row(purchase: PurchaseView) -> impl IntoView {
    let linked = purchase.linked_by.map(|how| format!("linked {}", how.in_words()));
    let read = match (purchase.read_at, purchase.last_error) {
        (_, Some(error)) => Some(format!("could not be read: {error}")),
        (Some(at), None) => Some(format!("read {}", moment(at))),
        (None, None) => Some("not read yet".to_owned()),
    };
    let facts: Vec<String> = [Some(purchase.source.to_string()), linked, read].into_iter().flatten().collect();
    let items = if purchase.entitlements.is_empty() {
        view! { <p class="muted">"No purchases"</p> }.into_any()
    } else {
        let items = purchase.entitlements.into_iter().map(item).collect_view();
        view! { <ul class="item-list">{items}</ul> }.into_any()
    };
    view! {
        <li class="row">
            <div class="row-main">
                <h3 class="row-title">{purchase.customer_id}</h3>
                <p class="muted break">{facts.join(" · ")}</p>
                {items}
            </div>
        </li>
    }
    .into_any()
}
