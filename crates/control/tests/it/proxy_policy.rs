//! What is decided for a proxy piece by piece: bodies, times, header fields, whose objects are whose.

use keyward_control::ControlError;
use keyward_domain::body_rules::BodyRule;
use keyward_domain::policy::{AppCheckMode, AppCheckPolicy, WithoutCounters};
use keyward_domain::validate::{AppCheckForm, BodyRuleForm, ConnectionForm, parse_rule_lines};
use keyward_domain::view::ProxySettingsForm;

use crate::world::{World, new_proxy, refusal, unchanged};

fn models(models: &str) -> BodyRuleForm {
    BodyRuleForm { models: models.to_owned(), ..BodyRuleForm::default() }
}

#[tokio::test]
async fn a_body_rule_takes_the_place_of_the_one_it_was_made_of_and_of_no_other() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let put = async |form: &BodyRuleForm, seen: Option<&BodyRule>| control.put_body_rule(&ada, proxy, form, seen).await;
    let chat = BodyRuleForm { endpoint: "POST /v1/chat/completions".to_owned(), ..models("gpt-4o") };
    put(&models("gpt-4o-mini"), None).await.expect("put");
    let first = control.proxy(&ada, proxy).await.expect("works").policy.bodies.remove(0);
    put(&chat, None).await.expect("put");
    assert_eq!(refusal(put(&models("o4-mini"), None).await).0, "endpoint", "there is one for every endpoint");
    let moved = BodyRuleForm { endpoint: chat.endpoint.clone(), ..models("o4-mini") };
    assert_eq!(refusal(put(&moved, Some(&first)).await).0, "endpoint", "that one is somebody else's place");
    put(&models("o4-*\nfast = o4-mini"), Some(&first)).await.expect("put");
    let stale = put(&models("gpt-5"), Some(&first)).await;
    assert!(matches!(stale, Err(ControlError::Conflict { .. })), "{stale:?}");
    let mut rules = control.proxy(&ada, proxy).await.expect("works").policy.bodies;
    rules.sort_by(|one, other| one.endpoint.cmp(&other.endpoint));
    assert_eq!((rules.len(), rules[0].models.as_slice()), (2, &["o4-*".to_owned()][..]));
    for (form, field) in [
        (models("two words"), "models"),
        (BodyRuleForm { endpoint: "GET /v1/models".to_owned(), ..models("gpt-4o") }, "endpoint"),
        (BodyRuleForm { max_choices: "0".to_owned(), ..models("") }, "max_choices"),
    ] {
        assert_eq!(refusal(put(&form, None).await).0, field);
    }
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy.bodies.len(), 2, "nothing half-written");
    control.remove_body_rule(&ada, proxy, "").await.expect("removed");
    let left = control.proxy(&ada, proxy).await.expect("works").policy.bodies;
    assert_eq!((left.len(), left[0].endpoint.as_deref()), (1, Some("POST /v1/chat/completions")));
}

#[tokio::test]
async fn a_developers_header_is_one_that_the_provider_takes() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let form = |headers: &str| ConnectionForm {
        idle_secs: "30".to_owned(),
        upstream_headers: headers.to_owned(),
        ..ConnectionForm::default()
    };
    control.save_connection(&ada, proxy, &form("OpenAI-Organization: org-1\n"), None).await.expect("saved");
    let policy = control.proxy(&ada, proxy).await.expect("works").policy;
    assert_eq!(
        (policy.timeouts.idle_secs, policy.upstream_headers[0].name.as_str()),
        (Some(30), "openai-organization")
    );
    assert_eq!(
        refusal(control.save_connection(&ada, proxy, &form("authorization: x"), None).await).0,
        "upstream_headers"
    );
    let endless = ConnectionForm { idle_secs: "1000000".to_owned(), ..ConnectionForm::default() };
    assert_eq!(refusal(control.save_connection(&ada, proxy, &endless, None).await).0, "idle_secs");
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy, policy);
}

#[tokio::test]
async fn saving_the_settings_leaves_the_policy_as_somebody_else_made_it() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let opened = unchanged(&control.proxy(&ada, proxy).await.expect("works"));
    control.put_body_rule(&ada, proxy, &models("gpt-4o-mini"), None).await.expect("put");
    control.save_proxy(&ada, proxy, ProxySettingsForm { name: "Renamed".to_owned(), ..opened }).await.expect("saved");
    let view = control.proxy(&ada, proxy).await.expect("works");
    assert_eq!((view.name.as_str(), view.policy.bodies.len(), view.policy.limits.len()), ("Renamed", 1, 1));
}

