//! One rule: a choice of what it asks about, which is in the address, then its form. A rule that is there keeps its kind.

use keyward_domain::ids::AppId;
use keyward_domain::plans::{MAX_GRACE_DAYS, PlanRule, PurchaseSource};
use keyward_domain::validate::{PlanRuleForm, RuleKind, plan_rule};
use keyward_domain::view::{OfferView, PlansView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::plans;
use super::rules_api::PutPlanRule;
use crate::apps::{AppPageHead, app_id};
use crate::error::PageError;
use crate::purchases::api::offers;
use crate::stored::{as_field, word};
use crate::ui::choice::{Choice, ChooseAgain};
use crate::ui::field::{Field, FieldKind, Select};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::loading::loaded;
use crate::ui::page::Crumb;

#[component]
pub fn PlanRulePage() -> impl IntoView {
    let id = app_id();
    let query = use_query_map();
    let kind = Memo::new(move |_| query.with(|query| query.get("kind").and_then(|name| name.parse().ok())));
    let number = Memo::new(move |_| query.with(|query| query.get("number")));
    let put = ServerAction::<PutPlanRule>::new();
    let resource = Resource::new(
        move || (id.get(), number.get()),
        |(id, number)| async move {
            let view = plans(id?).await?;
            let place = |number: String| number.parse::<usize>().ok()?.checked_sub(1);
            let known = match number {
                None => None,
                Some(number) => {
                    let rule = place(number).and_then(|place| view.rules.get(place)).cloned();
                    Some(rule.ok_or(PageError::NotFound)?)
                }
            };
            Ok((view, known))
        },
    );
    loaded(resource, move |(view, known)| {
        let app = view.app_id;
        let title = if known.is_some() { "Change a rule" } else { "Add a rule" };
        let between = vec![Crumb::new("Plans", format!("/apps/{app}/plans"))];
        let name = view.app_name.clone();
        let content = match known {
            Some(rule) => {
                let kind = RuleKind::of(&rule.when);
                view! { <RuleForm view kind known=Some(rule) put/> }.into_any()
            }
            None => new_rule(view, kind, put),
        };
        view! {
            <AppPageHead id=app name title lead="Whom does it put in a plan?" between/>
            {content}
        }
        .into_any()
    })
}

fn new_rule(view: PlansView, kind: Memo<Option<RuleKind>>, put: ServerAction<PutPlanRule>) -> AnyView {
    let app = view.app_id;
    let view = StoredValue::new(view);
    let choices = RuleKind::all().into_iter().map(|offered| choice(app, offered, kind)).collect_view();
    view! {
        <ul class="choice-grid">{choices}</ul>
        {move || kind.get().map(|kind| view! { <RuleForm view=view.get_value() kind known=None put/> })}
    }
    .into_any()
}

fn choice(app: AppId, offered: RuleKind, kind: Memo<Option<RuleKind>>) -> impl IntoView {
    let (title, text) = match offered {
        RuleKind::Purchase(PurchaseSource::Stripe) => ("Bought at Stripe", "A price or product, as a subscription"),
        RuleKind::Purchase(PurchaseSource::RevenueCat) => {
            ("Bought in an app store", "An entitlement or product of RevenueCat")
        }
        RuleKind::Claim => ("Says so in the token", "A claim that your identity provider sets"),
        RuleKind::Anonymous => ("Never signed in", "Anonymous users of any identity provider"),
    };
    let href = format!("/apps/{app}/plans/rule?kind={offered}");
    view! { <Choice href title text chosen=move || kind.get() == Some(offered)/> }
}

fn shown(kind: RuleKind) -> &'static [&'static str] {
    match kind {
        RuleKind::Purchase(_) => &["plan", "name", "trials", "grace_days"],
        RuleKind::Claim => &["plan", "claim", "value"],
        RuleKind::Anonymous => &["plan"],
    }
}

fn check(form: &PutPlanRule) -> Result<(), PageError> {
    let PutPlanRule { plan, kind, name, trials, grace_days, claim, value, .. } = form.clone();
    let form = PlanRuleForm { plan, kind, name, trials, grace_days, claim, value };
    plan_rule(&form).map(drop).map_err(|error| PageError::refused(error.field, error.reason))
}

