//! Which address a request really comes from.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The address of the client: the peer's, or, when the peer is one of our proxies, the last
/// address in `X-Forwarded-For` that is not (anything further left is the client's own claim).
pub(super) fn client(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), canonical);
    let trusted = |ip: &IpAddr| proxies.iter().any(|network| network.contains(ip));
    if !trusted(&peer) {
        return peer;
    }
    let mut client = peer;
    let values: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for text in values.iter().rev() {
        // Something unreadable ends the chain we can vouch for.
        let Some(ip) = parse(text.trim()) else { break };
        client = ip;
        if !trusted(&client) {
            break;
        }
    }
    client
}

/// Whether whoever sends the request is one of our proxies.
pub(super) fn is_of(peer: Option<IpAddr>, proxies: &[IpNet]) -> bool {
    peer.map(canonical)
        .is_some_and(|peer| proxies.iter().any(|network| network.contains(&peer)))
}

/// What a limit counts by: the address, or for IPv6 its /64, all of which one household has.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

fn parse(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let ip = bare.unwrap_or(text).parse().ok()?;
    Some(canonical(ip))
}

/// IPv4 in IPv6's clothes is IPv4.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn ask(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        client(Some(peer.parse().unwrap()), &headers, &proxies).to_string()
    }

    // KL-8
    #[test]
    fn forwarding_headers_count_only_from_our_proxies_and_from_the_right() {
        assert_eq!(ask("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(ask("10.0.0.1", &["6.6.6.6, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            ask("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.2.3.4"]),
            "198.51.100.1"
        );
        assert_eq!(ask("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(ask("10.0.0.1", &["198.51.100.1, junk"]), "10.0.0.1");
        assert_eq!(ask("::ffff:10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(ask("::1", &["10.9.9.9"]), "10.9.9.9");
    }

    #[test]
    fn a_limit_counts_an_ipv6_household_as_one() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(network(ip("203.0.113.9")), ip("203.0.113.9"));
    }
}
