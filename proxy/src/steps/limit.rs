//! The limits that hold for a call, and what it may need of each: the request, its place among those under way, and at
//! worst so many tokens and so much money.

use std::sync::Arc;

use http::Method;
use keyward_domain::calendar::{self, Months};
use keyward_domain::call_price::CallPrice;
use keyward_domain::catalogue::{self, Charge};
use keyward_domain::client_address::ClientAddress;
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

use crate::limiter::{Demand, Dimension};
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
    demand: Demand,
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

    /// Before the body is read; a model is known only where the path names it.
    pub fn of_requests(&self, endpoint: &Endpoint) -> Demand {
        let model = endpoint.model_in_path.as_deref().map_or(AskedModel::None, AskedModel::Named);
        let counts =
            |dimension: &&Dimension| dimension.limit.measure == Measure::Requests && dimension.limit.holds_for(model);
        self.with(self.demand.dimensions.iter().filter(counts).cloned().collect(), |_| 1)
    }

    /// What the call needs at most; a budget is no use for a call whose price nobody knows.
    pub fn of_call(&self, call: &Call<'_>) -> Result<Demand, Rejection> {
        let model = call.model();
        let asked = call.asked(model.as_deref());
        let holds = |dimension: &&Dimension| {
            let is_spared = dimension.limit.measure == Measure::CostMicroUsd && call.payer == Payer::AppUser;
            dimension.limit.holds_for(asked) && !is_spared
        };
        let dimensions: Vec<Dimension> = self.demand.dimensions.iter().filter(holds).cloned().collect();
        let is_budgeted = dimensions.iter().any(|dimension| dimension.limit.measure == Measure::CostMicroUsd);
        let worst = call.worst_case(model.as_deref());
        let cost = match (is_budgeted, call.charge()) {
            (false, _) | (true, Charge::Nothing) => 0,
            (true, Charge::Request) => call.price().of((None, model.as_deref()), None, call.now).unwrap_or(0),
            (true, Charge::Work) => call
                .price()
                .at_worst(model.as_deref(), worst, call.now)
                .ok_or(Rejection::ModelPriceUnknown { model })?,
        };
        Ok(self.with(dimensions, |measure| match measure {
            Measure::Requests => 1,
            Measure::InputTokens => worst.input_tokens,
            Measure::OutputTokens => worst.output_tokens,
            Measure::TotalTokens => worst.total_tokens(),
            Measure::CostMicroUsd => cost,
        }))
    }

    /// Only to look at; what all share is not among them.
    pub fn callers_own(&self) -> Demand {
        let is_own = |dimension: &&Dimension| dimension.limit.per != Per::Everyone;
        self.with(self.demand.dimensions.iter().filter(is_own).cloned().collect(), |_| 0)
    }

    fn with(&self, mut dimensions: Vec<Dimension>, asked: impl Fn(Measure) -> u64) -> Demand {
        for dimension in &mut dimensions {
            dimension.asked = asked(dimension.limit.measure);
        }
        Demand { dimensions, ..Demand { dimensions: Vec::new(), ..self.demand.clone() } }
    }
}

/// What decides how much a call may use.
pub struct Call<'a> {
    pub proxy: &'a ServedProxy,
    pub method: &'a Method,
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

    fn model(&self) -> Option<String> {
        self.endpoint.model(self.upload.value()).map(metering::asked_model)
    }

    fn asked<'m>(&self, model: Option<&'m str>) -> AskedModel<'m> {
        let works =
            || self.charge() == Charge::Work && self.endpoint.takes_model(self.proxy.provider, self.method.as_str());
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
        catalogue::charge(&self.proxy.provider.name, self.method.as_str(), &self.endpoint.path)
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
