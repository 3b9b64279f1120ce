//! Everything that lives as long as the process: the key ring, what was seen, the faults, the providers' objects.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;

use crate::{config::Config, faults::Faults, gemini, issuer::KeyRing, openai, seen::Seen};

pub type Shared = Arc<Emulator>;

pub struct Emulator {
    /// Without a slash at the end.
    pub public_url: String,
    /// The provider key that the fake providers accept.
    pub key: String,
    pub key_ring: KeyRing,
    pub seen: Seen,
    pub faults: Faults,
    pub openai: openai::Store,
    pub gemini: gemini::Store,
}

impl Emulator {
    pub fn new(config: &Config, bound: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{bound}")),
            key: config.key.clone(),
            key_ring: KeyRing::generate().context("cannot generate the signing keys")?,
            seen: Seen::default(),
            faults: Faults::default(),
            openai: openai::Store::default(),
            gemini: gemini::Store::default(),
        })
    }

    /// Forgets every object that a provider created (files, threads, responses, …).
    pub fn forget_objects(&self) {
        self.openai.clear();
        self.gemini.clear();
    }
}
