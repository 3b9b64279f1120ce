//! An installation that takes money, and one account of it.

use http::{HeaderMap, HeaderValue};
use keyward_control::{Actor, Control, WebhookError, WebhookTaken};
use keyward_domain::tiers::{Standing, TierName};
use keyward_payments::Webhook;
use serde_json::{Value, json};

use crate::purchases::signed;
use crate::shop::BILLING_SECRET;
use crate::world::World;

pub struct Paying {
    pub world: World,
    pub control: Control,
    pub actor: Actor,
}

impl Paying {
    pub async fn start() -> Self {
        let world = World::development().await;
        let (control, actor) = (world.taking_money(), world.actor("ada@example.com").await);
        Self { world, control, actor }
    }

    /// Signed as Stripe does.
    pub async fn event(&self, id: &str) -> Result<WebhookTaken, WebhookError> {
        self.sends(&own_event(id), BILLING_SECRET).await
    }

    pub async fn sends(&self, event: &Value, secret: &str) -> Result<WebhookTaken, WebhookError> {
        let body = event.to_string();
        self.posts(&signed(secret, self.world.now().unix_timestamp(), &body), &body).await
    }

    pub async fn posts(&self, headers: &HeaderMap<HeaderValue>, body: &str) -> Result<WebhookTaken, WebhookError> {
        self.control.take_billing_webhook(Webhook { headers, body: body.as_bytes() }).await
    }

    pub async fn tier(&self) -> TierName {
        self.control.billing(&self.actor).await.expect("there").expect("money is taken").tier.name
    }

    pub async fn standing(&self) -> Standing {
        self.control.judge_accounts().await.expect("judged");
        self.control.billing(&self.actor).await.expect("there").expect("money is taken").standing
    }

    pub async fn uses(&self, requests: u64) {
        let (account, month) = (self.actor.account_id(), self.world.now().date().replace_day(1).expect("a day"));
        let sql = format!(
            "INSERT INTO account_months VALUES ('{account}', '{month}', {requests})
             ON CONFLICT (account_id, month) DO UPDATE SET requests = {requests}"
        );
        self.world.database.execute(&sql).await;
    }

    pub async fn is_stopped(&self) -> bool {
        let sql = format!("SELECT count(*) FROM accounts WHERE stopped AND id = '{}'", self.actor.account_id());
        self.world.database.count(&sql).await == 1
    }

    /// Through Checkout: Stripe knows the account by then.
    pub async fn checks_out(&self) {
        self.control.start_checkout(&self.actor, TierName::Pro).await.expect("a page");
        self.world.shop.has_customer("cus_own", None, None);
    }
}

/// About the account's subscription.
pub fn own_event(id: &str) -> Value {
    json!({"id": id, "type": "customer.subscription.updated", "livemode": false,
        "data": {"object": {"id": "sub_1", "customer": "cus_own"}}})
}
