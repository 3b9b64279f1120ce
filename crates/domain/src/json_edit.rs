//! Changes to a JSON text that leave every other byte as its writer left it: numbers, spaces and order.
//! The text was read by `strict_json` before: it is valid, and no key is in one object twice.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value;

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

/// What one body may take: far more than any rule needs, and no more than one body should cost.
pub const MAX_EDITS: usize = 1_024;

/// Reads the text once, however many edits there are; their places are those of the text as it came.
/// `None` when a place leads through what is neither an object nor an array, or there are too many edits.
pub fn apply(text: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    (edits.len() <= MAX_EDITS).then_some(())?;
    let mut plan = Plan::default();
    for edit in edits {
        plan.add(edit)?;
    }
    let mut splices = Splices { text, made: Vec::with_capacity(text.len() + 256), copied: 0 };
    walk(text, skip_space(text, 0), &plan, &mut splices)?;
    splices.made.extend_from_slice(&text[splices.copied..]);
    Some(splices.made)
}

/// The same for the value that was read from the text. `false`, and nothing is changed, unless every edit sets a member of
/// the outermost object to what is neither an object nor an array, or removes one.
pub fn apply_to_members(value: &mut Value, edits: &[Edit]) -> bool {
    let Value::Object(members) = value else { return false };
    let Some(changes) = edits.iter().map(member_change).collect::<Option<Vec<_>>>() else { return false };
    for (name, value) in changes {
        match value {
            Some(value) => drop(members.insert(name.to_owned(), value)),
            None => drop(members.remove(name)),
        }
    }
    true
}

fn member_change(edit: &Edit) -> Option<(&str, Option<Value>)> {
    let (place, value) = match edit {
        Edit::Set { place, json } => (place, Some(serde_json::from_str(json).ok()?)),
        Edit::Remove { place } => (place, None),
        Edit::Prepend { .. } => return None,
    };
    let [name] = &place[..] else { return None };
    (!value.as_ref().is_some_and(|value: &Value| value.is_array() || value.is_object())).then_some((name, value))
}

/// All edits, arranged as the values are that they change.
#[derive(Default)]
struct Plan<'a> {
    here: Here<'a>,
    /// What comes first in the array here; the last one before all others.
    prepended: Vec<&'a str>,
    under: BTreeMap<&'a str, Plan<'a>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Here<'a> {
    #[default]
    Kept,
    Replaced(&'a str),
    Removed,
}

impl<'a> Plan<'a> {
    /// The last word about a value holds. What is inside of a new value can't be changed once more.
    fn add(&mut self, edit: &'a Edit) -> Option<()> {
        let (Edit::Set { place, .. } | Edit::Prepend { place, .. } | Edit::Remove { place }) = edit;
        let mut plan = self;
        for name in place {
            (plan.here == Here::Kept).then_some(())?;
            plan = plan.under.entry(name).or_default();
        }
        match edit {
            Edit::Set { json, .. } => *plan = Plan { here: Here::Replaced(json), ..Plan::default() },
            Edit::Remove { .. } if place.is_empty() => return None,
            Edit::Remove { .. } => *plan = Plan { here: Here::Removed, ..Plan::default() },
            Edit::Prepend { json, .. } => {
                (plan.here == Here::Kept).then_some(())?;
                plan.prepended.push(json);
            }
        }
        Some(())
    }

    fn is_empty(&self) -> bool {
        self.here == Here::Kept && self.prepended.is_empty() && self.under.is_empty()
    }

    /// What this makes where nothing is. `Some(None)` when there was only something to remove.
    fn made(&self) -> Option<Option<String>> {
        self.prepended.is_empty().then_some(())?;
        match self.here {
            Here::Replaced(json) => return Some(Some(json.to_owned())),
            Here::Removed => return Some(None),
            Here::Kept => {}
        }
        let mut members = Vec::new();
        for (name, plan) in &self.under {
            members.extend(plan.made()?.map(|json| format!("{}:{json}", quoted(name))));
        }
        Some((!members.is_empty()).then(|| format!("{{{}}}", members.join(","))))
    }
}

