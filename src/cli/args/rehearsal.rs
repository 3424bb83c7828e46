//! `lockstep demo` and `lockstep sandbox`.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use url::Url;

/// `lockstep demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// End after the story: exit 0, or 1 if any step of it did not come true.
    #[arg(long)]
    pub once: bool,
    /// Another mapping file than the built-in example.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
}

/// `lockstep sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// Where the Salesforce REST API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8201")]
    pub salesforce: SocketAddr,
    /// Where the Pub/Sub API listens. The REST API's port answers it too.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8203")]
    pub pubsub: SocketAddr,
    /// Where the Revenue Engage API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8202")]
    pub engage: SocketAddr,
    /// Send outbound messages about Leads to this URL, such as http://127.0.0.1:8080/webhooks/salesforce.
    #[arg(long, value_name = "URL")]
    pub outbound: Option<Url>,
    /// How many people there are at the start.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub records: usize,
    /// Makes the same people again.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Keep what happens in this directory; without it nothing is kept.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// What goes wrong, and when.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Write the files client-secret, refresh-token, ca.pem and admin-token, all made for this run, into this directory:
    /// config/sandbox.toml reads the secret and the admin token there.
    #[arg(long, value_name = "DIR")]
    pub credentials: Option<PathBuf>,
}
