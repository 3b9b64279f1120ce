//! Which app users a RevenueCat event concerns.

use serde::Deserialize;

use crate::seller::{Mode, VerifiedEvent, WebhookRefusal};

/// An aliased customer of theirs has few; each is one reading.
const MOST_USERS: usize = 50;
const LONGEST_ID_BYTES: usize = 255;
/// What their SDK calls somebody who did not sign in.
const ANONYMOUS: &str = "$RCAnonymousID:";

#[derive(Deserialize)]
struct Body {
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    app_user_id: Option<String>,
    original_app_user_id: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    transferred_from: Option<Vec<String>>,
    #[serde(default)]
    transferred_to: Option<Vec<String>>,
    environment: Option<String>,
}

/// What the sandbox sells concerns nobody on a live connection: both come to the same address.
pub(super) fn parse(body: &[u8], mode: Mode) -> Result<VerifiedEvent, WebhookRefusal> {
    let Body { event } = serde_json::from_slice(body).map_err(|_| WebhookRefusal::Unintelligible)?;
    if event.id.is_empty() || event.id.len() > LONGEST_ID_BYTES || event.kind.len() > LONGEST_ID_BYTES {
        return Err(WebhookRefusal::Unintelligible);
    }
    let is_sandbox = event.environment.as_deref() == Some("SANDBOX");
    let concerns_nobody = event.kind == "TEST" || (mode.is_live() && is_sandbox);
    let customers = if concerns_nobody { Vec::new() } else { event.users() };
    Ok(VerifiedEvent { id: event.id, kind: event.kind, customers })
}

impl Event {
    /// Signed-in users; who never signed in only where there is nobody else.
    fn users(&self) -> Vec<String> {
        let lists = [&self.aliases, &self.transferred_from, &self.transferred_to].into_iter().flatten().flatten();
        let singles = [&self.app_user_id, &self.original_app_user_id].into_iter().flatten();
        let mut users: Vec<&String> = singles.chain(lists).filter(|user| can_be_asked_for(user)).collect();
        users.sort();
        users.dedup();
        let (anonymous, signed_in): (Vec<&String>, Vec<&String>) =
            users.into_iter().partition(|user| is_anonymous(user));
        let users = if signed_in.is_empty() { anonymous } else { signed_in };
        users.into_iter().take(MOST_USERS).cloned().collect()
    }
}

pub(super) fn is_anonymous(user: &str) -> bool {
    user.starts_with(ANONYMOUS)
}

/// `.` and `..` as a path's segment would ask for something else.
fn can_be_asked_for(user: &str) -> bool {
    (1..=LONGEST_ID_BYTES).contains(&user.len()) && !user.chars().any(char::is_control) && user != "." && user != ".."
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn users(event: &Value, mode: Mode) -> Vec<String> {
        let body = json!({"api_version": "1.0", "event": event}).to_string();
        parse(body.as_bytes(), mode).expect("understood").customers
    }

    #[test]
    fn names_everyone_who_signed_in_once_and_in_order() {
        let event = json!({"id": "e1", "type": "RENEWAL", "app_user_id": "bob", "environment": "PRODUCTION",
            "original_app_user_id": "$RCAnonymousID:1", "aliases": ["bob", "alice", ".."]});
        assert_eq!(users(&event, Mode::Live), ["alice", "bob"]);
        let transfer = json!({"id": "e2", "type": "TRANSFER", "transferred_from": ["old"], "transferred_to": ["new"]});
        assert_eq!(users(&transfer, Mode::Live), ["new", "old"]);
        let nobody = json!({"id": "e3", "type": "RENEWAL", "app_user_id": "$RCAnonymousID:1", "aliases": null});
        assert_eq!(users(&nobody, Mode::Live), ["$RCAnonymousID:1"]);
    }

    #[test]
    fn the_sandbox_concerns_nobody_on_a_live_connection() {
        let event = json!({"id": "e1", "type": "RENEWAL", "app_user_id": "bob", "environment": "SANDBOX"});
        assert_eq!(users(&event, Mode::Live), Vec::<String>::new());
        assert_eq!(users(&event, Mode::Test), ["bob"]);
        assert_eq!(users(&json!({"id": "e1", "type": "TEST", "app_user_id": "bob"}), Mode::Test), Vec::<String>::new());
    }
}
