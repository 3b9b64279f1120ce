//! Renaming and deleting an app.

use keyward_domain::view::AppView;
use leptos::prelude::*;

use super::api::{DeleteApp, RenameApp};
use crate::ui::card::Section;
use crate::ui::confirm::Danger;
use crate::ui::field::Field;
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};

#[component]
pub fn AppSettings(app: AppView, rename: ServerAction<RenameApp>) -> impl IntoView {
    let delete = ServerAction::<DeleteApp>::new();
    let rename_error = FormError::of(rename);
    let id = app.id.to_string();
    let same_id = id.clone();
    view! {
        <Section title="Settings">
            <div class="panel form-width">
                <PostForm action=rename>
                    <FormAlert error=rename_error fields=&["name"]/>
                    <input type="hidden" name="id" value=id/>
                    <Field name="name" label="Name" value=app.name error=rename_error/>
                    <div class="submit-row"><SubmitButton pending=pending(rename) class="btn">"Rename"</SubmitButton><Saved action=rename/></div>
                </PostForm>
                <Danger
                    action=delete fields=vec![("id", same_id)] summary="Delete this app"
                    warning="Its proxies stop at once, and their keys, settings and figures are gone for good."
                />
            </div>
        </Section>
    }
    .into_any()
}
