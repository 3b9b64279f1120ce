//! `make faults SEED=… MINUTES=…`: two edges, Postgres, Redis and the emulator, through a seed's faults, one after the
//! other. The emulator's ledger and the clients' journal are the truth; docs/faults.md says what must hold.

mod commits;
mod dice;
mod events;
#[expect(dead_code, unused_imports, reason = "the edge's other tests use the rest of it")]
#[path = "../it/harness/mod.rs"]
mod harness;
mod journal;
mod judge;
mod leaks;
mod level;
mod plan;
mod play;
mod pulse;
mod round;
mod settings;
mod site;
mod traffic;
mod truth;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::level::Levels;
use crate::plan::{ALL, Fault, Plan};
use crate::round::Round;
use crate::settings::Settings;
use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Postgres and a Redis of its own and takes minutes: make faults"]
async fn whatever_fails_nothing_leaks_is_lost_or_counted_twice() {
    let settings = Settings::from_env();
    println!("seed {}, {:.1} minutes", settings.seed, settings.lasts.as_secs_f64() / 60.0);
    let (dice, ends) = (Dice::of(settings.seed), Instant::now() + settings.lasts);
    let mut plan = Plan::new(&dice, possible(&settings));
    let site = Arc::new(Site::start(&settings).await);
    let (mut levels, mut played) = (Levels::default(), Vec::new());
    for number in 0.. {
        let round = Round { number, fault: plan.next() };
        let began = Instant::now();
        let (summary, wrong) = round.play(&site, &dice, &mut levels).await;
        println!(
            "round {number:2} {:<26} {:4.1} s: {} calls, {} reached the provider, {} metered, {} excused, {} broken, window {} ms, on disk after {}, lost {}",
            format!("{:?}", round.fault),
            began.elapsed().as_secs_f64(),
            summary.calls,
            summary.reached,
            summary.metered,
            summary.excused,
            summary.broken,
            summary.loss_window.as_millis(),
            [0.5, 0.99, 1.0].map(|part| millis(summary.commits.within(part))).join("/"),
            millis(summary.oldest_lost),
        );
        if let Some(stood_still) = summary.stood_still {
            println!("  the machine stood still for {stood_still:?}; not judged: {:?}", summary.unjudged);
        }
        assert!(
            wrong.is_empty(),
            "seed {}, round {number}, after {:?}:\n  {}",
            settings.seed,
            round.fault,
            wrong.join("\n  ")
        );
        played.push(summary);
        if Instant::now() > ends {
            break;
        }
    }
    for (number, summary) in played.iter().enumerate() {
        let metered = events::of_users(&site.database, &summary.ending).await.len();
        assert_eq!(metered, summary.metered, "seed {}: events of round {number} came or went later", settings.seed);
    }
    assert_eq!(events::wrong_sums(&site.database).await, None, "seed {}", settings.seed);
    println!("seed {}: everything held", settings.seed);
}

fn millis(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| format!("{} ms", time.as_millis()))
}

/// What this machine can play.
fn possible(settings: &Settings) -> Vec<Fault> {
    let is_possible = |fault: &Fault| match fault {
        Fault::ClockStepped => settings.faketime.is_some(),
        Fault::DiskFull => settings.small_disks.is_some(),
        Fault::EdgeKilled
        | Fault::BothEdgesKilled
        | Fault::EdgesRolled
        | Fault::PostgresFrozen
        | Fault::PostgresCrashed
        | Fault::RedisFrozen
        | Fault::RedisCrashed
        | Fault::SettingsChanged
        | Fault::NoticeLost
        | Fault::EdgeKilledWithoutPostgres
        | Fault::Calm => true,
    };
    let is_wanted = |fault: &Fault| settings.faults.is_empty() || settings.faults.contains(&format!("{fault:?}"));
    ALL.into_iter().filter(is_possible).filter(is_wanted).collect()
}
