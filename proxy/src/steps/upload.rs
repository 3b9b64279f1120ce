//! The request's body: read whole only where a rule must read it, else streamed on. Sizes and patience are bounded.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use keyward_domain::body_rules::BodyRefusal;
use keyward_domain::multipart::{Boundary, Form, FormError, FormScan};
use keyward_domain::ownership::rule::NamesInField;
use keyward_domain::provider::UsageShape;
use keyward_domain::rejection::Rejection;
use keyward_domain::strict_json::{self, Measured, StrictJsonError};
use serde_json::Value;
use tokio::time::{Instant, Sleep, sleep, timeout};
use url::form_urlencoded;

use crate::byte_budget::{ByteBudget, Lease};
use crate::config::Bounds;
use crate::steps::authorize::Endpoint;
use crate::steps::headers;

/// A client may be slower than this on average only in its first seconds (`Bounds::body_idle`).
const LEAST_BYTES_PER_SEC: u64 = 1_024;
const FAREWELL: Duration = Duration::from_secs(2);
const FAREWELL_BYTES: usize = 8 << 20;

pub enum Upload {
    Empty,
    /// Read to its end, because a rule or the meter reads it.
    Json {
        bytes: Bytes,
        value: Value,
        /// Until the bytes are gone; for the value, until it is forgotten.
        held: Lease,
    },
    /// A form that was read to its end, because a rule reads it.
    Form {
        bytes: Bytes,
        /// None of one that is written like a query.
        boundary: Option<Boundary>,
        /// The text fields.
        fields: Value,
        /// Until the bytes are gone.
        _held: Lease,
    },
    Streamed(Arc<Inflow>),
}

impl Upload {
    /// Counts also what the values take: text may become many times as large.
    pub fn json(bytes: Bytes, mut held: Lease) -> Result<Self, Rejection> {
        let Measured { value, value_bytes } = strict_json::measured(&bytes).map_err(Rejection::BadBody)?;
        // The strings are there twice.
        held.grow_to(2 * bytes.len() + value_bytes)?;
        Ok(Self::Json { bytes, value, held })
    }

    /// What can be read of it: the body, or a form's text fields.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Json { value, .. } | Self::Form { fields: value, .. } => Some(value),
            Self::Empty | Self::Streamed(_) => None,
        }
    }

    /// Another one of the same content; none where it was not read, or holds files.
    pub fn copied(&self, budget: &ByteBudget) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Json { bytes, .. } => Self::json(bytes.clone(), budget.lease()).ok(),
            Self::Form { .. } | Self::Streamed(_) => None,
        }
    }

    /// All that is still needed are the bytes; what was made of them may be many times as large.
    pub fn forget_value(&mut self) {
        match self {
            Self::Json { bytes, value, held } => {
                *value = Value::Null;
                held.shrink_to(bytes.len());
            }
            Self::Form { fields, .. } => *fields = Value::Null,
            Self::Empty | Self::Streamed(_) => {}
        }
    }
}

/// The client's side of a body that is being read: shared, so that a second attempt to connect finds it untouched.
pub struct Inflow {
    state: Mutex<State>,
    read_bytes: Arc<AtomicU64>,
    limit_bytes: u64,
    idle: Duration,
    size: SizeHint,
    /// Why reading stopped, for whoever sees only that sending did.
    fault: OnceLock<Rejection>,
}

struct State {
    body: Incoming,
    /// Watches a form that passes.
    form: Option<FormScan>,
    waited: Duration,
    last_read: Instant,
}

/// Takes the body, if there is one and it isn't too large by its own account.
pub fn admitted_length(
    head: &Parts,
    body: &mut Option<Incoming>,
    bounds: &Bounds,
) -> Result<Option<Incoming>, Rejection> {
    // A body without meaning (RFC 9110, section 9.3.1) is not passed on for others to find one.
    if matches!(head.method, Method::GET | Method::HEAD) {
        return Ok(None);
    }
    let limit_bytes = limit_bytes(head, bounds);
    if body.as_ref().is_some_and(|body| body.size_hint().lower() > limit_bytes) {
        return Err(Rejection::BodyTooLarge { limit_bytes });
    }
    Ok(body.take().filter(|body| !body.is_end_stream()))
}

