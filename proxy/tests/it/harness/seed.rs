//! Rows as the dashboard would write them.

use keyward_domain::catalogue;
use keyward_domain::ids::{AccountId, KeyId, ProxyId};
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::policy::ProxyPolicy;
use keyward_domain::provider::{KeyPlacement, upstream_origin};
use keyward_domain::rules::EndpointRule;
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use keyward_store::sealing::{KeyRing, SealContext};
use keyward_store::testing::TestDatabase;
use serde_json::{Value, json};
use uuid::Uuid;

/// The key-encryption key of every test.
pub const KEK: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";
/// What must never be seen but by the provider.
pub const PROVIDER_KEY: &str = "emulator-key-canary-7h1s-must-not-leak";

/// Others that the emulator accepts: of a pool, of a fallback, of users.
pub const MORE_KEYS: [&str; 4] = [
    "emulator-key-canary-second-must-not-leak",
    "emulator-key-canary-third-must-not-leak",
    "emulator-key-canary-alices-own-must-not-leak",
    "emulator-key-canary-alices-new-must-not-leak",
];

/// So many requests an hour for each user.
pub fn limit(requests: u64) -> Limit {
    Limit { measure: Measure::Requests, window: Window::Hour, per: Per::User, model: None, amount: requests }
}

/// One proxy to be, with an account, an app, a default plan and an issuer of its own.
pub struct Seed {
    pub provider: &'static str,
    pub base_url: String,
    pub placement: Option<KeyPlacement>,
    pub rules: Option<Vec<EndpointRule>>,
    /// Goes into the policy.
    pub rate_limit: Option<Limit>,
    pub policy: ProxyPolicy,
    pub origins: Vec<String>,
    pub issuers: Vec<Value>,
    pub enabled: bool,
}

pub struct Seeded {
    pub slug: String,
    pub proxy: Uuid,
    pub app: Uuid,
}

impl Seed {
    pub fn new(provider: &'static str, base_url: String, emulator: &str) -> Self {
        let issuer = json!({"kind": "emulator", "issuer": emulator, "audience": "keyward-app",
            "jwks_url": format!("{emulator}/.well-known/jwks.json")});
        Self {
            provider,
            base_url,
            placement: None,
            rules: None,
            rate_limit: None,
            policy: ProxyPolicy::default(),
            origins: vec!["https://app.example".to_owned()],
            issuers: vec![issuer],
            enabled: true,
        }
    }

    pub async fn plant(self, database: &TestDatabase) -> Seeded {
        let (account, app, proxy, key) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let slug = ProxySlug::from_random(*account.as_bytes().first_chunk().expect("16 bytes"));
        let ring = KeyRing::from_hex(KEK).expect("64 digits");
        let wrapped = ring.new_data_key(AccountId(account)).expect("random");
        let provider = catalogue::provider(self.provider).expect("in the catalogue");
        let placement = self.placement.unwrap_or_else(|| provider.key_placement.clone());
        let context = SealContext {
            account: AccountId(account),
            proxy: ProxyId(proxy),
            key: KeyId(key),
            provider: self.provider.to_owned(),
            origin: upstream_origin(&self.base_url.parse().expect("a URL")),
            placement: placement.binding(),
            version: 1,
        };
        let mut policy = self.policy;
        policy.limits.extend(self.rate_limit);
        let data_key = ring.open_data_key(AccountId(account), &wrapped).expect("just made");
        let provider_key = ProviderKey::parse(PROVIDER_KEY).expect("a key");
        let sealed = data_key.seal_provider_key(&context, &provider_key).expect("random");
        let rules = self.rules.unwrap_or_else(|| provider.default_rules.clone());
        let text = |value: &str| value.replace('\'', "''");
        let json_text = |value: &Value| text(&value.to_string());
        let origins = self.origins.iter().map(|origin| format!("'{origin}'")).collect::<Vec<_>>().join(",");
        let issuers = self.issuers.iter().map(|config| {
            let id = Uuid::new_v4();
            format!(
                "INSERT INTO issuers (id, app_id, account_id, config, created_at, updated_at)
                 VALUES ('{id}', '{app}', '{account}', '{}', now(), now());",
                json_text(config)
            )
        });
        let sql = format!(
            "INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ('{account}', 'Test', '\\x{wrapped}', now());
             INSERT INTO apps (id, account_id, name, created_at) VALUES ('{app}', '{account}', 'App', now());
             INSERT INTO plans (id, app_id, account_id, name, is_default, created_at)
             VALUES ('{plan}', '{app}', '{account}', 'Default', true, now());
             INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                 policy, allowed_origins, created_at, updated_at)
             VALUES ('{proxy}', '{app}', '{account}', '{slug}', 'Proxy', '{provider}', '{base_url}', '{placement}', {enabled},
                 '{rules}', '{policy}', ARRAY[{origins}]::text[], now(), now());
             INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, created_at)
             VALUES ('{key}', '{proxy}', '{account}', 1, '\\x{sealed}', 'leak', now());
             {issuers}",
            wrapped = hex::encode(&wrapped),
            plan = Uuid::new_v4(),
            provider = self.provider,
            base_url = text(&self.base_url),
            placement = text(&placement.binding()),
            enabled = self.enabled,
            rules = json_text(&json!(rules)),
            policy = json_text(&json!(policy)),
            sealed = hex::encode(&sealed),
            issuers = issuers.collect::<String>(),
        );
        database.execute(&sql).await;
        Seeded { slug: slug.as_str().to_owned(), proxy, app }
    }
}