#[component]
fn RuleForm(view: PlansView, kind: RuleKind, known: Option<PlanRule>, put: ServerAction<PutPlanRule>) -> impl IntoView {
    let error = FormError::of(put);
    let app = view.app_id;
    // Somebody with a rule to add has made a plan for it: the newest one, most likely.
    let first = view.plans.iter().rev().find(|plan| !plan.is_default).or(view.plans.first()).map(|plan| plan.id);
    let form = match (&known, first) {
        (Some(rule), _) => PlanRuleForm::of(rule),
        (None, Some(first)) => PlanRuleForm::blank(first, kind),
        (None, None) => return ().into_any(),
    };
    let choices: Vec<(String, String)> = view.plans.into_iter().map(|plan| (plan.id.to_string(), plan.name)).collect();
    let again = known.is_none().then(|| view! { <ChooseAgain href=format!("/apps/{app}/plans/rule")/> });
    let save = if known.is_some() { "Save rule" } else { "Add rule" };
    view! {
        <div class="panel form-width">
            <h2 class="section-title">{title(kind)}</h2>
            {again}
            <PostForm action=put check=check>
                <FormAlert error fields=shown(kind)/>
                <input type="hidden" name="app" value=app.to_string()/>
                <input type="hidden" name="kind" value=kind.name()/>
                {known.map(|known| view! { <input type="hidden" name="seen" value=as_field(&known)/> })}
                {fields(app, form.clone(), error)}
                <Select name="plan" label="Is in the plan" error choices value=form.plan.to_string()/>
                <div><SubmitButton pending=pending(put)>{save}</SubmitButton></div>
            </PostForm>
        </div>
    }
    .into_any()
}

fn title(kind: RuleKind) -> String {
    match kind {
        RuleKind::Purchase(source) => format!("Who bought at {source}"),
        RuleKind::Claim => "Whose token says so".to_owned(),
        RuleKind::Anonymous => "Who never signed in".to_owned(),
    }
}

fn fields(app: AppId, form: PlanRuleForm, error: FormError) -> AnyView {
    match form.kind {
        RuleKind::Purchase(source) => view! { <PurchaseFields app source form error/> }.into_any(),
        RuleKind::Claim => view! {
            <div class="field-pair">
                <Field name="claim" label="Claim" error value=form.claim placeholder="app_metadata.plan" hint="Dots lead into objects. Never a claim that users can edit."/>
                <Field name="value" label="Is" error value=form.value placeholder="pro" hint="In the same case; of a list, one of its items. true and 3 are written so."/>
            </div>
        }
        .into_any(),
        RuleKind::Anonymous => view! {
            <p class="muted">"They cost nothing to make: give their plan a limit per address. An identity provider that refuses anonymous users goes on refusing them."</p>
        }
        .into_any(),
    }
}

#[component]
fn PurchaseFields(app: AppId, source: PurchaseSource, form: PlanRuleForm, error: FormError) -> impl IntoView {
    let (label, example, hint) = match source {
        PurchaseSource::Stripe => ("Price or product", "price_1Pq…", "Its id at Stripe: price_… or prod_…"),
        PurchaseSource::RevenueCat => {
            ("Entitlement or product", "pro", "Its identifier at RevenueCat, such as pro or com.example.pro.monthly")
        }
    };
    let trials = vec![("count", "Counts as bought"), ("do_not_count", "Does not count")];
    let grace = format!(
        "While a payment has failed and is tried again, at most {MAX_GRACE_DAYS}. Empty: the plan ends at once."
    );
    view! {
        <Field name="name" label error value=form.name placeholder=example hint list=OFFERS/>
        <Offers app source/>
        <div class="field-pair">
            <Select name="trials" label="A trial" error choices=trials value=word(&form.trials)/>
            <Field name="grace_days" label="Days of grace" kind=FieldKind::Number error value=form.grace_days optional=true hint=grace/>
        </div>
    }
    .into_any()
}

const OFFERS: &str = "offers";

/// What the seller has, as suggestions. Asked for by the page that is alive: one that waits for a seller would not come.
#[component]
fn Offers(app: AppId, source: PurchaseSource) -> impl IntoView {
    let known = RwSignal::new(Vec::<OfferView>::new());
    Effect::new(move || {
        leptos::task::spawn_local(async move {
            if let Ok(found) = offers(app, source).await {
                known.set(found);
            }
        });
    });
    let options = move || {
        let offers = known.get().into_iter();
        offers.map(|offer| view! { <option value=offer.name>{offer.title}</option> }).collect_view()
    };
    view! { <datalist id=OFFERS>{options}</datalist> }.into_any()
}
