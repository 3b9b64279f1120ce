//! The rules of an app, as they are asked: from the top, the first that fits decides.

use keyward_domain::plans::PlanRule;
use keyward_domain::view::PlansView;
use leptos::prelude::*;

use super::rules_api::{RemovePlanRule, SwapPlanRules};
use crate::stored::as_field;
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Removal;
use crate::ui::form::{FormAlert, FormError};
use crate::ui::format::capitalized;
use crate::ui::order::Mover;

const LEAD: &str =
    "Asked from the top: the first rule that fits decides. What you set by hand for a user goes before all of them.";

#[derive(Clone, Copy)]
pub struct RuleActions {
    remove: ServerAction<RemovePlanRule>,
    swap: ServerAction<SwapPlanRules>,
}

impl RuleActions {
    pub fn unsent() -> Self {
        Self { remove: ServerAction::new(), swap: ServerAction::new() }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 2] {
        [self.remove.version().get(), self.swap.version().get()]
    }
}

#[component]
pub fn RuleSection(view: PlansView, actions: RuleActions) -> impl IntoView {
    let new = format!("/apps/{}/plans/rule", view.app_id);
    let default = view.plans.iter().find(|plan| plan.is_default).map(|plan| plan.name.clone()).unwrap_or_default();
    if view.rules.is_empty() {
        let text = format!(
            "Every user is in the plan {default}. A rule puts those who bought something, or whose token says so, in another."
        );
        return view! {
            <Section title="Who is in which plan" lead=LEAD>
                <Empty title="No rules yet" text><a class="btn" href=new>"Add a rule"</a></Empty>
            </Section>
        }
        .into_any();
    }
    let rows = (0..view.rules.len()).map(|at| row(&view, at, actions)).collect_view();
    let add = view! { <a class="btn btn-sm" href=new>"Add a rule"</a> }.into_any();
    view! {
        <Section title="Who is in which plan" lead=LEAD actions=add>
            <FormAlert error=FormError::of(actions.remove)/>
            <FormAlert error=FormError::of(actions.swap)/>
            <ol class="row-list">
                {rows}
                <li class="row">
                    <div class="row-main rule-line">
                        <span class="step-mark" aria-hidden="true">"…"</span>
                        <div>
                            <h3 class="row-title">{default}</h3>
                            <p class="muted">"Everybody else"</p>
                        </div>
                    </div>
                </li>
            </ol>
        </Section>
    }
    .into_any()
}

fn row(view: &PlansView, at: usize, actions: RuleActions) -> impl IntoView + use<> {
    let app = view.app_id;
    let rule = &view.rules[at];
    let pair = |upper: Option<&PlanRule>, lower: Option<&PlanRule>| {
        Some(vec![("app", app.to_string()), ("upper", as_field(upper?)), ("lower", as_field(lower?))])
    };
    let up = at.checked_sub(1).and_then(|before| pair(view.rules.get(before), Some(rule)));
    let down = pair(Some(rule), view.rules.get(at + 1));
    let number = at + 1;
    let change = format!("/apps/{app}/plans/rule?number={number}");
    let fields = vec![("app", app.to_string()), ("rule", as_field(rule))];
    let missing = view.missing_seller(&rule.when).map(|source| {
        let href = format!("/apps/{app}/purchases/{}", source.name());
        view! { <p class="muted">{format!("{source} is not connected, so nobody fits. ")}<a class="link" href=href>"Connect it"</a></p> }
    });
    view! {
        <li class="row">
            <div class="row-main rule-line">
                <span class="step-mark" aria-hidden="true">{number}</span>
                <div>
                    <h3 class="row-title">{view.name_of(rule.plan).to_owned()}</h3>
                    <p class="muted break">{capitalized(&rule.when.in_words())}</p>
                    {missing}
                </div>
            </div>
            <div class="row-actions">
                <Mover action=actions.swap what=format!("rule {number}") up down/>
                <a class="btn btn-sm" href=change>"Change"</a>
                <Removal action=actions.remove fields warning="Whoever it fits is where the next rule that fits puts them."/>
            </div>
        </li>
    }
    .into_any()
}
