//! The wire between the edge and PostgreSQL, which a test can cut and mend.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Cable {
    pub port: u16,
    joined: Arc<watch::Sender<bool>>,
}

impl Cable {
    pub async fn to(host_and_port: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let joined = Arc::new(watch::Sender::new(true));
        let state = joined.clone();
        tokio::spawn(async move {
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
        Self { port, joined }
    }

    pub fn cut(&self) {
        self.joined.send_replace(false);
    }

    pub fn mend(&self) {
        self.joined.send_replace(true);
    }
}
