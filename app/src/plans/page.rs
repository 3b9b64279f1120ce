//! One plan.

use keyward_domain::ids::PlanId;
use keyward_domain::place::LimitPlace;
use keyward_domain::view::PlanView;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::api::{DeletePlan, RenamePlan, plan};
use crate::apps::AppPageHead;
use crate::error::PageError;
use crate::limits::{LimitActions, LimitSection};
use crate::ui::card::Section;
use crate::ui::confirm::Danger;
use crate::ui::field::Field;
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::page::Crumb;

/// The id in the address; anything else is a page that does not exist.
fn plan_id() -> Memo<Result<PlanId, PageError>> {
    let params = use_params_map();
    Memo::new(move |_| {
        params.with(|params| params.get("plan").and_then(|id| id.parse().ok()).ok_or(PageError::NotFound))
    })
}

#[component]
pub fn PlanPage() -> impl IntoView {
    let id = plan_id();
    let limits = LimitActions::unsent();
    let rename = ServerAction::<RenamePlan>::new();
    let resource = Resource::new(
        move || (id.get(), limits.changes(), rename.version().get()),
        |(id, ..)| async move { plan(id?).await },
    );
    loaded(resource, move |plan| {
        let between = vec![Crumb::new("Plans", format!("/apps/{}/plans", plan.app_id))];
        let none = if plan.is_default {
            "Users without another plan have only the limits of the app and of each proxy."
        } else {
            "Users of this plan have only the limits of the app and of each proxy."
        };
        let delete = (!plan.is_default).then(|| view! { <DeleteForm id=plan.id/> });
        view! {
            <AppPageHead id=plan.app_id name=plan.app_name.clone() title=plan.name.clone() between/>
            <div class="stack">
                <LimitSection
                    place=LimitPlace::Plan(plan.id) limits=plan.limits().to_vec() actions=limits none
                    lead="They hold for the users of this plan, over all proxies of the app."
                />
                <Settings plan rename/>
                {delete}
            </div>
        }
        .into_any()
    })
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
                    warning="Its limits end at once; its users are in the default plan from then on."
                />
            </div>
        </Section>
    }
    .into_any()
}
