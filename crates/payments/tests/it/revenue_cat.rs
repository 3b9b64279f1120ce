//! RevenueCat's first API.

use keyward_domain::plans::LinkKind;
use keyward_payments::{KeyRefusal, Mode, ReadError};
use serde_json::json;

use crate::stand_in::{REVENUE_CAT_KEY, StandIn, access};

#[tokio::test]
async fn reads_an_app_user_by_an_id_of_any_characters() {
    let stand_in = StandIn::start().await;
    let subscriber = json!({"entitlements": {"pro": {"product_identifier": "monthly", "expires_date": null}}});
    stand_in.answers("/subscribers/a%20b%2Fc%3F", 200, json!({"subscriber": subscriber}));
    let read = stand_in.revenue_cat().read(&access(REVENUE_CAT_KEY, Mode::Live), "a b/c?").await.expect("read");
    assert_eq!(read.named, Some(("a b/c?".to_owned(), LinkKind::AppUserId)));
    assert_eq!(read.entitlements[0].names, ["pro", "monthly"]);
    assert_eq!(stand_in.asked()[0].1, format!("Bearer {REVENUE_CAT_KEY}"));
}

#[tokio::test]
async fn says_why_nothing_was_read() {
    let stand_in = StandIn::start().await;
    let access = access(REVENUE_CAT_KEY, Mode::Live);
    for (status, want) in [
        (401, ReadError::Refused),
        (403, ReadError::Refused),
        (429, ReadError::Limited { wait: None }),
        (503, ReadError::Unreachable),
        (400, ReadError::Status(400)),
        (302, ReadError::Status(302)),
    ] {
        stand_in.answers("/subscribers/alice", status, json!({"code": 7225, "message": "no"}));
        assert_eq!(stand_in.revenue_cat().read(&access, "alice").await, Err(want), "{status}");
    }
    stand_in.answers("/subscribers/alice", 200, json!({"value": {}}));
    assert_eq!(stand_in.revenue_cat().read(&access, "alice").await, Err(ReadError::Unintelligible));
    assert_eq!(stand_in.revenue_cat().check(&access).await, Err(KeyRefusal::Unintelligible));
}

#[tokio::test]
async fn a_check_reads_a_customer_of_our_own() {
    let stand_in = StandIn::start().await;
    stand_in.answers("/subscribers/keyward-connection-check", 201, json!({"subscriber": {}}));
    assert_eq!(stand_in.revenue_cat().check(&access(REVENUE_CAT_KEY, Mode::Live)).await, Ok(()));
}
