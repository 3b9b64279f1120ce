//! Changes to a JSON text do to the value what the same change of the value does, and leave all other bytes.

use keyward_domain::json_edit::{Edit, apply};
use keyward_domain::strict_json;
use serde_json::Value;

use super::{Target, first, owned};

pub const TARGET: Target = Target {
    name: "json",
    run,
    seeds: || {
        owned(&[
            "\u{1}\u{0}{\"model\":\"a\",\"n\": 1.50e3 , \"u\":{} ,\"l\":[ 1 ]}",
            "\u{2}\u{1}{ \"m\\u006fdel\" : \"a\\\"b\" }",
            "\u{3}\u{2}{\"l\":[],\"messages\":[{\"role\":\"user\"}]}",
            "\u{0}\u{9}{\"a\":null,\"b\":{\"c\":[{}]},\"stream\":true}",
        ])
    },
};

fn run(bytes: &[u8]) {
    let Some((kind, rest)) = first(bytes) else { return };
    let Some((member, text)) = first(rest) else { return };
    let Ok(Value::Object(value)) = strict_json::parse(text) else { return };
    assert_eq!(apply(text, &[]).as_deref(), Some(text), "no change leaves every byte");
    // A member that is there, or one that is not.
    let name = value.keys().nth(member % (value.len() + 1)).map_or("new member", String::as_str).to_owned();
    let place = vec![name.clone()];
    let mut wanted = value;
    let edit = match kind % 3 {
        0 => {
            wanted.remove(&name);
            Edit::Remove { place }
        }
        1 => {
            wanted.insert(name, Value::from("new"));
            Edit::Set { place, json: "\"new\"".to_owned() }
        }
        _ => {
            let Some(Value::Array(items)) = wanted.get_mut(&name) else { return };
            items.insert(0, Value::from(0));
            Edit::Prepend { place, json: "0".to_owned() }
        }
    };
    let changed = apply(text, &[edit]).expect("a change at the top can be made");
    let read = strict_json::parse(&changed).expect("a changed text is JSON");
    assert_eq!(read, Value::Object(wanted), "the text says something else than the value");
    if let Some(counted) = strict_json::with_stream_usage(text) {
        let read = strict_json::parse(&counted).expect("a changed text is JSON");
        assert_eq!(read["stream_options"]["include_usage"], true);
    }
}
