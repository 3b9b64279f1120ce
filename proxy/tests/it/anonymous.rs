//! Anonymous users are free to make, so they call only where the developer says so.

use crate::harness::{Seed, World};
use serde_json::json;

#[tokio::test]
async fn anonymous_users_are_refused_until_their_issuers_link_allows_them() {
    let world = World::start().await;
    let firebase = json!({"kind": "firebase", "project_id": "project-one"});
    let supabase = json!({"kind": "supabase", "issuer": format!("{}/auth/v1", world.emulator)});
    let proxy = world.plant(Seed { issuers: vec![firebase, supabase], ..world.seed("openai") }).await;
    let mut tokens = Vec::new();
    for shape in ["firebase", "supabase"] {
        let request =
            |anonymous: bool| json!({"shape": shape, "project": "project-one", "sub": "s", "anonymous": anonymous});
        tokens.push((shape, world.mint(&request(true)).await));
        let named = world.mint(&request(false)).await;
        world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(named)).await.expect(200);
    }
    world.forget_seen().await;
    let call = |token: &str| world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token));
    for (shape, token) in &tokens {
        // Twice: the second time the token is a known one.
        for _ in 0..2 {
            assert_eq!(call(token).await.expect(403).code(), "anonymous_not_allowed", "{shape}");
        }
    }
    world.assert_unseen().await;
    let switch = |allow: bool| {
        let policy = if allow { "as_others" } else { "deny" };
        format!(r#"UPDATE issuers SET anonymous_policy = '{{"kind": "{policy}"}}' WHERE config->>'kind' = 'firebase'"#)
    };
    world.change(&switch(true)).await;
    call(&tokens[0].1).await.expect(200);
    assert_eq!(call(&tokens[1].1).await.expect(403).code(), "anonymous_not_allowed");
    world.change(&switch(false)).await;
    assert_eq!(call(&tokens[0].1).await.expect(403).code(), "anonymous_not_allowed");
}
