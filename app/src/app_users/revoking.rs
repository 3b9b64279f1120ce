//! Blocking somebody by their id, and the way out when tokens of all users may be in wrong hands.

use keyward_domain::ids::{AppId, IssuerId};
use leptos::prelude::*;
use time::OffsetDateTime;

use super::api::{BlockUser, RevokeAllTokens, RevokeUserTokens, UnblockUser};
use crate::ui::card::Section;
use crate::ui::confirm::Danger;
use crate::ui::field::{Field, Select};
use crate::ui::form::{AfterSuccess, FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::moment;

#[derive(Clone, Copy)]
pub struct UserActions {
    pub block: ServerAction<BlockUser>,
    pub unblock: ServerAction<UnblockUser>,
    pub revoke: ServerAction<RevokeUserTokens>,
    pub revoke_all: ServerAction<RevokeAllTokens>,
}

impl UserActions {
    pub fn unsent() -> Self {
        Self {
            block: ServerAction::new(),
            unblock: ServerAction::new(),
            revoke: ServerAction::new(),
            revoke_all: ServerAction::new(),
        }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 4] {
        [
            self.block.version().get(),
            self.unblock.version().get(),
            self.revoke.version().get(),
            self.revoke_all.version().get(),
        ]
    }
}

#[component]
pub fn BlockSomebody(app: AppId, issuers: Vec<(IssuerId, String)>, action: ServerAction<BlockUser>) -> impl IntoView {
    let error = FormError::of(action);
    // Without an identity provider nobody can call, so there is nobody to block.
    let first = issuers.first().map(|(id, _)| id.to_string())?;
    let issuers: Vec<(String, String)> = issuers.into_iter().map(|(id, title)| (id.to_string(), title)).collect();
    Some(
        view! {
            <Section title="Block somebody" lead="By their id, also before they have called.">
                <div class="panel form-width">
                    <PostForm action=action after=AfterSuccess::Clear>
                        <FormAlert error fields=&["sub", "issuer"]/>
                        <input type="hidden" name="app" value=app.to_string()/>
                        <Select name="issuer" label="Identity provider" error choices=issuers value=first/>
                        <Field name="sub" label="User id" error hint="As the sub of the user’s token has it"/>
                        <div><SubmitButton pending=pending(action) class="btn">"Block"</SubmitButton></div>
                    </PostForm>
                </div>
            </Section>
        }
        .into_any(),
    )
}

#[component]
pub fn RevokeAll(app: AppId, since: Option<OffsetDateTime>, action: ServerAction<RevokeAllTokens>) -> impl IntoView {
    let since =
        since.map(|at| view! { <p class="muted">{format!("Tokens from before {} are refused.", moment(at))}</p> });
    view! {
        <Section title="All tokens">
            <div class="panel form-width">
                {since}
                <Danger
                    action fields=vec![("app", app.to_string())] summary="Revoke the tokens of all users"
                    warning="Every token that was issued before now is refused. Apps get new ones when they refresh; until then their calls fail."
                    verb="Revoke all tokens"
                />
            </div>
        </Section>
    }
    .into_any()
}
