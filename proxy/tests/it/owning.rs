//! Two users, every OpenAI rule that carries an id: neither can read, list, change or delete what is the other's.

use crate::harness::{Answer, World};
use http::Method;
use keyward_domain::catalogue;
use keyward_domain::path::PathTemplate;
use serde_json::{Value, json};

/// A form with one small file in it.
const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n\
    --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";

struct Objects {
    file: String,
    thread: String,
    message: String,
    run: String,
    response: String,
}

impl Objects {
    async fn of(world: &World, proxy: &crate::harness::Seeded, user: &str) -> Self {
        let id = |answer: Answer| answer.expect(200).json()["id"].as_str().expect("an id").to_owned();
        let upload = world.call(proxy, user, Method::POST, "/v1/files").await;
        let file = id(upload.body("multipart/form-data; boundary=b", FORM.into()).send().await);
        let thread = id(world.post(proxy, user, "/v1/threads", &json!({})).await);
        let message = json!({"role": "user", "content": "hello"});
        let message = id(world.post(proxy, user, &format!("/v1/threads/{thread}/messages"), &message).await);
        let run = json!({"assistant_id": "asst_any", "model": "gpt-4o-mini"});
        let run = id(world.post(proxy, user, &format!("/v1/threads/{thread}/runs"), &run).await);
        let response = json!({"model": "gpt-4o-mini", "input": "hello"});
        let response = id(world.post(proxy, user, "/v1/responses", &response).await);
        Self { file, thread, message, run, response }
    }

    fn fill(&self, template: &str) -> String {
        let pairs = [
            ("{file_id}", &self.file),
            ("{thread_id}", &self.thread),
            ("{message_id}", &self.message),
            ("{run_id}", &self.run),
            ("{response_id}", &self.response),
        ];
        pairs.iter().fold(template.to_owned(), |path, (name, id)| path.replace(name, id)).replace("{step_id}", "step_1")
    }
}

/// Every default rule of OpenAI's whose path names somebody's object.
fn rules_with_an_id() -> Vec<(Method, String)> {
    let rules = &catalogue::provider("openai").expect("in the catalogue").default_rules;
    let named = rules.iter().filter(|rule| {
        let template = PathTemplate::parse(&rule.template).expect("a template");
        let known = ["file_id", "thread_id", "message_id", "run_id", "step_id", "response_id"];
        // The others are tried in `ownership_matrix`.
        template.param_names().next().is_some() && template.param_names().all(|(_, name)| known.contains(&name))
    });
    named.map(|rule| (rule.method.parse().expect("a method"), rule.template.clone())).collect()
}

