//! Adding a limit.

use keyward_domain::limits::{Measure, Per, Window};
use keyward_domain::place::LimitPlace;
use keyward_domain::validate::{LimitForm, limit};
use leptos::prelude::*;

use super::api::PutLimit;
use super::words;
use crate::error::PageError;
use crate::stored::word;
use crate::ui::field::{Field, Select};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, SubmitButton, pending};

const FIELDS: &[&str] = &["measure", "amount", "window", "per", "model"];

fn check(form: &PutLimit) -> Result<(), PageError> {
    let PutLimit { measure, window, per, ref model, ref amount, .. } = *form;
    let form = LimitForm { measure, window, per, model: model.clone(), amount: amount.clone() };
    limit(&form).map(|_| ()).map_err(|error| PageError::refused(error.field, error.reason))
}

#[component]
pub fn NewLimit(place: LimitPlace, action: ServerAction<PutLimit>) -> impl IntoView {
    let error = FormError::of(action);
    let measures = [
        (Measure::Requests, "Requests"),
        (Measure::TotalTokens, "Tokens, in and out"),
        (Measure::InputTokens, "Input tokens"),
        (Measure::OutputTokens, "Output tokens"),
        (Measure::CostMicroUsd, "US dollars"),
    ];
    let measures = measures.map(|(measure, text)| (word(&measure), text.to_owned())).to_vec();
    let windows = [Window::Second, Window::Minute, Window::Hour, Window::Day, Window::Month, Window::AtOnce];
    let windows = windows.map(|window| (word(&window), words::window(window).to_owned())).to_vec();
    let pers = [Per::User, Per::AnonymousAddress, Per::Everyone];
    let pers = pers.map(|per| (word(&per), words::per(per).to_owned())).to_vec();
    view! {
        <div class="panel form-width">
            <h3 class="card-title">"Add a limit"</h3>
            <PostForm action=action check=check after=AfterSuccess::Clear>
                <FormAlert error fields=FIELDS/>
                <input type="hidden" name="place" value=place.to_string()/>
                <div class="field-pair">
                    <Select name="measure" label="What" error choices=measures value="requests"/>
                    <Field name="amount" label="At most" error placeholder="60" hint="A whole number; for a budget dollars, such as 12.50"/>
                </div>
                <div class="field-pair">
                    <Select name="window" label="In" error choices=windows value="minute"/>
                    <Select name="per" label="For whom" error choices=pers value="user"/>
                </div>
                <Field name="model" label="Only for the model" error optional=true placeholder="gpt-4o*" hint="A * at the end stands for any rest. Empty: for every model."/>
                <p class="field-hint">"A limit of the same kind, time, people and model takes the place of the one before."</p>
                <div><SubmitButton pending=pending(action)>"Add limit"</SubmitButton></div>
            </PostForm>
        </div>
    }
    .into_any()
}
