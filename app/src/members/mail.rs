//! The page that says a mail is on its way, and in development the mail itself.

use keyward_domain::view::DevMailView;
use leptos::prelude::*;

use super::api::dev_mails;
use super::sign_up::SendAgain;
use crate::deployment::{Deployment, deployment};
use crate::ui::card::Empty;
use crate::ui::format::{machine_moment, moment};
use crate::ui::loading::loaded;
use crate::ui::page::PageHead;

#[component]
pub fn CheckYourMailPage() -> impl IntoView {
    let deployed = Resource::new(|| (), |()| deployment());
    view! {
        <div class="narrow">
            <PageHead title="Check your mail" lead="If the address is right, a message is on its way. The link in it takes you on; it can take a minute to arrive."/>
            {loaded(deployed, |deployed| match deployed {
                Deployment::Development => view! {
                    <a class="btn btn-primary btn-block" href="/dev/mail">"Open the development mailbox"</a>
                }.into_any(),
                Deployment::Production => ().into_any(),
            })}
            <SendAgain/>
            <p class="aside"><a class="link" href="/sign-in">"Back to sign in"</a></p>
        </div>
    }
    .into_any()
}

#[component]
pub fn DevMailPage() -> impl IntoView {
    let mails = Resource::new(|| (), |()| dev_mails());
    loaded(mails, |mails| {
        let list = if mails.is_empty() {
            view! { <Empty title="No mail yet" text="Messages that would be sent in production are kept here."/> }
                .into_any()
        } else {
            let items = mails.into_iter().map(|mail| view! { <Mail mail/> }).collect_view();
            view! { <ol class="mail-list">{items}</ol> }.into_any()
        };
        view! {
            <PageHead title="Development mailbox" lead="Nothing is sent in development. Newest first."/>
            {list}
        }
        .into_any()
    })
}

#[component]
fn Mail(mail: DevMailView) -> impl IntoView {
    view! {
        <li class="panel">
            <h2 class="mail-subject">{mail.subject}</h2>
            <p class="muted">
                "To " {mail.recipient} " · "
                <time datetime=machine_moment(mail.created_at)>{moment(mail.created_at)}</time>
            </p>
            <p class="mail-body">{with_links(&mail.body)}</p>
        </li>
    }
    .into_any()
}

/// Words that are addresses become links.
fn with_links(text: &str) -> Vec<AnyView> {
    text.split_inclusive(char::is_whitespace)
        .map(|piece| {
            let word = piece.trim_end();
            let blank = piece[word.len()..].to_owned();
            if word.starts_with("http://") || word.starts_with("https://") {
                let (href, text) = (word.to_owned(), word.to_owned());
                view! { <a class="link" rel="external" href=href>{text}</a>{blank} }.into_any()
            } else {
                piece.to_owned().into_any()
            }
        })
        .collect()
}
