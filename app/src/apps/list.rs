//! All apps of the account, and the form that makes one.

use keyward_domain::view::AppSummary;
use leptos::prelude::*;

use super::api::{CreateApp, apps};
use crate::ui::card::{Empty, Section};
use crate::ui::field::Field;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::{count, counted};
use crate::ui::loading::loaded;
use crate::ui::page::PageHead;

#[component]
pub fn AppsPage() -> impl IntoView {
    let list = Resource::new(|| (), |()| apps());
    loaded(list, |apps| {
        let list = if apps.is_empty() {
            view! {
                <Empty
                    title="No apps yet"
                    text="An app stands for one mobile or web app of yours: who signs in to it, and which APIs it may call. Name it below to begin."
                />
            }
            .into_any()
        } else {
            let cards = apps.into_iter().map(|app| view! { <AppCard app/> }).collect_view();
            view! { <ul class="card-grid">{cards}</ul> }.into_any()
        };
        view! {
            <PageHead title="Apps" lead="Each app has its own users, keys and limits."/>
            {list}
            <NewApp/>
        }
        .into_any()
    })
}

#[component]
fn AppCard(app: AppSummary) -> impl IntoView {
    let unit = if app.requests_last_day == 1 { " request in 24 hours" } else { " requests in 24 hours" };
    view! {
        <li class="panel panel-link">
            <h2 class="card-title"><a class="stretched" href=format!("/apps/{}", app.id)>{app.name}</a></h2>
            <p class="muted">
                {counted(app.issuers, "identity provider", "identity providers")} " · " {counted(app.proxies, "proxy", "proxies")}
            </p>
            <p class="card-figure">{count(app.requests_last_day)}<span class="muted">{unit}</span></p>
        </li>
    }
    .into_any()
}

#[component]
fn NewApp() -> impl IntoView {
    let action = ServerAction::<CreateApp>::new();
    let error = FormError::of(action);
    view! {
        <Section title="New app">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["name"]/>
                    <Field name="name" label="Name" error hint="Shown only to you. For example: Recipe chat"/>
                    <div><SubmitButton pending=pending(action)>"Create app"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
