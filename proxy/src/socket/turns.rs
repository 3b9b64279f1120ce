//! What the answers over one socket use: reserved before each, settled when it has told. Ends with the socket, however
//! that does; what an answer under way has used by then keeps its reservation.

use std::sync::Arc;

use keyward_domain::catalogue::Charge;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::metering;
use keyward_domain::path::RequestPath;
use keyward_domain::rejection::Rejection;
use keyward_domain::rules::WEBSOCKET;
use keyward_domain::sockets::{Heard, SocketProtocol, Work};
use keyward_domain::usage::TokenCounts;
use tokio::sync::watch;

use crate::edge::Edge;
use crate::limiter::{Limiter, Settlement, Slot, Used};
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;
use crate::steps::limit::{Limits, Payer};
use crate::steps::plan;
use crate::steps::turn_limits::Turn;

const CHARS_PER_TOKEN: u64 = 4;

pub struct Turns {
    pub edge: Arc<Edge>,
    pub proxy: Arc<ServedProxy>,
    pub protocol: SocketProtocol,
    pub model: Option<String>,
    terms: Terms,
    state: State,
    working: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// The provider has agreed to talk.
    is_open: bool,
    /// For the answer to come.
    ready: Option<Place>,
    /// Of the answers under way.
    busy: Vec<Place>,
    /// What was told and is not settled yet.
    told: Option<TokenCounts>,
    before: Option<TokenCounts>,
    said_chars: u64,
}

/// What is reserved for one answer; nothing where nothing is limited.
struct Place(Option<Slot>);

impl Place {
    fn settle(self, settlement: Settlement) {
        if let Some(slot) = self.0 {
            slot.settle(settlement);
        }
    }
}

/// Who speaks and who pays for it: by which limits is asked for each answer, as the caller's plan may change meanwhile.
pub struct Terms {
    pub caller: Caller,
    pub address: ClientAddress,
    /// The upstream path, which the plan must still allow.
    pub path: RequestPath,
    pub payer: Payer,
    pub charge: Charge,
}

impl Turns {
    pub fn new(edge: Arc<Edge>, proxy: Arc<ServedProxy>, terms: Terms, protocol: SocketProtocol) -> Self {
        let (state, working) = (State::default(), watch::Sender::new(false));
        Self { edge, proxy, protocol, model: None, terms, state, working }
    }

    /// Reserves for the first answer, which is when its model must be known.
    pub async fn begin(&mut self, model: Option<&str>) -> Result<(), Rejection> {
        self.model = model.map(metering::asked_model);
        self.state.ready = Some(self.reserve().await?);
        Ok(())
    }

    pub fn opened(&mut self) {
        self.state.is_open = true;
    }

    /// Says whether an answer is under way.
    pub fn working(&self) -> watch::Receiver<bool> {
        self.working.subscribe()
    }

    /// What a message of the provider's tells; refuses when nothing is left for the next answer.
    pub async fn hear(&mut self, heard: Heard) -> Result<(), Rejection> {
        if let Some(usage) = heard.usage {
            self.state.told = Some(sum(self.state.told, usage));
        }
        self.state.said_chars += heard.text_chars;
        match heard.work {
            Some(Work::Began) if !self.state.busy.is_empty() && !self.protocol.answers_in_parallel() => {}
            Some(Work::Began) => {
                let place = match self.state.ready.take() {
                    Some(place) => place,
                    None => self.reserve().await?,
                };
                self.state.busy.push(place);
            }
            Some(Work::Ended) => self.ended().await?,
            None => {}
        }
        self.working.send_replace(!self.state.busy.is_empty());
        Ok(())
    }

    async fn ended(&mut self) -> Result<(), Rejection> {
        let place = self.state.busy.pop().or_else(|| self.state.ready.take());
        let (told, said_chars) = (self.state.told.take(), std::mem::take(&mut self.state.said_chars));
        let settlement = match told {
            Some(tokens) => Settlement::Used(self.used(Some(tokens))),
            None if said_chars > 0 => Settlement::AtLeast(Used::NOTHING),
            None => Settlement::Used(Used::NOTHING),
        };
        self.state.before = told.or(self.state.before);
        if let Some(place) = place {
            place.settle(settlement);
        }
        if self.state.busy.is_empty() && self.state.ready.is_none() {
            self.state.ready = Some(self.reserve().await?);
        }
        Ok(())
    }

    /// Of answers that are cut off now, what was said of them.
    pub fn cut_off(&self) -> Option<TokenCounts> {
        let is_untold = !self.state.busy.is_empty() && self.state.told.is_none() && self.protocol.tells();
        is_untold.then(|| TokenCounts {
            input: self.state.before.map_or(0, |tokens| tokens.input + tokens.output),
            output: self.state.said_chars.div_ceil(CHARS_PER_TOKEN).max(1),
            ..TokenCounts::default()
        })
    }

    async fn reserve(&self) -> Result<Place, Rejection> {
        let turn = Turn {
            proxy: &self.proxy,
            model: self.model.as_deref(),
            payer: self.terms.payer,
            charge: self.terms.charge,
            tells: self.protocol.tells(),
            before: self.state.before,
            now: self.edge.clock.now(),
        };
        let demand = self.limits()?.of_turn(&turn)?;
        if demand.dimensions.is_empty() {
            return Ok(Place(None));
        }
        let reserved = self.edge.limits.reserve(demand).await?;
        let (slot, _ticket) = Slot::new(self.edge.limits.clone(), reserved.reservation);
        Ok(Place(Some(slot)))
    }

    /// As they are now.
    fn limits(&self) -> Result<Limits, Rejection> {
        let snapshot = self.edge.snapshot.load();
        let proxy = snapshot.proxy_by_id(self.proxy.id).unwrap_or_else(|| self.proxy.clone());
        if proxy.is_stopped {
            return Err(Rejection::AccountStopped);
        }
        let Terms { caller, address, path, .. } = &self.terms;
        let plan = plan::active(&self.edge, &proxy, caller)?;
        if proxy.regime(plan.plan).rules.find(WEBSOCKET, path).is_none() {
            return Err(Rejection::PlanEndpointNotAllowed { method: WEBSOCKET.to_owned() });
        }
        Ok(Limits::of(&proxy, &plan, caller, *address, self.edge.clock.now()))
    }

    fn used(&self, tokens: Option<TokenCounts>) -> Used {
        let model = self.model.as_deref();
        let cost_micro_usd = self.proxy.call_price().of((model, model), tokens, self.edge.clock.now());
        let counts = tokens.unwrap_or_default();
        Used { input_tokens: counts.input, output_tokens: counts.output, cost_micro_usd }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        // Else the slots give back what was reserved.
        if !self.state.is_open {
            return;
        }
        let told = self.state.told.take();
        let mut used = match (told, self.protocol.tells()) {
            (Some(_), _) | (None, false) => Some(self.used(told)),
            (None, true) => None,
        };
        for place in std::mem::take(&mut self.state.busy) {
            place.settle(Settlement::AtLeast(used.take().unwrap_or(Used::NOTHING)));
        }
        if let Some(place) = self.state.ready.take() {
            place.settle(Settlement::Used(used.take().unwrap_or(Used::NOTHING)));
        }
    }
}

fn sum(told: Option<TokenCounts>, more: TokenCounts) -> TokenCounts {
    let mut reported = metering::Reported { tokens: told, ..metering::Reported::default() };
    reported.add(more);
    reported.tokens.unwrap_or(more)
}
