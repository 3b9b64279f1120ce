//! Changes to a JSON text that leave every other byte as its writer left it: numbers, spaces and order.
//! The text was read by `strict_json` before: it is valid, and no key is in one object twice.

use std::ops::Range;

/// A place is the names of members and the numbers of elements on the way to it.
pub type Place = Vec<String>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The value there becomes this JSON; objects that are missing on the way are made.
    Set {
        place: Place,
        json: String,
    },
    /// This JSON becomes the first element of the array there.
    Prepend {
        place: Place,
        json: String,
    },
    Remove {
        place: Place,
    },
}

impl Edit {
    pub fn set(pointer: &str, json: impl Into<String>) -> Self {
        Self::Set { place: place(pointer), json: json.into() }
    }
}

/// The place that a JSON pointer names.
pub fn place(pointer: &str) -> Place {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

/// `None` when a place leads through what is neither an object nor an array.
pub fn apply(text: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    for edit in edits {
        apply_one(&mut text, edit)?;
    }
    Some(text)
}

fn apply_one(text: &mut Vec<u8>, edit: &Edit) -> Option<()> {
    match edit {
        Edit::Set { place, json } => match find(text, place)? {
            Found::Value(span) => replace(text, span, json.as_bytes()),
            Found::Nothing { rest: [], .. } => return None,
            Found::Nothing { container, rest } => set_missing(text, container, rest, json)?,
        },
        Edit::Prepend { place, json } => {
            let Found::Value(span) = find(text, place)? else { return None };
            (text[span.start] == b'[').then_some(())?;
            let comma = if children(text, span.start)?.is_empty() { "" } else { "," };
            let first = format!("{json}{comma}");
            replace(text, span.start + 1..span.start + 1, first.as_bytes());
        }
        Edit::Remove { place } => {
            if let Some(span) = removal(text, place)? {
                replace(text, span, b"");
            }
        }
    }
    Some(())
}

fn replace(text: &mut Vec<u8>, span: Range<usize>, with: &[u8]) {
    text.splice(span, with.iter().copied());
}

/// A member for an object that lacks it; a `null` on the way makes room for an object.
fn set_missing(text: &mut Vec<u8>, container: Range<usize>, rest: &[String], json: &str) -> Option<()> {
    let nested = |names: &[String]| {
        names.iter().rev().fold(json.to_owned(), |json, name| format!("{{{}:{json}}}", quoted(name)))
    };
    match text[container.start] {
        b'{' => {
            let (name, deeper) = rest.split_first()?;
            let children = children(text, container.start)?;
            let at = children.last().map_or(container.start + 1, |last| last.value.end);
            let comma = if children.is_empty() { "" } else { "," };
            let member = format!("{comma}{}:{}", quoted(name), nested(deeper));
            replace(text, at..at, member.as_bytes());
        }
        b'n' => replace(text, container, nested(rest).as_bytes()),
        _ => return None,
    }
    Some(())
}

pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The member or element with one of the commas beside it.
fn removal(text: &[u8], place: &[String]) -> Option<Option<Range<usize>>> {
    let (last, parents) = place.split_last()?;
    let Found::Value(parent) = find(text, parents)? else { return Some(None) };
    let siblings = children(text, parent.start)?;
    let Some(index) = siblings.iter().enumerate().position(|(at, child)| child.is_named(at, last)) else {
        return Some(None);
    };
    let child = &siblings[index];
    Some(Some(match (index.checked_sub(1).map(|before| &siblings[before]), siblings.get(index + 1)) {
        (Some(before), _) => before.value.end..child.value.end,
        (None, Some(after)) => child.start..after.start,
        (None, None) => child.start..child.value.end,
    }))
}

enum Found<'a> {
    Value(Range<usize>),
    /// The deepest value on the way, and the names that it does not have.
    Nothing {
        container: Range<usize>,
        rest: &'a [String],
    },
}

fn find<'a>(text: &[u8], place: &'a [String]) -> Option<Found<'a>> {
    let start = skip_space(text, 0);
    let mut span = start..value_end(text, start)?;
    for (depth, name) in place.iter().enumerate() {
        let nothing = Found::Nothing { container: span.clone(), rest: &place[depth..] };
        if !matches!(text[span.start], b'{' | b'[') {
            return Some(nothing);
        }
        let children = children(text, span.start)?;
        match children.into_iter().enumerate().find(|(at, child)| child.is_named(*at, name)) {
            Some((_, child)) => span = child.value,
            None => return Some(nothing),
        }
    }
    Some(Found::Value(span))
}

struct Child {
    /// Of a member; an element has only its number.
    name: Option<String>,
    /// Where its name, or its value, begins.
    start: usize,
    value: Range<usize>,
}

