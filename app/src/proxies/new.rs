//! A new proxy: choose the API, then paste its key. The choice is in the address, so it needs no script.

use keyward_domain::catalogue;
use keyward_domain::ids::AppId;
use keyward_domain::provider::Provider;
use keyward_domain::validate::address;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::CreateProxy;
use super::key_fields::KeyPlacementFields;
use crate::apps::adding;
use crate::deployment::Deployment;
use crate::ui::choice::{Choice, ChooseAgain};
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};

#[component]
pub fn NewProxyPage() -> impl IntoView {
    let query = use_query_map();
    let provider =
        Memo::new(move |_| query.with(|query| query.get("provider").and_then(|name| catalogue::provider(&name))));
    adding("Add a proxy", "Which API should your app be able to call?", move |id, deployment| {
        let choices = catalogue::providers().iter().map(|offered| choice(id, offered, provider));
        view! {
            <ul class="choice-grid">{choices.collect_view()}</ul>
            {move || provider.get().map(|provider| view! { <ProviderForm id provider deployment/> })}
        }
        .into_any()
    })
}

fn choice(id: AppId, offered: &'static Provider, provider: Memo<Option<&'static Provider>>) -> impl IntoView {
    let address = offered.addresses.first().filter(|_| offered.base_url.is_empty()).unwrap_or(&offered.base_url);
    let host = address.strip_prefix("https://").map(|address| address.split('/').next().unwrap_or(address));
    let host = host.unwrap_or("Any HTTPS API with a key");
    // A long name may break after its dots.
    let text = host.replace('.', ".\u{200b}");
    let chosen = move || provider.get().is_some_and(|chosen| chosen.name == offered.name);
    let href = format!("/apps/{id}/proxies/new?provider={}", offered.name);
    view! { <Choice href title=offered.title.as_str() text chosen/> }
}

#[component]
fn ProviderForm(id: AppId, provider: &'static Provider, deployment: Deployment) -> impl IntoView {
    let action = ServerAction::<CreateProxy>::new();
    let error = FormError::of(action);
    let is_custom = provider.is_custom();
    let address = match deployment {
        Deployment::Production | Deployment::Development if is_custom => Some(view! {
            <Field name="base_url" label="Base URL" kind=FieldKind::Address error placeholder="https://api.example.com" hint="Where requests go; what your app asks for is added to it."/>
            <KeyPlacementFields error/>
        }.into_any()),
        Deployment::Production | Deployment::Development if !provider.addresses.is_empty() => {
            Some(view! { <OwnAddress provider error/> }.into_any())
        }
        Deployment::Development => {
            let stand_in = format!("http://127.0.0.1:8790/{}", provider.name);
            Some(view! {
                <Field name="base_url" label="Base URL" kind=FieldKind::Address error optional=true placeholder=stand_in hint="In development the emulator may stand in for the API: enter its address, and its own key below (emulator-provider-key-0000)."/>
            }.into_any())
        }
        Deployment::Production => None,
    };
    let begins_with = if is_custom { String::new() } else { provider.title.clone() };
    view! {
        <div class="panel form-width">
            <h2 class="section-title">{provider.title.as_str()}</h2>
            <ChooseAgain href=format!("/apps/{id}/proxies/new")/>
            <PostForm action=action>
                <FormAlert error fields=&["name", "key", "base_url", "placement", "placement_name", "placement_prefix"]/>
                <input type="hidden" name="app" value=id.to_string()/>
                <input type="hidden" name="provider" value=provider.name.as_str()/>
                <Field name="name" label="Name" error value=begins_with hint="Shown only to you"/>
                {address}
                <Field name="key" label="API key" kind=FieldKind::Secret error hint="Sealed at once. It is never shown again, not even to you."/>
                {(!provider.keys_url.is_empty()).then(|| view! {
                    <p class="aside-left"><a class="link" href=provider.keys_url.as_str() rel="external noreferrer" target="_blank">{format!("Where to find it at {}", provider.title)}</a></p>
                })}
                <div><SubmitButton pending=pending(action)>"Add proxy"</SubmitButton></div>
            </PostForm>
        </div>
    }
    .into_any()
}

/// Of a provider whose address has a part of the developer's own, or who has several.
#[component]
fn OwnAddress(provider: &'static Provider, error: FormError) -> impl IntoView {
    let optional = !provider.base_url.is_empty();
    let example = address::example(provider).unwrap_or_default();
    let shapes = provider.addresses.join(" or ");
    let hint = if optional {
        format!("Empty for {}; else {shapes}", provider.base_url)
    } else {
        format!("Your own part of {shapes}")
    };
    view! { <Field name="base_url" label="Base URL" kind=FieldKind::Address error optional placeholder=example hint/> }
        .into_any()
}
