//! The way to localstripe, a program of its own that keeps customers, products, plans, subscriptions and invoices.

use http::Method;
use serde_json::Value;
use url::form_urlencoded;

use super::Refusal;

const KEY: &str = "sk_test_emulator";

pub struct Localstripe {
    url: Option<String>,
    client: reqwest::Client,
}

pub type Pairs = Vec<(String, String)>;

impl Localstripe {
    pub fn new(url: Option<String>, client: reqwest::Client) -> Self {
        Self { url, client }
    }

    pub async fn get(&self, path: &str, query: &Pairs) -> Result<Value, Refusal> {
        self.call(Method::GET, path, query, &Pairs::new()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, Refusal> {
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.call(Method::POST, path, &Pairs::new(), &form).await
    }

    pub async fn call(&self, method: Method, path: &str, query: &Pairs, form: &Pairs) -> Result<Value, Refusal> {
        let away = |why: &str| Refusal::new(503, format!("localstripe {why}; see KEYWARD_EMULATOR_LOCALSTRIPE_URL"));
        let url = self.url.as_ref().ok_or_else(|| away("is not set up"))?;
        let encoded = |pairs: &Pairs| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.client.request(method, format!("{url}/v1/{path}?{}", encoded(query))).bearer_auth(KEY);
        let request = match form.is_empty() {
            true => request,
            false => request.header("content-type", "application/x-www-form-urlencoded").body(encoded(form)),
        };
        let answer = request.send().await.map_err(|_| away("does not answer"))?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|_| away("broke off"))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status < 300 { Ok(body) } else { Err(Refusal { status, error: body["error"].clone() }) }
    }
}
