//! The connection to Redis, which mends itself, and the three scripts that run there. Every call has an end.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::grain_ms;
use keyward_domain::limits::{Counting, Window};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, RedisResult, Script, ScriptInvocation};
use tokio::time::timeout;
use uuid::Uuid;

use super::outbox::Message;
use crate::limiter::{Demand, Dimension};

/// For one call, whatever happens on the way.
const PATIENCE: Duration = Duration::from_millis(250);
/// Doubles are exact up to here, and Lua knows no other numbers.
const LARGEST: u64 = 1 << 53;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("Redis did not answer in time")]
    TimedOut,
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error("Redis answered with something else")]
    Unreadable,
}

#[derive(Clone)]
pub struct Link {
    connection: ConnectionManager,
    scripts: Arc<Scripts>,
    lease_ms: u64,
}

struct Scripts {
    reserve: Script,
    settle: Script,
    renew: Script,
}

pub struct Answer {
    pub now_ms: u64,
    pub outcome: Outcome,
    /// Of each dimension what is used, and in how many milliseconds enough is free.
    pub readings: Vec<(u64, Option<u64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Taken,
    Refused,
    Looked,
}

impl Link {
    /// Connects when it is first used; never waits here.
    pub fn new(url: &str, lease: Duration) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(PATIENCE))
            .set_connection_timeout(Some(PATIENCE))
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        let scripts = Scripts {
            reserve: Script::new(include_str!("reserve.lua")),
            settle: Script::new(include_str!("settle.lua")),
            renew: Script::new(include_str!("renew.lua")),
        };
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(60_000);
        Ok(Self { connection, scripts: Arc::new(scripts), lease_ms })
    }

    /// `None` only looks; else the call's id, under which the reservation can be cancelled.
    pub async fn reserve(&self, demand: &Demand, taking: Option<Uuid>, node: &str) -> Result<Answer, LinkError> {
        let mut script = self.scripts.reserve.prepare_invoke();
        script.key(leases(demand.app)).key(record(demand.app, taking.unwrap_or_default()));
        script.arg(node).arg(self.lease_ms).arg(if taking.is_some() { "take" } else { "look" });
        script.arg(u8::from(demand.holds()));
        for start_ms in demand.months.starts_ms {
            script.arg(start_ms.min(LARGEST));
        }
        for dimension in &demand.dimensions {
            let limit = &dimension.limit;
            name(&mut script, demand.app, dimension);
            script.arg(when(limit.counting())).arg(window_ms(limit.window)).arg(grain_ms(limit));
            script.arg(limit.amount.min(LARGEST)).arg(dimension.asked.min(LARGEST));
        }
        let reply: Vec<String> = self.run(&script).await?;
        read(&reply, demand.dimensions.len()).ok_or(LinkError::Unreadable)
    }

    pub async fn settle(&self, message: &Message) -> Result<(), LinkError> {
        let mut script = self.scripts.settle.prepare_invoke();
        script.key(record(message.app, message.call)).arg(&*message.node).arg(message.mode.name());
        for part in &message.parts {
            name(&mut script, message.app, &part.dimension);
            script.arg(when(part.dimension.limit.counting())).arg(part.bucket_ms.min(LARGEST));
            script.arg(part.gone_at_ms.min(LARGEST));
            script.arg(part.dimension.asked.min(LARGEST)).arg(part.remains.min(LARGEST));
        }
        self.run::<i64>(&script).await.map(|_| ())
    }

    pub async fn renew(&self, app: AppId, node: &str) -> Result<(), LinkError> {
        let mut script = self.scripts.renew.prepare_invoke();
        script.key(leases(app)).arg(node).arg(self.lease_ms);
        self.run::<i64>(&script).await.map(|_| ())
    }

    pub async fn ping(&self) -> Result<(), LinkError> {
        let mut connection = self.connection.clone();
        let ping = redis::cmd("PING");
        timeout(PATIENCE, ping.query_async::<String>(&mut connection)).await.map_err(|_| LinkError::TimedOut)??;
        Ok(())
    }

    async fn run<T: redis::FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, LinkError> {
        let mut connection = self.connection.clone();
        let running = script.invoke_async(&mut connection);
        Ok(timeout(PATIENCE, running).await.map_err(|_| LinkError::TimedOut)??)
    }
}

/// All keys of an app lie on one node of a cluster: what stands in braces decides.
fn key(app: AppId, rest: &str) -> String {
    format!("keyward:{{{}}}:{rest}", app.0.simple())
}

fn leases(app: AppId) -> String {
    key(app, "nodes")
}

fn record(app: AppId, call: Uuid) -> String {
    key(app, &format!("call:{}", call.simple()))
}

fn name(script: &mut ScriptInvocation<'_>, app: AppId, dimension: &Dimension) {
    script.key(key(app, &format!("used:{}", dimension.name))).key(key(app, &format!("held:{}", dimension.name)));
}

fn when(counting: Counting) -> &'static str {
    match counting {
        Counting::AtOnce => "once",
        Counting::AtTheEnd => "end",
        Counting::WhileOpen => "open",
    }
}

/// 0 for the calendar month, whose length the script works out.
fn window_ms(window: Window) -> u64 {
    match window {
        Window::AtOnce | Window::Month => 0,
        Window::Second | Window::Minute | Window::Hour | Window::Day => window.secs() * 1_000,
    }
}

fn read(reply: &[String], dimensions: usize) -> Option<Answer> {
    let (now_ms, outcome) = (reply.first()?.parse().ok()?, reply.get(1)?);
    let outcome = match outcome.as_str() {
        "taken" => Outcome::Taken,
        "refused" => Outcome::Refused,
        "looked" => Outcome::Looked,
        _ => return None,
    };
    let number = |text: &String| text.parse::<i64>().ok();
    let pair = |pair: &[String]| {
        let used = u64::try_from(number(&pair[0])?).unwrap_or(0);
        Some((used, u64::try_from(number(&pair[1])?).ok()))
    };
    let readings: Option<Vec<_>> = reply[2..].chunks_exact(2).map(pair).collect();
    readings.filter(|readings| readings.len() == dimensions).map(|readings| Answer { now_ms, outcome, readings })
}
