//! Measures the edge beside nginx and Envoy: one process is load and upstream, the proxies are its children on a core of
//! their own. Knows nothing of how the edge works; `scripts/bench.sh` builds, installs and pins what it needs.

mod config;
mod core_scene;
mod database;
mod exchange;
mod figures;
mod growth_scene;
mod load;
mod machine;
mod peers;
mod process;
mod redis_scene;
mod report;
mod seed;
mod stream_scene;
mod token_scene;
mod tokens;
mod training_scene;
mod upstream;
mod world;

use std::process::ExitCode;

use crate::config::Config;
use crate::figures::Figures;
use crate::world::World;

/// One thread: load and upstream share the core that the proxies don't have.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keyward-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> anyhow::Result<()> {
    let config = Config::from_args()?;
    let world = World::build(&config).await?;
    let mut figures = Figures::default();
    if !config.compares() {
        return training_scene::run(&config, &world).await;
    }
    core_scene::run(&config, &world, &mut figures).await?;
    token_scene::run(&config, &world, &mut figures).await?;
    stream_scene::run(&config, &world, &mut figures).await?;
    redis_scene::run(&config, &world, &mut figures).await?;
    // The next one is the longest, and takes the most memory: what is known so far is kept.
    report::write(&config, &figures)?;
    growth_scene::run(&config, &world, &mut figures).await?;
    report::write(&config, &figures)?;
    Ok(())
}
