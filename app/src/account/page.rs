//! The account page.

use keyward_domain::view::{MemberView, SessionView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{ChangePassword, RenameAccount, RevokeSession, account};
use super::browser::browser_name;
use crate::layout::SignOutButton;
use crate::ui::card::Section;
use crate::ui::field::{Field, FieldKind, UserName};
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::format::{machine_moment, moment};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::page::PageHead;

#[component]
pub fn AccountPage() -> impl IntoView {
    let rename = ServerAction::<RenameAccount>::new();
    let change = ServerAction::<ChangePassword>::new();
    let revoke = ServerAction::<RevokeSession>::new();
    let query = use_query_map();
    let changed = Memo::new(move |_| query.with(|query| query.get("password").is_some()));
    let resource =
        Resource::new(move || (rename.version().get(), change.version().get(), revoke.version().get()), |_| account());
    loaded(resource, move |(member, sessions)| {
        let email = member.email.clone();
        view! {
            <PageHead title="Account" lead=member.email.clone()/>
            <div class="stack">
                {move || changed.get().then(|| view! { <Notice tone=Tone::Good>"Your password is changed, and every other session has ended."</Notice> })}
                {members_link(member.accounts.len())}
                {member.takes_money.then(billing_link)}
                <AccountName member action=rename/>
                <Password email action=change/>
                <Sessions sessions action=revoke/>
                <Section title="Sign out" lead="Ends the session in this browser."><div><SignOutButton class="btn"/></div></Section>
            </div>
        }
        .into_any()
    })
}

fn members_link(accounts: usize) -> impl IntoView {
    let all = (accounts > 1).then(|| view! { <a class="btn" href="/accounts">"All your accounts"</a> });
    view! {
        <Section title="Members" lead="Who else works in this account, and as what.">
            <div class="submit-row"><a class="btn" href="/account/members">"Open members"</a>{all}</div>
        </Section>
    }
    .into_any()
}

fn billing_link() -> impl IntoView {
    view! {
        <Section title="Billing" lead="Your tier, how much of it is used, and your invoices.">
            <div><a class="btn" href="/account/billing">"Open billing"</a></div>
        </Section>
    }
    .into_any()
}

#[component]
fn AccountName(member: MemberView, action: ServerAction<RenameAccount>) -> impl IntoView {
    let error = FormError::of(action);
    view! {
        <Section title="Account name">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["name"]/>
                    <Field name="name" label="Name" error value=member.account_name hint="Your company’s or your own"/>
                    <div class="submit-row"><SubmitButton pending=pending(action) class="btn">"Save name"</SubmitButton><Saved action=action/></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Password(email: String, action: ServerAction<ChangePassword>) -> impl IntoView {
    let error = FormError::of(action);
    view! {
        <Section title="Password">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["current", "new"]/>
                    <UserName email/>
                    <Field name="current" label="Current password" kind=FieldKind::CurrentPassword error/>
                    <Field name="new" label="New password" kind=FieldKind::NewPassword error hint="At least 8 characters. Every other session ends."/>
                    <div><SubmitButton pending=pending(action) class="btn">"Change password"</SubmitButton></div>
                </PostForm>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Sessions(sessions: Vec<SessionView>, action: ServerAction<RevokeSession>) -> impl IntoView {
    let rows = sessions.into_iter().map(|session| session_row(session, action)).collect_view();
    view! {
        <Section title="Active sessions" lead="Browsers that are signed in as you.">
            <FormAlert error=FormError::of(action)/>
            <ul class="row-list">{rows}</ul>
        </Section>
    }
    .into_any()
}

fn session_row(session: SessionView, action: ServerAction<RevokeSession>) -> impl IntoView {
    let agent = browser_name(&session.user_agent);
    let end = if session.is_current {
        view! { <Badge tone=Tone::Good text="This browser"/> }.into_any()
    } else {
        view! {
            <PostForm action=action class="contents">
                <input type="hidden" name="id" value=session.id.to_string()/>
                <SubmitButton pending=pending(action) class="btn btn-sm">"End session"</SubmitButton>
            </PostForm>
        }
        .into_any()
    };
    view! {
        <li class="row">
            <div class="row-main">
                <p class="row-title" title=session.user_agent.clone()>{agent}</p>
                <p class="muted">
                    "Last seen " <time datetime=machine_moment(session.last_seen_at)>{moment(session.last_seen_at)}</time>
                    ", signed in " <time datetime=machine_moment(session.created_at)>{moment(session.created_at)}</time>
                </p>
            </div>
            {end}
        </li>
    }
    .into_any()
}
