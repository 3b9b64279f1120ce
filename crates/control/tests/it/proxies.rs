//! Proxies: made, changed, and never pointed elsewhere with the key they have.

use keyward_control::{ControlError, ProxySwitch};
use keyward_domain::ids::ProxyId;
use keyward_domain::provider::KeyPlacement;
use keyward_domain::rules::EndpointRule;
use keyward_domain::view::{NewProxyForm, ProxySettingsForm};

use crate::world::{KEY, PASSWORD, World, key_ring, new_proxy, refusal, unchanged};

/// The key as the edge would open it.
async fn opened_key(world: &World, proxy: ProxyId) -> Result<String, String> {
    let snapshot = world.database.store().config_snapshot().await.expect("works");
    let proxy = snapshot.proxies.into_iter().find(|found| found.id == proxy).expect("served");
    let key = proxy.keys.first().expect("sealed").open(&key_ring()).map_err(|error| error.to_string())?;
    Ok(key.expose().to_owned())
}

fn header(name: &str) -> Option<KeyPlacement> {
    Some(KeyPlacement::Header { name: name.to_owned(), prefix: String::new() })
}

#[tokio::test]
async fn a_new_proxy_has_its_providers_rules_and_a_key_that_only_the_edge_opens() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let id = world.openai_proxy(&ada, app).await;
    let view = control.proxy(&ada, id).await.expect("works");
    assert_eq!((view.base_url.as_str(), view.enabled, view.needs_issuer), ("https://api.openai.com", true, true));
    assert_eq!(view.rules, keyward_domain::catalogue::provider("openai").expect("known").default_rules);
    assert!(!view.policy.limits.is_empty() && view.can_send_test);
    assert_eq!(view.edge_url, format!("{}/{}", control.settings().edge_url, view.slug));
    assert_eq!(view.key_hint.as_ref().map(ToString::to_string).as_deref(), Some("…abcd"));
    assert_eq!(opened_key(&world, id).await.as_deref(), Ok(KEY));
    let in_clear = format!("SELECT count(*) FROM sealed_keys WHERE position('{}'::bytea IN sealed) > 0", &KEY[..12]);
    assert_eq!(world.database.count(&in_clear).await, 0);
    let snippets = control.snippets(&ada, id).await.expect("works");
    assert!(snippets.iter().all(|snippet| !snippet.code.contains(KEY) && snippet.code.contains(view.slug.as_str())));
}

#[tokio::test]
async fn a_new_address_or_placement_needs_the_key_again() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let form =
        NewProxyForm { key_placement: header("x-api-key"), ..new_proxy("custom", "https://api.example.com/v2/") };
    let id = control.create_proxy(&ada, app, form).await.expect("created");
    let view = control.proxy(&ada, id).await.expect("works");
    assert_eq!((view.base_url.as_str(), view.rules.len()), ("https://api.example.com/v2", 0));
    let same = unchanged(&view);
    for moved in [
        ProxySettingsForm { base_url: "https://evil.example.com".to_owned(), ..same.clone() },
        ProxySettingsForm { base_url: "https://api.example.com/other".to_owned(), ..same.clone() },
        ProxySettingsForm { key_placement: header("x-logged-header"), ..same.clone() },
        ProxySettingsForm { key_placement: Some(KeyPlacement::Query { name: "key".to_owned() }), ..same.clone() },
    ] {
        assert_eq!(refusal(control.save_proxy(&ada, id, moved).await).0, "key");
    }
    assert_eq!(control.proxy(&ada, id).await.expect("works"), view, "nothing half-written");
    control.save_proxy(&ada, id, same.clone()).await.expect("nothing moved");
    assert_eq!(opened_key(&world, id).await.as_deref(), Ok(KEY));
    let moved = ProxySettingsForm {
        base_url: "https://api.example.org".to_owned(),
        key: "sk-new-key-wxyz".to_owned(),
        current_password: PASSWORD.to_owned(),
        ..same
    };
    control.save_proxy(&ada, id, moved).await.expect("with its key");
    assert_eq!(opened_key(&world, id).await.as_deref(), Ok("sk-new-key-wxyz"));
    assert_eq!(world.database.count("SELECT version::bigint FROM sealed_keys").await, 2);
}

#[tokio::test]
async fn a_session_alone_does_not_replace_a_key() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let id = world.openai_proxy(&ada, app).await;
    let same = unchanged(&control.proxy(&ada, id).await.expect("works"));
    let with = |password: &str| ProxySettingsForm {
        key: "sk-strangers-key".to_owned(),
        current_password: password.to_owned(),
        ..same.clone()
    };
    let (field, reason) = refusal(control.save_proxy(&ada, id, with("")).await);
    assert_eq!((field, reason.as_str()), ("current_password", "enter your password to replace the key"));
    for _ in 0..11 {
        assert_eq!(refusal(control.save_proxy(&ada, id, with("not it")).await).0, "current_password");
    }
    let blocked = control.save_proxy(&ada, id, with(PASSWORD)).await;
    assert!(matches!(blocked, Err(ControlError::TooManyAttempts { .. })), "guesses wait: {blocked:?}");
    assert_eq!(opened_key(&world, id).await.as_deref(), Ok(KEY));
    control.save_proxy(&ada, id, same.clone()).await.expect("the rest needs no password");
    world.wait(time::Duration::MINUTE);
    control.save_proxy(&ada, id, with(PASSWORD)).await.expect("the member");
    assert_eq!(opened_key(&world, id).await.as_deref(), Ok("sk-strangers-key"));
}

