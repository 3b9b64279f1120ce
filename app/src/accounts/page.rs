//! All accounts of a member, and the way to one of their own. There for somebody, too, who lost the one they worked in.

use keyward_domain::role::Role;
use keyward_domain::view::AccountSummary;
use leptos::prelude::*;

use super::api::{OpenAccount, SwitchAccount, accounts};
use crate::layout::SignOutButton;
use crate::ui::card::{Empty, Section};
use crate::ui::form::{FormAlert, FormError, PlainForm};
use crate::ui::loading::loaded;
use crate::ui::page::PageHead;

#[component]
pub fn AccountsPage() -> impl IntoView {
    let switch = ServerAction::<SwitchAccount>::new();
    let open = ServerAction::<OpenAccount>::new();
    let resource = Resource::new(|| (), |()| accounts());
    loaded(resource, move |accounts| {
        let owns_one = accounts.iter().any(|account| account.role == Role::Owner);
        let list = if accounts.is_empty() {
            view! { <Empty title="You belong to no account" text="Whoever has one can invite you; or open one of your own below."/> }
                .into_any()
        } else {
            let rows = accounts.into_iter().map(|account| row(account, switch)).collect_view();
            view! { <ul class="row-list">{rows}</ul> }.into_any()
        };
        view! {
            <PageHead title="Your accounts" lead="Each has apps, members and a tier of its own. You work in one at a time."/>
            <div class="stack">
                <FormAlert error=FormError::of(switch)/>
                {list}
                {(!owns_one).then(|| own_account(open))}
                <Section title="Sign out" lead="Ends the session in this browser."><div><SignOutButton class="btn"/></div></Section>
            </div>
        }
        .into_any()
    })
}

fn row(account: AccountSummary, switch: ServerAction<SwitchAccount>) -> impl IntoView {
    view! {
        <li class="row">
            <div class="row-main">
                <h2 class="row-title">{account.name}</h2>
                <p class="muted">{account.role.title()} ", owned by " {account.owner}</p>
            </div>
            <div class="row-end">
                <PlainForm action=switch from="/accounts">
                    <input type="hidden" name="account" value=account.id.to_string()/>
                    <button type="submit" class="btn btn-sm">"Work in it"</button>
                </PlainForm>
            </div>
        </li>
    }
}

fn own_account(open: ServerAction<OpenAccount>) -> impl IntoView {
    view! {
        <Section title="An account of your own" lead="For apps of yours, apart from those of others.">
            <FormAlert error=FormError::of(open)/>
            <div>
                <PlainForm action=open from="/accounts"><button type="submit" class="btn">"Open an account"</button></PlainForm>
            </div>
        </Section>
    }
}
