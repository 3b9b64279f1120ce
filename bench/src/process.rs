//! A proxy as a child on its own core, and what it costs (Linux: proc(5)).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

/// Load and upstream have the other one.
const CORE: &str = "0";
const PATIENCE: Duration = Duration::from_secs(300);
/// Of `utime` and `stime`; 100 on every Linux that this runs on (sysconf(3): _SC_CLK_TCK).
const TICKS_PER_SEC: u64 = 100;

pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub fn start(program: &Path, args: &[&str], env: &[(&str, String)], log: PathBuf) -> anyhow::Result<Self> {
        let output = File::create(&log).with_context(|| format!("{} can't be written", log.display()))?;
        let child = Command::new("taskset")
            .args(["-c", CORE])
            .arg(program)
            .args(args)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn();
        Ok(Self { child: child.with_context(|| format!("{} can't be started", program.display()))?, log })
    }

    /// The word behind `field` on the first line of its log with this text, once there is one.
    pub async fn said(&mut self, text: &str, field: &str) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                let from = line.find(field).with_context(|| format!("no {field} in {line:?}"))? + field.len();
                return Ok(line[from..].split_whitespace().next().unwrap_or_default().to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}; see {}", self.log.display());
            }
            if Instant::now() > deadline {
                bail!("it never said {text:?}; see {}", self.log.display());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// User and system time so far, of its children too.
    pub fn cpu(&self) -> Duration {
        self.family().iter().filter_map(|pid| cpu_of(*pid)).sum()
    }

    pub fn resident_kib(&self) -> u64 {
        self.family().iter().filter_map(|pid| resident_kib_of(*pid)).sum()
    }

    fn family(&self) -> Vec<u32> {
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        [pid].into_iter().chain(children.split_whitespace().filter_map(|pid| pid.parse().ok())).collect()
    }
}

impl Drop for Process {
    /// nginx ends its worker only when it is asked to end.
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}

fn cpu_of(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().unwrap_or(0));
    let ticks = fields.next()? + fields.next()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SEC))
}

fn resident_kib_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
