//! How long a proxy's upstream is waited for: the developer's times where given, else the edge's own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::policy::Timeouts;
use keyward_domain::validate::{MAX_CONNECT_SECS, MAX_FIRST_BYTE_SECS, MAX_IDLE_SECS, MAX_OPEN_SECS};
use keyward_outbound::{Conduit, Guard, Protocols};

use crate::config::Bounds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub connect: Duration,
    pub first_byte: Duration,
    pub idle: Duration,
    pub open: Duration,
}

impl Patience {
    pub fn of(timeouts: &Timeouts, bounds: &Bounds) -> Self {
        let time = |secs: Option<u32>, most: u32, own: Duration| {
            secs.map_or(own, |secs| Duration::from_secs(u64::from(secs.clamp(1, most))))
        };
        Self {
            connect: time(timeouts.connect_secs, MAX_CONNECT_SECS, bounds.connect),
            first_byte: time(timeouts.first_byte_secs, MAX_FIRST_BYTE_SECS, bounds.first_byte),
            idle: time(timeouts.idle_secs, MAX_IDLE_SECS, bounds.stream_idle),
            open: time(timeouts.open_secs, MAX_OPEN_SECS, bounds.stream_open),
        }
    }

    /// A socket is silent and open for longer than a stream, where the developer says nothing of it.
    pub fn of_socket(timeouts: &Timeouts, bounds: &Bounds) -> Self {
        let own = Bounds { stream_idle: bounds.socket_idle, stream_open: bounds.socket_open, ..*bounds };
        Self::of(timeouts, &own)
    }
}

/// The guarded way out for each time that connecting may take: of whole seconds there are few, so these are too.
pub struct Upstreams {
    guard: Guard,
    calls: Mutex<HashMap<Duration, Conduit>>,
    sockets: Mutex<HashMap<Duration, Conduit>>,
}

impl Upstreams {
    /// The one for the edge's own time is made at once, so that a machine without root certificates does not start.
    pub fn new(guard: &Guard, own: Duration) -> Self {
        let upstreams = Self { guard: guard.clone(), calls: Mutex::default(), sockets: Mutex::default() };
        upstreams.calls(own);
        upstreams
    }

    pub fn calls(&self, connect: Duration) -> Conduit {
        self.conduit(&self.calls, connect, Protocols::Http1And2)
    }

    pub fn sockets(&self, connect: Duration) -> Conduit {
        self.conduit(&self.sockets, connect, Protocols::Http1)
    }

    fn conduit(&self, known: &Mutex<HashMap<Duration, Conduit>>, connect: Duration, protocols: Protocols) -> Conduit {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let made = self.guard.conduit(connect, protocols);
            made.expect("install the system's root certificates (package ca-certificates)")
        };
        known.entry(connect).or_insert_with(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_proxys_own_times_hold_within_bounds() {
        let env = |name: &str| match name {
            "DATABASE_URL" => Some("postgres://x".to_owned()),
            "KEYWARD_KEY_ENCRYPTION_KEY" => Some("ab".repeat(32)),
            "KEYWARD_EDGE_DATA_DIR" => Some("none".to_owned()),
            _ => None,
        };
        let bounds = Config::read(env).map_err(|errors| errors.join("; ")).expect("a configuration").bounds;
        let own = Patience::of(&Timeouts::default(), &bounds);
        assert_eq!((own.connect, own.first_byte), (Duration::from_secs(5), Duration::from_secs(120)));
        let given =
            Timeouts { connect_secs: Some(9_999), first_byte_secs: Some(7), idle_secs: Some(0), open_secs: None };
        let patience = Patience::of(&given, &bounds);
        let secs = [patience.connect, patience.first_byte, patience.idle, patience.open].map(|time| time.as_secs());
        assert_eq!(secs, [30, 7, 1, 1_800]);
    }
}
