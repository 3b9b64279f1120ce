//! What counting together with other nodes adds to a call: the edge with Redis beside the edge that counts alone.

use crate::config::Config;
use crate::figures::{Figures, median};
use crate::load::{self, Until};
use crate::world::{self, World};

pub async fn run(config: &Config, world: &World, figures: &mut Figures) -> anyhow::Result<()> {
    let Some(url) = config.redis_url.clone().filter(|_| config.wants("redis")) else { return Ok(()) };
    let shared = world::edge(config, "edge-redis", &world.database.url, &[("REDIS_URL", url)]).await?;
    let targets = [&world.edge, &shared].map(|edge| world.at_edge(edge.address, &world.tokens));
    let mut p50 = [Vec::new(), Vec::new()];
    for round in 0..config.pace.rounds {
        for turn in 0..2 {
            let at = (round + turn) % 2;
            let run = load::saturate(&targets[at], 1, Until::Elapsed(config.pace.window / 4)).await?;
            p50[at].push(run.quantile(0.5));
        }
    }
    let [alone, together] = p50.map(median);
    figures.set("redis", "p50_us_c1_alone", alone);
    figures.set("redis", "p50_us_c1_with_redis", together);
    figures.set("redis", "added_p50_us", together - alone);
    Ok(())
}
