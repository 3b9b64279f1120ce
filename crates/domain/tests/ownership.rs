//! The OpenAI and Gemini tables of the catalogue, asked as the edge asks them.

use std::collections::BTreeSet;

use keyward_domain::catalogue;
use keyward_domain::ownership::rule::{FiltersList, NextPage};
use keyward_domain::ownership::{Demands, ListItem, OwnershipTable, ResourceRef, Rest, next_cursor, show, take_items};
use keyward_domain::path::RequestPath;
use keyward_domain::query::Query;
use serde_json::{Value, json};

fn demands(provider: &str, method: &str, target: &str) -> Demands {
    let provider = catalogue::provider(provider).expect("in the catalogue");
    let table = OwnershipTable::compile(&provider.ownership).expect("its templates parse");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    table.demands(method, &RequestPath::parse(path).expect("a path"), &Query::parse(query).expect("a query"))
}

fn refs(pairs: &[(&str, &str)]) -> BTreeSet<ResourceRef> {
    pairs.iter().map(|&(kind, id)| ResourceRef { kind: kind.to_owned(), id: id.to_owned() }).collect()
}

#[test]
fn a_path_demands_the_objects_it_goes_through_at_any_depth() {
    for (method, target, want) in [
        ("GET", "/v1/models/gpt-4o", refs(&[])),
        ("GET", "/v1/files/file-1", refs(&[("file", "file-1")])),
        ("DELETE", "/v1/files/file-1", refs(&[("file", "file-1")])),
        ("GET", "/v1/files/file-1/content", refs(&[("file", "file-1")])),
        ("GET", "/v1/threads/thread_1/runs/run_1/steps/step_1", refs(&[("thread", "thread_1")])),
        ("POST", "/v1/threads/runs", refs(&[])),
        ("POST", "/v1/threads/runs?x=1", refs(&[])),
        // Not in the table: by a method, or a path below, that nobody listed.
        ("PATCH", "/v1/threads/thread_1", refs(&[("thread", "thread_1")])),
        ("GET", "/v1/threads/thread_1/a/b/c", refs(&[("thread", "thread_1")])),
        ("PUT", "/v1/responses/resp_1/x", refs(&[("response", "resp_1")])),
        // A cursor names an object too.
        ("GET", "/v1/files?after=file-2&limit=3", refs(&[("file", "file-2")])),
    ] {
        assert_eq!(demands("openai", method, target).required, want, "{method} {target}");
    }
}

#[test]
fn a_body_names_objects_wherever_they_stand() {
    let body = json!({
        "previous_response_id": "resp_1",
        "conversation": {"id": "conv_1"},
        "input": [{"type": "item_reference", "id": "msg_1"}, {"content": [{"type": "input_file", "file_id": "file-1"}]}],
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}, {"type": "code_interpreter", "container": {"file_ids": ["file-2"]}}],
    });
    let named = demands("openai", "POST", "/v1/responses").named_in_body(&body);
    let want = [
        ("response", "resp_1"),
        ("conversation", "conv_1"),
        ("item", "msg_1"),
        ("file", "file-1"),
        ("file", "file-2"),
        ("vector_store", "vs_1"),
    ];
    assert_eq!(named, refs(&want));
    let thread = json!({"tool_resources": {"code_interpreter": {"file_ids": ["file-3"]}}, "messages": [{"attachments": [{"file_id": "file-4"}]}]});
    let named = demands("openai", "POST", "/v1/threads").named_in_body(&thread);
    assert_eq!(named, refs(&[("file", "file-3"), ("file", "file-4")]));
}

#[test]
fn an_id_where_a_list_is_expected_and_a_schema_that_only_looks_like_one() {
    let chat = demands("openai", "POST", "/v1/chat/completions");
    assert_eq!(chat.named_in_body(&json!({"x": {"file_ids": "file-1"}})), refs(&[("file", "file-1")]));
    let schema = json!({"tools": [{"function": {"parameters": {"properties": {"file_id": {"type": "string"}}}}}]});
    assert_eq!(chat.named_in_body(&schema), refs(&[]));
}

#[test]
fn an_endpoint_the_table_does_not_know_is_searched_for_every_kind() {
    let unknown = demands("openai", "POST", "/v1/unheard-of");
    assert!(unknown.reads_body && !unknown.records());
    assert_eq!(unknown.named_in_body(&json!({"file_ids": ["file-1"]})), refs(&[("file", "file-1")]));
    let custom = demands("custom", "POST", "/anything");
    assert!(custom.required.is_empty() && !custom.reads_body);
}

#[test]
fn a_form_is_taken_only_where_no_field_of_it_names_an_object() {
    for (path, takes_form) in [
        ("/v1/files", true),
        ("/v1/audio/transcriptions", true),
        ("/v1/audio/translations", true),
        ("/v1/images/edits", true),
        ("/v1/responses", false),
        ("/v1/threads/runs", false),
        ("/v1/unheard-of", false),
    ] {
        let demands = demands("openai", "POST", path);
        assert!(demands.reads_body, "{path}: what is JSON is read");
        assert_eq!(demands.takes_form, takes_form, "{path}");
    }
}

