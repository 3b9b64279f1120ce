//! In the header, for members of several accounts: in which one works, and the way to the others.

use keyward_domain::view::{AccountSummary, MemberView};
use leptos::prelude::*;

use super::api::SwitchAccount;
use crate::ui::form::PlainForm;

#[component]
pub fn AccountSwitcher(member: MemberView) -> impl IntoView {
    let switch = ServerAction::<SwitchAccount>::new();
    let (here, name) = (member.account_id, member.account_name);
    let choice = move |account: AccountSummary| {
        let is_here = account.id == here;
        view! {
            <li>
                <PlainForm action=switch from="/accounts">
                    <input type="hidden" name="account" value=account.id.to_string()/>
                    <button type="submit" class="switcher-choice" aria-current=is_here.then_some("true")>
                        {account.name} <span class="switcher-owner">{account.owner}</span>
                    </button>
                </PlainForm>
            </li>
        }
    };
    let choices = member.accounts.into_iter().map(choice).collect_view();
    view! {
        <details class="switcher">
            <summary class="header-link" title=name.clone()>
                <span class="sr-only">"Account: "</span>{name.clone()}
            </summary>
            <ul class="switcher-list">{choices}<li><a class="switcher-choice" href="/accounts">"All your accounts"</a></li></ul>
        </details>
    }
    .into_any()
}
