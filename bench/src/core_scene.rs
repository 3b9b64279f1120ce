//! The same calls through nothing, nginx, Envoy and the edge, in turn: how many, what they cost, how long they take.

use std::time::Duration;

use crate::config::Config;
use crate::figures::{Figures, median};
use crate::load::{self, Target, Until};
use crate::process::Process;
use crate::world::World;

const CALLERS: usize = 32;

/// What stands between load and upstream.
struct System<'a> {
    name: &'static str,
    target: Target,
    process: Option<&'a Process>,
}

#[derive(Default)]
struct Samples {
    rps: Vec<f64>,
    cpu_us: Vec<f64>,
    p50_c1: Vec<f64>,
    p99_half: Vec<f64>,
}

pub async fn run(config: &Config, world: &World, figures: &mut Figures) -> anyhow::Result<()> {
    if !config.wants("core") {
        return Ok(());
    }
    let tokens = &world.tokens;
    let through = |name, peer: &'_ crate::peers::Peer| (name, world.at(peer.address, tokens));
    let peers = world.peers()?;
    let (nginx, envoy) = (through("nginx", &peers.nginx), through("envoy", &peers.envoy));
    let edge = world.at_edge(world.edge.address, tokens);
    let systems = [
        System { name: "direct", target: world.at(world.upstream.address, tokens), process: None },
        System { name: nginx.0, target: nginx.1, process: Some(&peers.nginx.process) },
        System { name: envoy.0, target: envoy.1, process: Some(&peers.envoy.process) },
        System { name: "keyward", target: edge, process: Some(&world.edge.process) },
    ];
    for system in &systems {
        // Connections, caches and counters as they are after a while.
        load::saturate(&system.target, CALLERS, Until::Elapsed(config.pace.window)).await?;
    }
    let mut samples: [Samples; 4] = Default::default();
    for round in 0..config.pace.rounds {
        for turn in 0..systems.len() {
            let at = (round + turn) % systems.len();
            saturated(config, &systems[at], &mut samples[at]).await?;
        }
    }
    let half = median(samples[3].rps.clone()) / 2.0;
    for round in 0..config.pace.rounds {
        for turn in 0..systems.len() {
            let at = (round + turn) % systems.len();
            let run = load::pace(&systems[at].target, CALLERS, half, config.pace.window / 2).await?;
            samples[at].p99_half.push(run.quantile(0.99));
        }
    }
    for (system, samples) in systems.iter().zip(samples) {
        note(figures, system, samples);
    }
    ratios(figures);
    Ok(())
}

async fn saturated(config: &Config, system: &System<'_>, samples: &mut Samples) -> anyhow::Result<()> {
    let cpu = || system.process.map_or(Duration::ZERO, Process::cpu);
    let before = cpu();
    let run = load::saturate(&system.target, CALLERS, Until::Elapsed(config.pace.window)).await?;
    samples.rps.push(run.per_second());
    samples.cpu_us.push((cpu() - before).as_secs_f64() * 1e6 / run.took.len() as f64);
    let run = load::saturate(&system.target, 1, Until::Elapsed(config.pace.window / 4)).await?;
    samples.p50_c1.push(run.quantile(0.5));
    Ok(())
}

fn note(figures: &mut Figures, system: &System<'_>, samples: Samples) {
    figures.set(system.name, "rps_c32", median(samples.rps));
    figures.set(system.name, "p50_us_c1", median(samples.p50_c1));
    figures.set(system.name, "p99_us", median(samples.p99_half));
    if let Some(process) = system.process {
        figures.set(system.name, "cpu_us_per_request", median(samples.cpu_us));
        figures.set(system.name, "rss_mb", process.resident_kib() as f64 / 1_024.0);
    }
}

fn ratios(figures: &mut Figures) {
    let get = |figures: &Figures, system: &str, name: &str| figures.get(system, name).unwrap_or(f64::NAN);
    for peer in ["nginx", "envoy"] {
        for name in ["rps_c32", "cpu_us_per_request"] {
            let ratio = get(figures, "keyward", name) / get(figures, peer, name);
            figures.set("ratios", &format!("{name}_to_{peer}"), ratio);
        }
        let added = |figures: &Figures, system| get(figures, system, "p50_us_c1") - get(figures, "direct", "p50_us_c1");
        let ratio = added(figures, "keyward") / added(figures, peer);
        figures.set("ratios", &format!("added_p50_to_{peer}"), ratio);
    }
    let added = get(figures, "keyward", "p99_us") - get(figures, "direct", "p99_us");
    figures.set("ratios", "added_p99_ms_at_half_load", added / 1_000.0);
}
