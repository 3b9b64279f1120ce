//! How a proxy's calls go out, as a form sends it: times in seconds, header fields one a line.

use serde::{Deserialize, Serialize};

use super::{FieldError, optional_number, timeouts, upstream_headers};
use crate::policy::{Timeouts, UpstreamHeader};
use crate::provider::Provider;

/// Every field as it is typed; an empty time is the edge's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionForm {
    pub connect_secs: String,
    pub first_byte_secs: String,
    pub idle_secs: String,
    pub open_secs: String,
    /// `openai-organization: org-123`, one a line.
    pub upstream_headers: String,
}

impl ConnectionForm {
    pub fn of(times: Timeouts, headers: &[UpstreamHeader]) -> Self {
        let secs = |secs: Option<u32>| secs.map(|secs| secs.to_string()).unwrap_or_default();
        Self {
            connect_secs: secs(times.connect_secs),
            first_byte_secs: secs(times.first_byte_secs),
            idle_secs: secs(times.idle_secs),
            open_secs: secs(times.open_secs),
            upstream_headers: headers.iter().map(|header| format!("{}: {}\n", header.name, header.value)).collect(),
        }
    }

    pub fn read(&self, provider: &Provider) -> Result<(Timeouts, Vec<UpstreamHeader>), FieldError> {
        let nothing = Timeouts::default();
        let times = Timeouts {
            connect_secs: secs("connect_secs", &self.connect_secs, |secs| Timeouts { connect_secs: secs, ..nothing })?,
            first_byte_secs: secs("first_byte_secs", &self.first_byte_secs, |secs| Timeouts {
                first_byte_secs: secs,
                ..nothing
            })?,
            idle_secs: secs("idle_secs", &self.idle_secs, |secs| Timeouts { idle_secs: secs, ..nothing })?,
            open_secs: secs("open_secs", &self.open_secs, |secs| Timeouts { open_secs: secs, ..nothing })?,
        };
        let wrong = |reason: String| FieldError::new("upstream_headers", reason);
        let headers = self.upstream_headers.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let headers: Vec<UpstreamHeader> = headers
            .map(|(index, line)| {
                let (name, value) = line.split_once(':').ok_or_else(|| {
                    wrong(format!("line {}: write a name, a colon and the value, such as x-team: mobile", index + 1))
                })?;
                Ok(UpstreamHeader { name: name.trim().to_owned(), value: value.trim().to_owned() })
            })
            .collect::<Result<_, _>>()?;
        Ok((times, upstream_headers(provider, &headers).map_err(wrong)?))
    }
}

/// Bounded as if it were the only one that is set, so that the reason stands beside its field.
fn secs(
    field: &'static str,
    typed: &str,
    alone: impl FnOnce(Option<u32>) -> Timeouts,
) -> Result<Option<u32>, FieldError> {
    let number = optional_number(typed).map_err(|reason| FieldError::new(field, reason))?;
    let secs = number.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    timeouts(alone(secs)).map_err(|reason| FieldError::new(field, reason))?;
    Ok(secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn what_is_written_reads_back() {
        let custom = catalogue::provider("custom").expect("in the catalogue");
        let form = ConnectionForm {
            connect_secs: "3".to_owned(),
            open_secs: "600".to_owned(),
            upstream_headers: "x-team: mobile\nx-url: https://example.com:1\n".to_owned(),
            ..ConnectionForm::default()
        };
        let (times, headers) = form.read(custom).expect("fine");
        assert_eq!((times.connect_secs, times.idle_secs, headers.len()), (Some(3), None, 2));
        assert_eq!(headers[1].value, "https://example.com:1");
        assert_eq!(ConnectionForm::of(times, &headers), form);
    }

    #[test]
    fn refuses_fields_by_name() {
        let openai = catalogue::provider("openai").expect("in the catalogue");
        let with = |change: fn(&mut ConnectionForm)| {
            let mut form = ConnectionForm::default();
            change(&mut form);
            form.read(openai).expect_err("refused").field
        };
        assert_eq!(with(|form| form.connect_secs = "0".to_owned()), "connect_secs");
        assert_eq!(with(|form| form.first_byte_secs = "soon".to_owned()), "first_byte_secs");
        assert_eq!(with(|form| form.idle_secs = "99999999999".to_owned()), "idle_secs");
        assert_eq!(with(|form| form.open_secs = "-1".to_owned()), "open_secs");
        assert_eq!(with(|form| form.upstream_headers = "authorization: x".to_owned()), "upstream_headers");
        assert_eq!(with(|form| form.upstream_headers = "no colon".to_owned()), "upstream_headers");
    }
}
