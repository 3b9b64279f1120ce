//! Every rule of every provider's table, and of a developer's own, for two users: the owner passes, the other is told
//! that there is no such object, and the provider saw nothing.

use crate::harness::{Answer, Seed, Seeded, World, eventually};
use crate::ownership_cases::{Case, Place, cases, open_everything, page, reply};
use http::Method;
use keyward_domain::catalogue;
use keyward_domain::ownership::rule::OwnershipRule;
use keyward_domain::policy::ProxyPolicy;
use keyward_domain::rules::WEBSOCKET;
use keyward_domain::validate::parse_ownership_lines;
use serde_json::{Value, json};

/// A custom API's own table, with what no provider of the catalogue has.
const OWN: &str = "POST /jobs; names file /inputs/*; names file form:input; form; creates job /job/id\n\
    GET /jobs; lists job /result/jobs id=key cursor=after cursor=before most=50\n\
    GET /jobs/{job}; needs job {job}\n\
    GET /teams/{team}/jobs/{job}; needs team {team}; needs job {job}\n\
    DELETE /jobs/{job}; needs job {job}; forgets job {job}\n\
    GET /search; names job ?near\n\
    GET /files; lists file / id=id\n\
    POST /files; bytes; creates file /id; creates session header:x-session\n";

fn tables() -> Vec<(&'static str, Vec<OwnershipRule>)> {
    let mut tables: Vec<_> =
        catalogue::providers().iter().map(|provider| (provider.name.as_str(), provider.ownership.clone())).collect();
    // Nothing here opens a socket; for those, see `realtime_rules`.
    tables.iter_mut().for_each(|(_, rules)| rules.retain(|rule| rule.method != WEBSOCKET));
    tables.retain(|(_, rules)| !rules.is_empty());
    tables.push(("custom", parse_ownership_lines(OWN).expect("well written")));
    tables
}

/// One provider's proxy with everything open that its table knows. The provider answers with what reached it.
async fn opened(world: &World, provider: &'static str, rules: &[OwnershipRule]) -> Seeded {
    let ownership = if provider == "custom" { rules.to_vec() } else { vec![] };
    let policy = ProxyPolicy { ownership, ..ProxyPolicy::default() };
    let base = Seed::new(provider, format!("{}/echo", world.emulator), &world.emulator);
    world.plant(Seed { rules: Some(open_everything(rules)), policy, ..base }).await
}

async fn own(world: &World, proxy: &Seeded, user: &str, kind: &str, id: &str) {
    let sql = format!(
        "INSERT INTO resource_owners (proxy_id, kind, resource_id, issuer_id, sub, created_at)
         SELECT '{}', '{kind}', '{id}', id, '{user}', now() FROM issuers WHERE app_id = '{}' ON CONFLICT DO NOTHING",
        proxy.proxy, proxy.app
    );
    world.database.execute(&sql).await;
}

/// The other objects in the path, so that this one is the reason.
async fn own_the_rest(world: &World, proxy: &Seeded, user: &str, case: &Case) {
    for (kind, param) in &case.needs {
        own(world, proxy, user, kind, &format!("{user}-{param}")).await;
    }
}

async fn owner(world: &World, proxy: &Seeded, kind: &str, id: &str) -> String {
    let sql = format!(
        "SELECT coalesce((SELECT sub FROM resource_owners WHERE proxy_id = '{}' AND kind = '{kind}' AND resource_id = '{id}'), '')",
        proxy.proxy
    );
    world.database.text(&sql).await
}

async fn sent(world: &World, proxy: &Seeded, user: &str, case: &Case, id: &str) -> Answer {
    own_the_rest(world, proxy, user, case).await;
    let mut call = world.call(proxy, user, case.method.clone(), &case.target(user, id)).await;
    if let Some(body) = case.body(id) {
        call = call.json(&body);
    } else if let Some(form) = &case.form {
        call = call.body("multipart/form-data; boundary=b", form.replace('@', id).into());
    }
    call.send().await
}

/// What an answer says, without what differs from call to call.
fn said(answer: &Answer) -> (u16, String) {
    let id = answer.header("x-request-id").unwrap_or_default().to_owned();
    (answer.status, answer.text().replace(&id, ""))
}

