//! Another account's anything is not found, and a viewer changes nothing. Every function that takes an id is in the table
//! below, every other one in viewers.rs: the last test reads the sources and fails when one is missing.

use std::collections::BTreeSet;
use std::path::Path;

use keyward_control::{Actor, ControlError, ProxySwitch};
use keyward_domain::ids::{
    AppId, InvitationId, IssuerId, KeyId, MemberId, PlanId, ProxyId, PurchaserId, SessionId, WebhookSecretId,
};
use keyward_domain::issuer::Subject;
use keyward_domain::place::{AddressPlace, LimitPlace};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::policy::{AnonymousPolicy, AppCheckMode, Byok, WithoutCounters};
use keyward_domain::role::Role;
use keyward_domain::validate::{
    self, AccessScope, AppCheckForm, BodyRuleForm, ConnectionForm, PlanAccessForm, PlanOverrideForm, PlanWordsForm,
};
use keyward_domain::view::{
    AppUserSearch, ConnectSourceForm, EmailLink, IssuerForm, NewPoolKeyForm, PoolKeyForm, UsageRange,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::plans::rule_form;
use crate::policies::{address_form, limit_form, price_form};
use crate::purchases::{connect_form, connected, key_form, secret_form};
use crate::shop::REVENUE_CAT_KEY;
use crate::viewers;
use crate::world::{IP, PASSWORD, World, new_proxy, unchanged};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Reads,
    Edits,
    /// A member's own affairs: the role does not matter.
    Own,
}

struct Owned {
    app: AppId,
    issuer: IssuerId,
    proxy: ProxyId,
    plan: PlanId,
    default_plan: PlanId,
    session: SessionId,
    key: KeyId,
    secret: WebhookSecretId,
    purchaser: PurchaserId,
    colleague: MemberId,
    invitation: InvitationId,
}

/// Each function with an id, the destructive ones last, called by `actor` on what is in `owned`.
async fn call_all(world: &World, actor: &Actor, owned: &Owned) -> Outcomes {
    let Owned { app, issuer, proxy, plan, session, key, .. } = *owned;
    let control = &world.control;
    let mut outcomes = call_policies(world, actor, owned).await;
    outcomes.extend(call_purchases(world, actor, owned).await);
    outcomes.extend(call_members(world, actor, owned).await);
    // The form as its owner would send it.
    let mut form = unchanged(&sample_proxy(world).await);
    form.name = "Taken over".to_owned();
    form.key = "sk-somebody-elses".to_owned();
    form.current_password = PASSWORD.to_owned();
    outcomes.extend(vec![
        ("app", Kind::Reads, control.app(actor, app).await.map(drop)),
        ("app_usage", Kind::Reads, control.app_usage(actor, app, UsageRange::Day).await.map(drop)),
        ("check_token", Kind::Reads, control.check_token(actor, app, "a.b.c").await.map(drop)),
        ("proxy", Kind::Reads, control.proxy(actor, proxy).await.map(drop)),
        ("snippets", Kind::Reads, control.snippets(actor, proxy).await.map(drop)),
        ("usage", Kind::Reads, control.usage(actor, proxy, UsageRange::Month).await.map(drop)),
        ("rename_app", Kind::Edits, control.rename_app(actor, app, "Mine now").await),
        ("set_usage_retention", Kind::Edits, control.set_usage_retention(actor, app, "30").await),
        ("add_issuer", Kind::Edits, control.add_issuer(actor, app, firebase()).await.map(drop)),
        ("recheck_issuer", Kind::Edits, control.recheck_issuer(actor, issuer).await.map(drop)),
        (
            "set_anonymous_users",
            Kind::Edits,
            control.set_anonymous_users(actor, issuer, AnonymousPolicy::AsOthers).await,
        ),
        ("create_proxy", Kind::Edits, control.create_proxy(actor, app, new_proxy("openai", "")).await.map(drop)),
        ("proxy_keys", Kind::Reads, control.proxy_keys(actor, proxy).await.map(drop)),
        ("byok_summary", Kind::Reads, control.byok_summary(actor, proxy).await.map(drop)),
        ("add_proxy_key", Kind::Edits, control.add_proxy_key(actor, proxy, new_key()).await.map(drop)),
        ("set_key_weight", Kind::Edits, control.set_key_weight(actor, proxy, key, new_key().settings).await),
        ("remove_proxy_key", Kind::Edits, control.remove_proxy_key(actor, proxy, key).await),
        ("revoke_byok_keys", Kind::Edits, control.revoke_byok_keys(actor, proxy, None).await.map(drop)),
        ("save_proxy", Kind::Edits, control.save_proxy(actor, proxy, form).await),
        ("set_proxy_enabled", Kind::Edits, control.set_proxy_enabled(actor, proxy, ProxySwitch::Off).await),
        ("send_test_request", Kind::Edits, control.send_test_request(actor, proxy).await.map(drop)),
        ("revoke_session", Kind::Own, control.revoke_session(actor, session).await),
        ("remove_issuer", Kind::Edits, control.remove_issuer(actor, issuer).await),
        ("delete_plan", Kind::Edits, control.delete_plan(actor, plan).await),
        ("delete_proxy", Kind::Edits, control.delete_proxy(actor, proxy).await),
        ("delete_app", Kind::Edits, control.delete_app(actor, app).await),
    ]);
    outcomes
}

