//! Web origins that may call a Proxy from a browser: `scheme://host[:port]`, compared exactly, or `https://*.host[:port]`
//! for all subdomains of a host (preview deployments), but not the host itself.

use url::Url;

pub const MAX_ORIGINS: usize = 50;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OriginError {
    #[error("an origin looks like https://app.example.com: http or https, host, port if unusual, and nothing after it")]
    Malformed,
    #[error("a wildcard stands for the subdomains of a host with a dot in it, over https: https://*.example.com")]
    Wildcard,
    #[error("at most {MAX_ORIGINS} origins")]
    TooMany,
}

/// The origin as a browser sends it in `Origin`: lower case, without the scheme's own port.
pub fn web_origin(text: &str) -> Result<String, OriginError> {
    let text = text.trim();
    if !text.contains('*') {
        return exact_origin(text);
    }
    let host = text.strip_prefix("https://*.").filter(|host| !host.contains('*')).ok_or(OriginError::Wildcard)?;
    let origin = exact_origin(&format!("https://{host}"))?;
    let host = origin.trim_start_matches("https://");
    let name = host.split(':').next().unwrap_or_default();
    // Neither an address nor a whole top-level domain.
    let is_domain = name.trim_matches('.').contains('.') && !name.ends_with(|c: char| c.is_ascii_digit());
    if is_domain { Ok(format!("https://*.{host}")) } else { Err(OriginError::Wildcard) }
}

/// Whether what stands in an `Origin` header is what `web_origin` gave.
pub fn matches_origin(allowed: &str, origin: &str) -> bool {
    let Some((scheme, host)) = allowed.split_once("*.") else { return allowed == origin };
    let subdomain = origin.strip_prefix(scheme).and_then(|rest| rest.strip_suffix(host)?.strip_suffix('.'));
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    subdomain.is_some_and(|name| name.split('.').all(|label| !label.is_empty() && label.bytes().all(fits)))
}

fn exact_origin(text: &str) -> Result<String, OriginError> {
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
    }

    #[test]
    fn a_wildcard_stands_for_the_subdomains_of_a_host_and_for_nothing_else() {
        let allowed = web_origin("https://*.Example.com/").expect("a wildcard");
        assert_eq!(allowed, "https://*.example.com");
        for (origin, passes) in [
            ("https://a.example.com", true),
            ("https://a-1.b.example.com", true),
            ("https://example.com", false),
            ("https://.example.com", false),
            ("https://a..example.com", false),
            ("https://evilexample.com", false),
            ("https://a.example.com.evil.net", false),
            ("https://evil.net/.example.com", false),
            ("https://evil.net#.example.com", false),
            ("https://u@a.example.com", false),
            ("http://a.example.com", false),
            ("https://a.example.com:444", false),
            ("null", false),
        ] {
            assert_eq!(matches_origin(&allowed, origin), passes, "{origin}");
        }
        assert!(matches_origin("https://*.x.example:8443", "https://a.x.example:8443"));
        assert!(matches_origin("https://app.example", "https://app.example"));
        for text in [
            "https://*",
            "https://*.com",
            "*",
            "http://*.example.com",
            "https://a.*.com",
            "https://*.1.2.3.4",
            "https://*.*.a.com",
        ] {
            assert_eq!(web_origin(text), Err(OriginError::Wildcard), "{text}");
        }
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
