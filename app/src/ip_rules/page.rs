//! From where an app or a proxy may be called.

use keyward_domain::ip_rules::IpAction;
use keyward_domain::place::AddressPlace;
use keyward_domain::view::{AddressRuleView, AddressRulesView, Admits};
use leptos::prelude::*;

use super::api::{PutAddressRule, RemoveAddressRule, address_rules};
use crate::apps::{AppPageHead, app_id};
use crate::error::PageError;
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::stored::as_field;
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Removal;
use crate::ui::field::{Field, Select};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::moment;
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::row::Row;

const LEAD: &str =
    "An address that is denied never gets through. As soon as one is allowed, only those that are can call.";

#[component]
pub fn AppAddressesPage() -> impl IntoView {
    let id = app_id();
    page(Memo::new(move |_| id.get().map(AddressPlace::App)))
}

#[component]
pub fn ProxyAddressesPage() -> impl IntoView {
    let id = proxy_id();
    page(Memo::new(move |_| id.get().map(AddressPlace::Proxy)))
}

fn page(place: Memo<Result<AddressPlace, PageError>>) -> AnyView {
    let put = ServerAction::<PutAddressRule>::new();
    let remove = ServerAction::<RemoveAddressRule>::new();
    let resource = Resource::new(
        move || (place.get(), put.version().get(), remove.version().get()),
        |(place, ..)| async move { address_rules(place?).await },
    );
    loaded(resource, move |view| {
        let head = match view.place {
            AddressPlace::App(id) => {
                view! { <AppPageHead id name=view.app_name.clone() title="Addresses" lead=LEAD/> }.into_any()
            }
            AddressPlace::Proxy(id) => {
                let proxy = ProxyTitle {
                    id,
                    name: view.proxy_name.clone(),
                    app_id: view.app_id,
                    app_name: view.app_name.clone(),
                };
                view! { <ProxyPageHead proxy title="Addresses" lead=LEAD/> }.into_any()
            }
        };
        view! {
            {head}
            <div class="stack">
                <Rules view=view.clone() remove/>
                <NewRule place=view.place put/>
            </div>
        }
        .into_any()
    })
}

#[component]
fn Rules(view: AddressRulesView, remove: ServerAction<RemoveAddressRule>) -> impl IntoView {
    let caution = match view.admits() {
        Admits::Everybody => None,
        Admits::OnlyListed => Some("Only the addresses that are allowed below can call. Everybody else is refused."),
        Admits::Nobody => {
            Some("Nobody can call: every allow rule has expired. Remove them to let everybody call again.")
        }
    };
    let caution = caution.map(|text| view! { <Notice tone=Tone::Caution>{text}</Notice> });
    let place = view.place;
    let list = if view.rules.is_empty() {
        view! { <Empty title="No address rules" text="Calls are taken from every address."/> }.into_any()
    } else {
        let rows = view.rules.into_iter().map(|rule| row(place, rule, remove)).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! {
        <Section title="Rules">
            <FormAlert error=FormError::of(remove)/>
            {caution}
            {list}
        </Section>
    }
    .into_any()
}

fn row(place: AddressPlace, view: AddressRuleView, remove: ServerAction<RemoveAddressRule>) -> impl IntoView {
    let value = as_field(&view.rule);
    let (tone, word) = match view.rule.action {
        IpAction::Allow => (Tone::Good, "Allow"),
        IpAction::Deny => (Tone::Caution, "Deny"),
    };
    let end = match (view.rule.expires_at, view.has_expired) {
        (None, _) => "Holds until it is removed".to_owned(),
        (Some(at), true) => format!("Expired {}", moment(at)),
        (Some(at), false) => format!("Until {}", moment(at)),
    };
    let note = if view.rule.note.is_empty() { end } else { format!("{} · {end}", view.rule.note) };
    let title = view! { {view.rule.network.to_string()}" "<Badge tone text=word/> }.into_any();
    let actions = view! { <Removal action=remove fields=vec![("place", place.to_string()), ("rule", value)]/> };
    view! { <Row title actions=actions.into_any()><p class="muted break">{note}</p></Row> }
}

#[component]
fn NewRule(place: AddressPlace, put: ServerAction<PutAddressRule>) -> impl IntoView {
    let error = FormError::of(put);
    let actions = vec![("deny", "Deny"), ("allow", "Allow, and nobody else")];
    let lasts = vec![
        ("always", "Until it is removed"),
        ("hour", "For an hour"),
        ("day", "For a day"),
        ("week", "For a week"),
        ("month", "For 30 days"),
    ];
    view! {
        <Section title="Add a rule">
            <div class="panel form-width">
                <PostForm action=put after=AfterSuccess::Clear>
                    <FormAlert error fields=&["action", "network", "note", "lasts"]/>
                    <input type="hidden" name="place" value=place.to_string()/>
                    <div class="field-pair">
                        <Select name="action" label="Do" error choices=actions value="deny"/>
                        <Field name="network" label="Address or network" error placeholder="203.0.113.0/24" hint="IPv4 or IPv6"/>
                    </div>
                    <div class="field-pair">
                        <Select name="lasts" label="How long" error choices=lasts value="always"/>
                        <Field name="note" label="Note" error optional=true placeholder="Our office"/>
                    </div>
                    <p class="field-hint">"The first address you allow locks out all others. An allow rule that expires stays in force as a lock: it lets nobody in, and opens to nobody else."</p>
                    <div><SubmitButton pending=pending(put)>"Add rule"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
