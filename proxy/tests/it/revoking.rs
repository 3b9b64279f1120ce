//! A user who is blocked, or a token that was revoked, is refused at the next request and in the middle of a stream.

use std::time::Instant;

use crate::harness::{EdgeProcess, Seeded, World, eventually};
use http::Method;
use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::Subject;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// Whose rows are whose.
struct Owner {
    account: AccountId,
    app: AppId,
    issuer: IssuerId,
}

impl Owner {
    async fn of(world: &World, proxy: &Seeded) -> Self {
        let id = async |column: &str| {
            let sql = format!("SELECT {column}::text FROM issuers WHERE app_id = '{}'", proxy.app);
            world.database.text(&sql).await.parse().expect("an id")
        };
        Self { account: AccountId(id("account_id").await), app: AppId(proxy.app), issuer: IssuerId(id("id").await) }
    }

    async fn block(&self, world: &World, sub: &str) {
        let store = world.database.store();
        store.block_app_user(self.account, self.app, &self.subject(sub), now(world).await).await.expect("blocked");
    }

    fn subject(&self, sub: &str) -> Subject {
        Subject { issuer: self.issuer, sub: sub.to_owned() }
    }
}

async fn now(world: &World) -> OffsetDateTime {
    let secs = world.database.count("SELECT extract(epoch FROM now())::bigint").await;
    OffsetDateTime::from_unix_timestamp(secs).expect("a time")
}

async fn refused(world: &World, proxy: &Seeded, user: &str, status: u16) -> String {
    eventually("the edge refuses the user", || async {
        let answer = world.get(proxy, user, "/v1/models").await;
        (answer.status == status).then(|| answer.code())
    })
    .await
}

#[tokio::test]
async fn a_blocked_user_is_refused_with_a_token_that_is_known_and_others_are_not() {
    let world = World::with(&[("KEYWARD_CONFIG_POLL_SECS", "3600")]).start().await;
    let proxy = world.openai().await;
    let owner = Owner::of(&world, &proxy).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    owner.block(&world, "alice").await;
    owner.block(&world, "never-seen").await;
    assert_eq!(refused(&world, &proxy, "alice", 403).await, "user_blocked");
    assert_eq!(refused(&world, &proxy, "never-seen", 403).await, "user_blocked");
    world.get(&proxy, "bob", "/v1/models").await.expect(200);
    let store = world.database.store();
    store.unblock_app_user(owner.account, owner.app, &owner.subject("alice")).await.expect("unblocked");
    eventually("alice may call again", || async {
        (world.get(&proxy, "alice", "/v1/models").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_block_reaches_every_node_also_when_its_notice_is_lost() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let other = EdgeProcess::start(&world.env()).await;
    let owner = Owner::of(&world, &proxy).await;
    world.database.execute("ALTER TABLE app_users DISABLE TRIGGER app_users_config").await;
    owner.block(&world, "alice").await;
    world
        .database
        .execute(
            "UPDATE config_version SET version = version + 1;
             UPDATE apps SET config_version = (SELECT version FROM config_version)",
        )
        .await;
    assert_eq!(refused(&world, &proxy, "alice", 403).await, "user_blocked");
    let token = world.token("alice").await;
    let url = format!("http://{}/{}/v1/models", other.address, proxy.slug);
    eventually("the other node refuses too", || async {
        (world.send(world.client.get(&url).bearer_auth(&token)).await.status == 403).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_block_ends_the_streams_of_its_user_and_of_nobody_else() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let owner = Owner::of(&world, &proxy).await;
    let body = json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "100", "emulator_delay_ms": "50"}});
    let open = async |user: &str| {
        world.call(&proxy, user, Method::POST, "/v1/chat/completions").await.json(&body).open().await
    };
    let (mut alices, mut bobs) = (open("alice").await, open("bob").await);
    alices.chunk().await.expect("a chunk").expect("the beginning");
    owner.block(&world, "alice").await;
    let mut text = String::new();
    while let Ok(Some(chunk)) = alices.chunk().await {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("\"access_revoked\"") && !text.contains("w100") && !text.contains("[DONE]"), "{text}");
    let mut text = String::new();
    while let Some(chunk) = bobs.chunk().await.expect("it goes on") {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("w100") && text.ends_with("data: [DONE]\n\n"));
    let events = world.usage(&proxy, 2).await;
    let cut = events.iter().find(|event| event["sub"] == "alice").expect("alice's");
    assert_eq!((&cut["code"], &cut["status"]), (&json!("access_revoked"), &json!(200)));
    assert!(cut["output_tokens"].as_i64().is_some_and(|tokens| tokens > 0), "what was delivered is metered");
}

#[tokio::test]
async fn a_block_ends_a_call_that_is_still_being_waited_for() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let owner = Owner::of(&world, &proxy).await;
    world.arm(&json!({"path_prefix": "/openai/v1/chat/completions", "delay_ms": 20_000})).await;
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]});
    let started = Instant::now();
    let block = async {
        eventually("the provider has the call", || async { (!world.seen().await.is_empty()).then_some(()) }).await;
        owner.block(&world, "alice").await;
    };
    let (answer, ()) = tokio::join!(world.post(&proxy, "alice", "/v1/chat/completions", &body), block);
    assert_eq!(answer.expect(403).code(), "access_revoked");
    assert!(started.elapsed().as_secs() < 10, "it ends at once, and not with the reply");
    assert_eq!(world.usage(&proxy, 1).await[0]["code"], "access_revoked");
}

