//! The environment, read once. Everything that is wrong is reported together, with what to do about it.

use std::collections::HashMap;
use std::net::SocketAddr;

use keyward_app::deployment::Deployment;
use keyward_payments::SellerAddresses;
use keyward_store::sealing::KeyRing;
use url::Url;

use crate::address::TrustedProxies;
use crate::billing_config::{self, BillingConfig};

/// Where mail goes.
pub enum MailConfig {
    Smtp {
        url: String,
        from: String,
    },
    /// Kept in the database, shown at /dev/mail.
    Kept,
}

pub struct Config {
    pub database_url: String,
    pub key_ring: KeyRing,
    pub deployment: Deployment,
    pub address: SocketAddr,
    pub dashboard_url: Url,
    pub edge_url: Url,
    pub emulator_url: Option<Url>,
    pub mail: MailConfig,
    pub site_root: String,
    pub trusted_proxies: TrustedProxies,
    /// Development only: key sets fetched elsewhere than where their issuer says.
    pub jwks_overrides: HashMap<String, String>,
    /// Development only: sellers elsewhere than they are.
    pub sellers: SellerAddresses,
    /// `None` where developers pay nothing.
    pub billing: Option<BillingConfig>,
    pub log_filter: String,
    pub seed_demo: bool,
    /// Where the demo's sign-in and slug are written for `make run`; never to the log.
    pub demo_file: Option<String>,
}

/// All that is wrong with the environment, one line a variable.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not complete:\n{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

/// Looks variables up and collects what is wrong with them.
pub(crate) struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl Reader<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(crate) fn fault(&mut self, name: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("  {name}: {what}"));
    }

    fn required(&mut self, name: &str, what_to_do: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.fault(name, format!("is missing; {what_to_do}"));
        }
        text
    }

    /// The parser's error says what is wrong; the value itself is not repeated, since it may be a secret.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        text: Option<String>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(&text?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    fn insist_on_https(&mut self, name: &str, url: Option<&Url>, why: &str) {
        if url.is_some_and(|url| url.scheme() != "https") {
            self.fault(name, format!("must be an https:// address in production: {why}"));
        }
    }

    fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
        let text = self.text(name).or(default.map(str::to_owned));
        if text.is_none() {
            self.fault(name, "is missing; set it to the public address, such as https://keyward.example.com");
        }
        self.parsed(name, text, web_url)
    }
}

