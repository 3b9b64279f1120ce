//! The app that is called: its issuers, limits, rules and key, as the dashboard would write them. Every rule is on; the
//! amounts are such that no call of a run is refused.

use std::net::SocketAddr;

use keyward_domain::catalogue;
use keyward_domain::ids::{AccountId, IssuerId, KeyId, ProxyId};
use keyward_domain::provider::upstream_origin;
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use keyward_store::sealing::{DataKey, KeyRing, SealContext};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::database::Database;
use crate::tokens::{AUDIENCE, SHARED_SECRET};

pub const KEY_ENCRYPTION_KEY: &str = "be7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7cbe7c";
const PROVIDER: &str = "openai";
const PROVIDER_KEY: &str = "sk-bench-0123456789abcdefghijklmnopqrstuvwxyz";
const NO_ONE_GETS_THERE: u64 = 1_000_000_000_000_000;
/// Whose tokens are signed under a shared secret.
pub const SHARED_ISSUER: &str = "https://bench.supabase.co/auth/v1";

pub struct Seeded {
    pub slug: String,
    app: Uuid,
    proxy: Uuid,
}

pub fn issuer(upstream: SocketAddr) -> String {
    format!("http://{upstream}")
}

fn limit(measure: &str, window: &str, per: &str) -> Value {
    json!({"measure": measure, "window": window, "per": per, "amount": NO_ONE_GETS_THERE})
}

fn app_policy() -> Value {
    json!({"limits": [limit("cost_micro_usd", "month", "everyone")]})
}

fn plan_policy() -> Value {
    json!({"limits": [
        limit("requests", "minute", "user"), limit("total_tokens", "day", "user"), limit("cost_micro_usd", "month", "user"),
    ]})
}

fn proxy_policy() -> Value {
    json!({
        "limits": [limit("requests", "hour", "user"), limit("requests", "at_once", "user"),
            limit("requests", "second", "everyone")],
        "bodies": [{
            "endpoint": "POST /v1/chat/completions", "models": ["gpt-4o-mini"], "max_output_tokens": 4_096,
            "max_choices": 4, "max_messages": 100, "max_chars": 100_000, "end_user": "hashed",
        }],
    })
}

pub fn plant(database: &Database, upstream: SocketAddr) -> anyhow::Result<Seeded> {
    let (account, app, proxy) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let slug = ProxySlug::from_random(*account.as_bytes().first_chunk().expect("16 bytes")).as_str().to_owned();
    let ring = KeyRing::from_hex(KEY_ENCRYPTION_KEY)?;
    let wrapped = ring.new_data_key(AccountId(account))?;
    let data_key = ring.open_data_key(AccountId(account), &wrapped)?;
    let base_url = format!("http://{upstream}");
    let provider = catalogue::provider(PROVIDER).expect("it is in the catalogue");
    let (key, sealed) = sealed_key(&data_key, (account, proxy), &base_url)?;
    let sql = format!(
        "INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ('{account}', 'Bench', '\\x{wrapped}', now());
         INSERT INTO apps (id, account_id, name, policy, created_at) VALUES ('{app}', '{account}', 'App', '{}', now());
         INSERT INTO plans (id, app_id, account_id, name, is_default, policy, created_at)
         VALUES ('{}', '{app}', '{account}', 'Default', true, '{}', now());
         INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules, policy,
             allowed_origins, created_at, updated_at)
         VALUES ('{proxy}', '{app}', '{account}', '{slug}', 'Proxy', '{PROVIDER}', '{base_url}', '{}', true, '{}', '{}',
             ARRAY['https://app.example'], now(), now());
         INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, created_at)
         VALUES ('{key}', '{proxy}', '{account}', 1, '\\x{sealed}', 'wxyz', now()); {}",
        app_policy(),
        Uuid::new_v4(),
        plan_policy(),
        provider.key_placement.binding(),
        json!(provider.default_rules).to_string().replace('\'', "''"),
        proxy_policy(),
        issuers(&data_key, (account, app), upstream)?,
        wrapped = hex::encode(&wrapped),
        sealed = hex::encode(&sealed),
    );
    database.execute(&sql)?;
    Ok(Seeded { slug, app, proxy })
}

