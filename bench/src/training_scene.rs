//! What an edge does all day, for the compiler to learn from: calls, streams, tokens it knows and tokens it doesn't, and
//! calls that are refused; or calls alone, for a profiler. Nothing is measured.

use crate::config::Config;
use crate::load::{self, Target, Until};
use crate::stream_scene::{listen, opened, talk};
use crate::tokens::Algorithm;
use crate::world::World;

/// Of these, one at a time, and nothing else.
pub const NAMES: [&str; 2] = ["training", "calls"];
const CALLERS: usize = 32;
const STREAMS: usize = 200;
const TOKENS: usize = 400;
const CALLS: usize = 20_000;

pub async fn run(config: &Config, world: &World) -> anyhow::Result<()> {
    let edge = world.edge.address;
    if config.wants("calls") {
        for _ in 0..config.pace.rounds {
            load::saturate(&world.at_edge(edge, &world.tokens), CALLERS, Until::Elapsed(config.pace.window)).await?;
        }
        return Ok(());
    }
    let path = format!("/{}/v1/chat/completions", world.seeded.slug);
    let known = world.at_edge(edge, &world.tokens);
    let many: Vec<_> = known.requests.iter().cycle().take(CALLS).cloned().collect();
    load::saturate(&Target { requests: many.into(), ..known }, CALLERS, Until::AllSent).await?;
    load::saturate(&world.at_edge(edge, &world.tokens), 1, Until::Elapsed(config.pace.window)).await?;
    for (number, algorithm) in [Algorithm::Rs256, Algorithm::Es256].into_iter().enumerate() {
        let token = |at| world.mint.token(&world.issuer(), algorithm, &format!("user-{}", at % 64), at);
        let first = 2_000_000 + number * TOKENS;
        let fresh: Vec<String> = (first..first + TOKENS).map(token).collect::<anyhow::Result<_>>()?;
        load::saturate(&world.at_edge(edge, &fresh), CALLERS, Until::AllSent).await?;
    }
    let mut streams = opened(&talk(world, edge, &path, "hello"), STREAMS).await?;
    listen(world, &mut streams).await?;
    Ok(())
}
