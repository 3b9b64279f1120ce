//! Which rules of a developer's would open objects of all users: the provider keeps them, and the ownership table does
//! not say whose they are.

use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;

use crate::catalogue;
use crate::ownership::OwnershipTable;
use crate::ownership::rule::OwnershipRule;
use crate::path::{ParseTemplateError, PathTemplate};
use crate::provider::Provider;
use crate::rules::EndpointRule;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{method} {template}: this endpoint of {provider} holds other users' objects and Keyward can't tell them apart yet"
)]
pub struct UnknownOwners {
    pub method: String,
    pub template: String,
    pub provider: &'static str,
}

/// The provider whose table the developer writes.
pub const CUSTOM: &str = "custom";

/// What is known of one API's objects.
#[derive(Debug)]
pub struct Objects {
    pub table: Arc<OwnershipTable>,
    prefixes: Vec<PathTemplate>,
    provider: &'static str,
}

static OBJECTS: LazyLock<FxHashMap<&'static str, Arc<Objects>>> = LazyLock::new(|| {
    let objects = |provider: &'static Provider| {
        let table = OwnershipTable::compile(&provider.ownership).expect("a test compiles every table of the catalogue");
        let prefixes = provider.stateful_prefixes.iter();
        let prefixes = prefixes.map(|text| PathTemplate::parse(text).expect("a test parses every prefix"));
        let objects = Objects { table: table.into(), prefixes: prefixes.collect(), provider: &provider.title };
        (provider.name.as_str(), Arc::new(objects))
    };
    catalogue::providers().iter().map(objects).collect()
});

impl Objects {
    /// Of a provider in the catalogue, which has a table of its own; or `own`, the developer's table of a custom API.
    pub fn of(provider: &'static Provider, own: &[OwnershipRule]) -> Result<Arc<Self>, ParseTemplateError> {
        if provider.name != CUSTOM || own.is_empty() {
            return Ok(OBJECTS.get(provider.name.as_str()).expect("made of the same list").clone());
        }
        let table = OwnershipTable::compile(own)?;
        Ok(Arc::new(Self { table: table.into(), prefixes: collections(own).collect(), provider: &provider.title }))
    }

    /// A rule that can't be parsed reaches nothing.
    pub fn check(&self, rule: &EndpointRule) -> Result<(), UnknownOwners> {
        let Ok(template) = PathTemplate::parse(&rule.template) else { return Ok(()) };
        let reaches = self.prefixes.iter().any(|prefix| template.may_reach(prefix));
        if !reaches || self.table.knows(&rule.method, &template) {
            return Ok(());
        }
        Err(UnknownOwners { method: rule.method.clone(), template: rule.template.clone(), provider: self.provider })
    }
}

pub fn check(provider: &'static Provider, rule: &EndpointRule) -> Result<(), UnknownOwners> {
    OBJECTS.get(provider.name.as_str()).map_or(Ok(()), |objects| objects.check(rule))
}

/// Of every id in a path of this table, the path before it: there lie the objects of all users.
fn collections(rules: &[OwnershipRule]) -> impl Iterator<Item = PathTemplate> {
    rules.iter().flat_map(|rule| {
        let template = PathTemplate::parse(&rule.template).ok();
        let owned = move |name: &str| rule.requires.iter().any(|requires| requires.param == name);
        let first = template.and_then(|template| {
            let (at, _) = template.param_names().find(|(_, name)| owned(name))?;
            let before: Vec<&str> = rule.template.split('/').take(at + 1).collect();
            PathTemplate::parse(&before.join("/")).ok()
        });
        first.into_iter()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(provider: &str, line: &str) -> bool {
        let (method, template) = line.split_once(' ').expect("two words");
        let (method, template) = (method.to_owned(), template.to_owned());
        let provider = catalogue::provider(provider).expect("in the catalogue");
        check(provider, &EndpointRule { method, template, query: vec![], headers: vec![] }).is_ok()
    }

    #[test]
    fn refuses_what_holds_objects_of_which_nobody_knows_the_owner() {
        for (provider, line) in [
            ("openai", "POST /v1/fine_tuning/jobs"),
            ("openai", "GET /v1/organization/users"),
            ("openai", "GET /v1/assistants"),
            ("openai", "HEAD /v1/evals"),
            ("openai", "GET /v1/threads"),
            ("openai", "GET /v1/responses"),
            ("openai", "GET /v1/conversations"),
            ("openai", "GET /v1/{collection}"),
            ("openai", "GET /{version}/batches"),
            ("openai", "GET /v1/{collection}/{id}"),
            ("anthropic", "GET /v1/skills"),
            ("anthropic", "POST /v1/messages/{what}"),
            ("gemini", "GET /v1/files"),
            ("gemini", "POST /v1beta/files:register"),
            ("gemini", "POST /upload/v1beta/fileSearchStores/{store}:uploadToFileSearchStore"),
            ("gemini", "GET /v1/cachedContents/{id}"),
            ("gemini", "GET /v1beta/{name}"),
            ("elevenlabs", "GET /v1/shared-voices"),
            ("replicate", "GET /v1/trainings"),
        ] {
            assert!(!checked(provider, line), "{provider}: {line}");
        }
    }

    #[test]
    fn takes_what_the_table_knows_by_whatever_names_and_what_holds_nothing() {
        for (provider, line) in [
            ("openai", "POST /v1/chat/completions"),
            ("openai", "GET /v1/files"),
            ("openai", "HEAD /v1/files"),
            ("openai", "GET /v1/files/{x}"),
            ("openai", "GET /v1/files/file-abc"),
            ("openai", "HEAD /v1/chat/completions"),
            ("openai", "GET /v1/containers/{c}/files/{f}/content"),
            ("openai", "POST /v1/batches"),
            ("anthropic", "GET /v1/messages/batches/{id}/results"),
            ("gemini", "POST /upload/v1beta/files"),
            ("openai", "GET /v1/threads/{x}/runs/{y}/steps/{z}/more"),
            ("openai", "PATCH /v1/threads/{x}"),
            ("openai", "POST /v1/embeddings"),
            ("openai", "GET /v1/models/{model}"),
            ("anthropic", "POST /v1/messages/count_tokens"),
            ("gemini", "POST /v1beta/models/{model}:generateContent"),
            ("custom", "GET /v1/batches"),
        ] {
            assert!(checked(provider, line), "{provider}: {line}");
        }
    }

    #[test]
    fn takes_every_default_rule() {
        for provider in catalogue::providers() {
            for rule in &provider.default_rules {
                assert_eq!(check(provider, rule), Ok(()));
            }
        }
    }
}
