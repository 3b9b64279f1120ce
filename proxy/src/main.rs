//! The edge. Reads the environment, connects the parts, serves, and ends in order.

mod answer;
mod byok_vault;
mod byte_budget;
mod callers;
mod client_streams;
mod config;
mod config_watch;
mod conversation;
mod custody;
mod custody_notes;
mod data_dir;
mod edge;
mod forwarding;
mod frame_faults;
mod frame_watch;
mod head_watch;
mod kept_config;
mod kept_file;
mod kept_plans;
mod key_rests;
mod last_word;
mod ledger;
mod limit_fields;
mod limiter;
mod listening;
mod malformed;
mod meter;
mod metrics;
mod months;
mod ops;
mod patience;
mod patient_io;
mod patient_stream;
mod pipeline;
mod plan_watch;
mod redactor;
mod reply_stream;
mod self_service;
mod serve;
mod served_keys;
mod shards;
mod shared_rules;
mod snapshot;
mod socket;
mod standing_watch;
mod steps;
mod stranger_log;
mod tls;
mod usage;
mod usage_journal;
mod usage_queue;
#[cfg(test)]
mod usage_rate;
mod usage_shelf;
mod usage_shipper;
mod user_plans;
mod wire_watch;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use keyward_domain::clock::Clock;
use keyward_identity::{AppChecks, KeySets, TokenCache};
use keyward_outbound::Guard;
use keyward_store::Store;
use keyward_store::kept_file::KeptKind;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use crate::byte_budget::ByteBudget;
use crate::config::{Config, Mode};
use crate::config_watch::{ConfigSource, ConfigWatch, First};
use crate::custody::Custody;
use crate::data_dir::DataDir;
use crate::edge::Edge;
use crate::kept_config::KeptConfig;
use crate::kept_file::KeptFile;
use crate::kept_plans::KeptPlans;
use crate::ledger::Ledger;
use crate::limiter::{LEASE, Limits, LocalLimiter, SharedLimiter, SharedSettings, keeping};
use crate::listening::Port;
use crate::metrics::Metrics;
use crate::ops::Readiness;
use crate::patience::Upstreams;
use crate::plan_watch::PlanWatch;
use crate::self_service::Questions;
use crate::serve::Doorway;
use crate::snapshot::Snapshot;
use crate::stranger_log::StrangerLog;
use crate::tls::Tls;
use crate::usage::{UsageLedger, UsageSettings};
use crate::usage_queue::UsageQueue;
use crate::user_plans::UserPlans;

const DATABASE_CONNECTIONS: u32 = 10;
const USAGE_CONNECTIONS: u32 = 2;
const CACHED_TOKENS: u64 = 100_000;
/// How long a database that is away is still tried at the end, for the last usage events.
const LAST_WRITES: Duration = Duration::from_secs(5);
const EXIT_MISCONFIGURED: u8 = 2;

/// Requests make many small things at once and drop them together.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("keyward-proxy can't start; please set:\n  {}", errors.join("\n  "));
            return ExitCode::from(EXIT_MISCONFIGURED);
        }
    };
    if let Err(error) = start_logging(&config) {
        eprintln!("keyward-proxy can't start; please set:\n  KEYWARD_LOG {error}");
        return ExitCode::from(EXIT_MISCONFIGURED);
    }
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("keyward-proxy stops: {error:#}");
            ExitCode::from(EXIT_MISCONFIGURED)
        }
    }
}

fn start_logging(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).context("is not a filter like info,keyward_proxy=debug")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal());
    match config.mode {
        Mode::Production => lines.json().flatten_event(true).init(),
        Mode::Development => lines.init(),
    }
    Ok(())
}

async fn run(config: Config) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    // Before the ports: a second edge on the same folder must not take a request.
    let data_dir = config.data_dir.as_deref().map(DataDir::open).transpose().context("KEYWARD_EDGE_DATA_DIR")?;
    let tls = config.tls.clone().map(Tls::open).transpose().context("KEYWARD_TLS_CERT, KEYWARD_TLS_KEY")?;
    let port = Port::take(config.listener, config.edge_addr, "KEYWARD_EDGE_ADDR")?;
    let ops_listener = bind(config.ops_addr, "KEYWARD_OPS_ADDR").await?;
    let (edge_addr, ops_addr) = (port.local_addr()?, ops_listener.local_addr()?);
    let (metrics, readiness) = (Metrics::new()?, Readiness::default());
    let ops = tokio::spawn(axum::serve(ops_listener, ops::router(readiness.clone(), metrics.clone())).into_future());
    info!(ops = %ops_addr, "health, readiness and metrics are served");

    let store = Store::connect_lazy(&config.database_url, DATABASE_CONNECTIONS).context("DATABASE_URL")?;
    let source = config_source(&config, &store, data_dir.as_ref(), &metrics);
    let First { snapshot, ground } = tokio::select! {
        first = source.first() => first?,
        () = stop.cancelled() => return Ok(()),
    };
    info!(version = snapshot.version, proxies = snapshot.len(), "configuration read");

    let usage_store = Store::connect_lazy(&config.database_url, USAGE_CONNECTIONS).context("DATABASE_URL")?;
    let (queue, ledger) = usage(&config, data_dir.as_ref(), &usage_store, &metrics).await?;
    let writing_ends = CancellationToken::new();
    let (limits, counting) = counting(&config, &store, &writing_ends).await?;
    let kept_plans = kept(&config, data_dir.as_ref(), (kept_plans::FILE, KeptKind::Plans), &metrics).map(KeptPlans);
    let (plans, revision) = plan_watch::first(&store, kept_plans.as_ref(), &ground).await;
    let edge = Arc::new(edge(&config, &store, (snapshot, plans), (queue, limits), metrics)?);
    let watching = tokio::spawn(ConfigWatch::new(edge.clone(), source, readiness.clone(), ground).run());
    let following = tokio::spawn(PlanWatch::new(edge.clone(), store.clone(), kept_plans, revision).run());
    let reloading = tls.clone().map(|tls| tokio::spawn(tls.reload(edge.metrics.clone())));

    let listener = port.open()?;
    readiness.set(true);
    info!(edge = %edge_addr, "keyward-proxy listening");
    Doorway { listener, kind: config.listener, tls, edge }.serve(notice_of(&stop, &readiness)).await;

    reloading.inspect(JoinHandle::abort);

    watching.abort();
    following.abort();
    writing_ends.cancel();
    ledger.end().await?;
    if timeout(LAST_WRITES * 2, counting).await.is_err() {
        warn!("what was last used of the limits is not written");
    }
    ops.abort();
    usage_store.close().await;
    store.close().await;
    info!("stopped");
    Ok(())
}

