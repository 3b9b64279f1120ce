//! Invitations: a link for one address, used once, that tells whoever sends it nothing about the address.

use keyward_control::{Control, ControlError};
use keyward_domain::ids::InvitationId;
use keyward_domain::role::Role;
use keyward_domain::tiers::TierName;
use keyward_domain::view::InvitationReader;
use time::Duration;
use tokio::task::JoinSet;

use crate::paying::Paying;
use crate::world::{IP, PASSWORD, World, refusal};

const MEMBERS: &str = "SELECT count(*) FROM members";

async fn invited(world: &World, email: &str) -> String {
    let ada = world.actor("ada@example.com").await;
    world.control.invite(&ada, email, Role::Admin, IP).await.expect("sent");
    world.token_mailed_to(email).await
}

fn conflict<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> String {
    match outcome.expect_err("refused") {
        ControlError::Conflict { reason } => reason,
        other => panic!("another error: {other:?}"),
    }
}

async fn reader(control: &Control, token: &str) -> InvitationReader {
    control.invitation(token, None).await.expect("it is open").reader
}

#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_mail_and_who_invites_the_same_answer() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    world.member("known@example.com").await;
    let mut bodies = Vec::new();
    for email in ["known@example.com", "new@example.com"] {
        assert_eq!(control.invite(&ada, email, Role::Viewer, IP).await, Ok(()));
        let token = world.token_mailed_to(email).await;
        bodies.push(world.mails_to(email).await.remove(0).body.replace(&token, "…"));
    }
    assert_eq!(bodies[0], bodies[1]);
    for part in
        ["ada@example.com invites you", "the role viewer", "https://dashboard.example.com/invitation?token=…", "7 days"]
    {
        assert!(bodies[0].contains(part), "{part}: {}", bodies[0]);
    }
    let of_both = control.account_members(&ada).await.expect("works").invitations;
    assert_eq!(of_both.len(), 2);
    assert_eq!((of_both[0].role, of_both[0].expires_at), (of_both[1].role, of_both[1].expires_at));
}

#[tokio::test]
async fn the_token_is_nowhere_but_in_the_mail_and_reading_the_page_consumes_nothing() {
    let world = World::production().await;
    let token = invited(&world, "new@example.com").await;
    assert!(token.len() >= 43, "256 bits");
    let stored = world.database.text("SELECT encode(token_sha256, 'hex') FROM invitations").await;
    assert_eq!(stored, hex::encode(<sha2::Sha256 as sha2::Digest>::digest(token.as_bytes())));
    for _ in 0..3 {
        assert_eq!(reader(&world.control, &token).await, InvitationReader::Stranger);
    }
    world.control.join_by_invitation(&token, PASSWORD).await.expect("still open");
}

#[tokio::test]
async fn a_new_member_chooses_a_password_is_confirmed_and_joins_that_account_only() {
    let world = World::production().await;
    let token = invited(&world, "new@example.com").await;
    assert_eq!(refusal(world.control.join_by_invitation(&token, "short").await.map(drop)).0, "password");
    let (signed_in, account) = world.control.join_by_invitation(&token, PASSWORD).await.expect("joined");
    let actor = world.control.actor_in(signed_in.member_id, account).await.expect("confirmed by the link");
    assert_eq!(actor.role(), Role::Admin);
    assert_eq!(world.database.count("SELECT count(*) FROM accounts").await, 1);
    world.sign_in("new@example.com", PASSWORD, IP).await.expect("signs in with the password");
    assert_eq!(refusal(world.control.join_by_invitation(&token, PASSWORD).await.map(drop)).0, "token");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_uses_of_one_link_at_once_one_succeeds() {
    let world = World::production().await;
    let member = world.member("known@example.com").await;
    let token = invited(&world, "known@example.com").await;
    let mut uses = JoinSet::new();
    for _ in 0..50 {
        let (control, token) = (world.control.clone(), token.clone());
        uses.spawn(async move { control.accept_invitation(member, &token).await });
    }
    let outcomes = uses.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(refused).0, "token");
    }
}

#[tokio::test]
async fn only_the_address_that_was_invited_may_accept() {
    let world = World::production().await;
    let (known, eve) = (world.member("known@example.com").await, world.member("eve@example.com").await);
    let token = invited(&world, "known@example.com").await;
    assert_eq!(reader(&world.control, &token).await, InvitationReader::SignedOut);
    let as_eve = world.control.invitation(&token, Some(eve)).await.expect("shown").reader;
    assert_eq!(as_eve, InvitationReader::Another { email: "eve@example.com".to_owned() });
    let (field, reason) = refusal(world.control.accept_invitation(eve, &token).await);
    assert_eq!((field, reason.contains("sign out")), ("token", true), "{reason}");
    let store = world.database.store();
    let hash = keyward_store::email_tokens::TokenHash::of(&token);
    assert!(store.accept_invitation(hash, eve, world.now()).await.is_err(), "nor in the statement itself");
    // A password chosen by whoever has the link must not replace a member's own.
    assert_eq!(refusal(world.control.join_by_invitation(&token, "some other long phrase").await.map(drop)).0, "token");
    world.sign_in("known@example.com", PASSWORD, IP).await.expect("the password is as it was");
    let as_known = world.control.invitation(&token, Some(known)).await.expect("shown").reader;
    assert_eq!(as_known, InvitationReader::Invited);
    world.control.accept_invitation(known, &token).await.expect("accepted");
}

