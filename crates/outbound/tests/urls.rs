//! What a URL alone may look like.

use keyward_outbound::{Guard, OutboundError, Reach};

fn in_production(text: &str) -> Result<(), OutboundError> {
    Guard::new(Reach::PublicHttps).parse_url(text).map(drop)
}

fn in_development(text: &str) -> Result<(), OutboundError> {
    Guard::new(Reach::PublicHttpsAndLoopback).parse_url(text).map(drop)
}

#[test]
fn accepts_https_on_443_of_a_named_host() {
    for text in ["https://api.openai.com", "https://api.example.com:443/v1", " https://example.co.uk/a/b?c=d "] {
        assert_eq!(in_production(text), Ok(()), "{text}");
        assert_eq!(in_development(text), Ok(()), "{text}");
    }
}

#[test]
fn refuses_plain_http_and_other_schemes() {
    for text in [
        "http://api.example.com",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "data:text/plain,x",
        "ws://a.example.com",
    ] {
        assert_eq!(in_production(text), Err(OutboundError::NotHttps), "{text}");
        assert_eq!(in_development(text), Err(OutboundError::NotHttps), "{text}");
    }
}

#[test]
fn refuses_user_info() {
    for text in [
        "https://me@api.example.com",
        "https://me:secret@api.example.com",
        "https://:secret@api.example.com",
        "https://api.openai.com@evil.example/",
    ] {
        assert_eq!(in_production(text), Err(OutboundError::Credentials), "{text}");
    }
}

#[test]
fn refuses_ip_literals_in_every_spelling() {
    let private =
        ["10.0.0.1", "0x0a000001", "167772161", "012.0.0.1", "0xa.0.0.1", "10.1", "[fc00::1]", "[::ffff:10.0.0.1]"];
    let public = ["8.8.8.8", "134744072", "0x08080808", "010.8.8.8", "[2606:4700:4700::1111]"];
    for host in private.iter().chain(&public) {
        let text = format!("https://{host}/");
        assert_eq!(in_production(&text), Err(OutboundError::IpLiteral), "{text}");
        assert_eq!(in_development(&text), Err(OutboundError::IpLiteral), "{text}");
    }
}

#[test]
fn refuses_ports_other_than_443() {
    assert_eq!(in_production("https://api.example.com:8443/"), Err(OutboundError::Port(8443)));
    assert_eq!(in_development("https://api.example.com:22/"), Err(OutboundError::Port(22)));
}

#[test]
fn allows_loopback_in_development_reach_only() {
    let hosts = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "app.localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ];
    for host in hosts {
        for text in [format!("http://{host}:9090/jwks"), format!("https://{host}/")] {
            assert!(matches!(in_production(&text), Err(OutboundError::Loopback(_))), "{text}");
            assert_eq!(in_development(&text), Ok(()), "{text}");
        }
    }
    // The unspecified address reaches this machine too on most systems, but is no name for it.
    assert_eq!(in_development("http://0.0.0.0:9090/"), Err(OutboundError::NotHttps));
    assert_eq!(in_development("http://me@localhost:9090/"), Err(OutboundError::Credentials));
}

#[test]
fn refuses_names_of_our_own_network() {
    assert!(matches!(in_production("https://metadata/"), Err(OutboundError::NotPublic(_))));
    assert!(matches!(in_production("https://postgres./"), Err(OutboundError::NotPublic(_))));
}

#[test]
fn refuses_what_is_no_url_or_too_long() {
    for text in ["", "api.example.com", "https://", "https://exa mple.com", "//api.example.com"] {
        assert!(matches!(in_production(text), Err(OutboundError::NotAUrl(_))), "{text}");
    }
    let long = format!("https://api.example.com/{}", "a".repeat(2048));
    assert_eq!(in_production(&long), Err(OutboundError::TooLong));
}
