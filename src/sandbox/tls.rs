//! The sandbox's certificates: a CA made at the start, and one server certificate for this machine.
//!
//! Strangers' clients insist on TLS and are given the CA's certificate; nothing of it outlives the process.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::IpAddr;
use std::sync::Arc;

/// Names and addresses that the server certificate is good for, besides those of Salesforce's own hosts, which clients
/// that cannot be pointed elsewhere reach through a proxy.
const NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "::1", "login.salesforce.com", "sandbox.my.salesforce.com"];

/// A CA, and what a server needs to be trusted by whoever trusts it.
#[derive(Clone)]
pub struct Authority {
    /// The CA's certificate, PEM.
    pub certificate: String,
    pub(super) server: Arc<ServerConfig>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the sandbox's certificates: {0}")]
pub struct NoCertificate(String);

impl Authority {
    /// Makes a CA and a server certificate for this machine, and for the address it listens on.
    ///
    /// # Errors
    /// When this machine's cryptography fails.
    pub fn new(listening: IpAddr) -> Result<Authority, NoCertificate> {
        let failed = |error: &dyn std::fmt::Display| NoCertificate(error.to_string());
        let mut params = CertificateParams::new(Vec::new()).map_err(|e| failed(&e))?;
        params.distinguished_name.push(DnType::CommonName, "Lockstep sandbox CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(|e| failed(&e))?;
        let certificate = params.self_signed(&key).map_err(|e| failed(&e))?;
        let issuer = Issuer::new(params, key);

        let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        names.push(listening.to_string());
        let mut params = CertificateParams::new(names).map_err(|e| failed(&e))?;
        params.distinguished_name.push(DnType::CommonName, "Lockstep sandbox");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(|e| failed(&e))?;
        let server = params.signed_by(&key, &issuer).map_err(|e| failed(&e))?;

        let chain = vec![server.der().clone(), certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|e| failed(&e))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Authority { certificate: certificate.pem(), server: Arc::new(config) })
    }
}
