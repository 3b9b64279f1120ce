//! What an operator meets: errors in settings, ports taken, metrics, connections.

use crate::harness::{World, ended_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn all_errors_in_the_settings_are_reported_together() {
    let env = [("KEYWARD_MODE", "prod"), ("KEYWARD_EDGE_ADDR", "x"), ("KEYWARD_FIRST_BYTE_TIMEOUT_SECS", "soon")];
    let env: Vec<(String, String)> = env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let said = ended_with(2, &env).await;
    for name in [
        "KEYWARD_MODE",
        "KEYWARD_EDGE_ADDR",
        "KEYWARD_FIRST_BYTE_TIMEOUT_SECS",
        "DATABASE_URL",
        "KEYWARD_KEY_ENCRYPTION_KEY",
    ] {
        assert!(said.contains(name), "{name} in {said}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_variable() {
    let world = World::start().await;
    for variable in ["KEYWARD_EDGE_ADDR", "KEYWARD_OPS_ADDR"] {
        let mut env = world.env();
        env.push((variable.to_owned(), world.edge.address.clone()));
        let said = ended_with(2, &env).await;
        let port = world.edge.address.rsplit(':').next().expect("a port");
        assert!(said.contains(variable) && said.contains(port), "{said}");
    }
}

#[tokio::test]
async fn metrics_have_no_label_of_a_users_or_developers_choosing() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world.usage(&proxy, 1).await;
    let text = world.send(world.client.get(format!("{}/metrics", world.edge.ops))).await.expect(200).text();
    for name in [
        "keyward_edge_requests_total",
        "keyward_edge_added_seconds_bucket",
        "keyward_edge_first_byte_seconds_bucket",
        "keyward_edge_usage_queue_events",
        "keyward_edge_usage_events_dropped_total",
        "keyward_edge_config_version",
        "keyward_edge_config_checked_timestamp_seconds",
        "keyward_edge_issuer_unavailable_total",
        "keyward_edge_upstream_connect_failures_total",
        "keyward_edge_connections_open",
    ] {
        assert!(text.contains(name), "{name}");
    }
    assert!(!text.contains(&proxy.slug) && !text.contains("alice") && !text.contains(&proxy.proxy.to_string()));
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let world = World::with(&[("KEYWARD_CONNECTIONS_PER_ADDRESS", "3")]).start().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&world.edge.address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: edge\r\n\r\n").await.expect("written");
        assert!(stream.read_u8().await.is_ok(), "it is served");
        held.push(stream);
    }
    let mut fourth = TcpStream::connect(&world.edge.address).await.expect("connected");
    let _ = fourth.write_all(b"GET / HTTP/1.1\r\nHost: edge\r\n\r\n").await;
    assert_eq!(fourth.read(&mut [0; 1]).await.unwrap_or(0), 0, "it is closed unserved");
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let world = World::with(&[("KEYWARD_HEAD_READ_TIMEOUT_SECS", "1")]).start().await;
    for beginning in [&b""[..], b"GET / HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(&world.edge.address).await.expect("connected");
        stream.write_all(beginning).await.expect("written");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}
