//! One provider's rules, compiled once into a tree of path segments: a call walks it without looking at every rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ResourceRef;
use super::demands::Demands;
use super::named::NamedIds;
use super::pattern::Pattern;
use super::rule::{Condition, Creates, OwnershipRule};
use crate::path::{ParseTemplateError, PathTemplate, RequestPath, Segment};
use crate::query::Query;
use crate::rules::WEBSOCKET;

#[derive(Debug)]
pub(super) struct CompiledRule {
    pub rule: OwnershipRule,
    pub template: PathTemplate,
    pub creates: Vec<NamedIds>,
    /// Which of them hold only if the request's body says so, and where it must say what.
    pub conditions: Vec<(usize, Pattern, Condition)>,
    pub names: Vec<NamedIds>,
    pub rewrites: Vec<Pattern>,
    pub drops: Vec<Pattern>,
}

#[derive(Debug, Default)]
struct Node {
    literals: FxHashMap<String, Self>,
    verbs: Vec<(String, Self)>,
    param: Option<Box<Self>>,
    /// Kinds of the object that the parameter before this node names.
    owned: Vec<String>,
    rules: Vec<Arc<CompiledRule>>,
}

#[derive(Debug, Default)]
pub struct OwnershipTable {
    root: Node,
    rules: Vec<Arc<CompiledRule>>,
    all_names: Option<Arc<[NamedIds]>>,
}

impl OwnershipTable {
    pub fn compile(rules: &[OwnershipRule]) -> Result<Self, ParseTemplateError> {
        let rules: Vec<Arc<CompiledRule>> = rules.iter().map(compile).collect::<Result<_, _>>()?;
        let mut root = Node::default();
        for rule in &rules {
            root.plant(rule);
        }
        let all: Vec<NamedIds> = rules.iter().flat_map(|rule| rule.names.iter().cloned()).collect();
        let all_names = (!all.is_empty()).then(|| all.into());
        Ok(Self { root, rules, all_names })
    }

    /// `path` is the upstream path, however the developer's own rule for it is written.
    pub fn demands(&self, method: &str, path: &RequestPath, query: &Query) -> Demands {
        let exact = self.root.best(asked_as(method), path.segments());
        let mut required = BTreeSet::new();
        let only_uses = method == WEBSOCKET;
        self.root.parents(path.segments(), 0, exact.map(|exact| &exact.template), &mut required);
        let Some(rule) = exact else {
            let reads_body = self.all_names.is_some();
            let all_names = self.all_names.clone();
            return Demands { required, reads_body, only_uses, all_names, ..Demands::default() };
        };
        rule.add_cursors(query, &mut required);
        let own = rule.rule.creates.iter().enumerate().filter(|(_, creates)| creates.when.is_none());
        Demands {
            required,
            only_uses,
            reads_body: rule.reads_body(),
            takes_form: rule.rule.multipart,
            takes_bytes: rule.rule.bytes,
            forgets: rule.forgotten(path),
            creates: own.map(|(at, _)| at).collect(),
            rule: Some(rule.clone()),
            all_names: None,
        }
    }

    /// Whether the table says whose objects a developer's rule reaches: it knows the endpoint, or an object above it.
    pub fn knows(&self, method: &str, template: &PathTemplate) -> bool {
        self.rules.iter().any(|compiled| {
            let of = &compiled.template;
            let is_endpoint = compiled.rule.method == asked_as(method)
                && of.segment_count() == template.segment_count()
                && template.is_within(of, template.segment_count());
            let mut owned =
                of.param_names().filter(|(_, name)| compiled.rule.requires.iter().any(|r| r.param == *name));
            is_endpoint || owned.any(|(at, _)| template.is_within(of, at + 1))
        })
    }
}

/// What a HEAD tells is what a GET would.
fn asked_as(method: &str) -> &str {
    if method == "HEAD" { "GET" } else { method }
}

fn compile(rule: &OwnershipRule) -> Result<Arc<CompiledRule>, ParseTemplateError> {
    Ok(Arc::new(CompiledRule {
        template: PathTemplate::parse(&rule.template)?,
        creates: rule.creates.iter().map(NamedIds::created).collect(),
        conditions: rule.creates.iter().enumerate().filter_map(condition).collect(),
        names: rule.names_in_body.iter().map(NamedIds::named).collect(),
        rewrites: rule.rewrites.iter().map(|text| Pattern::parse(text)).collect(),
        drops: rule.drops.iter().map(|text| Pattern::parse(text)).collect(),
        rule: rule.clone(),
    }))
}

