//! The ownership table of a custom API as a person edits it: one endpoint a line, its clauses parted by semicolons:
//! `GET /v1/jobs; lists job /data id=id cursor=after most=100`. docs/ownership.md has the words.

use std::fmt::Write;

use serde_json::Value;

use super::ownership_rules::{MAX_OWNERSHIP_RULES, check_rule};
use super::rule_lines::RuleLineError;
use crate::ownership::rule::{
    Condition, Creates, CreatesInHeader, FiltersList, NamesInBody, NamesInField, NextPage, OwnershipRule, Public,
    ReadsCalls, Requires,
};

/// Blank lines and lines that begin with `#` are skipped.
pub fn parse_ownership_lines(text: &str) -> Result<Vec<OwnershipRule>, RuleLineError> {
    let mut rules: Vec<OwnershipRule> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let fault = |reason| RuleLineError { line: index + 1, reason };
        if rules.len() == MAX_OWNERSHIP_RULES {
            return Err(fault(format!("at most {MAX_OWNERSHIP_RULES} lines")));
        }
        let rule = parse_line(line).map_err(fault)?;
        check_rule(&rule).map_err(fault)?;
        if rules.iter().any(|other| other.method == rule.method && other.template == rule.template) {
            return Err(fault(format!("{} {} is there twice", rule.method, rule.template)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn parse_line(line: &str) -> Result<OwnershipRule, String> {
    let mut clauses = line.split(';');
    let mut words = clauses.next().unwrap_or_default().split_whitespace();
    let (Some(method), Some(template), None) = (words.next(), words.next(), words.next()) else {
        return Err("write a method and a path, then a semicolon, such as GET /v1/jobs/{id}; needs job {id}".to_owned());
    };
    let mut rule =
        OwnershipRule { method: method.to_owned(), template: template.to_owned(), ..OwnershipRule::default() };
    for clause in clauses {
        let mut words = clause.split_whitespace();
        let Some(verb) = words.next() else { continue };
        let rest: Vec<&str> = words.collect();
        add(&mut rule, verb, &rest)?;
    }
    Ok(rule)
}

fn add(rule: &mut OwnershipRule, verb: &str, words: &[&str]) -> Result<(), String> {
    match (verb, words) {
        ("form", []) => rule.multipart = true,
        ("bytes", []) => rule.bytes = true,
        ("creates", [kind, place, options @ ..]) => creates(rule, kind, place, &Options::read(verb, options)?)?,
        ("needs", [kind, place, options @ ..]) => rule.requires.push(needs(kind, place, options)?),
        ("forgets", [kind, place]) => rule.forgets = Some(needs(kind, place, &[])?),
        ("names", [kind, place, options @ ..]) => names(rule, kind, place, &Options::read(verb, options)?)?,
        ("lists", [kind, place, options @ ..]) => {
            rule.filters = Some(lists(kind, place, &Options::read(verb, options)?)?);
        }
        ("calls", [path, options @ ..]) => {
            let options = Options::read(verb, options)?;
            let content = options.one("from")?.ok_or("calls needs from=, the path of the file's content")?;
            options.only(&["from"])?;
            rule.reads_calls = Some(ReadsCalls { path: (*path).to_owned(), content });
        }
        ("rewrites", [path]) => rule.rewrites.push((*path).to_owned()),
        ("drops", [path]) => rule.drops.push((*path).to_owned()),
        (
            "creates" | "needs" | "forgets" | "names" | "lists" | "calls" | "rewrites" | "drops" | "form" | "bytes",
            _,
        ) => {
            return Err(format!("{verb} has too few words behind it, or too many"));
        }
        _ => {
            return Err(format!(
                "{verb:?} is none of creates, needs, names, lists, forgets, form, bytes, calls, rewrites, drops"
            ));
        }
    }
    Ok(())
}

fn creates(rule: &mut OwnershipRule, kind: &str, place: &str, options: &Options<'_>) -> Result<(), String> {
    let kind = kind.to_owned();
    if let Some(header) = place.strip_prefix("header:") {
        options.only(&["param"])?;
        let created = CreatesInHeader { kind, header: header.to_owned(), param: options.one("param")? };
        rule.creates_in_headers.push(created);
        return Ok(());
    }
    options.only(&["prefix", "under", "when"])?;
    rule.creates.push(Creates {
        kind,
        pointer: place.to_owned(),
        prefix: options.one("prefix")?.unwrap_or_default(),
        under: options.one("under")?.unwrap_or_default(),
        when: options.one("when")?.map(|text| condition(&text)).transpose()?,
    });
    Ok(())
}

fn needs(kind: &str, place: &str, options: &[&str]) -> Result<Requires, String> {
    let param = place.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    let param = param.ok_or_else(|| format!("{place:?} is not a parameter of the path, such as {{id}}"))?.to_owned();
    let options = Options::read("needs", options)?;
    options.only(&["public", "look_up"])?;
    let public = match (options.one("look_up")?, options.one("public")?) {
        (Some(look_up), Some(when)) => Some(Public { look_up, when: condition(&when)? }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err("look_up= and public= go together".to_owned()),
    };
    Ok(Requires { kind: kind.to_owned(), param, public })
}

fn names(rule: &mut OwnershipRule, kind: &str, place: &str, options: &Options<'_>) -> Result<(), String> {
    let kind = kind.to_owned();
    if let Some(name) = place.strip_prefix('?') {
        options.only(&[])?;
        rule.names_in_query.push(NamesInField { kind, name: name.to_owned() });
    } else if let Some(name) = place.strip_prefix("form:") {
        options.only(&[])?;
        rule.names_in_form.push(NamesInField { kind, name: name.to_owned() });
    } else {
        options.only(&["under", "host", "except"])?;
        rule.names_in_body.push(NamesInBody {
            kind,
            path: place.to_owned(),
            under: options.one("under")?.unwrap_or_default(),
            hosts: options.all("host"),
            except: options.all("except"),
        });
    }
    Ok(())
}

fn lists(kind: &str, place: &str, options: &Options<'_>) -> Result<FiltersList, String> {
    options.only(&["id", "under", "cursor", "most", "limit", "next", "public", "keeps"])?;
    let most = options.one("most")?.map(|text| text.parse().map_err(|_| format!("most={text} is not a number")));
    let next = options.one("next")?.map(|text| match text.split_once('?') {
        Some((member, param)) => NextPage { member: member.to_owned(), param: Some(param.to_owned()) },
        None => NextPage { member: text, param: None },
    });
    Ok(FiltersList {
        kind: kind.to_owned(),
        items: if place == "/" { String::new() } else { place.to_owned() },
        id: options.one("id")?.unwrap_or_else(|| "id".to_owned()),
        under: options.one("under")?.unwrap_or_default(),
        cursors: options.all("cursor"),
        page_limit: most.transpose()?,
        limit_param: options.one("limit")?,
        next,
        public_when: options.one("public")?.map(|text| condition(&text)).transpose()?,
        keeps: options.all("keeps"),
    })
}

/// `/category=premade`, or several values parted by `|`.
fn condition(text: &str) -> Result<Condition, String> {
    let (path, values) = text.split_once('=').ok_or_else(|| format!("{text:?} is not /path=value"))?;
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    Ok(Condition { path: path.to_owned(), is: values.split('|').map(value).collect() })
}

struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn read(verb: &str, words: &[&'a str]) -> Result<Self, String> {
        let option =
            |word: &&'a str| word.split_once('=').ok_or_else(|| format!("{word:?} behind {verb} is not name=value"));
        words.iter().map(option).collect::<Result<_, _>>().map(Self)
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned()).collect()
    }

    fn one(&self, name: &str) -> Result<Option<String>, String> {
        let mut all = self.all(name);
        if all.len() > 1 { Err(format!("{name}= is there twice")) } else { Ok(all.pop()) }
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.0.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) if known.is_empty() => Err(format!("{name}= has no meaning here")),
            Some((name, _)) => Err(format!("{name}= has no meaning here; possible are {}", known.join("=, ") + "=")),
            None => Ok(()),
        }
    }
}

/// The lines that `parse_ownership_lines` reads back.
pub fn ownership_lines(rules: &[OwnershipRule]) -> String {
    let mut text = String::new();
    for rule in rules {
        writeln!(text, "{}", line(rule)).expect("writing to a String can't fail");
    }
    text
}

fn line(rule: &OwnershipRule) -> String {
    let mut clauses = vec![format!("{} {}", rule.method, rule.template)];
    clauses.extend(rule.requires.iter().map(|requires| {
        let public = requires.public.as_ref().map(|public| ("look_up", public.look_up.clone()));
        let when = requires.public.as_ref().map(|public| ("public", told(&public.when)));
        with(format!("needs {} {{{}}}", requires.kind, requires.param), public.into_iter().chain(when))
    }));
    clauses.extend(rule.names_in_query.iter().map(|names| format!("names {} ?{}", names.kind, names.name)));
    clauses.extend(rule.names_in_body.iter().map(|names| {
        let hosts = names.hosts.iter().map(|host| ("host", host.clone()));
        let except = names.except.iter().map(|start| ("except", start.clone()));
        with(format!("names {} {}", names.kind, names.path), filled("under", &names.under).chain(hosts).chain(except))
    }));
    clauses.extend(rule.names_in_form.iter().map(|names| format!("names {} form:{}", names.kind, names.name)));
    clauses.extend(rule.multipart.then(|| "form".to_owned()));
    clauses.extend(rule.bytes.then(|| "bytes".to_owned()));
    clauses.extend(rule.reads_calls.iter().map(|calls| format!("calls {} from={}", calls.path, calls.content)));
    clauses.extend(rule.creates.iter().map(|creates| {
        let options = filled("prefix", &creates.prefix).chain(filled("under", &creates.under));
        let when = creates.when.iter().map(|when| ("when", told(when)));
        with(format!("creates {} {}", creates.kind, creates.pointer), options.chain(when))
    }));
    clauses.extend(rule.creates_in_headers.iter().map(|creates| {
        let param = creates.param.iter().map(|param| ("param", param.clone()));
        with(format!("creates {} header:{}", creates.kind, creates.header), param)
    }));
    clauses.extend(rule.filters.iter().map(list_clause));
    clauses.extend(rule.forgets.iter().map(|forgets| format!("forgets {} {{{}}}", forgets.kind, forgets.param)));
    clauses.extend(rule.rewrites.iter().map(|path| format!("rewrites {path}")));
    clauses.extend(rule.drops.iter().map(|path| format!("drops {path}")));
    clauses.join("; ")
}

fn list_clause(list: &FiltersList) -> String {
    let items = if list.items.is_empty() { "/" } else { &list.items };
    let next = list.next.iter().map(|next| match &next.param {
        Some(param) => ("next", format!("{}?{param}", next.member)),
        None => ("next", next.member.clone()),
    });
    let options = filled("id", &list.id)
        .chain(filled("under", &list.under))
        .chain(list.cursors.iter().map(|name| ("cursor", name.clone())))
        .chain(list.page_limit.iter().map(|most| ("most", most.to_string())))
        .chain(list.limit_param.iter().map(|name| ("limit", name.clone())))
        .chain(next)
        .chain(list.public_when.iter().map(|when| ("public", told(when))))
        .chain(list.keeps.iter().map(|name| ("keeps", name.clone())));
    with(format!("lists {} {items}", list.kind), options)
}

fn filled<'a>(name: &'a str, value: &str) -> impl Iterator<Item = (&'a str, String)> + use<'a> {
    (!value.is_empty()).then(|| (name, value.to_owned())).into_iter()
}

fn told(condition: &Condition) -> String {
    let value = |value: &Value| match value.as_str() {
        Some(text) if serde_json::from_str::<Value>(text).is_err() => text.to_owned(),
        Some(_) | None => value.to_string(),
    };
    format!("{}={}", condition.path, condition.is.iter().map(value).collect::<Vec<_>>().join("|"))
}

fn with<'a>(clause: String, options: impl Iterator<Item = (&'a str, String)>) -> String {
    options.fold(clause, |clause, (name, value)| format!("{clause} {name}={value}"))
}
