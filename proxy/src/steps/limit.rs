//! The limits that hold for a call, and what it may need of each: the request, its place among those under way, and at
//! worst so many tokens and so much money.

use std::sync::Arc;

use keyward_domain::calendar::Months;
use keyward_domain::call_price::CallPrice;
use keyward_domain::catalogue::Charge;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::clock::unix_ms;
use keyward_domain::extras;
use keyward_domain::limits::names::Tag;
use keyward_domain::limits::quota::{Place, Shortage};
use keyward_domain::limits::worst_case::WorstCase;
use keyward_domain::limits::{AskedModel, Limit, Measure, Per, Window};
use keyward_domain::metering;
use keyward_domain::prices;
use keyward_domain::provider::UsageShape;
use keyward_domain::rejection::Rejection;
use serde_json::Value;
use time::OffsetDateTime;

use crate::edge::Edge;
use crate::limiter::{Demand, Dimension, Limiter, Refusal, Reserved, Scope, Settlement, Used};
use crate::snapshot::{ServedApp, ServedProxy};
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
    /// Of counts of requests asks one, of all else nothing yet.
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
        let plan_name = terms.filter(|_| !plan_limits.is_empty()).map(|plan| Arc::from(plan.name.as_str()));
        let standing = [
            (Place::App, app.id.0, &app.policy.limits[..], None),
            (Place::Plan, plan.plan.0, plan_limits, plan_name),
            (Place::Plan, plan.plan.0, app.counted_for(plan.plan), None),
            (Place::Proxy, proxy.id.0, &proxy.policy.limits[..], None),
        ];
        let without_counters = app.policy.without_counters;
        let months = Months { starts_ms: [0; 4] };
        let scope = Scope { app: app.id, caller: None, address: None, months, without_counters };
        let most = standing.iter().map(|(_, _, limits, _)| limits.len()).sum();
        let mut here = Self { demand: Demand { scope, dimensions: Vec::with_capacity(most) } };
        for (place, stands_at, limits, plan) in &standing {
            for limit in *limits {
                // A user's own counts are the same in every plan: whoever changes plans takes along what was used.
                let stands_at = if (*place, limit.per) == (Place::Plan, Per::User) { app.id.0 } else { *stands_at };
                here.add((caller, address), Dimension::of(limit, (*place, stands_at), plan.clone()));
            }
        }
        here.date(app, now);
        here
    }

    /// The same, and those of the proxy that would send the call.
    pub fn through(&self, via: &ServedProxy, whom: (&Caller, ClientAddress), now: OffsetDateTime) -> Self {
        let mut through = Self { demand: self.demand.clone() };
        for limit in &via.policy.limits {
            through.add(whom, Dimension::of(limit, (Place::Proxy, via.id.0), None));
        }
        through.date(&via.app, now);
        through
    }

    /// Whoever has no limits of its own needs no tag.
    fn add(&mut self, (caller, address): (&Caller, ClientAddress), dimension: Dimension) {
        let scope = &mut self.demand.scope;
        match dimension.limit.per {
            Per::User if scope.caller.is_none() => scope.caller = Some(Tag::of_subject(caller.subject())),
            Per::AnonymousAddress if caller.standing() != Standing::Anonymous => return,
            Per::AnonymousAddress => scope.address = Some(Tag::of_network(address.network())),
            Per::User | Per::Everyone => {}
        }
        self.demand.dimensions.push(dimension);
    }

    fn date(&mut self, app: &ServedApp, now: OffsetDateTime) {
        if self.demand.dimensions.iter().any(|dimension| dimension.limit.window == Window::Month) {
            self.demand.scope.months = app.months.around(&app.policy.time_zone, unix_ms(now));
        }
    }

    /// A call that is refused for its body: it counts as a request, for the edge had to read it, and uses nothing else.
    pub fn of_refusal(&self, endpoint: &Endpoint) -> Demand {
        let is_counted = |dimension: &&Dimension| dimension.limit.window != Window::AtOnce;
        self.with(self.of_requests(endpoint).filter(is_counted), |_| 1)
    }

    /// Before the body is read: a flood over the limit is not worth it.
    pub fn peek(&self, limiter: &impl Limiter, endpoint: &Endpoint) -> Result<(), Shortage> {
        limiter.peek(&self.demand.scope, self.of_requests(endpoint))
    }

    /// A model is known only where the path names it.
    fn of_requests<'l>(&'l self, endpoint: &'l Endpoint) -> impl Iterator<Item = &'l Dimension> + Clone {
        let model = endpoint.model_in_path.as_deref().map_or(AskedModel::None, AskedModel::Named);
        let counts = move |dimension: &&Dimension| {
            dimension.limit.measure == Measure::Requests && dimension.limit.holds_for(model)
        };
        self.demand.dimensions.iter().filter(counts)
    }

    /// What the call needs at most; a budget is no use for a call whose price nobody knows.
    pub fn of_call(&self, call: &Call<'_>) -> Result<Demand, Rejection> {
        let models = call.models();
        let is_spared = |measure: Measure| measure == Measure::CostMicroUsd && call.payer == Payer::AppUser;
        let holds =
            |limit: &Limit| !is_spared(limit.measure) && models.iter().any(|model| limit.holds_for(call.asked(*model)));
        let dimensions = self.demand.dimensions.iter().filter(|dimension| holds(&dimension.limit));
        let of_money = || dimensions.clone().filter(|dimension| dimension.limit.measure == Measure::CostMicroUsd);
        let is_budgeted = of_money().any(|dimension| !dimension.limit.is_unlimited());
        let is_counted = of_money().next().is_some();
        let worst = models.iter().map(|model| call.worst_case(*model)).reduce(WorstCase::or).unwrap_or_default();
        let cost = match is_counted.then(|| call.cost_at_worst(&models, worst)) {
            Some(Err(rejection)) if is_budgeted => return Err(rejection),
            // What has no price is no use for a budget, and no harm without one.
            Some(Err(_)) | None => 0,
            Some(Ok(cost)) => cost,
        };
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
        let is_own = |dimension: &&Dimension| dimension.limit.per.is_callers_own() && !dimension.limit.is_unlimited();
        self.with(self.demand.dimensions.iter().filter(is_own), |_| 0)
    }

    /// One call, for what it may use and cost at most.
    pub(super) fn at_worst<'l>(
        &'l self,
        dimensions: impl Iterator<Item = &'l Dimension>,
        worst: WorstCase,
        cost_micro_usd: u64,
    ) -> Demand {
        self.with(dimensions, |measure| match measure {
            Measure::Requests => 1,
            Measure::InputTokens => worst.input_tokens,
            Measure::OutputTokens => worst.output_tokens,
            Measure::TotalTokens => worst.total_tokens(),
            Measure::CostMicroUsd => cost_micro_usd,
        })
    }

    pub(super) fn with<'l>(
        &'l self,
        dimensions: impl Iterator<Item = &'l Dimension>,
        asked: impl Fn(Measure) -> u64,
    ) -> Demand {
        let mut demand =
            Demand { scope: self.demand.scope, dimensions: Vec::with_capacity(self.demand.dimensions.len()) };
        let asking = |dimension: &Dimension| Dimension { asked: asked(dimension.limit.measure), ..dimension.clone() };
        demand.dimensions.extend(dimensions.map(asking));
        demand
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
    fn models(&self) -> Vec<Option<&str>> {
        let asked = self.endpoint.model(self.upload.value()).map(metering::model_name);
        let others = self.endpoint.fields.into_iter().flat_map(|fields| fields.named_models(self.body()));
        let others = others.map(|model| Some(metering::model_name(model))).filter(|other| *other != asked);
        let mut models = vec![asked];
        models.extend(others);
        // Where only fallbacks are named, the first of them is asked.
        if asked.is_none() && models.len() > 1 {
            models.remove(0);
        }
        models
    }

    /// What is asked for beside the model's work, and costs of its own.
    pub fn extras(&self) -> Vec<String> {
        match self.charge() {
            Charge::Nothing | Charge::Request => Vec::new(),
            Charge::Work => extras::asked(self.endpoint.fields, self.body()),
        }
    }

    /// By the dearest of the models.
    fn cost_at_worst(&self, models: &[Option<&str>], worst: WorstCase) -> Result<u64, Rejection> {
        match self.charge() {
            Charge::Nothing => return Ok(0),
            Charge::Request => {
                let model = models.first().copied().flatten();
                return Ok(self.price().of((None, model), None, self.now).unwrap_or(0));
            }
            Charge::Work => {}
        }
        let mut dearest = 0;
        for &model in models {
            let cost = self.price().at_worst(model, worst, self.now);
            dearest =
                dearest.max(cost.ok_or_else(|| Rejection::ModelPriceUnknown { model: model.map(str::to_owned) })?);
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
