//! The people of an account: who they are, what they may do, and the end of it. And a member's accounts, of which a session
//! works in one.

use keyward_domain::ids::{AccountId, InvitationId, MemberId};
use keyward_domain::membership::{MembershipChange, MembershipRefusal, may_change};
use keyward_domain::role::Role;
use keyward_domain::tiers::month_of;
use keyward_domain::view::{AccountMemberView, AccountMembersView, AccountSummary, InvitationView, MemberRoom};
use keyward_store::account_members::{AccountMemberRow, AccountOfMemberRow};
use keyward_store::invitations::InvitationRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn account_members(&self, actor: &Actor) -> Result<AccountMembersView, ControlError> {
        let (account, now) = (actor.account_id(), self.now());
        let members = self.store().account_members(account).await?;
        let invitations = self.store().invitations(account).await?;
        Ok(AccountMembersView {
            account,
            account_name: self.store().account_name(account).await?,
            me: actor.member_id(),
            my_role: actor.role(),
            members: members.into_iter().map(member_view).collect::<Result<_, _>>()?,
            invitations: invitations.into_iter().map(|row| invitation_view(row, now)).collect::<Result<_, _>>()?,
            room: self.member_room(account).await?,
        })
    }

    pub async fn set_role(&self, actor: &Actor, member: MemberId, role: Role) -> Result<(), ControlError> {
        self.change_membership(actor, member, MembershipChange::To(role)).await
    }

    /// From the next request on, the member sees and changes nothing of the account.
    pub async fn remove_member(&self, actor: &Actor, member: MemberId) -> Result<(), ControlError> {
        self.change_membership(actor, member, MembershipChange::End).await
    }

    /// Anybody may, but for the last owner.
    pub async fn leave_account(&self, actor: &Actor) -> Result<(), ControlError> {
        self.change_membership(actor, actor.member_id(), MembershipChange::End).await
    }

    async fn change_membership(
        &self,
        actor: &Actor,
        member: MemberId,
        change: MembershipChange,
    ) -> Result<(), ControlError> {
        let (account, by) = (actor.account_id(), actor.member_id());
        let may = |facts| may_change(facts, change).map_err(ControlError::from);
        self.store().change_membership(account, (by, member), change, may).await?;
        tracing::info!(%account, %by, %member, ?change, "a membership was changed");
        Ok(())
    }

    /// All that a member belongs to, whichever the session works in.
    pub async fn accounts_of(&self, member: MemberId) -> Result<Vec<AccountSummary>, ControlError> {
        let rows = self.store().accounts_of_member(member).await?;
        rows.into_iter().map(account_summary).collect()
    }

    /// For somebody who was invited to another's account: a first one of their own.
    pub async fn open_account(&self, member: MemberId) -> Result<AccountId, ControlError> {
        let account = AccountId(Uuid::now_v7());
        let data_key = self.key_ring().new_data_key(account)?;
        self.store().open_account(member, (account, "My account", &data_key), self.now()).await?;
        Ok(account)
    }

    /// `None` for as many as any.
    pub(crate) async fn member_room(&self, account: AccountId) -> Result<Option<MemberRoom>, ControlError> {
        if self.taking_money().is_none() {
            return Ok(None);
        }
        let now = self.now();
        let tier = self.store().account_tier(account, month_of(now)).await?.tier()?;
        Ok(Some(MemberRoom {
            used: self.store().members_and_invited(account, now).await?,
            most: tier.tier().members,
            tier: tier.tier().title.clone(),
            next: tier.next().map(|next| (next.title.clone(), next.members)),
        }))
    }
}

impl From<MembershipRefusal> for ControlError {
    fn from(refusal: MembershipRefusal) -> Self {
        match refusal {
            MembershipRefusal::NotAllowed => Self::Forbidden,
            MembershipRefusal::LastOwner => Self::Conflict { reason: refusal.to_string() },
        }
    }
}

fn member_view(row: AccountMemberRow) -> Result<AccountMemberView, ControlError> {
    let role = row.role()?;
    Ok(AccountMemberView { id: MemberId(row.member_id), email: row.email, role, joined_at: row.joined_at })
}

fn invitation_view(row: InvitationRow, now: OffsetDateTime) -> Result<InvitationView, ControlError> {
    let (role, has_expired) = (row.role()?, row.expires_at <= now);
    Ok(InvitationView { id: InvitationId(row.id), email: row.email, role, expires_at: row.expires_at, has_expired })
}

fn account_summary(row: AccountOfMemberRow) -> Result<AccountSummary, ControlError> {
    let role = row.role()?;
    Ok(AccountSummary { id: AccountId(row.account_id), name: row.name, owner: row.owner, role })
}
