//! Sign-up and the confirmation of an address. Answers don't tell whether an address is known.

use std::net::IpAddr;

use keyward_domain::ids::{AccountId, MemberId};
use keyward_domain::validate::{self, EmailAddress};
use keyward_store::StoreError;
use keyward_store::email_tokens::{TokenHash, TokenPurpose, Verification};
use keyward_store::members::{NewMember, SignedUp};
use uuid::Uuid;

use crate::attempts::Subject;
use crate::tokens::{LinkToken, dead_link};
use crate::{Control, ControlError, mail_texts};

impl Control {
    /// Makes an account with its data key and its owner. A known address gets a mail instead that says so.
    pub async fn sign_up(&self, email: &str, password: &str, ip: IpAddr) -> Result<(), ControlError> {
        let email = parse_email(email)?;
        validate::password(password, email.as_str()).map_err(|error| ControlError::invalid("password", error))?;
        self.begin_attempt(&Subject::mails_from_network(ip)).await?;
        self.begin_attempt(&Subject::mailbox(&email)).await?;
        let (outcome, token) = self.register(&email, password).await?;
        let mail = match outcome {
            SignedUp::New(_) => mail_texts::confirm_address(self.settings(), email, &token),
            SignedUp::Known(_) => mail_texts::account_exists(self.settings(), email, &token),
        };
        self.post(mail);
        Ok(())
    }

    pub(crate) async fn register(
        &self,
        email: &EmailAddress,
        password: &str,
    ) -> Result<(SignedUp, LinkToken), ControlError> {
        let account = AccountId(Uuid::now_v7());
        let new = NewMember {
            member: MemberId(Uuid::now_v7()),
            account,
            email: email.as_str().to_owned(),
            password_hash: self.passwords().hash(password).await?,
            account_name: "My account".to_owned(),
            wrapped_data_key: self.key_ring().new_data_key(account)?,
        };
        let (token, now) = (LinkToken::random()?, self.now());
        let to_store = |outcome| match outcome {
            SignedUp::New(_) => token.to_store(TokenPurpose::Verify, now),
            SignedUp::Known(_) => token.to_store(TokenPurpose::Reset, now),
        };
        let outcome = match self.store().sign_up(&new, to_store, now).await {
            // Somebody signed up with the same address at the same moment: by now it is known.
            Err(StoreError::Conflict { .. }) => self.store().sign_up(&new, to_store, now).await?,
            other => other?,
        };
        Ok((outcome, token))
    }

    /// Consumes the link of the mail. It proves that somebody reads the mailbox, not that they chose the password:
    /// there is nothing here to begin a session with.
    pub async fn verify_email(&self, token: &str) -> Result<(), ControlError> {
        match self.store().verify_with_token(TokenHash::of(token), self.now()).await {
            Ok(Verification::Verified(_)) => Ok(()),
            Ok(Verification::AlreadyVerified) => {
                Err(ControlError::invalid("token", "this address is confirmed already: sign in"))
            }
            Err(StoreError::NotFound) => Err(dead_link()),
            Err(other) => Err(other.into()),
        }
    }

    /// Another confirmation link, if the address is that of a member who needs one. The answer doesn't tell.
    pub async fn request_verification(&self, email: &str, ip: IpAddr) -> Result<(), ControlError> {
        let email = parse_email(email)?;
        self.begin_attempt(&Subject::mails_from_network(ip)).await?;
        self.begin_attempt(&Subject::mailbox(&email)).await?;
        let control = self.clone();
        self.in_background(async move {
            if let Err(error) = control.send_verification_if_needed(email).await {
                tracing::error!(%error, "a confirmation link could not be made");
            }
        });
        Ok(())
    }

    async fn send_verification_if_needed(&self, email: EmailAddress) -> Result<(), ControlError> {
        let member = self.store().member_by_email(email.as_str()).await?;
        match member.filter(|member| member.verified_at.is_none()) {
            Some(member) => self.send_verification(member.member_id(), email).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn send_verification(&self, member: MemberId, email: EmailAddress) -> Result<(), ControlError> {
        let token = LinkToken::random()?;
        self.store().add_email_token(member, &token.to_store(TokenPurpose::Verify, self.now())).await?;
        self.post(mail_texts::confirm_address(self.settings(), email, &token));
        Ok(())
    }
}

pub(crate) fn parse_email(text: &str) -> Result<EmailAddress, ControlError> {
    EmailAddress::parse(text).map_err(|error| ControlError::invalid("email", error))
}
