//! A member's own affairs: who I am, my password, my sessions, the account's name; and the mails kept in development.

use std::time::Duration;

use keyward_domain::ids::SessionId;
use keyward_domain::validate;
use keyward_domain::view::{DevMailView, MemberView, SessionView};
use keyward_store::members::MemberRow;

use crate::attempts::Subject;
use crate::passwords::PasswordMatch;
use crate::sign_in::LONGEST_PASSWORD_BYTES;
use crate::sign_up::parse_email;
use crate::{Actor, Control, ControlError, SignedIn, mail_texts};

impl Control {
    pub async fn member(&self, actor: &Actor) -> Result<MemberView, ControlError> {
        let member = self.store().member(actor.member_id()).await?;
        let accounts = self.accounts_of(actor.member_id()).await?;
        let account = accounts.iter().find(|account| account.id == actor.account_id());
        let account_name = account.ok_or(ControlError::NotFound)?.name.clone();
        Ok(MemberView {
            id: member.member_id(),
            verified: member.verified_at.is_some(),
            email: member.email,
            account_id: actor.account_id(),
            account_name,
            accounts,
            takes_money: self.taking_money().is_some(),
            notices: self.notices(actor.account_id()).await?,
        })
    }

    pub async fn rename_account(&self, actor: &Actor, name: &str) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let name = validate::name(name).map_err(|error| ControlError::invalid("name", error))?;
        Ok(self.store().rename_account(account, &name).await?)
    }

    /// Ends every session, the caller's too: the caller begins a new one with what this returns.
    pub async fn change_password(&self, actor: &Actor, current: &str, new: &str) -> Result<SignedIn, ControlError> {
        let member = self.store().member(actor.member_id()).await?;
        let email = parse_email(&member.email)?;
        validate::password(new, &member.email).map_err(|error| ControlError::invalid("new", error))?;
        self.confirm_password(&member, current, "current").await?;
        let password_hash = self.passwords().hash(new).await?;
        let session_epoch =
            self.store().change_password(actor.member_id(), &member.password_hash, &password_hash, self.now()).await?;
        self.post(mail_texts::password_changed(email));
        Ok(SignedIn { member_id: actor.member_id(), session_epoch })
    }

    /// That it is the member who sits there, and not somebody with the member's session. `field` is where it was typed.
    pub(crate) async fn confirm_password(
        &self,
        member: &MemberRow,
        typed: &str,
        field: &'static str,
    ) -> Result<(), ControlError> {
        let wrong = || ControlError::invalid(field, "this is not your password");
        if typed.len() > LONGEST_PASSWORD_BYTES {
            return Err(wrong());
        }
        // A stolen session must not become a way to guess the password, nor failed sign-ins one to keep the member from this.
        let subject = Subject::OwnPassword(member.member_id());
        self.begin_attempt(&subject).await?;
        match self.passwords().verify(typed, Some(member.password_hash.clone())).await? {
            PasswordMatch::Right => self.clear_attempts(&subject).await,
            PasswordMatch::Wrong => Err(wrong()),
        }
    }

    /// `current` is the raw id in the caller's cookie.
    pub async fn sessions(&self, actor: &Actor, current: Option<&str>) -> Result<Vec<SessionView>, ControlError> {
        let rows = self.store().sessions_of(actor.member_id(), current, self.now()).await?;
        let views = rows.into_iter().map(|row| SessionView {
            id: SessionId(row.public_id),
            user_agent: row.user_agent,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            is_current: row.is_current,
        });
        Ok(views.collect())
    }

    pub async fn revoke_session(&self, actor: &Actor, session: SessionId) -> Result<(), ControlError> {
        Ok(self.store().revoke_session(actor.member_id(), session).await?)
    }

    /// Development only; in production there is nothing here.
    pub async fn dev_mails(&self) -> Result<Vec<DevMailView>, ControlError> {
        if !self.is_development() {
            return Err(ControlError::NotFound);
        }
        // Whoever looks has just asked for a mail, and it may still be on its way.
        self.settle(Duration::from_secs(2)).await;
        let rows = self.store().kept_mails().await?;
        let views = rows.into_iter().map(|row| DevMailView {
            recipient: row.recipient,
            subject: row.subject,
            body: row.body,
            created_at: row.created_at,
        });
        Ok(views.collect())
    }
}
