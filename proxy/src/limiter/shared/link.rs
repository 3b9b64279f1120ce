//! The connection to Redis, which mends itself, and the three scripts that run there. Every call has an end.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::grain_ms;
use keyward_domain::limits::{Counting, Window};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError, RedisResult, Script};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::outbox::Message;
use crate::limiter::{Demand, Dimension, Scope};

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
    #[error("no thread for it: {0}")]
    NoThread(#[from] std::io::Error),
    #[error("it was stopped")]
    Stopped,
}

#[derive(Clone)]
pub struct Link {
    connection: ConnectionManager,
    scripts: Arc<Scripts>,
    lease_ms: u64,
    thread: Arc<LinkThread>,
}

/// Replies are read on a thread of their own: were it the requests', a crowd of them would look like a Redis that does
/// not answer. Ends with the last link.
struct LinkThread {
    runtime: Handle,
    _open: oneshot::Sender<()>,
}

impl LinkThread {
    fn start() -> Result<Self, LinkError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel::<()>();
        std::thread::Builder::new().name("redis".to_owned()).spawn(move || {
            // An error: the sender is gone, and with it the last link.
            let _ = runtime.block_on(closed);
        })?;
        Ok(Self { runtime: handle, _open: open })
    }
}

/// A script to be run, with all it needs.
struct Ask {
    script: fn(&Scripts) -> &Script,
    keys: Vec<String>,
    args: Vec<String>,
}

impl Ask {
    fn new(script: fn(&Scripts) -> &Script) -> Self {
        Self { script, keys: Vec::new(), args: Vec::new() }
    }

    fn key(&mut self, key: String) -> &mut Self {
        self.keys.push(key);
        self
    }

    fn arg(&mut self, arg: &(impl ToString + ?Sized)) -> &mut Self {
        self.args.push(arg.to_string());
        self
    }
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
    pub fn new(url: &str, lease: Duration) -> Result<Self, LinkError> {
        let thread = LinkThread::start()?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(PATIENCE))
            .set_connection_timeout(Some(PATIENCE))
            .set_number_of_retries(0);
        let connection = {
            // Whoever reads its replies is started where it is made.
            let _on_thread = thread.runtime.enter();
            ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?
        };
        let scripts = Scripts {
            reserve: Script::new(include_str!("reserve.lua")),
            settle: Script::new(include_str!("settle.lua")),
            renew: Script::new(include_str!("renew.lua")),
        };
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(60_000);
        Ok(Self { connection, scripts: Arc::new(scripts), lease_ms, thread: Arc::new(thread) })
    }

    /// `None` only looks; else the call's id, under which the reservation can be cancelled.
    pub async fn reserve(&self, demand: &Demand, taking: Option<Uuid>, node: &str) -> Result<Answer, LinkError> {
        let mut script = Ask::new(|scripts| &scripts.reserve);
        script.key(leases(demand.scope.app)).key(record(demand.scope.app, taking.unwrap_or_default()));
        script.arg(node).arg(&self.lease_ms).arg(if taking.is_some() { "take" } else { "look" });
        script.arg(&u8::from(demand.holds()));
        for start_ms in demand.scope.months.starts_ms {
            script.arg(&start_ms.min(LARGEST));
        }
        for dimension in &demand.dimensions {
            let limit = &dimension.limit;
            name(&mut script, &demand.scope, dimension);
            script.arg(when(limit.counting())).arg(&window_ms(limit.window)).arg(&grain_ms(limit));
            script.arg(&limit.amount.min(LARGEST)).arg(&dimension.asked.min(LARGEST));
        }
        let reply: Vec<String> = self.run(script).await?;
        read(&reply, demand.dimensions.len()).ok_or(LinkError::Unreadable)
    }

    pub async fn settle(&self, message: &Message) -> Result<(), LinkError> {
        let mut script = Ask::new(|scripts| &scripts.settle);
        script.key(record(message.scope.app, message.call)).arg(&*message.node).arg(message.mode.name());
        for part in &message.parts {
            name(&mut script, &message.scope, &part.dimension);
            script.arg(when(part.dimension.limit.counting())).arg(&part.bucket_ms.min(LARGEST));
            script.arg(&part.gone_at_ms.min(LARGEST));
            script.arg(&part.dimension.asked.min(LARGEST)).arg(&part.remains.min(LARGEST));
        }
        self.run::<i64>(script).await.map(|_| ())
    }

    pub async fn renew(&self, app: AppId, node: &str) -> Result<(), LinkError> {
        let mut script = Ask::new(|scripts| &scripts.renew);
        script.key(leases(app)).arg(node).arg(&self.lease_ms);
        self.run::<i64>(script).await.map(|_| ())
    }

    /// Connects, and brings the scripts, so that the first calls need not.
    pub async fn meet(&self) -> Result<(), LinkError> {
        let (mut connection, scripts) = (self.connection.clone(), self.scripts.clone());
        self.bounded(async move {
            for script in [&scripts.reserve, &scripts.settle, &scripts.renew] {
                script.load_async(&mut connection).await?;
            }
            Ok(())
        })
        .await
    }

    async fn run<T: FromRedisValue + Send + 'static>(&self, ask: Ask) -> Result<T, LinkError> {
        let (mut connection, scripts) = (self.connection.clone(), self.scripts.clone());
        self.bounded(async move {
            let mut script = (ask.script)(&scripts).prepare_invoke();
            for key in &ask.keys {
                script.key(key);
            }
            for arg in &ask.args {
                script.arg(arg);
            }
            script.invoke_async(&mut connection).await
        })
        .await
    }

    async fn bounded<T: Send + 'static>(
        &self,
        asking: impl Future<Output = RedisResult<T>> + Send + 'static,
    ) -> Result<T, LinkError> {
        let asking = self.thread.runtime.spawn(timeout(PATIENCE, asking));
        Ok(asking.await.map_err(|_| LinkError::Stopped)?.map_err(|_| LinkError::TimedOut)??)
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

fn name(script: &mut Ask, scope: &Scope, dimension: &Dimension) {
    let (app, name) = (scope.app, scope.name(dimension));
    script.key(key(app, &format!("used:{name}"))).key(key(app, &format!("held:{name}")));
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
