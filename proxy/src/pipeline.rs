//! The edge is this one function. Each step returns what the next one requires, so leaving one out does not compile.
//! What few calls wait for is boxed: else every call would carry the room for it.

use std::sync::Arc;

use http::request::Parts;
use hyper::body::Incoming;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::rejection::Rejection;
use tracing::debug;

use crate::answer::Envelope;
use crate::edge::Edge;
use crate::head_watch::Heads;
use crate::ledger::Holder;
use crate::limiter::{Slot, Ticket};
use crate::malformed;
use crate::meter::Meter;
use crate::self_service::{self, OwnReply, Question};
use crate::snapshot::ServedProxy;
use crate::socket::{Agreed, Agreement, Opening, Terms};
use crate::steps::at_edge::AtEdge;
use crate::steps::authenticate::{Caller, authenticate};
use crate::steps::authorize::{self, Endpoint};
use crate::steps::book::{Booked, Booking, Way};
use crate::steps::limit::{self, Limits, Payer};
use crate::steps::ownership::{self, Claim};
use crate::steps::plan::{self, ActivePlan};
use crate::steps::record::{Passed, record};
use crate::steps::upload::{self, Reading, Upload};
use crate::steps::{addresses, app_check, body_rules, carriers, cors, forward, later_calls, route, upgrade};

/// Every proof that a call may go out. Its fields are private: only `run` makes one.
pub struct Admitted {
    proxy: Arc<ServedProxy>,
    via: Arc<ServedProxy>,
    caller: Caller,
    endpoint: Endpoint,
    _plan: ActivePlan,
    _ticket: Ticket,
    upload: Upload,
    claim: Claim,
}

/// What `forward` needs of them.
pub struct Passage {
    pub proxy: Arc<ServedProxy>,
    /// Whose key and address the call goes out with: the same, or its fallback.
    pub via: Arc<ServedProxy>,
    pub caller: Caller,
    pub endpoint: Endpoint,
    pub upload: Upload,
    pub claim: Claim,
}

impl Admitted {
    pub fn into_passage(self) -> Passage {
        Passage {
            proxy: self.proxy,
            via: self.via,
            caller: self.caller,
            endpoint: self.endpoint,
            upload: self.upload,
            claim: self.claim,
        }
    }
}

/// What goes back to the client when nothing was refused.
pub enum Admission {
    Preflight(http::HeaderMap),
    Own(OwnReply),
    Passed(Passed),
    Socket(Box<Opening>),
}

/// A request without its body, and who sent it.
pub struct Arrival {
    pub head: Parts,
    pub address: ClientAddress,
    pub heads: Heads,
}

