//! Endpoint rules as a person edits them: one a line,
//! `GET /v1/files ?limit ?after +openai-beta` (method, template, query parameters, headers).

use std::fmt::Write;

use super::proxy::MAX_RULES;
use crate::rules::EndpointRule;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {reason}")]
pub struct RuleLineError {
    /// From 1.
    pub line: usize,
    pub reason: String,
}

pub fn rule_lines(rules: &[EndpointRule]) -> String {
    let mut text = String::new();
    for rule in rules {
        let names = rule.query.iter().map(|name| ('?', name)).chain(rule.headers.iter().map(|name| ('+', name)));
        let extras = names.fold(String::new(), |extras, (mark, name)| format!("{extras} {mark}{name}"));
        writeln!(text, "{} {}{extras}", rule.method, rule.template).expect("writing to a String can't fail");
    }
    text
}

/// Blank lines and lines that begin with `#` are skipped.
pub fn parse_rule_lines(text: &str) -> Result<Vec<EndpointRule>, RuleLineError> {
    let mut rules: Vec<EndpointRule> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let fault = |reason| RuleLineError { line: index + 1, reason };
        // Each rule is compared with those before it, so their number is bounded before, not after.
        if rules.len() == MAX_RULES {
            return Err(fault(format!("at most {MAX_RULES} rules")));
        }
        let rule = parse_line(line).and_then(|rule| super::proxy::endpoint_rule(&rule)).map_err(fault)?;
        if rules.iter().any(|other| other.method == rule.method && other.template == rule.template) {
            return Err(fault(format!("{} {} is there twice", rule.method, rule.template)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn parse_line(line: &str) -> Result<EndpointRule, String> {
    let mut words = line.split_whitespace();
    let (Some(method), Some(template)) = (words.next(), words.next()) else {
        return Err("write a method and a path, such as GET /v1/models".to_owned());
    };
    let mut rule = EndpointRule {
        method: method.to_owned(),
        template: template.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
    };
    for word in words {
        if let Some(name) = word.strip_prefix('?') {
            rule.query.push(name.to_owned());
        } else if let Some(name) = word.strip_prefix('+') {
            rule.headers.push(name.to_owned());
        } else {
            return Err(format!("{word:?} after the path; write ?name for a query parameter, +name for a header"));
        }
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn what_is_written_reads_back() {
        for provider in catalogue::providers() {
            let text = rule_lines(&provider.default_rules);
            assert_eq!(parse_rule_lines(&text).as_ref(), Ok(&provider.default_rules), "{}", provider.name);
        }
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, line) in
            [("GET /v1/a\n\n# note\nGET", 4), ("FETCH /v1/a", 1), ("GET /v1/a extra", 1), ("GET /v1/a\nget /v1/a", 2)]
        {
            assert_eq!(parse_rule_lines(text).expect_err(text).line, line, "{text:?}");
        }
    }

    #[test]
    fn stops_at_the_first_line_too_many() {
        let lines = |count: usize| (0..count).fold(String::new(), |text, n| format!("{text}GET /v1/{n}\n"));
        assert_eq!(parse_rule_lines(&lines(MAX_RULES)).map(|rules| rules.len()), Ok(MAX_RULES));
        let endless = format!("{}not a rule\n", lines(5 * MAX_RULES));
        let fault = parse_rule_lines(&endless).expect_err("too many");
        assert_eq!((fault.line, fault.reason.as_str()), (MAX_RULES + 1, "at most 200 rules"));
    }
}
