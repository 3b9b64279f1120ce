//! Rolling restarts of two edges under load: what is lost with each way to share a port. The test holds the way that loses
//! nothing to it; `make restarts` measures both, and prints the figures that docs/operations.md quotes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::harness::{EdgeProcess, Seeded, World, http2_client};
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Each opens a connection for every request.
const NEWCOMERS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(30);

enum Port {
    Handed(std::net::TcpListener),
    Shared(String),
}

impl Port {
    async fn start(&self, world: &World) -> EdgeProcess {
        let mut env = world.env();
        env.push(("KEYWARD_LAME_DUCK_SECS".to_owned(), "1".to_owned()));
        env.push(("KEYWARD_LOG".to_owned(), "warn,keyward_proxy=info".to_owned()));
        match self {
            Self::Handed(listener) => EdgeProcess::start_on(listener, &env).await,
            Self::Shared(address) => {
                env.push(("KEYWARD_EDGE_ADDR".to_owned(), address.clone()));
                env.push(("KEYWARD_EDGE_LISTENER".to_owned(), "shared".to_owned()));
                EdgeProcess::start(&env).await
            }
        }
    }
}

#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    served: AtomicU64,
    refused: AtomicU64,
    /// Broken off before the whole answer was there.
    reset: AtomicU64,
}

impl Tally {
    fn count(&self, served: Result<bool, std::io::ErrorKind>) {
        let counter = match served {
            Ok(true) => &self.served,
            Err(std::io::ErrorKind::ConnectionRefused) => &self.refused,
            Ok(false) | Err(_) => &self.reset,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn figures(&self) -> (u64, u64, u64) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&self.served), of(&self.refused), of(&self.reset))
    }
}

async fn newcomer(address: String, tally: Arc<Tally>) {
    while !tally.is_over.load(Ordering::Relaxed) {
        let call = async {
            let mut stream = TcpStream::connect(&address).await?;
            stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n").await?;
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).await?;
            Ok(reply.starts_with(b"HTTP/1.1 404") && reply.ends_with(b"}"))
        };
        let served = timeout(PATIENCE, call).await.unwrap_or(Ok(false));
        tally.count(served.map_err(|error: std::io::Error| error.kind()));
    }
}

/// Keeps its connections, and calls as a user.
async fn regular(client: Client, url: String, token: String, tally: Arc<Tally>) {
    while !tally.is_over.load(Ordering::Relaxed) {
        let answer = client.get(&url).bearer_auth(&token).send().await;
        tally.count(match answer {
            Ok(answer) => Ok(answer.status() == 200 && answer.bytes().await.is_ok()),
            Err(error) if error.is_connect() => Err(std::io::ErrorKind::ConnectionRefused),
            Err(_) => Ok(false),
        });
    }
}

/// Restarts each of two edges in turn while clients call; what they saw.
async fn restarts(world: &World, proxy: &Seeded, port: &Port, rounds: usize) -> (u64, u64, u64) {
    let mut edges = vec![port.start(world).await, port.start(world).await];
    let (tally, address) = (Arc::new(Tally::default()), edges[0].address.clone());
    let (url, token) = (format!("http://{address}/{}/v1/models", proxy.slug), world.token("alice").await);
    let mut clients = JoinSet::new();
    for _ in 0..NEWCOMERS {
        clients.spawn(newcomer(address.clone(), tally.clone()));
    }
    clients.spawn(regular(world.client.clone(), url.clone(), token.clone(), tally.clone()));
    clients.spawn(regular(http2_client(), url, token, tally.clone()));
    for _ in 0..rounds {
        let mut old = edges.remove(0);
        old.process.signal("TERM");
        assert_eq!(old.process.exit_code().await, 0);
        edges.push(port.start(world).await);
    }
    tally.is_over.store(true, Ordering::Relaxed);
    clients.join_all().await;
    tally.figures()
}

async fn handed() -> Port {
    Port::Handed(std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_with_a_handed_socket_loses_nothing() {
    let world = World::with(&[("KEYWARD_SHUTDOWN_GRACE_SECS", "20")]).start().await;
    let proxy = world.openai().await;
    let (served, refused, reset) = restarts(&world, &proxy, &handed().await, 2).await;
    assert!(served > 0);
    assert_eq!((refused, reset), (0, 0), "of {served}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, which `make restarts` makes"]
async fn what_each_way_loses() {
    let world = World::with(&[("KEYWARD_SHUTDOWN_GRACE_SECS", "20")]).start().await;
    let proxy = world.openai().await;
    #[expect(clippy::disallowed_methods, reason = "a measurement is told how long to go on")]
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    // A port that is free now; whoever binds it must allow others to.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    for (name, port) in [("handed", handed().await), ("shared", Port::Shared(free.to_string()))] {
        let (served, refused, reset) = restarts(&world, &proxy, &port, rounds).await;
        println!("{name}: {rounds} restarts, {served} requests served, {refused} refused, {reset} reset");
    }
}
