//! Who may change who belongs to an account, and as what. An account always keeps an owner.

use crate::role::Role;

/// How long an invitation's link works.
pub const INVITATION_DAYS: i64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipChange {
    To(Role),
    End,
}

/// Whose membership is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Own,
    Anothers,
}

/// What has to be known, read in the transaction that makes the change.
#[derive(Clone, Copy, Debug)]
pub struct MembershipFacts {
    pub whose: Whose,
    /// Of whoever makes the change.
    pub by: Role,
    /// Of whom it is about.
    pub of: Role,
    /// How many owners there are.
    pub owners: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipRefusal {
    #[error("your role in this account does not allow this")]
    NotAllowed,
    #[error("an account keeps at least one owner; make somebody else one first")]
    LastOwner,
}

/// Anybody may leave. Else, whoever may give both roles, the one that is taken away and the one that is given.
pub fn may_change(facts: MembershipFacts, change: MembershipChange) -> Result<(), MembershipRefusal> {
    let MembershipFacts { whose, by, of, owners } = facts;
    let allowed = match (whose, change) {
        (Whose::Own, MembershipChange::End) => true,
        (Whose::Anothers, MembershipChange::End) => by.may_appoint(of),
        (Whose::Own | Whose::Anothers, MembershipChange::To(role)) => by.may_appoint(of) && by.may_appoint(role),
    };
    if !allowed {
        return Err(MembershipRefusal::NotAllowed);
    }
    let stays_owner = change == MembershipChange::To(Role::Owner);
    if of == Role::Owner && owners <= 1 && !stays_owner { Err(MembershipRefusal::LastOwner) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MembershipChange::{End, To};
    use Role::{Admin, Owner, Viewer};
    use Whose::{Anothers, Own};

    #[test]
    fn nobody_raises_themselves_only_owners_make_owners_and_the_last_one_stays() {
        const OK: Result<(), MembershipRefusal> = Ok(());
        const NO: Result<(), MembershipRefusal> = Err(MembershipRefusal::NotAllowed);
        const LAST: Result<(), MembershipRefusal> = Err(MembershipRefusal::LastOwner);
        for (whose, by, of, change, owners, want) in [
            (Own, Viewer, Viewer, To(Admin), 1, NO),
            (Own, Viewer, Viewer, To(Owner), 1, NO),
            (Own, Admin, Admin, To(Owner), 1, NO),
            (Own, Admin, Admin, To(Viewer), 1, OK),
            (Own, Owner, Owner, To(Admin), 2, OK),
            (Own, Owner, Owner, To(Admin), 1, LAST),
            (Own, Owner, Owner, To(Owner), 1, OK),
            (Own, Viewer, Viewer, End, 1, OK),
            (Own, Admin, Admin, End, 1, OK),
            (Own, Owner, Owner, End, 2, OK),
            (Own, Owner, Owner, End, 1, LAST),
            (Anothers, Viewer, Viewer, End, 1, NO),
            (Anothers, Viewer, Admin, To(Viewer), 1, NO),
            (Anothers, Admin, Viewer, To(Admin), 1, OK),
            (Anothers, Admin, Admin, End, 1, OK),
            (Anothers, Admin, Viewer, To(Owner), 1, NO),
            (Anothers, Admin, Owner, To(Viewer), 2, NO),
            (Anothers, Admin, Owner, End, 2, NO),
            (Anothers, Owner, Admin, To(Owner), 1, OK),
            (Anothers, Owner, Owner, To(Viewer), 2, OK),
            (Anothers, Owner, Owner, End, 2, OK),
        ] {
            let facts = MembershipFacts { whose, by, of, owners };
            assert_eq!(may_change(facts, change), want, "{facts:?} {change:?}");
        }
    }
}
