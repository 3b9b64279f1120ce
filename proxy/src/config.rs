//! The environment, read once. All mistakes are reported together, each naming the variable and what to do.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use keyward_domain::client_address::ForwardedField;
use keyward_domain::ip_rules::Network;
use keyward_outbound::Reach;
use keyward_store::sealing::KeyRing;

use url::Url;

use crate::forwarding::Forwarding;
use crate::listening::ListenerKind;
use crate::tls::TlsFiles;

/// No `Debug`: the database address may hold a password.
pub struct Config {
    pub mode: Mode,
    pub edge_addr: SocketAddr,
    pub listener: ListenerKind,
    /// Without them something before the edge speaks TLS.
    pub tls: Option<TlsFiles>,
    pub ops_addr: SocketAddr,
    /// The edge's public address, for addresses in replies.
    pub edge_url: Option<Url>,
    pub database_url: String,
    pub key_ring: KeyRing,
    pub forwarding: Forwarding,
    pub log: String,
    pub jwks_overrides: HashMap<String, String>,
    /// Where several edges count together.
    pub redis_url: Option<String>,
    pub edge_nodes: u64,
    /// What must outlive a restart. Without one, usage waits in memory only.
    pub data_dir: Option<PathBuf>,
    pub bounds: Bounds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Production,
    Development,
}

impl Mode {
    /// Before a production edge stands something that speaks TLS.
    pub fn public_scheme(self) -> &'static str {
        match self {
            Self::Production => "https",
            Self::Development => "http",
        }
    }

    /// Load balancers ask every few seconds; a developer's machine has none.
    fn lame_duck_secs(self) -> u64 {
        match self {
            Self::Production => 5,
            Self::Development => 0,
        }
    }

    pub fn reach(self) -> Reach {
        match self {
            Self::Production => Reach::PublicHttps,
            Self::Development => Reach::PublicHttpsAndLoopback,
        }
    }
}

/// Sizes and times of the edge; the defaults are those of docs/SECURITY.md.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub json_body_bytes: u64,
    pub body_bytes: u64,
    pub buffered_reply_bytes: usize,
    /// Of all bodies that are held at once.
    pub buffered_bytes: usize,
    pub connect: Duration,
    pub first_byte: Duration,
    pub stream_idle: Duration,
    pub stream_open: Duration,
    pub socket_idle: Duration,
    pub socket_open: Duration,
    pub socket_message_bytes: usize,
    pub body_idle: Duration,
    pub write_stall: Duration,
    pub head_read: Duration,
    pub tls_handshake: Duration,
    /// Between the stop's being known and its beginning.
    pub lame_duck: Duration,
    pub shutdown_grace: Duration,
    pub config_poll: Duration,
    /// A start without the database serves from nothing older.
    pub kept_config_max_age: Option<Duration>,
    pub connections_per_address: usize,
    pub streams_per_connection: u32,
    pub usage_queue_events: usize,
    pub usage_disk_bytes: u64,
    pub usage_when_full: WhenFull,
    pub budgets_without_counters: Duration,
}

/// What becomes of calls while no more usage can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// They are served, and their usage is lost, but for the limits and budgets.
    Serve,
    Refuse,
}

impl FromStr for WhenFull {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "serve" => Ok(Self::Serve),
            "refuse" => Ok(Self::Refuse),
            _ => Err("must be serve or refuse"),
        }
    }
}

impl Config {
    #[expect(clippy::disallowed_methods, reason = "this is the config.rs that reads the environment")]
    pub fn from_env() -> Result<Self, Vec<String>> {
        Self::read(|name| std::env::var(name).ok())
    }

    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut env = Env { variable: &variable, errors: Vec::new() };
        let mode = match env.text("KEYWARD_MODE").as_deref() {
            None | Some("production") => Mode::Production,
            Some("development") => Mode::Development,
            Some(_) => {
                env.complain("KEYWARD_MODE", "must be production or development");
                Mode::Production
            }
        };
        let key_ring = env.required("KEYWARD_KEY_ENCRYPTION_KEY", "64 hexadecimal digits, the same as the dashboard's");
        let key_ring = key_ring.and_then(|text| env.checked("KEYWARD_KEY_ENCRYPTION_KEY", KeyRing::from_hex(&text)));
        let previous = env.text("KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS").unwrap_or_default();
        let key_ring =
            key_ring.and_then(|ring| env.checked("KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS", ring.with_previous(&previous)));
        let database_url = env.required("DATABASE_URL", "the address of the dashboard's PostgreSQL");
        let jwks_overrides = overrides(&mut env, mode);
        let config = Self {
            mode,
            edge_addr: env.parsed("KEYWARD_EDGE_ADDR", SocketAddr::from(([127, 0, 0, 1], 8080))),
            listener: env.parsed("KEYWARD_EDGE_LISTENER", ListenerKind::default()),
            tls: tls(&mut env),
            ops_addr: env.parsed("KEYWARD_OPS_ADDR", SocketAddr::from(([127, 0, 0, 1], 8081))),
            edge_url: edge_url(&mut env),
            database_url: database_url.unwrap_or_default(),
            key_ring: key_ring.unwrap_or_else(|| KeyRing::from_hex(&"0".repeat(64)).expect("64 digits")),
            forwarding: Forwarding {
                trusted: networks(&mut env),
                field: env.parsed("KEYWARD_FORWARDED_FIELD", ForwardedField::default()),
            },
            log: env.text("KEYWARD_LOG").unwrap_or_else(|| "info".to_owned()),
            jwks_overrides,
            redis_url: redis_url(&mut env),
            edge_nodes: env.parsed("KEYWARD_EDGE_NODES", 1),
            data_dir: data_dir(&mut env, mode),
            bounds: bounds(&mut env, mode),
        };
        if env.errors.is_empty() { Ok(config) } else { Err(env.errors) }
    }
}

