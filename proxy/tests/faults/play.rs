//! How each fault is done, while traffic runs. Every one of them is over when its function returns.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::journal::{End, Manner};
use crate::plan::Fault;
use crate::site::{Notice, Version, block};
use crate::traffic::Traffic;

/// A restart has no more to wait for than its own work.
const LONGEST_START: Duration = Duration::from_secs(20);
/// docs/access.md: a block holds after 5 s at the latest, even when its notice is lost.
const BLOCK_HOLDS_AFTER: Duration = Duration::from_secs(5);
/// A verified token allows the clocks to differ by a minute.
const CLOCK_STEP_SECS: u64 = 25;

impl Traffic {
    pub async fn suffer(&self, fault: Fault, dice: &mut Dice) {
        let (first, site) = (usize::try_from(dice.below(2)).expect("small"), &self.site);
        let pause = Duration::from_millis(dice.between(200, 1_500));
        match fault {
            Fault::Calm => sleep(pause).await,
            Fault::EdgeKilled => self.kill_and_start(first, pause).await,
            Fault::BothEdgesKilled => {
                futures::join!(self.kill_and_start(0, pause), self.kill_and_start(1, pause / 2));
            }
            Fault::EdgesRolled => {
                for node in [first, 1 - first] {
                    self.stop_and_start(node).await;
                }
            }
            Fault::PostgresFrozen => {
                site.postgres.freeze();
                sleep(pause * 4).await;
                site.postgres.thaw();
            }
            Fault::PostgresCrashed => site.postgres.crash_and_start().await,
            Fault::RedisFrozen => {
                site.redis.freeze();
                sleep(pause * 3).await;
                site.redis.thaw();
            }
            Fault::RedisCrashed => {
                site.redis.crash().await;
                sleep(pause).await;
                site.redis.start_again().await;
            }
            Fault::EdgeKilledWithoutPostgres => self.restart_without_postgres(first, pause).await,
            Fault::SettingsChanged => self.block_somebody(Notice::Sent).await,
            Fault::NoticeLost => self.block_somebody(Notice::Lost).await,
            Fault::DiskFull => {
                let fillers: Vec<_> = site.nodes.iter().map(|node| node.fill_disk()).collect();
                sleep(pause * 2).await;
                fillers.iter().for_each(|filler| std::fs::remove_file(filler).expect("it is ours"));
            }
            Fault::ClockStepped => self.step_clocks(dice).await,
        }
    }

    async fn kill(&self, node: usize) {
        let (from, to) = self.site.nodes[node].kill().await;
        self.journal.ended(End { node, from, to, manner: Manner::Killed });
    }

    async fn kill_and_start(&self, node: usize, pause: Duration) {
        self.kill(node).await;
        sleep(pause).await;
        self.site.nodes[node].start().await;
    }

    async fn stop_and_start(&self, node: usize) {
        let from = Instant::now();
        if let Err(wrong) = self.site.nodes[node].stop(&self.site.client).await {
            self.journal.late(wrong);
        }
        self.journal.ended(End { node, from, to: Instant::now(), manner: Manner::Stopped });
        self.site.nodes[node].start().await;
    }

    async fn restart_without_postgres(&self, node: usize, pause: Duration) {
        self.site.postgres.freeze();
        sleep(pause).await;
        self.kill(node).await;
        let started = timeout(LONGEST_START, self.site.nodes[node].start()).await;
        if started.is_err() {
            self.journal.late("an edge did not start from its last configuration while Postgres was away".to_owned());
        } else {
            sleep(pause).await;
        }
        self.site.postgres.thaw();
        if started.is_err() {
            self.site.nodes[node].start().await;
        }
    }

    async fn block_somebody(&self, notice: Notice) {
        // Not one of the users whose events are counted.
        let user = format!("blocked{}", self.ending.trim_end_matches('.'));
        if let Some((status, _)) = futures::future::join_all([0, 1].map(|node| self.models_for(&user, node)))
            .await
            .into_iter()
            .find(|(status, _)| *status != 200)
        {
            self.journal.late(format!("{user} was refused with {status} before the block"));
        }
        block(&self.site.database, &self.site.proxies.openai, &user, notice).await;
        let holds_from = Instant::now() + BLOCK_HOLDS_AFTER;
        for node in [0, 1] {
            loop {
                match self.models_for(&user, node).await {
                    (status, _) if status == 401 || status == 403 => break,
                    (status, began) if began > holds_from => {
                        self.journal
                            .late(format!("{user} was told {status} more than 5 s after the block ({notice:?})"));
                        break;
                    }
                    _ => sleep(Duration::from_millis(50)).await,
                }
            }
        }
    }

    /// The status of a call, and when it began; 0 where it broke.
    async fn models_for(&self, user: &str, node: usize) -> (u16, Instant) {
        let began = Instant::now();
        let address = self.site.nodes[node].address().expect("no edge is stopped now");
        let url =
            format!("{}://{address}/{}/v1/models", self.site.nodes[node].door.scheme(), self.site.proxies.openai.slug);
        let token = self.token_of(user).await;
        let reply = self.clients.of(Version::Http1).get(url).bearer_auth(token).send().await;
        (reply.map_or(0, |reply| reply.status().as_u16()), began)
    }

    async fn step_clocks(&self, dice: &mut Dice) {
        let Some(clock) = &self.site.clock else { return };
        for step in [format!("+{CLOCK_STEP_SECS}s"), format!("-{CLOCK_STEP_SECS}s"), "+0s".to_owned()] {
            std::fs::write(clock, format!("{step}\n")).expect("it could be written before");
            sleep(Duration::from_millis(dice.between(1_200, 2_500))).await;
        }
    }
}
