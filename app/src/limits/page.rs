//! The limits of an app and of a proxy.

use keyward_domain::ids::AppId;
use keyward_domain::place::LimitPlace;
use keyward_domain::policy::{AppPolicy, WithoutCounters};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{SaveCounting, app_policy};
use super::list::{LimitActions, LimitSection};
use crate::apps::{AppPageHead, app_id};
use crate::proxies::api::proxy_settings;
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::stored::word;
use crate::ui::card::Section;
use crate::ui::field::{Field, Select};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::notice::{Notice, Tone};

#[component]
pub fn AppLimitsPage() -> impl IntoView {
    let id = app_id();
    let actions = LimitActions::unsent();
    let counting = ServerAction::<SaveCounting>::new();
    let query = use_query_map();
    let saved = Memo::new(move |_| query.with(|query| query.get("saved").is_some()));
    let resource = Resource::new(
        move || (id.get(), actions.changes(), counting.version().get()),
        |(id, ..)| async move { app_policy(id?).await },
    );
    loaded(resource, move |app| {
        let limits = app.policy.limits.clone();
        view! {
            <AppPageHead id=app.id name=app.name title="Limits"/>
            <div class="stack">
                {move || saved.get().then(|| view! { <Notice tone=Tone::Good>"Saved. The edge follows within seconds."</Notice> })}
                <LimitSection
                    place=LimitPlace::App(app.id) limits actions
                    lead="They hold for all proxies of this app together. A budget for everyone is the app’s spending cap."
                    none="Plans and proxies may have limits of their own. One for everyone together caps what this app can cost."
                />
                <Counting id=app.id policy=app.policy action=counting/>
            </div>
        }
        .into_any()
    })
}

#[component]
fn Counting(id: AppId, policy: AppPolicy, action: ServerAction<SaveCounting>) -> impl IntoView {
    let error = FormError::of(action);
    let choices =
        [(WithoutCounters::Refuse, "Refuse calls that have a budget"), (WithoutCounters::Allow, "Let them through")];
    let choices = choices.map(|(choice, text)| (word(&choice), text.to_owned())).to_vec();
    view! {
        <Section title="Counting">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["time_zone", "without_counters"]/>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <Field name="time_zone" label="Time zone" error value=policy.time_zone placeholder="Europe/Berlin" hint="Calendar months begin at midnight there."/>
                    <Select name="without_counters" label="While the shared counters are out of reach for more than a minute" error choices value=word(&policy.without_counters) hint="Budgets are limits of money or tokens. Refusing keeps to them; letting through keeps the app going."/>
                    <div><SubmitButton pending=pending(action) class="btn">"Save"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
pub fn ProxyLimitsPage() -> impl IntoView {
    let id = proxy_id();
    let actions = LimitActions::unsent();
    let resource =
        Resource::new(move || (id.get(), actions.changes()), |(id, _)| async move { proxy_settings(id?).await });
    loaded(resource, move |proxy| {
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&proxy) title="Limits"/>
            <div class="stack">
                <LimitSection
                    place=LimitPlace::Proxy(proxy.id) limits=proxy.policy.limits actions
                    lead="They hold for this proxy, beside those of the app and of the user’s plan."
                    none="Only the limits of the app and of the user’s plan hold here."
                />
            </div>
        }
        .into_any()
    })
}
