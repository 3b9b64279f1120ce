//! Callers: as fast as answers come, or at a given rate. Gives how long each answer took.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::{Instant, sleep_until};

use crate::exchange::Exchange;

/// Whom to call with what; the requests are sent in turn.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub requests: Arc<[Bytes]>,
}

pub struct Run {
    pub elapsed: Duration,
    /// In ascending order.
    pub took: Vec<Duration>,
}

impl Run {
    pub fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// In µs.
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.took.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        self.took.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1e6)
    }
}

#[derive(Clone, Copy)]
pub enum Until {
    Elapsed(Duration),
    /// Each request was sent once.
    AllSent,
}

/// Each caller sends as soon as it has its answer.
pub async fn saturate(target: &Target, callers: usize, until: Until) -> anyhow::Result<Run> {
    let mut connections = try_join_all((0..callers).map(|_| Exchange::open(target.address))).await?;
    let began = Instant::now();
    let calling = connections.iter_mut().enumerate().map(|(caller, connection)| async move {
        let (mut took, mut at) = (Vec::new(), caller);
        loop {
            let sent = Instant::now();
            let is_over = match until {
                Until::Elapsed(window) => sent - began >= window,
                Until::AllSent => at >= target.requests.len(),
            };
            if is_over {
                return anyhow::Ok(took);
            }
            connection.call(&target.requests[at % target.requests.len()]).await?;
            took.push(sent.elapsed());
            at += callers;
        }
    });
    let took = try_join_all(calling.map(Box::pin)).await?;
    Ok(gathered(began, &took))
}

/// So many calls a second in all. A caller whose answer comes too late for its next call counts the wait.
pub async fn pace(target: &Target, callers: usize, per_second: f64, window: Duration) -> anyhow::Result<Run> {
    let mut connections = try_join_all((0..callers).map(|_| Exchange::open(target.address))).await?;
    let began = Instant::now();
    let (period, step) = (callers as f64 / per_second, 1.0 / per_second);
    let calling = connections.iter_mut().enumerate().map(|(caller, connection)| async move {
        let mut took = Vec::new();
        for turn in 0.. {
            let due = began + Duration::from_secs_f64(caller as f64 * step + f64::from(turn) * period);
            if due - began >= window {
                break;
            }
            let is_late = Instant::now() > due;
            sleep_until(due).await;
            // The clock of sleeping is coarse; its error is nobody's.
            let sent = if is_late { due } else { Instant::now() };
            let at = caller + turn as usize * callers;
            connection.call(&target.requests[at % target.requests.len()]).await?;
            took.push(sent.elapsed());
        }
        anyhow::Ok(took)
    });
    let took = try_join_all(calling.map(Box::pin)).await?;
    Ok(gathered(began, &took))
}

fn gathered(began: Instant, took: &[Vec<Duration>]) -> Run {
    let elapsed = began.elapsed();
    let mut took = took.concat();
    took.sort_unstable();
    Run { elapsed, took }
}