#[tokio::test]
async fn settings_are_kept_as_a_browser_and_the_edge_need_them() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let id = world.openai_proxy(&ada, app).await;
    let mut form = unchanged(&control.proxy(&ada, id).await.expect("works"));
    form.name = "Chat".to_owned();
    form.base_url = String::new();
    form.key_placement = None;
    form.allowed_origins = vec!["https://App.example.com/".to_owned(), String::new()];
    form.rules.truncate(1);
    control.save_proxy(&ada, id, form).await.expect("saves");
    let view = control.proxy(&ada, id).await.expect("works");
    assert_eq!((view.name.as_str(), view.base_url.as_str(), view.rules.len()), ("Chat", "https://api.openai.com", 1));
    assert_eq!(view.allowed_origins, ["https://app.example.com"]);
    control.set_proxy_enabled(&ada, id, ProxySwitch::Off).await.expect("switches");
    assert!(!control.proxy(&ada, id).await.expect("works").enabled);
    control.delete_proxy(&ada, id).await.expect("deletes");
    assert_eq!(world.database.count("SELECT count(*) FROM sealed_keys").await, 0);
}

#[tokio::test]
async fn refuses_fields_by_name() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let custom = new_proxy("custom", "https://api.example.com");
    for (form, field) in [
        (NewProxyForm { name: " ".to_owned(), ..custom.clone() }, "name"),
        (NewProxyForm { provider: "nonesuch".to_owned(), ..custom.clone() }, "provider"),
        (NewProxyForm { key: "short".to_owned(), ..custom.clone() }, "key"),
        (NewProxyForm { key: "two words in it".to_owned(), ..custom.clone() }, "key"),
        (NewProxyForm { key_placement: header("x key"), ..custom.clone() }, "placement"),
        (NewProxyForm { key_placement: header("Cookie"), ..custom.clone() }, "placement"),
        (new_proxy("custom", ""), "base_url"),
        (new_proxy("custom", "http://api.example.com"), "base_url"),
        (new_proxy("custom", "https://10.0.0.1"), "base_url"),
        (new_proxy("custom", "https://api.example.com:8443"), "base_url"),
        (new_proxy("custom", "https://localhost"), "base_url"),
        (new_proxy("openai", "https://evil.example.com"), "base_url"),
        (new_proxy("openai", "http://127.0.0.1:8790/openai"), "base_url"),
    ] {
        assert_eq!(refusal(control.create_proxy(&ada, app, form).await).0, field);
    }
    assert_eq!(world.database.count("SELECT count(*) FROM proxies").await, 0);
    let id = world.openai_proxy(&ada, app).await;
    let same = unchanged(&control.proxy(&ada, id).await.expect("works"));
    let bad_rule =
        EndpointRule { method: "GET".to_owned(), template: "/v1/../x".to_owned(), query: vec![], headers: vec![] };
    for (form, field) in [
        (ProxySettingsForm { rules: vec![bad_rule], ..same.clone() }, "rules"),
        (ProxySettingsForm { allowed_origins: vec!["example.com".to_owned()], ..same.clone() }, "allowed_origins"),
    ] {
        assert_eq!(refusal(control.save_proxy(&ada, id, form).await).0, field);
    }
}

#[tokio::test]
async fn development_lets_the_emulator_stand_in_for_a_provider() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let id = world
        .control
        .create_proxy(&ada, app, new_proxy("openai", "http://127.0.0.1:8790/openai"))
        .await
        .expect("loopback");
    assert_eq!(world.control.proxy(&ada, id).await.expect("works").base_url, "http://127.0.0.1:8790/openai");
    let elsewhere = new_proxy("openai", "https://evil.example.com");
    assert_eq!(refusal(world.control.create_proxy(&ada, app, elsewhere).await).0, "base_url");
}

#[tokio::test]
async fn a_part_of_a_providers_address_may_be_the_developers_own_and_no_more() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    for (provider, base_url) in [
        ("azure-openai", "https://my-resource.openai.azure.com/"),
        ("cloudflare", "https://api.cloudflare.com/client/v4/accounts/0123abcd/ai"),
        ("deepl", "https://api-free.deepl.com"),
        ("deepl", ""),
        ("groq", ""),
    ] {
        let id = control.create_proxy(&ada, app, new_proxy(provider, base_url)).await.expect(provider);
        let view = control.proxy(&ada, id).await.expect("works");
        assert!(view.base_url.starts_with(base_url.trim_end_matches('/')) && view.base_url.starts_with("https://"));
    }
    for (provider, base_url) in [
        ("azure-openai", ""),
        ("azure-openai", "https://evil.example"),
        ("azure-openai", "https://my.openai.azure.com.evil.example"),
        ("cloudflare", "https://api.cloudflare.com/client/v4/zones"),
        ("deepl", "https://api.openai.com"),
        ("openai", "https://api.groq.com"),
    ] {
        assert_eq!(
            refusal(control.create_proxy(&ada, app, new_proxy(provider, base_url)).await).0,
            "base_url",
            "{base_url}"
        );
    }
}
