//! Settings of the process, read from the environment once. Errors are collected and reported together.

use std::{env, net::SocketAddr};

use anyhow::bail;

const DEFAULT_ADDR: &str = "127.0.0.1:8790";
const DEFAULT_KEY: &str = "emulator-provider-key-0000";

#[derive(Debug, Clone)]
pub struct Config {
    pub addr: SocketAddr,
    /// Base of `iss` and of every address in a reply; absent means `http://{bound address}`.
    pub public_url: Option<String>,
    /// The provider key that the fake providers accept.
    pub key: String,
    /// Others that they accept too, as a pool of keys or users' own.
    pub more_keys: Vec<String>,
    /// Where localstripe is, which keeps Stripe's customers and subscriptions.
    pub localstripe_url: Option<String>,
}

impl Config {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> anyhow::Result<Self> {
        Self::read(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut errors = Vec::new();

        let addr_text = variable("KEYWARD_EMULATOR_ADDR").unwrap_or_else(|| DEFAULT_ADDR.to_owned());
        let addr = addr_text.parse::<SocketAddr>();
        if addr.is_err() {
            errors.push(format!("KEYWARD_EMULATOR_ADDR: `{addr_text}` is not an address such as {DEFAULT_ADDR}"));
        }

        let public_url = variable("KEYWARD_EMULATOR_PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned());
        if public_url.as_deref().is_some_and(|url| !is_http_origin(url)) {
            errors.push("KEYWARD_EMULATOR_PUBLIC_URL: must begin with http:// or https:// and name a host".to_owned());
        }

        let key = variable("KEYWARD_EMULATOR_KEY").unwrap_or_else(|| DEFAULT_KEY.to_owned());
        if key.len() < 8 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            errors.push("KEYWARD_EMULATOR_KEY: at least 8 visible ASCII characters without spaces".to_owned());
        }

        let more_keys = variable("KEYWARD_EMULATOR_MORE_KEYS").unwrap_or_default();
        let more_keys: Vec<String> =
            more_keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
        if more_keys.iter().any(|key| key.len() < 8 || !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            errors.push("KEYWARD_EMULATOR_MORE_KEYS: keys as in KEYWARD_EMULATOR_KEY, separated by commas".to_owned());
        }

        let localstripe_url =
            variable("KEYWARD_EMULATOR_LOCALSTRIPE_URL").map(|url| url.trim_end_matches('/').to_owned());
        if localstripe_url.as_deref().is_some_and(|url| !is_http_origin(url)) {
            errors.push("KEYWARD_EMULATOR_LOCALSTRIPE_URL: must begin with http:// and name a host".to_owned());
        }

        match addr {
            Ok(addr) if errors.is_empty() => Ok(Self { addr, public_url, key, more_keys, localstripe_url }),
            _ => bail!("the environment is not usable:\n  {}", errors.join("\n  ")),
        }
    }
}

fn is_http_origin(url: &str) -> bool {
    url.strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_defaults_from_an_empty_environment() {
        let config = Config::read(|_| None).unwrap();
        assert_eq!(config.addr.to_string(), DEFAULT_ADDR);
        assert_eq!(config.key, DEFAULT_KEY);
        assert_eq!(config.public_url, None);
    }

    #[test]
    fn drops_the_slash_at_the_end_of_the_public_url() {
        let config =
            Config::read(|name| name.ends_with("PUBLIC_URL").then(|| "http://emulator:8790/".to_owned())).unwrap();
        assert_eq!(config.public_url.as_deref(), Some("http://emulator:8790"));
    }

    #[test]
    fn reports_all_errors_together() {
        let error = Config::read(|_| Some("no good".to_owned())).unwrap_err().to_string();
        for name in [
            "KEYWARD_EMULATOR_ADDR",
            "KEYWARD_EMULATOR_PUBLIC_URL",
            "KEYWARD_EMULATOR_KEY",
            "KEYWARD_EMULATOR_MORE_KEYS",
            "KEYWARD_EMULATOR_LOCALSTRIPE_URL",
        ] {
            assert!(error.contains(name), "{name} is missing in: {error}");
        }
    }
}
