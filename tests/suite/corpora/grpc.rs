//! A Pub/Sub service that breaks the rules of HTTP/2 and gRPC. Its frames are made by hand, since no library makes such.

use super::apart;
use crate::contract::{at, by_secret, salesforce_config, tells};
use lockstep::connector::CallError;
use lockstep::connector::salesforce::{Salesforce, Topic};
use lockstep::model::SalesforceObject::Lead;
use lockstep::sandbox::Clock;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that stands in no table.
fn header(name: &str, value: &str) -> Vec<u8> {
    assert!(name.len() < 127 && value.len() < 127);
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

/// `:status: 200` stands in the static table.
fn begun() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &[vec![0x88], header("content-type", "application/grpc")].concat())
}

fn message(compressed: u8, length: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, 1, &[&[compressed], &length.to_be_bytes()[..], bytes].concat())
}

fn trailers(fields: &[Vec<u8>]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields.concat())
}

/// What the service sends once it is asked.
fn stories() -> Vec<(&'static str, Vec<u8>)> {
    let status = |text: &str| [begun(), trailers(&[header("grpc-status", text)])].concat();
    let with = |more: Vec<u8>| [begun(), more].concat();
    let encoded =
        [vec![0x88], header("content-type", "application/grpc"), header("grpc-encoding", "gzip")].concat();
    vec![
        ("nothing", Vec::new()),
        ("no HTTP/2 at all", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ("half a frame", vec![0, 0, 9]),
        ("a frame of 16 MB", vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]),
        ("an unknown frame", [frame(99, 0xff, 1, &[0; 100]), status("0")].concat()),
        ("no trailers", with(frame(DATA, END_STREAM, 1, &[]))),
        ("status 0 and no answer", status("0")),
        ("status 99", status("99")),
        ("no number as status", status("x")),
        ("another program", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x88])),
        ("HTTP status 500", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x8e])),
        ("a message of 4 GB", with(message(0, u32::MAX, &[]))),
        ("a message of 100 MB that never comes", with(message(0, 100_000_000, &[1]))),
        ("a compressed message without an encoding", with(message(1, 4, &[1; 4]))),
        (
            "a compressed bomb",
            [frame(HEADERS, END_HEADERS, 1, &encoded), message(1, 4, &[0x1f, 0x8b, 8, 0])].concat(),
        ),
        ("a flag that nobody knows", with(message(7, 1, &[1]))),
        ("no protobuf", with(message(0, 8, &[0xff; 8]))),
        (
            "a text of 2^63 bytes",
            with(message(0, 11, &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0])),
        ),
        ("groups within groups", with(message(0, 10_000, &[0x0b; 10_000]))),
        (
            "an event without an event",
            [begun(), message(0, 2, &[0x0a, 0]), trailers(&[header("grpc-status", "0")])].concat(),
        ),
        ("empty data without end", with(frame(DATA, 0, 1, &[]).repeat(200_000))),
        (
            "continuations without end",
            [frame(HEADERS, 0, 1, &[0x88]), frame(CONTINUATION, 0, 1, &header("a", "b")).repeat(100_000)]
                .concat(),
        ),
        (
            "empty continuations",
            [frame(HEADERS, 0, 1, &[0x88]), frame(CONTINUATION, 0, 1, &[]).repeat(100_000)].concat(),
        ),
        (
            "headers of 10 MB",
            frame(HEADERS, END_HEADERS, 1, &header("a", &"x".repeat(120)).repeat(130)).repeat(600),
        ),
        (
            "a table index that does not exist",
            frame(HEADERS, END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0x7f]),
        ),
        ("pings without end", with(frame(PING, 0, 0, &[0; 8]).repeat(50_000))),
        ("settings without end", with(frame(SETTINGS, 0, 0, &[]).repeat(50_000))),
        ("a window that overflows", with(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(3))),
        (
            "resets of streams that nobody opened",
            with((1..20_000).flat_map(|n| frame(RST_STREAM, 0, 2 * n, &[0, 0, 0, 8])).collect()),
        ),
        ("a pushed stream", with(frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82]))),
        ("a reset", with(frame(RST_STREAM, 0, 1, &[0, 0, 0, 11]))),
        ("going away", frame(GO_AWAY, 0, 0, &[0; 8])),
    ]
}

/// Answers sign-ins as Salesforce does, and everything else by the story. It ends with the process.
fn service(story: Vec<u8>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let base = url.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (story, base) = (story.clone(), base.clone());
            // Whoever is told such stories hangs up in the middle.
            std::thread::spawn(move || drop(tell(stream.unwrap(), &story, &base)));
        }
    });
    url
}

fn tell(mut stream: TcpStream, story: &[u8], base: &str) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let mut some = [0; 4096];
    let holds = |seen: &[u8], text: &[u8]| seen.windows(text.len()).any(|window| window == text);
    // A sign-in is whole with its form, and a subscription with the name of its topic.
    while !holds(&seen, b"client_secret=secret") && !holds(&seen, b"LeadChangeEvent") {
        match stream.read(&mut some)? {
            0 => return Ok(()),
            count => seen.extend(&some[..count]),
        }
    }
    if !seen.starts_with(b"PRI ") {
        let body = format!(
            r#"{{"access_token":"t","token_type":"Bearer","instance_url":"{base}","id":"{base}/id/00D5f000000SANDEA2/0055f000000APIUAA2"}}"#
        );
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    // What the client says to it is read, or both would wait for each other.
    let mut other = stream.try_clone()?;
    let reading = std::thread::spawn(move || std::io::copy(&mut other, &mut std::io::sink()));
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    stream.write_all(story)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    drop(reading.join());
    Ok(())
}

async fn heard(base_url: &str) -> CallError {
    let clock = tells(&Clock::driven(at("2026-11-23T06:10:00Z")));
    let salesforce = Salesforce::new(&salesforce_config(base_url, by_secret("secret")), clock).unwrap();
    let topic = &Topic::of(&[Lead], None)[0];
    let mut stream = match salesforce.subscribe(topic, None).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    loop {
        match stream.next().await {
            Ok(batch) => assert!(batch.events.is_empty()),
            Err(error) => return error,
        }
    }
}

#[test]
fn no_broken_service_of_events_makes_a_subscription_panic_hang_or_grow() {
    apart!(no_broken_service_of_events_makes_a_subscription_panic_hang_or_grow, 192, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (name, story) in stories() {
            eprintln!("{name}");
            let error = runtime.block_on(heard(&service(story)));
            // Whatever it is, it is the service's failure and not the end of all trying.
            assert!(error.code != "cannot-sign-in", "{name}: {error}");
            eprintln!("    {error}");
        }
    });
}
