//! A face that is being served, until it is let go.

use axum::Router;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server on loopback. It ends when this is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    /// Serves a router.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub(super) fn start(listener: TcpListener, router: Router) -> io::Result<Served> {
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // A server that ends shows at once: every call to it fails.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Served { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
