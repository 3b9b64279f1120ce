//! Child processes whose output is kept, and read for the addresses they listen on.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// Gone with all that is in it when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    pub fn fresh() -> Self {
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string()))
    }

    pub fn text(&self) -> String {
        self.0.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Clone, Default)]
pub struct Output(Arc<Mutex<String>>);

impl Output {
    pub fn text(&self) -> String {
        self.0.lock().expect("no panic").clone()
    }

    /// What came since it was taken last; it is not kept.
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

pub struct Process {
    child: Child,
    pub output: Output,
    grown: watch::Receiver<usize>,
    _folder: Option<Folder>,
}

impl Process {
    /// An edge that was given no folder gets one of its own.
    fn edge(env: &[(String, String)]) -> Self {
        Self::edge_on(Stdio::null(), env)
    }

    fn edge_on(stdin: Stdio, env: &[(String, String)]) -> Self {
        let name = "KEYWARD_EDGE_DATA_DIR";
        if env.iter().any(|(known, _)| known == name) {
            return Self::spawn_on(&edge_program(), stdin, env);
        }
        let folder = Folder::fresh();
        let with_folder = [env, &[(name.to_owned(), folder.text())]].concat();
        Self { _folder: Some(folder), ..Self::spawn_on(&edge_program(), stdin, &with_folder) }
    }

    pub fn spawn(program: &PathBuf, env: &[(String, String)]) -> Self {
        Self::spawn_on(program, Stdio::null(), env)
    }

    fn spawn_on(program: &PathBuf, stdin: Stdio, env: &[(String, String)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().envs(env.iter().cloned()).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} can't be started: {error}", program.display()));
        let output = Output::default();
        let (grow, grown) = watch::channel(0);
        let grow = Arc::new(grow);
        keep(child.stdout.take().expect("piped"), output.clone(), grow.clone());
        keep(child.stderr.take().expect("piped"), output.clone(), grow);
        Self { child, output, grown, _folder: None }
    }

    /// Waits for a line that holds this text.
    pub async fn line_with(&mut self, text: &str) -> String {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(line) = self.output.text().lines().find(|line| line.contains(text)) {
                    return Some(line.to_owned());
                }
                if self.grown.changed().await.is_err() {
                    return self.output.text().lines().find(|line| line.contains(text)).map(str::to_owned);
                }
            }
        });
        let found = found.await.ok().flatten();
        found.unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", tail(&self.output.text())))
    }

    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill is there").success());
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Its exit code, once it ended; none if a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        self.child.wait().await.expect("it can be waited for").code()
    }

    /// The most memory it ever held (Linux, proc(5): VmHWM).
    pub fn peak_memory_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(status).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Its exit code, once it ended by itself.
    pub async fn exit_code(&mut self) -> i32 {
        let code = timeout(PATIENCE, self.ended()).await;
        let code = code.unwrap_or_else(|_| panic!("it still runs:\n{}", tail(&self.output.text())));
        code.expect("it was not killed")
    }
}

fn keep(pipe: impl AsyncRead + Unpin + Send + 'static, output: Output, grow: Arc<watch::Sender<usize>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = output.0.lock().expect("no panic");
            text.push_str(&line);
            text.push('\n');
            let _ = grow.send_replace(text.len());
        }
    });
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(4_000);
    text.get(from..).unwrap_or(text)
}

pub struct EdgeProcess {
    pub process: Process,
    pub address: String,
    pub ops: String,
}

impl EdgeProcess {
    pub async fn start(env: &[(String, String)]) -> Self {
        Self::listening(Process::edge(env)).await
    }

    /// Accepts from this socket, which it is handed as systemd would.
    pub async fn start_on(listener: &TcpListener, env: &[(String, String)]) -> Self {
        let handed = [("KEYWARD_EDGE_LISTENER", "handed"), ("LISTEN_FDS", "1"), ("LISTEN_FDS_FIRST_FD", "0")];
        let handed = handed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let socket = OwnedFd::from(listener.try_clone().expect("a descriptor is free"));
        Self::listening(Process::edge_on(socket.into(), &[env, &handed].concat())).await
    }

    async fn listening(mut process: Process) -> Self {
        let ops = field(&process.line_with("health, readiness and metrics are served").await, "ops=");
        let address = field(&process.line_with("keyward-proxy listening").await, "edge=");
        Self { process, address, ops: format!("http://{ops}") }
    }

    /// Up to where it answers on the operator's port, which is before it has a configuration.
    pub async fn start_waiting(env: &[(String, String)]) -> (Process, String) {
        let mut process = Process::edge(env);
        let ops = field(&process.line_with("health, readiness and metrics are served").await, "ops=");
        (process, format!("http://{ops}"))
    }
}

/// Starts an edge that is to refuse its settings; what it said, once it ended with this code.
pub async fn ended_with(code: i32, env: &[(String, String)]) -> String {
    let mut process = Process::edge(env);
    let ended = process.exit_code().await;
    // What it said last may still be in the pipe; whoever reads it is done when nobody is left to tell of more.
    let _ = timeout(PATIENCE, async { while process.grown.changed().await.is_ok() {} }).await;
    assert_eq!(ended, code, "{}", tail(&process.output.text()));
    process.output.take()
}

fn edge_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_keyward-proxy"))
}

pub fn emulator_program() -> PathBuf {
    let program = edge_program().with_file_name("keyward-emulator");
    assert!(program.exists(), "{} is not built; run: cargo build -p keyward-emulator", program.display());
    program
}

fn field(line: &str, name: &str) -> String {
    let from = line.find(name).unwrap_or_else(|| panic!("no {name} in {line:?}")) + name.len();
    line[from..].split_whitespace().next().unwrap_or_default().to_owned()
}
