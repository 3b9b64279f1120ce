//! Functions that take an actor and no id: what a viewer may do of them. That the table is whole, the last test of isolation.rs
//! says.

use keyward_control::{Actor, Control, ControlError};
use keyward_domain::role::Role;
use keyward_domain::tiers::TierName;

use crate::isolation::Kind;
use crate::paying::Paying;
use crate::world::{IP, PASSWORD};

pub const WITHOUT_ID: [(&str, Kind); 12] = [
    ("account_members", Kind::Reads),
    ("apps", Kind::Reads),
    ("billing", Kind::Reads),
    ("change_password", Kind::Own),
    ("create_app", Kind::Edits),
    ("invite", Kind::Edits),
    ("leave_account", Kind::Own),
    ("member", Kind::Reads),
    ("open_portal", Kind::Edits),
    ("rename_account", Kind::Edits),
    ("sessions", Kind::Reads),
    ("start_checkout", Kind::Edits),
];

async fn call(control: &Control, actor: &Actor, name: &str) -> Result<(), ControlError> {
    match name {
        "account_members" => control.account_members(actor).await.map(drop),
        "apps" => control.apps(actor).await.map(drop),
        "billing" => control.billing(actor).await.map(drop),
        "change_password" => control.change_password(actor, PASSWORD, "another rare long phrase").await.map(drop),
        "create_app" => control.create_app(actor, "More").await.map(drop),
        "invite" => control.invite(actor, "friend@example.com", Role::Viewer, IP).await,
        "leave_account" => control.leave_account(actor).await,
        "member" => control.member(actor).await.map(drop),
        "open_portal" => control.open_portal(actor).await.map(drop),
        "rename_account" => control.rename_account(actor, "Mine now").await,
        "sessions" => control.sessions(actor, None).await.map(drop),
        "start_checkout" => control.start_checkout(actor, TierName::Pro).await.map(drop),
        other => panic!("{other} is in the table and not called"),
    }
}

#[tokio::test]
async fn a_viewer_is_refused_by_every_function_that_changes_the_account() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    let store = paying.world.database.store();
    store.set_tier(paying.actor.account_id(), TierName::Pro).await.expect("set");
    let member = paying.world.colleague(&paying.actor, "viewer@example.com", Role::Viewer).await;
    let viewer = paying.control.actor_in(member, paying.actor.account_id()).await.expect("belongs to it");
    // What ends the membership comes last.
    let (last, others): (Vec<_>, Vec<_>) = WITHOUT_ID.into_iter().partition(|(name, _)| *name == "leave_account");
    for (name, kind) in others.into_iter().chain(last) {
        let outcome = call(&paying.control, &viewer, name).await;
        match kind {
            Kind::Reads | Kind::Own => assert_eq!(outcome, Ok(()), "{name}"),
            Kind::Edits => assert_eq!(outcome, Err(ControlError::Forbidden), "{name}"),
        }
    }
    assert_eq!(paying.world.shop.forms().len(), 2, "at Stripe, only what the owner asked for");
}
