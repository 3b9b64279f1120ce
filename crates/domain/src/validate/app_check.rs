//! What the App Check form takes: the mode, the Firebase project's number, the apps of it that may call.

use serde::{Deserialize, Serialize};

use super::FieldError;
use crate::policy::{AppCheckMode, AppCheckPolicy};

pub const MAX_APP_IDS: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCheckForm {
    pub mode: AppCheckMode,
    pub project_number: String,
    /// One a line.
    pub app_ids: String,
}

pub fn app_check(form: &AppCheckForm) -> Result<AppCheckPolicy, FieldError> {
    let number = form.project_number.trim();
    let is_number = (4..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_wanted = form.mode != AppCheckMode::Off;
    if !is_number && (is_wanted || !number.is_empty()) {
        return Err(FieldError::new(
            "project_number",
            "enter the project’s number (digits only); it is beside the project’s id in the Firebase console",
        ));
    }
    let mut app_ids: Vec<String> = Vec::new();
    for id in form.app_ids.lines().map(str::trim).filter(|id| !id.is_empty()) {
        if !is_app_id(id, number) {
            return Err(FieldError::new(
                "app_ids",
                format!("{id:?} is no app of this project; an app’s id looks like 1:{number}:ios:0a1b2c3d4e5f"),
            ));
        }
        if app_ids.len() == MAX_APP_IDS {
            return Err(FieldError::new("app_ids", format!("at most {MAX_APP_IDS} apps")));
        }
        if !app_ids.iter().any(|other| other == id) {
            app_ids.push(id.to_owned());
        }
    }
    Ok(AppCheckPolicy { mode: form.mode, project_number: number.to_owned(), app_ids })
}

/// `1:{project number}:{platform}:{hex}`
fn is_app_id(text: &str, project_number: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [version, project, platform, hash] = parts.as_slice() else { return false };
    let filled =
        |part: &str, allowed: fn(&u8) -> bool| (1..=64).contains(&part.len()) && part.as_bytes().iter().all(allowed);
    filled(version, u8::is_ascii_digit)
        && *project == project_number
        && filled(platform, u8::is_ascii_lowercase)
        && filled(hash, u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(mode: AppCheckMode, project_number: &str, app_ids: &str) -> AppCheckForm {
        AppCheckForm { mode, project_number: project_number.to_owned(), app_ids: app_ids.to_owned() }
    }

    #[test]
    fn a_check_needs_its_project() {
        let policy = app_check(&form(AppCheckMode::Enforce, " 123456789012 ", "1:123456789012:ios:0a1b2c\n\n"));
        assert_eq!(policy.expect("fine").app_ids, ["1:123456789012:ios:0a1b2c"]);
        assert!(app_check(&form(AppCheckMode::Off, "", "")).is_ok());
        for (form, field) in [
            (form(AppCheckMode::Enforce, "", ""), "project_number"),
            (form(AppCheckMode::Observe, "my-app-1a2b3", ""), "project_number"),
            (form(AppCheckMode::Off, "my-app-1a2b3", ""), "project_number"),
            (form(AppCheckMode::Enforce, "123456789012", "com.example.app"), "app_ids"),
            (form(AppCheckMode::Enforce, "123456789012", "1:999999999999:ios:0a1b2c"), "app_ids"),
        ] {
            assert_eq!(app_check(&form).expect_err("refused").field, field, "{form:?}");
        }
    }
}
