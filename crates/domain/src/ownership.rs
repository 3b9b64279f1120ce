//! Who may touch which upstream object, decided from a provider's table (`OwnershipRule`), not by code per endpoint.
//!
//! Pure: says which ids a call names, creates, lists or forgets. Who owns them is the caller's to look up.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::path::{ParseTemplateError, PathTemplate, RequestPath};
use crate::provider::{FiltersList, OwnershipRule};
use crate::query::Query;

/// An object at the provider: `file`, `file-abc`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceRef {
    pub kind: String,
    pub id: String,
}

/// Where in a JSON value ids stand: `/tool_resources/*/file_ids/*`. `*` is every element or member, `**` any depth.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Every,
    AnyDepth,
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let step = |name: &str| match name {
            "*" => Step::Every,
            "**" => Step::AnyDepth,
            _ => Step::Member(name.to_owned()),
        };
        Self(text.split('/').skip(1).map(step).collect())
    }

    fn strings(&self, value: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        collect(&self.0, value, &mut found);
        found
    }
}

fn collect(steps: &[Step], value: &Value, found: &mut BTreeSet<String>) {
    let Some((step, rest)) = steps.split_first() else {
        found.extend(value.as_str().map(str::to_owned));
        return;
    };
    match step {
        Step::Member(name) => {
            if let Some(member) = value.get(name) {
                collect(rest, member, found);
            }
        }
        // One id where a list is expected is still an id.
        Step::Every if value.is_string() => collect(rest, value, found),
        Step::Every => children(value).for_each(|child| collect(rest, child, found)),
        Step::AnyDepth => {
            collect(rest, value, found);
            children(value).for_each(|child| collect(steps, child, found));
        }
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}

#[derive(Clone, Debug)]
struct NamedIds {
    kind: String,
    prefix: String,
    pattern: Pattern,
}

impl NamedIds {
    fn refs(&self, value: &Value) -> Vec<ResourceRef> {
        let ids = self.pattern.strings(value).into_iter().filter(|id| id.starts_with(&self.prefix));
        ids.map(|id| ResourceRef { kind: self.kind.clone(), id }).collect()
    }
}

#[derive(Clone, Debug)]
struct CompiledRule {
    rule: OwnershipRule,
    template: PathTemplate,
    creates: Vec<NamedIds>,
    names: Vec<NamedIds>,
}

/// One provider's table.
#[derive(Clone, Debug, Default)]
pub struct OwnershipTable(Vec<CompiledRule>);

/// What ownership demands of one call.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// Ids in the path and the query that must belong to the caller.
    pub required: BTreeSet<ResourceRef>,
    /// The body must be JSON: an id in anything else could not be seen.
    pub reads_body: bool,
    /// Or a form, in which there can be none.
    pub takes_form: bool,
    names: Vec<NamedIds>,
    creates: Vec<NamedIds>,
    pub filters: Option<FiltersList>,
    pub forgets: Option<ResourceRef>,
}

