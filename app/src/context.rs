//! What a server function may take from its request: the session, the visitor's address, and the door to `control`.
//! Every piece is looked up with a typed error, because routes are listed once at start-up without any request.

use std::net::IpAddr;

use http::header::{ACCEPT, USER_AGENT};
use http::request::Parts;
use keyward_control::{Actor, Control, SignedIn};
use keyward_domain::clock::Clock;
use keyward_domain::ids::{AccountId, MemberId};
use leptos::prelude::use_context;
use tower_sessions::Session;

use crate::error::PageError;

/// Session value: the member's id. The store reads it too, to list and revoke sessions.
pub const MEMBER_ID: &str = "member_id";
/// Session value: the member's epoch at the sign-in. The store loads a session only while it is the member's.
const SESSION_EPOCH: &str = "session_epoch";
/// Session value: the account that the session works in.
const ACCOUNT_ID: &str = "account_id";
/// Session value: Unix seconds of the sign-in, from which the session's absolute end is counted.
pub const SIGNED_IN_AT: &str = "signed_in_at";
const USER_AGENT_KEY: &str = "user_agent";
/// Longer ones are cut: the list of sessions shows a line.
const USER_AGENT_LENGTH: usize = 200;

/// The address a request came from, after the trusted reverse proxies; put into the request by the server process.
#[derive(Clone, Copy, Debug)]
pub struct VisitorAddress(pub IpAddr);

fn parts() -> Result<Parts, PageError> {
    use_context::<Parts>().ok_or(PageError::Internal)
}

pub fn control() -> Result<Control, PageError> {
    use_context::<Control>().ok_or(PageError::Internal)
}

pub fn session() -> Result<Session, PageError> {
    parts()?.extensions.get::<Session>().cloned().ok_or(PageError::Internal)
}

pub fn visitor_address() -> Result<IpAddr, PageError> {
    parts()?.extensions.get::<VisitorAddress>().map(|address| address.0).ok_or(PageError::Internal)
}

/// The signed-in member, for every server function that touches an account: the one that the session works in.
pub async fn signed_in() -> Result<(Control, Actor), PageError> {
    let member = whoever_is_signed_in().await?;
    let control = control()?;
    // Never another account in place of one that is lost: what is typed on an open page is for the one it was opened in.
    let actor = match session()?.get::<AccountId>(ACCOUNT_ID).await.map_err(|_| PageError::Internal)? {
        Some(account) => control.actor_in(member, account).await,
        None => control.actor(member).await,
    };
    let actor = actor.map_err(|error| match PageError::from(error) {
        PageError::NotFound => PageError::NoAccount,
        other => other,
    })?;
    Ok((control, actor))
}

/// In the account that a form names, whichever the session has come to work in since.
pub async fn signed_in_to(account: AccountId) -> Result<(Control, Actor), PageError> {
    let (member, control) = (whoever_is_signed_in().await?, control()?);
    let actor = control.actor_in(member, account).await?;
    Ok((control, actor))
}

/// For what needs no account.
pub async fn whoever_is_signed_in() -> Result<MemberId, PageError> {
    signed_in_member().await?.ok_or(PageError::SignedOut)
}

pub async fn signed_in_member() -> Result<Option<MemberId>, PageError> {
    session()?.get::<MemberId>(MEMBER_ID).await.map_err(|_| PageError::Internal)
}

/// Begins a signed-in session under a new id, so that an id planted before the sign-in is worth nothing. `account` is the one
/// to work in; without it, the one joined first.
pub async fn begin_session(signed_in: SignedIn, account: Option<AccountId>) -> Result<(), PageError> {
    let session = session()?;
    let account = match account {
        Some(account) => Some(account),
        None => first_account(signed_in.member_id).await?,
    };
    let clock = use_context::<Clock>().ok_or(PageError::Internal)?;
    end(&session).await?;
    let agent = user_agent()?;
    for (key, value) in [
        (MEMBER_ID, serde_json::json!(signed_in.member_id)),
        (SESSION_EPOCH, serde_json::json!(signed_in.session_epoch)),
        (SIGNED_IN_AT, serde_json::json!(clock.now().unix_timestamp())),
        (USER_AGENT_KEY, serde_json::json!(agent)),
    ] {
        session.insert_value(key, value).await.map_err(|_| PageError::Internal)?;
    }
    if let Some(account) = account {
        session.insert(ACCOUNT_ID, account).await.map_err(|_| PageError::Internal)?;
    }
    // Ending the old session empties it but leaves its id to the next one.
    session.cycle_id().await.map_err(|_| PageError::Internal)
}

async fn first_account(member: MemberId) -> Result<Option<AccountId>, PageError> {
    Ok(control()?.accounts_of(member).await?.first().map(|account| account.id))
}

/// From now on, the session works in this account; whether it may is asked at every request. Other rights, another id.
pub async fn work_in(account: AccountId) -> Result<(), PageError> {
    let session = session()?;
    session.insert(ACCOUNT_ID, account).await.map_err(|_| PageError::Internal)?;
    session.cycle_id().await.map_err(|_| PageError::Internal)
}

pub async fn end_session() -> Result<(), PageError> {
    end(&session()?).await
}

async fn end(session: &Session) -> Result<(), PageError> {
    match session.id() {
        Some(_) => session.flush().await.map_err(|_| PageError::Internal),
        // Nothing was begun, so there is nothing to delete.
        None => Ok(()),
    }
}

fn user_agent() -> Result<String, PageError> {
    let parts = parts()?;
    let text = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(text.chars().filter(|c| !c.is_control()).take(USER_AGENT_LENGTH).collect())
}

/// The browser sent the form itself: there is no JavaScript to show an answer that is not a page.
pub fn is_plain_form_post() -> bool {
    parts().is_ok_and(|parts| {
        parts.method == http::Method::POST
            && parts.headers.get(ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"))
    })
}

/// A cookie's value, where it needs no more care than "one of these words".
pub fn cookie(name: &str) -> Option<String> {
    let parts = parts().ok()?;
    let header = parts.headers.get(http::header::COOKIE)?.to_str().ok()?.to_owned();
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, v)| v.to_owned())
}

/// A path of ours to go to next. Anything else, such as `//evil.example`, becomes `fallback`.
pub fn local_path<'a>(path: &'a str, fallback: &'a str) -> &'a str {
    // A dot or an empty segment is what `//evil.example` can be made of once an address is put in order.
    let before_query = path.split(['?', '#']).next().unwrap_or_default();
    let local = path.starts_with('/')
        && (before_query == "/" || before_query[1..].split('/').all(|segment| !matches!(segment, "" | "." | "..")))
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if local { path } else { fallback }
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn goes_on_only_to_a_path_of_ours() {
        for (path, want) in [
            ("/apps/1?x=2", "/apps/1?x=2"),
            ("", "/apps"),
            ("//evil.example", "/apps"),
            ("/.//evil.example", "/apps"),
            ("/apps/..//evil.example", "/apps"),
            ("/", "/"),
            ("/?from=/a//b", "/?from=/a//b"),
            ("/\\evil.example", "/apps"),
            ("https://evil.example", "/apps"),
            ("/a\r\nSet-Cookie: x", "/apps"),
        ] {
            assert_eq!(local_path(path, "/apps"), want, "{path:?}");
        }
    }
}
