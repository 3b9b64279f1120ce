//! What is decided for a proxy piece by piece: bodies, times, header fields, whose objects are whose.

use keyward_control::ControlError;
use keyward_domain::policy::WithoutCounters;
use keyward_domain::validate::{BodyRuleForm, ConnectionForm, parse_rule_lines};
use keyward_domain::view::ProxySettingsForm;

use crate::world::{World, new_proxy, refusal, unchanged};

fn models(models: &str) -> BodyRuleForm {
    BodyRuleForm { models: models.to_owned(), ..BodyRuleForm::default() }
}

#[tokio::test]
async fn a_body_rule_takes_the_place_of_the_one_for_its_endpoint() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let chat = BodyRuleForm { endpoint: "POST /v1/chat/completions".to_owned(), ..models("gpt-4o") };
    control.put_body_rule(&ada, proxy, &models("gpt-4o-mini")).await.expect("put");
    control.put_body_rule(&ada, proxy, &chat).await.expect("put");
    control.put_body_rule(&ada, proxy, &models("o4-*\nfast = o4-mini")).await.expect("put");
    let rules = control.proxy(&ada, proxy).await.expect("works").policy.bodies;
    assert_eq!((rules.len(), rules[0].models.as_slice()), (2, &["o4-*".to_owned()][..]));
    for (form, field) in [
        (models("two words"), "models"),
        (BodyRuleForm { endpoint: "GET /v1/models".to_owned(), ..models("gpt-4o") }, "endpoint"),
        (BodyRuleForm { max_choices: "0".to_owned(), ..models("") }, "max_choices"),
    ] {
        assert_eq!(refusal(control.put_body_rule(&ada, proxy, &form).await).0, field);
    }
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy.bodies, rules, "nothing half-written");
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
    control.save_connection(&ada, proxy, &form("OpenAI-Organization: org-1\n")).await.expect("saved");
    let policy = control.proxy(&ada, proxy).await.expect("works").policy;
    assert_eq!(
        (policy.timeouts.idle_secs, policy.upstream_headers[0].name.as_str()),
        (Some(30), "openai-organization")
    );
    assert_eq!(refusal(control.save_connection(&ada, proxy, &form("authorization: x")).await).0, "upstream_headers");
    let endless = ConnectionForm { idle_secs: "1000000".to_owned(), ..ConnectionForm::default() };
    assert_eq!(refusal(control.save_connection(&ada, proxy, &endless).await).0, "idle_secs");
    assert_eq!(control.proxy(&ada, proxy).await.expect("works").policy, policy);
}

#[tokio::test]
async fn saving_the_settings_leaves_the_policy_as_somebody_else_made_it() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let opened = unchanged(&control.proxy(&ada, proxy).await.expect("works"));
    control.put_body_rule(&ada, proxy, &models("gpt-4o-mini")).await.expect("put");
    control.save_proxy(&ada, proxy, ProxySettingsForm { name: "Renamed".to_owned(), ..opened }).await.expect("saved");
    let view = control.proxy(&ada, proxy).await.expect("works");
    assert_eq!((view.name.as_str(), view.policy.bodies.len(), view.policy.limits.len()), ("Renamed", 1, 1));
}

#[tokio::test]
async fn a_table_of_objects_and_the_open_endpoints_fit_each_other() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let openai = world.openai_proxy(&ada, app).await;
    let table = "POST /jobs; creates job /id\nGET /jobs/{id}; needs job {id}\n";
    assert_eq!(refusal(control.save_ownership(&ada, openai, table, "").await).0, "ownership");
    let proxy = control.create_proxy(&ada, app, new_proxy("custom", "https://api.example.com")).await.expect("created");
    assert_eq!(refusal(control.save_ownership(&ada, proxy, "GET /jobs creates", "").await).0, "ownership");
    control.save_ownership(&ada, proxy, table, "job job_1\n").await.expect("saved");
    let view = control.proxy(&ada, proxy).await.expect("works");
    assert_eq!((view.policy.ownership.len(), view.policy.shared.len()), (2, 1));
    assert_eq!(refusal(control.save_ownership(&ada, proxy, table, "job_1").await).0, "shared");
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