#[tokio::test]
async fn every_rule_lets_the_owner_at_an_object_and_nobody_else() {
    let world = World::start().await;
    let mut places = Vec::new();
    for (provider, rules) in tables() {
        let proxy = opened(&world, provider, &rules).await;
        for case in rules.iter().flat_map(cases) {
            let id = "alices-1";
            own(&world, &proxy, "alice", &case.kind, id).await;
            world.forget_seen().await;
            let what = format!("{provider}: {case:?}");
            let foreign = sent(&world, &proxy, "bob", &case, id).await;
            assert_eq!(foreign.status, 404, "{what}: {}", foreign.text());
            assert!(foreign.text().contains("resource_not_found"), "{what}: {}", foreign.text());
            assert!(world.seen().await.is_empty(), "the provider saw a foreign object: {what}");
            if !case.may_be_public {
                let unknown = sent(&world, &proxy, "bob", &case, "nobodys-1").await;
                assert_eq!(said(&unknown), said(&foreign), "unknown and foreign are the same: {what}");
                assert!(world.seen().await.is_empty(), "the provider saw an unknown object: {what}");
            }
            if !case.has_more_conditions {
                let owned = sent(&world, &proxy, "alice", &case, id).await;
                assert_eq!(world.seen().await.len(), 1, "the owner did not get through: {what}: {}", owned.text());
            }
            places.push(case.place);
        }
    }
    for place in [Place::Path, Place::SubPath, Place::Query, Place::Body, Place::Nested, Place::Form] {
        assert!(places.contains(&place), "no case names an object in its {place:?}");
    }
    assert!(places.len() > 400, "only {} cases", places.len());
}

#[tokio::test]
async fn every_body_that_names_two_objects_under_one_key_is_refused() {
    let world = World::start().await;
    for (provider, rules) in tables() {
        let proxy = opened(&world, provider, &rules).await;
        for case in rules.iter().flat_map(cases) {
            own(&world, &proxy, "alice", &case.kind, "alices-1").await;
            own(&world, &proxy, "bob", &case.kind, "bobs-1").await;
            for (first, second) in [("bobs-1", "alices-1"), ("alices-1", "bobs-1")] {
                let Some(body) = case.duplicate(first, second) else { continue };
                own_the_rest(&world, &proxy, "bob", &case).await;
                world.forget_seen().await;
                let call = world.call(&proxy, "bob", case.method.clone(), &case.target("bob", "bobs-1")).await;
                let answer = call.body("application/json", body.clone().into()).send().await;
                assert!(
                    answer.status == 400 && answer.text().contains("bad_body"),
                    "{provider} {body}: {}",
                    answer.text()
                );
                assert!(world.seen().await.is_empty(), "{provider} {body}");
            }
        }
    }
}

#[tokio::test]
async fn every_list_shows_the_callers_own_and_tells_nothing_of_others() {
    let world = World::start().await;
    let mut lists = 0;
    for (provider, rules) in tables() {
        let proxy = opened(&world, provider, &rules).await;
        for rule in &rules {
            let Some(list) = &rule.filters else { continue };
            lists += 1;
            own(&world, &proxy, "alice", &list.kind, "alices-1").await;
            let headers = json!({"content-type": "application/json"});
            let fault = json!({"path_prefix": format!("/echo{}", rule.template), "method": "GET", "times": 2, "status": 200,
                "headers": headers, "body": page(list, "alices-1")});
            world.arm(&fault).await;
            let what = format!("{provider} {}", rule.template);
            for (user, sees) in [("alice", true), ("bob", false)] {
                let text = world.get(&proxy, user, &rule.template).await.expect(200).text();
                assert!(!text.contains("foreign") && !text.contains("40"), "{what} to {user}: {text}");
                assert_eq!(text.contains("alices-1"), sees, "{what} to {user}: {text}");
                assert_eq!(text.contains("public-1"), list.public_when.is_some(), "{what} to {user}: {text}");
            }
        }
    }
    assert!(lists >= 14, "only {lists} lists");
}

#[tokio::test]
async fn every_object_that_was_deleted_is_nobodys() {
    let world = World::start().await;
    for (provider, rules) in tables() {
        let proxy = opened(&world, provider, &rules).await;
        for rule in &rules {
            let Some(forgets) = &rule.forgets else { continue };
            let case = cases(rule).remove(0);
            assert_eq!((case.place, &case.kind), (Place::Path, &forgets.kind), "{provider} {}", rule.template);
            own(&world, &proxy, "alice", &forgets.kind, "gone-1").await;
            let refused = json!({"path_prefix": "/echo", "method": rule.method, "times": 1, "status": 409, "body": {}});
            world.arm(&refused).await;
            sent(&world, &proxy, "alice", &case, "gone-1").await.expect(409);
            assert_eq!(owner(&world, &proxy, &forgets.kind, "gone-1").await, "alice", "it is still there");
            sent(&world, &proxy, "alice", &case, "gone-1").await.expect(200);
            assert_eq!(owner(&world, &proxy, &forgets.kind, "gone-1").await, "", "{provider} {}", rule.template);
            world.forget_seen().await;
            sent(&world, &proxy, "bob", &Case { may_be_public: false, ..case }, "gone-1").await.expect(404);
            world.assert_unseen().await;
        }
    }
}

