//! The ownership walker: every id that a plain search finds is among those asked for, and a list of nobody's items says nothing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use keyward_domain::catalogue;
use keyward_domain::ownership::rule::OwnershipRule;
use keyward_domain::ownership::{OwnershipTable, Rest, show, take_items};
use keyward_domain::path::RequestPath;
use keyward_domain::query::Query;
use keyward_domain::strict_json;
use serde_json::Value;

use super::{Target, first};

pub const TARGET: Target = Target { name: "ownership", run, seeds };

const BODIES: [&str; 4] = [
    r#"{"model":"m","input":[{"type":"message","content":[{"type":"input_file","file_id":"file-1"}]}],"previous_response_id":"resp_1","conversation":{"id":"conv_1"},"tools":[{"vector_store_ids":["vs_1"],"container":{"file_ids":["file-2"]}}]}"#,
    r#"{"object":"list","data":[{"id":"file-1"},{"id":"file-2"}],"first_id":"file-1","last_id":"file-2","has_more":true}"#,
    r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}]}],"cachedContent":"cachedContents/x"}"#,
    r#"{"files":[{"name":"files/abc","uri":"https://x.example/v1beta/files/abc"}],"nextPageToken":"t"}"#,
];

struct Owned {
    table: OwnershipTable,
    rules: &'static [OwnershipRule],
}

static TABLES: LazyLock<Vec<Owned>> = LazyLock::new(|| {
    let owning = catalogue::providers().iter().filter(|provider| !provider.ownership.is_empty());
    let compiled = owning.map(|provider| {
        let table = OwnershipTable::compile(&provider.ownership).expect("the catalogue is tested");
        Owned { table, rules: &provider.ownership }
    });
    compiled.collect()
});

/// Each body for rules all over the tables.
fn seeds() -> Vec<Vec<u8>> {
    let choices = (0..6_u8).flat_map(|table| (0..120_u8).step_by(7).map(move |rule| [table, rule]));
    choices.flat_map(|choice| BODIES.map(|body| [&choice[..], body.as_bytes()].concat())).collect()
}

fn run(bytes: &[u8]) {
    let Some((table, rest)) = first(bytes) else { return };
    let Some((rule, body)) = first(rest) else { return };
    let owned = &TABLES[table % TABLES.len()];
    let rule = &owned.rules[rule % owned.rules.len()];
    // A parameter of a template stands for itself.
    let path = rule.template.replace(['{', '}'], "");
    let path = RequestPath::parse(&path).expect("a template's literals are a path");
    let mut demands = owned.table.demands(&rule.method, &path, &Query::default());
    let Ok(mut body) = strict_json::parse(body) else { return };
    let named: BTreeSet<(String, String)> =
        demands.named_in_body(&body).into_iter().map(|resource| (resource.kind, resource.id)).collect();
    for names in rule.names_in_body.iter().filter(|names| names.under.is_empty() && names.hosts.is_empty()) {
        let Some(deep) = names.path.strip_prefix("/**/") else { continue };
        let mut found = BTreeSet::new();
        search(&body, deep.trim_end_matches("/*"), deep.ends_with("/*"), &mut found);
        for id in found.into_iter().filter(|id| !names.except.iter().any(|start| id.starts_with(start))) {
            assert!(
                named.contains(&(names.kind.clone(), id.to_owned())),
                "{id:?} at {:?} is not asked for",
                names.path
            );
        }
    }
    demands.read(&body);
    let _ = (demands.created(&body), demands.files_of_calls(&body));
    demands.rewrite(&mut body, |_| None);
    if let Some(list) = demands.filters() {
        let mut shown = body.clone();
        let Some(items) = take_items(list, &mut shown) else { return };
        let ids: Vec<String> = items.into_iter().filter_map(|item| item.id).collect();
        show(list, &mut shown, Vec::new(), Rest::Nothing, |_| Value::Null);
        let (before, after) = (body.to_string(), shown.to_string());
        for id in ids.iter().map(|id| Value::from(id.as_str()).to_string()) {
            // Where the id is also an innocent word of the list, nothing can be told.
            assert!(before.matches(&id).count() != 1 || !after.contains(&id), "{id} is shown in {after}");
        }
    }
}

/// Every string that is a member of this name, or stands directly in one.
fn search<'a>(value: &'a Value, name: &str, within: bool, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(member) = members.get(name) {
                found.extend(member.as_str());
                match member {
                    Value::Array(items) if within => found.extend(items.iter().filter_map(Value::as_str)),
                    Value::Object(inner) if within => found.extend(inner.values().filter_map(Value::as_str)),
                    _ => {}
                }
            }
            members.values().for_each(|member| search(member, name, within, found));
        }
        Value::Array(items) => items.iter().for_each(|item| search(item, name, within, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
