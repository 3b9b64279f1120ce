//! One round: traffic, a fault in the middle of it, quiet, and then everything that must hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::commits::Commits;
use crate::dice::Dice;
use crate::journal::{Ending, Journal, Manner};
use crate::judge::limits::Allowance;
use crate::judge::metering::{Evidence, Verdict};
use crate::judge::{limits, metering, permitted};
use crate::level::Levels;
use crate::plan::Fault;
use crate::pulse::Pulse;
use crate::site::{LIMITS, Site, files_below, metric, metric_falls_to};
use crate::traffic::{DEADLINE, LIMITED, Traffic};
use crate::truth::{Truth, follow};
use crate::{events, leaks};

/// Until what was queued is in Postgres, after it was away.
const USAGE_ARRIVES_IN: Duration = Duration::from_secs(40);
/// Streams whose client is gone end at once; those that nobody reads, after the edge's own times.
const QUIET_IN: Duration = Duration::from_secs(20);

pub struct Round {
    pub number: u64,
    pub fault: Fault,
}

/// What was seen, for the report.
#[derive(Default)]
pub struct Summary {
    pub calls: usize,
    pub reached: usize,
    pub metered: usize,
    pub excused: usize,
    pub broken: usize,
    pub loss_window: Duration,
    pub oldest_lost: Option<Duration>,
    pub commits: Commits,
    /// The machine, for so long; then what depends on time is named and not judged.
    pub stood_still: Option<Duration>,
    pub unjudged: Vec<String>,
    /// Events of everybody whose name ends so.
    pub ending: String,
}

impl Round {
    /// What is wrong; nothing where all is well.
    pub async fn play(&self, site: &Arc<Site>, dice: &Dice, levels: &mut Levels) -> (Summary, Vec<String>) {
        let mut dice = dice.for_part(self.number + 1);
        let (over, seen_all) = (CancellationToken::new(), CancellationToken::new());
        let after = seen_so_far(site).await;
        let truth = tokio::spawn(follow(site.client.clone(), site.emulator.clone(), after, seen_all.clone()));

        let commits = tokio::spawn(Commits::follow(site.clone(), seen_all.clone()));
        let pulse = Pulse::start(site.nodes[0].data.join("pulse"));
        let traffic = Arc::new(Traffic::new(site.clone(), self.number));
        let (journal, ending) = (traffic.journal.clone(), traffic.ending.clone());
        let (running, traffic_dice, ends) = (traffic.clone(), dice.clone(), over.clone());
        let running = tokio::spawn(async move { running.run(&traffic_dice, &ends).await });
        sleep(Duration::from_millis(dice.between(1_000, 2_500))).await;
        traffic.suffer(self.fault, &mut dice).await;
        sleep(Duration::from_millis(dice.between(1_000, 2_000))).await;
        over.cancel();
        let mut late = Vec::new();
        // A call that hangs is noted by the client itself; this is for the runner's own sake.
        if timeout(DEADLINE * 3, running).await.is_err() {
            late.push("the traffic did not come to an end".to_owned());
        }
        drop(traffic);

        late.extend(quiet(site).await);
        seen_all.cancel();
        let commits = commits.await.expect("no panic");
        let loss_window = pulse.loss_window(commits.within(1.0));
        let truth = truth.await.expect("no panic").expect("the emulator's ledger is read in time");
        let (verdict, metered) = self.usage(site, &journal, (&truth, loss_window), &ending).await;
        let mut wrong: Vec<String> = Vec::new();
        wrong.extend(verdict.wrong.iter().chain(&verdict.missing).cloned());
        wrong.extend(self.rest(site, &journal, &truth).await);
        for node in &site.nodes {
            wrong.extend(node.held().await.map(|held| levels.judge(held)).unwrap_or_default());
        }
        late.extend(of_time(&journal));
        let stood_still = pulse.stood_still();
        let unjudged = if stood_still.is_some() {
            late
        } else {
            wrong.append(&mut late);
            Vec::new()
        };
        let calls = journal.calls();
        let broken = calls.iter().filter(|call| call.ending == Ending::Broken).count();
        let summary = Summary {
            calls: calls.len(),
            reached: truth.len(),
            metered,
            excused: verdict.excused,
            broken,
            loss_window,
            oldest_lost: verdict.oldest_lost,
            commits,
            stood_still,
            unjudged,
            ending,
        };
        (summary, wrong)
    }

