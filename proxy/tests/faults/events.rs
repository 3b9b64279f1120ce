//! What the edges wrote down, as it stands in Postgres.

use keyward_store::testing::TestDatabase;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    pub sub: Option<String>,
    pub method: String,
    pub model: Option<String>,
    pub status: u16,
    pub outcome: String,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub is_part: bool,
    pub estimated: bool,
}

/// What the sums by hour say otherwise than the events that they are sums of.
pub async fn wrong_sums(database: &TestDatabase) -> Option<String> {
    let whole = sums(database, "count(*) FILTER (WHERE NOT is_part)", "usage_events").await;
    let summed = sums(database, "coalesce(sum(requests), 0)", "usage_hours").await;
    (whole != summed).then(|| format!("the sums by hour say {summed}, the events {whole}"))
}

async fn sums(database: &TestDatabase, requests: &str, table: &str) -> String {
    let tokens = |name: &str| format!("coalesce(sum({name}), 0)");
    let (input, output) = (tokens("input_tokens"), tokens("output_tokens"));
    let sql = format!("SELECT concat({requests}, ' requests, ', {input}, ' + ', {output}, ' tokens') FROM {table}");
    database.text(&sql).await
}

/// Those of the users whose names end so.
pub async fn of_users(database: &TestDatabase, ending: &str) -> Vec<Event> {
    let rows = database
        .text(&format!(
            "SELECT coalesce(json_agg(row_to_json(event)), '[]')::text FROM (
                 SELECT sub, method, model, status, outcome, input_tokens, output_tokens, is_part, estimated
                 FROM usage_events WHERE sub LIKE '%{ending}') AS event"
        ))
        .await;
    serde_json::from_str(&rows).expect("rows as JSON")
}
