//! The limits that hold for a call, and what it may need of each: the request, its place among those under way, and at
//! worst so many tokens and so much money.

use std::sync::Arc;

use keyward_domain::calendar::{self, Months};
use keyward_domain::call_price::CallPrice;
use keyward_domain::catalogue::Charge;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::extras;
use keyward_domain::limits::names::{address_tag, counter_name, subject_tag};
use keyward_domain::limits::quota::Place;
use keyward_domain::limits::worst_case::WorstCase;
use keyward_domain::limits::{AskedModel, Limit, Measure, Per, Window};
use keyward_domain::metering;
use keyward_domain::prices;
use keyward_domain::provider::UsageShape;
use keyward_domain::rejection::Rejection;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::edge::Edge;
use crate::limiter::{Demand, Dimension, Limiter, Refusal, Reserved, Settlement, Used};
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::{Caller, Standing};
use crate::steps::authorize::Endpoint;
use crate::steps::plan::ActivePlan;
use crate::steps::upload::Upload;

/// Whose provider account is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payer {
    Developer,
    /// The call goes out with a key of the app user's own: budgets are not touched.
    AppUser,
}

/// The app's, the plan's and the proxy's limits, as they hold for one caller.
pub struct Limits {
    pub(super) demand: Demand,
}

impl Limits {
    pub fn of(
        proxy: &ServedProxy,
        plan: &ActivePlan,
        caller: &Caller,
        address: ClientAddress,
        now: OffsetDateTime,
    ) -> Self {
        let app = &proxy.app;
        let terms = plan.terms();
        let plan_limits = terms.map_or(&[][..], |plan| &plan.policy.limits);
        let plan_name: Option<Arc<str>> = terms.map(|plan| plan.name.as_str().into());
        let standing = [
            (Place::App, app.id.0, &app.policy.limits[..], None),
            (Place::Plan, plan.plan.0, plan_limits, plan_name),
            (Place::Proxy, proxy.id.0, &proxy.policy.limits[..], None),
        ];
        let mut whose = Whose { caller, address, subject: None };
        let mut dimensions = Vec::new();
        for (place, stands_at, limits, plan) in standing {
            for limit in limits {
                dimensions.extend(whose.dimension(place, stands_at, limit, plan.clone()));
            }
        }
        let months = months(&app.policy.time_zone, &dimensions, now);
        let without_counters = app.policy.without_counters;
        Self { demand: Demand { app: app.id, dimensions, months, without_counters } }
    }

    /// The same, and those of the proxy that would send the call.
    pub fn through(&self, via: &ServedProxy, (caller, address): (&Caller, ClientAddress), now: OffsetDateTime) -> Self {
        let mut whose = Whose { caller, address, subject: None };
        let limits = via.policy.limits.iter();
        let more = limits.filter_map(|limit| whose.dimension(Place::Proxy, via.id.0, limit, None));
        let dimensions: Vec<Dimension> = self.demand.dimensions.iter().cloned().chain(more).collect();
        let months = months(&via.app.policy.time_zone, &dimensions, now);
        Self { demand: Demand { dimensions, months, ..self.demand.clone() } }
    }

    /// A call that is refused for its body: it counts as a request, for the edge had to read it, and uses nothing else.
    pub fn of_refusal(&self, endpoint: &Endpoint) -> Demand {
        let mut demand = self.of_requests(endpoint);
        demand.dimensions.retain(|dimension| dimension.limit.window != Window::AtOnce);
        demand
    }

    /// Before the body is read; a model is known only where the path names it.
    pub fn of_requests(&self, endpoint: &Endpoint) -> Demand {
        let model = endpoint.model_in_path.as_deref().map_or(AskedModel::None, AskedModel::Named);
        let counts =
            |dimension: &&Dimension| dimension.limit.measure == Measure::Requests && dimension.limit.holds_for(model);
        self.with(self.demand.dimensions.iter().filter(counts).cloned().collect(), |_| 1)
    }