/// Forgotten behind a reverse proxy, all visitors would share one budget of sign-in attempts: production must say it.
fn trusted_proxies(reader: &mut Reader<'_>, deployment: Deployment) -> Option<TrustedProxies> {
    let name = "KEYWARD_TRUSTED_PROXIES";
    match (reader.text(name), deployment) {
        (None, Deployment::Development) => Some(TrustedProxies::default()),
        (None, Deployment::Production) => {
            reader.fault(name, "is missing; name the reverse proxy in front of the dashboard, such as 127.0.0.1 or 10.0.0.0/8, or say none");
            None
        }
        (text @ Some(_), Deployment::Production | Deployment::Development) => {
            reader.parsed(name, text, TrustedProxies::parse)
        }
    }
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("is not an address ({error}); write it like https://keyward.example.com"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() {
        Ok(url)
    } else {
        Err("must begin with https:// (or http:// in development) and have no query".to_owned())
    }
}

impl Config {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { get, faults: Vec::new() };
        let deployment = deployment(&mut reader);
        let is_development = deployment == Deployment::Development;
        let database_url = reader.required("DATABASE_URL", "set it to postgres://name:password@host:5432/database");
        let key = reader.required("KEYWARD_KEY_ENCRYPTION_KEY", "make one with: openssl rand -hex 32");
        let key_ring = reader.parsed("KEYWARD_KEY_ENCRYPTION_KEY", key, KeyRing::from_hex);
        let previous = reader.text("KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS").unwrap_or_default();
        let key_ring = key_ring.and_then(|ring| {
            reader.parsed("KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS", Some(previous), |texts| {
                ring.clone().with_previous(texts)
            })
        });
        let address = reader.text("KEYWARD_DASHBOARD_ADDR").unwrap_or_else(|| "127.0.0.1:3000".to_owned());
        let address = reader.parsed("KEYWARD_DASHBOARD_ADDR", Some(address), |text| {
            text.parse::<SocketAddr>().map_err(|_| "must be an address and a port, such as 127.0.0.1:3000")
        });
        let dashboard_url = reader.url("KEYWARD_DASHBOARD_URL", is_development.then_some("http://localhost:3000"));
        let edge_url = reader.url("KEYWARD_EDGE_URL", is_development.then_some("http://localhost:8080"));
        let emulator_url = development_url(&mut reader, "KEYWARD_EMULATOR_URL", deployment);
        if deployment == Deployment::Production {
            reader.insist_on_https("KEYWARD_DASHBOARD_URL", dashboard_url.as_ref(), "the session cookie needs it");
            reader.insist_on_https("KEYWARD_EDGE_URL", edge_url.as_ref(), "apps send their users' tokens to it");
        }
        let mail = mail(&mut reader, deployment);
        let trusted_proxies = trusted_proxies(&mut reader, deployment);
        let jwks_overrides = jwks_overrides(&mut reader, deployment);
        let sellers = SellerAddresses {
            stripe: development_url(&mut reader, "KEYWARD_STRIPE_URL", deployment),
            revenue_cat: development_url(&mut reader, "KEYWARD_REVENUECAT_URL", deployment),
        };
        let seed_demo = seed_demo(&mut reader, deployment);
        let demo_file = reader.text("KEYWARD_DEMO_FILE").filter(|_| seed_demo);
        let site_root = reader.text("KEYWARD_SITE_ROOT").unwrap_or_else(|| "target/site".to_owned());
        let log_filter = reader.text("KEYWARD_LOG").unwrap_or_else(|| "info".to_owned());

        let billing = billing_config::read(&mut reader);
        let complete = || {
            Some(Self {
                database_url: database_url?,
                key_ring: key_ring?,
                deployment,
                address: address?,
                dashboard_url: dashboard_url?,
                edge_url: edge_url?,
                emulator_url,
                mail: mail?,
                site_root,
                trusted_proxies: trusted_proxies?,
                jwks_overrides: jwks_overrides?,
                sellers,
                billing,
                log_filter,
                seed_demo,
                demo_file,
            })
        };
        match (reader.faults.is_empty(), complete()) {
            (true, Some(config)) => Ok(config),
            (true, None) | (false, Some(_) | None) => Err(ConfigError(reader.faults)),
        }
    }
}

fn development_url(reader: &mut Reader<'_>, name: &str, deployment: Deployment) -> Option<Url> {
    let text = reader.text(name);
    if text.is_some() && deployment == Deployment::Production {
        reader.fault(name, "is for development only; unset it, or set KEYWARD_MODE=development");
    }
    reader.parsed(name, text, web_url)
}

fn deployment(reader: &mut Reader<'_>) -> Deployment {
    match reader.text("KEYWARD_MODE").as_deref() {
        None | Some("production") => Deployment::Production,
        Some("development") => Deployment::Development,
        Some(_) => {
            reader.fault("KEYWARD_MODE", "must be production (the default) or development");
            Deployment::Production
        }
    }
}

fn mail(reader: &mut Reader<'_>, deployment: Deployment) -> Option<MailConfig> {
    let url = reader.text("KEYWARD_SMTP_URL");
    match (url, deployment) {
        (None, Deployment::Development) => Some(MailConfig::Kept),
        (None, Deployment::Production) => {
            reader.fault("KEYWARD_SMTP_URL", "is missing; set it to smtps://name:password@mail.example.com");
            None
        }
        (Some(url), Deployment::Production | Deployment::Development) => {
            if deployment == Deployment::Production && !url.starts_with("smtps://") && !url.contains("tls=required") {
                reader.fault(
                    "KEYWARD_SMTP_URL",
                    "must be smtps://… or end in ?tls=required in production: the links in mails sign people in",
                );
            }
            let from = reader.required("KEYWARD_MAIL_FROM", "set it to the sender, such as Keyward <mail@example.com>");
            Some(MailConfig::Smtp { url, from: from? })
        }
    }
}

