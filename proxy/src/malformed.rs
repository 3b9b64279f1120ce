//! Requests of HTTP/2 that are malformed (RFC 9113, section 8.1.1), though the library lets them pass: the answer says why,
//! and the stream is reset behind it. Knows heads only; how long a body is the library's to count.

use futures::{StreamExt, stream};
use http::request::Parts;
use http::{Method, Response, Version};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use keyward_domain::rejection::Rejection;

use crate::reply_stream::{Body, BrokenOff};
use crate::steps::route;

/// Before anything is asked of the request. HTTP/1.1 has none of this, and its library looks at the blanks itself.
pub fn check(head: &Parts) -> Result<(), Rejection> {
    if head.version < Version::HTTP_2 {
        return Ok(());
    }
    let is_nowhere = head.method == Method::CONNECT && head.uri.authority().is_none();
    if is_nowhere || head.headers.values().any(|value| has_blank_end(value.as_bytes())) {
        return Err(Rejection::MalformedHead);
    }
    route::check_host(head)
}

/// The answer to one that is: a client that looks sees why.
pub fn reset(answer: Response<Body>) -> Response<Body> {
    answer.map(|body| {
        let reset = stream::once(async { Err(BrokenOff::Malformed(h2::Reason::PROTOCOL_ERROR.into())) });
        StreamBody::new(BodyStream::new(body).chain(reset)).boxed_unsync()
    })
}

fn has_blank_end(value: &[u8]) -> bool {
    [value.first(), value.last()].into_iter().flatten().any(|end| matches!(end, b' ' | b'\t'))
}
