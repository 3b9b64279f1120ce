//! Renaming and deleting an app, and how long its requests are kept.

use keyward_domain::log_days::LogDays;
use keyward_domain::validate;
use keyward_domain::view::AppView;
use leptos::prelude::*;

use super::api::{DeleteApp, RenameApp, SetUsageRetention};
use crate::error::PageError;
use crate::ui::card::Section;
use crate::ui::confirm::Danger;
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::format::dated_moment;

#[component]
pub fn AppSettings(
    app: AppView,
    rename: ServerAction<RenameApp>,
    retention: ServerAction<SetUsageRetention>,
) -> impl IntoView {
    let delete = ServerAction::<DeleteApp>::new();
    let rename_error = FormError::of(rename);
    let id = app.id.to_string();
    let same_id = id.clone();
    let retention_error = FormError::of(retention);
    let days = app.usage_retention_days.to_string();
    let hint = days_hint(app.usage_retention_days, app.log_days);
    view! {
        <Section title="Settings">
            <div class="panel form-width">
                <PostForm action=rename>
                    <FormAlert error=rename_error fields=&["name"]/>
                    <input type="hidden" name="id" value=id/>
                    <Field name="name" label="Name" value=app.name error=rename_error/>
                    <div class="submit-row"><SubmitButton pending=pending(rename) class="btn">"Rename"</SubmitButton><Saved action=rename/></div>
                </PostForm>
                <PostForm action=retention check=check_days>
                    <FormAlert error=retention_error fields=&["days"]/>
                    <input type="hidden" name="id" value=app.id.to_string()/>
                    <Field name="days" label="Days to keep single requests" kind=FieldKind::Number value=days error=retention_error hint/>
                    <div class="submit-row"><SubmitButton pending=pending(retention) class="btn">"Save days"</SubmitButton><Saved action=retention/></div>
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

fn check_days(form: &SetUsageRetention) -> Result<(), PageError> {
    validate::retention_days(&form.days).map(|_| ()).map_err(|error| PageError::refused(error.field, error.reason))
}

fn days_hint(asked: i32, tier: Option<LogDays>) -> String {
    let room = tier.map_or(validate::MAX_RETENTION_DAYS, |tier| i32::try_from(tier.days).unwrap_or(i32::MAX));
    let held = match tier {
        Some(LogDays { days, from: Some(from) }) if asked > room => {
            format!(" Your tier keeps {days}: from {} on, older ones are deleted.", dated_moment(from))
        }
        Some(LogDays { days, from: None }) if asked > room => {
            format!(" Your tier keeps {days}, and that is what holds.")
        }
        Some(_) | None => String::new(),
    };
    format!(
        "1 to {room}. Older ones are deleted within the hour, for good; sums by the hour stay for the charts.{held}"
    )
}
