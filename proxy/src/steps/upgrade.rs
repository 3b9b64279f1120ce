//! An upgrade to a WebSocket. Its handshake (RFC 6455, section 4) is read and taken off the request, which from here on
//! is one of the method `WEBSOCKET`: the rules, limits and objects of that hold for it, and nothing of GET's.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};
use hyper::upgrade::OnUpgrade;
use keyward_domain::rejection::{Rejection, SocketRefusal};
use keyward_domain::rules::WEBSOCKET;
use keyward_domain::sockets::SocketProtocol;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::snapshot::ServedProxy;

/// OpenAI's SDK in browsers, which can set no header field. Taken on every proxy.
const TOKEN_PROTOCOL: &str = "openai-insecure-api-key.";
/// These stand for header fields: whose account pays is the developer's choice.
const ACCOUNT_PROTOCOLS: &str = "openai-";
/// Deepgram's: the next protocol is the key.
const SCHEME_PROTOCOLS: [&str; 2] = ["token", "bearer"];

/// A client that waits for a WebSocket.
pub struct Asked {
    accept: HeaderValue,
    /// The protocols that it offers and that are none but that.
    protocols: Vec<String>,
    /// What to call the protocol where the provider calls it nothing: a browser gives up if its offer is not answered.
    unanswered: Option<String>,
    on_upgrade: OnUpgrade,
}

/// Whether the request has become one for a WebSocket.
pub fn is_socket(method: &Method) -> bool {
    method.as_str() == WEBSOCKET
}

pub fn take(head: &mut Parts, proxy: &ServedProxy) -> Result<Option<Asked>, Rejection> {
    if is_socket(&head.method) {
        return Err(Rejection::EndpointNotAllowed { method: WEBSOCKET.to_owned() });
    }
    let on_upgrade = head.extensions.remove::<OnUpgrade>();
    if !names(&head.headers, &UPGRADE, "websocket") {
        return Ok(None);
    }
    let key = handshake(head)?;
    let on_upgrade = on_upgrade.ok_or_else(|| refused("this connection can't become one"))?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| refused("its key is wrong"))?;
    let offered = offered(&head.headers)?;
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_EXTENSIONS, UPGRADE] {
        head.headers.remove(name);
    }
    let speaks_deepgram = proxy.provider.sockets.iter().any(|socket| socket.protocol == SocketProtocol::Deepgram);
    let Offer { protocols, tokens, unanswered } = Offer::of(offered, speaks_deepgram);
    for token in tokens {
        let value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| refused("its token is no text"))?;
        head.headers.append(AUTHORIZATION, value);
    }
    head.method = Method::from_bytes(WEBSOCKET.as_bytes()).expect("a method's name is letters");
    Ok(Some(Asked { accept, protocols, unanswered, on_upgrade }))
}

fn refused(reason: &'static str) -> Rejection {
    Rejection::Socket(SocketRefusal::Handshake { reason })
}

/// The client's key.
fn handshake(head: &Parts) -> Result<String, Rejection> {
    let headers = &head.headers;
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok().map(str::trim)
    };
    let has_body = headers.contains_key(TRANSFER_ENCODING) || only(&CONTENT_LENGTH).is_some_and(|length| length != "0");
    let key = only(&SEC_WEBSOCKET_KEY).unwrap_or_default();
    let is_key = key.len() == 24 && BASE64_STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
    match () {
        () if head.method != Method::GET => Err(refused("it is asked for by GET")),
        () if head.version != Version::HTTP_11 => Err(refused("it is asked for over HTTP/1.1")),
        () if !names(headers, &CONNECTION, "upgrade") => Err(refused("Connection does not name the upgrade")),
        () if has_body => Err(refused("it has a body")),
        () if only(&SEC_WEBSOCKET_VERSION) != Some("13") => Err(refused("its version is not 13")),
        () if !is_key => Err(refused("its key is not of 16 bytes")),
        () => Ok(key.to_owned()),
    }
}

