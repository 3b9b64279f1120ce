//! In which plan a user is, at the edge: as of the payment a moment ago, and with what was used before.

use crate::harness::{Answer, EdgeProcess, Folder, Seeded, World, eventually};
use http::Method;
use keyward_domain::ids::{AccountId, AppId, IssuerId, PlanId};
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{Entitlement, EntitlementState, PlanOverride, PurchaseSource};
use keyward_store::purchase_sources::{SealedSourceKey, SourceRef};
use keyward_store::purchasers::{NewPurchaseEvent, PurchaserReading};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const READ_UP_TO: &str = "keyward_edge_plans_revision";

/// The dashboard's and the payments' side of an app, without them: rows as they write them.
pub struct Shop<'w> {
    pub world: &'w World,
    pub proxy: &'w Seeded,
    pub source: SourceRef,
    pub issuer: IssuerId,
}

impl<'w> Shop<'w> {
    /// Connected, with a plan "Pro" beside the default one, for whoever has bought `price_pro`.
    pub async fn open(world: &'w World, proxy: &'w Seeded) -> Self {
        let id = async |sql: String| -> Uuid { world.database.text(&sql).await.parse().expect("an id") };
        let account = AccountId(id(format!("SELECT account_id::text FROM apps WHERE id = '{}'", proxy.app)).await);
        let issuer = IssuerId(id(format!("SELECT id::text FROM issuers WHERE app_id = '{}'", proxy.app)).await);
        let source = SourceRef { account, app: AppId(proxy.app), source: PurchaseSource::Stripe };
        let shop = Self { world, proxy, source, issuer };
        let key = SealedSourceKey { sealed: vec![], hint: "abcd".into(), live: false };
        world.database.store().connect_source(&source, &key, None, shop.now().await).await.expect("connected");
        let pro = shop.plan("Pro", &json!({})).await;
        let bought = json!({"kind": "purchase", "source": "stripe", "name": "price_pro", "grace_days": 3});
        shop.rules(&[(pro, bought)]).await;
        shop
    }

    pub async fn now(&self) -> OffsetDateTime {
        let secs = self.world.database.count("SELECT extract(epoch FROM now())::bigint").await;
        OffsetDateTime::from_unix_timestamp(secs).expect("a time")
    }

    pub async fn plan(&self, name: &str, policy: &Value) -> PlanId {
        let (id, app, account) = (Uuid::new_v4(), self.proxy.app, self.source.account);
        self.world
            .change(&format!(
                "INSERT INTO plans (id, app_id, account_id, name, is_default, policy, created_at)
                 VALUES ('{id}', '{app}', '{account}', '{name}', false, '{policy}', now())"
            ))
            .await;
        PlanId(id)
    }

    pub async fn policy_of(&self, plan: &str, policy: &Value) {
        let app = self.proxy.app;
        let sql = format!("UPDATE plans SET policy = '{policy}' WHERE app_id = '{app}' AND name = '{plan}'");
        self.world.change(&sql).await;
    }

    pub async fn rules(&self, rules: &[(PlanId, Value)]) {
        let rules: Vec<Value> = rules.iter().map(|(plan, when)| json!({"plan": plan, "when": when})).collect();
        let app = self.proxy.app;
        let sql = format!("UPDATE apps SET policy = policy || '{}' WHERE id = '{app}'", json!({"plan_rules": rules}));
        self.world.change(&sql).await;
    }

    pub fn subject(&self, sub: &str) -> Subject {
        Subject { issuer: self.issuer, sub: sub.to_owned() }
    }

    /// As a webhook and the reading after it leave it.
    pub async fn reads(&self, customer: &str, user: Option<&str>, reading: PurchaserReading) {
        let (store, now) = (self.world.database.store(), self.now().await);
        let (id, customers) = (Uuid::new_v4().to_string(), [customer.to_owned()]);
        let event = NewPurchaseEvent { id: &id, kind: "x", customers: &customers };
        assert!(store.take_purchase_event(&self.source, &event, now).await.expect("taken"));
        let due = store.take_due_purchaser(now, now).await.expect("read").expect("one is due");
        assert_eq!(due.customer, customer);
        let subject = user.map(|user| self.subject(user));
        assert!(store.write_purchaser(&due, &reading, subject.as_ref(), now).await.expect("written"));
    }

    pub async fn buys(&self, customer: &str, user: &str, state: EntitlementState) {
        let reading = PurchaserReading {
            email: None,
            named: None,
            entitlements: vec![self.pro(state).await],
            unlinked_because: None,
        };
        self.reads(customer, Some(user), reading).await;
    }

    pub async fn pro(&self, state: EntitlementState) -> Entitlement {
        Entitlement {
            source: PurchaseSource::Stripe,
            id: "sub_1".into(),
            names: vec!["price_pro".into(), "prod_pro".into()],
            state,
            paid_until: Some(self.now().await + time::Duration::days(30)),
            ends: false,
        }
    }

    /// What the app is told: the plan's name.
    pub async fn plan_of(&self, user: &str) -> String {
        let usage = self.world.get(self.proxy, user, "/_keyward/usage").await.expect(200).json();
        usage["plan"]["name"].as_str().expect("a plan").to_owned()
    }

