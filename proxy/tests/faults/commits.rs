//! How long after its end a request's usage was on disk, as the edges say in their metrics. What a `kill -9` may take is
//! what had not been written by then.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::site::Site;

const READ_EVERY: Duration = Duration::from_millis(150);
const NAME: &str = "keyward_edge_usage_commit_seconds_bucket{le=\"";

/// Events by the bound of time within which they were written; each holds those of the ones before it too.
type Buckets = Vec<(f64, f64)>;

/// Of one round; a process by its operator's address.
#[derive(Default)]
pub struct Commits {
    before: HashMap<String, Buckets>,
    after: HashMap<String, Buckets>,
}

impl Commits {
    /// Reads on until `stop`: of a process that is killed, what it said last counts.
    pub async fn follow(site: Arc<Site>, stop: CancellationToken) -> Self {
        let before = read(&site).await;
        let mut commits = Self { before, after: HashMap::new() };
        loop {
            commits.after.extend(read(&site).await);
            if timeout(READ_EVERY, stop.cancelled()).await.is_ok() {
                commits.after.extend(read(&site).await);
                return commits;
            }
        }
    }

    /// Within this time so large a part of the events was written; of none it says nothing.
    pub fn within(&self, part: f64) -> Option<Duration> {
        let mut sums: Buckets = Vec::new();
        for (process, after) in &self.after {
            for (at, (bound, count)) in after.iter().enumerate() {
                let known = self.before.get(process).and_then(|before| before.get(at)).map_or(0.0, |before| before.1);
                match sums.get_mut(at) {
                    Some(sum) => sum.1 += count - known,
                    None => sums.push((*bound, count - known)),
                }
            }
        }
        let all = sums.last().map_or(0.0, |last| last.1);
        let (bound, _) = sums.iter().find(|(_, count)| *count >= all * part && all > 0.0)?;
        // Beyond the last bound nobody knows.
        Some(Duration::from_secs_f64(if bound.is_finite() { *bound } else { 10.0 }))
    }
}

async fn read(site: &Site) -> HashMap<String, Buckets> {
    let mut found = HashMap::new();
    for ops in site.nodes.iter().filter_map(|node| node.ops()) {
        let Ok(reply) = site.client.get(format!("{ops}/metrics")).send().await else { continue };
        let Ok(text) = reply.text().await else { continue };
        let buckets = text.lines().filter_map(|line| line.strip_prefix(NAME)?.split_once("\"} "));
        let number = |text: &str| text.replace("+Inf", "inf").parse::<f64>().ok();
        let buckets: Buckets = buckets.filter_map(|(bound, count)| number(bound).zip(number(count))).collect();
        if !buckets.is_empty() {
            found.insert(ops, buckets);
        }
    }
    found
}

#[test]
fn a_part_of_the_events_is_within_the_first_bound_that_holds_so_many_since_the_round_began() {
    let of = |counts: [f64; 3]| {
        HashMap::from([("a".to_owned(), vec![(0.02, counts[0]), (0.05, counts[1]), (f64::INFINITY, counts[2])])])
    };
    let commits = Commits { before: of([0.0, 50.0, 60.0]), after: of([60.0, 149.0, 160.0]) };
    let millis = |part| commits.within(part).map(|within| within.as_millis());
    assert_eq!([millis(0.5), millis(0.99), millis(1.0)], [Some(20), Some(50), Some(10_000)]);
    assert_eq!(Commits::default().within(1.0), None);
}
