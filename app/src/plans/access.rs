//! What the users of a plan may call at one proxy.

use keyward_domain::ids::ProxyId;
use keyward_domain::rules::EndpointRule;
use keyward_domain::validate::PlanAccessForm;
use keyward_domain::view::PlanAccessView;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::access_api::{SavePlanAccess, plan_access};
use super::plan_id;
use crate::apps::AppPageHead;
use crate::error::PageError;
use crate::stored::{as_field, word};
use crate::ui::card::{Empty, Section};
use crate::ui::field::{Field, FieldKind, Select, TextArea};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::page::Crumb;

const FIELDS: &[&str] =
    &["scope", "endpoints", "models", "max_output_tokens", "max_choices", "max_messages", "max_chars", "tools"];

#[component]
pub fn PlanAccessPage() -> impl IntoView {
    let plan = plan_id();
    let params = use_params_map();
    let proxy = Memo::new(move |_| {
        params.with(|params| params.get("proxy").and_then(|id| id.parse::<ProxyId>().ok()).ok_or(PageError::NotFound))
    });
    let save = ServerAction::<SavePlanAccess>::new();
    let resource = Resource::new(
        move || (plan.get(), proxy.get()),
        |(plan, proxy)| async move { plan_access(plan?, proxy?).await },
    );
    loaded(resource, move |view| {
        let plan = view.plan.clone();
        let plans = format!("/apps/{}/plans", plan.app_id);
        let between =
            vec![Crumb::new("Plans", plans.clone()), Crumb::new(plan.name.clone(), format!("{plans}/{}", plan.id))];
        let title = format!("{} at {}", plan.name, view.proxy.name);
        view! {
            <AppPageHead
                id=plan.app_id name=plan.app_name title between
                lead="What its users may call, where it is less than the proxy allows. A call must pass both."
            />
            <AccessForm view save/>
        }
        .into_any()
    })
}

#[component]
fn AccessForm(view: PlanAccessView, save: ServerAction<SavePlanAccess>) -> impl IntoView {
    let error = FormError::of(save);
    let form = StoredValue::new(PlanAccessForm::of(&view.proxy.at));
    let scopes = vec![
        ("all", "Every endpoint that the proxy allows"),
        ("chosen", "Only the endpoints chosen here"),
        ("nothing", "Nothing: calls are refused"),
    ];
    let bodies = if view.knows_bodies {
        view! {
            <Section title="Models" lead="Empty: those that the proxy allows.">
                <div class="panel form-width form-stack">
                    <TextArea
                        name="models" label="Allowed models" error rows=4 value=form.with_value(|form| form.models.clone()) optional=true
                        placeholder="gpt-4o-mini" hint="One a line; a * at the end stands for any rest."
                    />
                </div>
            </Section>
            <Section title="Sizes" lead="The smaller of this and the proxy’s own counts. Too long an answer is shortened; too long a request is refused.">
                <div class="panel form-width form-stack"><Sizes form error/></div>
            </Section>
        }
        .into_any()
    } else {
        view! {
            <Section title="Models and sizes">
                <Empty title="The bodies of this API are not known" text="Once a body rule of the proxy names an endpoint, a plan may allow fewer models and smaller sizes there.">
                    <a class="btn" href=format!("/proxies/{}/bodies", view.proxy.id)>"Body rules of the proxy"</a>
                </Empty>
            </Section>
        }
        .into_any()
    };
    view! {
        <PostForm action=save class="stack">
            <FormAlert error fields=FIELDS/>
            <input type="hidden" name="plan" value=view.plan.id.to_string()/>
            <input type="hidden" name="proxy" value=view.proxy.id.to_string()/>
            <input type="hidden" name="seen" value=as_field(&view.proxy.at)/>
            <Section title="Endpoints">
                // The style sheet hides the list where it does not count.
                <div class="panel form-width form-stack scope">
                    <Select name="scope" label="Users of this plan may call" error choices=scopes value=word(&form.with_value(|form| form.scope))/>
                    <Endpoints opened=view.opened form error/>
                </div>
            </Section>
            {bodies}
            <div class="save-bar"><SubmitButton pending=pending(save)>"Save"</SubmitButton></div>
        </PostForm>
    }
    .into_any()
}

#[component]
fn Endpoints(opened: Vec<EndpointRule>, form: StoredValue<PlanAccessForm>, error: FormError) -> impl IntoView {
    let wrong = Memo::new(move |_| error.at("endpoints"));
    let chosen = error.typed_or("endpoints", form.with_value(|form| form.endpoints.join("\n")));
    let boxes = opened
        .iter()
        .map(EndpointRule::name)
        .map(|name| {
            let checked = chosen.lines().any(|line| line == name);
            view! {
                <li><label class="check-line"><input type="checkbox" class="check" name="endpoints[]" value=name.clone() checked=checked/><code class="break">{name.clone()}</code></label></li>
            }
        })
        .collect_view();
    view! {
        <fieldset class="field scope-list" aria-describedby="field-endpoints-note">
            <legend class="field-label">"Endpoints"</legend>
            <div id="field-endpoints-note" class="field-note">
                {move || wrong.get().map(|reason| view! { <p class="field-error">{reason}</p> })}
            </div>
            <ul class="check-list">{boxes}</ul>
        </fieldset>
    }
    .into_any()
}

#[component]
fn Sizes(form: StoredValue<PlanAccessForm>, error: FormError) -> impl IntoView {
    let value = |of: fn(&PlanAccessForm) -> &String| form.with_value(|form| of(form).clone());
    let tools = vec![("any", "Those that the proxy allows"), ("none", "None")];
    view! {
        <div class="field-pair">
            <Field name="max_output_tokens" label="Output tokens" kind=FieldKind::Number error value=value(|form| &form.max_output_tokens) optional=true hint="Of one answer"/>
            <Field name="max_choices" label="Answers at once" kind=FieldKind::Number error value=value(|form| &form.max_choices) optional=true hint="The field n"/>
        </div>
        <div class="field-pair">
            <Field name="max_messages" label="Messages" kind=FieldKind::Number error value=value(|form| &form.max_messages) optional=true hint="In one request"/>
            <Field name="max_chars" label="Characters" kind=FieldKind::Number error value=value(|form| &form.max_chars) optional=true hint="Of all text in one request"/>
        </div>
        <Select name="tools" label="Tools" error choices=tools value=word(&form.with_value(|form| form.tools))/>
    }
    .into_any()
}
