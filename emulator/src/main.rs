//! The emulator: a token issuer and fake providers in one process, to develop against Keyward offline.
//! It keeps everything in memory and must never hold a real key.

mod anthropic;
mod billing;
mod blob;
mod clock;
mod compatible;
mod config;
mod control;
mod credentials;
mod echo;
mod emulator;
mod failure;
mod fault_body;
mod faults;
mod gemini;
mod ids;
mod issuer;
mod multipart;
mod native;
mod openai;
mod provider;
mod reception;
mod reply;
mod routes;
mod seen;
mod shelf;
mod sockets;
mod sse;
mod vectors;
mod witness;

use std::{
    future::IntoFuture,
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::serve::ListenerExt;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use tracing_subscriber::EnvFilter;

use crate::{config::Config, emulator::Emulator};

/// How long open streams may go on after a stop was asked for.
const STOP_GRACE: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();

    let config = Config::from_env()?;
    let listener = TcpListener::bind(config.addr).await.with_context(|| format!("cannot listen on {}", config.addr))?;
    let bound = listener.local_addr()?;
    let emulator = Arc::new(Emulator::new(&config, bound)?);
    announce(bound);
    serve(listener, emulator).await
}

#[expect(clippy::print_stdout, reason = "the one line that scripts and tests wait for")]
fn announce(bound: std::net::SocketAddr) {
    println!("keyward-emulator listening on http://{bound}");
}

async fn serve(listener: TcpListener, emulator: Arc<Emulator>) -> anyhow::Result<()> {
    // Without this the last event of a stream would wait for the client's delayed ACK.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let server = axum::serve(listener, routes::router(emulator))
        .with_graceful_shutdown(async move { stopped.notified().await })
        .into_future();

    tokio::select! {
        outcome = server => outcome.context("the server ended"),
        outcome = stop_after_signal(&stop) => outcome,
    }
}

/// Waits for Ctrl-C or SIGTERM, stops accepting, and returns when open requests have had their grace.
async fn stop_after_signal(stop: &Notify) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    stop.notify_one();
    tokio::time::sleep(STOP_GRACE).await;
    Ok(())
}