fn names(headers: &HeaderMap, field: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

fn offered(headers: &HeaderMap) -> Result<Vec<String>, Rejection> {
    let mut offered = Vec::new();
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let text = value.to_str().map_err(|_| refused("its protocols are no text"))?;
        offered.extend(text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    }
    Ok(offered)
}

#[derive(Default)]
struct Offer {
    protocols: Vec<String>,
    tokens: Vec<String>,
    unanswered: Option<String>,
}

impl Offer {
    fn of(offered: Vec<String>, speaks_deepgram: bool) -> Self {
        let mut offer = Self::default();
        let mut names = offered.into_iter();
        while let Some(name) = names.next() {
            if let Some(token) = name.strip_prefix(TOKEN_PROTOCOL) {
                offer.tokens.push(token.to_owned());
            } else if speaks_deepgram && SCHEME_PROTOCOLS.iter().any(|scheme| name.eq_ignore_ascii_case(scheme)) {
                offer.tokens.extend(names.next());
                offer.unanswered = Some(name);
            } else if !name.starts_with(ACCOUNT_PROTOCOLS) {
                offer.protocols.push(name);
            }
        }
        offer.unanswered = offer.unanswered.or_else(|| offer.protocols.first().cloned());
        offer
    }
}

impl Asked {
    /// The head of the edge's own handshake with the provider, without compression: what is said is read here.
    pub fn towards_upstream(&self, headers: &mut HeaderMap) -> Greeting {
        let key = generate_key();
        let accept = derive_accept_key(key.as_bytes());
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.extend(HeaderValue::try_from(key).ok().map(|key| (SEC_WEBSOCKET_KEY, key)));
        let protocols = (!self.protocols.is_empty()).then(|| self.protocols.join(", "));
        headers.extend(
            protocols.and_then(|names| HeaderValue::try_from(names).ok()).map(|names| (SEC_WEBSOCKET_PROTOCOL, names)),
        );
        Greeting { accept, protocols: self.protocols.clone() }
    }

    /// What the client is told when the provider has agreed, and what its connection then becomes.
    pub fn agreed(self, protocol: Option<HeaderValue>) -> (HeaderMap, OnUpgrade) {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        let unanswered = || self.unanswered.and_then(|name| HeaderValue::try_from(name).ok());
        headers.extend(protocol.or_else(unanswered).map(|name| (SEC_WEBSOCKET_PROTOCOL, name)));
        (headers, self.on_upgrade)
    }
}

/// What the provider was asked, to which its answer must fit.
pub struct Greeting {
    accept: String,
    protocols: Vec<String>,
}

impl Greeting {
    /// The protocol that it chose.
    pub fn check(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Rejection> {
        let wrong = |reason| Err(Rejection::UpstreamReplyRefused { reason });
        if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| accept.as_bytes() != self.accept.as_bytes()) {
            return wrong("it agreed to another WebSocket than the one that was asked for");
        }
        if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            return wrong("it agreed to an extension that nobody asked for");
        }
        let Some(chosen) = headers.get(SEC_WEBSOCKET_PROTOCOL) else { return Ok(None) };
        if self.protocols.iter().any(|offered| offered.as_bytes() == chosen.as_bytes()) {
            Ok(Some(chosen.clone()))
        } else {
            wrong("it chose a protocol that nobody offered")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(names: &[&str], speaks_deepgram: bool) -> (String, String, Option<String>) {
        let offer = Offer::of(names.iter().map(|&name| name.to_owned()).collect(), speaks_deepgram);
        (offer.protocols.join(" "), offer.tokens.join(" "), offer.unanswered)
    }

    #[test]
    fn a_token_among_the_protocols_is_taken_and_goes_nowhere() {
        let some = |text: &str| Some(text.to_owned());
        let own = |protocols: &str, tokens: &str| (protocols.to_owned(), tokens.to_owned());
        for (names, deepgram, (protocols, tokens), unanswered) in [
            (
                &["realtime", "openai-insecure-api-key.a.b.c", "openai-beta.realtime-v1"][..],
                false,
                own("realtime", "a.b.c"),
                some("realtime"),
            ),
            (&["openai-insecure-api-key.a.b.c"], false, own("", "a.b.c"), None),
            (&["openai-organization.org-1", "openai-project.p", "x"], false, own("x", ""), some("x")),
            (&["token", "a.b.c"], true, own("", "a.b.c"), some("token")),
            (&["bearer", "a.b.c", "x"], true, own("x", "a.b.c"), some("bearer")),
            (&["token", "a"], false, own("token a", ""), some("token")),
            (&[], false, own("", ""), None),
        ] {
            assert_eq!(offer(names, deepgram), (protocols, tokens, unanswered), "{names:?}");
        }
    }
}
