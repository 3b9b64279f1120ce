//! What ownership demands of one call, and what its reply will mint.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::ResourceRef;
use super::named::NamedIds;
use super::pattern::{Pattern, holds, holds_at};
use super::rule::{CreatesInHeader, FiltersList, NamesInField, Public, ReadsCalls};
use super::table::CompiledRule;

#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// Ids in the path and the query that must belong to the caller.
    pub required: BTreeSet<ResourceRef>,
    /// The body must be JSON: an id in anything else could not be seen.
    pub reads_body: bool,
    /// Or a form; see `names_in_form`.
    pub takes_form: bool,
    /// The body is passed on as it is, even if it calls itself JSON.
    pub takes_bytes: bool,
    /// Nothing can be done to the objects that are named but to use them: then a shared one is as good as an own one.
    pub only_uses: bool,
    pub forgets: Option<ResourceRef>,
    pub(super) rule: Option<Arc<CompiledRule>>,
    /// Of an endpoint the table doesn't know: whatever is an id elsewhere is an id here.
    pub(super) all_names: Option<Arc<[NamedIds]>>,
    /// Which of the rule's `creates` hold for this call.
    pub(super) creates: Vec<usize>,
}

impl Demands {
    /// The reply may mint ids.
    pub fn records(&self) -> bool {
        !self.creates.is_empty()
    }

    /// The request's body decides what the reply may mint.
    pub fn read(&mut self, body: &Value) {
        let Some(rule) = &self.rule else { return };
        let decided = rule.conditions.iter().filter(|(_, path, when)| holds_at(path, when, body));
        self.creates.extend(decided.map(|(at, _, _)| *at));
    }

    pub fn named_in_body(&self, body: &Value) -> BTreeSet<ResourceRef> {
        NamedIds::all_refs(self.names(), body)
    }

    /// The text fields of a form, each of which came once.
    pub fn named_in_form(&self, fields: &Value) -> BTreeSet<ResourceRef> {
        let id = |names: &NamesInField| {
            let id = fields.get(&names.name)?.as_str()?.to_owned();
            Some(ResourceRef { kind: names.kind.clone(), id })
        };
        self.names_in_form().iter().filter_map(id).collect()
    }

    /// Ids minted by this reply, or by one event of it.
    pub fn created(&self, reply: &Value) -> BTreeSet<ResourceRef> {
        let Some(rule) = &self.rule else { return BTreeSet::new() };
        self.creates.iter().filter_map(|&at| rule.creates.get(at)).flat_map(|creates| creates.refs(reply)).collect()
    }

    /// Fields of a form that name objects. A form is read only if there are any.
    pub fn names_in_form(&self) -> &[NamesInField] {
        self.rule.as_ref().map_or(&[], |rule| &rule.rule.names_in_form)
    }

    pub fn creates_in_headers(&self) -> &[CreatesInHeader] {
        self.rule.as_ref().map_or(&[], |rule| &rule.rule.creates_in_headers)
    }

    pub fn filters(&self) -> Option<&FiltersList> {
        self.rule.as_ref()?.rule.filters.as_ref()
    }

    pub fn reads_calls(&self) -> Option<&ReadsCalls> {
        self.rule.as_ref()?.rule.reads_calls.as_ref()
    }

    /// The files of calls that this body names.
    pub fn files_of_calls(&self, body: &Value) -> Vec<String> {
        let Some(reads) = self.reads_calls() else { return Vec::new() };
        Pattern::parse(&reads.path).strings(body).into_iter().map(str::to_owned).collect()
    }

    /// Under what condition an object that nobody created through the edge is everybody's.
    pub fn public(&self, resource: &ResourceRef) -> Option<&Public> {
        let requires = &self.rule.as_ref()?.rule.requires;
        requires.iter().find(|requires| requires.kind == resource.kind)?.public.as_ref()
    }

    /// The reply holds addresses that must not reach the client as they are.
    pub fn rewrites(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| !rule.rewrites.is_empty() || !rule.drops.is_empty())
    }

    /// Addresses of the upstream become what `at_edge` makes of them, or nothing; others are taken out.
    pub fn rewrite(&self, reply: &mut Value, mut at_edge: impl FnMut(&str) -> Option<String>) {
        let Some(rule) = &self.rule else { return };
        for pattern in &rule.rewrites {
            pattern.change(reply, &mut at_edge);
        }
        for pattern in &rule.drops {
            pattern.change(reply, &mut |_| None);
        }
    }

    pub(super) fn names(&self) -> &[NamedIds] {
        match (&self.rule, &self.all_names) {
            (Some(rule), _) => &rule.names,
            (None, Some(all)) => all,
            (None, None) => &[],
        }
    }
}

/// Whether the upstream's own words about an object make it everybody's.
pub fn is_public(public: &Public, object: &Value) -> bool {
    holds(&public.when, object)
}