pub async fn receive(
    head: &Parts,
    body: Incoming,
    endpoint: &Endpoint,
    usage_shape: UsageShape,
    reading: Reading,
) -> Result<Upload, Rejection> {
    let media_type = headers::media_type(&head.headers).unwrap_or_default();
    let is_json = headers::is_json(&media_type) && !endpoint.demands.takes_bytes;
    let is_form = media_type == "multipart/form-data";
    let names_objects = !endpoint.demands.names_in_form().is_empty();
    let is_pairs = media_type == "application/x-www-form-urlencoded" && names_objects && endpoint.ruling.is_none();
    let is_readable = is_json || is_pairs || (is_form && endpoint.demands.takes_form);
    if endpoint.demands.reads_body && !is_readable {
        return Err(Rejection::UnreadableMediaType);
    }
    if endpoint.ruling.is_some() && !is_json && !is_form {
        return Err(Rejection::UnreadableMediaType);
    }
    let boundary = is_form.then(|| boundary(head)).transpose()?;
    let limit_bytes = limit_bytes(head, &reading.bounds);
    let mut held = reading.held.lease();
    let form = boundary.as_ref().map(FormScan::new);
    let inflow = Arc::new(Inflow::new(body, form, limit_bytes, reading));
    if is_pairs {
        let bytes = inflow.read_whole(&mut held).await?;
        let fields = pairs(&bytes, endpoint)?;
        return Ok(Upload::Form { bytes, boundary: None, fields, _held: held });
    }
    if let Some(boundary) = boundary.filter(|_| endpoint.ruling.is_some() || names_objects) {
        let bytes = inflow.read_whole(&mut held).await?;
        let fields = form_fields(&bytes, &boundary, endpoint).map_err(refused)?;
        return Ok(Upload::Form { bytes, boundary: Some(boundary), fields, _held: held });
    }
    let is_read = endpoint.demands.reads_body || endpoint.ruling.is_some() || usage_shape != UsageShape::None;
    if is_json && is_read {
        let bytes = inflow.read_whole(&mut held).await?;
        return Upload::json(bytes, held);
    }
    Ok(Upload::Streamed(inflow))
}

fn boundary(head: &Parts) -> Result<Boundary, Rejection> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Boundary::of(content_type.unwrap_or_default()).map_err(refused)
}

fn form_fields(bytes: &[u8], boundary: &Boundary, endpoint: &Endpoint) -> Result<Value, FormError> {
    let ruled = endpoint.ruling.as_ref().map(|ruling| &ruling.fields);
    let mut read = ruled.map(|fields| fields.top_members()).unwrap_or_default();
    read.extend(endpoint.demands.names_in_form().iter().map(|names| names.name.as_str()));
    let form = Form::parse(bytes, boundary, &read)?;
    form.fields(&ruled.map(|fields| fields.number_members()).unwrap_or_default())
}

/// Those of a form written like a query that name objects. Of two with one name, the provider might obey either.
fn pairs(bytes: &[u8], endpoint: &Endpoint) -> Result<Value, Rejection> {
    let mut fields = serde_json::Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        let is_wanted = |wanted: &&NamesInField| wanted.name.eq_ignore_ascii_case(name.trim());
        let Some(wanted) = endpoint.demands.names_in_form().iter().find(is_wanted) else { continue };
        let before = fields.insert(wanted.name.clone(), Value::from(value.into_owned()));
        if before.is_some() || *wanted.name != *name {
            return Err(Rejection::BadBody(StrictJsonError::DuplicateKey));
        }
    }
    Ok(Value::Object(fields))
}

fn refused(error: FormError) -> Rejection {
    Rejection::Body(BodyRefusal::Form(error))
}

fn limit_bytes(head: &Parts, bounds: &Bounds) -> u64 {
    let is_json = headers::media_type(&head.headers).is_some_and(|media_type| headers::is_json(&media_type));
    if is_json { bounds.json_body_bytes } else { bounds.body_bytes }
}

/// What a client still sends of a refused call is read for a moment: cut off, it would see a broken connection
/// and never the answer.
pub async fn dispose(mut body: Incoming) {
    let mut left_bytes = FAREWELL_BYTES;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            left_bytes = left_bytes.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left_bytes == 0 {
                return;
            }
        }
    };
    let _ = timeout(FAREWELL, reading).await;
}