fn bounds(env: &mut Env<'_>, mode: Mode) -> Bounds {
    let kept_config_max_age = env.secs("KEYWARD_KEPT_CONFIG_MAX_AGE_SECS", 0);
    Bounds {
        json_body_bytes: env.parsed("KEYWARD_JSON_BODY_MAX_BYTES", 4 << 20),
        body_bytes: env.parsed("KEYWARD_BODY_MAX_BYTES", 25 << 20),
        buffered_reply_bytes: env.parsed("KEYWARD_BUFFERED_REPLY_MAX_BYTES", 16 << 20),
        buffered_bytes: env.parsed("KEYWARD_BUFFERED_BYTES_MAX", 256 << 20),
        connect: env.secs("KEYWARD_CONNECT_TIMEOUT_SECS", 5),
        first_byte: env.secs("KEYWARD_FIRST_BYTE_TIMEOUT_SECS", 120),
        stream_idle: env.secs("KEYWARD_STREAM_IDLE_TIMEOUT_SECS", 60),
        stream_open: env.secs("KEYWARD_STREAM_OPEN_MAX_SECS", 30 * 60),
        socket_idle: env.secs("KEYWARD_SOCKET_IDLE_TIMEOUT_SECS", 5 * 60),
        socket_open: env.secs("KEYWARD_SOCKET_OPEN_MAX_SECS", 60 * 60),
        socket_message_bytes: env.parsed("KEYWARD_SOCKET_MESSAGE_MAX_BYTES", 4 << 20),
        body_idle: env.secs("KEYWARD_BODY_IDLE_TIMEOUT_SECS", 15),
        write_stall: env.secs("KEYWARD_WRITE_STALL_TIMEOUT_SECS", 30),
        head_read: env.secs("KEYWARD_HEAD_READ_TIMEOUT_SECS", 10),
        tls_handshake: env.secs("KEYWARD_TLS_HANDSHAKE_TIMEOUT_SECS", 10),
        lame_duck: env.secs("KEYWARD_LAME_DUCK_SECS", mode.lame_duck_secs()),
        shutdown_grace: env.secs("KEYWARD_SHUTDOWN_GRACE_SECS", 20),
        config_poll: env.secs("KEYWARD_CONFIG_POLL_SECS", 2),
        kept_config_max_age: (!kept_config_max_age.is_zero()).then_some(kept_config_max_age),
        connections_per_address: env.parsed("KEYWARD_CONNECTIONS_PER_ADDRESS", 100),
        streams_per_connection: env.parsed("KEYWARD_STREAMS_PER_CONNECTION", 100),
        usage_queue_events: env.parsed("KEYWARD_USAGE_QUEUE_EVENTS", 50_000),
        usage_disk_bytes: env.parsed("KEYWARD_USAGE_DISK_MAX_BYTES", 1 << 30),
        usage_when_full: env.parsed("KEYWARD_USAGE_WHEN_FULL", WhenFull::Serve),
        budgets_without_counters: env.secs("KEYWARD_BUDGETS_WITHOUT_COUNTERS_SECS", 60),
    }
}

fn edge_url(env: &mut Env<'_>) -> Option<Url> {
    let (name, text) = ("KEYWARD_EDGE_URL", env.text("KEYWARD_EDGE_URL")?);
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.query().is_none());
    if url.is_none() {
        env.complain(name, "must be the edge's public address, such as https://edge.example.com");
    }
    url
}

fn tls(env: &mut Env<'_>) -> Option<TlsFiles> {
    let (certificate, key) = (env.text("KEYWARD_TLS_CERT"), env.text("KEYWARD_TLS_KEY"));
    if certificate.is_some() != key.is_some() {
        env.complain("KEYWARD_TLS_CERT", "and KEYWARD_TLS_KEY go together: set both, or none");
    }
    Some(TlsFiles { certificate: certificate?.into(), key: key?.into() })
}

