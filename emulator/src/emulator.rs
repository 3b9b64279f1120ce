//! Everything that lives as long as the process: the key ring, what was seen, the faults, the providers' objects.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use http::{HeaderValue, request::Parts};
use memchr::memmem;

use crate::{
    anthropic, billing::Billing, config::Config, faults::Faults, gemini, issuer::KeyRing, openai, seen::Seen,
    sockets::Sockets,
};

pub type Shared = Arc<Emulator>;

pub struct Emulator {
    /// Without a slash at the end.
    pub public_url: String,
    /// The provider key that the fake providers accept.
    pub key: String,
    /// Others that they accept too.
    pub more_keys: Vec<String>,
    pub key_ring: KeyRing,
    pub seen: Seen,
    pub faults: Faults,
    pub sockets: Sockets,
    pub openai: openai::Store,
    pub anthropic: anthropic::Store,
    pub gemini: gemini::Store,
    pub billing: Billing,
}

impl Emulator {
    pub fn new(config: &Config, bound: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{bound}")),
            key: config.key.clone(),
            more_keys: config.more_keys.clone(),
            key_ring: KeyRing::generate().context("cannot generate the signing keys")?,
            seen: Seen::default(),
            faults: Faults::default(),
            sockets: Sockets::default(),
            openai: openai::Store::default(),
            anthropic: anthropic::Store::default(),
            gemini: gemini::Store::default(),
            billing: Billing::new(config).context("cannot set up the sellers")?,
        })
    }

    /// The key that a request brought; the first one where it brought none that is known.
    pub fn key_of(&self, parts: &Parts) -> &str {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let texts: Vec<&[u8]> = parts.headers.values().map(HeaderValue::as_bytes).chain([query]).collect();
        let brought = |key: &&String| texts.iter().any(|text| memmem::find(text, key.as_bytes()).is_some());
        self.more_keys.iter().find(brought).unwrap_or(&self.key)
    }

    /// Every key, and what is shown in its place.
    pub fn shown_keys(&self) -> Vec<(String, String)> {
        let more = self.more_keys.iter().enumerate().map(|(at, key)| (key.clone(), format!("[key {}]", at + 2)));
        more.chain([(self.key.clone(), "[key]".to_owned())]).collect()
    }

    /// Forgets every object that a provider created (files, threads, responses, …).
    pub fn forget_objects(&self) {
        self.openai.clear();
        self.anthropic.clear();
        self.gemini.clear();
        self.billing.clear();
    }
}
