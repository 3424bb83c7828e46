//! Webhooks: what the sandbox signs the connector takes, and nothing else.

use super::at;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use lockstep::connector::engage::{BODY_BYTES_MAX, Delivery, Rejection, verify};
use lockstep::model::ProspectId;
use lockstep::sandbox::Clock;
use lockstep::sandbox::engage::Product;
use secrecy::SecretString;
use sha2::Sha256;

const SENT_AT: &str = "2026-11-23T06:10:00Z";

fn secrets(texts: &[&str]) -> Vec<SecretString> {
    texts.iter().map(|text| SecretString::from(*text)).collect()
}

/// A delivery that says what Jane is like, as the sandbox signs it.
fn sent(by: &[&str]) -> (ProspectId, HeaderMap, Vec<u8>) {
    let product = Product::new(Clock::driven(at(SENT_AT)));
    let jane = product.create("jane@example.com", "Jane", "Carter", "Harbor Freightways", None);
    product.set_status(&jane, "success").expect("a status");
    let (headers, body) = product.signed_event(&jane, by);
    let header = |(name, value): (String, String)| -> (HeaderName, HeaderValue) {
        (name.parse().expect("a name"), value.parse().expect("a value"))
    };
    (jane, headers.into_iter().map(header).collect(), body.into_bytes())
}

/// Headers for any body, signed by the words of the contract alone.
fn signed(body: &[u8], secret: &str, sent_at: Timestamp) -> HeaderMap {
    let time = sent_at.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let value = format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()));
    HeaderMap::from_iter([(HeaderName::from_static("x-engage-signature"), value.parse().expect("a value"))])
}

fn received(headers: &HeaderMap, body: &[u8], by: &[&str]) -> Result<Delivery, Rejection> {
    verify(headers, body, &secrets(by), at(SENT_AT))
}

fn event(kind: &str, prospect_id: &str) -> String {
    format!(
        r#"{{"id":"6d3ff8a1","type":"{kind}","occurred_at":"{SENT_AT}","prospect_id":"{prospect_id}","prospect":null}}"#
    )
}

#[test]
fn what_the_sandbox_signs_is_taken_and_read() {
    let (jane, headers, body) = sent(&["secret"]);
    let delivery = received(&headers, &body, &["secret"]).expect("genuine");
    assert_eq!((delivery.kind.as_str(), &delivery.prospect_id), ("prospect.updated", &jane));
    assert_eq!(delivery.occurred_at, at(SENT_AT));
    let prospect = delivery.prospect.expect("the prospect as it is");
    assert_eq!((prospect.id, prospect.status.key(), prospect.version), (jane, "success", 2));
    assert_eq!(signed(&body, "secret", at(SENT_AT))["x-engage-signature"], headers["x-engage-signature"]);
}

#[test]
fn a_stage_change_carries_no_prospect() {
    let body = event("enrollment.stage_changed", "p_000001");
    let delivery = received(&signed(body.as_bytes(), "secret", at(SENT_AT)), body.as_bytes(), &["secret"]);
    assert_eq!(delivery.expect("genuine").prospect, None);
}

#[test]
fn an_unsubscribe_by_a_kind_of_actor_that_nobody_knows_is_taken_and_read() {
    let (jane, _, body) = sent(&["secret"]);
    let mut body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    body["prospect"]["status"] = "opted_out".into();
    body["prospect"]["status_changed_by"] = serde_json::json!({"kind": "recipient", "id": "r_1"});
    let body = body.to_string();
    let delivery = received(&signed(body.as_bytes(), "secret", at(SENT_AT)), body.as_bytes(), &["secret"]);
    let prospect = delivery.expect("genuine").prospect.expect("the prospect as it is");
    assert_eq!((prospect.id, prospect.status.key(), prospect.status_changed_by), (jane, "opted_out", None));
}

#[test]
fn no_body_with_a_flipped_bit_is_taken() {
    let (_, headers, body) = sent(&["secret"]);
    for place in 0..body.len() {
        for bit in 0..8 {
            let mut body = body.clone();
            body[place] ^= 1 << bit;
            assert_eq!(received(&headers, &body, &["secret"]), Err(Rejection::BadSignature), "byte {place}");
        }
    }
    assert_eq!(received(&headers, &body[1..], &["secret"]), Err(Rejection::BadSignature));
}

