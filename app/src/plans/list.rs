//! All plans of an app, who is in which, and the form that makes one.

use keyward_domain::ids::AppId;
use keyward_domain::view::{PlanView, PlansView};
use leptos::prelude::*;

use super::api::{CreatePlan, SwapPlans, plans_page};
use super::rules::{RuleActions, RuleSection};
use super::words::plan_summary;
use crate::apps::{AppPageHead, app_id};
use crate::ui::card::Section;
use crate::ui::field::Field;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::icon::{Icon, IconName};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::order::Mover;

const LEAD: &str = "What a class of users may use, over all proxies of the app, and who belongs to it.";

#[component]
pub fn PlansPage() -> impl IntoView {
    let id = app_id();
    let swap = ServerAction::<SwapPlans>::new();
    let rules = RuleActions::unsent();
    let resource = Resource::new(
        move || (id.get(), swap.version().get(), rules.changes()),
        |(id, ..)| async move { plans_page(id?).await },
    );
    loaded(resource, move |(view, doubt)| {
        let app = view.app_id;
        let doubt = doubt.map(|doubt| view! { <Notice tone=Tone::Caution>{doubt}</Notice> });
        view! {
            <AppPageHead id=app name=view.app_name.clone() title="Plans" lead=LEAD/>
            <div class="stack">
                {doubt}
                <PlanList view=view.clone() swap/>
                <RuleSection view=view.clone() actions=rules/>
                <NewPlan app/>
            </div>
        }
        .into_any()
    })
}

#[component]
fn PlanList(view: PlansView, swap: ServerAction<SwapPlans>) -> impl IntoView {
    let app = view.app_id;
    let ids: Vec<String> = view.plans.iter().map(|plan| plan.id.to_string()).collect();
    let pair = |upper: Option<&String>, lower: Option<&String>| {
        Some(vec![("app", app.to_string()), ("upper", upper?.clone()), ("lower", lower?.clone())])
    };
    let rows = view
        .plans
        .iter()
        .enumerate()
        .map(|(at, plan)| {
            let own = ids.get(at);
            let up = at.checked_sub(1).and_then(|before| pair(ids.get(before), own));
            let down = pair(own, ids.get(at + 1));
            let mover = view! { <Mover action=swap what=plan.name.clone() up down/> }.into_any();
            row(plan, mover)
        })
        .collect_view();
    view! {
        <Section title="Plans">
            <FormAlert error=FormError::of(swap)/>
            <ul class="row-list">{rows}</ul>
        </Section>
    }
    .into_any()
}

fn row(plan: &PlanView, mover: AnyView) -> impl IntoView + use<> {
    let badge = plan.is_default.then(|| view! { " "<Badge tone=Tone::Neutral text="For everybody else"/> });
    let href = format!("/apps/{}/plans/{}", plan.app_id, plan.id);
    view! {
        <li class="row panel-link">
            <div class="row-main">
                <h3 class="row-title"><a class="stretched" href=href>{plan.name.clone()}</a>{badge}</h3>
                <p class="muted">{plan_summary(plan)}</p>
            </div>
            <div class="row-end">{mover}<Icon name=IconName::Chevron class="icon-small"/></div>
        </li>
    }
    .into_any()
}

#[component]
fn NewPlan(app: AppId) -> impl IntoView {
    let action = ServerAction::<CreatePlan>::new();
    let error = FormError::of(action);
    view! {
        <Section title="New plan" lead="Then say what it may use, and add a rule for whom it is.">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["name"]/>
                    <input type="hidden" name="app" value=app.to_string()/>
                    <Field name="name" label="Name" error hint="Users may see it when one of its limits is reached."/>
                    <div><SubmitButton pending=pending(action)>"Create plan"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