#[tokio::test]
async fn a_sign_up_that_a_stranger_made_with_the_address_ends_with_its_password() {
    let world = World::production().await;
    world.control.sign_up("new@example.com", "the strangers own phrase", IP).await.expect("signed up");
    let confirmation = world.token_mailed_to("new@example.com").await;
    let token = invited(&world, "new@example.com").await;
    assert_eq!(reader(&world.control, &token).await, InvitationReader::Stranger, "nobody confirmed it");
    let (_, account) = world.control.join_by_invitation(&token, PASSWORD).await.expect("joined");
    assert!(world.sign_in("new@example.com", "the strangers own phrase", IP).await.is_err());
    let member = world.sign_in("new@example.com", PASSWORD, IP).await.expect("the password of who has the mailbox");
    assert_eq!(
        world.control.accounts_of(member).await.expect("works").iter().map(|one| one.id).collect::<Vec<_>>(),
        [account]
    );
    assert!(world.control.verify_email(&confirmation).await.is_err(), "the old link does nothing");
    assert_eq!(
        (world.database.count(MEMBERS).await, world.database.count("SELECT count(*) FROM accounts").await),
        (2, 1)
    );
}

#[tokio::test]
async fn an_invitation_ends_after_seven_days_when_withdrawn_and_when_sent_again() {
    let world = World::production().await;
    let (control, first) = (&world.control, invited(&world, "new@example.com").await);
    let ada = control.actor(world.member_id("ada@example.com").await).await.expect("an owner");
    let id = async || control.account_members(&ada).await.expect("works").invitations[0].id;
    assert!(conflict(control.invite(&ada, "New@example.com", Role::Viewer, IP).await).contains("invited already"));
    control.resend_invitation(&ada, id().await, IP).await.expect("sent again");
    let second = world.token_mailed_to("new@example.com").await;
    assert_eq!(refusal(control.invitation(&first, None).await).0, "token");
    world.wait(Duration::days(7) - Duration::SECOND);
    assert_eq!(reader(control, &second).await, InvitationReader::Stranger);
    world.wait(Duration::SECOND);
    assert_eq!(refusal(control.invitation(&second, None).await).0, "token");
    assert_eq!(refusal(control.join_by_invitation(&second, PASSWORD).await.map(drop)).0, "token");
    assert!(control.account_members(&ada).await.expect("works").invitations[0].has_expired);
    control.resend_invitation(&ada, id().await, IP).await.expect("an expired one too");
    let third = world.token_mailed_to("new@example.com").await;
    control.withdraw_invitation(&ada, id().await).await.expect("withdrawn");
    assert_eq!(refusal(control.join_by_invitation(&third, PASSWORD).await.map(drop)).0, "token");
    assert_eq!(world.database.count(MEMBERS).await, 1);
    let gone = control.withdraw_invitation(&ada, InvitationId(uuid::Uuid::new_v4())).await;
    assert_eq!(gone, Err(ControlError::NotFound));
}

#[tokio::test]
async fn invitations_are_slowed_down_by_mailbox_and_by_account() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    world.control.invite(&ada, "new@example.com", Role::Viewer, IP).await.expect("sent");
    let id = world.control.account_members(&ada).await.expect("works").invitations[0].id;
    let mut sent = 0;
    while world.control.resend_invitation(&ada, id, IP).await.is_ok() {
        sent += 1;
        assert!(sent < 20, "a mailbox takes no more");
    }
    let mut invited = 0;
    for number in 0..60_u8 {
        let ip = std::net::IpAddr::from([198, 51, 100, number]);
        match world.control.invite(&ada, &format!("new{number}@example.com"), Role::Viewer, ip).await {
            Ok(()) => invited += 1,
            Err(ControlError::TooManyAttempts { .. }) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(invited < 40, "from many networks too: {invited}");
}

#[tokio::test]
async fn whoever_belongs_to_the_account_is_not_invited_to_it() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    assert!(conflict(world.control.invite(&ada, "ADA@example.com", Role::Viewer, IP).await).contains("belongs"));
    assert_eq!(refusal(world.control.invite(&ada, "ada@localhost", Role::Viewer, IP).await).0, "email");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_open_invitations_are_counted_together_however_many_are_sent_at_once() {
    let paying = Paying::start().await;
    let (control, ada) = (&paying.control, &paying.actor);
    let reason = conflict(control.invite(ada, "new@example.com", Role::Viewer, IP).await);
    assert_eq!(reason, "your tier, Free, has room for 1 member, open invitations included; Pro has room for 10");
    let store = paying.world.database.store();
    store.set_tier(ada.account_id(), TierName::Pro).await.expect("set");
    let mut forms = JoinSet::new();
    for number in 0..15_u8 {
        let (control, ada, ip) = (control.clone(), ada.clone(), std::net::IpAddr::from([198, 51, 100, number]));
        forms.spawn(async move { control.invite(&ada, &format!("new{number}@example.com"), Role::Viewer, ip).await });
    }
    let outcomes = forms.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 9);
    assert!(
        outcomes.into_iter().filter(Result::is_err).all(|refused| conflict(refused).contains("Scale has room for 100"))
    );
    let room = control.account_members(ada).await.expect("works").room.expect("a tier");
    assert!((room.used, room.most) == (10, 10) && room.is_full());

    // A smaller tier removes nobody; an invitation that is open is still for its address, and nobody else is invited.
    let id = control.account_members(ada).await.expect("works").invitations[0].clone();
    let token = paying.world.token_mailed_to(&id.email).await;
    store.set_tier(ada.account_id(), TierName::Free).await.expect("set");
    control.join_by_invitation(&token, PASSWORD).await.expect("it was counted when it was sent");
    assert_eq!(control.account_members(ada).await.expect("works").members.len(), 2);
    assert!(conflict(control.invite(ada, "more@example.com", Role::Viewer, IP).await).contains("Pro has room for 10"));
    paying.world.wait(Duration::days(8));
    let expired = control.account_members(ada).await.expect("works").invitations[0].id;
    assert!(conflict(control.resend_invitation(ada, expired, IP).await).contains("room for 1 member"));
}
