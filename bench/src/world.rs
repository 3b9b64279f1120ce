//! Everything that runs: upstream, peers, database and edges, and how each system is called.

use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;

use crate::config::Config;
use crate::database::Database;
use crate::load::Target;
use crate::machine::Epoch;
use crate::peers::{self, Peer, TokenCache};
use crate::process::Process;
use crate::seed::{self, Seeded};
use crate::tokens::{Algorithm, Mint};
use crate::upstream::Upstream;

const USERS: usize = 64;

/// What the edge is measured beside.
pub struct Peers {
    pub nginx: Peer,
    pub envoy: Peer,
}

pub struct World {
    pub epoch: Epoch,
    pub mint: Mint,
    pub upstream: Upstream,
    pub database: Database,
    pub seeded: Seeded,
    peers: Option<Peers>,
    pub edge: Peer,
    /// One of each of the users that the scenes call as.
    pub tokens: Vec<String>,
}

impl World {
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let (epoch, mint) = (Epoch::now(), Mint::new()?);
        let key_set = mint.key_set();
        let upstream = Upstream::start(epoch, |_| key_set.to_string()).await?;
        let issuer = seed::issuer(upstream.address);
        let database = Database::create(&config.postgres_url, "bench").await?;
        let seeded = seed::plant(&database, upstream.address)?;
        let token = |user| mint.token(&issuer, Algorithm::Rs256, &format!("user-{user}"), user);
        let tokens = (0..USERS).map(token).collect::<anyhow::Result<_>>()?;
        let peers = match config.compares() {
            true => Some(Peers {
                nginx: peers::nginx(config, upstream.address).await?,
                envoy: peers::envoy(config, upstream.address, &key_set, (&issuer, TokenCache::On)).await?,
            }),
            false => None,
        };
        Ok(Self {
            peers,
            edge: edge(config, "edge", &database.url, &[]).await?,
            epoch,
            mint,
            upstream,
            database,
            seeded,
            tokens,
        })
    }

    pub fn peers(&self) -> anyhow::Result<&Peers> {
        self.peers.as_ref().context("no other system runs beside the edge in training")
    }

    pub fn issuer(&self) -> String {
        seed::issuer(self.upstream.address)
    }

    pub fn key_set(&self) -> Value {
        self.mint.key_set()
    }

    /// At the edge the path begins with the proxy's slug.
    pub fn at_edge(&self, address: SocketAddr, tokens: &[String]) -> Target {
        target(address, &format!("/{}/v1/chat/completions", self.seeded.slug), tokens, "hello")
    }

    pub fn at(&self, address: SocketAddr, tokens: &[String]) -> Target {
        target(address, "/v1/chat/completions", tokens, "hello")
    }
}

/// An edge with its limits, rules and ledger as they come; `more` changes settings.
pub async fn edge(config: &Config, name: &str, database: &str, more: &[(&str, String)]) -> anyhow::Result<Peer> {
    let folder = peers::folder(config, name)?;
    let kept = folder.join("data");
    // Of an earlier run, with another database.
    drop(std::fs::remove_dir_all(&kept));
    let standard = [
        ("KEYWARD_EDGE_DATA_DIR", kept.display().to_string()),
        ("DATABASE_URL", database.to_owned()),
        ("KEYWARD_KEY_ENCRYPTION_KEY", seed::KEY_ENCRYPTION_KEY.to_owned()),
        // The upstream is on this machine, without TLS, for all systems alike.
        ("KEYWARD_MODE", "development".to_owned()),
        ("KEYWARD_EDGE_ADDR", "127.0.0.1:0".to_owned()),
        ("KEYWARD_OPS_ADDR", "127.0.0.1:0".to_owned()),
        ("KEYWARD_CONNECTIONS_PER_ADDRESS", "20000".to_owned()),
    ];
    let env: Vec<(&str, String)> = standard.into_iter().chain(more.iter().cloned()).collect();
    let mut process = Process::start(&config.edge, &[], &env, folder.join("log"))?;
    let address = process.said("keyward-proxy listening", "edge=").await?;
    Ok(Peer { process, address: address.parse().context("the edge's address")? })
}

/// A small chat, as an SDK sends it.
pub fn body(text: &str, more: &str) -> String {
    format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"You are a helpful assistant in a travel app."}},{{"role":"user","content":"{text}: three sights of Lisbon for a rainy day, please."}}],"max_tokens":256,"temperature":0.7{more}}}"#
    )
}

pub fn target(address: SocketAddr, path: &str, tokens: &[String], text: &str) -> Target {
    let requests = tokens.iter().map(|token| request(path, token, &body(text, "")));
    Target { address, requests: requests.collect() }
}

pub fn request(path: &str, token: &str, body: &str) -> Bytes {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: edge.example.com\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\naccept: application/json\r\nuser-agent: OpenAI/JS 4.77.0\r\nx-stainless-lang: js\r\nx-stainless-retry-count: 0\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    format!("{head}{body}").into()
}