#[tokio::test]
async fn no_rule_with_an_id_lets_one_user_at_anothers_object() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let alices = Objects::of(&world, &proxy, "alice").await;
    let rules = rules_with_an_id();
    assert!(rules.len() >= 20, "{}", rules.len());
    world.forget_seen().await;
    for (method, template) in &rules {
        let mut answers = Vec::new();
        for path in [alices.fill(template), template.replace(['{', '}'], "")] {
            let mut call = world.call(&proxy, "bob", method.clone(), &path).await;
            if *method == Method::POST {
                call = call.json(&json!({}));
            }
            let answer = call.send().await.expect(404);
            assert_eq!(answer.code(), "resource_not_found", "{method} {path}");
            let mut body = answer.json();
            body["error"]["request_id"].take();
            answers.push(body);
        }
        assert_eq!(answers[0], answers[1], "a foreign and an unknown id are the same: {method} {template}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn every_rule_with_an_id_works_for_the_objects_own_user() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let alices = Objects::of(&world, &proxy, "alice").await;
    // What deletes comes last.
    let (deletes, others): (Vec<_>, Vec<_>) =
        rules_with_an_id().into_iter().partition(|(method, _)| method == Method::DELETE);
    for (method, template) in others.into_iter().chain(deletes) {
        world.forget_seen().await;
        let path = alices.fill(&template);
        let mut call = world.call(&proxy, "alice", method.clone(), &path).await;
        if method == Method::POST {
            call = call.json(&json!({}));
        }
        let answer = call.send().await;
        assert!(
            !answer.text().contains("resource_not_found") || template.contains("thread_id"),
            "{method} {path}: {}",
            answer.text()
        );
        let is_gone_with_its_thread = template.contains("{message_id}") && method == Method::DELETE;
        assert!(world.seen().await.len() == 1 || is_gone_with_its_thread, "{method} {path} did not reach the provider");
    }
}

#[tokio::test]
async fn sub_paths_and_methods_nobody_listed_belong_to_the_parent() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let alices = Objects::of(&world, &proxy, "alice").await;
    let more = json!([
        {"method": "PATCH", "template": "/v1/threads/{x}"},
        {"method": "GET", "template": "/v1/threads/{x}/runs/{y}/steps/{z}/more"},
        {"method": "GET", "template": "/v1/files/{anything}/extra"},
    ]);
    world.change(&format!("UPDATE proxies SET rules = rules || '{more}'::jsonb WHERE id = '{}'", proxy.proxy)).await;
    world.forget_seen().await;
    for (method, path) in [
        (Method::PATCH, format!("/v1/threads/{}", alices.thread)),
        (Method::GET, format!("/v1/threads/{}/runs/{}/steps/s/more", alices.thread, alices.run)),
        (Method::GET, format!("/v1/files/{}/extra", alices.file)),
    ] {
        let answer = world.call(&proxy, "bob", method.clone(), &path).await.send().await;
        assert_eq!(answer.expect(404).code(), "resource_not_found", "{method} {path}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_list_shows_the_callers_own_files_and_no_foreign_cursor() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let mut ids = Vec::new();
    for user in ["alice", "bob", "alice", "bob", "alice"] {
        ids.push((user, Objects::of(&world, &proxy, user).await.file));
    }
    let own = |user: &str| ids.iter().filter(|(owner, _)| *owner == user).map(|(_, id)| id.clone()).collect::<Vec<_>>();
    for user in ["alice", "bob"] {
        let list = world.get(&proxy, user, "/v1/files?order=asc").await.expect(200).json();
        let shown: Vec<&str> =
            list["data"].as_array().expect("a list").iter().filter_map(|file| file["id"].as_str()).collect();
        assert_eq!(shown, own(user));
        assert_eq!(list["has_more"], false);
    }
    let page = world.get(&proxy, "alice", "/v1/files?order=asc&limit=2").await.expect(200);
    let others = own("bob");
    assert!(others.iter().all(|id| !page.text().contains(id)), "{}", page.text());
    let page = page.json();
    assert_eq!((page["data"].as_array().map(Vec::len), &page["has_more"]), (Some(2), &json!(true)));
    let after = format!("/v1/files?order=asc&limit=2&after={}", own("alice")[1]);
    let rest = world.get(&proxy, "alice", &after).await.expect(200).json();
    assert_eq!(rest["data"][0]["id"], Value::from(own("alice")[2].clone()));
    world.forget_seen().await;
    for cursor in [&others[0], "file-unknown"] {
        let answer = world.get(&proxy, "alice", &format!("/v1/files?after={cursor}")).await;
        assert_eq!(answer.expect(404).code(), "resource_not_found");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_deleted_object_is_nobodys() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let file = Objects::of(&world, &proxy, "alice").await.file;
    let path = format!("/v1/files/{file}");
    world.call(&proxy, "alice", Method::DELETE, &path).await.send().await.expect(200);
    world.forget_seen().await;
    assert_eq!(world.get(&proxy, "alice", &path).await.expect(404).code(), "resource_not_found");
    world.assert_unseen().await;
    let owners =
        world.database.count(&format!("SELECT count(*) FROM resource_owners WHERE resource_id = '{file}'")).await;
    assert_eq!(owners, 0);
}

#[tokio::test]
async fn two_proxies_keep_their_objects_apart() {
    let world = World::start().await;
    let (one, two) = (world.openai().await, world.openai().await);
    let file = Objects::of(&world, &one, "alice").await.file;
    world.forget_seen().await;
    world.get(&two, "alice", &format!("/v1/files/{file}")).await.expect(404);
    world.assert_unseen().await;
}
