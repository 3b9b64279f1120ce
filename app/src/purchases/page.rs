//! Purchases of an app: each seller, and all customers.

use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::{EmailLink, PurchaseSourceView, PurchasesView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::purchases_page;
use super::customers::{CustomerActions, Customers};
use super::words::guide;
use crate::apps::{AppPageHead, app_id};
use crate::plans::rules_api::SetEmailLink;
use crate::stored::word;
use crate::ui::card::Section;
use crate::ui::field::Select;
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::format::{counted, moment};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Tone};
use crate::ui::row::Row;

const LEAD: &str = "What your app’s users buy elsewhere decides their plan, within a second of the payment.";

#[component]
pub fn PurchasesPage() -> impl IntoView {
    let id = app_id();
    let query = use_query_map();
    let search = Memo::new(move |_| query.with(|query| query.get("search").unwrap_or_default()));
    let customers = CustomerActions::unsent();
    let email = ServerAction::<SetEmailLink>::new();
    let resource = Resource::new(
        move || (id.get(), search.get(), customers.changes(), email.version().get()),
        |(id, search, ..)| async move { purchases_page(id?, search).await },
    );
    loaded(resource, move |view| {
        let app = view.purchases.app_id;
        let sellers = PurchaseSource::ALL.map(|source| seller(&view.purchases, source)).collect_view();
        let people = (!view.purchases.sources.is_empty()).then(|| {
            view! {
                <Customers view=view.customers search=view.search actions=customers/>
                <EmailLinkForm app now=view.email_link action=email/>
            }
        });
        view! {
            <AppPageHead id=app name=view.purchases.app_name title="Purchases" lead=LEAD/>
            <div class="stack">
                <Section title="Sellers"><ul class="row-list">{sellers}</ul></Section>
                {people}
            </div>
        }
        .into_any()
    })
}

fn seller(view: &PurchasesView, source: PurchaseSource) -> AnyView {
    let href = format!("/apps/{}/purchases/{}", view.app_id, source.name());
    let connected = view.sources.iter().find(|connected| connected.source == source);
    let (badge, text) = match connected {
        None => (None, guide(source).what.to_owned()),
        Some(view) => {
            let badge = if view.live { (Tone::Good, "Live") } else { (Tone::Neutral, "Test mode") };
            (Some(badge), state(view))
        }
    };
    let badge = badge.map(|(tone, text)| view! { " "<Badge tone text/> });
    let title = view! { {source.title()}{badge} }.into_any();
    let (verb, label) = match connected {
        None => ("Connect", format!("Connect {source}")),
        Some(_) => ("Manage", format!("Manage {source}")),
    };
    let actions = view! { <a class="btn btn-sm" href=href aria-label=label>{verb}</a> }.into_any();
    view! { <Row title actions><p class="muted break">{text}</p></Row> }.into_any()
}

/// What is wrong, before how it goes.
fn state(view: &PurchaseSourceView) -> String {
    let waiting = i64::try_from(view.waiting).unwrap_or(i64::MAX);
    match &view.last_run {
        _ if view.secrets.is_empty() => "No webhook is taken yet: its secret is missing".to_owned(),
        Some(run) if !run.ok => format!("The reconciler failed {}: {}", moment(run.at), run.note),
        Some(_) | None if waiting > 0 => {
            format!("{} still to be read", counted(waiting, "customer is", "customers are"))
        }
        Some(run) => format!("All read; the reconciler ran {}", moment(run.at)),
        None => format!("Connected {}", moment(view.connected_at)),
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
