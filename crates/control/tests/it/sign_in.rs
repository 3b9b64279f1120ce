//! Sign-in and forgotten passwords: equal answers, growing waits that end, links that work once.

use std::net::{IpAddr, Ipv4Addr};

use keyward_control::ControlError;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{IP, PASSWORD, World, refusal};

const NEW_PASSWORD: &str = "another rare long phrase";

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let world = World::development().await;
    world.member("ada@example.com").await;
    let known = world.sign_in("ada@example.com", "wrong phrase", IP).await;
    let unknown = world.sign_in("nobody@example.com", "wrong phrase", IP).await;
    assert_eq!(known, unknown);
    assert_eq!(refusal(known).0, "password");
    world.control.sign_up("eve@example.com", PASSWORD, IP).await.expect("not confirmed");
    assert_eq!(world.sign_in("eve@example.com", "wrong phrase", IP).await, unknown, "not even of an unconfirmed one");
}

#[tokio::test]
async fn a_reset_request_gets_the_same_answer_and_only_members_get_a_mail() {
    let world = World::development().await;
    world.member("ada@example.com").await;
    let known = world.control.request_password_reset("ada@example.com", IP).await;
    assert_eq!(known, world.control.request_password_reset("nobody@example.com", IP).await);
    assert_eq!(world.mails_to("ada@example.com").await[0].subject, "Set a new password");
    assert!(world.mails_to("nobody@example.com").await.is_empty());
}

/// Wrong guesses at the address from one network, each after the wait that it was told; those waits.
async fn guesses_from(world: &World, ip: IpAddr, (address, count): (&str, usize)) -> Vec<u64> {
    let mut waits = Vec::new();
    for _ in 0..count {
        match world.sign_in(address, "wrong phrase", ip).await {
            Err(ControlError::TooManyAttempts { retry_after_secs }) => {
                waits.push(retry_after_secs);
                world.wait(Duration::seconds(i64::try_from(retry_after_secs).expect("small")));
            }
            other => assert_eq!(refusal(other).0, "password"),
        }
    }
    waits
}

#[tokio::test]
async fn waits_grow_for_known_and_unknown_alike_and_end() {
    let world = World::development().await;
    let ada = world.member("ada@example.com").await;
    let here = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    let there = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));
    for (address, ip) in [("ada@example.com", here), ("nobody@example.com", there)] {
        assert_eq!(guesses_from(&world, ip, (address, 20)).await, [1, 2, 4, 8, 16], "{address}: the wait doubles");
    }
    world.wait(Duration::minutes(5));
    assert_eq!(world.sign_in("ada@example.com", PASSWORD, here).await, Ok(ada), "never locked out for good");
}

#[tokio::test]
async fn a_stranger_who_guesses_elsewhere_does_not_keep_the_owner_out() {
    let world = World::development().await;
    let ada = world.member("ada@example.com").await;
    let stranger = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    guesses_from(&world, stranger, ("ada@example.com", 20)).await;
    // The stranger's next guess is the one that would have blocked everybody.
    refusal(world.sign_in("ada@example.com", "wrong phrase", stranger).await);
    assert!(matches!(
        world.sign_in("ada@example.com", PASSWORD, stranger).await,
        Err(ControlError::TooManyAttempts { .. })
    ));
    assert_eq!(world.sign_in("ada@example.com", PASSWORD, IP).await, Ok(ada), "at once");
}

#[tokio::test]
async fn guesses_from_many_networks_slow_everybody_by_seconds_and_no_more() {
    let world = World::development().await;
    let ada = world.member("ada@example.com").await;
    let mut longest = 0;
    for n in 0..120_u8 {
        let ip = IpAddr::V4(Ipv4Addr::new(198, 51, 100, n));
        let waits = guesses_from(&world, ip, ("ada@example.com", 1)).await;
        longest = waits.into_iter().max().unwrap_or(0).max(longest);
    }
    assert_eq!(longest, 3);
    refusal(world.sign_in("ada@example.com", "wrong phrase", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))).await);
    for _ in 0..40 {
        let waiting = world.sign_in("ada@example.com", PASSWORD, IP).await;
        assert_eq!(
            waiting,
            Err(ControlError::TooManyAttempts { retry_after_secs: 3 }),
            "not counted against the owner"
        );
    }
    world.wait(Duration::seconds(3));
    assert_eq!(world.sign_in("ada@example.com", PASSWORD, IP).await, Ok(ada));
}

#[tokio::test]
async fn a_network_that_guesses_waits_too_but_its_successes_do_not_count() {
    let world = World::development().await;
    let ada = world.member("ada@example.com").await;
    for _ in 0..40 {
        assert_eq!(world.sign_in("ada@example.com", PASSWORD, IP).await, Ok(ada));
    }
    for n in 0..31 {
        refusal(world.sign_in(&format!("n{n}@example.com"), "wrong phrase", IP).await);
    }
    let blocked = world.sign_in("ada@example.com", PASSWORD, IP).await;
    assert!(matches!(blocked, Err(ControlError::TooManyAttempts { .. })), "{blocked:?}");
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(world.sign_in("ada@example.com", PASSWORD, elsewhere).await, Ok(ada));
}

#[tokio::test]
async fn a_reset_opens_the_account_to_its_owner_even_under_attack() {
    let world = World::development().await;
    let ada = world.member("ada@example.com").await;
    // From behind the owner's own address.
    for _ in 0..11 {
        refusal(world.sign_in("ada@example.com", "wrong phrase", IP).await);
    }
    assert!(matches!(world.sign_in("ada@example.com", PASSWORD, IP).await, Err(ControlError::TooManyAttempts { .. })));
    world.control.request_password_reset("ada@example.com", IP).await.expect("asks");
    let token = world.token_mailed_to("ada@example.com").await;
    world.control.reset_password(&token, NEW_PASSWORD, IP).await.expect("resets");
    assert_eq!(world.sign_in("ada@example.com", NEW_PASSWORD, IP).await, Ok(ada), "at once");
    assert_eq!(refusal(world.sign_in("ada@example.com", PASSWORD, IP).await).0, "password");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_parallel_uses_of_a_reset_link_one_succeeds() {
    let world = World::development().await;
    world.member("ada@example.com").await;
    world.control.request_password_reset("ada@example.com", IP).await.expect("asks");
    let token = world.token_mailed_to("ada@example.com").await;
    let mut uses = JoinSet::new();
    for n in 0..50 {
        let (control, token) = (world.control.clone(), token.clone());
        uses.spawn(async move { control.reset_password(&token, &format!("rare long phrase {n}"), IP).await });
    }
    let outcomes = uses.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.into_iter().filter(Result::is_err).all(|outcome| refusal(outcome).0 == "token"));
}

#[tokio::test]
async fn a_reset_link_lives_ten_minutes_and_survives_a_weak_password() {
    let world = World::development().await;
    world.member("ada@example.com").await;
    world.control.request_password_reset("ada@example.com", IP).await.expect("asks");
    let token = world.token_mailed_to("ada@example.com").await;
    assert_eq!(refusal(world.control.reset_password(&token, "password", IP).await).0, "password");
    assert_eq!(refusal(world.control.reset_password(&token, "ada@example.com", IP).await).0, "password");
    world.wait(Duration::minutes(10));
    assert_eq!(refusal(world.control.reset_password(&token, NEW_PASSWORD, IP).await).0, "token");
}
