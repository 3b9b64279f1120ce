//! A dashboard with a database of its own, and clients that keep a cookie.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use keyward_app::deployment::Deployment;
use keyward_control::{Actor, Control, ControlParts, Mailer, Mode, Settings};
use keyward_domain::clock::Clock;
use keyward_domain::ids::{AccountId, AppId, IssuerId, KeyId, PlanId, ProxyId, SessionId};
use keyward_domain::view::{IssuerForm, NewProxyForm};
use keyward_identity::KeySets;
use keyward_outbound::{Guard, Reach};
use keyward_payments::{SellerAddresses, Sellers};
use keyward_store::Store;
use keyward_store::sealing::{DataKey, KeyRing};
use keyward_store::testing::TestDatabase;
use leptos::prelude::LeptosOptions;
use server::Dashboard;
use server::address::TrustedProxies;
use time::OffsetDateTime;
use time::macros::datetime;
use tower::ServiceExt;

pub const OWN_ORIGIN: &str = "https://dashboard.example.com";
pub const PASSWORD: &str = "four words in a row";
const BEGIN: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
pub const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

pub struct House {
    database: TestDatabase,
    pub control: Control,
    passed_secs: Arc<AtomicI64>,
    router: Router,
    production: Router,
    clients: AtomicU8,
}

/// What a page or function answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

impl House {
    pub async fn open() -> Self {
        let database = TestDatabase::create().await;
        let passed_secs = Arc::new(AtomicI64::new(0));
        let passed = Arc::clone(&passed_secs);
        let clock = Clock::from_fn(move || BEGIN + time::Duration::seconds(passed.load(Ordering::SeqCst)));
        let development = dashboard(&database, &clock, Deployment::Development);
        let production = dashboard(&database, &clock, Deployment::Production);
        Self {
            control: development.control.clone(),
            router: server::router(&development),
            production: server::router(&production),
            database,
            passed_secs,
            clients: AtomicU8::new(1),
        }
    }

    pub fn pass(&self, time: time::Duration) {
        self.passed_secs.fetch_add(time.whole_seconds(), Ordering::SeqCst);
    }

    pub fn now(&self) -> OffsetDateTime {
        BEGIN + time::Duration::seconds(self.passed_secs.load(Ordering::SeqCst))
    }

    pub fn store(&self) -> &Store {
        self.database.store()
    }

    pub fn database_url(&self) -> String {
        self.database.url()
    }

    pub async fn execute(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    pub async fn count(&self, sql: &str) -> i64 {
        self.database.count(sql).await
    }

    /// As the dashboard itself opens it.
    pub async fn data_key(&self, account: AccountId) -> DataKey {
        let wrapped = self.store().wrapped_data_key(account).await.expect("an account");
        KeyRing::from_hex(KEY).expect("a key").open_data_key(account, &wrapped).expect("opens")
    }

    pub fn stranger(&self) -> Client<'_> {
        self.client(&self.router)
    }