/// So many more apps, each with so many proxies, all alike. Their keys do not open, which nobody asks of them.
pub fn multiply(database: &Database, seeded: &Seeded, apps: usize, proxies: usize) -> anyhow::Result<()> {
    let Seeded { app, proxy, .. } = seeded;
    let sql = format!(
        "INSERT INTO apps (id, account_id, name, policy, created_at)
         SELECT gen_random_uuid(), account_id, 'App ' || number, policy, now()
         FROM apps, generate_series(1, {apps}) AS number WHERE id = '{app}';
         INSERT INTO plans (id, app_id, account_id, name, is_default, policy, created_at)
         SELECT gen_random_uuid(), apps.id, apps.account_id, plans.name, true, plans.policy, now()
         FROM apps, plans WHERE plans.app_id = '{app}' AND apps.id <> '{app}';
         INSERT INTO issuers (id, app_id, account_id, config, created_at, updated_at)
         SELECT gen_random_uuid(), apps.id, apps.account_id, config, now(), now()
         FROM apps, issuers WHERE issuers.app_id = '{app}' AND sealed_secret IS NULL AND apps.id <> '{app}';
         INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules, policy,
             allowed_origins, created_at, updated_at)
         SELECT gen_random_uuid(), apps.id, apps.account_id,
             translate(substr(md5(apps.id::text || number), 1, 12), '0123456789', 'ghijklmnop'), proxies.name, provider,
             base_url, key_placement, enabled, rules, proxies.policy, allowed_origins, now(), now()
         FROM apps, proxies, generate_series(1, {proxies}) AS number
         WHERE proxies.id = '{proxy}' AND apps.id <> '{app}';
         INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, created_at)
         SELECT gen_random_uuid(), proxies.id, proxies.account_id, 1, sealed, hint, now()
         FROM proxies, sealed_keys WHERE sealed_keys.proxy_id = '{proxy}' AND proxies.id <> '{proxy}';"
    );
    database.execute(&sql)
}

fn sealed_key(data_key: &DataKey, (account, proxy): (Uuid, Uuid), base_url: &str) -> anyhow::Result<(Uuid, Vec<u8>)> {
    let key = Uuid::new_v4();
    let context = SealContext {
        account: AccountId(account),
        proxy: ProxyId(proxy),
        key: KeyId(key),
        provider: PROVIDER.to_owned(),
        origin: upstream_origin(&base_url.parse()?),
        placement: catalogue::provider(PROVIDER).expect("it is in the catalogue").key_placement.binding(),
        version: 1,
    };
    Ok((key, data_key.seal_provider_key(&context, &ProviderKey::parse(PROVIDER_KEY)?)?))
}

fn issuers(data_key: &DataKey, (account, app): (Uuid, Uuid), upstream: SocketAddr) -> anyhow::Result<String> {
    let (published, shared) = (Uuid::new_v4(), Uuid::new_v4());
    let secret = data_key.seal_issuer_secret(IssuerId(shared), SHARED_SECRET)?;
    let address = issuer(upstream);
    let by_key_set = json!({"kind": "emulator", "issuer": address, "audience": AUDIENCE,
        "jwks_url": format!("{address}/.well-known/jwks.json")});
    let by_secret = json!({"kind": "supabase_secret", "issuer": SHARED_ISSUER});
    Ok(format!(
        "INSERT INTO issuers (id, app_id, account_id, config, sealed_secret, created_at, updated_at)
         VALUES ('{published}', '{app}', '{account}', '{by_key_set}', NULL, now(), now()),
                ('{shared}', '{app}', '{account}', '{by_secret}', '\\x{}', now(), now());",
        hex::encode(secret)
    ))
}
