//! How a Proxy's calls go out: how long they may take, and which header fields the developer adds to each.

use crate::policy::{Timeouts, UpstreamHeader};
use crate::provider::Provider;
use crate::rules::is_reserved_header;

use super::is_token;

pub const MAX_UPSTREAM_HEADERS: usize = 20;
const MAX_VALUE_BYTES: usize = 1_024;

/// The most that each may be set to, in seconds; the least is one.
pub const MAX_CONNECT_SECS: u32 = 30;
pub const MAX_FIRST_BYTE_SECS: u32 = 600;
pub const MAX_IDLE_SECS: u32 = 600;
pub const MAX_OPEN_SECS: u32 = 4 * 60 * 60;

/// Fields that belong to the connection or its framing, or that the edge writes itself.
const OF_THE_EDGE: [&str; 7] =
    ["accept", "accept-language", "content-type", "date", "idempotency-key", "user-agent", "content-disposition"];

pub fn timeouts(timeouts: Timeouts) -> Result<Timeouts, String> {
    for (what, secs, most) in [
        ("connecting", timeouts.connect_secs, MAX_CONNECT_SECS),
        ("the first byte", timeouts.first_byte_secs, MAX_FIRST_BYTE_SECS),
        ("silence in a stream", timeouts.idle_secs, MAX_IDLE_SECS),
        ("a stream as a whole", timeouts.open_secs, MAX_OPEN_SECS),
    ] {
        if secs.is_some_and(|secs| !(1..=most).contains(&secs)) {
            return Err(format!("the time for {what} is 1 to {most} seconds"));
        }
    }
    Ok(timeouts)
}

/// Names in lower case, none twice.
pub fn upstream_headers(provider: &Provider, headers: &[UpstreamHeader]) -> Result<Vec<UpstreamHeader>, String> {
    if headers.len() > MAX_UPSTREAM_HEADERS {
        return Err(format!("at most {MAX_UPSTREAM_HEADERS} header fields"));
    }
    let mut kept: Vec<UpstreamHeader> = Vec::with_capacity(headers.len());
    for header in headers {
        let header = upstream_header(provider, header)?;
        if kept.iter().any(|other| other.name == header.name) {
            return Err(format!("{} is there twice", header.name));
        }
        kept.push(header);
    }
    Ok(kept)
}

/// A provider of the catalogue takes the fields that its entry lists; a custom API any that is not the edge's own business.
pub fn upstream_header(provider: &Provider, header: &UpstreamHeader) -> Result<UpstreamHeader, String> {
    let (name, value) = (header.name.trim().to_ascii_lowercase(), header.value.trim().to_owned());
    let is_custom = provider.base_url.is_empty();
    if is_custom {
        let is_own = OF_THE_EDGE.contains(&name.as_str()) || is_reserved_header(&name);
        if !is_token(&name) || is_own {
            return Err(format!("{name:?} can't be set: it is not a field's name, or is the edge's own business"));
        }
    } else if !provider.developer_headers.contains(&name) {
        return Err(match provider.developer_headers.as_slice() {
            [] => format!("{} takes no header fields of the developer's", provider.title),
            names => format!("{name:?} can't be set for {}; these can: {}", provider.title, names.join(", ")),
        });
    }
    let fits = |b: u8| b == b' ' || b.is_ascii_graphic();
    if value.is_empty() || value.len() > MAX_VALUE_BYTES || !value.bytes().all(fits) {
        return Err(format!("the value of {name} has 1 to {MAX_VALUE_BYTES} visible ASCII characters"));
    }
    Ok(UpstreamHeader { name, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    fn header(name: &str, value: &str) -> UpstreamHeader {
        UpstreamHeader { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn only_fields_that_the_catalogue_names_can_be_set() {
        let provider = |name| catalogue::provider(name).expect("in the catalogue");
        for (name, field, allowed) in [
            ("openai", "OpenAI-Organization", true),
            ("openai", "openai-project", true),
            ("openai", "authorization", false),
            ("openai", "x-anything", false),
            ("anthropic", "anthropic-beta", true),
            ("anthropic", "openai-project", false),
            ("gemini", "x-goog-user-project", true),
            ("custom", "X-Anything", true),
            ("custom", "authorization", false),
            ("custom", "host", false),
            ("custom", "connection", false),
            ("custom", "transfer-encoding", false),
            ("custom", "x-forwarded-for", false),
            ("custom", "content-type", false),
            ("custom", "not a name", false),
            ("custom", "", false),
        ] {
            let taken = upstream_header(provider(name), &header(field, "v"));
            assert_eq!(taken.is_ok(), allowed, "{name} {field}: {taken:?}");
        }
        for value in ["", "line\r\nInjected: yes", "ü", "\u{0}"] {
            assert!(upstream_header(provider("custom"), &header("x-a", value)).is_err(), "{value:?}");
        }
        let twice = [header("x-a", "1"), header("X-A", "2")];
        assert!(upstream_headers(provider("custom"), &twice).is_err());
    }

    #[test]
    fn times_are_bounded() {
        assert!(timeouts(Timeouts::default()).is_ok());
        assert!(
            timeouts(Timeouts { connect_secs: Some(30), first_byte_secs: Some(600), ..Timeouts::default() }).is_ok()
        );
        for times in [
            Timeouts { connect_secs: Some(0), ..Timeouts::default() },
            Timeouts { connect_secs: Some(31), ..Timeouts::default() },
            Timeouts { first_byte_secs: Some(601), ..Timeouts::default() },
            Timeouts { idle_secs: Some(0), ..Timeouts::default() },
            Timeouts { open_secs: Some(u32::MAX), ..Timeouts::default() },
        ] {
            assert!(timeouts(times).is_err(), "{times:?}");
        }
    }
}
