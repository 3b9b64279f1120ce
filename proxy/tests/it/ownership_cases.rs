//! Calls that name an object, made from the ownership tables themselves: a rule that is added is tried without a test
//! being written.

use http::Method;
use keyward_domain::ownership::rule::{FiltersList, NamesInBody, OwnershipRule};
use keyward_domain::path::PathTemplate;
use keyward_domain::rules::EndpointRule;
use serde_json::{Value, json};

/// Where a call names the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Path,
    SubPath,
    Query,
    Body,
    Nested,
    Form,
}

/// One way to name an object of this kind in one call.
#[derive(Clone, Debug)]
pub struct Case {
    pub place: Place,
    pub kind: String,
    pub method: Method,
    /// `@` stands for the id, `~` for the user before the other parameters.
    pub target: String,
    /// Kinds and parameters of the other objects in the path.
    pub needs: Vec<(String, String)>,
    pub body: Option<Value>,
    pub form: Option<String>,
    /// An object that nobody created may be everybody's.
    pub may_be_public: bool,
    /// More than these ids decides whether the call passes.
    pub has_more_conditions: bool,
}

impl Case {
    pub fn target(&self, user: &str, id: &str) -> String {
        self.target.replace('@', id).replace('~', &format!("{user}-"))
    }

    pub fn body(&self, id: &str) -> Option<Value> {
        let text = self.body.as_ref()?.to_string().replace('@', id);
        Some(serde_json::from_str(&text).expect("an id needs no escape"))
    }

    /// One object with the same key twice, each value naming another id.
    pub fn duplicate(&self, first: &str, second: &str) -> Option<String> {
        let (first, second) = (self.body(first)?.to_string(), self.body(second)?.to_string());
        Some(format!("{},{}", &first[..first.len() - 1], &second[1..]))
    }
}

pub fn cases(rule: &OwnershipRule) -> Vec<Case> {
    let method: Method = rule.method.parse().expect("a method");
    let plain = Case {
        place: Place::Path,
        kind: String::new(),
        method,
        target: fill(&rule.template, None),
        needs: rule.requires.iter().map(|requires| (requires.kind.clone(), requires.param.clone())).collect(),
        body: None,
        form: None,
        may_be_public: false,
        has_more_conditions: rule.reads_calls.is_some(),
    };
    let mut cases = Vec::new();
    for requires in &rule.requires {
        let case = Case { kind: requires.kind.clone(), may_be_public: requires.public.is_some(), ..plain.clone() };
        let path = fill(&rule.template, Some(&requires.param));
        let below = path.split_inclusive('@').next().expect("the parameter is in the path").to_owned();
        cases.push(Case { target: path, ..case.clone() });
        let below = Case { target: format!("{below}/zz/deeper"), method: Method::GET, ..case };
        cases.push(Case { place: Place::SubPath, may_be_public: false, ..below });
    }
    let cursors = rule.filters.iter().filter(|list| list.next.is_none() || list.public_when.is_none());
    let cursors = cursors.flat_map(|list| list.cursors.iter().map(|name| (&list.kind, name)));
    for (kind, name) in cursors.chain(rule.names_in_query.iter().map(|names| (&names.kind, &names.name))) {
        let target = format!("{}?{name}=@", plain.target);
        cases.push(Case { place: Place::Query, kind: kind.clone(), target, ..plain.clone() });
    }
    for names in &rule.names_in_body {
        for (place, body) in bodies(names) {
            cases.push(Case { place, kind: names.kind.clone(), body: Some(body), ..plain.clone() });
        }
    }
    for names in &rule.names_in_form {
        let form = format!("--b\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n@\r\n--b--\r\n", names.name);
        cases.push(Case { place: Place::Form, kind: names.kind.clone(), form: Some(form), ..plain.clone() });
    }
    cases
}

/// The parameter as `@`; all others stand for themselves, behind the user.
fn fill(template: &str, param: Option<&str>) -> String {
    let mut path = template.to_owned();
    if let Some(param) = param {
        path = path.replace(&format!("{{{param}}}"), "@");
    }
    path.replace('{', "~").replace('}', "")
}