impl Child {
    fn is_named(&self, at: usize, name: &str) -> bool {
        match &self.name {
            Some(own) => own == name,
            None => name.parse() == Ok(at),
        }
    }
}

/// Of the object or array that begins at `open`.
fn children(text: &[u8], open: usize) -> Option<Vec<Child>> {
    let is_object = text[open] == b'{';
    let mut children = Vec::new();
    let mut at = skip_space(text, open + 1);
    while !matches!(text.get(at)?, b'}' | b']') {
        let start = at;
        let mut name = None;
        if is_object {
            let end = string_end(text, at)?;
            name = Some(serde_json::from_slice(&text[at..end]).ok()?);
            let colon = skip_space(text, end);
            at = skip_space(text, colon + 1);
        }
        let value = at..value_end(text, at)?;
        at = skip_space(text, value.end);
        children.push(Child { name, start, value });
        if text.get(at) == Some(&b',') {
            at = skip_space(text, at + 1);
        }
    }
    Some(children)
}

fn skip_space(text: &[u8], at: usize) -> usize {
    let space = text[at.min(text.len())..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    at + space.count()
}

fn value_end(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start)? {
        b'"' => string_end(text, start),
        b'{' | b'[' => nest_end(text, start),
        _ => {
            let is_over = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            Some(text[start..].iter().position(is_over).map_or(text.len(), |length| start + length))
        }
    }
}

fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn nest_end(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match text.get(at)? {
            b'"' => {
                at = string_end(text, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn edited(text: &str, edit: Edit) -> Option<String> {
        apply(text.as_bytes(), &[edit]).map(|bytes| String::from_utf8(bytes).expect("JSON is UTF-8"))
    }

    fn remove(pointer: &str) -> Edit {
        Edit::Remove { place: place(pointer) }
    }

    fn prepend(pointer: &str, json: &str) -> Edit {
        Edit::Prepend { place: place(pointer), json: json.to_owned() }
    }

    #[test]
    fn a_change_leaves_every_other_byte() {
        let text = "{ \"z\" : 1.50e3 ,\n\"m\\u006fdel\":\"a\\\"b\", \"u\":{} , \"l\": [ 1 ] }\n";
        for (edit, want) in [
            (Edit::set("/model", "\"x\""), text.replace("\"a\\\"b\"", "\"x\"")),
            (Edit::set("/new", "7"), text.replace("[ 1 ]", "[ 1 ],\"new\":7")),
            (Edit::set("/u/id", "7"), text.replace("{}", "{\"id\":7}")),
            (Edit::set("/a/b", "7"), text.replace("[ 1 ]", "[ 1 ],\"a\":{\"b\":7}")),
            (Edit::set("/l/0", "7"), text.replace("[ 1 ]", "[ 7 ]")),
            (prepend("/l", "0"), text.replace("[ 1 ]", "[0, 1 ]")),
            (remove("/z"), text.replace("\"z\" : 1.50e3 ,\n", "")),
            (remove("/l"), text.replace(" , \"l\": [ 1 ]", "")),
            (remove("/none"), text.to_owned()),
        ] {
            assert_eq!(edited(text, edit.clone()), Some(want), "{edit:?}");
        }
    }

    #[test]
    fn null_makes_room_and_nothing_else_does() {
        assert_eq!(edited(r#"{"a":null}"#, Edit::set("/a/b", "1")).as_deref(), Some(r#"{"a":{"b":1}}"#));
        assert_eq!(edited(r#"{"a":null}"#, Edit::set("/a", "1")).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(edited("{}", Edit::set("/a", "1")).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(edited("{\"a\":[]}", prepend("/a", "1")).as_deref(), Some("{\"a\":[1]}"));
        for text in [r#"{"a":"text"}"#, r#"{"a":[]}"#, r#"{"a":7}"#, "7"] {
            assert_eq!(edited(text, Edit::set("/a/b", "1")), None, "{text}");
        }
        assert_eq!(edited(r#"{"a":{}}"#, prepend("/a", "1")), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a-c\\\\\"{}\\[\\],: \u{e9}]{0,6}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-c\"]{1,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn setting_and_removing_do_what_they_do_to_the_value(value in json(), name in "[a-d\"]{1,2}", pretty: bool) {
            let value = serde_json::json!({"first": 1, "a": value});
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("JSON");
            let mut want = value.clone();
            want[name.as_str()] = Value::from(7);
            let set = edited(&text, Edit::set(&format!("/{name}"), "7")).expect("an object");
            prop_assert_eq!(serde_json::from_str::<Value>(&set).expect("JSON"), want.clone());
            want.as_object_mut().expect("an object").remove(&name);
            let removed = edited(&set, remove(&format!("/{name}"))).expect("an object");
            prop_assert_eq!(serde_json::from_str::<Value>(&removed).expect("JSON"), want);
        }
    }
}