fn jwks_overrides(reader: &mut Reader<'_>, deployment: Deployment) -> Option<HashMap<String, String>> {
    let name = "KEYWARD_JWKS_OVERRIDES";
    match (reader.text(name), deployment) {
        (None, Deployment::Production | Deployment::Development) => Some(HashMap::new()),
        (Some(_), Deployment::Production) => {
            reader.fault(name, "is for development only; unset it");
            None
        }
        (text @ Some(_), Deployment::Development) => reader.parsed(name, text, |text| {
            serde_json::from_str(text).map_err(
                |_| "must be a JSON object of addresses, such as {\"https://a/jwks\": \"http://127.0.0.1:8790/jwks\"}",
            )
        }),
    }
}

fn seed_demo(reader: &mut Reader<'_>, deployment: Deployment) -> bool {
    match (reader.text("KEYWARD_SEED_DEMO").as_deref(), deployment) {
        (None | Some("false"), Deployment::Production | Deployment::Development) => false,
        (Some("true"), Deployment::Development) => true,
        (Some("true"), Deployment::Production) => {
            reader.fault("KEYWARD_SEED_DEMO", "is for development only; unset it");
            false
        }
        (Some(_), Deployment::Production | Deployment::Development) => {
            reader.fault("KEYWARD_SEED_DEMO", "must be true or false");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read(&get).map_err(|error| error.to_string())
    }

    const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

    #[test]
    fn development_needs_a_database_and_a_key() {
        let config = read(&[
            ("KEYWARD_MODE", "development"),
            ("DATABASE_URL", "postgres://x"),
            ("KEYWARD_KEY_ENCRYPTION_KEY", KEY),
        ]);
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.dashboard_url.as_str(), "http://localhost:3000/");
        assert_eq!(config.address.port(), 3000);
    }

    #[test]
    fn reports_everything_that_is_wrong_at_once_and_no_secret() {
        let wrong_key = "not-a-key-but-still-a-secret";
        let Err(error) = read(&[
            ("KEYWARD_KEY_ENCRYPTION_KEY", wrong_key),
            ("KEYWARD_SEED_DEMO", "true"),
            ("KEYWARD_TRUSTED_PROXIES", "x"),
        ]) else {
            panic!("refused")
        };
        for name in [
            "DATABASE_URL",
            "KEYWARD_KEY_ENCRYPTION_KEY",
            "KEYWARD_DASHBOARD_URL",
            "KEYWARD_EDGE_URL",
            "KEYWARD_SMTP_URL",
            "KEYWARD_SEED_DEMO",
            "KEYWARD_TRUSTED_PROXIES",
        ] {
            assert!(error.contains(name), "{name} in {error}");
        }
        assert!(!error.contains(wrong_key), "{error}");
    }

    #[test]
    fn production_insists_on_https() {
        for (name, value) in [
            ("KEYWARD_DASHBOARD_URL", "http://keyward.example.com"),
            ("KEYWARD_EDGE_URL", "http://edge.example.com"),
            ("KEYWARD_SMTP_URL", "smtp://name:hush@mail.example.com"),
        ] {
            let Err(error) = read(&[(name, value)]) else { panic!("refused") };
            assert!(
                error.lines().any(|line| line.contains(name) && line.contains("in production:")),
                "{name} in {error}"
            );
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn production_asks_the_sellers_where_they_are() {
        for name in ["KEYWARD_STRIPE_URL", "KEYWARD_REVENUECAT_URL", "KEYWARD_EMULATOR_URL"] {
            let Err(error) = read(&[(name, "http://127.0.0.1:8790")]) else { panic!("refused") };
            assert!(error.contains(&format!("{name}: is for development only")), "{error}");
        }
    }

    #[test]
    fn production_must_say_which_reverse_proxies_it_trusts() {
        let Err(error) = read(&[]) else { panic!("refused") };
        assert!(error.contains("KEYWARD_TRUSTED_PROXIES: is missing"), "{error}");
        let Err(error) = read(&[("KEYWARD_TRUSTED_PROXIES", "none")]) else { panic!("refused") };
        assert!(!error.contains("KEYWARD_TRUSTED_PROXIES"), "{error}");
    }
}
