//! What `scripts/bench.sh` passes on: where the programs are, and how long to measure.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::training_scene;

pub struct Config {
    pub edge: PathBuf,
    pub nginx: PathBuf,
    pub envoy: PathBuf,
    /// Of a server on which databases may be made.
    pub postgres_url: String,
    /// Logs, configurations and `bench.json`.
    pub out: PathBuf,
    /// The page to write; none in a quick run.
    pub page: Option<PathBuf>,
    pub redis_url: Option<String>,
    pub pace: Pace,
    /// Those that are wanted; all if empty.
    pub scenes: Vec<String>,
}

#[derive(Clone, Copy)]
pub struct Pace {
    pub is_quick: bool,
    pub rounds: usize,
    pub window: Duration,
}

impl Pace {
    const QUICK: Self = Self { is_quick: true, rounds: 3, window: Duration::from_millis(800) };
    const FULL: Self = Self { is_quick: false, rounds: 9, window: Duration::from_secs(2) };
}

impl Config {
    pub fn from_args() -> anyhow::Result<Self> {
        let mut args = std::env::args().skip(1);
        let mut config = Self {
            edge: PathBuf::new(),
            nginx: PathBuf::new(),
            envoy: PathBuf::new(),
            postgres_url: String::new(),
            out: PathBuf::from("target/bench"),
            page: None,
            redis_url: None,
            pace: Pace::FULL,
            scenes: Vec::new(),
        };
        while let Some(name) = args.next() {
            if name == "--quick" {
                config.pace = Pace::QUICK;
                continue;
            }
            let value = args.next().with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--edge" => config.edge = value.into(),
                "--nginx" => config.nginx = value.into(),
                "--envoy" => config.envoy = value.into(),
                "--postgres" => config.postgres_url = value,
                "--out" => config.out = value.into(),
                "--page" => config.page = Some(value.into()),
                "--redis" => config.redis_url = Some(value),
                "--scenes" => config.scenes = value.split(',').map(str::to_owned).collect(),
                _ => bail!("unknown option {name}"),
            }
        }
        Ok(config)
    }

    /// Not where the edge only runs to be watched.
    pub fn compares(&self) -> bool {
        !self.scenes.iter().any(|scene| training_scene::NAMES.contains(&scene.as_str()))
    }

    pub fn wants(&self, scene: &str) -> bool {
        self.scenes.is_empty() || self.scenes.iter().any(|wanted| wanted == scene)
    }
}
