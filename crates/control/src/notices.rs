//! Sends what the owners of accounts are told by mail. What was decided is in the database: a mail is sent at least once,
//! by whichever server comes first, and a mail server that is away holds up nothing else.

use std::time::Duration as Wait;

use keyward_store::account_notices::DueNoticeMail;
use time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::purchases::backoff;
use crate::sign_up::parse_email;
use crate::{Control, ControlError, mail_texts};

const LOOKS_EVERY: Wait = Wait::from_secs(5);
/// A mail server that takes longer did not take the mail.
const LONGEST_TRY: Wait = Wait::from_secs(60);
/// Longer than a try: whoever holds a mail for so long has crashed.
const HELD_FOR: Duration = Duration::minutes(5);
const BACKOFF: (Duration, Duration) = (Duration::minutes(1), Duration::hours(1));
/// After that, it is no news any more.
const GIVEN_UP_AFTER: Duration = Duration::days(3);

/// Whether to go on with the next mail at once.
#[derive(PartialEq, Eq)]
enum Sent {
    Yes,
    /// The next may fare no better: it waits for the next look.
    No,
}

impl Control {
    /// Until `stop`; where no money is taken, nobody is told of tiers.
    pub async fn keep_notices_sent(&self, stop: CancellationToken) {
        if self.taking_money().is_none() {
            return;
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                done = self.send_due_notices() => {
                    if let Err(error) = done {
                        tracing::warn!(%error, "mails to owners of accounts can't be looked up now; they are sent later");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(LOOKS_EVERY) => {}
            }
        }
    }

    /// Until none is due, or one could not be sent.
    pub async fn send_due_notices(&self) -> Result<(), ControlError> {
        loop {
            let now = self.now();
            let Some(due) = self.store().take_notice_mail(now, now + HELD_FOR, GIVEN_UP_AFTER).await? else {
                return Ok(());
            };
            if self.send_notice(&due).await? == Sent::No {
                return Ok(());
            }
        }
    }

    async fn send_notice(&self, due: &DueNoticeMail) -> Result<Sent, ControlError> {
        let (notice, kind) = (&due.notice.0, due.notice.0.kind.name());
        let mail = mail_texts::account_notice(self.settings(), parse_email(&due.email)?, &due.account_name, notice);
        let tried = timeout(LONGEST_TRY, self.mailer().try_once(self.store(), &mail, self.now())).await;
        match tried.unwrap_or(Err("the mail server did not answer in time")) {
            Ok(()) => {
                self.store().notice_mail_sent(due, self.now()).await?;
                tracing::info!(account = %due.account(), member = %due.member(), kind, "told an owner of an account");
                Ok(Sent::Yes)
            }
            Err(why) => {
                tracing::warn!(account = %due.account(), member = %due.member(), kind, why, "a mail was not sent; trying again later");
                let wait = backoff::wait(due.failures, BACKOFF, None, backoff::jitter());
                self.store().notice_mail_failed(due, self.now() + wait).await?;
                Ok(Sent::No)
            }
        }
    }
}
