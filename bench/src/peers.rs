//! nginx, which checks nothing, and Envoy, which verifies tokens and limits rates: as their manuals set them up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::process::Process;
use crate::tokens::AUDIENCE;

/// A proxy that listens.
pub struct Peer {
    pub process: Process,
    pub address: SocketAddr,
}

/// Where a program keeps what it writes.
pub fn folder(config: &Config, name: &str) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(&config.out)?.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    Ok(folder)
}

pub async fn nginx(config: &Config, upstream: SocketAddr) -> anyhow::Result<Peer> {
    let (folder, address) = (folder(config, "nginx")?, free_address().await?);
    let at = folder.display();
    let text = format!(
        "daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid {at}/pid; error_log {at}/error.log warn;
        events {{ worker_connections 20000; }}
        http {{
            access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
            fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
            keepalive_requests 1000000000; keepalive_timeout 3600s;
            upstream api {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
            server {{
                listen {address} backlog=4096;
                location / {{
                    proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering on;
                }}
            }}
        }}"
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, text)?;
    let args = ["-p", &folder.display().to_string(), "-c", &path.display().to_string()];
    let process = Process::start(&config.nginx, &args, &[], folder.join("log"))?;
    listening(Peer { process, address }).await
}

/// Whether Envoy remembers the tokens that it has verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TokenCache {
    On,
    Off,
}

pub async fn envoy(
    config: &Config,
    upstream: SocketAddr,
    key_set: &Value,
    (issuer, cache): (&str, TokenCache),
) -> anyhow::Result<Peer> {
    let name = if cache == TokenCache::On { "envoy" } else { "envoy-uncached" };
    let (folder, address) = (folder(config, name)?, free_address().await?);
    let path = folder.join("envoy.json");
    std::fs::write(&path, bootstrap(address, upstream, &filters(key_set, (issuer, cache))).to_string())?;
    let path = path.display().to_string();
    let args = ["-c", &path, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"];
    let process = Process::start(&config.envoy, &args, &[], folder.join("log"))?;
    listening(Peer { process, address }).await
}

fn bootstrap(address: SocketAddr, upstream: SocketAddr, filters: &Value) -> Value {
    let socket = |at: SocketAddr| json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}});
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "api", "timeout": "0s"}});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    });
    let endpoint = json!({"endpoint": {"address": socket(upstream)}});
    let cluster = json!({
        "name": "api", "type": "STATIC", "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [
            {"max_connections": 20_000, "max_pending_requests": 20_000, "max_requests": 20_000}]},
        "load_assignment": {"cluster_name": "api", "endpoints": [{"lb_endpoints": [endpoint]}]},
    });
    let chain =
        json!({"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]});
    json!({"static_resources": {
        "listeners": [{"name": "edge", "address": socket(address), "filter_chains": [chain]}],
        "clusters": [cluster],
    }})
}

fn filters(key_set: &Value, (issuer, cache): (&str, TokenCache)) -> Value {
    let mut provider = json!({
        "issuer": issuer, "audiences": [AUDIENCE], "local_jwks": {"inline_string": key_set.to_string()},
    });
    if cache == TokenCache::On {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 1_000, "jwt_max_token_size": 4_096});
    }
    let percent = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}, "runtime_key": "bench"});
    let jwt_authn = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"bench": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
    });
    let limit = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "bench",
        "token_bucket": {"max_tokens": 100_000_000, "tokens_per_fill": 100_000_000, "fill_interval": "1s"},
        "filter_enabled": percent, "filter_enforced": percent,
    });
    let router = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"});
    json!([
        {"name": "envoy.filters.http.jwt_authn", "typed_config": jwt_authn},
        {"name": "envoy.filters.http.local_ratelimit", "typed_config": limit},
        {"name": "envoy.filters.http.router", "typed_config": router},
    ])
}

async fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}

async fn listening(peer: Peer) -> anyhow::Result<Peer> {
    let answers = timeout(Duration::from_secs(30), async {
        while TcpStream::connect(peer.address).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    answers.await.with_context(|| format!("nothing listens at {}; see target/bench/*/log", peer.address))?;
    Ok(peer)
}
