//! From a configuration to a dashboard that is ready to serve.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use keyward_app::deployment::Deployment;
use keyward_control::{Billing, Control, ControlParts, Mailer, Mode, Settings, SmtpSettings};
use keyward_domain::clock::Clock;
use keyward_identity::KeySets;
use keyward_outbound::{Guard, Reach};
use keyward_payments::{OwnStripe, Sellers};
use keyward_store::Store;
use leptos::prelude::LeptosOptions;

use crate::billing_config::BillingConfig;
use crate::config::{Config, MailConfig};
use crate::error_links::ErrorLinks;
use crate::router::Dashboard;

/// Connections of this process; the edge has its own.
const DATABASE_CONNECTIONS: u32 = 16;
const DATABASE_ATTEMPTS: u32 = 15;
const DATABASE_PAUSE: Duration = Duration::from_secs(2);

pub async fn dashboard(config: &Config, clock: Clock) -> anyhow::Result<Dashboard> {
    let leptos = leptos_options(config)?;
    let store = Store::connect_lazy(&config.database_url, DATABASE_CONNECTIONS).context("DATABASE_URL")?;
    wait_for_database(&store).await?;
    store.migrate().await.context("the database's schema could not be brought up to date")?;
    store.adopt_key_ring(&config.key_ring).await?;
    if config.key_ring.has_previous() {
        let rewrapped =
            store.rewrap_data_keys(&config.key_ring).await.context("KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS")?;
        tracing::info!(
            rewrapped,
            "all data keys are under KEYWARD_KEY_ENCRYPTION_KEY; KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS can go"
        );
    }
    let control = control(config, store.clone(), clock.clone())?;
    control.refuse_demo_in_production().await.context("KEYWARD_MODE=production")?;
    if config.seed_demo {
        let demo = control.ensure_demo().await.context("the demo could not be set up")?;
        tracing::info!(slug = %demo.slug, "the demo account is ready");
        if let Some(path) = &config.demo_file {
            let lines =
                format!("DEMO_EMAIL={}\nDEMO_PASSWORD={}\nDEMO_SLUG={}\n", demo.email, demo.password, demo.slug);
            std::fs::write(path, lines).with_context(|| format!("KEYWARD_DEMO_FILE: can't write {path}"))?;
        }
    }
    Ok(Dashboard {
        control,
        store,
        clock,
        deployment: config.deployment,
        dashboard_url: config.dashboard_url.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        leptos,
        error_links: ErrorLinks(config.key_ring.error_link_key()),
        payment_pages: payment_pages(config),
    })
}

async fn wait_for_database(store: &Store) -> anyhow::Result<()> {
    for attempt in 1..=DATABASE_ATTEMPTS {
        match store.ping().await {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::warn!(attempt, of = DATABASE_ATTEMPTS, %error, "waiting for the database that DATABASE_URL names");
            }
        }
        tokio::time::sleep(DATABASE_PAUSE).await;
    }
    bail!("the database that DATABASE_URL names does not answer; start it, or correct the address")
}

fn control(config: &Config, store: Store, clock: Clock) -> anyhow::Result<Control> {
    let (mode, reach) = match config.deployment {
        Deployment::Production => (Mode::Production, Reach::PublicHttps),
        Deployment::Development => {
            (Mode::Development { emulator_url: config.emulator_url.clone() }, Reach::PublicHttpsAndLoopback)
        }
    };
    let mailer = match &config.mail {
        MailConfig::Kept => Mailer::keep_in_database(),
        MailConfig::Smtp { url, from } => Mailer::smtp(&SmtpSettings { url: url.clone(), from: from.clone() })
            .context("KEYWARD_SMTP_URL or KEYWARD_MAIL_FROM")?,
    };
    let guard = Guard::new(reach);
    let billing = config.billing.as_ref().map(|settings| billing(config, settings)).transpose()?;
    let sellers = Sellers::new(&config.sellers, &guard).context("KEYWARD_REVENUECAT_URL")?;
    Ok(Control::new(ControlParts {
        store,
        clock,
        key_ring: config.key_ring.clone(),
        key_sets: KeySets::with_overrides(guard.clone(), config.jwks_overrides.clone()),
        guard,
        mailer,
        sellers,
        billing,
        settings: Settings { dashboard_url: config.dashboard_url.clone(), edge_url: config.edge_url.clone(), mode },
    }))
}

/// Where a form of the billing page leads.
fn payment_pages(config: &Config) -> String {
    let stand_in = config.sellers.stripe.as_ref().map(|url| url.origin().ascii_serialization());
    let pages = ["https://checkout.stripe.com".to_owned(), "https://billing.stripe.com".to_owned()].into_iter();
    let pages = pages.chain(stand_in).filter(|_| config.billing.is_some());
    pages.map(|page| format!(" {page}")).collect()
}

fn billing(config: &Config, settings: &BillingConfig) -> anyhow::Result<Billing> {
    let secrets: Vec<&str> = settings.webhook_secrets.iter().map(|secret| secret.as_str()).collect();
    let stripe = OwnStripe::new(config.sellers.stripe.as_ref(), &settings.stripe_key, &secrets)
        .context("KEYWARD_BILLING_STRIPE_KEY, KEYWARD_BILLING_WEBHOOK_SECRETS")?;
    Ok(Billing { stripe, prices: settings.prices.clone(), trial_days: settings.trial_days })
}

/// The build leaves either plain names, or hashed ones with the list of them beside this program.
fn leptos_options(config: &Config) -> anyhow::Result<LeptosOptions> {
    let has_plain_names = Path::new(&config.site_root).join("pkg/keyward.js").exists();
    let hash_list = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|folder| folder.join("hash.txt")));
    let has_hashed_names = !has_plain_names && hash_list.is_some_and(|list| list.exists());
    if !has_plain_names && !has_hashed_names {
        bail!(
            "KEYWARD_SITE_ROOT: there is no built style sheet and script in {}; point it at the `site` folder of the build",
            config.site_root
        );
    }
    Ok(LeptosOptions::builder()
        .output_name("keyward")
        .site_root(config.site_root.clone())
        .site_pkg_dir("pkg")
        .site_addr(config.address)
        .hash_files(has_hashed_names)
        .build())
}
