//! Counters and histograms for the operator. Labels are from fixed sets: no slug, user or path.

use keyward_domain::usage::{AppCheckOutcome, Outcome};
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder, histogram_opts,
};

#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    keys_chosen: IntCounterVec,
    key_rests: IntCounterVec,
    /// The edge's own share of the time: neither the client's nor the upstream's.
    pub added_seconds: Histogram,
    pub first_byte_seconds: Histogram,
    pub preflights: IntCounter,
    pub own_replies: IntCounter,
    app_checks: IntCounterVec,
    pub usage_queue_events: IntGauge,
    pub usage_commit_seconds: Histogram,
    pub usage_events_dropped: IntCounter,
    pub usage_batches_failed: IntCounter,
    pub usage_batches_unreadable: IntCounter,
    pub usage_disk_bytes: IntGauge,
    pub usage_disk_failing: IntGauge,
    pub strangers_unlisted: IntCounter,
    pub config_version: IntGauge,
    pub plans_revision: IntGauge,
    /// Unix seconds of the last time the configuration was known to be current.
    pub config_checked_at: IntGauge,
    pub config_refresh_failures: IntCounter,
    /// 1 while the database can't be asked whether the configuration is current.
    pub config_stale: IntGauge,
    pub config_keeping_failures: IntCounter,
    pub issuer_unavailable: IntCounter,
    pub upstream_connect_failures: IntCounter,
    pub connections_open: IntGauge,
    pub connections_refused: IntCounter,
    pub tls_handshakes_failed: IntCounter,
    pub tls_reloads_failed: IntCounter,
}

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| register(&registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| register(&registry, IntGauge::new(name, help)?);
        let histogram = |opts: HistogramOpts| register(&registry, Histogram::with_opts(opts)?);
        Ok(Self {
            requests: register(
                &registry,
                IntCounterVec::new(
                    Opts::new("keyward_edge_requests_total", "Finished requests by outcome and rejection code"),
                    &["outcome", "code"],
                )?,
            )?,
            keys_chosen: register(
                &registry,
                IntCounterVec::new(
                    Opts::new("keyward_edge_keys_chosen_total", "Calls by how their provider key was found"),
                    &["choice"],
                )?,
            )?,
            key_rests: register(
                &registry,
                IntCounterVec::new(
                    Opts::new("keyward_edge_key_rests_total", "Keys put to rest by what the provider said of them"),
                    &["cause"],
                )?,
            )?,
            added_seconds: histogram(histogram_opts!(
                "keyward_edge_added_seconds",
                "Time the edge itself added to a request",
                vec![0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0]
            ))?,
            first_byte_seconds: histogram(histogram_opts!(
                "keyward_edge_first_byte_seconds",
                "Time from a request's arrival to the first byte of the provider's reply",
                vec![0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0]
            ))?,
            app_checks: register(
                &registry,
                IntCounterVec::new(
                    Opts::new("keyward_edge_app_checks_total", "App Check tokens looked for, by outcome"),
                    &["outcome"],
                )?,
            )?,
            own_replies: counter("keyward_edge_self_service_total", "Questions of app users about themselves")?,
            preflights: counter("keyward_edge_preflights_total", "CORS preflights answered")?,
            usage_queue_events: gauge("keyward_edge_usage_queue_events", "Usage events waiting to be written")?,
            usage_commit_seconds: histogram(histogram_opts!(
                "keyward_edge_usage_commit_seconds",
                "Time from a request's end to its usage event being on disk: what a crash may lose",
                vec![0.01, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0]
            ))?,
            usage_events_dropped: counter(
                "keyward_edge_usage_events_dropped_total",
                "Usage events lost: no room, or refused",
            )?,
            usage_batches_failed: counter(
                "keyward_edge_usage_batches_failed_total",
                "Usage batches to be tried again",
            )?,
            usage_batches_unreadable: counter(
                "keyward_edge_usage_batches_unreadable_total",
                "Usage batches on disk that could not be read",
            )?,
            usage_disk_bytes: gauge("keyward_edge_usage_disk_bytes", "Usage events on disk, in bytes")?,
            usage_disk_failing: gauge("keyward_edge_usage_disk_failing", "1 while the disk takes no usage events")?,
            strangers_unlisted: counter(
                "keyward_edge_strangers_unlisted_total",
                "Requests without a proven user that were counted here only, not written down",
            )?,
            config_version: gauge("keyward_edge_config_version", "Version of the configuration served")?,
            plans_revision: gauge("keyward_edge_plans_revision", "How far users' purchases and plans have been read")?,
            config_checked_at: gauge(
                "keyward_edge_config_checked_timestamp_seconds",
                "When the configuration served was last known to be current",
            )?,
            config_refresh_failures: counter(
                "keyward_edge_config_refresh_failures_total",
                "Configuration reads that failed",
            )?,
            config_stale: gauge(
                "keyward_edge_config_stale",
                "1 while the configuration served can't be checked against the database",
            )?,
            config_keeping_failures: counter(
                "keyward_edge_config_keeping_failures_total",
                "Times the configuration could not be kept on disk",
            )?,
            issuer_unavailable: counter(
                "keyward_edge_issuer_unavailable_total",
                "Tokens not checked for want of keys",
            )?,
            upstream_connect_failures: counter(
                "keyward_edge_upstream_connect_failures_total",
                "Connections to providers that failed",
            )?,
            connections_open: gauge("keyward_edge_connections_open", "Client connections open")?,
            connections_refused: counter(
                "keyward_edge_connections_refused_total",
                "Connections over the limit per address",
            )?,
            tls_handshakes_failed: counter("keyward_edge_tls_handshakes_failed_total", "TLS handshakes that failed")?,
            tls_reloads_failed: counter(
                "keyward_edge_tls_reloads_failed_total",
                "Changed certificate files that could not be used",
            )?,
            registry,
        })
    }

    pub fn request_finished(&self, outcome: Outcome, code: &str) {
        self.requests.with_label_values(&[outcome.name(), code]).inc();
    }

    /// `unavailable` where the keys could not be fetched.
    pub fn app_checked(&self, outcome: Option<AppCheckOutcome>) {
        self.app_checks.with_label_values(&[outcome.map_or("unavailable", AppCheckOutcome::name)]).inc();
    }

    pub fn key_chosen(&self, choice: &str) {
        self.keys_chosen.with_label_values(&[choice]).inc();
    }

    pub fn key_rests(&self, cause: &str) {
        self.key_rests.with_label_values(&[cause]).inc();
    }

    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Into memory, of metrics this process registered: nothing is left that could fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

fn register<M: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
