//! More keys for a proxy that was planted, and proxies beside it.

use keyward_domain::ids::{AccountId, KeyId, ProxyId};
use keyward_domain::provider::{KeyPlacement, upstream_origin};
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use keyward_store::sealing::{KeyRing, SealContext};
use uuid::Uuid;

use super::seed::{KEK, Seeded};
use super::world::World;

impl World {
    /// A further key of the pool.
    pub async fn add_key(&self, seeded: &Seeded, key: &str, weight: u32) -> Uuid {
        let id = Uuid::now_v7();
        let proxy = seeded.proxy;
        let column = |name: &str| format!("SELECT {name}::text FROM proxies WHERE id = '{proxy}'");
        let account: Uuid = self.database.text(&column("account_id")).await.parse().expect("a UUID");
        let base_url = self.database.text(&column("base_url")).await;
        let placement: KeyPlacement =
            serde_json::from_str(&self.database.text(&column("key_placement")).await).expect("JSON");
        let context = SealContext {
            account: AccountId(account),
            proxy: ProxyId(proxy),
            key: KeyId(id),
            provider: self.database.text(&column("provider")).await,
            origin: upstream_origin(&base_url.parse().expect("a URL")),
            placement: placement.binding(),
            version: 1,
        };
        let wrapped = format!("SELECT encode(wrapped_data_key, 'hex') FROM accounts WHERE id = '{account}'");
        let wrapped = hex::decode(self.database.text(&wrapped).await).expect("hex");
        let ring = KeyRing::from_hex(KEK).expect("64 digits");
        let data_key = ring.open_data_key(AccountId(account), &wrapped).expect("opens");
        let sealed = data_key.seal_provider_key(&context, &ProviderKey::parse(key).expect("a key")).expect("random");
        self.change(&format!(
            "INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, weight, created_at)
             VALUES ('{id}', '{proxy}', '{account}', 1, '\\x{}', 'leak', {weight}, now())",
            hex::encode(sealed)
        ))
        .await;
        id
    }

    /// The same proxy again in the same app, with this key alone.
    pub async fn sibling(&self, seeded: &Seeded, key: &str) -> Seeded {
        let proxy = Uuid::new_v4();
        let slug = ProxySlug::from_random(*proxy.as_bytes().first_chunk().expect("16 bytes")).as_str().to_owned();
        self.database
            .execute(&format!(
                "INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                     policy, allowed_origins, created_at, updated_at)
                 SELECT '{proxy}', app_id, account_id, '{slug}', 'Sibling', provider, base_url, key_placement, enabled, rules,
                     '{{}}', allowed_origins, now(), now() FROM proxies WHERE id = '{}'",
                seeded.proxy
            ))
            .await;
        let sibling = Seeded { slug, proxy, app: seeded.app };
        self.add_key(&sibling, key, 1).await;
        sibling
    }
}
