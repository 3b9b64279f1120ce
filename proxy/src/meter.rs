//! Wraps a request from its arrival to its last byte: however it ends, exactly one `UsageEvent` of the call follows.
//! A request for no known proxy is nobody's usage, and a preflight is no request; both are only counted, and so are
//! most of a flood of requests without a proven user.

mod parts;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward_domain::call_price::CallPrice;
use keyward_domain::catalogue::Charge;
use keyward_domain::ids::{ByokKeyId, PlanId};
use keyward_domain::issuer::Subject;
use keyward_domain::json_scan::MemberScan;
use keyward_domain::metering::{self, Reported};
use keyward_domain::provider::UsageShape;
use keyward_domain::rejection::{Due, Rejection};
use keyward_domain::usage::{AppCheckOutcome, Extent, Outcome, TokenCounts, UsageEvent};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use crate::edge::Edge;
use crate::limiter::{Settlement, Slot, Used};
use crate::meter::parts::Parts;
use crate::snapshot::ServedProxy;
use crate::standing_watch::StandingWatch;
use crate::steps::authorize::Endpoint;
use crate::steps::book::{Costs, Way};
use crate::steps::upload::Upload;

/// Sent to nobody: the client left before there was an answer (as nginx logs it).
const CLIENT_GONE: u16 = 499;
/// To another protocol.
const SWITCHED: u16 = 101;

pub struct Meter {
    edge: Arc<Edge>,
    /// Of the request, and of the event that it leaves.
    id: Uuid,
    started: Instant,
    occurred_at: OffsetDateTime,
    method: String,
    proxy: Option<Arc<ServedProxy>>,
    /// Whose provider is paid.
    via: Option<Arc<ServedProxy>>,
    /// What costs beside the model's work.
    extras: Vec<String>,
    subject: Option<Subject>,
    own_key: Option<ByokKeyId>,
    endpoint: Option<String>,
    status: u16,
    ending: Option<(Outcome, Option<&'static str>)>,
    due: Option<Due>,
    plan: Option<PlanId>,
    slot: Option<Slot>,
    /// Of the calls of a batch, which begin when this one has passed.
    later: Option<Slot>,
    progress: Progress,
    /// The provider takes nothing for it: figures in its reply are of another call.
    is_free: bool,
    /// Set for calls that a model answers.
    model_call: Option<ModelCall>,
    reported: Reported,
    scan: Option<MemberScan>,
    /// Some of the tokens are not the provider's figures.
    is_guessed: bool,
    /// Its reply is JSON or events; of sound and pictures no tokens can be told.
    is_read: bool,
    request_bytes: Arc<AtomicU64>,
    response_bytes: u64,
    /// Of a socket, what is written already.
    parts: Parts,
    first_byte: Option<Duration>,
    /// When the edge last began to work itself, and for how long it has.
    working_since: Option<Instant>,
    worked: Duration,
    counted: bool,
    pub app_check: Option<AppCheckOutcome>,
    /// Goes with the call to its end.
    pub standing: StandingWatch,
}

/// How far a call came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Admitting,
    /// The provider may have seen it.
    Sent,
    /// Of the reply, the head went to the client.
    Replying,
}

/// Tokens and their price.
struct Figures {
    tokens: Option<TokenCounts>,
    estimated: bool,
    cost_micro_usd: Option<u64>,
    /// For the budgets: by the model that was asked for, where that of the reply has no price.
    budget_micro_usd: Option<u64>,
}

impl Figures {
    const NOTHING: Self = Self { tokens: None, estimated: false, cost_micro_usd: None, budget_micro_usd: Some(0) };
}

/// What the request says of a model's work, for when the reply doesn't.
pub struct ModelCall {
    pub model: Option<String>,
    pub text_chars: u64,
}

impl ModelCall {
    fn read(body: &Value, model: Option<&str>) -> Self {
        Self { model: model.map(metering::asked_model), text_chars: metering::text_chars(body) }
    }
}

impl Meter {
    pub fn start(edge: Arc<Edge>, id: Uuid, method: &http::Method) -> Self {
        let (started, standing) = (Instant::now(), StandingWatch::new(edge.clone()));
        Self {
            occurred_at: edge.clock.now(),
            edge,
            id,
            started,
            // A method of the client's own making is not worth a row of its own.
            method: if is_known(method) { method.as_str().to_owned() } else { "OTHER".to_owned() },
            proxy: None,
            via: None,
            extras: Vec::new(),
            subject: None,
            own_key: None,
            app_check: None,
            endpoint: None,
            status: CLIENT_GONE,
            ending: None,
            due: None,
            plan: None,
            slot: None,
            later: None,
            progress: Progress::Admitting,
            is_free: false,
            model_call: None,
            reported: Reported::default(),
            scan: None,
            is_guessed: false,
            is_read: false,
            request_bytes: Arc::default(),
            response_bytes: 0,
            parts: Parts::default(),
            first_byte: None,
            working_since: Some(started),
            worked: Duration::ZERO,
            counted: true,
            standing,
        }
    }