    pub async fn is_in(&self, user: &str, plan: &str) {
        eventually(&format!("{user} is in {plan}"), || async { (self.plan_of(user).await == plan).then_some(()) })
            .await;
    }

    pub async fn chat(&self, user: &str, body: Value) -> Answer {
        let call = self.world.call(self.proxy, user, Method::POST, "/v1/chat/completions").await;
        call.json(&body).send().await
    }
}

pub fn requests(amount: u64) -> Value {
    json!({"measure": "requests", "window": "hour", "per": "user", "amount": amount})
}

#[tokio::test]
async fn a_purchase_counts_from_the_next_call_on_and_its_end_too() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    assert_eq!(shop.plan_of("alice").await, "Default");
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
    assert_eq!(shop.plan_of("bob").await, "Default");
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    let of_call = world.usage(&proxy, 1).await[0]["plan_id"].clone();
    let pro = world.database.text("SELECT id::text FROM plans WHERE name = 'Pro'").await;
    assert_eq!(of_call, json!(pro), "the usage says which plan it was");
    shop.buys("cus_1", "alice", EntitlementState::Over).await;
    shop.is_in("alice", "Default").await;
}

#[tokio::test]
async fn a_change_of_plan_reaches_every_edge_within_a_second() {
    let world = World::with(&[("KEYWARD_CONFIG_POLL_SECS", "600")]).start().await;
    let proxy = world.openai().await;
    let other = EdgeProcess::start(&world.env()).await;
    let shop = Shop::open(&world, &proxy).await;
    eventually("the other has the rules", || async {
        let version = world.metric("keyward_edge_config_version").await;
        (world.metric_of(&other, "keyward_edge_config_version").await >= version).then_some(())
    })
    .await;
    // Nothing is polled for ten minutes: they are told, or this waits in vain.
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    let revision = world.database.count("SELECT revision FROM plan_feed").await as f64;
    eventually("both know", || async {
        let at = [world.metric(READ_UP_TO).await, world.metric_of(&other, READ_UP_TO).await];
        at.iter().all(|at| *at >= revision).then_some(())
    })
    .await;
    let token = world.token("alice").await;
    let url = format!("http://{}/{}/_keyward/usage", other.address, proxy.slug);
    let usage = world.send(world.client.get(&url).bearer_auth(&token)).await.expect(200).json();
    assert_eq!(usage["plan"]["name"], "Pro");
    shop.is_in("alice", "Pro").await;
}

#[tokio::test]
async fn a_notice_that_is_lost_is_made_up_for_by_polling() {
    let world = World::with(&[("KEYWARD_CONFIG_POLL_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    let mute = "CREATE OR REPLACE FUNCTION number_in_plan_feed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN UPDATE plan_feed SET revision = plan_feed.revision + 1 RETURNING plan_feed.revision INTO NEW.revision;
        RETURN NEW; END $$";
    world.database.execute(mute).await;
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
}

#[tokio::test]
async fn upgrading_raises_the_limit_at_once_and_downgrading_keeps_what_was_used() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    shop.policy_of("Default", &json!({"limits": [requests(2)]})).await;
    shop.policy_of("Pro", &json!({"limits": [requests(4)]})).await;
    for _ in 0..2 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    world.get(&proxy, "alice", "/v1/models").await.expect(429);
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
    for _ in 0..2 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    world.get(&proxy, "alice", "/v1/models").await.expect(429);
    let usage = world.get(&proxy, "alice", "/_keyward/usage").await.expect(200).json();
    assert_eq!((&usage["limits"][0]["limit"], &usage["limits"][0]["used"]), (&json!(4), &json!(4)));
    shop.buys("cus_1", "alice", EntitlementState::Over).await;
    shop.is_in("alice", "Default").await;
    world.get(&proxy, "alice", "/v1/models").await.expect(429);
}

#[tokio::test]
async fn what_was_used_in_a_plan_without_a_limit_counts_in_the_next_one() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    let tokens = json!({"measure": "total_tokens", "window": "day", "per": "user", "amount": 60});
    let money = json!({"measure": "cost_micro_usd", "window": "month", "per": "user", "amount": 1_000_000});
    shop.policy_of("Default", &json!({"limits": [requests(3), tokens, money]})).await;
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
    let body = json!({"model": "gpt-4o-mini", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]});
    for _ in 0..4 {
        shop.chat("alice", body.clone()).await.expect(200);
    }
    // A model of which nobody knows the price is no matter where no budget is.
    shop.chat("alice", json!({"model": "my-own", "messages": [{"role": "user", "content": "hi"}]})).await.expect(200);
    let usage = world.get(&proxy, "alice", "/_keyward/usage").await.expect(200).json();
    assert_eq!(usage["limits"], json!([]), "what is only counted is not told");
    shop.buys("cus_1", "alice", EntitlementState::Over).await;
    shop.is_in("alice", "Default").await;
    let used = eventually("what was used is settled", || async {
        let usage = world.get(&proxy, "alice", "/_keyward/usage").await.expect(200).json();
        let used: Vec<u64> = usage["limits"].as_array()?.iter().filter_map(|limit| limit["used"].as_u64()).collect();
        (used.len() == 3 && used.iter().all(|used| *used > 0)).then_some(used)
    })
    .await;
    assert_eq!(used[0], 5);
    world.get(&proxy, "alice", "/v1/models").await.expect(429);
}

