//! Deliveries of Revenue Engage: header lines, an empty line, and the body.

use super::wire;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use lockstep::connector::engage::{Rejection, verify};
use secrecy::SecretString;
use sha2::Sha256;

/// Verifies them as they are, and with a genuine signature in their place.
pub fn run(bytes: &[u8]) {
    let (head, body) = wire::split(bytes, b"\n\n").unwrap_or((b"", bytes));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some((name, value)) = wire::split(line, b": ") else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let secrets = [SecretString::from("old"), SecretString::from("new")];
    let now = wire::now();
    match verify(&headers, body, &secrets, now) {
        Ok(_) | Err(Rejection::OutsideWindow | Rejection::BadBody(_)) => panic!("nobody knows the secret"),
        Err(Rejection::TooLarge | Rejection::BadSignature) => {}
    }
    let time = now.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"new").expect("any key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let signature = format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()));
    headers.insert("x-engage-signature", signature.parse().expect("a value"));
    match verify(&headers, body, &secrets, now) {
        Ok(delivery) => {
            assert!(delivery.prospect.is_none_or(|prospect| prospect.id == delivery.prospect_id));
        }
        Err(rejection) => {
            assert!(matches!(rejection, Rejection::BadBody(_) | Rejection::TooLarge), "{rejection}");
            let _ = (rejection.to_string(), rejection.status(), rejection.code());
        }
    }
}
