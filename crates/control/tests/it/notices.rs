//! Owners are told by mail in time, once, and through crashes and a mail server that is away; every page says the same.

use keyward_control::{Control, ControlParts, Mailer, SmtpSettings};
use keyward_domain::notices::NoticeKind;
use keyward_domain::tiers::{GRACE, TierName};
use keyward_domain::view::DevMailView;
use time::Duration;

use crate::paying::Paying;

const GIVEN: &str = "SELECT count(*) FROM account_notices";
const OPEN: &str = "SELECT count(*) FROM account_notice_mails WHERE sent_at IS NULL";

impl Paying {
    async fn is_looked_at(&self) {
        self.control.judge_accounts().await.expect("judged");
        self.control.send_due_notices().await.expect("sent");
    }

    async fn mails(&self, subject: &str) -> Vec<DevMailView> {
        let mails = self.world.mails_to("ada@example.com").await;
        mails.into_iter().filter(|mail| mail.subject == subject).collect()
    }

    async fn kinds(&self) -> Vec<NoticeKind> {
        let member = self.control.member(&self.actor).await.expect("there");
        member.notices.into_iter().map(|notice| notice.kind).collect()
    }
}

/// A mail server that nobody can reach.
fn without_mail(paying: &Paying) -> Control {
    let settings =
        SmtpSettings { url: "smtp://127.0.0.1:1".to_owned(), from: "Keyward <no-reply@example.com>".to_owned() };
    let mailer = Mailer::smtp(&settings).expect("well-formed");
    Control::new(ControlParts { mailer, ..paying.world.parts_taking_money() })
}

#[tokio::test]
async fn owners_are_told_near_the_end_when_the_grace_begins_and_when_calls_stop_each_once() {
    let paying = Paying::start().await;
    paying.uses(19_999).await;
    paying.is_looked_at().await;
    assert_eq!((paying.kinds().await, paying.world.database.count(GIVEN).await), (vec![], 0), "quiet below 80 %");
    paying.uses(20_000).await;
    for _ in 0..3 {
        paying.is_looked_at().await;
    }
    let [near] = &paying.mails("Most of this month's requests are used").await[..] else { panic!("one mail") };
    for part in [
        "20,000 of this month\u{2019}s 25,000",
        "Apr 1, 2026, 00:00 UTC",
        "https://dashboard.example.com/account/billing",
    ] {
        assert!(near.body.contains(part), "{part}: {}", near.body);
    }
    assert_eq!(paying.kinds().await, [NoticeKind::Near]);

    paying.uses(25_000).await;
    let stops_at = paying.world.now() + GRACE;
    for _ in 0..2 {
        paying.is_looked_at().await;
    }
    let [over] = &paying.mails("This month's requests are used up").await[..] else { panic!("one mail") };
    assert!(over.body.contains("until Mar 4, 2026, 12:30 UTC, or until 50,000"), "{}", over.body);
    assert_eq!(paying.kinds().await, [NoticeKind::Over { stops_at }]);

    paying.world.wait(GRACE);
    for _ in 0..2 {
        paying.is_looked_at().await;
    }
    assert_eq!(paying.mails("Your calls are answered with 402").await.len(), 1);
    assert_eq!(paying.kinds().await, [NoticeKind::Stopped]);
    assert_eq!(paying.world.database.count(GIVEN).await, 3);

    paying.world.wait(Duration::days(31));
    paying.is_looked_at().await;
    assert_eq!(paying.kinds().await, [], "another month");
    paying.uses(20_000).await;
    paying.is_looked_at().await;
    assert_eq!(paying.mails("Most of this month's requests are used").await.len(), 2, "and told again in it");
}

#[tokio::test]
async fn a_larger_tier_that_runs_out_in_the_same_month_is_told_of_too() {
    let paying = Paying::start().await;
    paying.uses(20_000).await;
    paying.is_looked_at().await;
    let store = paying.world.database.store();
    store.set_tier(paying.actor.account_id(), TierName::Pro).await.expect("set");
    paying.uses(800_000).await;
    paying.is_looked_at().await;
    let mails = paying.mails("Most of this month's requests are used").await;
    assert_eq!(mails.len(), 2);
    assert!(mails[0].body.contains("800,000 of this month\u{2019}s 1,000,000"), "{}", mails[0].body);
}

#[tokio::test]
async fn owners_are_told_of_a_payment_that_failed_once_whatever_events_come() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    paying.world.shop.sells("cus_own", "active");
    paying.event("evt_1").await.expect("taken");
    assert_eq!(paying.kinds().await, []);
    paying.world.shop.sells("cus_own", "past_due");
    for event in ["evt_2", "evt_3"] {
        paying.event(event).await.expect("taken");
        paying.is_looked_at().await;
    }
    let [mail] = &paying.mails("A payment for your tier failed").await[..] else { panic!("one mail") };
    assert!(mail.body.contains("until Mar 8, 2026, 00:00 UTC nothing changes"), "{}", mail.body);
    assert!(matches!(paying.kinds().await[..], [NoticeKind::PaymentFailed { .. }]));
}

