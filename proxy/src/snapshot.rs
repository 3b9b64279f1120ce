//! What the edge serves from: every proxy by its slug, compiled and ready. Never changed: a change of some apps makes another,
//! which shares all the others.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use keyward_domain::body_rules::{BodyRule, BodyRules, stricter};
use keyward_domain::call_price::CallPrice;
use keyward_domain::catalogue;
use keyward_domain::ids::{AccountId, AppId, IssuerId, PlanId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::limits::{Limit, Per, Window};
use keyward_domain::ownership::OwnershipTable;
use keyward_domain::plans::PurchaseSource;
use keyward_domain::policy::{AnonymousPolicy, AppPolicy, PlanAtProxy, ProxyPolicy, UpstreamHeader};
use keyward_domain::provider::{KeyPlacement, Provider};
use keyward_domain::revocation::{self, Revoked, UserStanding};
use keyward_domain::rules::{EndpointRule, RuleSet};
use keyward_domain::stateful::Objects;
use keyward_domain::validate;
use keyward_identity::{LinkedIssuer, SharedSecret};
use keyward_store::end_user::EndUserNames;
use keyward_store::sealing::KeyRing;
use keyward_store::snapshot::{ConfigRows, EdgeApp, EdgeIssuer, EdgePlan, EdgeProxy, RevokedUser};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tracing::warn;
use url::Url;
use uuid::Uuid;

use crate::months::MonthsKept;
use crate::served_keys::ServedKeys;
use crate::shards::Shards;
use crate::shared_rules::{Endpoints, SharedRules};

#[derive(Clone, Default)]
pub struct Snapshot {
    pub version: i64,
    proxies: Shards<Arc<str>, Arc<ServedProxy>>,
    by_id: Shards<ProxyId, Arc<ServedProxy>>,
    of_app: Shards<AppId, Arc<[ProxyId]>>,
}

pub struct ServedProxy {
    pub id: ProxyId,
    slug: Arc<str>,
    pub app: Arc<ServedApp>,
    pub account: AccountId,
    pub provider: &'static Provider,
    pub ownership: Arc<OwnershipTable>,
    pub base_url: Url,
    /// Scheme, host and port of it.
    pub upstream_origin: Uri,
    pub key_placement: KeyPlacement,
    pub enabled: bool,
    /// What it allows, where a caller's plan says nothing about it.
    pub own: Regime,
    by_plan: HashMap<PlanId, Regime>,
    pub policy: ProxyPolicy,
    pub allowed_origins: Vec<String>,
    /// The account has used up what it pays for.
    pub is_stopped: bool,
    end_users: EndUserNames,
    /// Sent with every call, in place of what the client gave.
    pub upstream_headers: HeaderMap,
    pub keys: ServedKeys,
}

/// Which endpoints may be called, and with which bodies.
#[derive(Clone)]
pub struct Regime {
    pub rules: Arc<RuleSet>,
    pub bodies: Arc<BodyRules>,
}

/// What all proxies of an app share.
pub struct ServedApp {
    pub id: AppId,
    pub policy: AppPolicy,
    pub default_plan: Option<PlanId>,
    pub plans: HashMap<PlanId, EdgePlan>,
    pub issuers: AppIssuers,
    /// Where its users buy, and since when.
    pub sources: Vec<(PurchaseSource, OffsetDateTime)>,
    /// Of each plan, limits of others that its users' calls count for too: whoever changes plans takes along what was used.
    counted: HashMap<PlanId, Vec<Limit>>,
    /// In its time zone.
    pub months: MonthsKept,
    revoked: HashMap<Subject, UserStanding>,
}

impl ServedApp {
    fn compile(id: AppId, row: EdgeApp, ring: &KeyRing) -> Self {
        Self {
            id,
            policy: row.policy,
            default_plan: row.default_plan,
            counted: counted(&row.plans),
            plans: row.plans.into_iter().map(|plan| (plan.id, plan)).collect(),
            sources: row.sources,
            issuers: AppIssuers::compile(id, row.issuers, ring),
            months: MonthsKept::default(),
            revoked: row.revoked.into_iter().map(standing).collect(),
        }
    }

    pub fn counted_for(&self, plan: PlanId) -> &[Limit] {
        self.counted.get(&plan).map_or(&[], Vec::as_slice)
    }

    /// The plan that a token names. Of two with one name, the older.
    pub fn plan_named(&self, name: &str) -> Option<PlanId> {
        self.plans.values().filter(|plan| plan.name == name).map(|plan| plan.id).min()
    }

    /// Asked of every request: a token that was verified a moment ago may count no more.
    pub fn check_standing(&self, subject: &Subject, issued_at: Option<OffsetDateTime>) -> Result<(), Revoked> {
        let user = self.revoked.get(subject).copied().unwrap_or_default();
        revocation::check_standing(user, self.policy.tokens_not_before, issued_at)
    }
}

/// With no bound, and each counter once.
fn counted(plans: &[EdgePlan]) -> HashMap<PlanId, Vec<Limit>> {
    let of_users = |plan: &EdgePlan| {
        let lasts = |limit: &&Limit| limit.per == Per::User && limit.window != Window::AtOnce;
        plan.policy.limits.iter().filter(lasts).cloned().collect::<Vec<_>>()
    };
    let is_same = |one: &Limit, other: &Limit| {
        (one.measure, one.window, &one.model) == (other.measure, other.window, &other.model)
    };
    let of_others = |plan: &EdgePlan| {
        let (own, mut counted) = (of_users(plan), Vec::<Limit>::new());
        for limit in plans.iter().flat_map(of_users) {
            if !own.iter().chain(&counted).any(|known| is_same(known, &limit)) {
                counted.push(Limit { amount: Limit::UNLIMITED, ..limit });
            }
        }
        counted
    };
    plans.iter().map(|plan| (plan.id, of_others(plan))).filter(|(_, counted)| !counted.is_empty()).collect()
}

fn standing(user: RevokedUser) -> (Subject, UserStanding) {
    (user.subject, UserStanding { blocked: user.blocked, tokens_not_before: user.tokens_not_before })
}

/// Whose tokens an app takes.
#[derive(Clone, Default)]
pub struct AppIssuers {
    pub linked: Arc<[Arc<LinkedIssuer>]>,
    anonymous: HashMap<IssuerId, AnonymousPolicy>,
    /// Under which verified tokens are cached: another one as soon as any of these issuers is configured otherwise, so
    /// that not even a check that was under way at the change is found again.
    pub token_scope: Uuid,
}

impl AppIssuers {
    pub fn anonymous(&self, issuer: IssuerId) -> AnonymousPolicy {
        self.anonymous.get(&issuer).copied().unwrap_or_default()
    }

    fn compile(app: AppId, rows: Vec<EdgeIssuer>, ring: &KeyRing) -> Self {
        let anonymous = rows.iter().map(|row| (row.id, row.anonymous)).collect();
        let token_scope = token_scope(app, &rows);
        Self { linked: linked(rows, ring), anonymous, token_scope }
    }
}

fn token_scope(app: AppId, rows: &[EdgeIssuer]) -> Uuid {
    let mut digests: Vec<[u8; 32]> = rows.iter().map(EdgeIssuer::digest).collect();
    digests.sort_unstable();
    let hash = digests.iter().fold(Sha256::new().chain_update(app.0), |hash, row| hash.chain_update(row)).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(id)
}

impl Snapshot {
    pub fn proxy(&self, slug: &str) -> Option<Arc<ServedProxy>> {
        self.proxies.get(slug).cloned()
    }

    pub fn proxy_by_id(&self, id: ProxyId) -> Option<Arc<ServedProxy>> {
        self.by_id.get(&id).cloned()
    }

    pub fn len(&self) -> usize {
        self.proxies.len()
    }

    /// Begins another one, with all that this one has.
    pub fn change(&self) -> SnapshotChange {
        SnapshotChange { next: self.clone(), shared: SharedRules::default() }
    }
}

/// A snapshot on the way to the next: app by app, each anew as a whole.
pub struct SnapshotChange {
    next: Snapshot,
    shared: SharedRules,
}

impl SnapshotChange {
    pub fn remove(&mut self, app: AppId) {
        let next = &mut self.next;
        for id in next.of_app.remove(&app).iter().flat_map(|ids| ids.iter()) {
            let Some(proxy) = next.by_id.remove(id) else { continue };
            // Another app's proxy may have got the slug meanwhile.
            if next.proxies.get(&*proxy.slug).is_some_and(|there| there.id == *id) {
                next.proxies.remove(&*proxy.slug);
            }
        }
    }

    pub fn put(&mut self, rows: ConfigRows, ring: &KeyRing) {
        rows.apps.iter().for_each(|app| self.remove(*app));
        let config = rows.into_snapshot();
        for row in &config.broken {
            warn!(row, "a row of the configuration can't be read and serves nothing");
        }
        let apps = config.apps.into_iter().map(|(id, row)| (id, Arc::new(ServedApp::compile(id, row, ring))));
        let apps: HashMap<AppId, Arc<ServedApp>> = apps.collect();
        let mut of_app: HashMap<AppId, Vec<ProxyId>> = HashMap::new();
        for row in config.proxies {
            let (slug, app) = (row.slug.as_str().to_owned(), row.app);
            let served = apps.get(&app).cloned().and_then(|app| compile(row, app, ring, &mut self.shared));
            let Some(proxy) = served.map(Arc::new) else {
                warn!(slug, "a proxy whose app, provider or body rules can't be read serves nothing");
                continue;
            };
            of_app.entry(app).or_default().push(proxy.id);
            self.next.by_id.insert(proxy.id, proxy.clone());
            self.next.proxies.insert(proxy.slug.clone(), proxy);
        }
        for (app, ids) in of_app {
            self.next.of_app.insert(app, ids.into());
        }
    }

    pub fn finish(mut self, version: i64) -> Snapshot {
        self.next.version = version;
        self.next
    }
}

fn compile(mut row: EdgeProxy, app: Arc<ServedApp>, ring: &KeyRing, shared: &mut SharedRules) -> Option<ServedProxy> {
    let provider = catalogue::provider(&row.provider)?;
    // Without its table nobody could tell whose objects it holds: it serves nothing.
    let objects = Objects::of(provider, &row.policy.ownership).ok()?;
    let (open, closed): (Vec<_>, Vec<_>) =
        row.rules.into_iter().map(|rule| objects.check(&rule).map(|()| rule)).partition(Result::is_ok);
    for error in closed.into_iter().filter_map(Result::err) {
        warn!(proxy.id = %row.id, %error, "a rule allows nothing");
    }
    let open: Vec<EndpointRule> = open.into_iter().flatten().collect();
    let bodies = std::mem::take(&mut row.policy.bodies);
    let by_plan = app.plans.values().filter_map(|plan| Some((plan.id, plan.policy.proxies.get(&row.id)?)));
    let left = |at: &PlanAtProxy| {
        let is_left = |rule: &&EndpointRule| at.endpoints.as_ref().is_none_or(|names| names.contains(&rule.name()));
        (open.iter().filter(is_left).cloned().collect(), stricter(&bodies, &at.body))
    };
    let mut regime = |(rules, bodies)| Regime::compile(row.id, rules, bodies, shared);
    let by_plan: Option<HashMap<PlanId, Regime>> = by_plan.map(|(plan, at)| Some((plan, regime(left(at))?))).collect();
    let (own, by_plan) = (regime((open.clone(), bodies.clone()))?, by_plan?);
    Some(ServedProxy {
        id: row.id,
        slug: row.slug.as_str().into(),
        app,
        account: row.account,
        provider,
        ownership: objects.table.clone(),
        upstream_origin: origin(&row.base_url)?,
        base_url: row.base_url,
        key_placement: row.key_placement,
        enabled: row.enabled,
        own,
        by_plan,
        upstream_headers: upstream_headers(row.id, provider, &row.policy.upstream_headers),
        policy: row.policy,
        allowed_origins: row.allowed_origins,
        is_stopped: row.is_stopped,
        end_users: row.end_users,
        keys: ServedKeys::new(row.keys, ring),
    })
}

fn origin(base_url: &Url) -> Option<Uri> {
    Uri::builder().scheme(base_url.scheme()).authority(base_url.authority()).path_and_query("/").build().ok()
}

/// An issuer whose secret does not open is left out: its tokens are then of no linked issuer.
fn linked(rows: Vec<EdgeIssuer>, ring: &KeyRing) -> Arc<[Arc<LinkedIssuer>]> {
    let link = |row: EdgeIssuer| {
        let secret = match &row.secret {
            None => None,
            Some(sealed) => match sealed.open(ring).ok().and_then(|text| SharedSecret::parse(&text).ok()) {
                Some(secret) => Some(secret),
                None => {
                    warn!(issuer.id = %row.id, "an issuer's secret does not open; its tokens are refused");
                    return None;
                }
            },
        };
        Some(Arc::new(LinkedIssuer { id: row.id, config: row.config, secret }))
    };
    rows.into_iter().filter_map(link).collect()
}

impl Regime {
    fn compile(
        proxy: ProxyId,
        rules: Vec<EndpointRule>,
        bodies: Vec<BodyRule>,
        shared: &mut SharedRules,
    ) -> Option<Self> {
        let Endpoints { rules, broken } = shared.endpoints(rules);
        for error in broken.iter() {
            warn!(proxy.id = %proxy, %error, "a rule can't be read and allows nothing");
        }
        let bodies = shared.bodies(bodies);
        let bodies = bodies.inspect_err(|error| warn!(proxy.id = %proxy, %error, "a body rule can't be read")).ok()?;
        Some(Self { rules, bodies })
    }
}

impl ServedProxy {
    /// What the users of a plan may call.
    pub fn regime(&self, plan: PlanId) -> &Regime {
        self.by_plan.get(&plan).unwrap_or(&self.own)
    }

    /// Whether users of this plan have less of it than others may have.
    pub fn is_less_for(&self, plan: PlanId) -> bool {
        self.by_plan.contains_key(&plan)
    }

    pub fn call_price(&self) -> CallPrice<'_> {
        CallPrice { provider: &self.provider.name, overrides: &self.app.policy.prices }
    }

    /// What stands for this user at the provider; `None` when the account's data key does not open.
    pub fn end_user_name(&self, subject: &Subject) -> Option<String> {
        self.end_users.name(self.keys.ring(), subject).ok()
    }

    /// What goes to the provider for this user's own idempotency key; `None` as above.
    pub fn idempotency_key(&self, subject: &Subject, given: &[u8]) -> Option<String> {
        self.end_users.idempotency_key(self.keys.ring(), subject, given).ok()
    }
}

/// The same check as when they were typed: what it does not let through is not sent.
fn upstream_headers(proxy: ProxyId, provider: &Provider, given: &[UpstreamHeader]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for header in given {
        let checked = validate::upstream_header(provider, header).ok();
        let pair = checked.and_then(|checked| {
            let name = HeaderName::try_from(checked.name).ok()?;
            Some((name, HeaderValue::try_from(checked.value).ok()?))
        });
        match pair {
            Some((name, value)) => drop(headers.insert(name, value)),
            None => warn!(proxy.id = %proxy, "a header field of the developer's can't be sent and is left out"),
        }
    }
    headers
}
