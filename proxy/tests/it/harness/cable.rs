//! The wire between the edge and PostgreSQL, which a test can cut and mend. It carries on while the test's own thread waits:
//! a connection that is stuck in it would hold up the end of the test's database.

use std::sync::{Arc, mpsc};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

pub struct Cable {
    pub port: u16,
    joined: Arc<watch::Sender<bool>>,
    carrier: Option<Runtime>,
}

impl Drop for Cable {
    fn drop(&mut self) {
        if let Some(carrier) = self.carrier.take() {
            carrier.shutdown_background();
        }
    }
}

impl Cable {
    pub async fn to(host_and_port: String) -> Self {
        let carrier = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let listener = carrier.spawn(TcpListener::bind("127.0.0.1:0")).await.expect("no panic").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let joined = Arc::new(watch::Sender::new(true));
        let state = joined.clone();
        carrier.spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut state, far) = (state.subscribe(), host_and_port.clone());
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(far).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|joined| !joined) => {}
                    }
                });
            }
        });
        Self { port, joined, carrier: Some(carrier) }
    }

    /// When it returns, nothing passes any more.
    pub fn cut(&self) {
        self.joined.send_replace(false);
        let (joined, (ended, all_ended)) = (self.joined.clone(), mpsc::channel());
        let carrier = self.carrier.as_ref().expect("until it is dropped");
        carrier.spawn(async move {
            joined.closed().await;
            let _ = ended.send(());
        });
        all_ended.recv().expect("the carrier goes on");
    }

    pub fn mend(&self) {
        self.joined.send_replace(true);
    }
}
