//! Web origins that may call a Proxy from a browser: `scheme://host[:port]`, compared exactly.

use url::Url;

pub const MAX_ORIGINS: usize = 50;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OriginError {
    #[error("an origin looks like https://app.example.com: http or https, host, port if unusual, and nothing after it")]
    Malformed,
    #[error("wildcards are not supported: list every origin")]
    Wildcard,
    #[error("at most {MAX_ORIGINS} origins")]
    TooMany,
}

/// The origin as a browser sends it in `Origin`: lower case, without the scheme's own port.
pub fn web_origin(text: &str) -> Result<String, OriginError> {
    let text = text.trim();
    if text.contains('*') {
        return Err(OriginError::Wildcard);
    }
    let url = Url::parse(text).map_err(|_| OriginError::Malformed)?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    let is_bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    // A trailing slash is what people copy from the address bar.
    if is_web && is_bare && url.path() == "/" && !text.contains('@') && !text.contains('\\') {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(OriginError::Malformed)
    }
}

/// All of a list, blank entries skipped, repetitions dropped.
pub fn web_origins<T: AsRef<str>>(texts: &[T]) -> Result<Vec<String>, OriginError> {
    let mut origins = Vec::new();
    for text in texts.iter().map(AsRef::as_ref).filter(|text| !text.trim().is_empty()) {
        let origin = web_origin(text)?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    if origins.len() > MAX_ORIGINS { Err(OriginError::TooMany) } else { Ok(origins) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_an_origin_as_a_browser_does() {
        for (typed, kept) in [
            ("https://App.Example.com", "https://app.example.com"),
            ("https://app.example.com:443/", "https://app.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(web_origin(typed).as_deref(), Ok(kept), "{typed}");
        }
    }

    #[test]
    fn refuses_what_no_browser_would_send() {
        for text in [
            "app.example.com",
            "https://app.example.com/path",
            "ftp://x.example",
            "null",
            "https://a@b.example",
            "https://x.example?q",
            "",
        ] {
            assert_eq!(web_origin(text), Err(OriginError::Malformed), "{text:?}");
        }
        assert_eq!(web_origin("https://*.example.com"), Err(OriginError::Wildcard));
    }

    #[test]
    fn drops_blank_and_repeated_lines() {
        assert_eq!(
            web_origins(&["https://a.example", "", "https://A.example/"]),
            Ok(vec!["https://a.example".to_owned()])
        );
        let many: Vec<String> = (0..=MAX_ORIGINS).map(|n| format!("https://a{n}.example")).collect();
        assert_eq!(web_origins(&many), Err(OriginError::TooMany));
    }
}
