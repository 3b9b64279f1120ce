//! Everything about a proxy that can be changed. One form, one save: a change of address and key belong together.

use keyward_domain::catalogue;
use keyward_domain::validate::{parse_rule_lines, rule_lines};
use keyward_domain::view::ProxyView;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{DeleteProxy, SaveProxy, proxy_settings};
use super::connection::{ConnectionSection, OwnershipSection};
use super::connection_api::{SaveConnection, SaveOwnership};
use super::head::{ProxyPageHead, ProxyTitle};
use super::key_fields::{KeyPlacementFields, in_words};
use super::proxy_id;
use crate::error::PageError;
use crate::stored::as_field;
use crate::ui::card::Section;
use crate::ui::confirm::Danger;
use crate::ui::field::{Field, FieldKind, TextArea};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::notice::{Notice, Tone};

const FIELDS: &[&str] = &[
    "name",
    "base_url",
    "placement",
    "placement_name",
    "placement_prefix",
    "key",
    "current_password",
    "allowed_origins",
    "rules",
];

#[component]
pub fn ProxySettingsPage() -> impl IntoView {
    let id = proxy_id();
    let save = ServerAction::<SaveProxy>::new();
    let query = use_query_map();
    let saved = Memo::new(move |_| query.with(|query| query.get("saved").is_some()));
    let (connection, ownership) = (ServerAction::<SaveConnection>::new(), ServerAction::<SaveOwnership>::new());
    let changes = move || [save.version().get(), connection.version().get(), ownership.version().get()];
    let resource = Resource::new(move || (id.get(), changes()), |(id, _)| async move { proxy_settings(id?).await });
    loaded(resource, move |proxy| {
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&proxy) title="Settings"/>
            <div class="stack">
                {move || saved.get().then(|| view! { <Notice tone=Tone::Good>"Saved. The edge follows within seconds."</Notice> })}
                <SettingsForm proxy=proxy.clone() save/>
                <ConnectionSection proxy=proxy.clone() action=connection/>
                <OwnershipSection proxy=proxy.clone() action=ownership/>
                <DeleteForm id=proxy.id.to_string()/>
            </div>
        }
        .into_any()
    })
}

fn check(form: &SaveProxy) -> Result<(), PageError> {
    parse_rule_lines(&form.rules).map(|_| ()).map_err(|error| PageError::refused("rules", error.to_string()))
}

#[component]
fn SettingsForm(proxy: ProxyView, save: ServerAction<SaveProxy>) -> impl IntoView {
    let error = FormError::of(save);
    view! {
        <PostForm action=save check=check class="stack">
            <FormAlert error fields=FIELDS/>
            <input type="hidden" name="id" value=proxy.id.to_string()/>
            <input type="hidden" name="seen" value=as_field(&proxy.updated_at)/>
            <Upstream proxy=proxy.clone() error/>
            <Browsers proxy=proxy.clone() error/>
            <Rules proxy error/>
            <div class="save-bar"><SubmitButton pending=pending(save)>"Save settings"</SubmitButton></div>
        </PostForm>
    }
    .into_any()
}

#[component]
fn Upstream(proxy: ProxyView, error: FormError) -> impl IntoView {
    let is_custom = proxy.provider == "custom";
    let sent = format!("Sent as {}", in_words(&proxy.key_placement));
    let key_hint = match proxy.key_hint {
        Some(hint) => {
            format!("The present key ends in {hint}. Leave empty to keep it; a new base URL needs the key again.")
        }
        None => "There is no key yet.".to_owned(),
    };
    let placement = if is_custom {
        view! { <KeyPlacementFields error now=Some(proxy.key_placement)/> }.into_any()
    } else {
        view! { <p class="muted">{sent}</p> }.into_any()
    };
    view! {
        <Section title="API and key">
            <div class="panel form-width form-stack">
                <Field name="name" label="Name" error value=proxy.name/>
                <Field name="base_url" label="Base URL" kind=FieldKind::Address error value=proxy.base_url/>
                {placement}
                <Field name="key" label="New API key" kind=FieldKind::Secret error hint=key_hint optional=true/>
                <Field name="current_password" label="Your password, to replace the key" kind=FieldKind::CurrentPassword error optional=true/>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Browsers(proxy: ProxyView, error: FormError) -> impl IntoView {
    view! {
        <Section title="Browsers">
            <div class="panel form-width form-stack">
                <TextArea
                    name="allowed_origins" label="Web origins" error rows=3 value=proxy.allowed_origins.join("\n") optional=true
                    placeholder="https://app.example.com" hint="Browsers on these pages may call the proxy. One a line; mobile apps need none."
                />
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Rules(proxy: ProxyView, error: FormError) -> impl IntoView {
    let rows = proxy.rules.len().clamp(4, 16);
    let optional = catalogue::provider(&proxy.provider).map(|known| rule_lines(&known.optional_rules));
    let optional = optional.filter(|lines| !lines.is_empty()).map(|lines| {
        view! {
            <details class="fold">
                <summary>"Endpoints that you may add"</summary>
                <p class="muted">
                    "Realtime endpoints, off by default. A line that begins with WEBSOCKET opens a socket, and nothing else does."
                </p>
                <div class="code-block"><pre tabindex="0" role="region" aria-label="Endpoints that may be added"><code>{lines}</code></pre></div>
            </details>
        }
    });
    view! {
        <Section title="Endpoints" lead="Only what is listed here can be called. One a line.">
            <div class="panel form-stack">
                <TextArea
                    name="rules" label="Allowed endpoints" error rows value=rule_lines(&proxy.rules) optional=true
                    hint="Method, or WEBSOCKET for one; path, then ?name for each query parameter and +name for each header that may pass."
                    placeholder="GET /v1/files/{file_id} ?limit ?after"
                />
                {optional}
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn DeleteForm(id: String) -> impl IntoView {
    let action = ServerAction::<DeleteProxy>::new();
    view! {
        <Section title="Delete">
            <div class="panel form-width">
                <Danger
                    action fields=vec![("id", id)] summary="Delete this proxy"
                    warning="Its address stops answering at once; its key, settings and figures are gone for good."
                />
            </div>
        </Section>
    }
    .into_any()
}