#[test]
fn gemini_files_are_named_in_either_spelling() {
    let call = demands("gemini", "POST", "/v1beta/models/gemini-2.5-flash:generateContent");
    for part in [
        json!({"fileData": {"fileUri": "f1"}}),
        json!({"file_data": {"file_uri": "f1"}}),
        json!({"fileData": {"file_uri": "f1"}}),
    ] {
        assert_eq!(call.named_in_body(&json!({"contents": [{"parts": [part]}]})), refs(&[("file", "f1")]));
    }
    assert_eq!(call.named_in_body(&json!({"cachedContent": "c1"})), refs(&[("cached_content", "c1")]));
}

#[test]
fn a_reply_and_its_events_mint_ids() {
    let response = demands("openai", "POST", "/v1/responses");
    assert!(response.records());
    let reply = json!({"id": "resp_1", "output": [{"id": "msg_1"}]});
    assert_eq!(response.created(&reply), refs(&[("response", "resp_1"), ("item", "msg_1")]));
    let event = json!({"type": "response.created", "response": {"id": "resp_2", "output": []}});
    assert_eq!(response.created(&event), refs(&[("response", "resp_2")]));
    assert_eq!(response.created(&json!({"id": "chatcmpl-1"})), refs(&[]));
    let run = demands("openai", "POST", "/v1/threads/runs");
    assert_eq!(run.created(&json!({"object": "thread", "id": "thread_1"})), refs(&[("thread", "thread_1")]));
    assert_eq!(run.created(&json!({"id": "run_1", "thread_id": "thread_1"})), refs(&[("thread", "thread_1")]));
}

#[test]
fn a_modifying_call_mints_nothing() {
    for target in ["/v1/threads/thread_1", "/v1/threads/thread_1/messages", "/v1/threads/thread_1/runs"] {
        let reply = json!({"id": "thread_1", "thread_id": "thread_1"});
        assert!(demands("openai", "POST", target).created(&reply).is_empty(), "{target}");
    }
}

#[test]
fn a_delete_forgets_its_object() {
    let forgets = demands("openai", "DELETE", "/v1/files/file-1").forgets;
    assert_eq!(forgets.into_iter().collect::<BTreeSet<_>>(), refs(&[("file", "file-1")]));
    assert_eq!(demands("openai", "DELETE", "/v1/threads/thread_1/messages/msg_1").forgets, None);
}

fn files() -> FiltersList {
    demands("openai", "GET", "/v1/files").filters().expect("a list").clone()
}

/// What is left of a reply for the owner of these.
fn shown(list: &FiltersList, reply: &Value, own: &[&str], rest: Rest) -> Option<Value> {
    let mut reply = reply.clone();
    let items = take_items(list, &mut reply)?.into_iter();
    let items: Vec<ListItem> =
        items.filter(|item| item.is_public || item.id.as_deref().is_some_and(|id| own.contains(&id))).collect();
    show(list, &mut reply, items, rest, |id| Value::from(format!("next:{id}")));
    Some(reply)
}

#[test]
fn a_list_shows_own_items_and_no_foreign_cursor() {
    let reply = json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}],
        "first_id": "a", "last_id": "d", "has_more": true, "total_count": 40, "statistics": {"bytes": 9000}});
    let want = json!({"object": "list", "data": [{"id": "b"}, {"id": "c"}], "first_id": "b", "last_id": "c", "has_more": false, "total_count": 2});
    assert_eq!(shown(&files(), &reply, &["b", "c"], Rest::Nothing), Some(want));
    let none =
        json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false, "total_count": 0});
    assert_eq!(shown(&files(), &reply, &[], Rest::MoreMayFollow), Some(none));
    let more = shown(&files(), &reply, &["a"], Rest::MoreMayFollow).expect("a list");
    assert_eq!((&more["has_more"], &more["last_id"]), (&json!(true), &json!("a")));
    assert_eq!(shown(&files(), &json!({"files": [{"id": "a"}]}), &["a"], Rest::Nothing), None);
    assert_eq!(shown(&files(), &json!([{"id": "a"}]), &["a"], Rest::Nothing), None);
    assert_eq!(next_cursor(&files(), &reply).as_deref(), Some("d"));
}

#[test]
fn a_page_token_of_the_upstream_is_replaced_by_the_callers_own() {
    let tokens = FiltersList {
        kind: "file".to_owned(),
        items: "/files".to_owned(),
        id: "name".to_owned(),
        under: "files".to_owned(),
        next: Some(NextPage { member: "nextPageToken".to_owned(), param: None }),
        ..FiltersList::default()
    };
    let reply = json!({"files": [{"name": "files/a"}, {"name": "files/b"}], "nextPageToken": "opaque"});
    assert_eq!(next_cursor(&tokens, &reply).as_deref(), Some("opaque"));
    let own = json!({"files": [{"name": "files/a"}]});
    assert_eq!(shown(&tokens, &reply, &["a"], Rest::Nothing).as_ref(), Some(&own));
    let more = shown(&tokens, &reply, &["a"], Rest::MoreMayFollow).expect("a list");
    assert_eq!(more["nextPageToken"], "next:a");
    assert_eq!(shown(&tokens, &json!({}), &["a"], Rest::Nothing), Some(json!({"files": []})));
    let address = NextPage { member: "next".to_owned(), param: Some("cursor".to_owned()) };
    let addresses = FiltersList { next: Some(address), ..tokens };
    let reply = json!({"files": [], "previous": null, "next": "https://api.example/v1/files?cursor=cD0%3D"});
    assert_eq!(next_cursor(&addresses, &reply).as_deref(), Some("cD0="));
    assert_eq!(shown(&addresses, &reply, &[], Rest::Nothing), Some(json!({"files": [], "next": null})));
}
