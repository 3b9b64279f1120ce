//! Claims whose names the developer chose, and whom a token names as its app, at the edge.

use crate::harness::{Seed, Seeded, World};
use serde_json::{Value, json};

async fn planted(world: &World, settings: Value) -> Seeded {
    let mut issuer = json!({"kind": "oidc", "issuer": world.emulator, "audience": "keyward-app",
        "jwks_url": format!("{}/.well-known/jwks.json", world.emulator)});
    for (name, value) in settings.as_object().expect("an object") {
        issuer[name] = value.clone();
    }
    world.plant(Seed { issuers: vec![issuer], ..world.seed("openai") }).await
}

async fn call(world: &World, proxy: &Seeded, claims: Value) -> crate::harness::Answer {
    let token = world.mint(&json!({"sub": "alice", "claims": claims})).await;
    world.send(world.client.get(world.url(proxy, "/v1/models")).bearer_auth(token)).await
}

#[tokio::test]
async fn a_token_names_its_app_in_the_claim_of_its_issuers_kind() {
    let world = World::start().await;
    let audience = json!(["https://app.example", "client-1"]);
    for (dialect, good, bad) in [
        (
            "clerk",
            json!({"aud": null, "azp": "https://app.example"}),
            json!({"aud": null, "azp": "https://evil.example"}),
        ),
        ("clerk", json!({"aud": "client-1"}), json!({"aud": null})),
        ("auth0", json!({"aud": ["client-1", "other"]}), json!({"aud": "other", "azp": "client-1"})),
        (
            "cognito",
            json!({"aud": null, "client_id": "client-1", "token_use": "access"}),
            json!({"aud": null, "client_id": "client-2", "token_use": "access"}),
        ),
        ("cognito", json!({"aud": "client-1", "token_use": "id"}), json!({"aud": "client-1"})),
    ] {
        let proxy = planted(&world, json!({"dialect": dialect, "audience": audience})).await;
        world.forget_seen().await;
        call(&world, &proxy, good).await.expect(200);
        world.forget_seen().await;
        let answer = call(&world, &proxy, bad.clone()).await.expect(401);
        assert!(answer.code().starts_with("token_"), "{dialect} {bad}");
        world.assert_unseen().await;
    }
}

#[tokio::test]
async fn the_user_is_who_the_chosen_claim_says() {
    let world = World::start().await;
    let proxy = planted(&world, json!({"claims": {"user": "app_metadata.uid"}})).await;
    call(&world, &proxy, json!({"app_metadata": {"uid": "u-7"}})).await.expect(200);
    assert_eq!(call(&world, &proxy, json!({})).await.expect(401).code(), "token_claim_missing");
    assert_eq!(world.usage(&proxy, 2).await[0]["sub"], "u-7");
}

#[tokio::test]
async fn a_plan_that_the_token_names_must_exist() {
    let world = World::start().await;
    let proxy = planted(&world, json!({"claims": {"plan": "plan"}})).await;
    call(&world, &proxy, json!({})).await.expect(200);
    call(&world, &proxy, json!({"plan": "Default"})).await.expect(200);
    world.forget_seen().await;
    assert_eq!(call(&world, &proxy, json!({"plan": "Gold"})).await.expect(403).code(), "no_plan");
    assert_eq!(call(&world, &proxy, json!({"plan": ["Gold"]})).await.expect(401).code(), "token_claim_invalid");
    world.assert_unseen().await;
}

#[tokio::test]
async fn an_anonymous_user_by_the_chosen_claim_is_refused_or_put_in_the_plan_of_the_link() {
    let world = World::start().await;
    let proxy = planted(&world, json!({"claims": {"anonymous": "guest"}})).await;
    call(&world, &proxy, json!({"guest": false})).await.expect(200);
    assert_eq!(call(&world, &proxy, json!({"guest": true})).await.expect(403).code(), "anonymous_not_allowed");
    let app = proxy.app;
    world
        .change(&format!(
            "INSERT INTO plans (id, app_id, account_id, name, is_default, created_at)
             SELECT gen_random_uuid(), id, account_id, 'Guests', false, now() FROM apps WHERE id = '{app}';
             UPDATE issuers SET anonymous_policy = jsonb_build_object('kind', 'plan', 'plan',
                 (SELECT plans.id FROM plans WHERE plans.app_id = '{app}' AND name = 'Guests')) WHERE app_id = '{app}'"
        ))
        .await;
    call(&world, &proxy, json!({"guest": true})).await.expect(200);
    // A plan of another app is none of this one's.
    let other = world.openai().await;
    world
        .change(&format!(
            "UPDATE issuers SET anonymous_policy = jsonb_build_object('kind', 'plan', 'plan',
                 (SELECT plans.id FROM plans WHERE plans.app_id = '{}')) WHERE app_id = '{app}'",
            other.app
        ))
        .await;
    assert_eq!(call(&world, &proxy, json!({"guest": true})).await.expect(403).code(), "no_plan");
}
