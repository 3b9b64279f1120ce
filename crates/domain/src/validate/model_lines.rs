//! Models and aliases as a person edits them: `gpt-4o-mini` allows a model (a `*` at the end stands for any rest),
//! `fast = gpt-4o-mini` gives one another name. Also lists of plain names.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::RuleLineError;

const MAX_MODELS: usize = 200;
const MAX_NAME_CHARS: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelLines {
    pub models: Vec<String>,
    pub aliases: BTreeMap<String, String>,
}

pub fn model_lines(models: &[String], aliases: &BTreeMap<String, String>) -> String {
    let mut text = models.iter().fold(String::new(), |text, model| text + model + "\n");
    for (alias, model) in aliases {
        writeln!(text, "{alias} = {model}").expect("writing to a String can't fail");
    }
    text
}

/// Blank lines and lines that begin with `#` are skipped.
pub fn parse_model_lines(text: &str) -> Result<ModelLines, RuleLineError> {
    let mut parsed = ModelLines::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |reason| RuleLineError { line: index + 1, reason };
        if parsed.models.len() + parsed.aliases.len() == MAX_MODELS {
            return Err(fault(format!("at most {MAX_MODELS} models and aliases")));
        }
        match line.split_once('=') {
            None => {
                let model = model_pattern(line).map_err(fault)?;
                if parsed.models.contains(&model) {
                    return Err(fault(format!("{model} is there twice")));
                }
                parsed.models.push(model);
            }
            Some((alias, model)) => {
                let (alias, model) = (plain_name(alias).map_err(fault)?, plain_name(model).map_err(fault)?);
                if parsed.aliases.insert(alias.clone(), model).is_some() {
                    return Err(fault(format!("{alias} stands for two models")));
                }
            }
        }
    }
    Ok(parsed)
}

/// Names separated by commas, spaces or line breaks; a `*` at the end of one stands for any rest.
pub fn parse_name_list(text: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for word in text.split([',', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
        let name = model_pattern(word)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

pub fn name_list(names: &[String]) -> String {
    names.join(", ")
}

pub(super) fn model_pattern(text: &str) -> Result<String, String> {
    let text = text.trim();
    // Alone, it would allow everything and look like a rule.
    match text.strip_suffix('*') {
        Some("") => Err("a * stands at the end of a name; leave the list empty to allow all".to_owned()),
        Some(start) => plain_name(start).map(|start| start + "*"),
        None => plain_name(text),
    }
}

pub(super) fn plain_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a name is missing".to_owned());
    }
    if text.chars().count() > MAX_NAME_CHARS {
        return Err(format!("a name has at most {MAX_NAME_CHARS} characters"));
    }
    if text.contains('*') {
        return Err(format!("{text:?}: a * may stand only at the end of an allowed name"));
    }
    let is_plain = text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '=' | ','));
    is_plain.then(|| text.to_owned()).ok_or_else(|| {
        format!("{text:?} is no name: write it as the provider does, without spaces, such as gpt-4o-mini")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let text = "gpt-4o-mini\ntext-embedding-3-*\n@cf/meta/llama-3\nfast = gpt-4o-mini\n";
        let parsed = parse_model_lines(text).expect("lines");
        assert_eq!(parsed.models.len(), 3);
        assert_eq!(parsed.aliases.get("fast").map(String::as_str), Some("gpt-4o-mini"));
        assert_eq!(model_lines(&parsed.models, &parsed.aliases), text);
        let commented = "# models\n\n  gpt-4o-mini \n text-embedding-3-*\n@cf/meta/llama-3\nfast=gpt-4o-mini";
        assert_eq!(parse_model_lines(commented), Ok(parsed));
        let names = parse_name_list("function, web_search*\nfunction").expect("names");
        assert_eq!(name_list(&names), "function, web_search*");
    }

    #[test]
    fn a_fault_names_its_line() {
        let many = (0..=MAX_MODELS).fold(String::new(), |text, n| format!("{text}m{n}\n"));
        for (text, line) in [
            ("a\n\na", 3),
            ("a b", 1),
            ("*", 1),
            ("a*b", 1),
            ("x = a*", 1),
            ("x =", 1),
            ("= a", 1),
            ("x = a\nx = b", 2),
            ("a = b = c", 1),
            (many.as_str(), MAX_MODELS + 1),
        ] {
            assert_eq!(parse_model_lines(text).map_err(|fault| fault.line), Err(line), "{text}");
        }
        assert!(parse_name_list("ok, b\"ad").is_err());
    }
}
