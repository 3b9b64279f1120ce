//! Who belongs to an account and as what: who may change it, what a member of several sees, and what ends with a membership.

use keyward_control::ControlError;
use keyward_domain::ids::MemberId;
use keyward_domain::role::Role;
use tokio::task::JoinSet;

use crate::world::{IP, World};

fn conflict<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> String {
    match outcome.expect_err("refused") {
        ControlError::Conflict { reason } => reason,
        other => panic!("another error: {other:?}"),
    }
}

#[tokio::test]
async fn owners_change_all_admins_all_but_owners_and_nobody_raises_themselves() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let account = ada.account_id();
    let bob = world.colleague(&ada, "bob@example.com", Role::Admin).await;
    let eve = world.colleague(&ada, "eve@example.com", Role::Viewer).await;
    let as_bob = control.actor_in(bob, account).await.expect("an admin");
    let as_eve = control.actor_in(eve, account).await.expect("a viewer");
    assert_eq!(control.set_role(&as_eve, eve, Role::Admin).await, Err(ControlError::Forbidden));
    assert_eq!(control.set_role(&as_bob, bob, Role::Owner).await, Err(ControlError::Forbidden));
    assert_eq!(control.set_role(&as_bob, eve, Role::Owner).await, Err(ControlError::Forbidden));
    assert_eq!(control.set_role(&as_bob, ada.member_id(), Role::Viewer).await, Err(ControlError::Forbidden));
    assert_eq!(control.remove_member(&as_bob, ada.member_id()).await, Err(ControlError::Forbidden));
    assert_eq!(control.invite(&as_bob, "friend@example.com", Role::Owner, IP).await, Err(ControlError::Forbidden));
    control.set_role(&as_bob, eve, Role::Admin).await.expect("an admin may");
    control.set_role(&ada, bob, Role::Owner).await.expect("an owner may");
    let view = control.account_members(&as_eve).await.expect("any member sees them");
    let roles: Vec<_> = view.members.iter().map(|member| (member.email.as_str(), member.role)).collect();
    assert_eq!(
        roles,
        [("ada@example.com", Role::Owner), ("bob@example.com", Role::Owner), ("eve@example.com", Role::Admin)]
    );
    assert_eq!(view.members[2].joined_at, world.now());
}

#[tokio::test]
async fn the_role_that_counts_is_that_of_the_moment_of_the_change() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let bob = world.colleague(&ada, "bob@example.com", Role::Owner).await;
    let as_bob = control.actor_in(bob, ada.account_id()).await.expect("an owner");
    control.set_role(&ada, bob, Role::Viewer).await.expect("lowered");
    // Bob's request had begun before.
    assert_eq!(control.remove_member(&as_bob, ada.member_id()).await, Err(ControlError::Forbidden));
    assert_eq!(control.invite(&as_bob, "friend@example.com", Role::Owner, IP).await, Err(ControlError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_go_at_once_one_stays() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    assert!(conflict(world.control.leave_account(&ada).await).contains("at least one owner"));
    assert!(conflict(world.control.set_role(&ada, ada.member_id(), Role::Admin).await).contains("at least one owner"));
    let mut owners = vec![ada.member_id()];
    for number in 0..4 {
        owners.push(world.colleague(&ada, &format!("owner{number}@example.com"), Role::Owner).await);
    }
    let mut leaving = JoinSet::new();
    for owner in owners {
        let (control, account) = (world.control.clone(), ada.account_id());
        leaving.spawn(async move {
            let actor = control.actor_in(owner, account).await.expect("an owner");
            control.leave_account(&actor).await
        });
    }
    let outcomes = leaving.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    let left = format!("SELECT count(*) FROM account_members WHERE account_id = '{}'", ada.account_id());
    assert_eq!(world.database.count(&left).await, 1);
}

#[tokio::test]
async fn whoever_is_removed_sees_nothing_of_the_account_any_more_and_what_they_sent_ends() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let bob = world.colleague(&ada, "bob@example.com", Role::Admin).await;
    let as_bob = control.actor_in(bob, ada.account_id()).await.expect("an admin");
    control.invite(&as_bob, "accomplice@example.com", Role::Admin, IP).await.expect("sent");
    control.invite(&ada, "friend@example.com", Role::Viewer, IP).await.expect("sent");
    let planted = world.token_mailed_to("accomplice@example.com").await;
    control.remove_member(&ada, bob).await.expect("removed");
    assert_eq!(control.actor_in(bob, ada.account_id()).await.err(), Some(ControlError::NotFound));
    assert!(control.invitation(&planted, None).await.is_err());
    let open = control.account_members(&ada).await.expect("works").invitations;
    assert_eq!(open.iter().map(|one| one.email.as_str()).collect::<Vec<_>>(), ["friend@example.com"]);
    let own = control.actor(bob).await.expect("bob's own account is untouched");
    assert_ne!(own.account_id(), ada.account_id());
}

#[tokio::test]
async fn a_member_of_several_accounts_has_the_rights_of_each_in_it_alone() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let bob = world.colleague(&ada, "bob@example.com", Role::Viewer).await;
    let accounts = control.accounts_of(bob).await.expect("two");
    let seen: Vec<_> = accounts.iter().map(|account| (account.owner.as_str(), account.role)).collect();
    assert_eq!(seen, [("bob@example.com", Role::Owner), ("ada@example.com", Role::Viewer)]);
    let own = control.actor(bob).await.expect("begins in the one joined first");
    control.create_app(&own, "Bob's").await.expect("an owner there");
    let guest = control.actor_in(bob, ada.account_id()).await.expect("a viewer here");
    assert_eq!(control.create_app(&guest, "Bob's").await, Err(ControlError::Forbidden));
    assert!(control.apps(&guest).await.expect("works").is_empty());
    assert_eq!(control.actor_in(ada.member_id(), own.account_id()).await.err(), Some(ControlError::NotFound));
    let nobody = MemberId(uuid::Uuid::new_v4());
    assert_eq!(control.actor_in(nobody, ada.account_id()).await.err(), Some(ControlError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_by_invitation_opens_one_account_of_their_own_if_they_want_one() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    assert!(conflict(control.open_account(ada.member_id()).await).contains("already"));
    control.invite(&ada, "bob@example.com", Role::Viewer, IP).await.expect("sent");
    let token = world.token_mailed_to("bob@example.com").await;
    let (bob, account) = control.join_by_invitation(&token, crate::world::PASSWORD).await.expect("joined");
    assert_eq!(account, ada.account_id());
    assert_eq!(world.database.count("SELECT count(*) FROM accounts").await, 1, "no empty second one");
    let two = tokio::join!(control.open_account(bob.member_id), control.open_account(bob.member_id));
    assert_eq!([&two.0, &two.1].into_iter().filter(|opened| opened.is_ok()).count(), 1);
    let own = two.0.or(two.1).expect("one");
    let actor = control.actor_in(bob.member_id, own).await.expect("its owner");
    let app = world.app(&actor).await;
    world.openai_proxy(&actor, app).await;
}
