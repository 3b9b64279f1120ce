//! The members page.

use keyward_domain::role::Role;
use keyward_domain::view::AccountMembersView;
use leptos::prelude::*;

use super::api::{Invite, LeaveAccount, RemoveMember, ResendInvitation, SetRole, WithdrawInvitation, account_members};
use super::invite::{InviteForm, invitation_row};
use super::person::person_row;
use crate::ui::card::Section;
use crate::ui::confirm::Danger;
use crate::ui::form::{FormAlert, FormError};
use crate::ui::loading::loaded;
use crate::ui::page::{Crumb, PageHead};

/// The forms on this page; the page is fetched anew when one of them did something.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub invite: ServerAction<Invite>,
    pub resend: ServerAction<ResendInvitation>,
    pub withdraw: ServerAction<WithdrawInvitation>,
    pub set_role: ServerAction<SetRole>,
    pub remove: ServerAction<RemoveMember>,
}

#[component]
pub fn AccountMembersPage() -> impl IntoView {
    let actions = Actions {
        invite: ServerAction::new(),
        resend: ServerAction::new(),
        withdraw: ServerAction::new(),
        set_role: ServerAction::new(),
        remove: ServerAction::new(),
    };
    let leave = ServerAction::<LeaveAccount>::new();
    let changes = move || {
        let invited =
            (actions.invite.version().get(), actions.resend.version().get(), actions.withdraw.version().get());
        (invited, actions.set_role.version().get(), actions.remove.version().get())
    };
    let resource = Resource::new(changes, |_| account_members());
    loaded(resource, move |view| content(view, actions, leave))
}

fn content(view: AccountMembersView, actions: Actions, leave: ServerAction<LeaveAccount>) -> AnyView {
    let crumbs = vec![Crumb::new("Account", "/account")];
    let lead = format!("Who works in {}, and what they may do there.", view.account_name);
    let account = view.account.to_string();
    let people = view.members.iter().map(|member| person_row(member, &view, actions)).collect_view();
    view! {
        <PageHead title="Members" lead crumbs/>
        <div class="stack">
            <Section title="People" lead=roles_in_words(view.my_role)>
                <FormAlert error=FormError::of(actions.set_role)/>
                <FormAlert error=FormError::of(actions.remove)/>
                <ul class="row-list">{people}</ul>
            </Section>
            <Invitations view=view.clone() actions/>
            {view.my_role.may_edit().then(|| view! { <InviteForm view=view.clone() action=actions.invite/> })}
            <Section title="Leave">
                <Danger
                    action=leave fields=vec![("account", account)] summary="Leave this account"
                    warning="You see and change nothing of it any more, until somebody invites you again. Invitations that you sent and nobody accepted end."
                    verb="Leave the account"
                />
            </Section>
        </div>
    }
    .into_any()
}

fn roles_in_words(mine: Role) -> &'static str {
    match mine {
        Role::Owner => {
            "Owners may do everything. Admins all but make and remove owners. Viewers see everything but secrets."
        }
        Role::Admin => {
            "You are an admin: you may do all but make and remove owners. Viewers see everything but secrets."
        }
        Role::Viewer => "You are a viewer: you see everything but secrets, and change nothing. Owners and admins do.",
    }
}

#[component]
fn Invitations(view: AccountMembersView, actions: Actions) -> impl IntoView {
    // What was refused stays in sight when the last one is gone.
    let alerts = view! {
        <FormAlert error=FormError::of(actions.resend)/>
        <FormAlert error=FormError::of(actions.withdraw)/>
    };
    if view.invitations.is_empty() {
        return alerts.into_any();
    }
    let rows = view.invitations.iter().map(|invitation| invitation_row(invitation, &view, actions)).collect_view();
    view! {
        <Section title="Invitations" lead="Sent by mail, and not accepted yet.">
            {alerts}
            <ul class="row-list">{rows}</ul>
        </Section>
    }
    .into_any()
}
