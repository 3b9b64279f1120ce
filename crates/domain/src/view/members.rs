//! The people of an account, and those who were invited, as the dashboard shows them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{AccountId, InvitationId, MemberId};
use crate::role::Role;

/// An account that a member belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSummary {
    pub id: AccountId,
    pub name: String,
    /// The address of the owner who joined first: names are alike.
    pub owner: String,
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMembersView {
    pub account: AccountId,
    pub account_name: String,
    /// Who looks.
    pub me: MemberId,
    pub my_role: Role,
    pub members: Vec<AccountMemberView>,
    pub invitations: Vec<InvitationView>,
    /// `None` for as many as any.
    pub room: Option<MemberRoom>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMemberView {
    pub id: MemberId,
    pub email: String,
    pub role: Role,
    pub joined_at: OffsetDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub expires_at: OffsetDateTime,
    pub has_expired: bool,
}

/// What the account's tier has room for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRoom {
    /// Members and invitations that are open.
    pub used: i64,
    pub most: u32,
    pub tier: String,
    /// The next larger tier, and what it has room for.
    pub next: Option<(String, u32)>,
}

impl MemberRoom {
    pub fn is_full(&self) -> bool {
        self.used >= i64::from(self.most)
    }

    pub fn in_words(&self) -> String {
        let members = if self.most == 1 { "1 member".to_owned() } else { format!("{} members", self.most) };
        let larger = match &self.next {
            Some((tier, most)) => format!("; {tier} has room for {most}"),
            None => String::new(),
        };
        format!("your tier, {}, has room for {members}, open invitations included{larger}", self.tier)
    }
}

/// What whoever has an invitation's link sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationPageView {
    pub account_name: String,
    /// Who was invited.
    pub email: String,
    pub role: Role,
    /// By whom.
    pub invited_by: String,
    pub expires_at: OffsetDateTime,
    pub reader: InvitationReader,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum InvitationReader {
    /// Signed in as who was invited.
    Invited,
    /// Signed in as somebody else.
    Another { email: String },
    /// Signed out, and a member already.
    SignedOut,
    /// Signed out, and no member yet.
    Stranger,
}