/// The text up to a point, with its changes.
struct Splices<'a> {
    text: &'a [u8],
    made: Vec<u8>,
    copied: usize,
}

impl Splices<'_> {
    /// Spans come in the order of the text.
    fn replace(&mut self, span: Range<usize>, with: &str) {
        self.made.extend_from_slice(&self.text[self.copied..span.start]);
        self.made.extend_from_slice(with.as_bytes());
        self.copied = span.end;
    }
}

/// Changes the value that begins at `start`, and tells where it ends.
fn walk(text: &[u8], start: usize, plan: &Plan<'_>, splices: &mut Splices<'_>) -> Option<usize> {
    if let Here::Replaced(json) = plan.here {
        let end = value_end(text, start)?;
        splices.replace(start..end, json);
        return Some(end);
    }
    if plan.is_empty() {
        return value_end(text, start);
    }
    match text.get(start)? {
        b'{' if plan.prepended.is_empty() => walk_object(text, start, plan, splices),
        b'[' => walk_array(text, start, plan, splices),
        first => {
            let end = value_end(text, start)?;
            match plan.made()? {
                Some(json) if *first == b'n' => splices.replace(start..end, &json),
                Some(_) => return None,
                None => {}
            }
            Some(end)
        }
    }
}

fn walk_object(text: &[u8], open: usize, plan: &Plan<'_>, splices: &mut Splices<'_>) -> Option<usize> {
    let mut missing: Vec<&str> = plan.under.keys().copied().collect();
    let mut children = Children::of(open);
    let mut at = skip_space(text, open + 1);
    while *text.get(at)? != b'}' {
        let name_end = string_end(text, at)?;
        let name = member_name(&text[at..name_end])?;
        let value = skip_space(text, skip_space(text, name_end) + 1);
        let under = plan.under.get(name.as_ref());
        if under.is_some() {
            missing.retain(|other| *other != name.as_ref());
        }
        at = children.walk_one(text, (at, value), under, splices)?;
    }
    for name in missing {
        let Some(json) = plan.under.get(name)?.made()? else { continue };
        let comma = if children.kept == 0 { "" } else { "," };
        splices.replace(children.end..children.end, &format!("{comma}{}:{json}", quoted(name)));
        children.kept += 1;
    }
    Some(at + 1)
}

fn walk_array(text: &[u8], open: usize, plan: &Plan<'_>, splices: &mut Splices<'_>) -> Option<usize> {
    let mut under = HashMap::new();
    for (name, plan) in &plan.under {
        match name.parse::<usize>() {
            Ok(index) => under.insert(index, plan).is_none().then_some(())?,
            Err(_) => plan.made()?.is_none().then_some(())?,
        }
    }
    let mut at = skip_space(text, open + 1);
    if !plan.prepended.is_empty() {
        // Its comma stands before an element that stays.
        under.values().all(|plan| plan.here != Here::Removed).then_some(())?;
        let first: Vec<&str> = plan.prepended.iter().rev().copied().collect();
        let comma = if *text.get(at)? == b']' { "" } else { "," };
        splices.replace(open + 1..open + 1, &format!("{}{comma}", first.join(",")));
    }
    let (mut children, mut index) = (Children::of(open), 0);
    while *text.get(at)? != b']' {
        at = children.walk_one(text, (at, at), under.remove(&index), splices)?;
        index += 1;
    }
    under.values().all(|plan| plan.made() == Some(None)).then_some(at + 1)
}

/// The members or elements that were passed.
struct Children {
    kept: usize,
    /// Of the last one.
    end: usize,
}

impl Children {
    fn of(open: usize) -> Self {
        Self { kept: 0, end: open + 1 }
    }

    /// From where the child and its value begin to where the next child, or the end of them all, is.
    /// With a child that is removed goes one of the commas beside it.
    fn walk_one(
        &mut self,
        text: &[u8],
        (start, value): (usize, usize),
        plan: Option<&Plan<'_>>,
        splices: &mut Splices<'_>,
    ) -> Option<usize> {
        let removed = plan.is_some_and(|plan| plan.here == Here::Removed);
        let end = match plan {
            Some(plan) if !removed => walk(text, value, plan, splices)?,
            Some(_) | None => value_end(text, value)?,
        };
        let mut next = skip_space(text, end);
        let is_last = text.get(next) != Some(&b',');
        if !is_last {
            next = skip_space(text, next + 1);
        }
        if !removed {
            self.kept += 1;
        } else if self.kept > 0 {
            splices.replace(self.end..end, "");
        } else {
            splices.replace(start..if is_last { end } else { next }, "");
        }
        self.end = end;
        Some(next)
    }
}

