//! The developer's own keys, among which calls are shared out.

use keyward_domain::ids::ProxyId;
use keyward_domain::view::PoolKeyView;
use leptos::prelude::*;

use super::api::{AddKey, ChangeKey, RemoveKey, RevokeByokKeys, SetByok, SetFallback};
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::{Confirm, Removal};
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::moment;
use crate::ui::notice::{Badge, Tone};
use crate::ui::row::Row;

#[derive(Clone, Copy)]
pub struct KeyActions {
    pub add: ServerAction<AddKey>,
    pub change: ServerAction<ChangeKey>,
    pub remove: ServerAction<RemoveKey>,
    pub byok: ServerAction<SetByok>,
    pub revoke: ServerAction<RevokeByokKeys>,
    pub fallback: ServerAction<SetFallback>,
}

impl KeyActions {
    pub fn unsent() -> Self {
        Self {
            add: ServerAction::new(),
            change: ServerAction::new(),
            remove: ServerAction::new(),
            byok: ServerAction::new(),
            revoke: ServerAction::new(),
            fallback: ServerAction::new(),
        }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 6] {
        [
            self.add.version().get(),
            self.change.version().get(),
            self.remove.version().get(),
            self.byok.version().get(),
            self.revoke.version().get(),
            self.fallback.version().get(),
        ]
    }
}

#[component]
pub fn Pool(id: ProxyId, keys: Vec<PoolKeyView>, actions: KeyActions) -> impl IntoView {
    let list = if keys.is_empty() {
        view! { <Empty title="No key of yours" text="Only users who bring their own key can call this proxy."/> }
            .into_any()
    } else {
        let rows = keys.into_iter().map(|key| row(id, key, actions)).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! {
        <Section title="Your keys" lead="Calls are shared out by weight. A key that the API refuses or throttles rests for a while, and the others take its calls.">
            <FormAlert error=FormError::of(actions.change)/>
            <FormAlert error=FormError::of(actions.remove)/>
            {list}
            <NewKey id action=actions.add/>
        </Section>
    }
    .into_any()
}

fn row(id: ProxyId, key: PoolKeyView, actions: KeyActions) -> impl IntoView {
    let title = if key.label.is_empty() { "Key".to_owned() } else { key.label.clone() };
    let state = match (key.weight, key.last_refusal) {
        (0, _) => view! { <Badge tone=Tone::Neutral text="Not used"/> },
        (_, Some(_)) => view! { <Badge tone=Tone::Caution text="Was refused"/> },
        (_, None) => view! { <Badge tone=Tone::Good text="In use"/> },
    };
    let refusal = key.last_refusal.map(|refusal| {
        let text = format!("The API last refused it {} with status {}.", moment(refusal.at), refusal.status);
        view! { <p class="muted">{text}</p> }
    });
    let same_key = vec![("id", id.to_string()), ("key", key.id.to_string())];
    let heading = view! { {title}" "<code>{key.hint.to_string()}</code>" "{state} };
    let added = format!("Weight {} · added {}", key.weight, moment(key.created_at));
    let buttons = view! {
        <Confirm summary="Change">
            <PostForm action=actions.change class="fold-body row-form">
                <input type="hidden" name="id" value=id.to_string()/>
                <input type="hidden" name="key" value=key.id.to_string()/>
                <input class="input input-label" name="label" aria-label="Label" placeholder="Label" value=key.label autocomplete="off"/>
                <input class="input input-number" name="weight" aria-label="Weight" inputmode="numeric" value=key.weight.to_string() autocomplete="off"/>
                <SubmitButton pending=pending(actions.change) class="btn btn-sm">"Save"</SubmitButton>
            </PostForm>
        </Confirm>
        <Removal
            action=actions.remove fields=same_key
            warning="Gone for good. Objects made with it may be out of reach if it is of another account at the API."
        />
    };
    view! {
        <Row title=heading.into_any() actions=buttons.into_any()>
            <p class="muted">{added}</p>
            {refusal}
        </Row>
    }
}

#[component]
fn NewKey(id: ProxyId, action: ServerAction<AddKey>) -> impl IntoView {
    let error = FormError::of(action);
    view! {
        <div class="panel form-width">
            <h3 class="card-title">"Add a key"</h3>
            <PostForm action=action after=AfterSuccess::Clear>
                <FormAlert error fields=&["label", "key", "weight", "current_password"]/>
                <input type="hidden" name="id" value=id.to_string()/>
                <div class="field-pair">
                    <Field name="label" label="Label" error optional=true placeholder="Second quota"/>
                    <Field name="weight" label="Weight" kind=FieldKind::Number error value="1" hint="Twice the weight, twice the calls; 0 for none"/>
                </div>
                <Field name="key" label="API key" kind=FieldKind::Secret error hint="Of the same account at the API as the others: users’ files and threads belong to it."/>
                <Field name="current_password" label="Your password" kind=FieldKind::CurrentPassword error/>
                <div><SubmitButton pending=pending(action)>"Add key"</SubmitButton></div>
            </PostForm>
        </div>
    }
    .into_any()
}
