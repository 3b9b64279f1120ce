//! A list of which the provider's first pages hold only others' objects.

use crate::harness::World;
use http::Method;
use serde_json::json;

const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n\
    --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";

#[tokio::test]
async fn the_callers_files_are_found_behind_pages_of_others() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let upload = world.call(&proxy, "alice", Method::POST, "/v1/files").await;
    let file = upload.body("multipart/form-data; boundary=b", FORM.into()).send().await.expect(200).json();
    let own = file["id"].as_str().expect("an id");
    let foreign = |last: &str| json!({"object": "list", "data": [{"id": last}], "first_id": last, "last_id": last, "has_more": true});
    for last in ["file-1", "file-2"] {
        let fault = json!({"path_prefix": "/openai/v1/files", "method": "GET", "times": 1, "status": 200,
            "headers": {"content-type": "application/json"}, "body": foreign(last)});
        world.arm(&fault).await;
    }
    let page = json!({"object": "list", "data": [{"id": own}, {"id": "file-9"}], "first_id": own, "last_id": "file-9", "has_more": false});
    world
        .arm(&json!({"path_prefix": "/openai/v1/files", "method": "GET", "times": 1, "status": 200,
            "headers": {"content-type": "application/json"}, "body": page}))
        .await;
    world.forget_seen().await;
    let list = world.get(&proxy, "alice", "/v1/files?order=asc").await.expect(200).json();
    assert_eq!((&list["data"], &list["last_id"]), (&json!([{"id": own}]), &json!(own)));
    let queries: Vec<String> =
        world.seen().await.iter().map(|seen| seen["query"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(
        queries,
        ["order=asc&limit=10000", "order=asc&limit=10000&after=file-1", "order=asc&limit=10000&after=file-2"]
    );
}

#[tokio::test]
async fn a_list_of_others_without_end_is_not_followed_for_ever() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let upload = world.call(&proxy, "alice", Method::POST, "/v1/files").await;
    upload.body("multipart/form-data; boundary=b", FORM.into()).send().await.expect(200);
    world.forget_seen().await;
    let page = json!({"object": "list", "data": [{"id": "file-x"}], "first_id": "file-x", "last_id": "file-x", "has_more": true});
    world
        .arm(&json!({"path_prefix": "/openai/v1/files", "method": "GET", "status": 200,
            "headers": {"content-type": "application/json"}, "body": page}))
        .await;
    let list = world.get(&proxy, "alice", "/v1/files").await.expect(200).json();
    assert_eq!((&list["data"], &list["has_more"]), (&json!([]), &json!(false)));
    assert_eq!(world.seen().await.len(), 6);
    // Who owns nothing is not searched for.
    world.forget_seen().await;
    world.get(&proxy, "bob", "/v1/files").await.expect(200);
    assert_eq!(world.seen().await.len(), 1);
}