#[tokio::test]
async fn calls_end_with_what_they_are_called_through() {
    let world = World::start().await;
    let body = json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "100", "emulator_delay_ms": "50"}});
    for end in
        ["UPDATE proxies SET enabled = false WHERE app_id = '{app}'", "DELETE FROM issuers WHERE app_id = '{app}'"]
    {
        let proxy = world.openai().await;
        let call = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await;
        let mut stream = call.json(&body).open().await;
        stream.chunk().await.expect("a chunk").expect("the beginning");
        world.change(&end.replace("{app}", &proxy.app.to_string())).await;
        let mut text = String::new();
        while let Ok(Some(chunk)) = stream.chunk().await {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(text.contains("\"access_revoked\"") && !text.contains("w100"), "{end}: {text}");
    }
}

#[tokio::test]
async fn a_token_from_before_a_revocation_counts_no_more_and_a_new_one_does() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let owner = Owner::of(&world, &proxy).await;
    let now = now(&world).await;
    let token = async |user: &str, iat: Value| world.mint(&json!({"sub": user, "claims": {"iat": iat}})).await;
    let secs = |at: OffsetDateTime| json!(at.unix_timestamp());
    let (old, new) = (secs(now - Duration::minutes(10)), secs(now));
    let call =
        async |token: &str| world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token)).await;
    let (alices, alices_new) = (token("alice", old.clone()).await, token("alice", new.clone()).await);
    let (undated, bobs) = (token("alice", Value::Null).await, token("bob", old).await);
    for token in [&alices, &undated, &bobs] {
        call(token).await.expect(200);
    }
    let store = world.database.store();
    let before = now - Duration::minutes(5);
    store.revoke_tokens_of(owner.account, owner.app, &owner.subject("alice"), before).await.expect("revoked");
    let until_refused = async |token: &str| {
        eventually("it is refused", || async {
            let answer = call(token).await;
            (answer.status == 401).then(|| answer.code())
        })
        .await
    };
    assert_eq!(until_refused(&alices).await, "token_revoked");
    assert_eq!(call(&undated).await.expect(401).code(), "token_revoked", "it does not say when it was issued");
    call(&alices_new).await.expect(200);
    call(&bobs).await.expect(200);
    store.revoke_all_tokens(owner.account, owner.app, before).await.expect("revoked");
    assert_eq!(until_refused(&bobs).await, "token_revoked");
    call(&alices_new).await.expect(200);
}