    /// What the call needs at most; a budget is no use for a call whose price nobody knows.
    pub fn of_call(&self, call: &Call<'_>) -> Result<Demand, Rejection> {
        let models = call.models();
        let holds = |dimension: &&Dimension| {
            let is_spared = dimension.limit.measure == Measure::CostMicroUsd && call.payer == Payer::AppUser;
            models.iter().any(|model| dimension.limit.holds_for(call.asked(model.as_deref()))) && !is_spared
        };
        let dimensions: Vec<Dimension> = self.demand.dimensions.iter().filter(holds).cloned().collect();
        let is_budgeted = dimensions.iter().any(|dimension| dimension.limit.measure == Measure::CostMicroUsd);
        let worst =
            models.iter().map(|model| call.worst_case(model.as_deref())).reduce(WorstCase::or).unwrap_or_default();
        let cost = if is_budgeted { call.cost_at_worst(&models, worst)? } else { 0 };
        Ok(self.at_worst(dimensions, worst, cost))
    }

    /// The same of a call that the provider makes later: nobody knows how many of those are under way at once.
    pub fn of_later(&self, call: &Call<'_>) -> Result<Demand, Rejection> {
        let mut demand = self.of_call(call)?;
        demand.dimensions.retain(|dimension| dimension.limit.window != Window::AtOnce);
        Ok(demand)
    }

    /// Only to look at; what all share is not among them.
    pub fn callers_own(&self) -> Demand {
        let is_own = |dimension: &&Dimension| dimension.limit.per != Per::Everyone;
        self.with(self.demand.dimensions.iter().filter(is_own).cloned().collect(), |_| 0)
    }

    /// One call, for what it may use and cost at most.
    pub(super) fn at_worst(&self, dimensions: Vec<Dimension>, worst: WorstCase, cost_micro_usd: u64) -> Demand {
        self.with(dimensions, |measure| match measure {
            Measure::Requests => 1,
            Measure::InputTokens => worst.input_tokens,
            Measure::OutputTokens => worst.output_tokens,
            Measure::TotalTokens => worst.total_tokens(),
            Measure::CostMicroUsd => cost_micro_usd,
        })
    }

    pub(super) fn with(&self, mut dimensions: Vec<Dimension>, asked: impl Fn(Measure) -> u64) -> Demand {
        for dimension in &mut dimensions {
            dimension.asked = asked(dimension.limit.measure);
        }
        Demand { dimensions, ..Demand { dimensions: Vec::new(), ..self.demand.clone() } }
    }
}

/// What decides how much a call may use.
pub struct Call<'a> {
    pub proxy: &'a ServedProxy,
    pub endpoint: &'a Endpoint,
    pub upload: &'a Upload,
    pub payer: Payer,
    pub now: OffsetDateTime,
}

