//! A face that is being served, until it is let go. HTTP and HTTPS come in by the same port: a TLS connection begins
//! with a byte that no HTTP request begins with.

use super::tls::Authority;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What a TLS handshake begins with: the record type "handshake" (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// A connection that says nothing for this long is let go.
const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(60);

/// Marks requests that came over TLS: what a face says of its own address must be spelt as the client spells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OverTls;

/// A server. It ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    /// Serves a router; over TLS too where there are certificates.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub(super) fn start(
        listener: TcpListener,
        router: Router,
        authority: Option<&Authority>,
    ) -> io::Result<Served> {
        let address = listener.local_addr()?;
        let tls = authority.map(|authority| TlsAcceptor::from(authority.server.clone()));
        // A server that ends shows at once: every call to it fails.
        let task = tokio::spawn(accept(listener, router, tls));
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

async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that failed before it was one is the client's trouble.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        connections.spawn(greet(stream, router.clone(), tls.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn greet(stream: TcpStream, router: Router, tls: Option<TlsAcceptor>) {
    let mut first = [0];
    match tokio::time::timeout(FIRST_BYTE_WITHIN, stream.peek(&mut first)).await {
        Ok(Ok(1)) => {}
        _ => return,
    }
    match tls.filter(|_| first[0] == HANDSHAKE) {
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, router.layer(Extension(OverTls))).await;
            }
        }
        None => serve(stream, router).await,
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
    let service = TowerToHyperService::new(router);
    // What goes wrong with one connection is seen by the client at its other end.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
