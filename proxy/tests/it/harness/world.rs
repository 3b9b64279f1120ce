//! Database, emulator and edge of one test, and how it calls them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use keyward_domain::rules::EndpointRule;
use keyward_store::testing::TestDatabase;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::process::{EdgeProcess, Process, emulator_program};
use super::seed::{KEK, MORE_KEYS, PROVIDER_KEY, Seed, Seeded};
use super::{Answer, Cable};

/// Waits for what must come to pass.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let found = timeout(Duration::from_secs(30), async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("it never came to pass: {what}"))
}

pub struct WorldBuilder {
    env: Vec<(String, String)>,
}

pub struct World {
    /// Ends before its database does: one that connects anew through a cable that nobody carries any more would hold that up
    /// for as long as PostgreSQL waits for a password.
    pub edge: EdgeProcess,
    pub database: TestDatabase,
    pub cable: Cable,
    pub emulator: String,
    pub client: Client,
    env: Vec<(String, String)>,
    _emulator: Process,
    /// Of every token that was minted, what makes it work.
    signatures: Mutex<Vec<String>>,
    tokens: Mutex<HashMap<String, String>>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(&[]).start().await
    }

    pub fn with(env: &[(&str, &str)]) -> WorldBuilder {
        WorldBuilder { env: env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// The settings of this world's edge, for another one beside it.
    pub fn env(&self) -> Vec<(String, String)> {
        self.env.clone()
    }

    pub fn seed(&self, provider: &'static str) -> Seed {
        let path = if provider == "custom" { "echo" } else { provider };
        Seed::new(provider, format!("{}/{path}", self.emulator), &self.emulator)
    }

    /// Plants the proxy and waits until the edge serves it.
    pub async fn plant(&self, seed: Seed) -> Seeded {
        let seeded = seed.plant(&self.database).await;
        self.config_is_current().await;
        seeded
    }

    /// Changes the edge's configuration, and waits until it serves from it.
    pub async fn change(&self, sql: &str) {
        self.database.execute(sql).await;
        self.config_is_current().await;
    }

    async fn config_is_current(&self) {
        let version = self.database.count("SELECT version FROM config_version").await;
        eventually("the edge serves from the new configuration", || async {
            (self.metric("keyward_edge_config_version").await >= version as f64).then_some(())
        })
        .await;
    }

    pub async fn openai(&self) -> Seeded {
        self.plant(self.seed("openai")).await
    }

    /// A custom API that answers with what reached it, open for these calls.
    pub async fn echo(&self, rules: &[(&str, &str)]) -> Seeded {
        let rule = |&(method, template): &(&str, &str)| EndpointRule {
            method: method.to_owned(),
            template: template.to_owned(),
            query: vec!["q".to_owned()],
            headers: vec![],
        };
        let rules = Some(rules.iter().map(rule).collect());
        self.plant(Seed { rules, ..self.seed("custom") }).await
    }

    pub fn url(&self, seeded: &Seeded, path: &str) -> String {
        format!("http://{}/{}{path}", self.edge.address, seeded.slug)
    }

    /// A valid token of the emulator's issuer, the same for the same user.
    pub async fn token(&self, user: &str) -> String {
        if let Some(token) = self.tokens.lock().expect("no panic").get(user) {
            return token.clone();
        }
        let token = self.mint(&json!({"sub": user})).await;
        self.tokens.lock().expect("no panic").insert(user.to_owned(), token.clone());
        token
    }

    pub async fn mint(&self, request: &Value) -> String {
        let reply =
            self.send(self.client.post(format!("{}/token", self.emulator)).json(request)).await.expect(200).json();
        let token = reply["token"].as_str().expect("a token").to_owned();
        let signature = token.rsplit('.').next().unwrap_or_default();
        self.signatures.lock().expect("no panic").extend((signature.len() > 20).then(|| signature.to_owned()));
        token
    }

    /// What must not be in the log when the world ends.
    pub fn keep_secret(&self, text: &str) {
        self.signatures.lock().expect("no panic").push(text.to_owned());
    }

    /// A call as a stock SDK makes it: the user's token where the key went.
    pub async fn call(&self, seeded: &Seeded, user: &str, method: Method, path: &str) -> Call<'_> {
        let request = self.client.request(method, self.url(seeded, path)).bearer_auth(self.token(user).await);
        Call { world: self, request }
    }

    pub async fn get(&self, seeded: &Seeded, user: &str, path: &str) -> Answer {
        self.call(seeded, user, Method::GET, path).await.send().await
    }

    pub async fn post(&self, seeded: &Seeded, user: &str, path: &str, body: &Value) -> Answer {
        self.call(seeded, user, Method::POST, path).await.json(body).send().await
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let mut response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        // Of a body that breaks off, what came.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
        }
        Answer { status, headers, body }
    }

    /// What reached the provider, oldest first.
    pub async fn seen(&self) -> Vec<Value> {
        let seen = self.send(self.client.get(format!("{}/_seen", self.emulator))).await.json();
        seen["requests"].as_array().expect("a list").clone()
    }

    pub async fn forget_seen(&self) {
        self.send(self.client.delete(format!("{}/_seen", self.emulator))).await;
    }

    #[track_caller]
    pub fn assert_unseen(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let seen = self.seen().await;
            assert!(seen.is_empty(), "the provider saw something ({caller}): {seen:#?}");
        }
    }

    pub async fn arm(&self, fault: &Value) {
        self.send(self.client.post(format!("{}/_faults", self.emulator)).json(fault)).await.expect(200);
    }

    /// The usage events of a proxy once there are so many, oldest first, as JSON.
    pub async fn usage(&self, seeded: &Seeded, count: usize) -> Vec<Value> {
        let proxy = seeded.proxy;
        let sql = format!("SELECT count(*) FROM usage_events WHERE proxy_id = '{proxy}'");
        eventually("the usage events are written", || async {
            (self.database.count(&sql).await >= i64::try_from(count).expect("few")).then_some(())
        })
        .await;
        let rows = self
            .database
            .text(&format!(
                "SELECT coalesce(json_agg(row_to_json(event) ORDER BY event.occurred_at, event.id), '[]')::text
                 FROM usage_events AS event WHERE proxy_id = '{proxy}'"
            ))
            .await;
        let events: Vec<Value> = serde_json::from_str(&rows).expect("JSON");
        assert_eq!(events.len(), count, "{events:#?}");
        events
    }

    pub async fn forget_usage(&self) {
        self.database.execute("DELETE FROM usage_events").await;
    }

    pub async fn metric(&self, name: &str) -> f64 {
        self.metric_of(&self.edge, name).await
    }

    pub async fn metric_of(&self, edge: &EdgeProcess, name: &str) -> f64 {
        let text = self.send(self.client.get(format!("{}/metrics", edge.ops))).await.text();
        let lines = text.lines().filter(|line| !line.starts_with('#') && line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    fn assert_nothing_leaked(&self) {
        let log = self.edge.process.output.text();
        assert!(!log.contains(PROVIDER_KEY), "the provider key is in the log");
        for key in MORE_KEYS {
            assert!(!log.contains(key), "a provider key is in the log");
        }
        for signature in self.signatures.lock().expect("no panic").iter() {
            assert!(!log.contains(signature), "a user's token or share is in the log");
        }
        assert!(!log.contains(KEK), "the key-encryption key is in the log");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Every test is a test of this, at TRACE level.
        if !std::thread::panicking() {
            self.assert_nothing_leaked();
        }
    }
}

impl WorldBuilder {
    pub async fn start(self) -> World {
        let database = TestDatabase::create().await;
        let cable = Cable::to(server_of(&database.url())).await;
        let emulator_env = [
            ("KEYWARD_EMULATOR_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
            ("KEYWARD_EMULATOR_KEY".to_owned(), PROVIDER_KEY.to_owned()),
            ("KEYWARD_EMULATOR_MORE_KEYS".to_owned(), MORE_KEYS.join(",")),
        ];
        let mut emulator = Process::spawn(&emulator_program(), &emulator_env);
        let line = emulator.line_with("listening on http://").await;
        let emulator_url = line[line.find("http://").expect("just found")..].trim().to_owned();
        let overrides = json!({
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com":
                format!("{emulator_url}/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"),
            "https://firebaseappcheck.googleapis.com/v1/jwks": format!("{emulator_url}/v1/jwks"),
        });
        let standard = [
            ("DATABASE_URL", through(&cable, &database.url())),
            ("KEYWARD_KEY_ENCRYPTION_KEY", KEK.to_owned()),
            ("KEYWARD_MODE", "development".to_owned()),
            ("KEYWARD_EDGE_ADDR", "127.0.0.1:0".to_owned()),
            ("KEYWARD_OPS_ADDR", "127.0.0.1:0".to_owned()),
            ("KEYWARD_LOG", "trace".to_owned()),
            ("KEYWARD_CONNECTIONS_PER_ADDRESS", "5000".to_owned()),
            ("KEYWARD_SHUTDOWN_GRACE_SECS", "1".to_owned()),
            ("KEYWARD_JWKS_OVERRIDES", overrides.to_string()),
        ];
        let mut env: Vec<(String, String)> =
            standard.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        env.extend(self.env);
        let edge = EdgeProcess::start(&env).await;
        World {
            database,
            cable,
            edge,
            emulator: emulator_url,
            client: client(),
            env,
            _emulator: emulator,
            signatures: Mutex::default(),
            tokens: Mutex::default(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test calls the edge and the emulator, which are on this machine")]
fn client() -> Client {
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(60)).build().expect("a client")
}

/// Speaks HTTP/2 without asking.
#[expect(clippy::disallowed_methods, reason = "a test calls the edge, which is on this machine")]
pub fn http2_client() -> Client {
    Client::builder().no_proxy().http2_prior_knowledge().timeout(Duration::from_secs(60)).build().expect("a client")
}

/// Where the Redis for tests is.
#[expect(clippy::disallowed_methods, reason = "tests are told where their Redis is")]
pub fn redis_url() -> String {
    std::env::var("KEYWARD_TEST_REDIS_URL")
        .expect("KEYWARD_TEST_REDIS_URL must be set: the address of a Redis for tests; scripts/test.sh starts one")
}

fn server_of(url: &str) -> String {
    let url: url::Url = url.parse().expect("a URL");
    format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432))
}

pub fn through(cable: &Cable, url: &str) -> String {
    let mut url: url::Url = url.parse().expect("a URL");
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(cable.port)).expect("a port");
    url.to_string()
}

pub struct Call<'a> {
    world: &'a World,
    pub request: RequestBuilder,
}

impl Call<'_> {
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn body(mut self, media_type: &str, bytes: Vec<u8>) -> Self {
        self.request = self.request.header("content-type", media_type).body(bytes);
        self
    }

    pub async fn send(self) -> Answer {
        self.world.send(self.request).await
    }

    /// The answer's head; its body is still to come.
    pub async fn open(self) -> reqwest::Response {
        self.request.send().await.expect("an answer")
    }
}