#[tokio::test]
async fn only_owners_of_the_account_whose_address_is_confirmed_get_a_mail() {
    let paying = Paying::start().await;
    let account = paying.actor.account_id();
    for (email, role) in [("owner@example.com", "owner"), ("admin@example.com", "admin"), ("gone@example.com", "owner")]
    {
        let member = paying.world.member(email).await;
        let join = format!(
            "INSERT INTO account_members (account_id, member_id, role) VALUES ('{account}', '{member}', '{role}')"
        );
        paying.world.database.execute(&join).await;
    }
    paying
        .world
        .control
        .sign_up("unknown@example.com", crate::world::PASSWORD, crate::world::IP)
        .await
        .expect("signed up");
    let unknown = paying.world.member_id("unknown@example.com").await;
    let join =
        format!("INSERT INTO account_members (account_id, member_id, role) VALUES ('{account}', '{unknown}', 'owner')");
    paying.world.database.execute(&join).await;
    paying.uses(20_000).await;
    paying.control.judge_accounts().await.expect("judged");
    // An owner no more by the time it is sent.
    let gone = paying.world.member_id("gone@example.com").await;
    paying.world.database.execute(&format!("DELETE FROM account_members WHERE member_id = '{gone}'")).await;
    paying.is_looked_at().await;
    for (email, mails) in [
        ("ada@example.com", 1),
        ("owner@example.com", 1),
        ("admin@example.com", 0),
        ("gone@example.com", 0),
        ("unknown@example.com", 0),
    ] {
        let about = paying.world.mails_to(email).await.into_iter().filter(|mail| mail.subject.starts_with("Most of"));
        assert_eq!(about.count(), mails, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_servers_one_decides_and_one_sends() {
    let paying = Paying::start().await;
    paying.uses(20_000).await;
    let others = [paying.world.taking_money(), paying.world.taking_money(), paying.world.taking_money()];
    let [one, two, three] = &others;
    let judged = tokio::join!(one.judge_accounts(), two.judge_accounts(), three.judge_accounts());
    assert!(judged.0.is_ok() && judged.1.is_ok() && judged.2.is_ok());
    let sent = tokio::join!(one.send_due_notices(), two.send_due_notices(), three.send_due_notices());
    assert!(sent.0.is_ok() && sent.1.is_ok() && sent.2.is_ok());
    assert_eq!(paying.mails("Most of this month's requests are used").await.len(), 1);
}

#[tokio::test]
async fn a_mail_waits_for_a_mail_server_that_is_away_and_is_given_up_when_it_is_no_news() {
    let paying = Paying::start().await;
    let cut_off = without_mail(&paying);
    paying.uses(20_000).await;
    cut_off.judge_accounts().await.expect("judging does not wait for mail");
    cut_off.send_due_notices().await.expect("it is kept");
    assert_eq!(paying.world.database.count(OPEN).await, 1);
    paying.is_looked_at().await;
    assert_eq!(paying.world.database.count(OPEN).await, 1, "not at once again");
    paying.world.wait(Duration::minutes(1));
    cut_off.send_due_notices().await.expect("it is kept");
    assert_eq!(paying.world.database.count("SELECT failures::bigint FROM account_notice_mails").await, 2);
    paying.world.wait(Duration::seconds(59));
    paying.is_looked_at().await;
    assert_eq!(paying.world.database.count(OPEN).await, 1, "it waits longer now");
    paying.world.wait(Duration::seconds(61));
    paying.is_looked_at().await;
    assert_eq!(paying.mails("Most of this month's requests are used").await.len(), 1);

    paying.uses(25_000).await;
    cut_off.judge_accounts().await.expect("judged");
    paying.world.wait(Duration::days(3));
    paying.control.send_due_notices().await.expect("nothing to send");
    assert_eq!(paying.mails("This month's requests are used up").await.len(), 0);
}

#[tokio::test]
async fn a_server_that_dies_while_it_sends_leaves_the_mail_to_the_next() {
    let paying = Paying::start().await;
    paying.uses(20_000).await;
    paying.control.judge_accounts().await.expect("judged");
    let (store, now) = (paying.world.database.store(), paying.world.now());
    let taken = store.take_notice_mail(now, now + Duration::minutes(5), Duration::days(3)).await.expect("works");
    assert!(taken.is_some());
    paying.is_looked_at().await;
    assert_eq!(paying.mails("Most of this month's requests are used").await.len(), 0, "somebody has it");
    paying.world.wait(Duration::minutes(5));
    paying.is_looked_at().await;
    assert_eq!(paying.mails("Most of this month's requests are used").await.len(), 1);
}

#[tokio::test]
async fn an_account_that_changed_its_tier_meanwhile_is_not_judged_by_the_old_one() {
    let paying = Paying::start().await;
    paying.uses(25_000).await;
    let (store, account) = (paying.world.database.store(), paying.actor.account_id());
    let judged = keyward_store::tiers::Judged { tier: TierName::Free, over_since: None, stopped: true, notice: None };
    store.set_tier(account, TierName::Pro).await.expect("set");
    store.set_standing(account, &judged, paying.world.now()).await.expect("works");
    assert!(!paying.is_stopped().await);
}

#[tokio::test]
async fn where_no_money_is_taken_nobody_is_told_anything() {
    let paying = Paying::start().await;
    paying.uses(25_000).await;
    let free = &paying.world.control;
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        free.keep_tiers(tokio_util::sync::CancellationToken::new()).await;
        free.keep_notices_sent(tokio_util::sync::CancellationToken::new()).await;
    })
    .await
    .expect("both end at once");
    assert_eq!(free.member(&paying.actor).await.expect("there").notices, []);
    assert_eq!(paying.world.database.count(GIVEN).await, 0);
}