#[tokio::test]
async fn a_form_that_was_opened_before_somebody_elses_save_undoes_nothing() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let opened = control.proxy(&ada, proxy).await.expect("works");
    let form = ProxySettingsForm { seen: Some(opened.updated_at), ..unchanged(&opened) };
    world.wait(time::Duration::SECOND);
    let others = ProxySettingsForm { rules: opened.rules[..1].to_vec(), ..form.clone() };
    control.save_proxy(&ada, proxy, others).await.expect("nobody was before");
    let late = [
        control.save_proxy(&ada, proxy, ProxySettingsForm { name: "Late".to_owned(), ..form }).await,
        control.save_ownership(&ada, proxy, ("", "file file_1"), Some(opened.updated_at)).await,
    ];
    assert!(late.iter().all(|late| matches!(late, Err(ControlError::Conflict { .. }))), "{late:?}");
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").rules.len(), 1);

    let headers = |line: &str| ConnectionForm { upstream_headers: line.to_owned(), ..ConnectionForm::default() };
    let before = ConnectionForm::of(opened.policy.timeouts, &opened.policy.upstream_headers);
    control.save_connection(&ada, proxy, &headers("openai-project: one"), Some(&before)).await.expect("saved");
    let late = control.save_connection(&ada, proxy, &headers("openai-organization: two"), Some(&before)).await;
    assert!(matches!(late, Err(ControlError::Conflict { .. })), "{late:?}");

    let check = |mode| AppCheckForm { mode, project_number: "123456789012".to_owned(), app_ids: String::new() };
    let off = AppCheckPolicy::default();
    control.save_app_check(&ada, app, &check(AppCheckMode::Enforce), Some(&off)).await.expect("saved");
    let late = control.save_app_check(&ada, app, &check(AppCheckMode::Observe), Some(&off)).await;
    assert!(matches!(late, Err(ControlError::Conflict { .. })), "{late:?}");
}

#[tokio::test]
async fn a_table_of_objects_and_the_open_endpoints_fit_each_other() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let openai = world.openai_proxy(&ada, app).await;
    let table = "POST /jobs; creates job /id\nGET /jobs/{id}; needs job {id}\n";
    assert_eq!(refusal(control.save_ownership(&ada, openai, (table, ""), None).await).0, "ownership");
    let proxy = control.create_proxy(&ada, app, new_proxy("custom", "https://api.example.com")).await.expect("created");
    assert_eq!(refusal(control.save_ownership(&ada, proxy, ("GET /jobs creates", ""), None).await).0, "ownership");
    control.save_ownership(&ada, proxy, (table, "job job_1\n"), None).await.expect("saved");
    let view = control.proxy(&ada, proxy).await.expect("works");
    assert_eq!((view.policy.ownership.len(), view.policy.shared.len()), (2, 1));
    assert_eq!(refusal(control.save_ownership(&ada, proxy, (table, "job_1"), None).await).0, "shared");
    let open =
        |rules: &str| ProxySettingsForm { rules: parse_rule_lines(rules).expect("well-formed"), ..unchanged(&view) };
    let (field, reason) = refusal(control.save_proxy(&ada, proxy, open("POST /jobs\nGET /jobs")).await);
    assert_eq!(field, "rules", "{reason}");
    control.save_proxy(&ada, proxy, open("POST /jobs\nGET /jobs/{id}")).await.expect("both are in the table");
}

#[tokio::test]
async fn a_month_begins_in_a_zone_that_exists() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    control.save_counting(&ada, app, " Europe/Berlin ", WithoutCounters::Allow).await.expect("saved");
    let policy = control.app_policy(&ada, app).await.expect("works").policy;
    assert_eq!((policy.time_zone.as_str(), policy.without_counters), ("Europe/Berlin", WithoutCounters::Allow));
    for zone in ["", "Berlin", "Europe/Nowhere"] {
        let refused = control.save_counting(&ada, app, zone, WithoutCounters::Refuse).await;
        assert!(matches!(refused, Err(ControlError::Invalid { field: "time_zone", .. })), "{zone}: {refused:?}");
    }
}
