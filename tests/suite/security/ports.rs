//! The admin port: where it listens, which token it has, and how it is called, each with each.

use crate::admin::{Fake, Served};
use reqwest::{Client, Method};

const TOKEN: &str = "0123456789abcdef";

/// What is asked, and whether anybody may.
const PATHS: &[(Method, &str, bool)] = &[
    (Method::GET, "/livez", true),
    (Method::GET, "/readyz", true),
    (Method::POST, "/webhooks/engage", true),
    (Method::POST, "/webhooks/salesforce", true),
    (Method::GET, "/metrics", false),
    (Method::GET, "/api/v1/status", false),
    (Method::GET, "/api/v1/links", false),
    (Method::POST, "/api/v1/pause", false),
    (Method::POST, "/api/v1/parked/drop", false),
    (Method::POST, "/api/v1/plan/apply", false),
];

/// Names by which a port is called, and whether they can mean this machine only.
const HOSTS: &[(&str, bool)] = &[
    ("127.0.0.1", true),
    ("127.0.0.1:8080", true),
    ("[::1]:8080", true),
    ("localhost", true),
    ("LocalHost:1", true),
    ("evil.example", false),
    ("localhost.evil.example", false),
    ("127.0.0.1.evil.example", false),
    ("evil.example:8080", false),
    ("10.0.0.1", false),
    ("0.0.0.0", false),
    ("[::ffff:10.0.0.1]", false),
    ("localhost@evil.example", false),
];

#[tokio::test]
async fn whoever_asks_the_admin_port_passes_by_the_rules_and_not_otherwise() {
    let client = Client::new();
    let mut asked = 0;
    for (bind, only_here) in [("127.0.0.1:0", true), ("0.0.0.0:0", false)] {
        for set in [None, Some(TOKEN)] {
            let served = Served::on(bind, Fake::default(), set).await;
            for (method, path, open) in PATHS {
                for (host, means_this_machine) in HOSTS {
                    for given in [None, Some("0123456789abcdeF"), Some(TOKEN)] {
                        let body = if *method == Method::GET { "" } else { "{}" };
                        let url = format!("http://127.0.0.1:{}{path}", served.address.port());
                        let request = client.request(method.clone(), url).header("host", *host).body(body);
                        let request = request.header("content-type", "application/json");
                        let request = match given {
                            Some(token) => request.bearer_auth(token),
                            None => request,
                        };
                        let before = served.fake.asked().len();
                        let status = request.send().await.unwrap().status().as_u16();
                        let passes = status < 300;
                        let wanted = if *open {
                            None
                        } else if only_here && !means_this_machine {
                            Some(403)
                        } else {
                            match set {
                                Some(token) if given == Some(token) => None,
                                Some(_) => Some(401),
                                None if *method == Method::GET => None,
                                None => Some(403),
                            }
                        };
                        let case = format!("{bind} {set:?} {method} {path} host {host} token {given:?}");
                        assert_eq!(if passes { None } else { Some(status) }, wanted, "{case}");
                        let reached = served.fake.asked().len() > before;
                        assert_eq!(reached, passes && !path.ends_with('z'), "{case}");
                        asked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(asked, 4 * PATHS.len() * HOSTS.len() * 3);
}

#[tokio::test]
async fn whatever_is_no_plain_path_is_guarded_like_the_rest() {
    let served = Served::on("127.0.0.1:0", Fake::default(), Some(TOKEN)).await;
    for path in [
        "/livez/../api/v1/status",
        "//livez",
        "/LIVEZ",
        "/webhooks",
        "/livez%2f..%2fapi",
        "/metrics/",
        "/api/v1",
    ] {
        let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
    }
    assert_eq!(served.fake.asked(), Vec::<String>::new());
}
