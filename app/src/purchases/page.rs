//! Purchases of an app: each seller, and all customers.

use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::{EmailLink, PurchasesView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::purchases_page;
use super::customers::{CustomerActions, Customers};
use super::source::{Connected, NotConnected, SourceActions};
use crate::apps::{AppPageHead, app_id};
use crate::plans::rules_api::SetEmailLink;
use crate::stored::word;
use crate::ui::card::Section;
use crate::ui::field::Select;
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::loading::loaded;

const LEAD: &str = "What your app’s users buy elsewhere decides their plan, within a second of the payment.";

#[component]
pub fn PurchasesPage() -> impl IntoView {
    let id = app_id();
    let query = use_query_map();
    let search = Memo::new(move |_| query.with(|query| query.get("search").unwrap_or_default()));
    let sources = SourceActions::unsent();
    let customers = CustomerActions::unsent();
    let email = ServerAction::<SetEmailLink>::new();
    let resource = Resource::new(
        move || (id.get(), search.get(), sources.changes(), customers.changes(), email.version().get()),
        |(id, search, ..)| async move { purchases_page(id?, search).await },
    );
    loaded(resource, move |view| {
        let app = view.purchases.app_id;
        let sellers = PurchaseSource::ALL.map(|source| seller(&view.purchases, source, sources)).collect_view();
        let is_connected = !view.purchases.sources.is_empty();
        let people = is_connected.then(|| {
            view! {
                <Customers view=view.customers search=view.search actions=customers/>
                <EmailLinkForm app now=view.email_link action=email/>
            }
        });
        view! {
            <AppPageHead id=app name=view.purchases.app_name title="Purchases" lead=LEAD/>
            <div class="stack">{sellers}{people}</div>
        }
        .into_any()
    })
}

fn seller(view: &PurchasesView, source: PurchaseSource, actions: SourceActions) -> AnyView {
    let app = view.app_id;
    let url = view.webhook_urls.iter().find(|(other, _)| *other == source).map(|(_, url)| url.clone());
    match view.sources.iter().find(|connected| connected.source == source).cloned() {
        Some(view) => view! { <Connected app view url=url.unwrap_or_default() actions/> }.into_any(),
        None => view! { <NotConnected app source/> }.into_any(),
    }
}

#[component]
fn EmailLinkForm(app: AppId, now: EmailLink, action: ServerAction<SetEmailLink>) -> impl IntoView {
    let error = FormError::of(action);
    let choices =
        [(EmailLink::Off, "Nobody’s until linked by hand"), (EmailLink::On, "The user’s of that e-mail address")];
    let choices = choices.map(|(choice, text)| (word(&choice), text.to_owned())).to_vec();
    view! {
        <Section title="Customers without a user" lead="A customer at Stripe or RevenueCat is told apart by the user id that your app gave along.">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["to"]/>
                    <input type="hidden" name="app" value=app.to_string()/>
                    <Select name="to" label="Purchases whose records name no user" error choices value=word(&now) hint="Only an address that the identity provider says it has verified counts. Whoever can open an account there with somebody else’s address gets that person’s plan."/>
                    <div class="submit-row"><SubmitButton pending=pending(action) class="btn">"Save"</SubmitButton><Saved action/></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