impl Call<'_> {
    fn body(&self) -> &Value {
        match self.upload {
            Upload::Json { value, .. } | Upload::Form { fields: value, .. } => value,
            Upload::Empty | Upload::Streamed(_) => &Value::Null,
        }
    }

    /// Every model that may work for the call: the one that is asked for, and those that it names as fallbacks.
    fn models(&self) -> Vec<Option<String>> {
        let asked = self.endpoint.model(self.upload.value()).map(metering::asked_model);
        let others = self.endpoint.fields.into_iter().flat_map(|fields| fields.named_models(self.body()));
        let others = others.map(|model| Some(metering::asked_model(model))).filter(|other| *other != asked);
        let others: Vec<Option<String>> = others.collect();
        // Where only fallbacks are named, the first of them is asked.
        let first = if asked.is_none() && !others.is_empty() { Vec::new() } else { vec![asked] };
        first.into_iter().chain(others).collect()
    }

    /// What is asked for beside the model's work, and costs of its own.
    pub fn extras(&self) -> Vec<String> {
        match self.charge() {
            Charge::Nothing | Charge::Request => Vec::new(),
            Charge::Work => extras::asked(self.endpoint.fields, self.body()),
        }
    }

    /// By the dearest of the models.
    fn cost_at_worst(&self, models: &[Option<String>], worst: WorstCase) -> Result<u64, Rejection> {
        match self.charge() {
            Charge::Nothing => return Ok(0),
            Charge::Request => {
                let model = models.first().and_then(Option::as_deref);
                return Ok(self.price().of((None, model), None, self.now).unwrap_or(0));
            }
            Charge::Work => {}
        }
        let mut dearest = 0;
        for model in models {
            let cost = self.price().at_worst(model.as_deref(), worst, self.now);
            dearest = dearest.max(cost.ok_or_else(|| Rejection::ModelPriceUnknown { model: model.clone() })?);
        }
        for name in self.extras() {
            let extra = self.price().of_extra(&name, Some(worst.tokens()));
            dearest = dearest.saturating_add(extra.ok_or(Rejection::ExtraPriceUnknown { name })?);
        }
        Ok(dearest)
    }

    fn asked<'m>(&self, model: Option<&'m str>) -> AskedModel<'m> {
        let works = || self.charge() == Charge::Work && self.endpoint.takes_model(self.proxy.provider);
        match model {
            Some(model) => AskedModel::Named(model),
            None if works() => AskedModel::Untold,
            None => AskedModel::None,
        }
    }

    fn price(&self) -> CallPrice<'_> {
        self.proxy.call_price()
    }

    pub fn charge(&self) -> Charge {
        self.endpoint.charge
    }

    /// Nothing, of a call that makes no model work.
    fn worst_case(&self, model: Option<&str>) -> WorstCase {
        let provider = &self.proxy.provider;
        let most_output = match (provider.usage_shape, model) {
            (_, Some(model)) => prices::max_output_tokens(&provider.name, model, self.now),
            // An API that is not paid by tokens writes none.
            (UsageShape::None, None) => Some(0),
            (
                UsageShape::OpenAi
                | UsageShape::Anthropic
                | UsageShape::Gemini
                | UsageShape::Cloudflare
                | UsageShape::Replicate,
                None,
            ) => None,
        };
        match self.charge() {
            Charge::Nothing | Charge::Request => WorstCase::default(),
            Charge::Work => WorstCase::of(self.body(), most_output),
        }
    }
}

/// What came of a call that is refused for its body: the refusal, or that it came once too often.
pub async fn counted(edge: &Edge, demand: Demand, refused: Rejection) -> Rejection {
    // What is not the caller's fault does not count.
    if refused.status() >= 500 || demand.dimensions.is_empty() {
        return refused;
    }
    match edge.limits.reserve(demand).await {
        Ok(Reserved { reservation, .. }) => edge.limits.settle(reservation, Settlement::Used(Used::NOTHING)),
        Err(Refusal::Short(shortage)) => return Rejection::LimitReached(shortage),
        Err(Refusal::Unavailable) => {}
    }
    refused
}

struct Whose<'a> {
    caller: &'a Caller,
    address: ClientAddress,
    subject: Option<String>,
}

impl Whose<'_> {
    fn dimension(&mut self, place: Place, stands_at: Uuid, limit: &Limit, plan: Option<Arc<str>>) -> Option<Dimension> {
        let caller = self.caller;
        let name = match limit.per {
            Per::User => {
                let tag = self.subject.get_or_insert_with(|| subject_tag(caller.subject()));
                counter_name(place, stands_at, tag, limit)
            }
            Per::AnonymousAddress if caller.standing() == Standing::Anonymous => {
                counter_name(place, stands_at, &address_tag(self.address.network()), limit)
            }
            Per::AnonymousAddress => return None,
            Per::Everyone => counter_name(place, stands_at, "", limit),
        };
        Some(Dimension { name, limit: limit.clone(), place, plan, asked: 0 })
    }
}

fn months(time_zone: &str, dimensions: &[Dimension], now: OffsetDateTime) -> Months {
    if !dimensions.iter().any(|dimension| dimension.limit.window == Window::Month) {
        return Months { starts_ms: [0; 4] };
    }
    let now_ms = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    calendar::months(time_zone, now_ms)
}