/// A call of this rule that the caller may make, with a body under which the reply mints what `at` says.
async fn minting(world: &World, proxy: &Seeded, rule: &OwnershipRule, when: Option<Value>) -> Answer {
    for requires in &rule.requires {
        own(world, proxy, "alice", &requires.kind, &requires.param).await;
    }
    let path = rule.template.replace(['{', '}'], "");
    let mut call = world.call(proxy, "alice", rule.method.parse().expect("a method"), &path).await;
    if rule.method != "GET" && !rule.bytes {
        call = call.json(&when.unwrap_or(json!({})));
    }
    call.send().await
}

#[tokio::test]
async fn every_id_that_a_reply_or_an_event_mints_belongs_to_its_caller() {
    let world = World::start().await;
    let mut minted = 0;
    for (provider, rules) in tables() {
        let proxy = opened(&world, provider, &rules).await;
        for (rule, creates) in rules.iter().flat_map(|rule| rule.creates.iter().map(move |creates| (rule, creates))) {
            // What is minted in a list is minted of the caller's own items only; the next test shows it.
            if rule.filters.is_some() {
                continue;
            }
            for is_stream in [false, true] {
                minted += 1;
                let id = format!("{}new-{minted}", creates.prefix);
                let text = if creates.under.is_empty() { id.clone() } else { format!("{}/{id}", creates.under) };
                let reply = reply(&creates.pointer, &text);
                let (media_type, body) = match is_stream {
                    false => ("application/json", reply),
                    true => ("text/event-stream", Value::from(format!("data: {reply}\n\n"))),
                };
                let fault = json!({"path_prefix": "/echo", "method": rule.method, "times": 1, "status": 200,
                    "headers": {"content-type": media_type}, "body": body});
                world.arm(&fault).await;
                let when = creates.when.as_ref().map(|when| at_place(&when.path, &when.is[0]));
                let answer = minting(&world, &proxy, rule, when).await.expect(200);
                let what = format!("{provider} {} {} {creates:?}", rule.method, rule.template);
                assert!(answer.text().contains(&text), "{what}: {}", answer.text());
                assert_eq!(owner(&world, &proxy, &creates.kind, &id).await, "alice", "{what}");
            }
        }
    }
    assert!(minted > 80, "only {minted}");
}

/// `/tools/*/type` is that value.
fn at_place(path: &str, value: &Value) -> Value {
    let text = reply(path, "@").to_string();
    serde_json::from_str(&text.replace("\"@\"", &value.to_string())).expect("JSON")
}

#[tokio::test]
async fn every_id_in_a_replys_header_belongs_to_its_caller_and_its_address_leads_to_the_edge() {
    let world = World::start().await;
    for (provider, rules) in tables() {
        let proxy = opened(&world, provider, &rules).await;
        for (rule, creates) in rules.iter().flat_map(|rule| rule.creates_in_headers.iter().map(move |c| (rule, c))) {
            let id = format!("head-{}", creates.header);
            let (value, shown) = match &creates.param {
                None => (id.clone(), id.clone()),
                Some(param) => (
                    format!("{}/echo{}?{param}={id}&key=secret", world.emulator, rule.template),
                    world.url(&proxy, &format!("{}?{param}={id}", rule.template)),
                ),
            };
            let fault = json!({"path_prefix": "/echo", "method": rule.method, "times": 1, "status": 200,
                "headers": {"content-type": "application/json", &creates.header: value}, "body": {}});
            world.arm(&fault).await;
            for requires in &rule.requires {
                own(&world, &proxy, "alice", &requires.kind, &requires.param).await;
            }
            let answer = minting(&world, &proxy, rule, None).await.expect(200);
            assert_eq!(answer.header(&creates.header), Some(shown.as_str()), "{provider} {}", rule.template);
            assert_eq!(owner(&world, &proxy, &creates.kind, &id).await, "alice", "{provider} {}", rule.template);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_shown_wherever_it_stands() {
    let world = World::start().await;
    let rules = parse_ownership_lines(OWN).expect("well written");
    let proxy = opened(&world, "custom", &rules).await;
    world.get(&proxy, "alice", "/jobs").await;
    world.cable.cut();
    for headers in [json!({"x-session": "secret-session"}), json!({})] {
        let body = json!({"id": "secret-file"});
        let fault = json!({"path_prefix": "/echo/files", "times": 1, "status": 200, "headers": headers, "body": body});
        world.arm(&fault).await;
        let call = world.call(&proxy, "alice", Method::POST, "/files").await;
        let answer = call.body("application/json", b"{not JSON, and nobody minds".to_vec()).send().await.expect(503);
        assert!(
            answer.text().contains("ownership_not_recorded") && !answer.text().contains("secret"),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("x-session"), None);
    }
    world.cable.mend();
    eventually("the database is back", || async {
        (world.get(&proxy, "alice", "/jobs/unknown").await.status == 404).then_some(())
    })
    .await;
}
