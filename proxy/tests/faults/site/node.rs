//! One edge over its lives: the process may be killed, the place and its data stay.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as TurnMutex;
use tokio::time::{sleep, timeout};

use crate::harness::EdgeProcess;
use crate::harness::process::Output;
use crate::site::Door;

/// A killed process is gone at once; one that was asked to stop, after its grace time and the last writes.
const LONGEST_END: Duration = Duration::from_secs(30);

pub struct Node {
    env: Vec<(String, String)>,
    /// Where it may write.
    pub data: PathBuf,
    pub door: Door,
    edge: TurnMutex<Option<EdgeProcess>>,
    address: Mutex<Option<(String, String)>>,
    outputs: Mutex<Vec<Output>>,
}

/// What a process holds of its machine.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub process: u32,
    pub descriptors: usize,
    pub resident_kib: u64,
}

impl Node {
    pub fn new(env: Vec<(&'static str, String)>, data: PathBuf, door: Door) -> Self {
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { env, data, door, edge: TurnMutex::default(), address: Mutex::default(), outputs: Mutex::default() }
    }

    pub async fn start(&self) {
        let edge = EdgeProcess::start(&self.env).await;
        let address = Some((edge.address.clone(), edge.ops.clone()));
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).push(edge.process.output.clone());
        *self.edge.lock().await = Some(edge);
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// From when to when it was; then nobody is sent here.
    pub async fn kill(&self) -> (Instant, Instant) {
        let from = Instant::now();
        let Some(mut edge) = self.edge.lock().await.take() else { return (from, from) };
        edge.process.signal("KILL");
        self.forget_address();
        timeout(LONGEST_END, edge.process.ended()).await.expect("a killed process ends");
        (from, Instant::now())
    }

    /// Asks it to stop, as for a new version: like a load balancer, clients go elsewhere once it says that it isn't ready.
    pub async fn stop(&self, client: &reqwest::Client) -> Result<(), String> {
        let Some(mut edge) = self.edge.lock().await.take() else { return Ok(()) };
        edge.process.signal("TERM");
        let ready = format!("{}/readyz", edge.ops);
        let is_ready = async || client.get(&ready).send().await.is_ok_and(|reply| reply.status().is_success());
        while is_ready().await {
            sleep(Duration::from_millis(50)).await;
        }
        self.forget_address();
        match timeout(LONGEST_END, edge.process.ended()).await {
            Ok(Some(0)) => Ok(()),
            Ok(code) => Err(format!("an edge that was asked to stop ended with {code:?}")),
            Err(_) => Err("an edge that was asked to stop still runs after 30 s".to_owned()),
        }
    }

    /// Where clients call, while it runs.
    pub fn address(&self) -> Option<String> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(address, _)| address.clone())
    }

    pub fn ops(&self) -> Option<String> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, ops)| ops.clone())
    }

    fn forget_address(&self) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What it and those before it said since this was asked last.
    pub fn take_log(&self) -> String {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Output::take).collect()
    }

    pub async fn held(&self) -> Option<Held> {
        let process = self.edge.lock().await.as_ref()?.process.id();
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let resident_kib = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(Held { process, descriptors, resident_kib })
    }

    /// Fills the disk that its data are on until no byte more fits; the file is to be removed again.
    pub fn fill_disk(&self) -> PathBuf {
        let filler = self.data.join("filler");
        let _ = std::fs::remove_file(&filler);
        let mut file = std::fs::File::create(&filler).expect("a file can be made");
        for size in [1 << 16, 1 << 12, 1 << 6, 1] {
            while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
        }
        filler
    }
}

/// Waits until the metric of this edge is at most so much.
pub async fn metric_falls_to(node: &Node, client: &reqwest::Client, name: &str, most: f64, patience: Duration) -> bool {
    let fell = timeout(patience, async {
        loop {
            if metric(node, client, name).await.is_some_and(|value| value <= most) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    fell.await.is_ok()
}

pub async fn metric(node: &Node, client: &reqwest::Client, name: &str) -> Option<f64> {
    let text = client.get(format!("{}/metrics", node.ops()?)).send().await.ok()?.text().await.ok()?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.starts_with(name));
    Some(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Every byte that stands in the folder.
pub fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_below(&path)),
            Ok(kind) if kind.is_file() => found.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes))),
            Ok(_) | Err(_) => {}
        }
    }
    found
}