fn member_name(quoted: &[u8]) -> Option<Cow<'_, str>> {
    if quoted.contains(&b'\\') {
        return serde_json::from_slice(quoted).ok().map(Cow::Owned);
    }
    std::str::from_utf8(quoted.get(1..quoted.len() - 1)?).ok().map(Cow::Borrowed)
}

pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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

    #[test]
    fn many_changes_are_made_at_once() {
        let text = r#"{"a":1, "b":[1, 2, 3], "c":{"x":1,"y":2,"z":3}, "d":null}"#;
        let edits = [
            remove("/a"),
            Edit::set("/b/2", "30"),
            Edit::set("/b/0", "10"),
            prepend("/b", "0"),
            prepend("/b", "-1"),
            remove("/c/y"),
            remove("/c/z"),
            Edit::set("/c/w/v", "7"),
            Edit::set("/c/u", "8"),
            Edit::set("/d/e", "9"),
            Edit::set("/d/f", "1"),
            Edit::set("/d/f", "10"),
        ];
        let made = apply(text.as_bytes(), &edits).and_then(|made| String::from_utf8(made).ok());
        let want = r#"{"b":[-1,0,10, 2, 30], "c":{"x":1,"u":8,"w":{"v":7}}, "d":{"e":9,"f":10}}"#;
        assert_eq!(made.as_deref(), Some(want));
        let emptied = apply(br#"{"a":1,"b":2}"#, &[remove("/b"), remove("/a"), Edit::set("/c", "3")]);
        assert_eq!(emptied.as_deref(), Some(&br#"{"c":3}"#[..]));
    }

    #[test]
    fn a_large_text_is_read_once_and_not_for_each_edit() {
        let text = format!("{{\"l\":[{}]}}", vec!["{\"model\":\"a\"}"; 200_000].join(","));
        let edits: Vec<Edit> = (0..MAX_EDITS).map(|at| Edit::set(&format!("/l/{}/model", at * 190), "\"b\"")).collect();
        let started = std::time::Instant::now();
        let made = apply(text.as_bytes(), &edits).expect("they fit");
        // Once for each edit it took minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(made.len(), text.len());
        assert_eq!(made.windows(3).filter(|word| word == b"\"b\"").count(), MAX_EDITS);
        assert_eq!(apply(text.as_bytes(), &vec![edits[0].clone(); MAX_EDITS + 1]), None);
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

    fn member_edit() -> impl Strategy<Value = Edit> {
        let json = prop_oneof![
            Just("null"),
            Just("7"),
            Just("-1.5"),
            Just("\"a\\\"\\u00e9\""),
            Just("[1]"),
            Just("{\"x\":1}")
        ];
        let place = prop::collection::vec("[a-d\"]{1,2}", 1..3);
        prop_oneof![
            8 => ("[a-d\"]{1,2}", json.clone()).prop_map(|(name, json)| Edit::Set { place: vec![name], json: json.to_owned() }),
            4 => "[a-d\"]{1,2}".prop_map(|name| Edit::Remove { place: vec![name] }),
            1 => (place, json).prop_map(|(place, json)| Edit::Set { place, json: json.to_owned() }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_done_to_a_value_is_what_the_changed_text_reads_as(
            value in json(),
            edits in prop::collection::vec(member_edit(), 0..6),
        ) {
            let text = serde_json::to_vec(&value).expect("JSON");
            let mut changed = value.clone();
            if apply_to_members(&mut changed, &edits) {
                let made = apply(&text, &edits).expect("it is an object");
                prop_assert_eq!(crate::strict_json::parse(&made), Ok(changed));
            } else {
                prop_assert_eq!(changed, value);
            }
        }

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
