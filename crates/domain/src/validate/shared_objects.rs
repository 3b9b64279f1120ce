//! Objects of the developer's own that every user may use: one a line, its kind and its id, `vector_store vs_abc`.

use std::collections::BTreeSet;

use super::ownership_rules::check_kind;
use super::rule_lines::RuleLineError;
use crate::ownership::ResourceRef;

const MAX_SHARED: usize = 200;
const MAX_ID_BYTES: usize = 512;

/// Blank lines and lines that begin with `#` are skipped.
pub fn parse_shared_lines(text: &str) -> Result<BTreeSet<ResourceRef>, RuleLineError> {
    let mut shared = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let fault = |reason: String| RuleLineError { line: index + 1, reason };
        let mut words = line.split_whitespace();
        let (Some(kind), Some(id), None) = (words.next(), words.next(), words.next()) else {
            return Err(fault("write a kind and an id, such as vector_store vs_abc".to_owned()));
        };
        check_kind(kind).map_err(fault)?;
        if id.len() > MAX_ID_BYTES {
            return Err(fault(format!("an id has at most {MAX_ID_BYTES} characters")));
        }
        shared.insert(ResourceRef { kind: kind.to_owned(), id: id.to_owned() });
        if shared.len() > MAX_SHARED {
            return Err(fault(format!("at most {MAX_SHARED} objects")));
        }
    }
    Ok(shared)
}

pub fn shared_lines(shared: &BTreeSet<ResourceRef>) -> String {
    shared.iter().map(|object| format!("{} {}\n", object.kind, object.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_a_fault_names_its_line() {
        let text = "vector_store vs_abc\nvoice 21m00Tcm4TlvDq8ikWAM\n";
        assert_eq!(parse_shared_lines(text).map(|shared| shared_lines(&shared)), Ok(text.to_owned()));
        for (text, line) in [("# note\n\nvs_abc", 3), ("Voice a", 1), ("voice a b", 1)] {
            assert_eq!(parse_shared_lines(text).expect_err(text).line, line, "{text:?}");
        }
    }
}
