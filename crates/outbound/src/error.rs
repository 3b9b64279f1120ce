//! Why an address may not be called, in words for the developer who typed it.

/// Never holds the resolved address: which addresses our network resolves a name to is not the developer's to learn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("this is not a URL ({0}); it should look like https://api.example.com/v1")]
    NotAUrl(String),
    #[error("the URL is longer than 2048 characters")]
    TooLong,
    #[error("the URL must begin with https://")]
    NotHttps,
    #[error("the URL must not carry a user name or a password")]
    Credentials,
    #[error("the URL has no host name")]
    NoHost,
    #[error("the URL must name a host, not an IP address")]
    IpLiteral,
    #[error("port {0} can't be used: only port 443 is allowed")]
    Port(u16),
    #[error("{0} is this machine itself, which may be called in development only")]
    Loopback(String),
    #[error("{0} can't be resolved; check the spelling of the host name")]
    Unresolvable(String),
    #[error("{0} resolves to an address that is not on the public internet")]
    NotPublic(String),
    #[error("no HTTPS client could be set up: {0}")]
    Client(String),
}

/// Our own refusal inside a failed request, if that is what made it fail.
pub fn refusal_in<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e OutboundError> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<OutboundError>() {
            return Some(refusal);
        }
        cause = inner.source();
    }
    None
}
