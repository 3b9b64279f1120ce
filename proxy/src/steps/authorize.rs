//! Method and path template to the rule that allows the call. The upstream target is rebuilt, never copied.

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use keyward_domain::body_fields::BodyFields;
use keyward_domain::body_rules::{BodyRules, Ruling};
use keyward_domain::catalogue::{self, Charge};
use keyward_domain::ids::PlanId;
use keyward_domain::model_lists::{self, ModelList};
use keyward_domain::ownership::Demands;
use keyward_domain::path::RequestPath;
use keyward_domain::provider::{Provider, UsageShape};
use keyward_domain::query::Query;
use keyward_domain::rejection::Rejection;
use keyward_domain::rules::{EndpointRule, WEBSOCKET};
use serde_json::Value;

use crate::snapshot::{Regime, ServedProxy};
use crate::steps::route::Routed;

/// An allowed call. All of it comes from a rule, or was checked against one.
pub struct Endpoint {
    pub rule: Arc<EndpointRule>,
    /// Rebuilt from the template and its parameters.
    pub upstream_path: String,
    pub path: RequestPath,
    pub query: Query,
    pub demands: Demands,
    /// Where the path or the query names the model (Gemini, Deepgram).
    pub model_in_path: Option<String>,
    /// Of an API that takes it there (Deepgram).
    takes_model_in_query: bool,
    /// What the catalogue knows of its body.
    pub fields: Option<&'static BodyFields>,
    /// What the provider takes money for.
    pub charge: Charge,
    /// What its reply lists, and the rules that say which of it may be known.
    pub models: Option<(&'static ModelList, Arc<BodyRules>)>,
    /// The body rule that holds here: the body must be read.
    pub ruling: Option<Ruling>,
}

impl Endpoint {
    /// The model that will be asked. Where the path names it, what the body says is not obeyed.
    pub fn model<'a>(&'a self, body: Option<&'a Value>) -> Option<&'a str> {
        let in_query = || self.query.get("model").filter(|_| self.takes_model_in_query);
        let in_body = || BodyFields::own_model(self.fields, body?);
        self.model_in_path.as_deref().or_else(in_query).or_else(in_body)
    }

    /// Whether a model works for such a call, as far as the catalogue knows; else any call to an API that is paid by tokens.
    pub fn takes_model(&self, provider: &Provider) -> bool {
        let is_of_models = provider.usage_shape != UsageShape::None;
        let known = self.fields.map(|fields| fields.model.is_some());
        self.model_in_path.is_some() || self.takes_model_in_query || known.unwrap_or(is_of_models)
    }
}

pub fn endpoint(routed: Routed, head: &Parts, plan: PlanId) -> Result<Endpoint, Rejection> {
    let call = (head.method.as_str(), routed.path, routed.query);
    let endpoint = allowed(&routed.proxy, plan, call)?;
    // We would have to open a compressed body to see what is in it.
    if head.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Rejection::EncodedBody);
    }
    // Of two, the provider might obey the one that we did not.
    if head.headers.get_all(CONTENT_TYPE).iter().nth(1).is_some() {
        return Err(Rejection::ContentTypeRepeated);
    }
    Ok(endpoint)
}

/// What this proxy's own rules, and those of the caller's plan, make of a call.
pub fn allowed(
    proxy: &ServedProxy,
    plan: PlanId,
    (method, path, query): (&str, RequestPath, Query),
) -> Result<Endpoint, Rejection> {
    let Regime { rules, bodies } = proxy.regime(plan);
    let Some(allowed) = rules.find(method, &path) else {
        let method_of_call = spelled(method);
        return Err(match proxy.own.rules.find(method, &path) {
            Some(_) => Rejection::PlanEndpointNotAllowed { method: method_of_call },
            None => Rejection::EndpointNotAllowed { method: method_of_call },
        });
    };
    let mut query = query.admitted(&allowed.rule.query).map_err(Rejection::QueryNotAllowed)?;
    query.check_values(&proxy.provider.query_values).map_err(Rejection::QueryNotAllowed)?;
    let provider = proxy.provider.name.as_str();
    let known = catalogue::body_fields_at(provider, method, &path);
    let ruling = bodies.holding_at(known, provider, (method, &path)).map_err(Rejection::Body)?;
    let ruled = ruling.as_ref().map_or(Ok(None), |ruling| ruling.model_in_query(&query)).map_err(Rejection::Body)?;
    if let Some((param, model)) = ruled {
        query.set(param, &model);
    }
    let fields = known.map(|(fields, _)| fields);
    let in_path = || known?.1.matches(&path)?.get("model").map(str::to_owned);
    let in_query = || query.get(fields?.model_query.as_deref()?).map(str::to_owned);
    let models = catalogue::model_list(provider, method, &path);
    let one = models.filter(|list| list.items.is_empty()).and_then(|_| path.segments().last());
    if one.is_some_and(|name| !bodies.shows(name, model_lists::maker(name))) {
        return Err(Rejection::ResourceNotFound);
    }
    Ok(Endpoint {
        models: models.map(|list| (list, bodies.clone())),
        rule: allowed.rule.clone(),
        upstream_path: allowed.template.rebuild(&allowed.params),
        demands: proxy.ownership.demands(method, &path, &query),
        model_in_path: in_path().or_else(in_query),
        takes_model_in_query: allowed.rule.query.iter().any(|name| name == "model"),
        fields,
        charge: catalogue::charge(provider, method, &path),
        ruling: match method {
            WEBSOCKET => bodies.socket_ruling(provider, &path).map_err(Rejection::Body)?,
            _ => ruling.filter(Ruling::concerns_the_body),
        },
        path,
        query,
    })
}

pub fn spelled(method: &str) -> String {
    if method.len() <= 16 { method.to_owned() } else { "this method".to_owned() }
}
