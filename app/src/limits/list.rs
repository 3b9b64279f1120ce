//! The limits of one place, with the form that adds one.

use keyward_domain::limits::Limit;
use keyward_domain::place::LimitPlace;
use leptos::prelude::*;

use super::api::{PutLimit, RemoveLimit};
use super::form::NewLimit;
use super::words;
use crate::stored::as_field;
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Removal;
use crate::ui::form::{FormAlert, FormError};
use crate::ui::format::capitalized;
use crate::ui::row::Row;

#[derive(Clone, Copy)]
pub struct LimitActions {
    put: ServerAction<PutLimit>,
    remove: ServerAction<RemoveLimit>,
}

impl LimitActions {
    pub fn unsent() -> Self {
        Self { put: ServerAction::new(), remove: ServerAction::new() }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 2] {
        [self.put.version().get(), self.remove.version().get()]
    }
}

#[component]
pub fn LimitSection(
    place: LimitPlace,
    limits: Vec<Limit>,
    actions: LimitActions,
    #[prop(into)] lead: String,
    /// What it means that there is none.
    none: &'static str,
) -> impl IntoView {
    let list = if limits.is_empty() {
        view! { <Empty title="No limits here" text=none/> }.into_any()
    } else {
        let rows = limits.into_iter().map(|limit| row(place, &limit, actions.remove)).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! {
        <Section title="Limits and budgets" lead>
            <FormAlert error=FormError::of(actions.remove)/>
            {list}
            <NewLimit place action=actions.put/>
        </Section>
    }
    .into_any()
}

fn row(place: LimitPlace, limit: &Limit, remove: ServerAction<RemoveLimit>) -> impl IntoView + use<> {
    let title = format!("{} {}", words::amount(limit), words::window(limit.window));
    let model = limit.model.as_ref().map(|model| format!(", only for {model}")).unwrap_or_default();
    let whose = format!("{}{model}", capitalized(words::per(limit.per)));
    let fields = vec![("place", place.to_string()), ("limit", as_field(limit))];
    let actions = view! { <Removal action=remove fields/> };
    view! { <Row title=title.into_any() actions=actions.into_any()><p class="muted break">{whose}</p></Row> }
}
