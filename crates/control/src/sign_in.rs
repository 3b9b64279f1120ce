//! Sign-in and forgotten passwords. A known and an unknown address get the same answer for the same work.

use std::net::IpAddr;

use keyward_domain::ids::MemberId;
use keyward_domain::validate::{self, EmailAddress};
use keyward_store::StoreError;
use keyward_store::email_tokens::{TokenHash, TokenPurpose};

use crate::attempts::{SignInAttempt, Subject};
use crate::passwords::PasswordMatch;
use crate::sign_up::parse_email;
use crate::tokens::{LinkToken, dead_link};
use crate::{Control, ControlError, mail_texts};

/// No password is longer; a longer text isn't worth hashing.
pub(crate) const LONGEST_PASSWORD_BYTES: usize = 1024;

/// What a session is begun with: it lives while the epoch is the member's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub member_id: MemberId,
    pub session_epoch: i32,
}

impl Control {
    pub async fn sign_in(&self, email: &str, password: &str, ip: IpAddr) -> Result<SignedIn, ControlError> {
        let email = parse_email(email)?;
        if password.is_empty() {
            return Err(ControlError::invalid("password", "enter your password"));
        }
        if password.len() > LONGEST_PASSWORD_BYTES {
            return Err(wrong_credentials());
        }
        let attempt = SignInAttempt::new(&email, ip);
        self.begin_sign_in(&attempt).await?;
        let member = self.store().member_by_email(email.as_str()).await?;
        let stored = member.as_ref().map(|member| member.password_hash.clone());
        let (PasswordMatch::Right, Some(member)) = (self.passwords().verify(password, stored).await?, member) else {
            return Err(wrong_credentials());
        };
        self.sign_in_succeeded(&attempt).await?;
        if member.verified_at.is_some() {
            // Read together with the hash that was verified: if the password was changed since, so was the epoch.
            return Ok(SignedIn { member_id: member.member_id(), session_epoch: member.session_epoch });
        }
        Err(self.ask_to_confirm(member.member_id(), email).await?)
    }

    /// Only whoever knows the password learns that the address is known and not confirmed.
    async fn ask_to_confirm(&self, member: MemberId, email: EmailAddress) -> Result<ControlError, ControlError> {
        // A full mailbox of links helps nobody: the last one still works.
        if self.begin_attempt(&Subject::mailbox(&email)).await.is_ok() {
            self.send_verification(member, email).await?;
        }
        Ok(ControlError::invalid("email", "confirm your address first: we have sent you a link"))
    }

    /// The look-up happens behind the answer, so that its time tells nothing.
    pub async fn request_password_reset(&self, email: &str, ip: IpAddr) -> Result<(), ControlError> {
        let email = parse_email(email)?;
        self.begin_attempt(&Subject::mails_from_network(ip)).await?;
        self.begin_attempt(&Subject::mailbox(&email)).await?;
        let control = self.clone();
        self.in_background(async move {
            if let Err(error) = control.send_reset_if_known(email).await {
                tracing::error!(%error, "a reset link could not be made");
            }
        });
        Ok(())
    }

    async fn send_reset_if_known(&self, email: EmailAddress) -> Result<(), ControlError> {
        let Some(member) = self.store().member_by_email(email.as_str()).await? else { return Ok(()) };
        let token = LinkToken::random()?;
        self.store().add_email_token(member.member_id(), &token.to_store(TokenPurpose::Reset, self.now())).await?;
        self.post(mail_texts::reset_password(self.settings(), email, &token));
        Ok(())
    }

    /// Ends all sessions and the account's back-off: whoever reads the mail is the owner.
    pub async fn reset_password(&self, token: &str, new_password: &str, ip: IpAddr) -> Result<(), ControlError> {
        let (hash, now) = (TokenHash::of(token), self.now());
        // A dead link costs no password hashing.
        let email = match self.store().email_of_live_token(hash, TokenPurpose::Reset, now).await {
            Err(StoreError::NotFound) => return Err(dead_link()),
            other => other?,
        };
        validate::password(new_password, &email).map_err(|error| ControlError::invalid("password", error))?;
        let password_hash = self.passwords().hash(new_password).await?;
        match self.store().reset_password_with_token(hash, &password_hash, now).await {
            Err(StoreError::NotFound) => return Err(dead_link()),
            other => other?,
        };
        let email = parse_email(&email)?;
        self.forget_guesses(&email, ip).await?;
        self.post(mail_texts::password_changed(email));
        Ok(())
    }
}

fn wrong_credentials() -> ControlError {
    ControlError::invalid("password", "the e-mail address or the password is wrong")
}