    /// The same database behind a production dashboard.
    pub fn stranger_in_production(&self) -> Client<'_> {
        self.client(&self.production)
    }

    /// Each from an address of its own, so that the back-off of one is not that of another.
    fn client<'a>(&'a self, router: &'a Router) -> Client<'a> {
        let last = self.clients.fetch_add(1, Ordering::SeqCst);
        Client { router, cookie: None, address: SocketAddr::from(([192, 0, 2, last], 40_000)) }
    }

    /// Signs up, confirms the address with the link of the mail, and signs in.
    pub async fn member(&self, email: &str) -> Client<'_> {
        let mut client = self.confirmed(email).await;
        let answer = client.submit("/api/sign-in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), "/apps", "{}", answer.body);
        client
    }

    /// Signed up, the address confirmed, not signed in.
    pub async fn confirmed(&self, email: &str) -> Client<'_> {
        let mut client = self.stranger();
        let answer = client.submit("/api/sign-up", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), "/check-your-mail", "{}", answer.body);
        let token = self.mailed_token(email).await;
        let answer = client.submit("/api/verify-email", &[("token", &token)]).await;
        assert_eq!(answer.location(), "/sign-in?confirmed=yes", "{}", answer.body);
        client
    }

    /// The token of the newest link sent to this address.
    pub async fn mailed_token(&self, email: &str) -> String {
        self.control.settle(Duration::from_secs(5)).await;
        let mails = self.control.dev_mails().await.expect("development keeps mails");
        let mail = mails.into_iter().find(|mail| mail.recipient == email).expect("a mail was sent");
        let (_, after) = mail.body.split_once("token=").expect("the mail has a link");
        after.split_whitespace().next().expect("a token").to_owned()
    }

    pub async fn actor(&self, email: &str) -> Actor {
        let member = self.database.store().member_by_email(email).await.expect("the store answers").expect("a member");
        self.control.actor(member.member_id()).await.expect("a verified member")
    }

    /// One of everything a member can own.
    pub async fn belongings(&self, email: &str) -> Belongings {
        let actor = self.actor(email).await;
        let app = self.control.create_app(&actor, "Theirs").await.expect("an app");
        let form = IssuerForm::SupabaseSecret { project: "abcdefghijklmnopqrst".to_owned(), secret: "s".repeat(40) };
        let issuer = self.control.add_issuer(&actor, app, form).await.expect("an issuer").id;
        let form = NewProxyForm {
            name: "Theirs".to_owned(),
            provider: "openai".to_owned(),
            base_url: String::new(),
            key_placement: None,
            key: "sk-theirs-0123456789".to_owned(),
        };
        let proxy = self.control.create_proxy(&actor, app, form).await.expect("a proxy");
        let session = self.control.sessions(&actor, None).await.expect("sessions").first().expect("one").id;
        let plan = self.control.create_plan(&actor, app, "Theirs").await.expect("a plan");
        let key = self.control.proxy_keys(&actor, proxy).await.expect("keys").first().expect("one").id;
        Belongings { account: actor.account_id(), app, issuer, proxy, plan, key, session }
    }
}

pub struct Belongings {
    pub account: AccountId,
    pub app: AppId,
    pub issuer: IssuerId,
    pub proxy: ProxyId,
    pub plan: PlanId,
    pub key: KeyId,
    pub session: SessionId,
}

/// A browser, as far as it matters here: it keeps the session cookie and says where its requests come from.
pub struct Client<'a> {
    router: &'a Router,
    pub cookie: Option<String>,
    address: SocketAddr,
}

impl Client<'_> {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).header(ACCEPT, "text/html").body(Body::empty()).expect("a request")).await
    }

    /// A form sent by the browser itself: no JavaScript.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(path, fields, "text/html,application/xhtml+xml").await
    }

    /// A server function called by a page's script.
    pub async fn call(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(path, fields, "application/json").await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)], accept: &str) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(ACCEPT, accept)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body));
        self.send(request.expect("a request")).await
    }

    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, cookie.parse().expect("a header"));
        }
        request.extensions_mut().insert(ConnectInfo(self.address));
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        for value in parts.headers.get_all(SET_COOKIE) {
            let text = value.to_str().expect("text");
            let pair = text.split(';').next().expect("a pair");
            if pair.contains("keyward=") {
                let is_removal = pair.ends_with('=') || text.contains("Max-Age=0");
                self.cookie = (!is_removal).then(|| pair.to_owned());
            }
        }
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

fn dashboard(database: &TestDatabase, clock: &Clock, deployment: Deployment) -> Dashboard {
    let guard = Guard::new(Reach::PublicHttps);
    let mode = match deployment {
        Deployment::Production => Mode::Production,
        Deployment::Development => Mode::Development { emulator_url: None },
    };
    let dashboard_url: url::Url = OWN_ORIGIN.parse().expect("an address");
    let control = Control::new(ControlParts {
        store: database.store().clone(),
        clock: clock.clone(),
        key_ring: KeyRing::from_hex(KEY).expect("a key"),
        key_sets: KeySets::new(guard.clone()),
        mailer: Mailer::keep_in_database(),
        sellers: Sellers::new(&SellerAddresses::default(), &guard).expect("their own addresses"),
        billing: None,
        guard,
        settings: Settings {
            dashboard_url: dashboard_url.clone(),
            edge_url: "https://edge.example.com".parse().expect("an address"),
            mode,
        },
    });
    Dashboard {
        control,
        store: database.store().clone(),
        clock: clock.clone(),
        deployment,
        dashboard_url,
        trusted_proxies: TrustedProxies::default(),
        error_links: server::error_links::ErrorLinks([7; 32]),
        payment_pages: String::new(),
        leptos: LeptosOptions::builder().output_name("keyward").site_root("no-such-folder").site_pkg_dir("pkg").build(),
    }
}
