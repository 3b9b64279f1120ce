//! Nothing of a key or of a person gets into the logs, however much is logged and whatever a seller answers.

use std::io::Write;
use std::sync::{Arc, Mutex};

use keyward_payments::Mode;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::stand_in::{REVENUE_CAT_KEY, STRIPE_KEY, StandIn, access};

const EMAIL: &str = "canary@example.com";

#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn no_key_no_address_and_no_answer_is_logged() {
    let logged = Logged::default();
    let everything = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_ansi(false)
        .with_writer(logged.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(everything);
    let stand_in = StandIn::start().await;
    let said = json!({"error": {"type": "invalid_request_error", "message": format!("{STRIPE_KEY} {EMAIL}")}});
    let customer = json!({"id": "cus_1", "email": EMAIL, "metadata": {"keyward_user": EMAIL}});
    for (path, status, body) in [
        ("/v1/customers/cus_1", 200, customer),
        ("/v1/customers/cus_2", 403, said.clone()),
        ("/v1/subscriptions", 500, said.clone()),
        ("/subscribers/alice", 401, json!({"message": format!("{REVENUE_CAT_KEY} {EMAIL}")})),
    ] {
        stand_in.answers(path, status, body);
    }
    let stripe = access(STRIPE_KEY, Mode::Test);
    let mut errors = vec![
        stand_in.stripe().read(&stripe, "cus_1").await.expect_err("500").to_string(),
        stand_in.stripe().read(&stripe, "cus_2").await.expect_err("403").to_string(),
        stand_in.stripe().check(&stripe).await.expect_err("500").to_string(),
    ];
    let revenue_cat = access(REVENUE_CAT_KEY, Mode::Live);
    errors.push(stand_in.revenue_cat().read(&revenue_cat, "alice").await.expect_err("401").to_string());
    let logged = String::from_utf8_lossy(&logged.0.lock().expect("not poisoned")).into_owned();
    assert!(logged.contains("request returned error status"), "the client logs:\n{logged}");
    for canary in ["canary4711", EMAIL] {
        let line = logged.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{line:?}");
        assert!(!errors.join(" ").contains(canary), "{errors:?}");
    }
}
