//! One seller: what to do there, in order, and the form for what comes of it; or how the connection is.

use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::PurchasesView;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::api::{ConnectPurchases, purchases};
use super::source::{Connected, SourceActions};
use super::words::{Guide, guide, key_step};
use crate::apps::{AppPageHead, app_id};
use crate::error::PageError;
use crate::ui::card::Section;
use crate::ui::copy::CopyLine;
use crate::ui::field::{Field, FieldKind, Select};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::page::Crumb;

#[component]
pub fn SellerPage() -> impl IntoView {
    let id = app_id();
    let params = use_params_map();
    let source = Memo::new(move |_| {
        params.with(|params| {
            params.get("source").and_then(|name| PurchaseSource::named(&name)).ok_or(PageError::NotFound)
        })
    });
    let action = ServerAction::<ConnectPurchases>::new();
    let actions = SourceActions::unsent();
    let resource = Resource::new(
        move || (id.get(), source.get(), actions.changes()),
        |(id, source, _)| async move { Ok((purchases(id?).await?, source?)) },
    );
    loaded(resource, move |(view, source)| {
        let app = view.app_id;
        let between = vec![Crumb::new("Purchases", format!("/apps/{app}/purchases"))];
        let (guide, url) = (guide(source), url_of(&view, source));
        let name = view.app_name.clone();
        let (title, content) = match view.sources.into_iter().find(|connected| connected.source == source) {
            Some(view) => (source.to_string(), view! { <Connected app view url actions/> }.into_any()),
            None => (
                format!("Connect {source}"),
                view! {
                    <Steps source guide url/>
                    <ConnectForm app source guide action/>
                }
                .into_any(),
            ),
        };
        view! {
            <AppPageHead id=app name title lead=guide.what between/>
            <div class="stack">{content}</div>
        }
        .into_any()
    })
}

fn url_of(view: &PurchasesView, source: PurchaseSource) -> String {
    let mut urls = view.webhook_urls.iter();
    urls.find(|(other, _)| *other == source).map(|(_, url)| url.clone()).unwrap_or_default()
}

#[component]
fn Steps(source: PurchaseSource, guide: &'static Guide, url: String) -> impl IntoView {
    let events = (!guide.events.is_empty()).then(|| {
        let events = guide.events.iter().map(|event| view! { <li><code>{*event}</code></li> }).collect_view();
        view! { <ul class="event-list">{events}</ul> }
    });
    view! {
        <Section title=format!("At {source}")>
            <ol class="panel guide">
                <li><span class="step-mark" aria-hidden="true">"1"</span><div><p>{key_step(source)}</p></div></li>
                <li>
                    <span class="step-mark" aria-hidden="true">"2"</span>
                    <div>
                        <p>{guide.webhook_step}</p>
                        <CopyLine text=url label="Copy the webhook address"/>
                        {events}
                    </div>
                </li>
                <li><span class="step-mark" aria-hidden="true">"3"</span><div><p>{guide.user_step}</p></div></li>
            </ol>
        </Section>
    }
    .into_any()
}

#[component]
fn ConnectForm(
    app: AppId,
    source: PurchaseSource,
    guide: &'static Guide,
    action: ServerAction<ConnectPurchases>,
) -> impl IntoView {
    let error = FormError::of(action);
    let modes = vec![("test", "Test: nobody pays real money"), ("live", "Live: real money")];
    view! {
        <Section title="In Keyward" lead="The key is tried at once; what it may not read is named. It is sealed, and never shown again.">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["mode", "key", "webhook_secret"]/>
                    <input type="hidden" name="app" value=app.to_string()/>
                    <input type="hidden" name="source" value=source.name()/>
                    <Select name="mode" label="Mode" error choices=modes value="test"/>
                    <Field name="key" label=guide.key_label kind=FieldKind::Secret error placeholder=guide.key_example/>
                    <Field name="webhook_secret" label=guide.secret_label kind=FieldKind::Secret error optional=true hint=guide.secret_hint/>
                    <div><SubmitButton pending=pending(action)>{format!("Connect {source}")}</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
