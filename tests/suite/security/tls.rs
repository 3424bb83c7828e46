//! Whom the daemon believes to be the other side: the real binary before servers with certificates of every kind, with
//! one authority that the machine trusts.

use crate::cli::call;
use crate::contract::free_port;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

/// An authority, and its certificate as PEM.
fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), certificate)
}

/// A server's certificate for these names, good for these years. Signed by itself without an authority.
fn certificate(
    names: &[&str],
    years: (i32, i32),
    by: Option<&Issuer<'static, KeyPair>>,
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = match by {
        Some(issuer) => params.signed_by(&key, issuer),
        None => params.self_signed(&key),
    };
    let der = certificate.unwrap().der().clone();
    (der, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
}

/// What `check --live` says of a server with this certificate, and how many times that server was told anything.
async fn met(
    trusted: &str,
    (certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>),
) -> (String, usize) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), free_port().await);
    let port = listener.local_addr().unwrap().port();
    let told = Arc::new(AtomicUsize::new(0));
    let counted = told.clone();
    let server = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (acceptor, counted) = (acceptor.clone(), counted.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                if stream.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("ca.pem", trusted);
    write("secret", "made for this test\n");
    write("mapping.toml", include_str!("../../../mapping/example.toml"));
    write(
        "lockstep.toml",
        &format!(
            "tenant = \"acme\"\nmapping = \"mapping.toml\"\n[salesforce]\nlogin_url = \"https://127.0.0.1:{port}\"\n\
             flow = \"client-credentials\"\nclient_id = \"x\"\nclient_secret_file = \"secret\"\n\
             [engage]\nbase_url = \"https://127.0.0.1:{port}\"\nclient_id = \"x\"\nclient_secret_file = \"secret\"\n\
             [store]\npath = \"store\"\n"
        ),
    );
    let called = tokio::task::spawn_blocking(move || {
        let ca = dir.path().join("ca.pem");
        let trust = [("SSL_CERT_FILE", ca.to_str().unwrap())];
        call(dir.path(), &["check", "--live", "-c", "lockstep.toml"], &trust)
    });
    let called = called.await.unwrap();
    server.abort();
    (format!("{}{}", called.out, called.err), told.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_trusted_authority_for_this_host_is_believed() {
    let (issuer, trusted) = authority();
    let (said, told) = met(&trusted, certificate(&["127.0.0.1"], (2020, 2090), Some(&issuer))).await;
    assert!(told >= 2, "both connectors ask it: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_a_foreign_a_self_signed_and_a_future_certificate_are_told_nothing() {
    let (issuer, trusted) = authority();
    let (stranger, _) = authority();
    for (what, certificate, words) in [
        ("expired", certificate(&["127.0.0.1"], (2020, 2021), Some(&issuer)), "expired"),
        ("not yet good", certificate(&["127.0.0.1"], (2088, 2090), Some(&issuer)), "not valid yet"),
        (
            "another host's",
            certificate(&["acme.my.salesforce.com"], (2020, 2090), Some(&issuer)),
            "not valid for name",
        ),
        ("of another authority", certificate(&["127.0.0.1"], (2020, 2090), Some(&stranger)), "certificate"),
        ("self-signed", certificate(&["127.0.0.1"], (2020, 2090), None), "certificate"),
    ] {
        let (said, told) = met(&trusted, certificate).await;
        assert_eq!(told, 0, "{what}: {said}");
        assert_eq!(said.matches("invalid peer certificate").count(), 2, "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
    }
}
