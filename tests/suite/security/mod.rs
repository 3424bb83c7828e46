//! What keeps strangers out, control by control (docs/security.md says which test proves which).
//!
//! Some controls are proved where they were built: signatures in `contract/webhook.rs`, key files in `config/sign_in.rs`,
//! rotation in `contract/refresh_token.rs`. Here stands what takes a whole daemon, or a hostile other side.

mod answers;
mod canaries;
pub mod daemon;
mod injection;
mod keys;
mod note;
mod ports;
mod queries;
mod replay;
mod rights;
mod tls;
