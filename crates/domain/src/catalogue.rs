//! The providers we know, one reviewed JSON file each under `catalogue/`.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::body_fields::{BodyFields, BodyFieldsTable};
use crate::endpoint_table::EndpointTable;
use crate::model_lists::ModelList;
use crate::path::{PathTemplate, RequestPath};
use crate::provider::{LaterCalls, Provider, Reads};
use crate::sockets::SocketProtocol;

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    [
        include_str!("../catalogue/openai.json"),
        include_str!("../catalogue/anthropic.json"),
        include_str!("../catalogue/gemini.json"),
        include_str!("../catalogue/azure-openai.json"),
        include_str!("../catalogue/openrouter.json"),
        include_str!("../catalogue/groq.json"),
        include_str!("../catalogue/mistral.json"),
        include_str!("../catalogue/deepseek.json"),
        include_str!("../catalogue/xai.json"),
        include_str!("../catalogue/perplexity.json"),
        include_str!("../catalogue/together.json"),
        include_str!("../catalogue/fireworks.json"),
        include_str!("../catalogue/zai.json"),
        include_str!("../catalogue/github-models.json"),
        include_str!("../catalogue/cloudflare.json"),
        include_str!("../catalogue/replicate.json"),
        include_str!("../catalogue/stability.json"),
        include_str!("../catalogue/fal.json"),
        include_str!("../catalogue/elevenlabs.json"),
        include_str!("../catalogue/deepgram.json"),
        include_str!("../catalogue/brave.json"),
        include_str!("../catalogue/deepl.json"),
        include_str!("../catalogue/open-meteo.json"),
        include_str!("../catalogue/custom.json"),
    ]
    .iter()
    .map(|text| serde_json::from_str(text).expect("the catalogue is valid: a test reads every file"))
    .collect()
});

/// As they are offered, `custom` last.
pub fn providers() -> &'static [Provider] {
    &PROVIDERS
}

pub fn provider(name: &str) -> Option<&'static Provider> {
    COMPILED.get(name).map(|compiled| compiled.provider)
}

/// What is asked of a provider's entry for every request.
struct Compiled {
    provider: &'static Provider,
    body_fields: BodyFieldsTable,
    unbilled: EndpointTable<()>,
    later_calls: EndpointTable<&'static LaterCalls>,
    model_lists: EndpointTable<&'static ModelList>,
    sockets: Vec<(SocketProtocol, PathTemplate)>,
    /// Every endpoint that the entry speaks of.
    known: EndpointTable<()>,
}

static COMPILED: LazyLock<FxHashMap<&'static str, Compiled>> =
    LazyLock::new(|| providers().iter().map(|provider| (provider.name.as_str(), compiled(provider))).collect());

fn compiled(provider: &'static Provider) -> Compiled {
    let endpoint = |line: &'static String| line.split_once(' ').expect("a test reads every line");
    let unbilled = provider.unbilled.iter().map(endpoint);
    let open = provider.default_rules.iter().map(|rule| (rule.method.as_str(), rule.template.as_str()));
    let owned = provider.ownership.iter().map(|rule| (rule.method.as_str(), rule.template.as_str()));
    let known = unbilled.clone().chain(open).chain(owned);
    Compiled {
        provider,
        later_calls: table(provider.later_calls.iter().map(|calls| (endpoint(&calls.endpoint), calls))),
        model_lists: table(provider.model_lists.iter().map(|list| (endpoint(&list.endpoint), list))),
        known: table(known.map(|endpoint| (endpoint, ()))),
        sockets: provider.sockets.iter().map(|socket| (socket.protocol, template(&socket.template))).collect(),
        body_fields: BodyFieldsTable::compile(&provider.body_fields).expect("a test compiles every table"),
        unbilled: table(unbilled.map(|endpoint| (endpoint, ()))),
    }
}

fn table<T>(lines: impl Iterator<Item = ((&'static str, &'static str), T)>) -> EndpointTable<T> {
    let mut table = EndpointTable::default();
    for ((method, text), known) in lines {
        table.add(method, template(text), known);
    }
    table
}

fn template(text: &str) -> PathTemplate {
    PathTemplate::parse(text).expect("a test parses every template")
}

/// The fields in the body of this call; `path` is the upstream path.
pub fn body_fields(provider: &str, method: &str, path: &RequestPath) -> Option<&'static BodyFields> {
    COMPILED.get(provider)?.body_fields.find(method, path)
}

/// With the template that says where its parameters are.
pub type FieldsAt = (&'static BodyFields, &'static PathTemplate);

/// The same, with that template.
pub fn body_fields_at(provider: &str, method: &str, path: &RequestPath) -> Option<FieldsAt> {
    COMPILED.get(provider)?.body_fields.matching(method, path)
}

/// Whether the catalogue speaks of this call: where it then lists no fields of a body, there are none that a rule is about.
pub fn is_known(provider: &str, method: &str, path: &RequestPath) -> bool {
    COMPILED.get(provider).is_some_and(|compiled| compiled.known.first(method, path).is_some())
}

/// The model that the path of this call names, whatever a developer's rule calls that part of it.
pub fn model_in_path(provider: &str, method: &str, path: &RequestPath) -> Option<String> {
    COMPILED.get(provider)?.body_fields.model_in_path(method, path)
}

/// Whether this call lists models. What a HEAD tells is what a GET would.
pub fn model_list(provider: &str, method: &str, path: &RequestPath) -> Option<&'static ModelList> {
    let method = if method == "HEAD" { "GET" } else { method };
    COMPILED.get(provider)?.model_lists.first(method, path).copied()
}

/// The calls that the body of this one holds.
pub fn later_calls(provider: &str, method: &str, path: &RequestPath) -> Option<&'static LaterCalls> {
    COMPILED.get(provider)?.later_calls.first(method, path).copied()
}

/// What is spoken over a WebSocket at this path.
pub fn socket_protocol(provider: &str, path: &RequestPath) -> SocketProtocol {
    let sockets = COMPILED.get(provider).map_or(&[][..], |compiled| &compiled.sockets);
    sockets.iter().find(|(_, template)| template.matches(path).is_some()).map(|(known, _)| *known).unwrap_or_default()
}

/// What a provider takes money for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    Nothing,
    /// A read at an API that the catalogue does not know: what the developer says that a request costs.
    Request,
    Work,
}

pub fn charge(name: &str, method: &str, path: &RequestPath) -> Charge {
    let Some(Compiled { provider, unbilled, .. }) = COMPILED.get(name) else { return Charge::Work };
    let only_reads = matches!(method, "GET" | "HEAD" | "DELETE") && provider.reads == Reads::Free;
    match unbilled.first(method, path).is_some() {
        true => Charge::Nothing,
        false if only_reads && provider.is_custom() => Charge::Request,
        false if only_reads => Charge::Nothing,
        false => Charge::Work,
    }
}
