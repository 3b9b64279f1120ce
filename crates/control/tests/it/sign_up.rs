//! Sign-up: one answer whatever the address, one link that works once.

use keyward_control::ControlError;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{IP, PASSWORD, World, refusal};

#[tokio::test]
async fn a_newcomer_confirms_the_address_and_owns_an_account() {
    let world = World::development().await;
    let control = &world.control;
    control.sign_up(" Ada@Example.com ", PASSWORD, IP).await.expect("signs up");
    let (field, reason) = refusal(world.sign_in("ada@example.com", PASSWORD, IP).await);
    assert_eq!(field, "email");
    assert!(reason.contains("confirm your address"), "{reason}");
    control.verify_email(&world.token_mailed_to("ada@example.com").await).await.expect("verifies");
    let member = world.sign_in("ada@example.com", PASSWORD, IP).await.expect("confirmed");
    let view = control.member(&control.actor(member).await.expect("an actor")).await.expect("works");
    assert_eq!((view.email.as_str(), view.verified), ("ada@example.com", true));
}

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_a_mail_that_says_so() {
    let world = World::development().await;
    let ada = world.member("ada@example.com").await;
    assert_eq!(world.control.sign_up("ada@example.com", "quite another phrase", IP).await, Ok(()));
    let mails = world.mails_to("ada@example.com").await;
    assert_eq!(mails[0].subject, "You already have an account");
    assert_eq!(world.sign_in("ada@example.com", PASSWORD, IP).await, Ok(ada), "nothing was changed");
    assert_eq!(world.database.count("SELECT count(*) FROM accounts").await, 1);
}

#[tokio::test]
async fn somebody_elses_sign_up_with_my_address_ends_with_my_password() {
    let world = World::development().await;
    let control = &world.control;
    control.sign_up("ada@example.com", "the stranger's phrase", IP).await.expect("a stranger");
    control.sign_up("ada@example.com", PASSWORD, IP).await.expect("the owner");
    control
        .reset_password(&world.token_mailed_to("ada@example.com").await, PASSWORD, IP)
        .await
        .expect("by the mail's link");
    assert!(world.sign_in("ada@example.com", PASSWORD, IP).await.is_ok());
    assert!(world.sign_in("ada@example.com", "the stranger's phrase", IP).await.is_err());
}

#[tokio::test]
async fn a_link_leads_to_the_configured_address_and_works_once_for_a_day() {
    let world = World::development().await;
    world.control.sign_up("ada@example.com", PASSWORD, IP).await.expect("signs up");
    let mail = &world.mails_to("ada@example.com").await[0];
    assert!(mail.body.contains("https://dashboard.example.com/verify?token="), "{}", mail.body);
    let token = world.token_mailed_to("ada@example.com").await;
    world.wait(Duration::hours(24));
    assert_eq!(refusal(world.control.verify_email(&token).await).0, "token", "too late");
    world.control.request_verification("ada@example.com", IP).await.expect("asks again");
    let token = world.token_mailed_to("ada@example.com").await;
    world.control.verify_email(&token).await.expect("in time");
    let (field, reason) = refusal(world.control.verify_email(&token).await);
    assert_eq!((field, reason.as_str()), ("token", "this address is confirmed already: sign in"));
    assert_eq!(refusal(world.control.verify_email("").await).0, "token");
}

#[tokio::test]
async fn refuses_fields_by_name() {
    let world = World::development().await;
    for (email, password, field) in [
        ("ada", PASSWORD, "email"),
        ("", PASSWORD, "email"),
        ("ada@example.com", "short", "password"),
        ("ada@example.com", "Password123", "password"),
    ] {
        assert_eq!(refusal(world.control.sign_up(email, password, IP).await).0, field, "{email} {password}");
    }
    assert_eq!(world.database.count("SELECT count(*) FROM members").await, 0, "nothing half-written");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_sign_ups_with_one_address_make_one_member() {
    let world = World::development().await;
    let mut sign_ups = JoinSet::new();
    for _ in 0..5 {
        let control = world.control.clone();
        sign_ups.spawn(async move { control.sign_up("ada@example.com", PASSWORD, IP).await });
    }
    assert!(sign_ups.join_all().await.iter().all(|outcome| *outcome == Ok(())));
    assert_eq!(world.database.count("SELECT count(*) FROM members").await, 1);
    assert_eq!(world.mails_to("ada@example.com").await.len(), 5);
}

#[tokio::test]
async fn a_mailbox_is_not_flooded() {
    let world = World::development().await;
    for address in ["known@example.com", "unknown@example.com"] {
        if address.starts_with("known") {
            world.member(address).await;
        } else {
            world.control.request_password_reset(address, IP).await.expect("free");
        }
        for _ in 0..5 {
            world.control.request_password_reset(address, IP).await.expect("free, or the one that starts the wait");
        }
        let refused = world.control.request_password_reset(address, IP).await;
        assert!(matches!(refused, Err(ControlError::TooManyAttempts { .. })), "{address}: {refused:?}");
    }
    world.wait(Duration::minutes(10));
    world.control.request_password_reset("known@example.com", IP).await.expect("every wait ends");
}

#[tokio::test]
async fn production_shows_no_mails() {
    let world = World::production().await;
    assert_eq!(world.control.dev_mails().await, Err(ControlError::NotFound));
    assert_eq!(world.control.ensure_demo().await, Err(ControlError::NotFound));
}
