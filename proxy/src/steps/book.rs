//! Which way a call goes, the called proxy's or its fallback's, with all that it may use there reserved.

use std::sync::Arc;

use http::request::Parts;
use keyward_domain::catalogue::Charge;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::extras;
use keyward_domain::ids::PlanId;
use keyward_domain::rejection::Rejection;

use crate::edge::Edge;
use crate::limiter::{Limiter, Reserved};
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;
use crate::steps::authorize::Endpoint;
use crate::steps::fallback::{self, Asked, Detour};
use crate::steps::limit::{self, Call, Limits, Payer};
use crate::steps::upload::Upload;

/// A call as this proxy sends it.
pub struct Way {
    pub via: Arc<ServedProxy>,
    pub endpoint: Endpoint,
    pub upload: Upload,
}

/// What the provider takes for it.
pub struct Costs {
    pub charge: Charge,
    /// Asked for beside the model's work, and priced by the developer.
    pub extras: Vec<String>,
}

pub struct Booked {
    pub way: Way,
    pub costs: Costs,
    pub reserved: Reserved,
}

pub struct Booking<'a> {
    pub edge: &'a Edge,
    pub caller: &'a Caller,
    pub plan: PlanId,
    pub address: ClientAddress,
    pub head: &'a Parts,
    pub limits: &'a Limits,
    pub payer: Payer,
}

impl Booking<'_> {
    pub async fn book(&self, own: Way) -> Result<Booked, Rejection> {
        let own = match self.detour(&own) {
            Some(detour) => match Box::pin(self.book_detour(own, detour)).await {
                Ok(booked) => return Ok(booked),
                Err(own) => own,
            },
            None => own,
        };
        let call = self.call(&own.via, &own.endpoint, &own.upload);
        let demand = match self.limits.of_call(&call) {
            Ok(demand) => demand,
            Err(rejection) => {
                let demand = self.limits.of_refusal(&own.endpoint);
                return Err(Box::pin(limit::counted(self.edge, demand, rejection)).await);
            }
        };
        let (costs, reserved) = (costs(&call), self.edge.limits.reserve(demand).await?);
        Ok(Booked { way: own, costs, reserved })
    }

    /// A socket has no fallback. Here it gets its place; tokens and money are reserved for each answer over it.
    pub async fn book_socket(&self, own: Way) -> Result<Booked, Rejection> {
        let demand = self.limits.of_socket(own.endpoint.model(None));
        let charge = self.call(&own.via, &own.endpoint, &own.upload).charge();
        let reserved = self.edge.limits.reserve(demand).await?;
        Ok(Booked { way: own, costs: Costs { charge, extras: Vec::new() }, reserved })
    }

    /// A user's own key is of one account: it has no fallback.
    fn detour(&self, own: &Way) -> Option<Detour> {
        if self.payer == Payer::AppUser {
            return None;
        }
        let Self { caller, plan, address, head, .. } = *self;
        let asked =
            Asked { proxy: &own.via, caller, plan, address, head, endpoint: &own.endpoint, upload: &own.upload };
        fallback::find(self.edge, &asked)
    }

    /// One decision over the limits of both proxies, at the prices of the one that sends. Refused, the call goes its own way.
    async fn book_detour(&self, own: Way, detour: Detour) -> Result<Booked, Way> {
        let Detour { via, endpoint, upload } = detour;
        let limits = self.limits.through(&via, (self.caller, self.address), self.edge.clock.now());
        let call = self.call(&via, &endpoint, upload.as_ref().unwrap_or(&own.upload));
        let Ok(demand) = limits.of_call(&call) else { return Err(own) };
        let costs = costs(&call);
        let Ok(reserved) = self.edge.limits.reserve(demand).await else { return Err(own) };
        self.edge.metrics.key_chosen("fallback");
        let upload = upload.unwrap_or(own.upload);
        Ok(Booked { way: Way { via, endpoint, upload }, costs, reserved })
    }

    fn call<'c>(&'c self, via: &'c ServedProxy, endpoint: &'c Endpoint, upload: &'c Upload) -> Call<'c> {
        Call { proxy: via, endpoint, upload, payer: self.payer, now: self.edge.clock.now() }
    }
}

/// Extras are only looked for where they have a price.
fn costs(call: &Call<'_>) -> Costs {
    let prices_extras = call.proxy.app.policy.prices.iter().any(|price| extras::is_name(&price.model));
    Costs { charge: call.charge(), extras: if prices_extras { call.extras() } else { Vec::new() } }
}
