//! Who belongs to which account, and as what. What is allowed is the caller's to say, on what is read under the account's lock.

use keyward_domain::ids::{AccountId, MemberId};
use keyward_domain::membership::{MembershipChange, MembershipFacts, Whose};
use keyward_domain::role::Role;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::members::Membership;
use crate::{Store, StoreError};

/// What `Conflict` names when a member who has an account of their own asks for another.
pub const OWNS_ONE: &str = "account_members_owns_one";

/// No `Debug`: the address does not belong in a log.
#[derive(FromRow)]
pub struct AccountMemberRow {
    pub member_id: Uuid,
    pub email: String,
    role: String,
    pub joined_at: OffsetDateTime,
}

impl AccountMemberRow {
    pub fn role(&self) -> Result<Role, StoreError> {
        stored_role(&self.role)
    }
}

#[derive(FromRow)]
pub struct AccountOfMemberRow {
    pub account_id: Uuid,
    pub name: String,
    /// The address of the owner who joined first.
    pub owner: String,
    role: String,
}

impl AccountOfMemberRow {
    pub fn role(&self) -> Result<Role, StoreError> {
        stored_role(&self.role)
    }
}

pub(crate) fn stored_role(text: &str) -> Result<Role, StoreError> {
    Role::parse(text).map_err(|error| StoreError::Broken(error.to_string()))
}

impl Store {
    /// Those who joined first come first.
    pub async fn account_members(&self, account: AccountId) -> Result<Vec<AccountMemberRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT member_id, email, role, joined_at FROM account_members JOIN members ON members.id = member_id
             WHERE account_id = $1 ORDER BY joined_at, member_id",
        );
        Ok(rows.bind(account.0).fetch_all(&self.pool).await?)
    }

    /// A member's accounts, those joined first before the others.
    pub async fn accounts_of_member(&self, member: MemberId) -> Result<Vec<AccountOfMemberRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT mine.account_id, accounts.name, mine.role, coalesce((
                 SELECT email FROM account_members AS owners JOIN members ON members.id = owners.member_id
                 WHERE owners.account_id = mine.account_id AND owners.role = 'owner'
                 ORDER BY owners.joined_at, owners.member_id LIMIT 1), '') AS owner
             FROM account_members AS mine JOIN accounts ON accounts.id = mine.account_id
             WHERE mine.member_id = $1 ORDER BY mine.joined_at, mine.account_id",
        );
        Ok(rows.bind(member.0).fetch_all(&self.pool).await?)
    }

    /// `NotFound` where the member does not belong to the account (any more).
    pub async fn membership_in(&self, member: MemberId, account: AccountId) -> Result<Membership, StoreError> {
        let role: String = sqlx::query_scalar(
            "SELECT role FROM account_members JOIN members ON members.id = member_id
             WHERE account_id = $1 AND member_id = $2 AND verified_at IS NOT NULL",
        )
        .bind(account.0)
        .bind(member.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(Membership { account, role: stored_role(&role)? })
    }

    /// Nothing is written where `may` says no. Invitations of somebody who is given less, or goes, go too.
    pub async fn change_membership<E: From<StoreError>>(
        &self,
        account: AccountId,
        (by, of): (MemberId, MemberId),
        change: MembershipChange,
        may: impl FnOnce(MembershipFacts) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let facts = read_facts(&mut tx, account, (by, of)).await?;
        may(facts)?;
        write_change(&mut tx, account, of, change).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// A first account of a member's own, who was invited to another's. `OWNS_ONE` for one who has it already.
    pub async fn open_account(
        &self,
        member: MemberId,
        (account, name, wrapped_data_key): (AccountId, &str, &[u8]),
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // The member's row is the lock: two forms at once open one account.
        let _: Uuid = sqlx::query_scalar("SELECT id FROM members WHERE id = $1 AND verified_at IS NOT NULL FOR UPDATE")
            .bind(member.0)
            .fetch_one(&mut *tx)
            .await?;
        let owned: i64 =
            sqlx::query_scalar("SELECT count(*) FROM account_members WHERE member_id = $1 AND role = 'owner'")
                .bind(member.0)
                .fetch_one(&mut *tx)
                .await?;
        if owned > 0 {
            return Err(StoreError::Conflict { constraint: OWNS_ONE.to_owned() });
        }
        sqlx::query("INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ($1, $2, $3, $4)")
            .bind(account.0)
            .bind(name)
            .bind(wrapped_data_key)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        add_member(&mut tx, (account, member), Role::Owner, now).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whoever belongs to it already stays what they are.
pub(crate) async fn add_member(
    connection: &mut PgConnection,
    (account, member): (AccountId, MemberId),
    role: Role,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_members (account_id, member_id, role, joined_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, member_id) DO NOTHING",
    )
    .bind(account.0)
    .bind(member.0)
    .bind(role.name())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// The account's row is the lock: who is counted and who is judged stays so until the commit.
pub(crate) async fn lock_account(connection: &mut PgConnection, account: AccountId) -> Result<(), StoreError> {
    let _: Uuid = sqlx::query_scalar("SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE")
        .bind(account.0)
        .fetch_one(connection)
        .await?;
    Ok(())
}

async fn read_facts(
    connection: &mut PgConnection,
    account: AccountId,
    (by, of): (MemberId, MemberId),
) -> Result<MembershipFacts, StoreError> {
    lock_account(&mut *connection, account).await?;
    let roles: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT member_id, role FROM account_members WHERE account_id = $1 ORDER BY member_id")
            .bind(account.0)
            .fetch_all(connection)
            .await?;
    let role_of = |member: MemberId| {
        let found = roles.iter().find(|(id, _)| *id == member.0).ok_or(StoreError::NotFound)?;
        stored_role(&found.1)
    };
    let owners = roles.iter().filter(|(_, role)| role == Role::Owner.name()).count();
    Ok(MembershipFacts {
        whose: if by == of { Whose::Own } else { Whose::Anothers },
        by: role_of(by)?,
        of: role_of(of)?,
        owners: i64::try_from(owners).unwrap_or(i64::MAX),
    })
}

async fn write_change(
    connection: &mut PgConnection,
    account: AccountId,
    of: MemberId,
    change: MembershipChange,
) -> Result<(), StoreError> {
    let written = match change {
        MembershipChange::To(role) => {
            sqlx::query("UPDATE account_members SET role = $3 WHERE account_id = $1 AND member_id = $2")
                .bind(account.0)
                .bind(of.0)
                .bind(role.name())
        }
        MembershipChange::End => sqlx::query("DELETE FROM account_members WHERE account_id = $1 AND member_id = $2")
            .bind(account.0)
            .bind(of.0),
    };
    written.execute(&mut *connection).await?;
    let may_give = |role: &Role| match change {
        MembershipChange::To(new) => new.may_appoint(*role),
        MembershipChange::End => false,
    };
    let given: Vec<&str> = Role::ALL.iter().filter(|role| may_give(role)).map(|role| role.name()).collect();
    sqlx::query(
        "DELETE FROM invitations WHERE account_id = $1 AND invited_by = $2 AND used_at IS NULL AND role <> ALL ($3)",
    )
    .bind(account.0)
    .bind(of.0)
    .bind(given)
    .execute(connection)
    .await?;
    Ok(())
}
