//! A socket outlives many a plan: what holds for its next answer is what the user has paid for by then.

use keyward_domain::plans::EntitlementState;
use serde_json::{Value, json};

use crate::harness::{Seeded, Socket, World};
use crate::plans::Shop;
use crate::realtime::with_optional;

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

async fn open(world: &World, proxy: &Seeded) -> Socket {
    let mut socket = world.socket(proxy, "alice", REALTIME).await.expect("open");
    assert_eq!(socket.hear().await["type"], "session.created");
    socket
}

async fn answer(socket: &mut Socket, input_tokens: &str) {
    let done = socket.respond(json!({"emulator_chunks": "5", "emulator_input_tokens": input_tokens})).await;
    assert_eq!(done["response"]["status"], "completed");
}

fn tokens_a_day(amount: u64) -> Value {
    json!({"limits": [{"measure": "total_tokens", "window": "day", "per": "user", "amount": amount}]})
}

#[tokio::test]
async fn an_open_socket_has_the_limits_of_the_plan_that_its_user_has_come_to() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    let shop = Shop::open(&world, &proxy).await;
    shop.policy_of("Default", &tokens_a_day(10_000)).await;
    shop.policy_of("Pro", &tokens_a_day(1_000_000)).await;
    let mut socket = open(&world, &proxy).await;
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
    // More than the first plan has for another answer.
    answer(&mut socket, "9000").await;
    answer(&mut socket, "9000").await;
    shop.buys("cus_1", "alice", EntitlementState::Over).await;
    shop.is_in("alice", "Default").await;
    // What was reserved while it was paid for is still given.
    answer(&mut socket, "100").await;
    assert_eq!(socket.end().await.expect(1008), "tokens_spent");
}

#[tokio::test]
async fn an_open_socket_gives_no_more_answers_where_the_plan_has_lost_the_endpoint() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    let shop = Shop::open(&world, &proxy).await;
    let mut socket = open(&world, &proxy).await;
    answer(&mut socket, "100").await;
    shop.policy_of("Default", &json!({"proxies": {proxy.proxy.to_string(): {"endpoints": ["GET /v1/models"]}}})).await;
    answer(&mut socket, "100").await;
    assert_eq!(socket.end().await.expect(1008), "plan_endpoint_not_allowed");
}