fn config_source(config: &Config, store: &Store, folder: Option<&DataDir>, metrics: &Metrics) -> ConfigSource {
    let kept = kept(config, folder, (kept_config::FILE, KeptKind::Configuration), metrics).map(KeptConfig);
    ConfigSource { store: store.clone(), ring: config.key_ring.clone(), kept }
}

fn kept(
    config: &Config,
    folder: Option<&DataDir>,
    (name, kind): (&str, KeptKind),
    metrics: &Metrics,
) -> Option<KeptFile> {
    Some(KeptFile {
        path: folder?.file(name),
        kind,
        ring: config.key_ring.clone(),
        max_age: config.bounds.kept_config_max_age,
        clock: real_clock(),
        metrics: metrics.clone(),
        last: Arc::default(),
    })
}

async fn usage(
    config: &Config,
    data_dir: Option<&DataDir>,
    store: &Store,
    metrics: &Metrics,
) -> anyhow::Result<(UsageQueue, UsageLedger)> {
    let settings = UsageSettings {
        file: data_dir.map(|folder| folder.file(usage_journal::FILE)),
        disk_bytes: config.bounds.usage_disk_bytes,
        queue_events: config.bounds.usage_queue_events,
        last_tries: LAST_WRITES,
    };
    UsageLedger::start(settings, store.clone(), metrics.clone(), real_clock().now()).await
}

/// Where this edge counts, and what must end before it does.
async fn counting(
    config: &Config,
    store: &Store,
    ends: &CancellationToken,
) -> anyhow::Result<(Arc<Limits>, JoinHandle<()>)> {
    let local = Arc::new(LocalLimiter::new(real_clock()));
    let Some(url) = config.redis_url.clone() else {
        let keeping = tokio::spawn(keeping::keep(local.clone(), store.clone(), ends.clone()));
        return Ok((Arc::new(Limits::Local(local)), keeping));
    };
    let settings = SharedSettings {
        url,
        nodes: config.edge_nodes,
        budgets_last: config.bounds.budgets_without_counters,
        lease: LEASE,
    };
    let (shared, postman) = SharedLimiter::new(&settings, local).context("REDIS_URL")?;
    shared.meet().await;
    let shared = Arc::new(shared);
    let (watched, ends) = (shared.clone(), ends.clone());
    let telling = tokio::spawn(async move {
        tokio::select! {
            () = postman.run(ends, LAST_WRITES) => {}
            () = watched.watch() => {}
        }
    });
    Ok((Arc::new(Limits::Shared(shared)), telling))
}

fn edge(
    config: &Config,
    store: &Store,
    (snapshot, plans): (Snapshot, UserPlans),
    (usage, limits): (UsageQueue, Arc<Limits>),
    metrics: Metrics,
) -> anyhow::Result<Edge> {
    let guard = Guard::new(config.mode.reach());
    let clock = real_clock();
    metrics.config_version.set(snapshot.version);
    let key_sets = KeySets::with_overrides(guard.clone(), config.jwks_overrides.clone());
    let custody = Custody::start(store, &config.key_ring)?;
    Ok(Edge {
        snapshot: ArcSwap::from_pointee(snapshot),
        config_changes: watch::Sender::new(()),
        plans,
        app_checks: AppChecks::new(key_sets.clone(), CACHED_TOKENS),
        key_sets,
        tokens: TokenCache::new(CACHED_TOKENS),
        test_call_keys: config.key_ring.test_call_keys(),
        limits,
        questions: Questions::new(clock.clone()),
        ledger: Ledger::new(store.clone(), clock.clone()),
        upstreams: Upstreams::new(&guard, config.bounds.connect),
        custody,
        guard,
        usage,
        strangers: StrangerLog::default(),
        metrics,
        clock,
        forwarding: config.forwarding.clone(),
        public_url: config.edge_url.clone(),
        public_scheme: if config.tls.is_some() { "https" } else { config.mode.public_scheme() },
        bounds: config.bounds,
        held_bytes: ByteBudget::new(config.bounds.buffered_bytes),
        draining: CancellationToken::new(),
        cut_streams: CancellationToken::new(),
    })
}

#[expect(clippy::disallowed_methods, reason = "main makes the real clock")]
fn real_clock() -> Clock {
    Clock::from_fn(time::OffsetDateTime::now_utc)
}

async fn bind(addr: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(addr).await;
    bound.with_context(|| format!("port {} can't be used; set {variable} to another address", addr.port()))
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

/// The stop, of which load balancers learn first.
fn notice_of(stop: &CancellationToken, readiness: &Readiness) -> CancellationToken {
    let (stop, readiness) = (stop.clone(), readiness.clone());
    let noticed = stop.clone();
    tokio::spawn(async move {
        noticed.cancelled().await;
        readiness.set(false);
    });
    stop
}
