//! Which rules of a developer's would open objects of all users: the provider keeps them, and the ownership table does
//! not say whose they are.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::catalogue;
use crate::ownership::OwnershipTable;
use crate::path::PathTemplate;
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

/// What is known of one provider's objects.
struct Objects {
    table: OwnershipTable,
    prefixes: Vec<PathTemplate>,
}

static OBJECTS: LazyLock<HashMap<&'static str, Objects>> = LazyLock::new(|| {
    let objects = |provider: &'static Provider| {
        let table = OwnershipTable::compile(&provider.ownership).expect("a test compiles every table of the catalogue");
        let prefixes = provider.stateful_prefixes.iter();
        let prefixes = prefixes.map(|text| PathTemplate::parse(text).expect("a test parses every prefix"));
        (provider.name.as_str(), Objects { table, prefixes: prefixes.collect() })
    };
    catalogue::providers().iter().map(objects).collect()
});

/// A rule that can't be parsed reaches nothing.
pub fn check(provider: &'static Provider, rule: &EndpointRule) -> Result<(), UnknownOwners> {
    let (Some(objects), Ok(template)) = (OBJECTS.get(provider.name.as_str()), PathTemplate::parse(&rule.template))
    else {
        return Ok(());
    };
    let reaches = objects.prefixes.iter().any(|prefix| template.may_reach(prefix));
    if !reaches || objects.table.knows(&rule.method, &template) {
        return Ok(());
    }
    Err(UnknownOwners {
        method: rule.method.clone(),
        template: rule.template.clone(),
        provider: provider.title.as_str(),
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
            ("openai", "GET /v1/chat/completions"),
            ("openai", "HEAD /v1/chat/completions"),
            ("openai", "GET /v1/chat/completions/{id}"),
            ("openai", "GET /v1/conversations/{id}"),
            ("openai", "GET /v1/vector_stores/{id}"),
            ("openai", "POST /v1/batches"),
            ("openai", "GET /v1/containers/{c}/files/{f}/content"),
            ("openai", "POST /v1/uploads"),
            ("openai", "POST /v1/fine_tuning/jobs"),
            ("openai", "GET /v1/organization/users"),
            ("openai", "GET /v1/threads"),
            ("openai", "GET /v1/{collection}"),
            ("openai", "GET /{version}/batches"),
            ("openai", "GET /v1/{collection}/{id}"),
            ("anthropic", "GET /v1/files"),
            ("anthropic", "GET /v1/messages/batches/{id}/results"),
            ("anthropic", "POST /v1/messages/{what}"),
            ("gemini", "GET /v1beta/files"),
            ("gemini", "POST /v1beta/files:register"),
            ("gemini", "POST /upload/v1beta/files"),
            ("gemini", "GET /v1/cachedContents/{id}"),
            ("gemini", "GET /v1beta/{name}"),
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
