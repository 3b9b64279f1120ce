//! TLS in the edge: the certificate changes without a connection's noticing, and a bad file changes nothing.

use std::process::Command;
use std::time::Duration;

use crate::harness::{Folder, World, eventually, http2_client};
use reqwest::{Certificate, Client};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A folder with a certificate of its own making and its key.
struct Files(Folder);

impl Files {
    fn new() -> Self {
        let files = Self(Folder::fresh());
        std::fs::create_dir_all(files.0.text()).expect("made");
        files.renew();
        files
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.0.text())
    }

    /// Another certificate under another key.
    fn renew(&self) {
        let (certificate, key) = (self.path("new-certificate.pem"), self.path("new-key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", &key, "-out", &certificate])
            .output();
        assert!(made.expect("openssl is there").status.success());
        std::fs::rename(key, self.path("key.pem")).expect("renamed");
        std::fs::rename(certificate, self.path("certificate.pem")).expect("renamed");
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_pem(&std::fs::read(self.path("certificate.pem")).expect("there")).expect("PEM")
    }

    async fn world(&self) -> World {
        let env = [
            ("KEYWARD_TLS_CERT", self.path("certificate.pem")),
            ("KEYWARD_TLS_KEY", self.path("key.pem")),
            ("KEYWARD_TLS_HANDSHAKE_TIMEOUT_SECS", "1".to_owned()),
        ];
        World::with(&env.each_ref().map(|(name, value)| (*name, value.as_str()))).start().await
    }
}

/// Trusts this certificate alone.
#[expect(clippy::disallowed_methods, reason = "a test calls the edge, which is on this machine")]
fn client(trusted: Certificate) -> Client {
    Client::builder().no_proxy().tls_certs_only([trusted]).timeout(Duration::from_secs(60)).build().expect("a client")
}

fn port(world: &World) -> &str {
    world.edge.address.rsplit(':').next().expect("a port")
}

#[tokio::test]
async fn tls_is_spoken_and_offers_both_protocols() {
    let files = Files::new();
    let world = files.world().await;
    let proxy = world.openai().await;
    let url = format!("https://localhost:{}/{}/v1/models", port(&world), proxy.slug);
    let answer = client(files.certificate()).get(&url).bearer_auth(world.token("alice").await).send().await;
    let answer = answer.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let only = ["-sS", "--http1.1", "-o", "/dev/null", "-w", "%{http_version}", "--cacert"];
    let asked = tokio::process::Command::new("curl").args(only).arg(files.path("certificate.pem")).arg(&url).output();
    assert_eq!(String::from_utf8_lossy(&asked.await.expect("curl is there").stdout), "1.1");
}

#[tokio::test]
async fn a_new_certificate_is_served_without_dropping_a_connection_and_a_bad_one_is_not() {
    let files = Files::new();
    let mut world = files.world().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    let url = |path: &str| format!("https://localhost:{}/{}{path}", port(&world), proxy.slug);
    let models = url("/v1/models");
    let old = files.certificate();
    let chat = json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "400", "emulator_delay_ms": "20"}});
    let stream = client(old.clone()).post(url("/v1/chat/completions")).bearer_auth(&token).json(&chat).send().await;
    let stream = stream.expect("an answer");

    files.renew();
    let new = files.certificate();
    eventually("the new certificate is served", || async {
        let answer = client(new.clone()).get(&models).bearer_auth(&token).send().await;
        answer.ok().map(|answer| assert_eq!(answer.status(), 200))
    })
    .await;
    assert!(client(old).get(&models).bearer_auth(&token).send().await.is_err(), "the old one is not served");
    let text = stream.text().await.expect("a clean end");
    assert!(text.ends_with("data: [DONE]\n\n"), "what was open goes on under the old one");

    std::fs::write(files.path("key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .expect("written");
    world.edge.process.line_with("the one before is served on").await;
    let answer = client(new).get(&models).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(world.metric("keyward_edge_tls_reloads_failed_total").await, 1.0);
}

#[tokio::test]
async fn a_handshake_that_does_not_come_and_one_that_is_none_are_let_go() {
    let files = Files::new();
    let world = files.world().await;
    for beginning in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut stream = TcpStream::connect(&world.edge.address).await.expect("connected");
        stream.write_all(beginning).await.expect("written");
        let mut reply = Vec::new();
        let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut reply)).await;
        assert!(ended.is_ok(), "still open after {beginning:?}");
        assert!(!reply.starts_with(b"HTTP/"), "it answers in the clear");
    }
    let proxy = world.openai().await;
    assert!(http2_client().get(world.url(&proxy, "/v1/models")).send().await.is_err());
    assert!(world.metric("keyward_edge_tls_handshakes_failed_total").await >= 3.0);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_an_error_at_the_start() {
    let files = Files::new();
    let world = World::start().await;
    let mut env = world.env();
    env.push(("KEYWARD_TLS_CERT".to_owned(), files.path("certificate.pem")));
    env.push(("KEYWARD_TLS_KEY".to_owned(), files.path("missing.pem")));
    let said = crate::harness::ended_with(2, &env).await;
    assert!(said.contains("KEYWARD_TLS_CERT") && said.contains("missing.pem"), "{said}");
    env.pop();
    let said = crate::harness::ended_with(2, &env).await;
    assert!(said.contains("KEYWARD_TLS_KEY go together"), "{said}");
}