fn condition((at, creates): (usize, &Creates)) -> Option<(usize, Pattern, Condition)> {
    let when = creates.when.as_ref()?;
    Some((at, Pattern::parse(&when.path), when.clone()))
}

impl CompiledRule {
    fn reads_body(&self) -> bool {
        !self.names.is_empty() || !self.rule.names_in_form.is_empty() || self.rule.reads_calls.is_some()
    }

    fn add_cursors(&self, query: &Query, required: &mut BTreeSet<ResourceRef>) {
        // Where a page is sought from the first one on, nobody but the edge reads the cursor; it may be of a public item.
        let list = self.rule.filters.iter().filter(|list| list.next.is_none() || list.public_when.is_none());
        let cursors = list.flat_map(|list| list.cursors.iter().map(|name| (&list.kind, name)));
        let named = self.rule.names_in_query.iter().map(|names| (&names.kind, &names.name));
        for (kind, name) in cursors.chain(named) {
            let ids = query.all(name).map(|id| ResourceRef { kind: kind.clone(), id: id.to_owned() });
            required.extend(ids);
        }
    }

    fn forgotten(&self, path: &RequestPath) -> Option<ResourceRef> {
        let forgets = self.rule.forgets.as_ref()?;
        let params = self.template.matches(path)?;
        Some(ResourceRef { kind: forgets.kind.clone(), id: params.get(&forgets.param)?.to_owned() })
    }
}

impl Node {
    fn plant(&mut self, rule: &Arc<CompiledRule>) {
        let mut node = self;
        for (at, segment) in rule.template.segments().iter().enumerate() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Param(_) => node.param.get_or_insert_default(),
                Segment::Verb { verb, .. } => node.verb(verb),
            };
            let name = rule.template.param_names().find(|(place, _)| *place == at).map(|(_, name)| name);
            for requires in rule.rule.requires.iter().filter(|requires| Some(requires.param.as_str()) == name) {
                if !node.owned.contains(&requires.kind) {
                    node.owned.push(requires.kind.clone());
                }
            }
        }
        node.rules.push(rule.clone());
    }

    fn verb(&mut self, verb: &str) -> &mut Self {
        let at = self.verbs.iter().position(|(known, _)| known == verb).unwrap_or_else(|| {
            self.verbs.push((verb.to_owned(), Self::default()));
            self.verbs.len() - 1
        });
        &mut self.verbs[at].1
    }

    /// The rule with the earliest literals: `/threads/runs` before `/threads/{id}`.
    fn best<'a>(&'a self, method: &str, path: &'a [String]) -> Option<&'a Arc<CompiledRule>> {
        let Some((first, rest)) = path.split_first() else {
            return self.rules.iter().find(|rule| rule.rule.method == method);
        };
        self.steps(first).find_map(|(node, _)| node.best(method, rest))
    }

    /// The nodes that a segment leads to, the most specific first, and what a parameter took.
    fn steps<'a>(&'a self, segment: &'a str) -> impl Iterator<Item = (&'a Self, Option<&'a str>)> {
        let (before, verb) = segment.split_once(':').map_or((segment, None), |(before, verb)| (before, Some(verb)));
        let verbs = self.verbs.iter().filter(move |(known, _)| verb == Some(known.as_str()) && !before.is_empty());
        let param = self.param.as_deref().filter(|_| verb.is_none());
        let literal = self.literals.get(segment).map(|node| (node, None));
        literal
            .into_iter()
            .chain(verbs.map(move |(_, node)| (node, Some(before))))
            .chain(param.map(|node| (node, Some(before))))
    }

    /// Every object on the way to this path, at any depth below it and by any method.
    fn parents(&self, path: &[String], at: usize, exact: Option<&PathTemplate>, parents: &mut BTreeSet<ResourceRef>) {
        let Some(segment) = path.get(at) else { return };
        for (node, taken) in self.steps(segment) {
            let is_literal = exact.is_some_and(|exact| exact.is_literal_at(at));
            if let Some(id) = taken.filter(|_| !is_literal) {
                parents.extend(node.owned.iter().map(|kind| ResourceRef { kind: kind.clone(), id: id.to_owned() }));
            }
            node.parents(path, at + 1, exact, parents);
        }
    }
}