impl OwnershipTable {
    pub fn compile(rules: &[OwnershipRule]) -> Result<Self, ParseTemplateError> {
        rules.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// `path` is the upstream path, however the developer's own rule for it is written.
    pub fn demands(&self, method: &str, path: &RequestPath, query: &Query) -> Demands {
        let exact = self.0.iter().filter(|compiled| compiled.rule.method == asked_as(method));
        let exact = exact.filter(|compiled| compiled.template.matches(path).is_some());
        let exact = exact.max_by_key(|compiled| compiled.template.specificity());
        let mut demands = Demands { required: self.parents(exact, path), ..Demands::default() };
        match exact {
            Some(compiled) => compiled.add_to(&mut demands, path, query),
            // An endpoint the table doesn't know: whatever is an id elsewhere is an id here.
            None => demands.names = self.0.iter().flat_map(|compiled| compiled.names.clone()).collect(),
        }
        demands.reads_body = !demands.names.is_empty();
        demands
    }

    /// Whether the table says whose objects a developer's rule reaches: it knows the endpoint, or an object above it.
    pub fn knows(&self, method: &str, template: &PathTemplate) -> bool {
        self.0.iter().any(|compiled| {
            let of = &compiled.template;
            let is_endpoint = compiled.rule.method == asked_as(method)
                && of.segment_count() == template.segment_count()
                && template.is_within(of, template.segment_count());
            let mut owned =
                of.param_names().filter(|(_, name)| compiled.rule.requires.iter().any(|r| r.param == *name));
            is_endpoint || owned.any(|(at, _)| template.is_within(of, at + 1))
        })
    }

    /// Every object on the way to this path, at any depth below it and by any method.
    fn parents(&self, exact: Option<&CompiledRule>, path: &RequestPath) -> BTreeSet<ResourceRef> {
        let mut parents = BTreeSet::new();
        for compiled in &self.0 {
            for required in &compiled.rule.requires {
                let at = compiled.template.param_names().find(|(_, name)| *name == required.param).map(|(at, _)| at);
                let Some(at) = at.filter(|&at| exact.is_none_or(|exact| !exact.template.is_literal_at(at))) else {
                    continue;
                };
                if let Some(params) = compiled.template.matches_prefix(path, at + 1) {
                    let id = params.get(&required.param).unwrap_or_default().to_owned();
                    parents.insert(ResourceRef { kind: required.kind.clone(), id });
                }
            }
        }
        parents
    }
}

/// What a HEAD tells is what a GET would.
fn asked_as(method: &str) -> &str {
    if method == "HEAD" { "GET" } else { method }
}

fn compile(rule: &OwnershipRule) -> Result<CompiledRule, ParseTemplateError> {
    let creates = rule.creates.iter().map(|creates| NamedIds {
        kind: creates.kind.clone(),
        prefix: creates.prefix.clone(),
        pattern: Pattern::parse(&creates.pointer),
    });
    let names = rule.names_in_body.iter().map(|names| NamedIds {
        kind: names.kind.clone(),
        prefix: String::new(),
        pattern: Pattern::parse(&names.path),
    });
    Ok(CompiledRule {
        template: PathTemplate::parse(&rule.template)?,
        creates: creates.collect(),
        names: names.collect(),
        rule: rule.clone(),
    })
}

impl CompiledRule {
    fn add_to(&self, demands: &mut Demands, path: &RequestPath, query: &Query) {
        let params = self.template.matches(path).unwrap_or_default();
        demands.names.clone_from(&self.names);
        demands.creates.clone_from(&self.creates);
        demands.filters.clone_from(&self.rule.filters);
        demands.takes_form = self.rule.multipart;
        if let Some(forgets) = &self.rule.forgets {
            let id = params.get(&forgets.param).unwrap_or_default().to_owned();
            demands.forgets = Some(ResourceRef { kind: forgets.kind.clone(), id });
        }
        if let Some(list) = &self.rule.filters {
            let cursors = list.cursors.iter().filter_map(|name| query.get(name));
            demands.required.extend(cursors.map(|id| ResourceRef { kind: list.kind.clone(), id: id.to_owned() }));
        }
    }
}

impl Demands {
    /// Whether the call needs the ledger at all.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty()
            && !self.reads_body
            && !self.records()
            && self.filters.is_none()
            && self.forgets.is_none()
    }

    /// The reply may mint ids.
    pub fn records(&self) -> bool {
        !self.creates.is_empty()
    }

    pub fn named_in_body(&self, body: &Value) -> BTreeSet<ResourceRef> {
        self.names.iter().flat_map(|names| names.refs(body)).collect()
    }

    /// Ids minted by this reply, or by one event of it.
    pub fn created(&self, reply: &Value) -> BTreeSet<ResourceRef> {
        self.creates.iter().flat_map(|creates| creates.refs(reply)).collect()
    }
}

/// The ids a list shows.
pub fn listed_ids(list: &FiltersList, reply: &Value) -> Vec<String> {
    let items = reply.pointer(&list.items).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.get(&list.id)?.as_str().map(str::to_owned)).collect()
}

/// How much of a filtered list the client asked for, and what the upstream keeps back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPage {
    pub limit: Option<usize>,
    /// The caller owns objects that may stand on later pages.
    pub more_may_follow: bool,
}

/// Leaves only the caller's own items, and cursors that name nothing else.
/// `false` when the reply isn't the list it should be: then nothing of it may be shown.
pub fn filter_list(list: &FiltersList, reply: &mut Value, owned: &BTreeSet<String>, page: ListPage) -> bool {
    let is_own = |item: &Value| item.get(&list.id).and_then(Value::as_str).is_some_and(|id| owned.contains(id));
    let Some(Value::Array(items)) = reply.pointer_mut(&list.items) else { return false };
    items.retain(is_own);
    let cut = page.limit.is_some_and(|limit| items.len() > limit);
    items.truncate(page.limit.unwrap_or(usize::MAX));
    let id_of = |item: Option<&Value>| item.and_then(|item| item.get(&list.id)).cloned().unwrap_or(Value::Null);
    let (first, last, count) = (id_of(items.first()), id_of(items.last()), items.len());
    let Some(members) = reply.as_object_mut() else { return list.items.is_empty() };
    // A total of everybody's objects is nobody's business.
    for (name, value) in [
        ("first_id", first),
        ("last_id", last),
        ("has_more", (cut || page.more_may_follow).into()),
        ("total", count.into()),
        ("total_count", count.into()),
    ] {
        if let Some(member) = members.get_mut(name) {
            *member = value;
        }
    }
    true
}