    pub fn routed(&mut self, proxy: Arc<ServedProxy>) {
        self.proxy = Some(proxy);
    }

    pub fn authenticated(&mut self, subject: Subject) {
        self.subject = Some(subject);
    }

    pub fn uses_own_key(&mut self, key: Option<ByokKeyId>) {
        self.own_key = key;
    }

    pub fn authorized(&mut self, template: &str) {
        self.endpoint = Some(template.to_owned());
    }

    /// Settled when the call has ended, however it does.
    pub fn reserved(&mut self, slot: Slot, plan: PlanId) {
        (self.slot, self.plan) = (Some(slot), Some(plan));
    }

    pub fn reserved_for_later(&mut self, slot: Option<Slot>) {
        self.later = slot;
    }

    pub fn sending(&mut self) {
        self.progress = Progress::Sent;
        self.pause();
    }

    pub fn calls_model(&mut self, endpoint: &Endpoint, upload: &Upload) {
        self.model_call = upload.value().map(|body| ModelCall::read(body, endpoint.model(Some(body))));
    }

    /// How the call goes out, and what is paid for it.
    pub fn goes(&mut self, way: &Way, costs: Costs) {
        if self.proxy.as_ref().is_some_and(|proxy| proxy.id != way.via.id) {
            self.calls_model(&way.endpoint, &way.upload);
        }
        self.via = Some(way.via.clone());
        self.is_free = costs.charge == Charge::Nothing;
        self.extras = costs.extras;
    }

    /// The edge itself answers: nothing is used.
    pub fn serves_itself(&mut self) {
        self.edge.metrics.own_replies.inc();
        self.counted = false;
    }

    pub fn preflight(mut self) {
        self.edge.metrics.preflights.inc();
        self.counted = false;
    }

    /// From here the client or the upstream is waited for.
    pub fn pause(&mut self) {
        self.worked += self.working_since.take().map(|since| since.elapsed()).unwrap_or_default();
    }

    pub fn resume(&mut self) {
        self.working_since.get_or_insert_with(Instant::now);
    }

    /// Counts the request's body as it is read.
    pub fn request_bytes(&self) -> Arc<AtomicU64> {
        self.request_bytes.clone()
    }

    pub fn replying(&mut self, status: u16) {
        (self.status, self.progress) = (status, Progress::Replying);
        self.pause();
        self.edge.metrics.added_seconds.observe(self.worked.as_secs_f64());
    }

    /// A JSON reply's own figures are picked out as it passes.
    pub fn scans_json(&mut self) {
        self.scan = Some(metering::members(self.shape()));
        self.is_read = true;
    }

    pub fn passed_event(&mut self, event: &Value) {
        let shape = self.shape();
        self.is_read = true;
        self.reported.read_event(shape, event);
    }

    pub fn passed_last_event(&mut self) {
        self.reported.finished = true;
    }

    pub fn received(&mut self, chunk: &[u8]) {
        if self.first_byte.is_none() && !chunk.is_empty() {
            let took = self.started.elapsed();
            self.edge.metrics.first_byte_seconds.observe(took.as_secs_f64());
            self.first_byte = Some(took);
        }
        if let Some(scan) = &mut self.scan {
            scan.push(chunk);
        }
    }

    pub fn delivered(&mut self, bytes: u64) {
        self.response_bytes += bytes;
    }

    pub fn rejected(&mut self, rejection: &Rejection) {
        self.status = rejection.status();
        self.broke_off(rejection);
    }

    /// The head was sent already, with its status.
    pub fn broke_off(&mut self, rejection: &Rejection) {
        self.ending = Some((rejection.outcome(), Some(rejection.code())));
        self.due = Some(rejection.due());
    }

    pub fn completed(&mut self) {
        self.ending = Some((Outcome::Completed, None));
    }

    pub fn shape(&self) -> UsageShape {
        self.proxy.as_ref().map_or(UsageShape::None, |proxy| proxy.provider.usage_shape)
    }