type Outcomes = Vec<(&'static str, Kind, Result<(), ControlError>)>;

/// What is decided for an app, a plan or a proxy; each place once.
async fn call_policies(world: &World, actor: &Actor, owned: &Owned) -> Outcomes {
    let Owned { app, proxy, plan, .. } = *owned;
    let control = &world.control;
    let price = validate::price(&price_form()).expect("well-formed");
    let mut outcomes = vec![
        ("app_policy", Kind::Reads, control.app_policy(actor, app).await.map(drop)),
        ("put_price", Kind::Edits, control.put_price(actor, app, &price_form()).await),
        ("remove_price", Kind::Edits, control.remove_price(actor, app, &price).await),
    ];
    let limit = validate::limit(&limit_form()).expect("well-formed");
    outcomes.extend(call_people(world, actor, owned).await);
    outcomes.extend(call_plans(world, actor, owned).await);
    for place in [LimitPlace::App(app), LimitPlace::Plan(plan), LimitPlace::Proxy(proxy)] {
        outcomes.push(("put_limit", Kind::Edits, control.put_limit(actor, place, &limit_form()).await));
        outcomes.push(("remove_limit", Kind::Edits, control.remove_limit(actor, place, &limit).await));
    }
    let rule = validate::address_rule(&address_form(), OffsetDateTime::UNIX_EPOCH).expect("well-formed");
    for place in [AddressPlace::App(app), AddressPlace::Proxy(proxy)] {
        outcomes.push(("address_rules", Kind::Reads, control.address_rules(actor, place).await.map(drop)));
        outcomes.push(("put_address_rule", Kind::Edits, control.put_address_rule(actor, place, &address_form()).await));
        outcomes.push(("remove_address_rule", Kind::Edits, control.remove_address_rule(actor, place, &rule).await));
    }
    outcomes
}

/// Plans, their rules, and who is in which.
async fn call_plans(world: &World, actor: &Actor, owned: &Owned) -> Outcomes {
    let Owned { app, issuer, proxy, plan, default_plan, .. } = *owned;
    let control = &world.control;
    let subject = Subject { issuer, sub: "user-1".to_owned() };
    let [first, second] = [rule_form(default_plan, "price_1"), rule_form(default_plan, "price_2")];
    let [upper, lower] = [&first, &second].map(|form| validate::plan_rule(form).expect("well-formed"));
    let words = PlanWordsForm { message: "Get more.".to_owned(), upgrade_url: String::new() };
    let access = PlanAccessForm { scope: AccessScope::Nothing, ..PlanAccessForm::default() };
    let by_hand = PlanOverrideForm { plan: default_plan, until: String::new() };
    vec![
        ("plans", Kind::Reads, control.plans(actor, app).await.map(drop)),
        ("plan", Kind::Reads, control.plan(actor, plan).await.map(drop)),
        ("plan_rules", Kind::Reads, control.plan_rules(actor, app).await.map(drop)),
        ("plan_access", Kind::Reads, control.plan_access(actor, plan, proxy).await.map(drop)),
        ("plan_of_user", Kind::Reads, control.plan_of_user(actor, app, &subject).await.map(drop)),
        ("doubt_about_rule", Kind::Reads, control.doubt_about_rule(actor, app, &first).await.map(drop)),
        ("create_plan", Kind::Edits, control.create_plan(actor, app, "Taken over").await.map(drop)),
        ("rename_plan", Kind::Edits, control.rename_plan(actor, plan, "Theirs").await),
        ("swap_plans", Kind::Edits, control.swap_plans(actor, app, default_plan, plan).await),
        ("save_plan_words", Kind::Edits, control.save_plan_words(actor, plan, &words, None).await),
        ("save_plan_access", Kind::Edits, control.save_plan_access(actor, plan, proxy, (&access, None)).await),
        ("put_plan_rule", Kind::Edits, control.put_plan_rule(actor, app, &first, None).await),
        ("put_plan_rule", Kind::Edits, control.put_plan_rule(actor, app, &second, None).await),
        ("swap_plan_rules", Kind::Edits, control.swap_plan_rules(actor, app, (&upper, &lower)).await),
        ("remove_plan_rule", Kind::Edits, control.remove_plan_rule(actor, app, &lower).await),
        ("set_email_link", Kind::Edits, control.set_email_link(actor, app, EmailLink::On).await),
        ("set_plan_override", Kind::Edits, control.set_plan_override(actor, app, &subject, &by_hand).await),
        ("clear_plan_override", Kind::Edits, control.clear_plan_override(actor, app, &subject).await),
    ]
}

/// An app's users, the apps they call from, the keys they bring.
async fn call_people(world: &World, actor: &Actor, owned: &Owned) -> Outcomes {
    let Owned { app, issuer, proxy, .. } = *owned;
    let control = &world.control;
    let subject = Subject { issuer, sub: "user-1".to_owned() };
    let search = AppUserSearch::default();
    let body = BodyRuleForm { max_chars: "1000".to_owned(), ..BodyRuleForm::default() };
    let check =
        AppCheckForm { mode: AppCheckMode::Observe, project_number: "123456789012".to_owned(), app_ids: String::new() };
    vec![
        ("app_users", Kind::Reads, control.app_users(actor, app, &search).await.map(drop)),
        ("block_app_user", Kind::Edits, control.block_app_user(actor, app, &subject).await),
        ("unblock_app_user", Kind::Edits, control.unblock_app_user(actor, app, &subject).await),
        ("revoke_tokens_of", Kind::Edits, control.revoke_tokens_of(actor, app, &subject).await),
        ("revoke_all_tokens", Kind::Edits, control.revoke_all_tokens(actor, app).await),
        ("app_check", Kind::Reads, control.app_check(actor, app).await.map(drop)),
        ("save_app_check", Kind::Edits, control.save_app_check(actor, app, &check, None).await),
        (
            "save_counting",
            Kind::Edits,
            control.save_counting(actor, app, "Europe/Berlin", WithoutCounters::Allow).await,
        ),
        ("put_body_rule", Kind::Edits, control.put_body_rule(actor, proxy, &body, None).await),
        ("remove_body_rule", Kind::Edits, control.remove_body_rule(actor, proxy, "").await),
        ("save_connection", Kind::Edits, control.save_connection(actor, proxy, &ConnectionForm::default(), None).await),
        ("save_ownership", Kind::Edits, control.save_ownership(actor, proxy, ("", ""), None).await),
        ("set_byok", Kind::Edits, control.set_byok(actor, proxy, Byok::Optional).await),
        ("fallback_choices", Kind::Reads, control.fallback_choices(actor, proxy).await.map(drop)),
        ("set_fallback", Kind::Edits, control.set_fallback(actor, proxy, None).await),
    ]
}

/// Where an app's users buy. Stripe is connected, RevenueCat is not yet.
async fn call_purchases(world: &World, actor: &Actor, owned: &Owned) -> Outcomes {
    let Owned { app, issuer, secret, purchaser, .. } = *owned;
    let (control, stripe) = (&world.control, PurchaseSource::Stripe);
    let connect = ConnectSourceForm { key: REVENUE_CAT_KEY.to_owned(), ..connect_form() };
    let subject = Subject { issuer, sub: "user-1".to_owned() };
    vec![
        ("purchases", Kind::Reads, control.purchases(actor, app).await.map(drop)),
        ("purchasers", Kind::Reads, control.purchasers(actor, app, "").await.map(drop)),
        ("offers", Kind::Reads, control.offers(actor, app, stripe).await.map(drop)),
        (
            "connect_purchases",
            Kind::Edits,
            control.connect_purchases(actor, app, PurchaseSource::RevenueCat, connect).await,
        ),
        ("replace_purchases_key", Kind::Edits, control.replace_purchases_key(actor, app, stripe, key_form()).await),
        (
            "add_webhook_secret",
            Kind::Edits,
            control.add_webhook_secret(actor, app, stripe, secret_form()).await.map(drop),
        ),
        ("remove_webhook_secret", Kind::Edits, control.remove_webhook_secret(actor, app, stripe, secret).await),
        ("link_purchaser", Kind::Edits, control.link_purchaser(actor, purchaser, &subject).await),
        ("unlink_purchaser", Kind::Edits, control.unlink_purchaser(actor, purchaser).await),
        ("read_purchaser_again", Kind::Edits, control.read_purchaser_again(actor, purchaser).await),
        ("disconnect_purchases", Kind::Edits, control.disconnect_purchases(actor, app, stripe).await),
    ]
}

/// The people of the account.
async fn call_members(world: &World, actor: &Actor, owned: &Owned) -> Outcomes {
    let Owned { colleague, invitation, .. } = *owned;
    let control = &world.control;
    vec![
        ("set_role", Kind::Edits, control.set_role(actor, colleague, Role::Admin).await),
        ("resend_invitation", Kind::Edits, control.resend_invitation(actor, invitation, IP).await),
        ("withdraw_invitation", Kind::Edits, control.withdraw_invitation(actor, invitation).await),
        ("remove_member", Kind::Edits, control.remove_member(actor, colleague).await),
    ]
}

fn new_key() -> NewPoolKeyForm {
    let settings = PoolKeyForm { label: "Second".to_owned(), weight: 2 };
    NewPoolKeyForm { key: "sk-another-key".to_owned(), settings, current_password: PASSWORD.to_owned() }
}

fn firebase() -> IssuerForm {
    // With a secret, and so without a fetch from the network.
    IssuerForm::SupabaseSecret { project: "abcdefghijklmnopqrst".to_owned(), secret: "s".repeat(40) }
}

async fn sample_proxy(world: &World) -> keyward_domain::view::ProxyView {
    let member = world.database.store().member_by_email("ada@example.com").await.expect("works").expect("there");
    let ada = world.control.actor(member.member_id()).await.expect("an actor");
    let app = world.control.apps(&ada).await.expect("works")[0].id;
    let proxy = world.control.app(&ada, app).await.expect("works").proxies[0].id;
    world.control.proxy(&ada, proxy).await.expect("works")
}

async fn ada_with_everything(world: &World) -> (Actor, Owned) {
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let issuer = world.control.add_issuer(&ada, app, IssuerForm::Emulator).await.expect("linked").id;
    let proxy = world.openai_proxy(&ada, app).await;
    let key = world.control.proxy_keys(&ada, proxy).await.expect("works")[0].id;
    let plan = world.control.create_plan(&ada, app, "Paid").await.expect("made");
    let default_plan = world.control.plans(&ada, app).await.expect("works")[0].id;
    let session = SessionId(Uuid::new_v4());
    world
        .database
        .execute(&format!(
            "INSERT INTO sessions (id_sha256, data, member_id, public_id, expires_at) VALUES ('\\x00', '\\x00', '{}', '{session}', 'infinity')",
            ada.member_id()
        ))
        .await;
    let (secret, purchaser) = connected(world, &ada, app).await;
    let colleague = world.colleague(&ada, "colleague@example.com", Role::Viewer).await;
    world.control.invite(&ada, "invited@example.com", Role::Viewer, IP).await.expect("invited");
    let invitation = world.control.account_members(&ada).await.expect("works").invitations[0].id;
    let owned =
        Owned { app, issuer, proxy, plan, default_plan, session, key, secret, purchaser, colleague, invitation };
    (ada, owned)
}

/// Everything that a call could have changed.
async fn state(world: &World) -> Vec<String> {
    let mut state = Vec::new();
    for table in [
        "purchase_sources",
        "webhook_secrets",
        "purchasers",
        "apps",
        "plans",
        "issuers",
        "proxies",
        "sealed_keys",
        "byok_keys",
        "app_users",
        "plan_overrides",
        "accounts",
        "account_members",
        "invitations",
        "sessions",
    ] {
        let digest = format!(
            "SELECT ('x' || substr(md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')), 1, 15))::bit(60)::bigint FROM {table} t"
        );
        state.push(format!("{table} {}", world.database.count(&digest).await));
    }
    state
}

#[tokio::test]
async fn another_accounts_anything_is_not_found_and_stays_as_it_is() {
    let world = World::development().await;
    let (_, owned) = ada_with_everything(&world).await;
    let eve = world.actor("eve@example.com").await;
    let before = state(&world).await;
    for (name, _, outcome) in call_all(&world, &eve, &owned).await {
        assert_eq!(outcome, Err(ControlError::NotFound), "{name}");
    }
    assert_eq!(state(&world).await, before);
    assert!(world.control.apps(&eve).await.expect("works").is_empty());
    assert!(world.stand_in.edge_saw().is_empty(), "no test request went out");
}

#[tokio::test]
async fn a_viewer_sees_everything_and_changes_nothing() {
    let world = World::development().await;
    let (ada, owned) = ada_with_everything(&world).await;
    let demote = format!("UPDATE account_members SET role = 'viewer' WHERE member_id = '{}'", ada.member_id());
    world.database.execute(&demote).await;
    let viewer = world.control.actor(ada.member_id()).await.expect("still a member");
    let before = state(&world).await;
    for (name, kind, outcome) in call_all(&world, &viewer, &owned).await {
        match kind {
            Kind::Reads | Kind::Own => assert_eq!(outcome, Ok(()), "{name}"),
            Kind::Edits => assert_eq!(outcome, Err(ControlError::Forbidden), "{name}"),
        }
    }
    let after = state(&world).await;
    assert_eq!(after[..14], before[..14], "but for the own session, nothing changed");
}

#[tokio::test]
async fn the_owner_may_do_it_all() {
    let world = World::development().await;
    let (ada, owned) = ada_with_everything(&world).await;
    for (name, _, outcome) in call_all(&world, &ada, &owned).await {
        assert_eq!(outcome, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn the_tables_name_every_function_that_takes_an_actor() {
    let world = World::development().await;
    let (ada, owned) = ada_with_everything(&world).await;
    let called: BTreeSet<String> =
        call_all(&world, &ada, &owned).await.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let (mut found, mut without) = (BTreeSet::new(), BTreeSet::new());
    for source in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        for function in source.split("pub async fn ").skip(1) {
            let signature = function.split("->").next().unwrap_or_default();
            let ids = ["App", "Issuer", "Plan", "Proxy", "Session", "Purchaser", "Member", "Invitation"]
                .map(|kind| format!(": {kind}Id"));
            let places = [": LimitPlace", ": AddressPlace"].map(str::to_owned);
            if !signature.contains("actor: &Actor") {
                continue;
            }
            let name = signature.split(['(', '<']).next().unwrap_or_default().to_owned();
            let takes_id = ids.iter().chain(&places).any(|id| signature.contains(id));
            if takes_id {
                found.insert(name)
            } else {
                without.insert(name)
            };
        }
    }
    assert_eq!(found, called);
    let named: BTreeSet<String> = viewers::WITHOUT_ID.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(without, named, "and the table of the others, in viewers.rs");
}

pub fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the sources are there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![std::fs::read_to_string(path).expect("text")],
        })
        .collect()
}
