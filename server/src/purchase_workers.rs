//! The work on purchases that goes on behind the pages: readings, the reconciler, the tiers of
//! accounts and the mails about them. Must not know what they do.

use std::time::Duration;

use keyward_control::Control;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub struct PurchaseWorkers {
    running: JoinSet<()>,
    stop: CancellationToken,
}

/// The start does not wait for Stripe.
async fn say_faults_of_prices(control: &Control) {
    for fault in control.faults_of_prices().await {
        tracing::error!("{fault}");
    }
}

impl PurchaseWorkers {
    pub fn start(control: &Control) -> Self {
        let (mut running, stop) = (JoinSet::new(), CancellationToken::new());
        let (reading, reconciling, keeping) = (control.clone(), control.clone(), control.clone());
        let (stop_reading, stop_reconciling, stop_keeping) = (stop.clone(), stop.clone(), stop.clone());
        let (telling, stop_telling) = (control.clone(), stop.clone());
        running.spawn(async move { reading.keep_purchases_read(stop_reading).await });
        running.spawn(async move { keeping.keep_tiers(stop_keeping).await });
        running.spawn(async move { telling.keep_notices_sent(stop_telling).await });
        let (looking, stop_looking) = (control.clone(), stop.clone());
        running.spawn(async move {
            tokio::select! {
                () = say_faults_of_prices(&looking) => {}
                () = stop_looking.cancelled() => {}
            }
        });
        running.spawn(async move { reconciling.keep_purchases_reconciled(stop_reconciling).await });
        Self { running, stop }
    }

    /// What is cut off after `longest` is done again by the next start.
    pub async fn stop(mut self, longest: Duration) {
        self.stop.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(longest, all).await.is_err() {
            tracing::warn!("readings of purchases did not end in time; they are done again at the next start");
        }
    }
}
