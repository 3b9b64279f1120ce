//! Slug to Proxy, and the rest of the target, parsed once. Nobody after this step sees the raw target.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use keyward_domain::path::RequestPath;
use keyward_domain::query::Query;
use keyward_domain::rejection::Rejection;

use crate::head_watch::Heads;
use crate::snapshot::{ServedProxy, Snapshot};

const MAX_TARGET_BYTES: usize = 8 << 10;
const MAX_HEADER_FIELDS: usize = 64;
const MAX_HEADER_BYTES: usize = 32 << 10;

/// The proxy that is addressed; how its errors look is known from here on.
pub struct Addressed<'a> {
    pub proxy: Arc<ServedProxy>,
    below_slug: &'a str,
}

pub struct Routed {
    pub proxy: Arc<ServedProxy>,
    /// The upstream path as the client wrote it, in segments.
    pub path: RequestPath,
    pub query: Query,
}

pub fn address<'a>(snapshot: &Snapshot, head: &'a Parts) -> Result<Addressed<'a>, Rejection> {
    let target = head.uri.path().strip_prefix('/').unwrap_or_default();
    let slug_end = target.find('/').unwrap_or(target.len());
    let (slug, below_slug) = target.split_at(slug_end);
    let proxy = snapshot.proxy(slug).ok_or(Rejection::UnknownProxy)?;
    Ok(Addressed { proxy, below_slug: if below_slug.is_empty() { "/" } else { below_slug } })
}

pub fn route(addressed: Addressed<'_>, head: &Parts, heads: &Heads) -> Result<Routed, Rejection> {
    if heads.is_refused() {
        return Err(Rejection::BadFraming);
    }
    check_sizes(head)?;
    check_host(head)?;
    check_lengths(head)?;
    if !addressed.proxy.enabled {
        return Err(Rejection::ProxyDisabled);
    }
    let path = RequestPath::parse(addressed.below_slug).map_err(Rejection::BadPath)?;
    let query = Query::parse(head.uri.query().unwrap_or_default()).map_err(Rejection::QueryNotAllowed)?;
    Ok(Routed { proxy: addressed.proxy, path, query })
}

fn check_sizes(head: &Parts) -> Result<(), Rejection> {
    let target_bytes = head.uri.path().len() + head.uri.query().map_or(0, |query| query.len() + 1);
    if target_bytes > MAX_TARGET_BYTES {
        return Err(Rejection::TargetTooLong);
    }
    let header_bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if head.headers.len() > MAX_HEADER_FIELDS || header_bytes > MAX_HEADER_BYTES {
        return Err(Rejection::HeadersTooLarge);
    }
    Ok(())
}

/// One length at most: HTTP/2 needs none, and its library looks at the first one only.
fn check_lengths(head: &Parts) -> Result<(), Rejection> {
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let first = lengths.next();
    let is_number = first.is_none_or(|length| !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit));
    if is_number && lengths.all(|other| Some(other) == first) { Ok(()) } else { Err(Rejection::BadFraming) }
}

/// An absolute-form target, or `:authority`, names the same host as the Host header, which stands there once at most.
pub fn check_host(head: &Parts) -> Result<(), Rejection> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let named = head.uri.authority().map(http::uri::Authority::as_str);
    let agrees = match (named, host) {
        (Some(named), Some(host)) => host.as_bytes().eq_ignore_ascii_case(named.as_bytes()),
        (Some(_), None) | (None, _) => true,
    };
    if second.is_none() && agrees { Ok(()) } else { Err(Rejection::HostMismatch) }
}
