//! What scripts/faults.sh says in the environment.

use std::path::PathBuf;
use std::time::Duration;

pub struct Settings {
    pub seed: u64,
    pub lasts: Duration,
    /// Only these, by their names; all where there are none.
    pub faults: Vec<String>,
    /// The folder of the cluster of scripts/postgres.sh that this run may freeze and crash.
    pub postgres: PathBuf,
    /// For Redis' log, the edges' data, the clock.
    pub scratch: PathBuf,
    /// A library that lets a process' clock be set; without it no clock is stepped.
    pub faketime: Option<PathBuf>,
    /// Two folders of a few megabytes each that can be filled up; without them no disk is full.
    pub small_disks: Option<PathBuf>,
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "the runner is told what to do by its script")]
    pub fn from_env() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let path = |name: &str| {
            text(name).map(PathBuf::from).unwrap_or_else(|| panic!("{name} is not set; run: make faults SEED=1"))
        };
        let minutes: f64 = text("MINUTES").map_or(2.0, |text| text.parse().expect("MINUTES is a number"));
        Self {
            seed: text("SEED").map_or(1, |text| text.parse().expect("SEED is a whole number")),
            lasts: Duration::from_secs_f64(minutes * 60.0),
            faults: text("FAULTS").unwrap_or_default().split_terminator(',').map(str::to_owned).collect(),
            postgres: path("KEYWARD_FAULTS_POSTGRES"),
            scratch: path("KEYWARD_FAULTS_SCRATCH"),
            faketime: text("KEYWARD_FAULTS_FAKETIME").map(PathBuf::from),
            small_disks: text("KEYWARD_FAULTS_SMALL_DISKS").map(PathBuf::from),
        }
    }
}
