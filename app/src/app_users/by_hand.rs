//! A plan that is set by hand for one user.

use keyward_domain::ids::AppId;
use keyward_domain::view::{AppUserView, DecidedBy, UserPlanView};
use leptos::prelude::*;

use super::plan_api::{ClearPlanOverride, SetPlanOverride};
use crate::ui::card::Section;
use crate::ui::confirm::Removal;
use crate::ui::field::{Field, FieldKind, Select};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::dated_moment;
use crate::ui::notice::{Badge, Tone};
use crate::ui::row::Row;

#[derive(Clone, Copy)]
pub struct HandActions {
    set: ServerAction<SetPlanOverride>,
    clear: ServerAction<ClearPlanOverride>,
}

impl HandActions {
    pub fn unsent() -> Self {
        Self { set: ServerAction::new(), clear: ServerAction::new() }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 2] {
        [self.set.version().get(), self.clear.version().get()]
    }
}

#[component]
pub fn ByHand(view: UserPlanView, actions: HandActions) -> impl IntoView {
    let error = FormError::of(actions.set);
    let app = view.app_id;
    let chosen = view.by_hand.map_or(view.decision.plan.id, |set| set.plan).to_string();
    let now = set_now(&view, actions.clear);
    let choices: Vec<(String, String)> =
        view.plans.iter().map(|plan| (plan.id.to_string(), plan.name.clone())).collect();
    view! {
        <Section title="Set by hand" lead="For a tester, a refund, a friend: it goes before every rule.">
            <FormAlert error=FormError::of(actions.clear)/>
            {now}
            <div class="panel form-width">
                <PostForm action=actions.set after=AfterSuccess::Clear>
                    <FormAlert error fields=&["plan", "until"]/>
                    {named(app, &view.user)}
                    <div class="field-pair">
                        <Select name="plan" label="Plan" error choices value=chosen/>
                        <Field name="until" label="Through" kind=FieldKind::Date error optional=true hint="The last day, in UTC. Empty: until you take it back."/>
                    </div>
                    <div><SubmitButton pending=pending(actions.set) class="btn">"Set plan"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

fn set_now(view: &UserPlanView, clear: ServerAction<ClearPlanOverride>) -> Option<AnyView> {
    let set = view.by_hand?;
    let holds = matches!(view.decision.because, DecidedBy::ByHand { .. });
    let until = match (set.until, holds) {
        (None, _) => "Until you take it back".to_owned(),
        (Some(at), true) => format!("Until {}", dated_moment(at)),
        (Some(at), false) => format!("Ended {}", dated_moment(at)),
    };
    let badge = (!holds).then(|| view! { " "<Badge tone=Tone::Neutral text="Over"/> });
    let title = view! { {view.by_hand_plan.clone()}{badge} }.into_any();
    let fields = vec![
        ("app", view.app_id.to_string()),
        ("issuer", view.user.issuer.to_string()),
        ("sub", view.user.sub.clone()),
    ];
    let actions = view! {
        <Removal action=clear fields summary="Take back" verb="Take it back" warning="From then on the rules decide."/>
    };
    Some(
        view! { <ul class="row-list"><Row title actions=actions.into_any()><p class="muted">{until}</p></Row></ul> }
            .into_any(),
    )
}

fn named(app: AppId, user: &AppUserView) -> impl IntoView + use<> {
    view! {
        <input type="hidden" name="app" value=app.to_string()/>
        <input type="hidden" name="issuer" value=user.issuer.to_string()/>
        <input type="hidden" name="sub" value=user.sub.clone()/>
    }
}