    /// Waits for what is missing, not for what is wrong.
    async fn usage(
        &self,
        site: &Site,
        journal: &Journal,
        (truth, loss_window): (&Truth, Duration),
        ending: &str,
    ) -> (Verdict, usize) {
        let (calls, ends, since) = (journal.calls(), journal.ends(), Instant::now());
        loop {
            let events = events::of_users(&site.database, ending).await;
            let verdict = metering::judge(Evidence { calls: &calls, ends: &ends, truth, events: &events, loss_window });
            if verdict.missing.is_empty() || since.elapsed() > USAGE_ARRIVES_IN {
                return (verdict, events.len());
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    async fn rest(&self, site: &Site, journal: &Journal, truth: &Truth) -> Vec<String> {
        let (calls, ends) = (journal.calls(), journal.ends());
        let mut wrong = journal.wrongs();
        wrong.extend(permitted::judge(truth));
        let log: String = site.nodes.iter().map(|node| node.take_log()).collect();
        let panics = log.lines().filter(|line| line.contains("panicked"));
        wrong.extend(panics.map(|line| format!("an edge panicked: {line}")));
        let redis_was_away = log.contains("Redis can't be reached");
        let kills = ends.iter().filter(|end| end.manner == Manner::Killed).count();
        let allowance = Allowance::in_round(LIMITS, redis_was_away, kills);
        wrong.extend(limits::judge(&calls, truth, LIMITED, allowance));
        wrong.extend(leaks::in_writing(log.as_bytes()).map(|what| format!("the log holds {what}")));
        let dump = site.postgres.dump(&site.database.url()).await;
        wrong.extend(leaks::in_writing(&dump).map(|what| format!("the database holds {what}")));
        for node in &site.nodes {
            let lost = metric(node, &site.client, "keyward_edge_usage_events_dropped_total").await;
            wrong.extend(
                lost.filter(|lost| *lost > 0.0).map(|lost| format!("an edge says that {lost} events are lost")),
            );
            wrong.extend(leaks::in_files(files_below(&node.data)));
        }
        wrong
    }
}

/// What goes wrong too where nobody gets any time.
fn of_time(journal: &Journal) -> Vec<String> {
    let (calls, ends) = (journal.calls(), journal.ends());
    let mut late = journal.lates();
    let unexplained = calls.iter().filter(|call| call.broke_without_cause(&ends));
    late.extend(unexplained.map(|call| {
        format!("{} of {} broke off without a cause ({}): {:?}", call.method, call.user, call.way(), call.broke)
    }));
    let hung = calls.iter().filter(|call| call.ending == Ending::Hung);
    late.extend(hung.map(|call| format!("{} of {} hung for more than {DEADLINE:?}", call.method, call.user)));
    late
}

async fn seen_so_far(site: &Site) -> u64 {
    counts(site).await["total"].as_u64().expect("a number")
}

async fn counts(site: &Site) -> Value {
    let reply = site.client.get(format!("{}/_seen/count", site.emulator)).send().await;
    reply.expect("the emulator answers").json().await.expect("JSON")
}

async fn any_socket(site: &Site) -> bool {
    let reply = site.client.get(format!("{}/_sockets", site.emulator)).send().await;
    let sockets: Value = reply.expect("the emulator answers").json().await.expect("JSON");
    sockets.as_array().into_iter().flatten().any(|socket| socket["open"] == true)
}

/// When nobody asks for anything, nothing is under way.
async fn quiet(site: &Site) -> Vec<String> {
    let mut wrong = Vec::new();
    for node in &site.nodes {
        if !metric_falls_to(node, &site.client, "keyward_edge_connections_open", 0.0, QUIET_IN).await {
            wrong.push("client connections are open that nobody has".to_owned());
        }
    }
    let ended = timeout(QUIET_IN, async {
        while counts(site).await["in_flight"] != 0 || any_socket(site).await {
            sleep(Duration::from_millis(50)).await;
        }
    });
    if ended.await.is_err() {
        wrong.push("calls to the provider are under way that nobody waits for".to_owned());
    }
    wrong
}
