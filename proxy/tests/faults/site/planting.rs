//! The proxies that traffic goes through: three providers without a limit, one that counts requests, one that counts tokens.

use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::policy::ProxyPolicy;
use keyward_store::testing::TestDatabase;
use uuid::Uuid;

use crate::harness::{Seed, Seeded};
use crate::judge::limits::Allowance;

/// Of one user, in an hour: longer than any round.
pub const LIMITS: Allowance = Allowance { requests: 5, tokens: 120 };

pub struct Proxies {
    pub openai: Seeded,
    pub anthropic: Seeded,
    pub gemini: Seeded,
    pub counted: Seeded,
    pub budgeted: Seeded,
}

impl Proxies {
    pub async fn plant(database: &TestDatabase, emulator: &str) -> Self {
        let seed = |provider: &'static str| Seed::new(provider, format!("{emulator}/{provider}"), emulator);
        let limited = |measure, amount: u64| {
            let limit = Limit { measure, window: Window::Hour, per: Per::User, model: None, amount };
            Seed { policy: ProxyPolicy { limits: vec![limit], ..ProxyPolicy::default() }, ..seed("openai") }
        };
        let tokens = u64::try_from(LIMITS.tokens).expect("positive");
        Self {
            openai: seed("openai").plant(database).await,
            anthropic: seed("anthropic").plant(database).await,
            gemini: seed("gemini").plant(database).await,
            counted: limited(Measure::Requests, LIMITS.requests as u64).plant(database).await,
            budgeted: limited(Measure::TotalTokens, tokens).plant(database).await,
        }
    }
}

/// Blocks a user of the proxy's app, as the dashboard does; the notice is not sent where it is to be lost.
pub async fn block(database: &TestDatabase, seeded: &Seeded, user: &str, notice: Notice) {
    let (app, id) = (seeded.app, Uuid::now_v7());
    let (before, after) = match notice {
        Notice::Sent => ("", ""),
        // Triggers do not fire for a replica: the version is counted by hand, and nobody is told.
        Notice::Lost => {
            ("SET LOCAL session_replication_role = replica;", "UPDATE config_version SET version = version + 1;")
        }
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
