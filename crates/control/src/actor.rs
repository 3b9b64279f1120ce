//! Who acts, for which account, with which role. Made from a verified member's session and from nothing else.

use keyward_domain::ids::{AccountId, MemberId};
use keyward_domain::role::Role;

use crate::{Control, ControlError};

#[derive(Clone, Debug)]
pub struct Actor {
    member: MemberId,
    account: AccountId,
    role: Role,
}

impl Actor {
    pub fn member_id(&self) -> MemberId {
        self.member
    }

    pub fn account_id(&self) -> AccountId {
        self.account
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// The account to change things in; a viewer gets none.
    pub(crate) fn editing(&self) -> Result<AccountId, ControlError> {
        if self.role.may_edit() { Ok(self.account) } else { Err(ControlError::Forbidden) }
    }
}

impl Control {
    /// In an account of the member's choice, asked at every request: `NotFound` as soon as they don't belong to it any more.
    pub async fn actor_in(&self, member_id: MemberId, account: AccountId) -> Result<Actor, ControlError> {
        let membership = self.store().membership_in(member_id, account).await?;
        Ok(Actor { member: member_id, account: membership.account, role: membership.role })
    }

    /// In the account joined first. `member_id` is what the session layer vouches for. `NotFound` when the member is gone,
    /// not verified, or belongs to no account.
    pub async fn actor(&self, member_id: MemberId) -> Result<Actor, ControlError> {
        let membership = self.store().membership(member_id).await?;
        Ok(Actor { member: member_id, account: membership.account, role: membership.role })
    }
}
