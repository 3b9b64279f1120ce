//! The emulator's ledger: what reached the provider, and how much of an answer it gave away. It keeps the last thousand
//! requests only, so it is read while traffic runs.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

const READ_EVERY: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub model: Option<String>,
    pub status: Option<u16>,
    pub finished: bool,
    /// Fields in which the provider's key came.
    pub keys: usize,
}

/// By number.
pub type Truth = BTreeMap<u64, Seen>;

/// Reads on until `stop`, then once more; `Err` where requests were dropped before they were read.
pub async fn follow(
    client: Client,
    emulator: String,
    after: u64,
    stop: CancellationToken,
) -> Result<Truth, &'static str> {
    let (mut truth, mut settled, mut last) = (Truth::new(), after, false);
    loop {
        let url = format!("{emulator}/_seen?since={settled}");
        if let Ok(reply) = client.get(url).send().await
            && let Ok(page) = reply.json::<Value>().await
        {
            for request in page["requests"].as_array().into_iter().flatten() {
                truth.insert(request["n"].as_u64().unwrap_or_default(), read(request));
            }
            // What still runs is read again.
            while truth.get(&(settled + 1)).is_some_and(|seen| seen.finished) {
                settled += 1;
            }
            let total = page["total"].as_u64().unwrap_or_default();
            if (after + 1..=total).any(|number| !truth.contains_key(&number)) {
                return Err("the emulator forgot requests before they were read");
            }
            if last {
                return Ok(truth);
            }
        }
        last = tokio::time::timeout(READ_EVERY, stop.cancelled()).await.is_ok();
    }
}

fn read(request: &Value) -> Seen {
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let path = text("path");
    let in_path = path.split_once("/models/").and_then(|(_, rest)| rest.split(':').next()).map(str::to_owned);
    let in_query = request["query"].as_str().and_then(|query| query.strip_prefix("model=")).map(str::to_owned);
    let keys = request["headers"].as_object().into_iter().flatten();
    Seen {
        method: text("method"),
        model: request["body_json"]["model"].as_str().map(str::to_owned).or(in_path).or(in_query),
        path,
        status: request["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
        finished: request["finished"] == true,
        keys: keys.filter(|(_, value)| value.as_str().is_some_and(|value| value.contains("[key"))).count(),
    }
}
