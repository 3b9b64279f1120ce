//! What surrounds every page: the skip link, the header, the footer.

use keyward_domain::notices::AccountNotice;
use keyward_domain::view::MemberView;
use leptos::prelude::*;
use leptos_router::components::Outlet;
use leptos_router::hooks::use_location;

use crate::accounts::AccountSwitcher;
use crate::error::PageError;
use crate::members::api::{SignOut, member};
use crate::theme::ThemeToggle;
use crate::ui::form::{PostForm, SubmitButton, pending};
use crate::ui::notice::{Notice, Tone};

#[component]
pub fn PublicLayout() -> impl IntoView {
    view! {
        <SkipLink/>
        <header class="header">
            <nav class="header-inner" aria-label="Main">
                <Logo href="/"/>
                <div class="header-end">
                    <ThemeToggle/>
                    <a class="btn btn-ghost btn-sm" href="/sign-in">"Sign in"</a>
                    <a class="btn btn-primary btn-sm" href="/sign-up">"Sign up"</a>
                </div>
            </nav>
        </header>
        <main id="content" class="page" tabindex="-1"><Outlet/></main>
        <Footer/>
    }
    .into_any()
}

/// How the addresses of this layout's pages begin.
const SIGNED_IN_PAGES: [&str; 3] = ["/apps", "/proxies", "/account"];

#[component]
pub fn SignedInLayout() -> impl IntoView {
    let path = use_location().pathname;
    // A proxy is a part of an app.
    let here = move |prefixes: &'static [&'static str]| {
        move || path.with(|path| prefixes.iter().any(|prefix| path.starts_with(prefix))).then_some("true")
    };
    // With every page anew: what is to be said of the account changes while somebody is about. Not with the one that comes
    // after signing out, where nobody is there to ask about.
    let page = Memo::new(move |last: Option<&String>| {
        let path = path.get();
        let is_ours = SIGNED_IN_PAGES.iter().any(|prefix| path.starts_with(prefix));
        if is_ours { path } else { last.cloned().unwrap_or(path) }
    });
    let me = Resource::new(move || page.get(), |_| member());
    view! {
        <SkipLink/>
        <header class="header">
            <nav class="header-inner" aria-label="Main">
                <Logo href="/apps"/>
                <a class="header-link" href="/apps" aria-current=here(&["/apps", "/proxies"])>"Apps"</a>
                <Switcher me/>
                <div class="header-end">
                    <ThemeToggle/>
                    <a class="header-link" href="/account" aria-current=here(&["/account"])><MemberName me/></a>
                    <div class="wide-only"><SignOutButton class="btn btn-ghost btn-sm"/></div>
                </div>
            </nav>
        </header>
        <main id="content" class="page" tabindex="-1"><AccountNotices me/><Outlet/></main>
        <Footer/>
    }
    .into_any()
}

type Me = Resource<Result<MemberView, PageError>>;

/// Nothing for members of one account.
#[component]
fn Switcher(me: Me) -> impl IntoView {
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                me.await.ok().filter(|member| member.accounts.len() > 1).map(|member| view! { <AccountSwitcher member/> })
            })}
        </Transition>
    }
    .into_any()
}

/// Nothing where there is nothing to mind.
#[component]
fn AccountNotices(me: Me) -> impl IntoView {
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                let notices = me.await.map(|member| member.notices).unwrap_or_default();
                (!notices.is_empty()).then(|| view! { <div class="banner">{notices.iter().map(notice).collect_view()}</div> })
            })}
        </Transition>
    }
    .into_any()
}

fn notice(notice: &AccountNotice) -> impl IntoView {
    let text = notice.in_words();
    view! {
        <Notice tone=Tone::Caution>
            <p>{text}" "<a class="link" href="/account/billing">"Open billing"</a></p>
        </Notice>
    }
}

#[component]
fn MemberName(me: Me) -> impl IntoView {
    view! {
        <Transition fallback=|| "Account">
            {move || Suspend::new(async move {
                let name = me.await.map_or_else(|_| "Account".to_owned(), |member| member.email);
                view! { <span class="member-name" title=name.clone()>{name.clone()}</span><span class="member-short">"Account"</span> }
            })}
        </Transition>
    }
    .into_any()
}

#[component]
pub fn SignOutButton(class: &'static str) -> impl IntoView {
    let action = ServerAction::<SignOut>::new();
    view! {
        <PostForm action=action class="contents">
            <SubmitButton pending=pending(action) class=class>"Sign out"</SubmitButton>
        </PostForm>
    }
    .into_any()
}

#[component]
fn SkipLink() -> impl IntoView {
    view! { <a class="skip-link" href="#content">"Skip to content"</a> }.into_any()
}

#[component]
fn Logo(href: &'static str) -> impl IntoView {
    view! {
        <a class="logo" href=href>
            <svg class="logo-mark" viewBox="0 0 32 32" aria-hidden="true">
                <rect width="32" height="32" rx="8" fill="currentColor"></rect>
                <path d="M16 6.500l7.5 3v6c0 5-3.2 8.400-7.5 10-4.300-1.600-7.5-5-7.5-10v-6z" class="logo-shield"></path>
                <circle cx="16" cy="14.5" r="2.600" fill="currentColor"></circle>
                <path d="M14.900 16h2.200l.7 4.500h-3.600z" fill="currentColor"></path>
            </svg>
            "Keyward"
        </a>
    }
    .into_any()
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer class="footer-line">
            <p>"Keyward keeps your API keys out of your app."</p>
        </footer>
    }
    .into_any()
}
