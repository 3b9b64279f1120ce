//! The list of users, with a search that is in the address, so that it needs no script.

use keyward_domain::ids::{AppId, IssuerId};
use keyward_domain::view::{AppUserSearch, AppUserView, AppUsersShown, AppUsersView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::location::Url;

use super::api::{UnblockUser, app_users};
use super::revoking::{BlockSomebody, RevokeAll, UserActions};
use crate::apps::{AppPageHead, app_id};
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::Confirm;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::moment;
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Tone};

const REVOKED: &str = "revoked";

#[component]
pub fn AppUsersPage() -> impl IntoView {
    let id = app_id();
    let query = use_query_map();
    let search = Memo::new(move |_| {
        query.with(|query| AppUserSearch {
            sub: query.get("sub").unwrap_or_default(),
            only: if query.get("only").as_deref() == Some(REVOKED) {
                AppUsersShown::Revoked
            } else {
                AppUsersShown::All
            },
            after: query.get("after").unwrap_or_default(),
        })
    });
    let actions = UserActions::unsent();
    let resource = Resource::new(
        move || (id.get(), search.get(), actions.changes()),
        |(id, search, _)| async move {
            let users = app_users(id?, search.clone()).await?;
            Ok((users, search))
        },
    );
    loaded(resource, move |(view, search)| {
        view! {
            <AppPageHead id=view.app_id name=view.app_name.clone() title="Users" lead="Everybody who has called with a token of yours. A block holds within seconds, for streams under way too."/>
            <div class="stack">
                <Users view=view.clone() search actions/>
                <BlockSomebody app=view.app_id issuers=view.issuers action=actions.block/>
                <RevokeAll app=view.app_id since=view.tokens_not_before action=actions.revoke_all/>
            </div>
        }
        .into_any()
    })
}

#[component]
fn Users(view: AppUsersView, search: AppUserSearch, actions: UserActions) -> impl IntoView {
    let app = view.app_id;
    let narrowed = !search.sub.is_empty() || search.only != AppUsersShown::All || !search.after.is_empty();
    let list = if view.users.is_empty() && narrowed {
        nobody(&view, &search)
    } else if view.users.is_empty() {
        view! { <Empty title="No users yet" text="They show up here with their first call."/> }.into_any()
    } else {
        let rows = view.users.into_iter().map(|user| row(app, user, actions)).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    let next = view.next.map(|after| {
        let only = match search.only {
            AppUsersShown::All => "",
            AppUsersShown::Revoked => REVOKED,
        };
        let href =
            format!("/apps/{app}/users?sub={}&only={only}&after={}", Url::escape(&search.sub), Url::escape(&after));
        view! { <div><a class="btn btn-sm" href=href>"Next page"</a></div> }
    });
    view! {
        <Section title="Users">
            <SearchForm app search/>
            <FormAlert error=FormError::of(actions.unblock)/>
            <FormAlert error=FormError::of(actions.revoke)/>
            {list}
            {next}
        </Section>
    }
    .into_any()
}

/// Who has not called has a page too.
fn nobody(view: &AppUsersView, search: &AppUserSearch) -> AnyView {
    let app = view.app_id;
    let sub = search.sub.trim().to_owned();
    let issuers = if sub.is_empty() { Vec::new() } else { view.issuers.clone() };
    let links = issuers.into_iter().map(move |(issuer, title)| {
        let text = format!("Open {sub} of {title}");
        view! { <a class="btn break" href=user_page(app, issuer, &sub)>{text}</a>" " }
    });
    view! {
        <Empty title="Nobody found" text="No user of this app fits. One who has not called yet can be opened by the whole user id.">
            {links.collect_view()}
            <a class="btn" href=format!("/apps/{app}/users")>"Show all"</a>
        </Empty>
    }
    .into_any()
}

fn user_page(app: AppId, issuer: IssuerId, sub: &str) -> String {
    format!("/apps/{app}/users/user?issuer={issuer}&sub={}", Url::escape(sub))
}

#[component]
fn SearchForm(app: AppId, search: AppUserSearch) -> impl IntoView {
    let only_revoked = search.only == AppUsersShown::Revoked;
    view! {
        <form method="get" action=format!("/apps/{app}/users") class="search" role="search">
            <input class="input" type="search" name="sub" aria-label="A part of the user id" placeholder="A part of the user id" value=search.sub autocomplete="off" autocapitalize="none" spellcheck="false"/>
            <label class="search-option"><input type="checkbox" name="only" value=REVOKED checked=only_revoked/>" Only blocked or revoked"</label>
            <button class="btn" type="submit">"Search"</button>
        </form>
    }
    .into_any()
}

fn row(app: AppId, user: AppUserView, actions: UserActions) -> impl IntoView {
    let seen = user.last_seen_at.map_or_else(|| "never called".to_owned(), |at| format!("last call {}", moment(at)));
    let revoked = user.tokens_not_before.map(|at| format!(" · tokens from before {} are refused", moment(at)));
    let badge = user.blocked_at.map(|_| view! { " "<Badge tone=Tone::Caution text="Blocked"/> });
    let since = user.blocked_at.map(|at| format!(" · blocked {}", moment(at)));
    let href = user_page(app, user.issuer, &user.sub);
    let (sub, issuer_title, same) = (user.sub.clone(), user.issuer_title.clone(), user.clone());
    let block = if user.blocked_at.is_some() {
        view! { <Unblock app user action=actions.unblock/> }.into_any()
    } else {
        view! {
            <Confirm summary="Block">
                <PostForm action=actions.block class="fold-body">
                    <Named app user/>
                    <SubmitButton pending=pending(actions.block) class="btn btn-sm btn-error">"Block this user"</SubmitButton>
                </PostForm>
            </Confirm>
        }
        .into_any()
    };
    view! {
        <li class="row">
            <div class="row-main">
                <h3 class="row-title"><a class="link-quiet" href=href>{sub}</a>{badge}</h3>
                <p class="muted">{issuer_title}" · "{seen}{since}{revoked}</p>
            </div>
            <div class="row-actions">
                {block}
                <Confirm summary="Revoke tokens">
                    <PostForm action=actions.revoke class="fold-body">
                        <Named app user=same/>
                        <p class="muted">"The tokens this user has now are refused; a new sign-in gets a new one."</p>
                        <SubmitButton pending=pending(actions.revoke) class="btn btn-sm btn-error">"Revoke them"</SubmitButton>
                    </PostForm>
                </Confirm>
            </div>
        </li>
    }
    .into_any()
}

#[component]
fn Unblock(app: AppId, user: AppUserView, action: ServerAction<UnblockUser>) -> impl IntoView {
    view! {
        <PostForm action class="contents">
            <Named app user/>
            <SubmitButton pending=pending(action) class="btn btn-sm">"Unblock"</SubmitButton>
        </PostForm>
    }
    .into_any()
}

/// Whom a form is about.
#[component]
fn Named(app: AppId, user: AppUserView) -> impl IntoView {
    view! {
        <input type="hidden" name="app" value=app.to_string()/>
        <input type="hidden" name="issuer" value=user.issuer.to_string()/>
        <input type="hidden" name="sub" value=user.sub/>
    }
    .into_any()
}
