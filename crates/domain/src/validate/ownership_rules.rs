//! The ownership table of a custom API: every rule must be readable by the edge, which would otherwise serve nothing.

use crate::ownership::rule::{Condition, OwnershipRule, Requires};
use crate::path::PathTemplate;
use crate::provider::Provider;
use crate::rules::{EndpointRule, METHODS};
use crate::stateful::{CUSTOM, Objects};

pub const MAX_OWNERSHIP_RULES: usize = 100;
const MAX_CLAUSES: usize = 50;

/// The table as a whole, and against the endpoints that are open: none may reach objects that the table can't tell apart.
pub fn ownership_rules(
    provider: &'static Provider,
    rules: &[OwnershipRule],
    endpoints: &[EndpointRule],
) -> Result<(), String> {
    if provider.name != CUSTOM && !rules.is_empty() {
        return Err(format!("Keyward knows {}'s objects; only a custom API has a table of its own", provider.title));
    }
    if rules.len() > MAX_OWNERSHIP_RULES {
        return Err(format!("at most {MAX_OWNERSHIP_RULES} rules"));
    }
    for (at, rule) in rules.iter().enumerate() {
        check_rule(rule)?;
        if rules[..at].iter().any(|other| other.method == rule.method && other.template == rule.template) {
            return Err(format!("{} {} is there twice", rule.method, rule.template));
        }
    }
    let objects = Objects::of(provider, rules).map_err(|error| error.to_string())?;
    endpoints.iter().try_for_each(|rule| objects.check(rule)).map_err(|error| error.to_string())
}

pub(super) fn check_rule(rule: &OwnershipRule) -> Result<(), String> {
    if !METHODS.contains(&rule.method.as_str()) || rule.method == "HEAD" {
        return Err(format!("{:?} is not one of GET, POST, PUT, PATCH, DELETE (HEAD is as GET)", rule.method));
    }
    let template = PathTemplate::parse(&rule.template).map_err(|error| error.to_string())?;
    let clauses = rule.creates.len() + rule.requires.len() + rule.names_in_body.len() + rule.names_in_form.len();
    if clauses > MAX_CLAUSES {
        return Err(format!("at most {MAX_CLAUSES} clauses"));
    }
    let kinds = rule.creates.iter().map(|creates| &creates.kind);
    let kinds = kinds.chain(rule.requires.iter().chain(&rule.forgets).map(|requires| &requires.kind));
    let kinds = kinds.chain(rule.names_in_body.iter().map(|names| &names.kind));
    let kinds = kinds.chain(rule.names_in_form.iter().chain(&rule.names_in_query).map(|names| &names.kind));
    let kinds = kinds.chain(rule.creates_in_headers.iter().map(|creates| &creates.kind));
    kinds.chain(rule.filters.iter().map(|list| &list.kind)).try_for_each(|kind| check_kind(kind))?;
    rule.requires.iter().chain(&rule.forgets).try_for_each(|requires| check_param(requires, &template))?;
    check_places(rule)?;
    check_body(rule)
}

pub(super) fn check_kind(kind: &str) -> Result<(), String> {
    let fits = (1..=40).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    fits.then_some(())
        .ok_or_else(|| format!("{kind:?} is not a kind of object: lower-case letters, digits and _, such as job"))
}

fn check_param(requires: &Requires, template: &PathTemplate) -> Result<(), String> {
    if !template.param_names().any(|(_, name)| name == requires.param) {
        return Err(format!("the path has no {{{}}}", requires.param));
    }
    let Some(public) = &requires.public else { return Ok(()) };
    check_condition(&public.when)?;
    has_one_param(&public.look_up)
}

fn has_one_param(text: &str) -> Result<(), String> {
    let template = PathTemplate::parse(text).map_err(|error| error.to_string())?;
    let one = template.param_names().count() == 1;
    one.then_some(()).ok_or_else(|| format!("{text} needs exactly one parameter, for the id"))
}

fn check_condition(condition: &Condition) -> Result<(), String> {
    check_path(&condition.path)?;
    let fits = !condition.is.is_empty() && condition.is.iter().all(|value| !value.is_array() && !value.is_object());
    fits.then_some(()).ok_or_else(|| "a condition needs a value: /path=value".to_owned())
}

fn check_path(path: &str) -> Result<(), String> {
    let fits = path.len() > 1 && path.len() <= 200 && path.starts_with('/') && !path.contains("//");
    let fits = fits && !path.contains(|c: char| c.is_whitespace() || c == ';' || c == '~');
    fits.then_some(()).ok_or_else(|| format!("{path:?} is not a place in JSON, such as /data/*/id"))
}

fn check_places(rule: &OwnershipRule) -> Result<(), String> {
    let paths = rule.creates.iter().map(|creates| &creates.pointer);
    let paths =
        paths.chain(rule.names_in_body.iter().map(|names| &names.path)).chain(&rule.rewrites).chain(&rule.drops);
    paths.chain(rule.reads_calls.iter().map(|calls| &calls.path)).try_for_each(|path| check_path(path))?;
    rule.creates.iter().filter_map(|creates| creates.when.as_ref()).try_for_each(check_condition)?;
    if let Some(calls) = &rule.reads_calls {
        has_one_param(&calls.content)?;
    }
    for creates in &rule.creates_in_headers {
        let fits = !creates.header.is_empty()
            && creates.header.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            return Err(format!("{:?} is not a lower-case header name", creates.header));
        }
    }
    let Some(list) = &rule.filters else { return Ok(()) };
    if !list.items.is_empty() {
        check_path(&list.items)?;
    }
    if list.items.contains('*') || list.id.is_empty() {
        return Err("a list is at one place, and its items have an id: lists job /data id=id".to_owned());
    }
    if list.next.is_some() && list.cursors.is_empty() {
        return Err("next= needs cursor=, the query parameter that takes it".to_owned());
    }
    list.public_when.iter().try_for_each(check_condition)
}

fn check_body(rule: &OwnershipRule) -> Result<(), String> {
    let reads = !rule.names_in_body.is_empty() || !rule.names_in_form.is_empty() || rule.reads_calls.is_some();
    if rule.bytes && (reads || rule.multipart) {
        return Err("a body that is bytes is not read: it can neither be a form nor name anything".to_owned());
    }
    if !rule.names_in_form.is_empty() && !rule.multipart {
        return Err("a form's fields are named, but the body may not be a form: add the clause form".to_owned());
    }
    if rule.method != "GET" && rule.filters.is_some() {
        return Err("only a GET is a list".to_owned());
    }
    Ok(())
}
