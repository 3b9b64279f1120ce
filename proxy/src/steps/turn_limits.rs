//! What a socket needs of the limits: its place for as long as it is open, and for each answer tokens and money.

use keyward_domain::catalogue::Charge;
use keyward_domain::limits::worst_case::{DEFAULT_OUTPUT_TOKENS, WorstCase};
use keyward_domain::limits::{AskedModel, Measure};
use keyward_domain::prices;
use keyward_domain::rejection::Rejection;
use keyward_domain::usage::TokenCounts;
use time::OffsetDateTime;

use crate::limiter::{Demand, Dimension};
use crate::snapshot::ServedProxy;
use crate::steps::limit::{Limits, Payer};

/// Of a socket's first answer, before anything is known of what is said: instructions, tools, a spoken sentence.
const FIRST_INPUT_TOKENS: u64 = 2_000;

/// One answer to come.
pub struct Turn<'a> {
    pub proxy: &'a ServedProxy,
    pub model: Option<&'a str>,
    pub payer: Payer,
    pub charge: Charge,
    /// Its provider tells what it used.
    pub tells: bool,
    /// What the answer before this one used: all of it is read again.
    pub before: Option<TokenCounts>,
    pub now: OffsetDateTime,
}

impl Turn<'_> {
    fn asked(&self) -> AskedModel<'_> {
        match self.model {
            Some(model) => AskedModel::Named(model),
            None => AskedModel::Untold,
        }
    }

    fn worst_case(&self) -> WorstCase {
        if !self.tells {
            return WorstCase::default();
        }
        let most = self.model.and_then(|model| prices::max_output_tokens(&self.proxy.provider.name, model, self.now));
        WorstCase {
            input_tokens: self.before.map_or(FIRST_INPUT_TOKENS, |tokens| tokens.input + tokens.output),
            output_tokens: most.unwrap_or(DEFAULT_OUTPUT_TOKENS),
            has_media: true,
        }
    }
}

impl Limits {
    /// The request, and its place among those under way.
    pub fn of_socket(&self, model: Option<&str>) -> Demand {
        let asked = model.map_or(AskedModel::Untold, AskedModel::Named);
        let holds =
            |dimension: &&Dimension| dimension.limit.measure == Measure::Requests && dimension.limit.holds_for(asked);
        self.with(self.demand.dimensions.iter().filter(holds), |_| 1)
    }

    /// What the next answer may use.
    pub fn of_turn(&self, turn: &Turn<'_>) -> Result<Demand, Rejection> {
        let (asked, worst) = (turn.asked(), turn.worst_case());
        let holds = |dimension: &&Dimension| {
            let is_spared = dimension.limit.measure == Measure::CostMicroUsd && turn.payer == Payer::AppUser;
            dimension.limit.measure != Measure::Requests && dimension.limit.holds_for(asked) && !is_spared
        };
        let dimensions = self.demand.dimensions.iter().filter(holds);
        let is_budgeted = dimensions.clone().any(|dimension| dimension.limit.measure == Measure::CostMicroUsd);
        let price = turn.proxy.call_price();
        let cost = match (is_budgeted, turn.charge) {
            (false, _) | (true, Charge::Nothing) => 0,
            (true, Charge::Request | Charge::Work) => {
                let known = price.at_worst(turn.model, worst, turn.now);
                known.ok_or_else(|| Rejection::ModelPriceUnknown { model: turn.model.map(str::to_owned) })?
            }
        };
        Ok(self.at_worst(dimensions, worst, cost))
    }
}
