//! The official Stripe libraries and we agree on signatures. Needs what `scripts/setup.sh --test` installs: `make test` sees to
//! it and insists; elsewhere, a library that is not there is passed over.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hmac::{Hmac, Mac};
use http::HeaderMap;
use keyward_payments::{Mode, Webhook, WebhookSecret};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use time::OffsetDateTime;

use crate::stand_in::sellers_at;

const SECRET: &str = "whsec_of_this_endpoint";
const BODY: &str = "{\"id\": \"evt_1\", \"object\": \"event\", \"type\": \"ping\", \"livemode\": false, \"data\": {\"object\": {\"name\": \"Zoë ☕\"}}}\n";

struct Case {
    name: &'static str,
    body: String,
    header: String,
}

#[derive(Deserialize)]
struct Answer {
    verdicts: Vec<bool>,
    signed: Vec<String>,
}

fn signature(secret: &str, at: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    hex::encode(mac.chain_update(format!("{at}.{body}")).finalize().into_bytes())
}

/// With the seconds that may pass until a library is asked.
fn cases(now: i64) -> Vec<Case> {
    let case = |name, body: &str, header: String| Case { name, body: body.to_owned(), header };
    let good = signature(SECRET, now, BODY);
    let signed_at = |at: i64| format!("t={at},v1={}", signature(SECRET, at, BODY));
    let parsed: Value = serde_json::from_str(BODY).expect("JSON");
    let other = signature("whsec_of_another_one", now, BODY);
    vec![
        case("signed now", BODY, signed_at(now)),
        case("signed four minutes ago", BODY, signed_at(now - 240)),
        case("signed six minutes ago", BODY, signed_at(now - 360)),
        case("another secret", BODY, format!("t={now},v1={other}")),
        case("two secrets, ours second", BODY, format!("t={now},v1={other},v1={good}")),
        case("another scheme beside it", BODY, format!("t={now},v1={good},v0={other}")),
        case("another scheme only", BODY, format!("t={now},v0={good}")),
        case("the body encoded anew", &parsed.to_string(), format!("t={now},v1={good}")),
        case("the body without its last line break", BODY.trim_end(), format!("t={now},v1={good}")),
        case("another time", BODY, format!("t={},v1={good}", now + 1)),
        case("no time", BODY, format!("v1={good}")),
        case("no signature", BODY, format!("t={now}")),
        case("nothing", BODY, "x".to_owned()),
    ]
}

fn is_taken(header: &str, body: &str, now: OffsetDateTime) -> bool {
    let sellers = sellers_at(&"http://127.0.0.1:1".parse().expect("a URL"));
    let headers =
        HeaderMap::from_iter([("stripe-signature".parse().expect("a name"), header.parse().expect("a value"))]);
    let secrets = ["whsec_the_one_before", SECRET].map(|text| WebhookSecret::new(&text.to_owned().into()));
    let stripe = sellers.of(keyward_domain::plans::PurchaseSource::Stripe);
    stripe.verify(Webhook { headers: &headers, body: body.as_bytes() }, &secrets, Mode::Test, now).is_ok()
}

fn ask(program: &Path, script: &Path, question: &Value) -> Answer {
    let mut child = Command::new(program)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(question.to_string().as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{} failed", script.display());
    serde_json::from_slice(&output.stdout).expect("its answer")
}

/// `None` where the library isn't installed and nobody insists.
#[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
fn installed(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end").join(path);
    let insists = std::env::var("KEYWARD_TEST_SDKS").is_ok();
    assert!(path.exists() || !insists, "{} is not installed: scripts/setup.sh --test", path.display());
    path.exists().then_some(path)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the libraries know the real time only")]
fn we_take_exactly_what_stripe_s_own_libraries_take() {
    let now = OffsetDateTime::now_utc();
    let cases = cases(now.unix_timestamp());
    let ours: Vec<bool> = cases.iter().map(|case| is_taken(&case.header, &case.body, now)).collect();
    assert_eq!(ours.iter().filter(|taken| **taken).count(), 4, "{ours:?}");
    let asked: Vec<Value> =
        cases.iter().map(|case| json!({"body": case.body, "header": case.header, "secret": SECRET})).collect();
    let to_sign = json!([{"body": BODY, "secret": SECRET, "timestamp": now.unix_timestamp()}]);
    let question = json!({"cases": asked, "toSign": to_sign});
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end/sdk");
    let python = ".venv/lib";
    let has_python = installed(python).is_some_and(|lib| {
        let versions = std::fs::read_dir(lib).expect("a folder").flatten();
        versions.into_iter().any(|version| version.path().join("site-packages/stripe").exists())
    });
    let node = installed("node_modules/stripe").map(|_| (PathBuf::from("node"), "stripe-signatures.mjs"));
    let python = installed(".venv/bin/python").filter(|_| has_python).map(|python| (python, "stripe_signatures.py"));
    for (program, script) in node.into_iter().chain(python) {
        let answer = ask(&program, &scripts.join(script), &question);
        for ((case, ours), theirs) in cases.iter().zip(&ours).zip(answer.verdicts) {
            assert_eq!(*ours, theirs, "{script}: {}", case.name);
        }
        assert!(answer.signed.iter().all(|header| is_taken(header, BODY, now)), "{:?}", answer.signed);
    }
}
