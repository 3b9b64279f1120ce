//! Where connections come from: a port of our own, one that several edges bind together, or a socket that somebody else
//! holds and hands to us (docs/operations.md says which of them loses nothing in a restart).

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::{Context, bail};
use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

/// As many as may wait to be accepted; the kernel's own bound (`net.core.somaxconn`) is 4,096 by default.
const BACKLOG: u32 = 4_096;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerKind {
    #[default]
    Own,
    /// With SO_REUSEPORT.
    Shared,
    /// By LISTEN_FDS, as systemd does.
    Handed,
}

#[derive(Debug, thiserror::Error)]
#[error("must be own, shared or handed")]
pub struct ListenerKindError;

impl FromStr for ListenerKind {
    type Err = ListenerKindError;

    fn from_str(text: &str) -> Result<Self, ListenerKindError> {
        match text {
            "own" => Ok(Self::Own),
            "shared" => Ok(Self::Shared),
            "handed" => Ok(Self::Handed),
            _ => Err(ListenerKindError),
        }
    }
}

/// A port that is ours, open to connections or not yet.
pub enum Port {
    Open(TcpListener),
    Bound(TcpSocket),
}

impl Port {
    /// # Errors
    /// Another process has it, or there is no socket to take over.
    pub fn take(kind: ListenerKind, addr: SocketAddr, variable: &str) -> anyhow::Result<Self> {
        let taken = match kind {
            ListenerKind::Own => bind(addr, kind).and_then(|socket| Ok(Self::Open(socket.listen(BACKLOG)?))),
            // Connections are dealt out to all that listen, ready or not.
            ListenerKind::Shared => bind(addr, kind).map(Self::Bound),
            ListenerKind::Handed => return Ok(Self::Open(handed()?)),
        };
        taken.with_context(|| format!("port {} can't be used; set {variable} to another address", addr.port()))
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Open(listener) => listener.local_addr(),
            Self::Bound(socket) => socket.local_addr(),
        }
    }

    pub fn open(self) -> io::Result<TcpListener> {
        match self {
            Self::Open(listener) => Ok(listener),
            Self::Bound(socket) => socket.listen(BACKLOG),
        }
    }
}

fn bind(addr: SocketAddr, kind: ListenerKind) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Else a restart could not bind while connections of before are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(kind == ListenerKind::Shared)?;
    socket.bind(addr)?;
    Ok(socket)
}

fn handed() -> anyhow::Result<TcpListener> {
    let name = "KEYWARD_EDGE_LISTENER=handed";
    let Some(listener) = ListenFd::from_env().take_tcp_listener(0).context(name)? else {
        bail!("{name}: no socket was handed over (LISTEN_FDS); start the edge from a systemd socket unit");
    };
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener)?)
}
