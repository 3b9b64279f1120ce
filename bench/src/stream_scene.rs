//! Many open streams: how late their events come when all of them talk, and what they weigh when none does.

use std::time::Duration;

use anyhow::ensure;
use futures::future::try_join_all;
use memchr::memmem;
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::Config;
use crate::exchange::Exchange;
use crate::figures::Figures;
use crate::load::Target;
use crate::process::Process;
use crate::upstream::SILENT;
use crate::world::{self, World};

const STREAMS: usize = 5_000;
const QUICK_STREAMS: usize = 500;
/// Streams that are opened at once.
const BATCH: usize = 100;
const WINDOW: Duration = Duration::from_secs(6);

pub async fn run(config: &Config, world: &World, figures: &mut Figures) -> anyhow::Result<()> {
    if !config.wants("streams") {
        return Ok(());
    }
    let count = if config.pace.is_quick { QUICK_STREAMS } else { STREAMS };
    figures.set("streams", "open", count as f64);
    let edge = world::edge(config, "edge-streams", &world.database.url, &[]).await?;
    figures.set("streams", "keyward_idle_rss_mb", edge.process.resident_kib() as f64 / 1_024.0);
    let slug = &world.seeded.slug;
    let path = format!("/{slug}/v1/chat/completions");
    idle(&talk(world, edge.address, &path, SILENT), &edge.process, count, figures).await?;
    let peers = world.peers()?;
    let plain = "/v1/chat/completions";
    let systems = [
        ("direct", world.upstream.address, plain, None),
        ("nginx", peers.nginx.address, plain, Some(&peers.nginx.process)),
        ("envoy", peers.envoy.address, plain, Some(&peers.envoy.process)),
        ("keyward", edge.address, &path, Some(&edge.process)),
    ];
    for (name, address, path, process) in systems {
        let cpu = || process.map_or(Duration::ZERO, Process::cpu);
        let mut streams = opened(&talk(world, address, path, "hello"), count).await?;
        let (began, before) = (Instant::now(), cpu());
        let late = listen(world, &mut streams).await?;
        let busy = (cpu() - before).as_secs_f64() / began.elapsed().as_secs_f64();
        figures.set("streams", &format!("{name}_late_p99_ms"), quantile(&late, 0.99));
        figures.set("streams", &format!("{name}_late_max_ms"), quantile(&late, 1.0));
        figures.set("streams", &format!("{name}_events_per_s"), late.len() as f64 / WINDOW.as_secs_f64());
        if process.is_some() {
            figures.set("streams", &format!("{name}_cpu_of_a_core"), busy);
        }
    }
    Ok(())
}

pub fn talk(world: &World, address: std::net::SocketAddr, path: &str, text: &str) -> Target {
    let body = world::body(text, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    Target { address, requests: world.tokens.iter().map(|token| world::request(path, token, &body)).collect() }
}

pub async fn opened(target: &Target, count: usize) -> anyhow::Result<Vec<Exchange>> {
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let from = streams.len();
        let opening = (from..count.min(from + BATCH)).map(|at| async move {
            let mut stream = Exchange::open(target.address).await?;
            let status = stream.open_stream(&target.requests[at % target.requests.len()]).await?;
            ensure!(status == 200, "a stream was refused with {status}");
            anyhow::Ok(stream)
        });
        streams.extend(try_join_all(opening).await?);
    }
    Ok(streams)
}

async fn idle(target: &Target, process: &Process, count: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let before = process.resident_kib();
    let mut streams = opened(target, count).await?;
    for stream in &mut streams {
        stream.more().await?;
    }
    sleep(Duration::from_secs(1)).await;
    let grown = process.resident_kib().saturating_sub(before);
    figures.set("streams", "keyward_kib_per_idle_stream", grown as f64 / count as f64);
    Ok(())
}

/// How late each event came, in milliseconds, in ascending order.
pub async fn listen(world: &World, streams: &mut [Exchange]) -> anyhow::Result<Vec<f64>> {
    let until = Instant::now() + WINDOW;
    let listening = streams.iter_mut().map(|stream| async move {
        let mut late = Vec::new();
        while let Ok(buffer) = timeout_at(until, stream.more()).await {
            let buffer = buffer?;
            let now = world.epoch.micros(Instant::now());
            let mut read = 0;
            while let Some((left_at, end)) = next_event(&buffer[read..]) {
                late.push(now.saturating_sub(left_at) as f64 / 1_000.0);
                read += end;
            }
            // Of an event in two pieces, the first one is forgotten with its time: there are enough.
            buffer.clear();
        }
        anyhow::Ok(late)
    });
    let mut late = try_join_all(listening.map(Box::pin)).await?.concat();
    late.sort_by(f64::total_cmp);
    Ok(late)
}

fn next_event(text: &[u8]) -> Option<(u64, usize)> {
    let from = memmem::find(text, b"at=")? + 3;
    let length = memchr::memchr(b';', &text[from..])?;
    let left_at = std::str::from_utf8(&text[from..from + length]).ok()?.parse().ok()?;
    Some((left_at, from + length))
}

fn quantile(ascending: &[f64], part: f64) -> f64 {
    let last = ascending.len().saturating_sub(1);
    ascending.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}
