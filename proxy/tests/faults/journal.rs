//! What the clients did and what they were told: one truth of two. The other is the emulator's.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::site::{LAME_DUCK, Version};

/// One call, as its client saw it end.
#[derive(Clone, Debug)]
pub struct Call {
    /// The only one of this name, where a model is asked.
    pub model: Option<String>,
    pub user: String,
    pub method: &'static str,
    /// Which edge took it.
    pub node: usize,
    pub version: Version,
    pub began: Instant,
    pub ended: Instant,
    pub ending: Ending,
    /// At least one word of the provider's reached the client.
    pub heard: bool,
    /// Input and output, as the reply told the client.
    pub tokens: Option<(i64, i64)>,
    /// Whether an event must follow: not for those whose user was never proved.
    pub metered: bool,
    /// The provider was asked to break it off.
    pub may_break: bool,
    /// What the client says of a connection that broke.
    pub broke: Option<String>,
    /// Over a socket.
    pub talk: Talk,
}

#[derive(Clone, Debug, Default)]
pub struct Talk {
    /// Those that were told to their end, with what they used.
    pub answers: Vec<Answered>,
    /// What all that was asked for would use.
    pub asked: (i64, i64),
}

#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub at: Instant,
    pub tokens: (i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Read to its end.
    Whole { status: u16 },
    /// The connection broke.
    Broken,
    /// The client had enough.
    Left,
    /// It took longer than all of the edge's times together allow.
    Hung,
}

/// When an edge was ended from outside: between these it stopped to exist.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub node: usize,
    pub from: Instant,
    pub to: Instant,
    pub manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Killed,
    /// It was asked to stop, and had time to.
    Stopped,
}

impl Call {
    /// For who looks for what went wrong.
    pub fn way(&self) -> String {
        format!("{:?} to edge {}", self.version, self.node)
    }

    /// Nothing that was done to its edge, and nothing that it asked for itself, explains that it broke off.
    pub fn broke_without_cause(&self, ends: &[End]) -> bool {
        // One that stops serves on for a while, and then lets short calls end.
        let breaks_from = |end: &End| match end.manner {
            Manner::Killed => end.from,
            Manner::Stopped => end.from + LAME_DUCK,
        };
        let ended = |end: &End| end.node == self.node && breaks_from(end) <= self.ended && end.to >= self.began;
        self.ending == Ending::Broken && !self.may_break && !ends.iter().any(ended)
    }
}

#[derive(Default)]
pub struct Journal {
    calls: Mutex<Vec<Call>>,
    ends: Mutex<Vec<End>>,
    wrongs: Mutex<Vec<String>>,
    lates: Mutex<Vec<String>>,
}

impl Journal {
    pub fn note(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub fn ended(&self, end: End) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }

    /// What a client saw that it must not see.
    pub fn wrong(&self, what: String) {
        self.wrongs.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What a client saw that it must not see on a machine that goes on.
    pub fn late(&self, what: String) {
        self.lates.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub fn lates(&self) -> Vec<String> {
        self.lates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn ends(&self) -> Vec<End> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn wrongs(&self) -> Vec<String> {
        self.wrongs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
