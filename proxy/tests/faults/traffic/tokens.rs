//! Users' tokens, as the emulator signs them: one for each user.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Client;
use serde_json::{Value, json};

pub struct Tokens {
    client: Client,
    emulator: String,
    known: Mutex<HashMap<String, String>>,
}

impl Tokens {
    pub fn new(client: Client, emulator: String) -> Self {
        Self { client, emulator, known: Mutex::default() }
    }

    pub async fn of(&self, user: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(user).cloned();
        if let Some(token) = known {
            return token;
        }
        let token = self.mint(&json!({"sub": user})).await;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned(), token.clone());
        token
    }

    /// Signed by nobody whom an app trusts.
    pub async fn forged(&self, user: &str) -> String {
        self.mint(&json!({"sub": user, "sign_with": "unknown_key"})).await
    }

    async fn mint(&self, wanted: &Value) -> String {
        let reply = self.client.post(format!("{}/token", self.emulator)).json(wanted).send().await;
        let reply: Value = reply.expect("the emulator answers").json().await.expect("JSON");
        reply["token"].as_str().expect("a token").to_owned()
    }
}
