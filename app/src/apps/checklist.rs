//! The way from a new app to its first real call. A step is done when what it made is there.

use keyward_domain::view::AppView;
use leptos::prelude::*;

use crate::ui::icon::{Icon, IconName};

struct Step {
    title: &'static str,
    text: &'static str,
    href: Option<String>,
    done: bool,
}

fn steps(app: &AppView, requests: i64) -> [Step; 4] {
    let first_proxy = app.proxies.first().map(|proxy| format!("/proxies/{}", proxy.id));
    let called = requests > 0;
    [
        Step {
            title: "Link your identity provider",
            text: "So that only people who are signed in to your app get through.",
            href: Some(format!("/apps/{}/issuers/new", app.id)),
            done: !app.issuers.is_empty(),
        },
        Step {
            title: "Add a proxy",
            text: "Choose an API and paste its key.",
            href: Some(format!("/apps/{}/proxies/new", app.id)),
            done: !app.proxies.is_empty(),
        },
        Step {
            title: "Send a test request",
            text: "See the API answer through the edge.",
            href: first_proxy.as_ref().map(|href| format!("{href}#test")),
            done: called,
        },
        Step {
            title: "Copy the snippet into your app",
            text: "Two settings of the SDK you already use.",
            href: first_proxy.map(|href| format!("{href}#snippets")),
            done: called && !app.issuers.is_empty(),
        },
    ]
}

#[component]
pub fn Checklist(app: AppView, requests: i64) -> impl IntoView {
    let steps = steps(&app, requests);
    let done = steps.iter().filter(|step| step.done).count();
    if done == steps.len() {
        return ().into_any();
    }
    let total = steps.len();
    let next = steps.iter().position(|step| !step.done);
    let items =
        steps.into_iter().enumerate().map(|(index, step)| item(index, step, next == Some(index))).collect_view();
    view! {
        <section class="panel checklist" aria-labelledby="first-steps">
            <div class="section-head">
                <h2 id="first-steps" class="section-title">"To your first call"</h2>
                <p class="muted">{format!("{done} of {total} done")}</p>
            </div>
            <ol class="checklist-steps">{items}</ol>
        </section>
    }
    .into_any()
}

fn item(index: usize, step: Step, is_next: bool) -> impl IntoView {
    let mark = if step.done {
        view! { <span class="step-mark step-done"><Icon name=IconName::Check class="icon-small"/><span class="sr-only">"Done: "</span></span> }.into_any()
    } else {
        view! { <span class="step-mark" class:step-next=is_next>{index + 1}</span> }.into_any()
    };
    let title = match step.href {
        Some(href) if !step.done => view! { <a class="link" href=href>{step.title}</a> }.into_any(),
        Some(_) | None => step.title.into_any(),
    };
    view! {
        <li class="checklist-step">
            {mark}
            <div>
                <p class="step-title">{title}</p>
                <p class="muted">{step.text}</p>
            </div>
        </li>
    }
    .into_any()
}
