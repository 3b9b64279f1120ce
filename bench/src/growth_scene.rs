//! Ten proxies and a hundred thousand, few users and a million: what each user weighs, and whether calls get slower.

use bytes::Bytes;

use crate::config::Config;
use crate::database::Database;
use crate::figures::{Figures, median};
use crate::load::{self, Target, Until};
use crate::seed::{self, SHARED_ISSUER, Seeded};
use crate::tokens::Algorithm;
use crate::world::{self, World};

const CALLERS: usize = 32;
const APPS: usize = 10_000;
const USERS: usize = 1_000_000;
const QUICK_APPS: usize = 100;
const QUICK_USERS: usize = 20_000;
const PROXIES_PER_APP: usize = 10;
/// Users whose requests are prepared at once.
const BATCH: usize = 50_000;
const ROUNDS: usize = 7;

pub async fn run(config: &Config, world: &World, figures: &mut Figures) -> anyhow::Result<()> {
    if !config.wants("growth") {
        return Ok(());
    }
    let (apps, users) = if config.pace.is_quick { (QUICK_APPS, QUICK_USERS) } else { (APPS, USERS) };
    let database = Database::create(&config.postgres_url, "bench_grown").await?;
    let seeded = seed::plant(&database, world.upstream.address)?;
    seed::multiply(&database, &seeded, apps, PROXIES_PER_APP)?;
    let edge = world::edge(config, "edge-grown", &database.url, &[]).await?;
    let resident = || edge.process.resident_kib() as f64;
    figures.set("growth", "proxies", (apps * PROXIES_PER_APP) as f64);
    figures.set("growth", "users", users as f64);
    figures.set("growth", "rss_mb_with_all_proxies", resident() / 1_024.0);
    let large = world::target(edge.address, &path(&seeded), &world.tokens, "hello");
    load::saturate(&large, CALLERS, Until::Elapsed(config.pace.window)).await?;

    let before = resident();
    for from in (0..users).step_by(BATCH) {
        let requests = requests(world, &seeded, from..users.min(from + BATCH))?;
        load::saturate(&Target { address: edge.address, requests }, CALLERS, Until::AllSent).await?;
    }
    figures.set("growth", "bytes_per_user", (resident() - before) * 1_024.0 / users as f64);

    let small = world.at_edge(world.edge.address, &world.tokens);
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for turn in 0..2 {
            let at = (round + turn) % 2;
            let run = load::saturate([&small, &large][at], CALLERS, Until::Elapsed(config.pace.window / 2)).await?;
            rates[at].push(run.per_second());
        }
    }
    let [small, large] = rates.map(median);
    figures.set("ratios", "rps_grown_to_small", large / small);
    Ok(())
}

fn path(seeded: &Seeded) -> String {
    format!("/{}/v1/chat/completions", seeded.slug)
}

fn requests(world: &World, seeded: &Seeded, users: std::ops::Range<usize>) -> anyhow::Result<std::sync::Arc<[Bytes]>> {
    let body = world::body("hello", "");
    let request = |user| {
        let token = world.mint.token(SHARED_ISSUER, Algorithm::Hs256, &format!("grown-{user}"), user)?;
        Ok(world::request(&path(seeded), &token, &body))
    };
    users.map(request).collect()
}
