//! `main`: configuration, logs, the listener, and a stop that does not cut anyone off.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use keyward_app::deployment::Deployment;
use keyward_control::Control;
use keyward_domain::clock::Clock;
use server::config::Config;
use server::purchase_workers::PurchaseWorkers;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How long requests in flight may take after we were told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            start_logs("info", Deployment::Development);
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    start_logs(&config.log_filter, config.deployment);
    match serve(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start_logs(filter: &str, deployment: Deployment) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match deployment {
        Deployment::Production => logs.json().init(),
        Deployment::Development => logs.with_target(false).init(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that makes the real clock")]
async fn serve(config: &Config) -> anyhow::Result<()> {
    // The port first: a second start should say so before it waits for a database.
    let listener = listen(config.address).await?;
    let dashboard = server::start::dashboard(config, Clock::from_fn(OffsetDateTime::now_utc)).await?;
    let router = server::router(&dashboard).into_make_service_with_connect_info::<SocketAddr>();
    tracing::info!(address = %config.address, url = %config.dashboard_url, "the dashboard is listening");

    tokio::spawn(sweep_hourly(dashboard.control.clone()));
    let purchases = PurchaseWorkers::start(&dashboard.control);

    let (stop, mut stopping) = tokio::sync::watch::channel(());
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        told_to_stop().await;
        tracing::info!("stopping; requests in flight may finish");
        drop(stop);
    });
    tokio::select! {
        served = serving => served.context("serving ended")?,
        () = async { let _ = stopping.changed().await; tokio::time::sleep(FAREWELL).await } => {
            tracing::warn!("some requests did not finish in time");
        }
    }
    purchases.stop(FAREWELL).await;
    dashboard.control.settle(FAREWELL).await;
    dashboard.store.close().await;
    Ok(())
}

async fn sweep_hourly(control: Control) {
    let mut hours = tokio::time::interval(Duration::from_secs(3_600));
    loop {
        hours.tick().await;
        if let Err(error) = control.sweep().await {
            tracing::warn!(%error, "what has expired could not be thrown away; it will be tried again in an hour");
        }
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "port {} is taken by another program; stop it, or set KEYWARD_DASHBOARD_ADDR to another address and port",
            address.port()
        ),
        _ => anyhow!("can't listen on {address} (KEYWARD_DASHBOARD_ADDR): {error}"),
    })
}

async fn told_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("can't listen for signals; only a kill will stop this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
