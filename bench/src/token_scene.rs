//! Tokens that were never seen before: the edge, whose cache can't know them, beside Envoy without a cache.

use crate::config::Config;
use crate::figures::{Figures, median};
use crate::load::{self, Target, Until};
use crate::peers::{self, TokenCache};
use crate::process::Process;
use crate::tokens::Algorithm;
use crate::world::World;

const CALLERS: usize = 32;
const TOKENS: usize = 3_000;
const QUICK_TOKENS: usize = 1_000;
const ROUNDS: usize = 3;

pub async fn run(config: &Config, world: &World, figures: &mut Figures) -> anyhow::Result<()> {
    if !config.wants("tokens") {
        return Ok(());
    }
    let (issuer, key_set) = (world.issuer(), world.key_set());
    let envoy = peers::envoy(config, world.upstream.address, &key_set, (&issuer, TokenCache::Off)).await?;
    let count = if config.pace.is_quick { QUICK_TOKENS } else { TOKENS };
    let mut serial = 1_000_000;
    for (name, algorithm) in [("rs256", Algorithm::Rs256), ("es256", Algorithm::Es256)] {
        let mut samples: [Vec<Sample>; 2] = Default::default();
        for _ in 0..ROUNDS {
            let fresh = (serial..serial + count).map(|at| {
                let user = format!("user-{}", at % 64);
                world.mint.token(&issuer, algorithm, &user, at)
            });
            let fresh: Vec<String> = fresh.collect::<anyhow::Result<_>>()?;
            serial += count;
            samples[0].push(sample(&world.at(envoy.address, &fresh), &envoy.process).await?);
            samples[1].push(sample(&world.at_edge(world.edge.address, &fresh), &world.edge.process).await?);
        }
        let [envoy, keyward] = samples.map(Sample::median);
        for (system, sample) in [("envoy", &envoy), ("keyward", &keyward)] {
            figures.set(&format!("unseen_{name}"), &format!("{system}_rps"), sample.rps);
            figures.set(&format!("unseen_{name}"), &format!("{system}_cpu_us_per_request"), sample.cpu_us);
        }
        figures.set("ratios", &format!("unseen_{name}_rps_to_envoy"), keyward.rps / envoy.rps);
        figures.set("ratios", &format!("unseen_{name}_cpu_to_envoy"), keyward.cpu_us / envoy.cpu_us);
    }
    Ok(())
}

struct Sample {
    rps: f64,
    cpu_us: f64,
}

impl Sample {
    fn median(samples: Vec<Self>) -> Self {
        let (rps, cpu_us) = samples.into_iter().map(|sample| (sample.rps, sample.cpu_us)).unzip();
        Self { rps: median(rps), cpu_us: median(cpu_us) }
    }
}

async fn sample(target: &Target, process: &Process) -> anyhow::Result<Sample> {
    let before = process.cpu();
    let run = load::saturate(target, CALLERS, Until::AllSent).await?;
    let cpu_us = (process.cpu() - before).as_secs_f64() * 1e6 / run.took.len() as f64;
    Ok(Sample { rps: run.per_second(), cpu_us })
}
