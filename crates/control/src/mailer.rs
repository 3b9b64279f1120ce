//! Delivery of mails: by SMTP, or into the database where there is no mail server (development).
//! Neither address nor text goes into a log, nor the mail server's words, which may repeat them.

use std::time::Duration;

use keyward_domain::validate::EmailAddress;
use keyward_store::Store;
use keyward_store::mails::DevMailRow;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use time::OffsetDateTime;

pub struct SmtpSettings {
    /// `smtps://name:password@host:465`, or `smtp://…?tls=required` for STARTTLS.
    pub url: String,
    /// `Keyward <no-reply@example.com>`
    pub from: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SmtpSettingsError {
    /// The URL is not repeated: it holds a password.
    #[error("the mail server's address is not usable; it looks like smtps://name:password@mail.example.com:465")]
    Url,
    #[error("the sender is not an e-mail address; it looks like Keyward <no-reply@example.com>")]
    From,
}

pub(crate) struct Mail {
    pub to: EmailAddress,
    pub subject: &'static str,
    pub body: String,
}

#[derive(Clone)]
pub struct Mailer(Delivery);

#[derive(Clone)]
enum Delivery {
    Smtp(Box<Smtp>),
    KeepInDatabase,
}

#[derive(Clone)]
struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Waits before the second, third and fourth try; a mail server that restarts is back by then.
const RETRY_AFTER: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(60)];
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

impl Mailer {
    pub fn smtp(settings: &SmtpSettings) -> Result<Self, SmtpSettingsError> {
        let from = settings.from.parse().map_err(|_| SmtpSettingsError::From)?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url)
            .map_err(|_| SmtpSettingsError::Url)?
            .timeout(Some(SEND_TIMEOUT))
            .build();
        Ok(Self(Delivery::Smtp(Box::new(Smtp { transport, from }))))
    }

    /// Development: the mails are shown on a page of the dashboard.
    pub fn keep_in_database() -> Self {
        Self(Delivery::KeepInDatabase)
    }

    pub(crate) async fn deliver(&self, store: &Store, mail: &Mail, now: OffsetDateTime) {
        match &self.0 {
            Delivery::Smtp(smtp) => smtp.deliver(mail).await,
            Delivery::KeepInDatabase => {
                if let Err(error) = store.keep_mail(&kept(mail, now)).await {
                    tracing::error!(%error, "a mail could not be kept");
                }
            }
        }
    }

    /// One try, for whoever keeps the mail until it is sent. What is wrong is for the log.
    pub(crate) async fn try_once(&self, store: &Store, mail: &Mail, now: OffsetDateTime) -> Result<(), &'static str> {
        match &self.0 {
            Delivery::Smtp(smtp) => {
                let message = smtp.message(mail).ok_or("its address can't be used")?;
                smtp.transport.send(message).await.map(drop).map_err(|error| kind_of(&error))
            }
            Delivery::KeepInDatabase => {
                store.keep_mail(&kept(mail, now)).await.map_err(|_| "the database could not keep it")
            }
        }
    }
}

fn kept(mail: &Mail, now: OffsetDateTime) -> DevMailRow {
    DevMailRow {
        recipient: mail.to.as_str().to_owned(),
        subject: mail.subject.to_owned(),
        body: mail.body.clone(),
        created_at: now,
    }
}

impl Smtp {
    async fn deliver(&self, mail: &Mail) {
        let Some(message) = self.message(mail) else {
            tracing::error!(subject = mail.subject, "a mail could not be written: its address can't be used");
            return;
        };
        let mut waits = RETRY_AFTER.iter();
        loop {
            let Err(error) = self.transport.send(message.clone()).await else { return };
            let wait = if error.is_permanent() { None } else { waits.next() };
            let Some(wait) = wait else {
                tracing::error!(subject = mail.subject, kind = kind_of(&error), "a mail was not sent");
                return;
            };
            tracing::warn!(subject = mail.subject, kind = kind_of(&error), "a mail was not sent; trying again");
            tokio::time::sleep(*wait).await;
        }
    }

    fn message(&self, mail: &Mail) -> Option<Message> {
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, mail.to.as_str().parse().ok()?))
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body.clone())
            .ok()
    }
}

fn kind_of(error: &SmtpError) -> &'static str {
    if error.is_permanent() {
        "refused by the mail server"
    } else if error.is_transient() {
        "put off by the mail server"
    } else if error.is_timeout() {
        "the mail server did not answer in time"
    } else if error.is_tls() {
        "no secure connection to the mail server"
    } else {
        "the mail server can't be reached"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, from: &str) -> SmtpSettings {
        SmtpSettings { url: url.to_owned(), from: from.to_owned() }
    }

    #[tokio::test]
    async fn bad_settings_are_named_without_repeating_the_password() {
        let from = "Keyward <no-reply@example.com>";
        assert!(Mailer::smtp(&settings("smtps://name:secret@mail.example.com", from)).is_ok());
        let error = Mailer::smtp(&settings("https://name:secret@mail.example.com", from)).err().expect("not SMTP");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(Mailer::smtp(&settings("smtps://mail.example.com", "nobody")).err(), Some(SmtpSettingsError::From));
    }
}
