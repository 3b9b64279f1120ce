//! Settings of App Check, with what they would do and did to real calls.

use keyward_domain::policy::AppCheckMode;
use keyward_domain::view::{AppCheckRates, AppCheckView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{SaveAppCheck, app_check};
use crate::apps::{AppPageHead, app_id};
use crate::stored::{as_field, word};
use crate::ui::card::{Empty, Section};
use crate::ui::field::{Field, Select, TextArea};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::count;
use crate::ui::loading::loaded;
use crate::ui::notice::{Notice, Tone};

#[component]
pub fn AppCheckPage() -> impl IntoView {
    let id = app_id();
    let save = ServerAction::<SaveAppCheck>::new();
    let query = use_query_map();
    let saved = Memo::new(move |_| query.with(|query| query.get("saved").is_some()));
    let resource =
        Resource::new(move || (id.get(), save.version().get()), |(id, _)| async move { app_check(id?).await });
    loaded(resource, move |view| {
        view! {
            <AppPageHead id=view.app_id name=view.app_name.clone() title="App Check" lead="Firebase vouches that a call comes from your own app on a genuine device, not from a script with a stolen token."/>
            <div class="stack">
                {move || saved.get().then(|| view! { <Notice tone=Tone::Good>"Saved. The edge follows within seconds."</Notice> })}
                <Rates view=view.clone()/>
                <SettingsForm view save/>
            </div>
        }
        .into_any()
    })
}

#[component]
fn Rates(view: AppCheckView) -> impl IntoView {
    let content = if view.last_week.total() == 0 {
        let text = match view.policy.mode {
            AppCheckMode::Off => "Observe first: calls are then checked and counted, and none is refused.",
            AppCheckMode::Observe | AppCheckMode::Enforce => {
                "As soon as calls arrive, you see here how many of them pass."
            }
        };
        view! { <Empty title="Nothing was checked in the last 7 days" text/> }.into_any()
    } else {
        view! {
            <div class="table-frame" role="region" aria-label="Pass rates" tabindex="0">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"In the last"</th>
                            <th scope="col" class="cell-number">"Passed"</th>
                            <th scope="col" class="cell-number">"Failed"</th>
                            <th scope="col" class="cell-number">"Without a token"</th>
                            <th scope="col" class="cell-number">"Pass rate"</th>
                        </tr>
                    </thead>
                    <tbody>{rates("24 hours", view.last_day)}{rates("7 days", view.last_week)}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! { <Section title="Pass rates">{content}</Section> }.into_any()
}

fn rates(time: &'static str, rates: AppCheckRates) -> impl IntoView {
    let passed = rates.passed_percent().map_or_else(|| "–".to_owned(), |percent| format!("{percent}%"));
    view! {
        <tr>
            <th scope="row">{time}</th>
            <td class="cell-number">{count(rates.passed)}</td>
            <td class="cell-number">{count(rates.failed)}</td>
            <td class="cell-number">{count(rates.missing)}</td>
            <td class="cell-number">{passed}</td>
        </tr>
    }
}

#[component]
fn SettingsForm(view: AppCheckView, save: ServerAction<SaveAppCheck>) -> impl IntoView {
    let error = FormError::of(save);
    let (mode, seen) = (word(&view.policy.mode), as_field(&view.policy));
    let modes = vec![
        ("off", "Off"),
        ("observe", "Observe: count, and let everything through"),
        ("enforce", "Enforce: refuse calls that don’t pass"),
    ];
    view! {
        <Section title="Settings">
            <div class="panel form-width">
                <PostForm action=save>
                    <FormAlert error fields=&["mode", "project_number", "app_ids"]/>
                    <input type="hidden" name="id" value=view.app_id.to_string()/>
                    <input type="hidden" name="seen" value=seen/>
                    <Select name="mode" label="App Check" error choices=modes value=mode/>
                    <Field name="project_number" label="Project number" error value=view.policy.project_number optional=true placeholder="123456789012" hint="In the Firebase console, under Project settings. Not the project’s id."/>
                    <TextArea
                        name="app_ids" label="Apps that may call" error rows=3 value=view.policy.app_ids.join("\n") optional=true
                        placeholder="1:123456789012:ios:0a1b2c3d4e5f" hint="App ids, one a line. Empty: every app of the project."
                    />
                    <p class="field-hint">"Your app sends its token in the header X-Firebase-AppCheck, or after the user’s token with a ~ between them."</p>
                    <div><SubmitButton pending=pending(save)>"Save"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}