/// The body stays where it is until it is wanted: of a call that was refused before, it is the caller's to dispose of.
pub async fn run(
    edge: &Arc<Edge>,
    arrival: Arrival,
    body: &mut Option<Incoming>,
    envelope: &mut Envelope,
    meter: &mut Meter,
) -> Result<Admission, Rejection> {
    let (snapshot, Arrival { mut head, address, heads }) = (edge.snapshot.load(), arrival);

    malformed::check(&head)?;
    let addressed = route::address(&snapshot, &head)?;
    meter.routed(addressed.proxy.clone());
    let proxy = envelope.address(addressed.proxy.clone());
    // CORS first: a browser must be able to read the 401.
    let cors = envelope.cors(cors::check(&proxy, &head.headers)?);
    if let Some(headers) = cors::preflight(&cors, &proxy, &head) {
        return Ok(Admission::Preflight(headers));
    }
    let mut routed = route::route(addressed, &head, &heads)?;

    let asked = upgrade::take(&mut head, &proxy)?;
    if asked.is_some() {
        meter.opens_socket();
    }
    let credentials = carriers::take(&mut head.headers, &mut routed.query, &proxy.key_placement);
    addresses::check(edge, &proxy, address, credentials.as_ref())?;
    let credentials = credentials?;
    let caller = authenticate(edge, &proxy, &credentials.token).await?;
    meter.authenticated(caller.subject().clone());
    meter.standing.follow(&proxy, &caller, &snapshot)?;
    let attestation = app_check::attest(edge, &proxy, &caller, credentials.app_check.as_deref()).await;
    meter.app_check = attestation.outcome;
    attestation.admit()?;
    // Whoever must bring a key of its own can ask before it has one.
    let byok = credentials.byok.as_ref().map(|text| text.as_str());
    if self_service::is_addressed(&routed.path) {
        meter.serves_itself();
        envelope.speak_plainly();
        let path = &routed.path;
        let question = Question { edge, proxy: &proxy, caller: &caller, address, head: &head, path, byok };
        return Ok(Admission::Own(Box::pin(self_service::answer(question, body)).await?));
    }
    let own_key = edge.custody.vault.admit(&proxy, caller.subject(), byok, edge.clock.now()).await?.map(Arc::new);
    meter.uses_own_key(own_key.as_ref().map(|own| own.id));

    if proxy.is_stopped {
        return Err(Rejection::AccountStopped);
    }
    let plan = plan::active(edge, &proxy, &caller)?;
    envelope.plan(plan.clone());
    let mut endpoint = authorize::endpoint(routed, &head, plan.plan)?;
    meter.authorized(&endpoint.rule.template);
    edge.usage.has_room(edge.bounds.usage_when_full)?;

    let limits = Limits::of(&proxy, &plan, &caller, address, edge.clock.now());
    limits.peek(&*edge.limits, &endpoint).map_err(Rejection::LimitReached)?;

    // Of a socket it holds for every message.
    let asked = asked.map(|asked| (asked, endpoint.ruling.take()));
    let upload = match receive(edge, &head, body, &endpoint, meter).await {
        Ok(upload) => body_rules::obey(&proxy, &caller, &mut endpoint, &head.method, upload),
        Err(rejection) => Err(rejection),
    };
    let upload = match upload {
        Ok(upload) => upload,
        Err(rejection) => return Err(Box::pin(limit::counted(edge, limits.of_refusal(&endpoint), rejection)).await),
    };
    meter.calls_model(&endpoint, &upload);
    let payer = if own_key.is_some() { Payer::AppUser } else { Payer::Developer };
    let booking = Booking { edge, caller: &caller, plan: plan.plan, address, head: &head, limits: &limits, payer };
    let way = Way { via: proxy.clone(), endpoint, upload };
    let booked = if asked.is_some() { booking.book_socket(way).await? } else { booking.book(way).await? };
    let Booked { way, costs, reserved } = booked;
    let charge = costs.charge;
    envelope.quotas(reserved.quotas);
    let (slot, ticket) = Slot::new(edge.limits.clone(), reserved.reservation);
    meter.reserved(slot, plan.plan);
    meter.goes(&way, costs);
    let Way { via, mut endpoint, upload } = way;

    let holder = Holder { proxy: proxy.id, subject: caller.subject().clone(), own_key };
    let caller_at = (holder, AtEdge::of(edge, &head));
    let claim = ownership::claim(edge, &proxy, caller_at, &mut endpoint, &upload).await?;
    meter.reserved_for_later(later_calls::reserve(&booking, &proxy, (&claim, &endpoint), &upload).await?);

    let agreement = match asked {
        None => None,
        Some(asked) => {
            meter.speaks_with(endpoint.model(None).map(str::to_owned));
            let terms = Terms { caller: caller.clone(), address, path: endpoint.path.clone(), payer, charge };
            Some(Box::pin(Agreement::reserve(edge, &proxy, terms, &endpoint, asked)).await?)
        }
    };

    debug!(proxy.id = %proxy.id, plan.id = %plan.plan, endpoint = endpoint.rule.template, "admitted");
    let admitted = Admitted { proxy, via, caller, endpoint, _plan: plan, _ticket: ticket, upload, claim };
    meter.sending();
    let reply = forward::forward(edge, &head, agreement.as_ref().map(|agreed| &agreed.asked), admitted).await?;
    meter.resume();
    let reply = match agreement {
        None => reply,
        Some(agreement) => match Opening::of(edge, agreement, reply)? {
            Agreed::Socket(opening) => return Ok(Admission::Socket(opening)),
            Agreed::Reply(reply) => *reply,
        },
    };
    Ok(Admission::Passed(record(edge, &head.method, reply, meter).await?))
}

/// The client is waited for.
async fn receive(
    edge: &Edge,
    head: &Parts,
    body: &mut Option<Incoming>,
    endpoint: &Endpoint,
    meter: &mut Meter,
) -> Result<Upload, Rejection> {
    let Some(body) = upload::admitted_length(head, body, &edge.bounds)? else { return Ok(Upload::Empty) };
    meter.pause();
    let reading = Reading { bounds: edge.bounds, read_bytes: meter.request_bytes(), held: edge.held_bytes.clone() };
    let upload = upload::receive(head, body, endpoint, meter.shape(), reading).await?;
    meter.resume();
    Ok(upload)
}
