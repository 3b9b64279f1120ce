//! Inviting somebody to an account by mail, and coming in by the link. What whoever invites is told does not depend on whether
//! the address has a member; only whoever reads the mailbox learns that.

use std::net::IpAddr;

use keyward_domain::ids::{AccountId, InvitationId, MemberId};
use keyward_domain::membership::INVITATION_DAYS;
use keyward_domain::role::Role;
use keyward_domain::validate;
use keyward_domain::view::{InvitationPageView, InvitationReader};
use keyward_store::StoreError;
use keyward_store::email_tokens::TokenHash;
use keyward_store::invitations::{
    InvitationLink, Joiner, LiveInvitationRow, MAX_MEMBERS_PER_ACCOUNT, NO_ROOM_FOR_MEMBERS, NewInvitation,
};
use time::Duration;
use uuid::Uuid;

use crate::attempts::Subject;
use crate::mail_texts::{self, Invitation};
use crate::sign_up::parse_email;
use crate::tokens::{LinkToken, dead_link};
use crate::{Actor, Control, ControlError, SignedIn};

impl Control {
    pub async fn invite(&self, actor: &Actor, email: &str, role: Role, ip: IpAddr) -> Result<(), ControlError> {
        let account = may_give(actor, role)?;
        let email = parse_email(email)?;
        self.begin_invitation(actor, &email, ip).await?;
        let token = LinkToken::random()?;
        let link = self.invitation_link(actor, &token);
        let new = NewInvitation { id: InvitationId(Uuid::now_v7()), email: email.as_str(), role, link };
        let most = self.most_members(account).await?;
        if let Err(error) = self.store().invite(account, &new, most, self.now()).await {
            return Err(self.explained(account, error).await?);
        }
        self.send_invitation(actor, email, role, &token).await
    }

    /// Another link, for as long again; the one before is dead.
    pub async fn resend_invitation(&self, actor: &Actor, id: InvitationId, ip: IpAddr) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let invitation = self.store().invitation(account, id).await?;
        let role = invitation.role()?;
        may_give(actor, role)?;
        let email = parse_email(&invitation.email)?;
        self.begin_invitation(actor, &email, ip).await?;
        let token = LinkToken::random()?;
        let link = self.invitation_link(actor, &token);
        let most = self.most_members(account).await?;
        if let Err(error) = self.store().renew_invitation(account, (id, &link), most, self.now()).await {
            return Err(self.explained(account, error).await?);
        }
        self.send_invitation(actor, email, role, &token).await
    }

    pub async fn withdraw_invitation(&self, actor: &Actor, id: InvitationId) -> Result<(), ControlError> {
        let account = actor.editing()?;
        may_give(actor, self.store().invitation(account, id).await?.role()?)?;
        Ok(self.store().withdraw_invitation(account, id).await?)
    }

    /// For whoever has the link, and `reader`, if somebody is signed in. Changes nothing.
    pub async fn invitation(&self, token: &str, reader: Option<MemberId>) -> Result<InvitationPageView, ControlError> {
        let invitation = self.live_invitation(token).await?;
        let role = invitation.role()?;
        let reader = match reader {
            None if invitation.is_member => InvitationReader::SignedOut,
            None => InvitationReader::Stranger,
            Some(member) => match self.store().member(member).await?.email {
                email if email == invitation.email => InvitationReader::Invited,
                email => InvitationReader::Another { email },
            },
        };
        let LiveInvitationRow { account_name, email, invited_by, expires_at, .. } = invitation;
        Ok(InvitationPageView { account_name, email, role, invited_by, expires_at, reader })
    }

    /// By who was invited, signed in. Whose link it is not gets no further.
    pub async fn accept_invitation(&self, member: MemberId, token: &str) -> Result<AccountId, ControlError> {
        let invitation = self.live_invitation(token).await?;
        if self.store().member(member).await?.email != invitation.email {
            let reason = "this invitation is for another address; sign out, and open its link again";
            return Err(ControlError::invalid("token", reason));
        }
        let accepted = self.store().accept_invitation(TokenHash::of(token), member, self.now()).await;
        accepted.map_err(live)
    }

    /// By somebody who is no member yet: the link proves the address.
    pub async fn join_by_invitation(&self, token: &str, password: &str) -> Result<(SignedIn, AccountId), ControlError> {
        let invitation = self.live_invitation(token).await?;
        if invitation.is_member {
            return Err(has_password());
        }
        validate::password(password, &invitation.email).map_err(|error| ControlError::invalid("password", error))?;
        let password_hash = self.passwords().hash(password).await?;
        let joiner = Joiner { member: MemberId(Uuid::now_v7()), password_hash: &password_hash };
        let joined = self.store().join_with_password(TokenHash::of(token), &joiner, self.now()).await;
        let joined = joined.map_err(live)?;
        Ok((SignedIn { member_id: joined.member, session_epoch: joined.session_epoch }, joined.account))
    }

    async fn live_invitation(&self, token: &str) -> Result<LiveInvitationRow, ControlError> {
        self.store().live_invitation(TokenHash::of(token), self.now()).await.map_err(live)
    }

    async fn begin_invitation(
        &self,
        actor: &Actor,
        email: &validate::EmailAddress,
        ip: IpAddr,
    ) -> Result<(), ControlError> {
        self.begin_attempt(&Subject::InvitationsOf(actor.account_id())).await?;
        self.begin_attempt(&Subject::mails_from_network(ip)).await?;
        self.begin_attempt(&Subject::mailbox(email)).await
    }

    fn invitation_link(&self, actor: &Actor, token: &LinkToken) -> InvitationLink {
        InvitationLink {
            hash: TokenHash::of(token.as_str()),
            by: (actor.member_id(), actor.role()),
            expires_at: self.now() + Duration::days(INVITATION_DAYS),
        }
    }

    async fn send_invitation(
        &self,
        actor: &Actor,
        to: validate::EmailAddress,
        role: Role,
        token: &LinkToken,
    ) -> Result<(), ControlError> {
        let by = self.store().member(actor.member_id()).await?.email;
        self.post(mail_texts::invitation(self.settings(), Invitation { to, by: &by, role, token }));
        Ok(())
    }

    async fn most_members(&self, account: AccountId) -> Result<i64, ControlError> {
        Ok(self.member_room(account).await?.map_or(MAX_MEMBERS_PER_ACCOUNT, |room| room.most.into()))
    }

    /// Why there is no room, and what gives more of it.
    async fn explained(&self, account: AccountId, error: StoreError) -> Result<ControlError, ControlError> {
        let is_full = matches!(&error, StoreError::Conflict { constraint } if constraint == NO_ROOM_FOR_MEMBERS);
        Ok(match self.member_room(account).await?.filter(|_| is_full) {
            Some(room) => ControlError::Conflict { reason: room.in_words() },
            None => error.into(),
        })
    }
}

/// The account to invite to with that role.
fn may_give(actor: &Actor, role: Role) -> Result<AccountId, ControlError> {
    let account = actor.editing()?;
    if actor.role().may_appoint(role) { Ok(account) } else { Err(ControlError::Forbidden) }
}

/// Which of unknown, used, withdrawn and expired it is, is nobody's business.
fn live(error: StoreError) -> ControlError {
    match error {
        StoreError::NotFound => dead_link(),
        other => other.into(),
    }
}

fn has_password() -> ControlError {
    ControlError::invalid("token", "this address has a member already; sign in to accept")
}