    /// The provider's figures; an estimate of what was delivered where it ended early, or holds generated text and no
    /// figures.
    fn figures(&mut self, outcome: Outcome) -> Figures {
        if let Some(scan) = self.scan.take() {
            let shape = self.shape();
            self.reported.read_members(shape, &scan);
        }
        if self.is_free {
            return Figures::NOTHING;
        }
        let ended_early = outcome != Outcome::Completed && !self.reported.finished;
        let has_no_figures = self.reported.tokens.is_none() && self.reported.text_chars > 0;
        let estimate = match &self.model_call {
            Some(call) if (ended_early || has_no_figures) && self.is_estimable() => {
                Some(self.reported.estimated(call.text_chars, self.response_bytes))
            }
            Some(_) | None => None,
        };
        let tokens = estimate.or(self.reported.tokens);
        let names = (self.reported.model.as_deref(), self.asked_model());
        let was_answered = tokens.is_some() || (self.delivered_success() && !self.parts.told);
        let price = self.via.as_ref().or(self.proxy.as_ref()).filter(|_| was_answered).map(|proxy| proxy.call_price());
        let extras = |price: CallPrice<'_>| {
            let extras = self.extras.iter().filter_map(|name| price.of_extra(name, tokens));
            extras.fold(0, u64::saturating_add)
        };
        let cost = |names| price.and_then(|price| Some(price.of(names, tokens, self.occurred_at)? + extras(price)));
        let cost_micro_usd = cost(names);
        let budget_micro_usd = cost_micro_usd.or_else(|| cost((None, self.asked_model())));
        Figures { tokens, estimated: estimate.is_some() || self.is_guessed, cost_micro_usd, budget_micro_usd }
    }

    fn asked_model(&self) -> Option<&str> {
        self.model_call.as_ref().and_then(|call| call.model.as_deref())
    }

    fn is_estimable(&self) -> bool {
        self.delivered_success() && self.is_read && self.shape().is_estimable()
    }

    fn delivered_success(&self) -> bool {
        self.is_success() && self.response_bytes > 0
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status) || self.status == SWITCHED
    }

    /// Unless the provider said no, it may make them.
    fn later_settlement(&self) -> Settlement {
        let is_refused = self.progress == Progress::Replying && !(200..300).contains(&self.status);
        match (self.progress, self.due) {
            (Progress::Admitting, _) | (_, Some(Due::Nothing | Due::TheRequest)) => Settlement::Refund,
            _ if is_refused => Settlement::Refund,
            (Progress::Sent | Progress::Replying, _) => Settlement::AtLeast(Used::NOTHING),
        }
    }

    /// What stays of the reservation.
    fn settlement(&self, figures: &Figures) -> Settlement {
        let tokens = figures.tokens.unwrap_or_default();
        let used =
            Used { input_tokens: tokens.input, output_tokens: tokens.output, cost_micro_usd: figures.budget_micro_usd };
        let is_error = self.progress == Progress::Replying && !self.is_success();
        match (self.progress, self.due) {
            (_, Some(Due::Nothing)) => Settlement::Refund,
            (Progress::Admitting, _) | (Progress::Sent, Some(Due::TheRequest)) => Settlement::Used(Used::NOTHING),
            _ if self.reported.tokens.is_some() => Settlement::Used(used),
            _ if is_error => Settlement::Used(Used::NOTHING),
            // The provider worked or works still, and did not say how much: an estimate knows neither what it thought,
            // nor what it read beside this request.
            (Progress::Sent | Progress::Replying, _) => Settlement::AtLeast(used),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        // A client that leaves after the provider's last event has had it all.
        let left = if self.reported.finished { Outcome::Completed } else { Outcome::ClientAborted };
        let (outcome, code) = self.ending.unwrap_or((left, None));
        self.edge.metrics.request_finished(outcome, code.unwrap_or("none"));
        let figures = self.figures(outcome);
        let settlement = self.settlement(&figures);
        if let Some(slot) = self.slot.take() {
            slot.settle(settlement);
        }
        if let Some(later) = self.later.take() {
            later.settle(self.later_settlement());
        }
        let Some(proxy) = self.proxy.take() else { return };
        if self.subject.is_none() && !self.edge.strangers.admits(proxy.id, self.occurred_at) {
            self.edge.metrics.strangers_unlisted.inc();
            return;
        }
        let (reported, asked) = (self.reported.model.take(), self.model_call.take().and_then(|call| call.model));
        self.edge.usage.push(UsageEvent {
            id: self.id,
            account: proxy.account,
            app: proxy.app.id,
            proxy: proxy.id,
            subject: self.subject.take(),
            occurred_at: self.occurred_at,
            extent: Extent::Call,
            method: std::mem::take(&mut self.method),
            endpoint: self.endpoint.take(),
            status: self.status,
            outcome,
            code: code.map(Cow::Borrowed),
            cost_micro_usd: figures.cost_micro_usd,
            model: reported.or(asked),
            tokens: figures.tokens,
            estimated: figures.estimated,
            plan: self.plan,
            request_bytes: self.request_bytes.load(Ordering::Relaxed) - self.parts.request_bytes,
            response_bytes: self.response_bytes - self.parts.response_bytes,
            first_byte_ms: self.first_byte.map(millis),
            duration_ms: millis(self.started.elapsed()),
            app_check: self.app_check,
            byok_key: self.own_key,
        });
    }
}

fn millis(took: Duration) -> u32 {
    u32::try_from(took.as_millis()).unwrap_or(u32::MAX)
}

fn is_known(method: &http::Method) -> bool {
    keyward_domain::rules::METHODS.contains(&method.as_str()) || method == http::Method::OPTIONS
}
