//! Starts one emulator on a free port and stops it when the test ends.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

pub const KEY: &str = "key-of-the-integration-tests";

pub struct Emulator {
    child: Child,
    pub url: String,
    pub client: Client,
}

impl Emulator {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    #[expect(clippy::disallowed_methods, reason = "a test calls the emulator directly")]
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyward-emulator"))
            .env("KEYWARD_EMULATOR_ADDR", "127.0.0.1:0")
            .env("KEYWARD_EMULATOR_KEY", KEY)
            .env_remove("KEYWARD_EMULATOR_PUBLIC_URL")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the emulator starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("keyward-emulator listening on ").expect("the listening line").to_owned();
        Self {
            child,
            url,
            client: Client::builder().no_proxy().timeout(Duration::from_secs(120)).build().expect("a client"),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request that carries the key in the place of the provider.
    pub fn with_key(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.request(method.clone(), path);
        if path.starts_with("/anthropic") {
            return request.header("x-api-key", KEY).header("anthropic-version", "2023-06-01");
        }
        if path.starts_with("/gemini") {
            return request.header("x-goog-api-key", KEY);
        }
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match first {
            "azure-openai" => request.header("api-key", KEY),
            "elevenlabs" => request.header("xi-api-key", KEY),
            "brave" => request.header("x-subscription-token", KEY),
            "fal" => request.header("authorization", format!("Key {KEY}")),
            "deepgram" => request.header("authorization", format!("Token {KEY}")),
            "deepl" => request.header("authorization", format!("DeepL-Auth-Key {KEY}")),
            "open-meteo" => self.request(method, &format!("{path}&apikey={KEY}")),
            _ => request.bearer_auth(KEY),
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        json(self.with_key(Method::GET, path).send().await.expect("an answer")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        json(self.with_key(Method::POST, path).json(&body).send().await.expect("an answer")).await
    }

    /// One of the emulator's own routes.
    pub async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = self.request(method.clone(), path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        json(request.send().await.expect("an answer")).await
    }

    /// Looks at `/_seen` until `wanted` accepts the last request.
    pub async fn last_seen(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1500 {
            let mut seen = self.control(Method::GET, "/_seen", None).await;
            last = seen["requests"].as_array_mut().and_then(Vec::pop).unwrap_or_default();
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never seen; the last was {last:#}");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The JSON of a successful answer; null when it has no body.
pub async fn json(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert!(status.is_success(), "{status}: {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
}

/// The `data:` of each event; `[DONE]` as a string.
pub fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|json| serde_json::from_str(json).unwrap_or_else(|_| Value::from(json))).collect()
}
