//! Salesforce's Pub/Sub API on the wire: the messages and the service of `eventbus.proto`, generated at build time.
//!
//! Connector and sandbox both speak it. It is the vendor's schema and holds no reading of ours; that both could share
//! a mistake in it is why a stranger's client is run against the sandbox in CI.

#![allow(missing_docs, clippy::pedantic, clippy::all)]

tonic::include_proto!("eventbus.v1");
