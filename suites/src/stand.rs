//! A running edge for suites that attack it from outside: a fresh database, an emulator, proxies of each kind.
//! Knows nothing of what is then done to it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use keyward_domain::catalogue;
use keyward_domain::ids::{AccountId, KeyId, ProxyId};
use keyward_domain::provider::upstream_origin;
use keyward_domain::secret::ProviderKey;
use keyward_domain::slug::ProxySlug;
use keyward_store::sealing::{KeyRing, SealContext};
use keyward_store::testing::TestDatabase;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

const KEK: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";
const PROVIDER_KEY: &str = "emulator-provider-key-of-the-suites";

pub struct Stand {
    pub address: String,
    pub ops: String,
    pub emulator: String,
    /// Provider and slug.
    pub proxies: Vec<(&'static str, String)>,
    _programs: [Child; 2],
    _database: TestDatabase,
    _folder: Folder,
}

/// What the edge keeps; gone with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing is lost when it stays.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stand {
    /// `settings` are laid over the edge's environment.
    pub async fn start(providers: &[&'static str], settings: &[(String, String)]) -> anyhow::Result<Self> {
        let emulator_settings = [("KEYWARD_EMULATOR_ADDR", "127.0.0.1:0"), ("KEYWARD_EMULATOR_KEY", PROVIDER_KEY)];
        let emulator_settings = emulator_settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (emulator_program, said) = launch("keyward-emulator", &emulator_settings, &["listening on "]).await?;
        let emulator = said[0].clone();
        let database = TestDatabase::create().await;
        let mut proxies = Vec::new();
        for &provider in providers {
            proxies.push((provider, plant(&database, provider, &emulator).await?));
        }
        let folder = Folder(std::env::temp_dir().join(format!("keyward-suites-{}", Uuid::new_v4().simple())));
        let mut env: Vec<(String, String)> = [
            ("DATABASE_URL", database.url().as_str()),
            ("KEYWARD_KEY_ENCRYPTION_KEY", KEK),
            ("KEYWARD_MODE", "development"),
            ("KEYWARD_EDGE_ADDR", "127.0.0.1:0"),
            ("KEYWARD_OPS_ADDR", "127.0.0.1:0"),
            ("KEYWARD_LOG", "info"),
            ("KEYWARD_EDGE_DATA_DIR", folder.0.to_str().context("a readable path")?),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        env.extend_from_slice(settings);
        let (edge_program, said) = launch("keyward-proxy", &env, &["ops=", "edge="]).await?;
        let [ops, address] = <[String; 2]>::try_from(said).ok().context("two addresses")?;
        Ok(Self {
            address,
            ops,
            emulator,
            proxies,
            _programs: [emulator_program, edge_program],
            _database: database,
            _folder: folder,
        })
    }

    pub fn description(&self) -> Value {
        let proxies: serde_json::Map<_, _> =
            self.proxies.iter().map(|(name, slug)| ((*name).to_owned(), json!(slug))).collect();
        json!({ "edge": format!("http://{}", self.address), "ops": format!("http://{}", self.ops), "emulator": self.emulator,
            "proxies": proxies, "key": PROVIDER_KEY })
    }
}

/// Starts a program that was built beside this one; waits until it has said what follows each of the words, in their order.
async fn launch(name: &str, env: &[(String, String)], words: &[&str]) -> anyhow::Result<(Child, Vec<String>)> {
    let program: PathBuf = std::env::current_exe()?.with_file_name(name);
    let mut command = Command::new(&program);
    command.env_clear().envs(env.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{} can't be started", program.display()))?;
    let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
    let mut said = Vec::new();
    while let Some(word) = words.get(said.len()) {
        let line = lines.next_line().await?.with_context(|| format!("{name} ended before it said {word:?}"))?;
        let behind = line.split_once(word).and_then(|(_, behind)| behind.split_whitespace().next());
        said.extend(behind.map(str::to_owned));
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, said))
}

/// An account, an app, a plan, an issuer and one proxy, as the dashboard would write them.
async fn plant(database: &TestDatabase, provider: &'static str, emulator: &str) -> anyhow::Result<String> {
    let entry = catalogue::provider(provider).context("not in the catalogue")?;
    let [account, app, proxy, key, plan, issuer] = std::array::from_fn(|_| Uuid::new_v4());
    let slug = ProxySlug::from_random(*account.as_bytes().first_chunk().context("16 bytes")?);
    let ring = KeyRing::from_hex(KEK)?;
    let wrapped = ring.new_data_key(AccountId(account))?;
    let base_url = format!("{emulator}/{provider}");
    let placement = entry.key_placement.binding();
    let context = SealContext {
        account: AccountId(account),
        proxy: ProxyId(proxy),
        key: KeyId(key),
        provider: provider.to_owned(),
        origin: upstream_origin(&base_url.parse()?),
        placement: placement.clone(),
        version: 1,
    };
    let data_key = ring.open_data_key(AccountId(account), &wrapped)?;
    let sealed = data_key.seal_provider_key(&context, &ProviderKey::parse(PROVIDER_KEY)?)?;
    let config = json!({"kind": "emulator", "issuer": emulator, "audience": "keyward-app",
        "jwks_url": format!("{emulator}/.well-known/jwks.json")});
    let text = |value: Value| value.to_string().replace('\'', "''");
    database
        .execute(&format!(
            "INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ('{account}', 'Suites', '\\x{wrapped}', now());
             INSERT INTO apps (id, account_id, name, created_at) VALUES ('{app}', '{account}', 'App', now());
             INSERT INTO plans (id, app_id, account_id, name, is_default, created_at)
             VALUES ('{plan}', '{app}', '{account}', 'Default', true, now());
             INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                 policy, allowed_origins, created_at, updated_at)
             VALUES ('{proxy}', '{app}', '{account}', '{slug}', 'Proxy', '{provider}', '{base_url}', '{placement}', true,
                 '{rules}', '{policy}', ARRAY[]::text[], now(), now());
             INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, created_at)
             VALUES ('{key}', '{proxy}', '{account}', 1, '\\x{sealed}', 'ites', now());
             INSERT INTO issuers (id, app_id, account_id, config, created_at, updated_at)
             VALUES ('{issuer}', '{app}', '{account}', '{config}', now(), now());",
            wrapped = hex::encode(&wrapped),
            sealed = hex::encode(&sealed),
            placement = placement.replace('\'', "''"),
            rules = text(json!(entry.default_rules)),
            policy = text(json!(keyward_domain::policy::ProxyPolicy::default())),
            config = text(config),
        ))
        .await;
    Ok(slug.as_str().to_owned())
}
