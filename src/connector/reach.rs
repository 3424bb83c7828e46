//! Where a connection may lead. A name that an answer brought in may be made to mean this machine, or the cloud's own
//! keeper of secrets; so names are looked up here, at the moment of connecting, and only public addresses are tried.

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Where the machine's own settings name the proxies that calls go through.
const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Azure's own services for its machines: public by its number, and by nothing else.
const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Looks a name up.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Looks names up, and hands on public addresses only. It is asked anew for each connection, so that a name that changes
/// its meaning in between gains nothing by it.
pub(super) struct PublicOnly {
    lookup: Lookup,
    /// Names of this machine's proxies: whoever runs it has put them there, and they are rarely public.
    proxies: Vec<String>,
}

/// All that a name leads to is out of bounds.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is no public address: not called")]
struct NotPublic {
    name: String,
    address: IpAddr,
}

impl PublicOnly {
    /// By the machine's own lookup.
    pub(super) fn new() -> PublicOnly {
        let lookup: Lookup =
            Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }));
        let settings = PROXY_VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
        PublicOnly { lookup, proxies: settings.filter_map(|text| host(&text)).collect() }
    }
}

/// The host of a proxy setting, which may stand there without its scheme.
fn host(setting: &str) -> Option<String> {
    let text = if setting.contains("://") { setting.to_owned() } else { format!("http://{setting}") };
    url::Url::parse(&text).ok()?.host_str().map(str::to_lowercase)
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_lowercase();
        let is_proxy = self.proxies.contains(&name);
        let found = (self.lookup)(name.clone());
        Box::pin(async move {
            let found = found.await?;
            let public: Vec<SocketAddr> =
                found.iter().copied().filter(|address| is_proxy || is_public(address.ip())).collect();
            match (public.is_empty(), found.first()) {
                (true, Some(first)) => Err(NotPublic { name, address: first.ip() }.into()),
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address belongs to somebody on the internet, rather than to this machine, its network or its cloud.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        // 169.254.169.254 is where most clouds keep a machine's credentials.
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || address == AZURE_PLATFORM
        || a == 0
        || a >= 240
        // Carriers' own, and Alibaba's keeper of credentials.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // NAT64, by which networks without IPv4 reach it.
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => embedded(high, low),
        // 6to4.
        (0x2002, _) => embedded(b, c),
        // Teredo, documentation.
        (0x2001, 0 | 0xdb8) => false,
        // What is given out on the internet; IPv4 in its other spellings, and every local range, lies outside.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::net::TcpListener;

    /// A resolver that answers these, one after the other.
    fn answering(answers: Vec<Vec<SocketAddr>>, proxies: &[&str]) -> PublicOnly {
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let lookup: Lookup = Arc::new(move |_| {
            let next = answers.lock().unwrap().next().expect("no more lookups than answers");
            Box::pin(async move { Ok(next) })
        });
        PublicOnly { lookup, proxies: proxies.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn at(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 0)
    }

    #[test]
    fn what_belongs_to_this_machine_its_network_or_its_cloud_is_not_public() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "169.254.170.2",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "2001:db8::1",
            "fd00:ec2::254",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_given_out_on_the_internet_is_public() {
        for text in [
            "8.8.8.8",
            "96.43.144.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.17.0.1",
            "2600:1f00::1",
            "2a00::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_meaning_is_judged_by_each_answer() {
        let meanings = ["169.254.169.254", "::ffff:127.0.0.1", "96.43.144.1"];
        let resolver = answering(meanings.iter().map(|text| vec![at(text)]).collect(), &[]);
        let mut passed = Vec::new();
        for _ in meanings {
            let resolved = resolver.resolve("rebound.my.salesforce.com".parse().unwrap()).await;
            passed.push(resolved.map(|found| found.map(|found| found.ip()).collect::<Vec<_>>()).ok());
        }
        assert_eq!(passed, [None, None, Some(vec!["96.43.144.1".parse::<IpAddr>().unwrap()])]);
    }

    #[tokio::test]
    async fn among_public_addresses_a_private_one_is_left_out() {
        let resolver = answering(vec![vec![at("10.0.0.1"), at("8.8.8.8"), at("::1")]], &[]);
        let found = resolver.resolve("mixed.example".parse().unwrap()).await.map(Vec::from_iter);
        assert_eq!(found.unwrap(), [at("8.8.8.8")]);
    }

    #[tokio::test]
    async fn no_connection_is_made_to_a_private_address_but_to_a_proxy_of_this_machine() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let call = async |proxies: &[&str]| {
            let client =
                reqwest::Client::builder().no_proxy().dns_resolver(answering(vec![vec![here]], proxies));
            let url = format!("http://inside.example:{}/", here.port());
            client.build().unwrap().get(url).timeout(std::time::Duration::from_secs(20)).send().await
        };
        let error = call(&[]).await.expect_err("a private address");
        let words = format!("{:?}", anyhow::Error::from(error));
        assert!(words.contains("inside.example leads to 127.0.0.1, which is no public address"), "{words}");
        // The first to knock is the second call: the first one never came here.
        let (answer, accepted) = tokio::join!(call(&["inside.example"]), async {
            let (stream, _) = listener.accept().await.unwrap();
            drop(stream);
        });
        assert!(answer.is_err_and(|error| !error.is_connect()), "it was let in, and nobody answered");
        let () = accepted;
    }

    #[test]
    fn a_proxy_is_known_by_its_host_however_it_is_written() {
        for text in ["http://Proxy.corp:3128", "proxy.corp:3128", "socks5h://me:x@proxy.corp:1080/"] {
            assert_eq!(host(text).as_deref(), Some("proxy.corp"), "{text}");
        }
    }
}
