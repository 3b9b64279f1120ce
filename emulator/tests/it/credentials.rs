use reqwest::Method;
use serde_json::Value;

use crate::harness::{Emulator, KEY};

const PATHS: [&str; 4] = ["/openai/v1/models", "/anthropic/v1/models", "/gemini/v1beta/models", "/echo/anything"];

#[tokio::test]
async fn accepts_the_key_in_the_place_of_each_provider() {
    let emulator = Emulator::start();
    for path in PATHS {
        emulator.get(path).await;
    }
}

#[tokio::test]
async fn refuses_a_missing_key_in_the_shape_of_the_provider() {
    let emulator = Emulator::start();
    for (path, place, expected) in [
        (PATHS[0], "/error/code", "missing_api_key"),
        (PATHS[1], "/error/type", "authentication_error"),
        (PATHS[2], "/error/status", "UNAUTHENTICATED"),
        (PATHS[3], "/error/code", "missing_api_key"),
    ] {
        let answer = emulator.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body.pointer(place).and_then(Value::as_str), Some(expected), "{body}");
    }
}

#[tokio::test]
async fn refuses_a_wrong_key() {
    let emulator = Emulator::start();
    for (path, header, value) in [
        (PATHS[0], "authorization", "Bearer wrong"),
        (PATHS[1], "x-api-key", "wrong"),
        (PATHS[2], "x-goog-api-key", "wrong"),
    ] {
        let answer = emulator.request(Method::GET, path).header(header, value).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn refuses_every_credential_of_the_caller() {
    let emulator = Emulator::start();
    let token = emulator.request(Method::GET, "/token").send().await.unwrap().text().await.unwrap();
    for path in PATHS {
        for (header, value) in [
            ("cookie", "session=1"),
            ("xi-api-key", "anything"),
            ("x-keyward-byok", "kwb_1_2"),
            ("x-trace", token.as_str()),
            ("x-trace", KEY),
        ] {
            let answer = emulator.with_key(Method::GET, path).header(header, value).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{path} {header}");
            assert!(answer.text().await.unwrap().contains("caller_credential_leaked"), "{path} {header}");
        }
        for query in [format!("?trace={token}"), "?key=anything".to_owned()] {
            let answer = emulator.with_key(Method::GET, &format!("{path}{query}")).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{path}{query}");
        }
    }
}
