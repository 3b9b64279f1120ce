//! One plan: whom it is for, what it limits, says and allows.

use keyward_domain::ids::PlanId;
use keyward_domain::place::LimitPlace;
use keyward_domain::validate::{PlanWordsForm, plan_words};
use keyward_domain::view::{PlanPageView, PlanProxyView, PlanView};
use leptos::prelude::*;

use super::api::{DeletePlan, RenamePlan, SavePlanWords, plan};
use super::plan_id;
use super::words::access_lines;
use crate::apps::AppPageHead;
use crate::error::PageError;
use crate::limits::{LimitActions, LimitSection};
use crate::stored::as_field;
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Danger;
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::format::capitalized;
use crate::ui::loading::loaded;
use crate::ui::page::Crumb;
use crate::ui::row::Row;

#[component]
pub fn PlanPage() -> impl IntoView {
    let id = plan_id();
    let limits = LimitActions::unsent();
    let rename = ServerAction::<RenamePlan>::new();
    let words = ServerAction::<SavePlanWords>::new();
    let resource = Resource::new(
        move || (id.get(), limits.changes(), rename.version().get(), words.version().get()),
        |(id, ..)| async move { plan(id?).await },
    );
    loaded(resource, move |view| {
        let plan = view.plan.clone();
        let between = vec![Crumb::new("Plans", format!("/apps/{}/plans", plan.app_id))];
        let none = if plan.is_default {
            "Users without another plan have only the limits of the app and of each proxy."
        } else {
            "Users of this plan have only the limits of the app and of each proxy."
        };
        let delete = (!plan.is_default).then(|| view! { <DeleteForm id=plan.id/> });
        view! {
            <AppPageHead id=plan.app_id name=plan.app_name.clone() title=plan.name.clone() lead=for_whom(&view) between/>
            <div class="stack">
                <LimitSection
                    place=LimitPlace::Plan(plan.id) limits=plan.limits().to_vec() actions=limits none
                    lead="They hold for the users of this plan, over all proxies of the app."
                />
                <Words plan=plan.clone() action=words/>
                <Access plan=plan.clone() proxies=view.proxies/>
                <Settings plan rename/>
                {delete}
            </div>
        }
        .into_any()
    })
}

fn for_whom(view: &PlanPageView) -> String {
    match (view.rules.as_slice(), view.plan.is_default) {
        ([], true) => "For everybody without another plan.".to_owned(),
        ([], false) => "No rule puts users in this plan yet.".to_owned(),
        ([rule], false) => format!("For whoever fits this rule: {rule}."),
        ([first, rest @ ..], is_default) => {
            let more = rest.len();
            let others = if more == 0 { String::new() } else { format!(", and {more} more") };
            let lead = if is_default {
                "For everybody without another plan, and by rule"
            } else {
                "For whoever fits one of its rules"
            };
            capitalized(&format!("{lead}: {first}{others}."))
        }
    }
}

fn check_words(form: &SavePlanWords) -> Result<(), PageError> {
    let form = PlanWordsForm { message: form.message.clone(), upgrade_url: form.upgrade_url.clone() };
    plan_words(&form).map(drop).map_err(|error| PageError::refused(error.field, error.reason))
}

#[component]
fn Words(plan: PlanView, action: ServerAction<SavePlanWords>) -> impl IntoView {
    let error = FormError::of(action);
    let upgrade_url = plan.policy.upgrade_url.clone().unwrap_or_default();
    let now = PlanWordsForm { message: plan.policy.message.clone(), upgrade_url };
    view! {
        <Section title="Message and upgrade link" lead="Sent with the error when a user has reached a limit of this plan, or may not call something.">
            <div class="panel form-width">
                <PostForm action=action check=check_words>
                    <FormAlert error fields=&["message", "upgrade_url"]/>
                    <input type="hidden" name="id" value=plan.id.to_string()/>
                    <input type="hidden" name="seen" value=as_field(&now)/>
                    <Field name="message" label="Message" error value=now.message optional=true placeholder="You have used your free messages for today." hint="At most 300 characters. Empty: only what the edge says itself."/>
                    <Field name="upgrade_url" label="Upgrade link" kind=FieldKind::Address error value=now.upgrade_url optional=true placeholder="https://example.com/upgrade" hint="Where such a user gets more. Your app reads it from the error and from its usage."/>
                    <div class="submit-row"><SubmitButton pending=pending(action) class="btn">"Save"</SubmitButton><Saved action/></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Access(plan: PlanView, proxies: Vec<PlanProxyView>) -> impl IntoView {
    let list = if proxies.is_empty() {
        view! {
            <Empty title="No proxies yet" text="Once the app has a proxy, a plan may allow less of it: fewer endpoints, cheaper models, shorter answers.">
                <a class="btn" href=format!("/apps/{}/proxies/new", plan.app_id)>"Add a proxy"</a>
            </Empty>
        }
        .into_any()
    } else {
        let rows = proxies.into_iter().map(|proxy| access_row(&plan, proxy)).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! {
        <Section title="What it may call" lead="Beside a proxy’s own rules: a plan allows less of it, never more.">{list}</Section>
    }
    .into_any()
}

fn access_row(plan: &PlanView, proxy: PlanProxyView) -> impl IntoView + use<> {
    let href = format!("/apps/{}/plans/{}/proxies/{}", plan.app_id, plan.id, proxy.id);
    let lines = access_lines(&proxy.at).into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let label = format!("Change what {} allows at {}", plan.name, proxy.name);
    let title = view! { {proxy.name}<span class="muted">" · "{proxy.provider_title}</span> }.into_any();
    let actions = view! { <a class="btn btn-sm" href=href aria-label=label>"Change"</a> }.into_any();
    view! { <Row title actions><ul class="muted break">{lines}</ul></Row> }
}

#[component]
fn Settings(plan: PlanView, rename: ServerAction<RenamePlan>) -> impl IntoView {
    let error = FormError::of(rename);
    view! {
        <Section title="Name">
            <div class="panel form-width">
                <PostForm action=rename>
                    <FormAlert error fields=&["name"]/>
                    <input type="hidden" name="id" value=plan.id.to_string()/>
                    <Field name="name" label="Name" error value=plan.name/>
                    <div class="submit-row"><SubmitButton pending=pending(rename) class="btn">"Rename"</SubmitButton><Saved action=rename/></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn DeleteForm(id: PlanId) -> impl IntoView {
    let action = ServerAction::<DeletePlan>::new();
    view! {
        <Section title="Delete">
            <div class="panel form-width">
                <Danger
                    action fields=vec![("id", id.to_string())] summary="Delete this plan"
                    warning="Its limits end at once. Users who were put in it by hand are where the rules put them from then on."
                />
            </div>
        </Section>
    }
    .into_any()
}
