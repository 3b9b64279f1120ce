//! The run's own Redis, which writes down everything before it answers: a crash of it forgets nothing.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::signals::send;

pub struct Redis {
    folder: PathBuf,
    port: u16,
    server: Mutex<Child>,
}

impl Redis {
    pub async fn start(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let server = spawn(&folder, port);
        let redis = Self { folder, port, server: Mutex::new(server) };
        redis.answers().await;
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn freeze(&self) {
        send("STOP", self.id());
    }

    pub fn thaw(&self) {
        send("CONT", self.id());
    }

    pub async fn crash(&self) {
        send("KILL", self.id());
        // Its port is free when it is gone.
        let gone = timeout(Duration::from_secs(10), async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        gone.await.expect("a killed Redis is gone");
    }

    pub async fn start_again(&self) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = spawn(&self.folder, self.port);
        self.answers().await;
    }

    fn id(&self) -> u32 {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).id().expect("Redis runs")
    }

    async fn answers(&self) {
        let answered = timeout(Duration::from_secs(20), async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        answered.await.expect("Redis starts");
    }
}

fn spawn(folder: &PathBuf, port: u16) -> Child {
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    server.arg("--port").arg(port.to_string()).arg("--dir").arg(folder);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    server.spawn().expect("redis-server is installed; scripts/faults.sh does it")
}