/// Only the scheme is looked at here: the address may hold a password, and is not repeated.
fn redis_url(env: &mut Env<'_>) -> Option<String> {
    let url = env.text("REDIS_URL")?;
    if !["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme)) {
        env.complain("REDIS_URL", "must begin with redis:// or rediss://");
    }
    Some(url)
}

/// Memory only must be asked for: nobody should learn by a crash that there was no folder.
fn data_dir(env: &mut Env<'_>, mode: Mode) -> Option<PathBuf> {
    let name = "KEYWARD_EDGE_DATA_DIR";
    match (env.text(name), mode) {
        (Some(text), Mode::Production | Mode::Development) => (text != "none").then(|| PathBuf::from(text)),
        (None, Mode::Development) => Some(PathBuf::from(".keyward/edge")),
        (None, Mode::Production) => {
            env.complain(
                name,
                "is not set; it must be a folder of this edge's own, or none to keep usage in memory only",
            );
            None
        }
    }
}

fn networks(env: &mut Env<'_>) -> Vec<Network> {
    let text = env.text("KEYWARD_TRUSTED_PROXIES").filter(|text| text != "none").unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.filter_map(|part| env.checked("KEYWARD_TRUSTED_PROXIES", part.parse())).collect()
}

fn overrides(env: &mut Env<'_>, mode: Mode) -> HashMap<String, String> {
    let name = "KEYWARD_JWKS_OVERRIDES";
    let Some(text) = env.text(name) else { return HashMap::new() };
    if mode == Mode::Production {
        env.complain(name, "is for development only; remove it, or set KEYWARD_MODE=development");
        return HashMap::new();
    }
    let parsed = serde_json::from_str(&text).map_err(|_| "must be a JSON object of key set URL to URL");
    env.checked(name, parsed).unwrap_or_default()
}

struct Env<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<String>,
}

impl Env<'_> {
    fn complain(&mut self, name: &str, what: impl Display) {
        self.errors.push(format!("{name} {what}"));
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn required(&mut self, name: &str, what: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.complain(name, format!("is not set; it must be {what}"));
        }
        text
    }

    fn checked<T, E: Display>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.complain(name, error)).ok()
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        self.checked(name, text.parse()).unwrap_or(default)
    }

    fn secs(&mut self, name: &str, default: u64) -> Duration {
        Duration::from_secs(self.parsed(name, default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    const ENOUGH: [(&str, &str); 3] = [
        ("DATABASE_URL", "postgres://x"),
        ("KEYWARD_KEY_ENCRYPTION_KEY", "abababababababababababababababababababababababababababababababab"),
        ("KEYWARD_EDGE_DATA_DIR", "/var/lib/keyward"),
    ];

    #[test]
    fn memory_only_must_be_asked_for_in_production() {
        let with = |dir| read(&[ENOUGH[0], ENOUGH[1], ("KEYWARD_EDGE_DATA_DIR", dir)]).map(|config| config.data_dir);
        assert!(matches!(with("none"), Ok(None)));
        assert!(matches!(with("/x"), Ok(Some(path)) if path == std::path::Path::new("/x")));
        assert!(read(&ENOUGH[..2]).is_err());
    }

    #[test]
    fn all_mistakes_are_reported_together_and_name_their_variable() {
        let errors = read(&[
            ("KEYWARD_MODE", "prod"),
            ("KEYWARD_KEY_ENCRYPTION_KEY", "short"),
            ("KEYWARD_EDGE_ADDR", "nowhere"),
            ("KEYWARD_JWKS_OVERRIDES", "{}"),
            ("KEYWARD_TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/40"),
        ])
        .err()
        .expect("refused");
        for name in [
            "KEYWARD_MODE",
            "DATABASE_URL",
            "KEYWARD_KEY_ENCRYPTION_KEY",
            "KEYWARD_EDGE_ADDR",
            "KEYWARD_JWKS_OVERRIDES",
            "KEYWARD_TRUSTED_PROXIES",
            "KEYWARD_EDGE_DATA_DIR",
        ] {
            assert!(errors.iter().any(|error| error.starts_with(name)), "{name} in {errors:?}");
        }
        assert!(!errors.iter().any(|error| error.contains("short")), "a secret is never repeated");
    }

    #[test]
    fn a_revocation_whose_notice_was_lost_is_found_within_5_seconds() {
        let config = read(&ENOUGH);
        let config = config.map_err(|errors| errors.join("; ")).expect("a configuration");
        // The rest is for reading what changed.
        assert!(config.bounds.config_poll <= Duration::from_secs(2));
    }

    #[test]
    fn three_variables_are_enough() {
        let config = read(&ENOUGH);
        let config = config.map_err(|errors| errors.join("; ")).expect("a configuration");
        assert_eq!((config.mode, config.edge_addr.port(), config.ops_addr.port()), (Mode::Production, 8080, 8081));
    }
}