fn bodies(names: &NamesInBody) -> Vec<(Place, Value)> {
    let ids: Vec<String> = match (names.under.as_str(), names.hosts.first()) {
        ("", _) => vec!["@".to_owned()],
        (under, None) => vec![format!("{under}/@"), format!("https://api.example/v1beta/{under}/@")],
        (under, Some(host)) => vec![format!("https://api.{host}/v1/{under}/@")],
    };
    let steps: Vec<&str> = names.path.split('/').skip(1).collect();
    let mut bodies = Vec::new();
    for id in ids {
        bodies.push((Place::Body, at(&steps, json!(id), &[])));
        if steps.contains(&"**") {
            bodies.push((Place::Nested, at(&steps, json!(id), &["a", "0", "b", "0"])));
        }
    }
    bodies
}

/// `**` becomes these levels: names, or `0` for a list.
fn at(steps: &[&str], id: Value, deep: &[&str]) -> Value {
    let Some((step, rest)) = steps.split_first() else { return id };
    match *step {
        "*" => json!([at(rest, id, deep)]),
        "**" if rest.is_empty() && deep.is_empty() => json!({"x": id}),
        "**" => deep.iter().rev().fold(at(rest, id, deep), |value, level| match *level {
            "0" => json!([value]),
            name => json!({name: value}),
        }),
        name => json!({name: at(rest, id, deep)}),
    }
}

/// A reply that says at this place what the caller wants to hear.
pub fn reply(pointer: &str, text: &str) -> Value {
    at(&pointer.split('/').skip(1).collect::<Vec<_>>(), json!(text), &[])
}

/// Rules that open every endpoint of the table, and a path below every object of it.
pub fn open_everything(rules: &[OwnershipRule]) -> Vec<EndpointRule> {
    let mut open: Vec<EndpointRule> = Vec::new();
    let mut add = |method: &str, template: String, query: Vec<String>| {
        if !open.iter().any(|known| known.method == method && known.template == template) {
            open.push(EndpointRule { method: method.to_owned(), template, query, headers: vec![] });
        }
    };
    for rule in rules {
        let list = rule.filters.iter();
        let query = list.flat_map(|list| list.cursors.iter().cloned().chain([list.limit_param().to_owned()]));
        let query = query.chain(rule.names_in_query.iter().map(|names| names.name.clone())).collect();
        add(&rule.method, rule.template.clone(), query);
        let template = PathTemplate::parse(&rule.template).expect("a template");
        for (at, name) in template.param_names() {
            if rule.requires.iter().any(|requires| requires.param == name) {
                let above: Vec<&str> = rule.template.split('/').take(at + 2).collect();
                add("GET", format!("{}/zz/{{deeper}}", above.join("/")), vec![]);
            }
        }
    }
    open
}

/// A page with the caller's own object between others', one of everybody's, and cursors and totals that tell of them.
pub fn page(list: &FiltersList, own: &str) -> Value {
    let named = |id: &str| if list.under.is_empty() { id.to_owned() } else { format!("{}/{id}", list.under) };
    let mut items = vec![
        json!({&list.id: named("foreign-1")}),
        json!({&list.id: named(own)}),
        json!({&list.id: named("foreign-2")}),
    ];
    if let Some(when) = &list.public_when {
        let mut item = at(&when.path.split('/').skip(1).collect::<Vec<_>>(), when.is[0].clone(), &[]);
        item[&list.id] = json!(named("public-1"));
        items.push(item);
    }
    let mut reply = at(&list.items.split('/').skip(1).collect::<Vec<_>>(), json!(items), &[]);
    if reply.is_array() {
        return reply;
    }
    for (name, value) in [
        ("first_id", json!("foreign-1")),
        ("last_id", json!("foreign-2")),
        ("total_count", json!(40)),
        ("by_user", json!({"foreign-3": 2})),
    ] {
        reply[name] = value;
    }
    reply[format!("last_{}", list.id)] = json!("foreign-2");
    reply
}
