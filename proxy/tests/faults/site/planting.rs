//! The proxies that traffic goes through: three providers without a limit, and those that count requests, tokens, money.

use keyward_domain::catalogue;
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::policy::ProxyPolicy;
use keyward_domain::rules::EndpointRule;
use keyward_store::testing::TestDatabase;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Seed, Seeded};
use crate::judge::limits::Allowance;

/// Of one user, in an hour: longer than any round.
pub const LIMITS: Allowance = Allowance { requests: 5, tokens: 120, cost_micro_usd: 250, talk_micro_usd: 12_000 };

/// By the developer's own price for every model, which the edges know: per token of the question, of the answer, per call.
const PRICE_MICRO_USD: [i64; 3] = [1, 2, 10];

pub fn cost_micro_usd((input, output): (i64, i64)) -> i64 {
    let [of_input, of_output, of_call] = PRICE_MICRO_USD;
    input * of_input + output * of_output + of_call
}

pub struct Proxies {
    pub openai: Seeded,
    pub anthropic: Seeded,
    pub gemini: Seeded,
    pub counted: Seeded,
    pub budgeted: Seeded,
    pub paying: Seeded,
    pub realtime: Seeded,
    pub realtime_paying: Seeded,
}

impl Proxies {
    pub async fn plant(database: &TestDatabase, emulator: &str) -> Self {
        let seed = |provider: &'static str| Seed::new(provider, format!("{emulator}/{provider}"), emulator);
        let limited = |measure, amount: u64| {
            let limit = Limit { measure, window: Window::Hour, per: Per::User, model: None, amount };
            Seed { policy: ProxyPolicy { limits: vec![limit], ..ProxyPolicy::default() }, ..seed("openai") }
        };
        let amount = |limit: i64| u64::try_from(limit).expect("positive");
        let paying = limited(Measure::CostMicroUsd, amount(LIMITS.cost_micro_usd)).plant(database).await;
        set_price(database, &paying).await;
        let money = limited(Measure::CostMicroUsd, amount(LIMITS.talk_micro_usd));
        let realtime_paying = Seed { rules: Some(with_sockets()), ..money }.plant(database).await;
        set_price(database, &realtime_paying).await;
        Self {
            openai: seed("openai").plant(database).await,
            anthropic: seed("anthropic").plant(database).await,
            gemini: seed("gemini").plant(database).await,
            counted: limited(Measure::Requests, LIMITS.requests as u64).plant(database).await,
            budgeted: limited(Measure::TotalTokens, amount(LIMITS.tokens)).plant(database).await,
            paying,
            realtime: Seed { rules: Some(with_sockets()), ..seed("openai") }.plant(database).await,
            realtime_paying,
        }
    }
}

/// What the developer may add beside the default.
fn with_sockets() -> Vec<EndpointRule> {
    let known = catalogue::provider("openai").expect("in the catalogue");
    known.default_rules.iter().chain(&known.optional_rules).cloned().collect()
}

/// For every model: those of the traffic are in no list.
async fn set_price(database: &TestDatabase, seeded: &Seeded) {
    let [of_input, of_output, of_call] = PRICE_MICRO_USD;
    let price = json!({"provider": "openai", "model": "*", "input_per_million": of_input * 1_000_000,
        "output_per_million": of_output * 1_000_000, "per_request": of_call});
    let policy = json!({"prices": [price]});
    database.execute(&format!("UPDATE apps SET policy = '{policy}' WHERE id = '{}'", seeded.app)).await;
}

/// Blocks a user of the proxy's app, as the dashboard does; the notice is not sent where it is to be lost.
pub async fn block(database: &TestDatabase, seeded: &Seeded, user: &str, notice: Notice) {
    let (app, id) = (seeded.app, Uuid::now_v7());
    let (before, after) = match notice {
        Notice::Sent => ("", ""),
        // Triggers do not fire for a replica: the versions are counted by hand, and nobody is told.
        Notice::Lost => (
            "SET LOCAL session_replication_role = replica;",
            "UPDATE config_version SET version = version + 1;
             UPDATE apps SET config_version = (SELECT version FROM config_version);",
        ),
    };
    database
        .execute(&format!(
            "BEGIN; {before}
             INSERT INTO app_users (id, app_id, account_id, issuer_id, sub, first_seen_at, last_seen_at)
             SELECT '{id}', app_id, account_id, id, '{user}', now(), now() FROM issuers WHERE app_id = '{app}'
             ON CONFLICT (issuer_id, sub) DO NOTHING;
             UPDATE app_users SET blocked_at = now() WHERE app_id = '{app}' AND sub = '{user}';
             {after} COMMIT;"
        ))
        .await;
}

#[derive(Clone, Copy, Debug)]
pub enum Notice {
    Sent,
    Lost,
}
