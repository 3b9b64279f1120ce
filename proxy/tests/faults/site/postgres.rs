//! The run's own Postgres, of scripts/postgres.sh: frozen, crashed, started again at the same address.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use keyward_store::testing::TestDatabase;

use super::signals::{children, send};

pub struct Postgres {
    folder: PathBuf,
    data: PathBuf,
    port: String,
}

impl Postgres {
    pub async fn of(database: &TestDatabase, folder: PathBuf) -> Self {
        let setting = async |name: &str| database.text(&format!("SELECT current_setting('{name}')")).await;
        Self { folder, data: setting("data_directory").await.into(), port: setting("port").await }
    }

    /// All its processes stand still, until `thaw`.
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, signal: &str) {
        let postmaster = self.postmaster();
        send(signal, postmaster);
        for process in children(postmaster) {
            send(signal, process);
        }
    }

    /// Without a word to anybody; what was committed is in its log.
    pub async fn crash_and_start(&self) {
        // PostgreSQL's name for "at once": its processes are killed, and it recovers at the next start.
        send("QUIT", self.postmaster());
        let (folder, port, pid_file) = (self.folder.clone(), self.port.clone(), self.data.join("postmaster.pid"));
        let started = tokio::task::spawn_blocking(move || {
            let waited_since = std::time::Instant::now();
            while pid_file.exists() && waited_since.elapsed().as_secs() < 30 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres.sh");
            let mut start = Command::new(script);
            start.arg("start").arg(folder).env("KEYWARD_POSTGRES_PORT", port).stdout(Stdio::null());
            start.status().expect("the script is there").success()
        });
        assert!(started.await.expect("no panic"), "Postgres starts again");
    }

    fn postmaster(&self) -> u32 {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).expect("Postgres runs");
        file.lines().next().and_then(|line| line.parse().ok()).expect("a process number")
    }

    /// Everything that is stored, as text; what is binary in hexadecimal digits.
    pub async fn dump(&self, database_url: &str) -> Vec<u8> {
        let url = database_url.to_owned();
        let dumped = tokio::task::spawn_blocking(move || Command::new("pg_dump").arg(url).output());
        let output = dumped.await.expect("no panic").expect("pg_dump is in the PATH; scripts/faults.sh puts it there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}
