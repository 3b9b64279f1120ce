//! A seller's customers, and who they are among the app's users.

use keyward_domain::ids::{AppId, IssuerId};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::{PurchaserView, PurchasersView};
use leptos::prelude::*;
use leptos_router::location::Url;

use super::customers_api::{LinkPurchaser, ReadPurchaserAgain, UnlinkPurchaser};
use super::items::item;
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::{Confirm, Removal};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::moment;
use crate::ui::notice::{Badge, Tone};
use crate::ui::row::Row;

/// The forms of each row.
#[derive(Clone, Copy)]
pub struct CustomerActions {
    link: ServerAction<LinkPurchaser>,
    unlink: ServerAction<UnlinkPurchaser>,
    read: ServerAction<ReadPurchaserAgain>,
}

impl CustomerActions {
    pub fn unsent() -> Self {
        Self { link: ServerAction::new(), unlink: ServerAction::new(), read: ServerAction::new() }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 3] {
        [self.link.version().get(), self.unlink.version().get(), self.read.version().get()]
    }
}

#[component]
pub fn Customers(view: PurchasersView, search: String, actions: CustomerActions) -> impl IntoView {
    let app = view.app_id;
    let list = if !view.purchasers.is_empty() {
        let rows = view.purchasers.into_iter().map(|customer| row(app, customer, &view.issuers, actions));
        view! { <ul class="row-list">{rows.collect_view()}</ul> }.into_any()
    } else if search.is_empty() {
        view! { <Empty title="No customers yet" text="They show up here with the first webhook about them, or when the reconciler finds them."/> }.into_any()
    } else {
        view! {
            <Empty title="Nobody found" text="No customer, user or e-mail address fits.">
                <a class="btn" href=format!("/apps/{app}/purchases")>"Show all"</a>
            </Empty>
        }
        .into_any()
    };
    let more = view.more.then(|| view! { <p class="muted">"There are more than these: search for them."</p> });
    view! {
        <Section title="Customers" lead="Those without a user first.">
            <form method="get" action=format!("/apps/{app}/purchases") class="search" role="search">
                <input class="input" type="search" name="search" aria-label="Customer, user or e-mail address" placeholder="Customer, user or e-mail address" value=search autocomplete="off" autocapitalize="none" spellcheck="false"/>
                <button class="btn" type="submit">"Search"</button>
            </form>
            <FormAlert error=FormError::of(actions.link)/>
            <FormAlert error=FormError::of(actions.unlink)/>
            <FormAlert error=FormError::of(actions.read)/>
            {list}
            {more}
        </Section>
    }
    .into_any()
}

fn row(
    app: AppId,
    customer: PurchaserView,
    issuers: &[(IssuerId, String)],
    actions: CustomerActions,
) -> impl IntoView + use<> {
    let badge = customer.sub.is_none().then(|| view! { " "<Badge tone=Tone::Caution text="No user"/> });
    let title = view! { {customer.customer_id.clone()}{badge} }.into_any();
    let id = customer.id.to_string();
    let unlink = customer.sub.is_some().then(|| {
        let fields = vec![("id", id.clone())];
        view! {
            <Removal action=actions.unlink fields summary="Unlink" verb="Unlink it" warning="From then on the seller’s records say again who it is."/>
        }
    });
    let link = (!issuers.is_empty()).then(|| link_form(&customer, issuers, actions.link));
    let acts = view! {
        {link}
        {unlink}
        <PostForm action=actions.read class="contents">
            <input type="hidden" name="id" value=id/>
            <SubmitButton pending=pending(actions.read) class="btn btn-sm">"Read again"</SubmitButton>
        </PostForm>
    }
    .into_any();
    let facts = facts(&customer);
    let nobody = nobody_line(&customer);
    let user = user_line(app, &customer);
    let trouble = customer.last_error.map(|error| view! { <p class="field-error">{error}</p> });
    let items = customer.entitlements.into_iter().map(item).collect_view();
    view! {
        <Row title actions=acts>
            {user}
            {nobody}
            <p class="muted break">{facts}</p>
            {trouble}
            <ul class="item-list">{items}</ul>
        </Row>
    }
}

fn facts(customer: &PurchaserView) -> String {
    let read = customer.read_at.map_or_else(|| "not read yet".to_owned(), |at| format!("read {}", moment(at)));
    let named = customer.named_user.as_ref().filter(|_| customer.sub.is_none());
    let named = named.map(|named| format!("the records name {named}"));
    let nothing = (customer.read_at.is_some() && customer.entitlements.is_empty()).then(|| "nothing bought".to_owned());
    let parts = [Some(customer.source.to_string()), customer.email.clone(), named, nothing, Some(read)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What to do where the records name nobody at all.
fn nobody_line(customer: &PurchaserView) -> Option<impl IntoView + use<>> {
    let is_unnamed = customer.sub.is_none() && customer.named_user.is_none() && customer.read_at.is_some();
    let text = match customer.source {
        PurchaseSource::Stripe => {
            "Its records name no user, so what it bought counts for nobody: link a user here, and give Checkout the user’s id as client_reference_id from now on."
        }
        PurchaseSource::RevenueCat => {
            "Bought by somebody who never logged in at RevenueCat, so it counts for nobody: link a user here, and call logIn with the user’s id from now on."
        }
    };
    is_unnamed.then(|| view! { <p>{text}</p> })
}

fn user_line(app: AppId, customer: &PurchaserView) -> Option<impl IntoView + use<>> {
    let (issuer, sub) = customer.issuer.zip(customer.sub.clone())?;
    let href = format!("/apps/{app}/users/user?issuer={issuer}&sub={}", Url::escape(&sub));
    let how = customer.linked_by.map(|how| view! { <span class="muted">{format!(" · {}", how.in_words())}</span> });
    Some(view! { <p class="break">"User "<a class="link" href=href>{sub}</a>{how}</p> })
}

/// Ids of the fields are their own: there is such a form in each row.
fn link_form(
    customer: &PurchaserView,
    issuers: &[(IssuerId, String)],
    action: ServerAction<LinkPurchaser>,
) -> impl IntoView + use<> {
    let options = issuers.iter().map(|(issuer, title)| {
        let chosen = customer.issuer == Some(*issuer);
        view! { <option value=issuer.to_string() selected=chosen>{title.clone()}</option> }
    });
    let options = options.collect_view();
    let (of_issuer, of_sub) = (format!("issuer-{}", customer.id), format!("sub-{}", customer.id));
    let id = customer.id.to_string();
    let summary = if customer.sub.is_some() { "Link another user" } else { "Link a user" };
    view! {
        <Confirm summary>
            <PostForm action class="fold-body">
                <input type="hidden" name="id" value=id/>
                <label for=of_issuer.clone() class="sr-only">"Identity provider"</label>
                <select id=of_issuer name="issuer" class="select">{options}</select>
                <label for=of_sub.clone() class="sr-only">"Id of the user"</label>
                <input id=of_sub name="sub" class="input" type="text" required=true placeholder="User id, as the token’s sub" autocomplete="off" autocapitalize="none" spellcheck="false"/>
                <SubmitButton pending=pending(action) class="btn btn-sm">"Link"</SubmitButton>
            </PostForm>
        </Confirm>
    }
}