#[test]
fn no_signature_with_a_changed_character_is_taken() {
    let (_, headers, body) = sent(&["secret"]);
    let genuine = headers["x-engage-signature"].as_bytes().to_vec();
    for place in 0..genuine.len() {
        let mut changed = genuine.clone();
        changed[place] ^= 1;
        let mut headers = headers.clone();
        headers.insert("x-engage-signature", HeaderValue::from_bytes(&changed).expect("a value"));
        assert_eq!(received(&headers, &body, &["secret"]), Err(Rejection::BadSignature), "character {place}");
    }
    for end in 0..genuine.len() {
        let mut headers = headers.clone();
        headers.insert("x-engage-signature", HeaderValue::from_bytes(&genuine[..end]).expect("a value"));
        assert_eq!(received(&headers, &body, &["secret"]), Err(Rejection::BadSignature), "cut at {end}");
    }
}

#[test]
fn a_missing_or_doubled_signature_is_refused() {
    let (_, mut headers, body) = sent(&["secret"]);
    let genuine = headers.remove("x-engage-signature").expect("a signature");
    assert_eq!(received(&headers, &body, &["secret"]), Err(Rejection::BadSignature));
    headers.append("x-engage-signature", genuine.clone());
    assert!(received(&headers, &body, &["secret"]).is_ok());
    headers.append("x-engage-signature", genuine);
    assert_eq!(received(&headers, &body, &["secret"]), Err(Rejection::BadSignature));
}

#[test]
fn while_a_secret_rotates_either_is_enough_on_either_side() {
    for (signs, knows, genuine) in [
        (&["old", "new"][..], &["old"][..], true),
        (&["old", "new"], &["new"], true),
        (&["old"], &["new", "old"], true),
        (&["new"], &["new", "old"], true),
        (&["old"], &["new"], false),
        (&["old", "new"], &["other"], false),
        (&["old"], &[], false),
        (&[], &["old"], false),
    ] {
        let (_, headers, body) = sent(signs);
        assert_eq!(received(&headers, &body, knows).is_ok(), genuine, "signed by {signs:?}, known {knows:?}");
    }
}

#[test]
fn five_minutes_off_is_taken_and_a_second_more_is_not() {
    let (_, headers, body) = sent(&["secret"]);
    let off = |seconds| {
        let now = at(SENT_AT) + SignedDuration::from_secs(seconds);
        verify(&headers, &body, &secrets(&["secret"]), now).map(drop)
    };
    assert_eq!([off(300), off(-300), off(0)], [Ok(()), Ok(()), Ok(())]);
    assert_eq!(off(301), Err(Rejection::OutsideWindow));
    assert_eq!(off(-301), Err(Rejection::OutsideWindow));
}

#[test]
fn a_mebibyte_is_taken_and_a_byte_more_is_not() {
    let mut body = event("prospect.deleted", "p_000001").into_bytes();
    body.resize(BODY_BYTES_MAX, b' ');
    assert_eq!(body.len(), 1_048_576);
    assert!(received(&signed(&body, "secret", at(SENT_AT)), &body, &["secret"]).is_ok());
    body.push(b' ');
    let rejected = received(&signed(&body, "secret", at(SENT_AT)), &body, &["secret"]);
    assert_eq!(rejected, Err(Rejection::TooLarge));
}

#[test]
fn size_is_looked_at_first_then_the_signature_then_the_body() {
    let huge = vec![b'x'; BODY_BYTES_MAX + 1];
    let (junk, now) = (b"no event".as_slice(), at(SENT_AT));
    let old = signed(junk, "secret", now - SignedDuration::from_mins(6));
    for (headers, body, status, code) in [
        (HeaderMap::new(), huge.as_slice(), 413, "too-large"),
        (HeaderMap::new(), junk, 401, "bad-signature"),
        (signed(junk, "other", now - SignedDuration::from_mins(6)), junk, 401, "bad-signature"),
        (old, junk, 401, "outside-window"),
        (signed(junk, "secret", now), junk, 400, "bad-body"),
    ] {
        let rejection = received(&headers, body, &["secret"]).expect_err(code);
        assert_eq!((rejection.status().as_u16(), rejection.code()), (status, code));
    }
}

#[test]
fn a_genuine_body_that_is_no_such_event_is_a_bad_body() {
    let (_, _, body) = sent(&["secret"]);
    let another = String::from_utf8(body).expect("text").replacen(
        "\"prospect_id\":\"p_000001\"",
        "\"prospect_id\":\"p_000002\"",
        1,
    );
    for body in [
        event("prospect.renamed", "p_000001"),
        event("prospect.updated", ""),
        event("prospect.updated", "p_000001").replace("occurred_at", "at"),
        another,
        "[]".to_owned(),
        String::new(),
    ] {
        let rejected =
            received(&signed(body.as_bytes(), "secret", at(SENT_AT)), body.as_bytes(), &["secret"]);
        assert!(matches!(rejected, Err(Rejection::BadBody(_))), "{body}: {rejected:?}");
    }
}