#[tokio::test]
async fn a_plan_set_by_hand_goes_first_and_can_be_taken_back() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    let team = shop.plan("Team", &json!({})).await;
    let (store, subject) = (world.database.store(), shop.subject("alice"));
    let (account, app, now) = (shop.source.account, shop.source.app, shop.now().await);
    let set = PlanOverride { plan: team, until: Some(now + time::Duration::hours(1)) };
    store.set_plan_override(account, app, &subject, (&set, now)).await.expect("set");
    shop.is_in("alice", "Team").await;
    let over = PlanOverride { plan: team, until: Some(now - time::Duration::hours(1)) };
    store.set_plan_override(account, app, &subject, (&over, now)).await.expect("set");
    shop.is_in("alice", "Default").await;
    store.set_plan_override(account, app, &subject, (&set, now)).await.expect("set");
    shop.is_in("alice", "Team").await;
    store.clear_plan_override(account, app, &subject).await.expect("cleared");
    shop.is_in("alice", "Default").await;
    store.set_plan_override(account, app, &subject, (&set, now)).await.expect("set");
    shop.is_in("alice", "Team").await;
    world.change(&format!("DELETE FROM plans WHERE id = '{team}'")).await;
    assert_eq!(shop.plan_of("alice").await, "Default", "a plan that is gone holds nobody");
}

#[tokio::test]
async fn a_verified_e_mail_address_links_a_customer_of_whom_nothing_else_is_known_where_the_app_says_so() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    let reading = PurchaserReading {
        email: Some("ann@example.com".into()),
        named: None,
        entitlements: vec![shop.pro(EntitlementState::Active).await],
        unlinked_because: None,
    };
    shop.reads("cus_1", None, reading).await;
    let plan = async |claims: Value| {
        let token = world.mint(&json!({"sub": "ann", "claims": claims})).await;
        let call = world.client.get(world.url(&proxy, "/_keyward/usage")).bearer_auth(token);
        world.send(call).await.expect(200).json()["plan"]["name"].as_str().expect("a plan").to_owned()
    };
    let verified = json!({"email": "Ann@example.com", "email_verified": true});
    assert_eq!(plan(verified.clone()).await, "Default", "nobody said that it should");
    world.change("UPDATE apps SET policy = policy || '{\"link_by_email\": true}'").await;
    assert_eq!(plan(verified).await, "Pro");
    assert_eq!(plan(json!({"email": "ann@example.com"})).await, "Default");
    assert_eq!(plan(json!({"email": "bob@example.com", "email_verified": true})).await, "Default");
}

#[tokio::test]
async fn of_a_seller_that_is_not_connected_any_more_nothing_counts() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
    world.database.store().disconnect_source(&shop.source).await.expect("disconnected");
    world.change("SELECT").await;
    assert_eq!(shop.plan_of("alice").await, "Default");
    let key = SealedSourceKey { sealed: vec![], hint: "abcd".into(), live: false };
    let later = shop.now().await + time::Duration::seconds(1);
    world.database.store().connect_source(&shop.source, &key, None, later).await.expect("again");
    world.change("SELECT").await;
    assert_eq!(shop.plan_of("alice").await, "Default", "what was known before is not known now");
    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
}

#[tokio::test]
async fn a_start_without_the_database_knows_who_has_paid() {
    let folder = Folder::fresh();
    let mut world = World::with(&[("KEYWARD_EDGE_DATA_DIR", &folder.text())]).start().await;
    let proxy = world.openai().await;
    {
        let shop = Shop::open(&world, &proxy).await;
        shop.buys("cus_1", "alice", EntitlementState::Active).await;
        shop.is_in("alice", "Pro").await;
    }
    let kept = |name: &str, at: usize| {
        let bytes = std::fs::read(std::path::Path::new(&folder.text()).join(name)).ok()?;
        Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
    };
    let newest = world.database.count("SELECT version FROM config_version").await;
    let revision = world.database.count("SELECT revision FROM plan_feed").await;
    eventually("both files are current", || async {
        (kept("configuration.sealed", 15)? >= newest && kept("plans.sealed", 15)? >= revision).then_some(())
    })
    .await;
    world.cable.cut();
    world.edge.process.kill().await;
    world.edge = EdgeProcess::start(&world.env()).await;
    let plan = async |user| world.get(&proxy, user, "/_keyward/usage").await.expect(200).json()["plan"]["name"].clone();
    assert_eq!((plan("alice").await, plan("bob").await), (json!("Pro"), json!("Default")));
    let file = std::fs::read(std::path::Path::new(&folder.text()).join("plans.sealed")).expect("there");
    assert!(!String::from_utf8_lossy(&file).contains("price_pro"), "it is sealed");
}
