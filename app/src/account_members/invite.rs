//! Inviting somebody, and what becomes of invitations that are open.

use keyward_domain::role::Role;
use keyward_domain::validate::EmailAddress;
use keyward_domain::view::{AccountMembersView, InvitationView, MemberRoom};
use leptos::prelude::*;

use super::api::Invite;
use super::page::Actions;
use crate::error::PageError;
use crate::ui::card::Section;
use crate::ui::confirm::{Removal, hidden};
use crate::ui::field::{Field, FieldKind, Select};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::format::{capitalized, dated_moment, machine_moment};
use crate::ui::notice::{Badge, Notice, Tone};
use crate::ui::row::Row;

fn check(form: &Invite) -> Result<(), PageError> {
    EmailAddress::parse(&form.email).map(drop).map_err(|error| PageError::refused("email", error.to_string()))
}

#[component]
pub(super) fn InviteForm(view: AccountMembersView, action: ServerAction<Invite>) -> impl IntoView {
    let error = FormError::of(action);
    let form = match view.room.filter(MemberRoom::is_full) {
        Some(room) => no_room(&room),
        None => {
            let choices: Vec<(&str, &str)> = Role::ALL
                .into_iter()
                .filter(|role| view.my_role.may_appoint(*role))
                .map(|role| (role.name(), role.title()))
                .collect();
            view! {
                <div class="panel form-width">
                    <PostForm action=action check=check after=AfterSuccess::Clear>
                        <FormAlert error fields=&["email", "role"]/>
                        <input type="hidden" name="account" value=view.account.to_string()/>
                        <Field name="email" label="E-mail address" kind=FieldKind::OthersEmail error hint="They get a link that works for 7 days, once, and for them alone."/>
                        <Select name="role" label="Role" error choices value=Role::Viewer.name()/>
                        <div class="submit-row"><SubmitButton pending=pending(action)>"Send invitation"</SubmitButton><Saved action=action text="Sent."/></div>
                    </PostForm>
                </div>
            }
            .into_any()
        }
    };
    view! { <Section title="Invite somebody">{form}</Section> }.into_any()
}

fn no_room(room: &MemberRoom) -> AnyView {
    let taken = if room.used == 1 { "It is taken".to_owned() } else { format!("{} are taken", room.used) };
    let text = format!("{}. {taken}.", capitalized(&room.in_words()));
    view! {
        <Notice tone=Tone::Neutral>
            <p>
                {text} " Nobody is removed, and nobody can be invited until there is room. "
                <a class="link" href="/account/billing">"See the tiers"</a>
            </p>
        </Notice>
    }
    .into_any()
}

pub(super) fn invitation_row(invitation: &InvitationView, view: &AccountMembersView, actions: Actions) -> AnyView {
    let fields = vec![("account", view.account.to_string()), ("invitation", invitation.id.to_string())];
    let again = fields.clone();
    let acts = view.my_role.may_appoint(invitation.role).then(|| {
        view! {
            <PostForm action=actions.resend class="contents">
                {hidden(again)}
                <SubmitButton pending=pending(actions.resend) class="btn btn-sm">"Send again"</SubmitButton>
            </PostForm>
            <Removal action=actions.withdraw fields summary="Withdraw" verb="Withdraw it" warning="Its link does nothing any more."/>
        }
    });
    let expired = invitation.has_expired.then(|| view! { " " <Badge tone=Tone::Caution text="Expired"/> });
    let until = if invitation.has_expired { "its link worked until " } else { "its link works until " };
    let (email, role, at) = (invitation.email.clone(), invitation.role.title(), invitation.expires_at);
    view! {
        <Row title=view! { {email} {expired} }.into_any() actions=acts.into_any()>
            <p class="muted">
                {role} ", " {until} <time datetime=machine_moment(at)>{dated_moment(at)}</time>
            </p>
        </Row>
    }
    .into_any()
}
