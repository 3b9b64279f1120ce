//! Lists: what may be shown of a page, and how the next one is asked for.

use serde_json::{Map, Value};

use super::named::id_under;
use super::pattern::holds;
use super::rule::FiltersList;

/// One item of a list. Without an id it is nobody's.
#[derive(Clone, Debug, PartialEq)]
pub struct ListItem {
    pub id: Option<String>,
    /// Everybody's, by the upstream's own words.
    pub is_public: bool,
    pub value: Value,
}

/// Takes the items out of a page; `None` when the reply isn't the list it should be: then nothing of it may be shown.
pub fn take_items(list: &FiltersList, reply: &mut Value) -> Option<Vec<ListItem>> {
    // An empty list is left out by some.
    let Some(items) = reply.pointer_mut(&list.items) else {
        return (reply.as_object().is_some_and(|members| !list.items[1..].contains('/') && is_bare(members, list)))
            .then(Vec::new);
    };
    let Value::Array(items) = items.take() else { return None };
    let item = |value: Value| ListItem {
        id: value.get(&list.id).and_then(Value::as_str).and_then(|text| id_of(list, text)),
        is_public: list.public_when.as_ref().is_some_and(|when| holds(when, &value)),
        value,
    };
    Some(items.into_iter().map(item).collect())
}

/// Nothing but what a list has beside its items.
fn is_bare(members: &Map<String, Value>, list: &FiltersList) -> bool {
    members.keys().all(|name| is_known(list, name))
}

fn id_of(list: &FiltersList, text: &str) -> Option<String> {
    if list.under.is_empty() { Some(text.to_owned()) } else { id_under(&list.under, text).map(str::to_owned) }
}

/// What the upstream wants to hear for the page behind this one; asked before the items are taken out.
pub fn next_cursor(list: &FiltersList, reply: &Value) -> Option<String> {
    let Some(next) = &list.next else {
        let last = reply.pointer(&list.items)?.as_array()?.last()?;
        return (reply["has_more"] == true).then(|| last.get(&list.id)?.as_str().map(str::to_owned)).flatten();
    };
    let text = reply.get(&next.member)?.as_str().filter(|text| !text.is_empty())?;
    let Some(param) = &next.param else { return Some(text.to_owned()) };
    let query = text.split_once('?')?.1;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(name, value)| (name == param.as_str()).then(|| value.into_owned()))
}

/// How much of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Nothing,
    MoreMayFollow,
}

/// The reply with these items, and cursors that name nothing else. `next` makes a next page's address of the last id.
pub fn show(list: &FiltersList, reply: &mut Value, items: Vec<ListItem>, rest: Rest, next: impl Fn(&str) -> Value) {
    let id_at =
        |item: Option<&ListItem>| item.and_then(|item| item.value.get(&list.id)).cloned().unwrap_or(Value::Null);
    let (first, last, count) = (id_at(items.first()), id_at(items.last()), items.len());
    let last_id = items.last().and_then(|item| item.id.clone());
    let has_more = rest == Rest::MoreMayFollow && last_id.is_some();
    let next = last_id.filter(|_| has_more).map_or(Value::Null, |id| next(&id));
    let values = Value::Array(items.into_iter().map(|item| item.value).collect());
    if list.items.is_empty() {
        *reply = values;
        return;
    }
    keep_known(list, reply);
    let last_name = format!("last_{}", list.id);
    let Some(members) = reply.as_object_mut() else { return };
    // A total of everybody's objects is nobody's business.
    let told =
        [("first_id", first), ("last_id", last.clone()), (last_name.as_str(), last), ("has_more", has_more.into())];
    for (name, value) in told.into_iter().chain([("total", count.into()), ("total_count", count.into())]) {
        if let Some(member) = members.get_mut(name) {
            *member = value;
        }
    }
    if let Some(page) = &list.next {
        members.remove(&page.member);
        if !next.is_null() || page.param.is_some() {
            members.insert(page.member.clone(), next);
        }
    }
    put(reply, &list.items, values);
}

fn is_known(list: &FiltersList, name: &str) -> bool {
    ["first_id", "last_id", "has_more", "total", "total_count", "object"].contains(&name)
        || name.strip_prefix("last_") == Some(list.id.as_str())
        || list.next.as_ref().is_some_and(|next| next.member == name)
        || list.keeps.iter().any(|kept| kept == name)
}

/// Of every object on the way to the items, what is not known is left out.
fn keep_known(list: &FiltersList, reply: &mut Value) {
    let mut level = reply;
    for name in list.items.split('/').skip(1) {
        let Value::Object(members) = level else { return };
        members.retain(|member, _| member == name || is_known(list, member));
        let Some(below) = members.get_mut(name) else { return };
        level = below;
    }
}

fn put(reply: &mut Value, pointer: &str, items: Value) {
    if let Some(place) = reply.pointer_mut(pointer) {
        *place = items;
    } else if let (Some(members), Some(name)) = (reply.as_object_mut(), pointer.strip_prefix('/')) {
        members.insert(name.to_owned(), items);
    }
}