/// How a body is to be read, and where its bytes are counted.
pub struct Reading {
    pub bounds: Bounds,
    pub read_bytes: Arc<AtomicU64>,
    pub held: ByteBudget,
}

impl Inflow {
    fn new(body: Incoming, form: Option<FormScan>, limit_bytes: u64, reading: Reading) -> Self {
        let size = body.size_hint();
        Self {
            state: Mutex::new(State { body, form, waited: Duration::ZERO, last_read: Instant::now() }),
            read_bytes: reading.read_bytes,
            limit_bytes,
            idle: reading.bounds.body_idle,
            size,
            fault: OnceLock::new(),
        }
    }

    /// As a body to send; all of them read the same bytes, each byte once.
    pub fn outflow(self: &Arc<Self>) -> Outflow {
        Outflow { inflow: self.clone(), patience: None }
    }

    pub fn is_untouched(&self) -> bool {
        self.read_bytes.load(Ordering::Relaxed) == 0 && self.fault.get().is_none()
    }

    pub fn fault(&self) -> Option<Rejection> {
        self.fault.get().cloned()
    }

    pub fn last_read(&self) -> Instant {
        self.state().last_read
    }

    async fn read_whole(self: &Arc<Self>, held: &mut Lease) -> Result<Bytes, Rejection> {
        let mut outflow = self.outflow();
        let mut whole = BytesMut::new();
        while let Some(frame) = outflow.frame().await {
            let frame = frame.map_err(|Stopped| self.fault().unwrap_or(Rejection::BodyBroken))?;
            held.grow_to(whole.len() + frame.data_ref().map_or(0, Bytes::len))?;
            whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        Ok(whole.freeze())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, why: Rejection) -> Stopped {
        self.fault.get_or_init(|| why);
        Stopped
    }

    /// Counts what came, and refuses what is too much or came too slowly.
    fn admit(&self, state: &mut State, frame: &Frame<Bytes>) -> Result<(), Stopped> {
        state.last_read = Instant::now();
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        let total = self.read_bytes.fetch_add(length, Ordering::Relaxed) + length;
        if total > self.limit_bytes {
            return Err(self.stop(Rejection::BodyTooLarge { limit_bytes: self.limit_bytes }));
        }
        if state.waited > self.idle && total < state.waited.as_secs() * LEAST_BYTES_PER_SEC {
            return Err(self.stop(Rejection::BodyTimeout));
        }
        let watched = state.form.as_mut().map_or(Ok(()), |form| form.push(frame.data_ref().map_or(&[], |data| data)));
        watched.map_err(|error| self.stop(refused(error)))
    }
}

/// Reading stopped before the end; the `Inflow` knows why.
#[derive(Debug, thiserror::Error)]
#[error("the request body was not read to its end")]
pub struct Stopped;

pub struct Outflow {
    inflow: Arc<Inflow>,
    /// Runs while the client is waited for.
    patience: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let inflow = self.inflow.clone();
        let mut state = inflow.state();
        let polled = Pin::new(&mut state.body).poll_frame(cx);
        let Poll::Ready(frame) = polled else {
            let (_, patience) = self.patience.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(inflow.idle))));
            return match patience.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err(inflow.stop(Rejection::BodyTimeout)))),
                Poll::Pending => Poll::Pending,
            };
        };
        if let Some((since, _)) = self.patience.take() {
            state.waited += since.elapsed();
        }
        Poll::Ready(match frame {
            None => match state.form.take().map(FormScan::finish) {
                Some(Err(error)) => Some(Err(inflow.stop(refused(error)))),
                Some(Ok(_)) | None => None,
            },
            Some(Err(_)) => Some(Err(inflow.stop(Rejection::BodyBroken))),
            // Fields behind the body were checked by nobody and end here.
            Some(Ok(frame)) if !frame.is_data() => None,
            Some(Ok(frame)) => Some(inflow.admit(&mut state, &frame).map(|()| frame)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inflow.state().body.is_end_stream()
    }

    /// The upstream is told the length where the client told it.
    fn size_hint(&self) -> SizeHint {
        self.inflow.size
    }
}
