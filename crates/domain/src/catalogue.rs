//! The providers we know, one reviewed JSON file each under `catalogue/`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::body_fields::{BodyFields, BodyFieldsTable};
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
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// What is asked of a provider's entry for every request.
struct Compiled {
    body_fields: BodyFieldsTable,
    unbilled: Vec<(&'static str, PathTemplate)>,
    later_calls: Vec<(&'static str, PathTemplate, &'static LaterCalls)>,
    model_lists: Vec<(&'static str, PathTemplate, &'static ModelList)>,
    sockets: Vec<(SocketProtocol, PathTemplate)>,
    /// Every endpoint that the entry speaks of.
    known: Vec<(&'static str, PathTemplate)>,
}

static COMPILED: LazyLock<HashMap<&'static str, Compiled>> =
    LazyLock::new(|| providers().iter().map(|provider| (provider.name.as_str(), compiled(provider))).collect());

fn compiled(provider: &'static Provider) -> Compiled {
    let endpoint = |line: &'static String| {
        let (method, template) = line.split_once(' ').expect("a test reads every line");
        (method, PathTemplate::parse(template).expect("a test parses every template"))
    };
    let template = |text: &str| PathTemplate::parse(text).expect("a test parses every template");
    let unbilled: Vec<_> = provider.unbilled.iter().map(endpoint).collect();
    let open = provider.default_rules.iter().map(|rule| (rule.method.as_str(), template(&rule.template)));
    let owned = provider.ownership.iter().map(|rule| (rule.method.as_str(), template(&rule.template)));
    let lists = provider.model_lists.iter().map(|list| {
        let (method, template) = endpoint(&list.endpoint);
        (method, template, list)
    });
    let later = provider.later_calls.iter().map(|calls| {
        let (method, template) = endpoint(&calls.endpoint);
        (method, template, calls)
    });
    Compiled {
        later_calls: later.collect(),
        model_lists: lists.collect(),
        known: unbilled.iter().cloned().chain(open).chain(owned).collect(),
        sockets: provider.sockets.iter().map(|socket| (socket.protocol, template(&socket.template))).collect(),
        body_fields: BodyFieldsTable::compile(&provider.body_fields).expect("a test compiles every table"),
        unbilled,
    }
}

/// The fields in the body of this call; `path` is the upstream path.
pub fn body_fields(provider: &str, method: &str, path: &RequestPath) -> Option<&'static BodyFields> {
    COMPILED.get(provider)?.body_fields.find(method, path)
}

/// The same, with the template that says where its parameters are.
pub fn body_fields_at(provider: &str, method: &str, path: &RequestPath) -> Option<&'static (BodyFields, PathTemplate)> {
    COMPILED.get(provider)?.body_fields.matching(method, path)
}

/// Whether the catalogue speaks of this call: where it then lists no fields of a body, there are none that a rule is about.
pub fn is_known(provider: &str, method: &str, path: &RequestPath) -> bool {
    let is_it = |(of, template): &(&str, PathTemplate)| *of == method && template.fits(path);
    COMPILED.get(provider).is_some_and(|compiled| compiled.known.iter().any(is_it))
}

/// The model that the path of this call names, whatever a developer's rule calls that part of it.
pub fn model_in_path(provider: &str, method: &str, path: &RequestPath) -> Option<String> {
    COMPILED.get(provider)?.body_fields.model_in_path(method, path)
}

/// Whether this call lists models. What a HEAD tells is what a GET would.
pub fn model_list(provider: &str, method: &str, path: &RequestPath) -> Option<&'static ModelList> {
    let method = if method == "HEAD" { "GET" } else { method };
    let lists = &COMPILED.get(provider)?.model_lists;
    lists.iter().find(|(of, template, _)| *of == method && template.fits(path)).map(|(_, _, list)| *list)
}

/// The calls that the body of this one holds.
pub fn later_calls(provider: &str, method: &str, path: &RequestPath) -> Option<&'static LaterCalls> {
    let later = &COMPILED.get(provider)?.later_calls;
    later.iter().find(|(of, template, _)| *of == method && template.fits(path)).map(|(_, _, calls)| *calls)
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
    let (Some(known), Some(compiled)) = (provider(name), COMPILED.get(name)) else { return Charge::Work };
    let only_reads = matches!(method, "GET" | "HEAD" | "DELETE") && known.reads == Reads::Free;
    let is_listed = |(wanted, template): &(&str, PathTemplate)| *wanted == method && template.fits(path);
    match compiled.unbilled.iter().any(is_listed) {
        true => Charge::Nothing,
        false if only_reads && known.is_custom() => Charge::Request,
        false if only_reads => Charge::Nothing,
        false => Charge::Work,
    }
}
