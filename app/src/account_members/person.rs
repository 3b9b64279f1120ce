//! One of an account's people, and what may be done about them.

use keyward_domain::role::Role;
use keyward_domain::view::{AccountMemberView, AccountMembersView};
use leptos::prelude::*;

use super::page::Actions;
use crate::ui::confirm::{Confirm, Removal, hidden};
use crate::ui::form::{PostForm, SubmitButton, pending};
use crate::ui::format::{day, machine_moment};
use crate::ui::notice::{Badge, Tone};
use crate::ui::row::Row;

pub(super) fn person_row(member: &AccountMemberView, view: &AccountMembersView, actions: Actions) -> AnyView {
    let is_me = member.id == view.me;
    let email = member.email.clone();
    let title = view! { {email} " " {is_me.then(|| view! { <Badge tone=Tone::Good text="You"/> })} };
    // Whoever is it themselves may only be less, and leaves below.
    let may_touch = view.my_role.may_appoint(member.role);
    let fields = vec![("account", view.account.to_string()), ("member", member.id.to_string())];
    let roles: Vec<Role> =
        Role::ALL.into_iter().filter(|role| *role != member.role && view.my_role.may_appoint(*role)).collect();
    let changes = (may_touch && !roles.is_empty()).then(|| role_forms(&roles, &fields, actions));
    let removal = (may_touch && !is_me).then(|| {
        view! {
            <Removal
                action=actions.remove fields=fields.clone() verb="Remove from the account"
                warning="From their next click on, they see and change nothing of this account. Invitations that they sent and nobody accepted end."
            />
        }
    });
    let (role, joined_at) = (member.role.title(), member.joined_at);
    view! {
        <Row title=title.into_any() actions=view! { {changes} {removal} }.into_any()>
            <p class="muted">
                {role} ", since " <time datetime=machine_moment(joined_at)>{day(joined_at)}</time>
            </p>
        </Row>
    }
    .into_any()
}

fn role_forms(roles: &[Role], fields: &[(&'static str, String)], actions: Actions) -> AnyView {
    let form = |role: &Role| {
        let fields = fields.iter().cloned().chain([("role", role.name().to_owned())]).collect();
        let text = format!("Make {}", role.name());
        view! {
            <PostForm action=actions.set_role class="contents">
                {hidden(fields)}
                <SubmitButton pending=pending(actions.set_role) class="btn btn-sm">{text}</SubmitButton>
            </PostForm>
        }
    };
    let forms = roles.iter().map(form).collect_view();
    view! { <Confirm summary="Change role"><div class="fold-body">{forms}</div></Confirm> }.into_any()
}
