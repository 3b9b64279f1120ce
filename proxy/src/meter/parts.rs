//! What is metered of a socket. What it uses is written down while it is open, so that an edge that is killed loses no
//! more than the answer under way. Parts add up: each says what came after the one before it, and the call's own event
//! what is left.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward_domain::rejection::Rejection;
use keyward_domain::rules::WEBSOCKET;
use keyward_domain::sockets::Work;
use keyward_domain::usage::{Extent, Outcome, TokenCounts, UsageEvent};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Meter, millis};

/// For sockets that tell no figures, and answers that take long; with the provider's next message.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// What is written already.
#[derive(Default)]
pub(super) struct Parts {
    last: Option<Instant>,
    /// Some of them had tokens, and a price.
    pub told: bool,
    pub request_bytes: u64,
    pub response_bytes: u64,
}

impl Meter {
    /// From here on a socket's, not a reply's.
    pub fn opens_socket(&mut self) {
        WEBSOCKET.clone_into(&mut self.method);
    }

    pub fn speaks_with(&mut self, model: Option<String>) {
        self.reported.model = model.or(self.reported.model.take());
    }

    /// What one more answer over a socket has used.
    pub fn answered(&mut self, tokens: TokenCounts) {
        self.reported.add(tokens);
    }

    /// The same of an answer that was cut off before it was told.
    pub fn answered_about(&mut self, tokens: TokenCounts) {
        self.reported.add(tokens);
        self.is_guessed = true;
    }

    /// What was said over a socket is delivered, whyever it was closed.
    pub fn closed_for(&mut self, rejection: &Rejection) {
        let outcome = match rejection.outcome() {
            Outcome::Rejected => Outcome::Completed,
            other @ (Outcome::Completed | Outcome::UpstreamFailed | Outcome::ClientAborted) => other,
        };
        self.ending = Some((outcome, Some(rejection.code())));
    }

    /// After each message of the provider's that was delivered.
    pub fn passed_message(&mut self, work: Option<Work>, model: Option<&str>) {
        let is_told = work == Some(Work::Ended) && self.reported.tokens.is_some();
        if is_told || self.parts.last.unwrap_or(self.started).elapsed() >= AT_LEAST_EVERY {
            self.speaks_with(model.map(str::to_owned));
            self.write_part();
        }
    }

    fn write_part(&mut self) {
        let Some(proxy) = self.proxy.clone() else { return };
        let figures = self.figures(Outcome::Completed);
        let is_told = self.reported.tokens.take().is_some();
        let (sent, received) = (self.request_bytes.load(Ordering::Relaxed), self.response_bytes);
        self.edge.usage.push(UsageEvent {
            id: Uuid::now_v7(),
            account: proxy.account,
            app: proxy.app.id,
            proxy: proxy.id,
            subject: self.subject.clone(),
            occurred_at: self.edge.clock.now(),
            extent: Extent::Part,
            method: self.method.clone(),
            endpoint: self.endpoint.clone(),
            status: self.status,
            outcome: Outcome::Completed,
            code: None,
            // Until something is told, a price per call is the call's.
            cost_micro_usd: figures.cost_micro_usd.filter(|_| is_told),
            model: self.reported.model.clone().or(self.asked_model().map(str::to_owned)),
            tokens: figures.tokens,
            estimated: figures.estimated,
            plan: self.plan,
            request_bytes: sent.saturating_sub(self.parts.request_bytes),
            response_bytes: received.saturating_sub(self.parts.response_bytes),
            first_byte_ms: self.first_byte.map(millis),
            duration_ms: millis(self.started.elapsed()),
            app_check: self.app_check,
            byok_key: self.own_key,
        });
        let told = self.parts.told || is_told;
        self.parts = Parts { last: Some(Instant::now()), told, request_bytes: sent, response_bytes: received };
    }
}
