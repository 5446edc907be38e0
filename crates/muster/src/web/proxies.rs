//! Whose request it is that a proxy passes on: who may say so, and how it is said (`X-Forwarded-For`,
//! RFC 7239). Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr as _;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose word counts (`--trusted-proxies`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// From a list of addresses and networks.
    ///
    /// # Errors
    /// Says of the first bad entry what one looks like.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        entries.into_iter().map(|entry| net(entry.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a request came from. What a stranger says of the scheme is taken out of the headers, so that it
    /// counts nowhere. Without trusted proxies the peer is the client, and the headers stay as they are.
    pub fn client(&self, peer: Option<SocketAddr>, headers: &mut HeaderMap) -> Option<IpAddr> {
        let peer = peer.map(|peer| peer.ip());
        if self.is_empty() {
            return peer;
        }
        let peer = peer.map(|ip| ip.to_canonical());
        if peer.is_some_and(|ip| self.trusts(ip)) {
            return self.told(headers).or(peer);
        }
        headers.remove(X_FORWARDED_PROTO);
        peer
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// The client that trusted proxies tell of. Each adds whom it heard from on the right: what stands left
    /// of the first stranger is what he says himself. `None`: nobody is told of, or it cannot be read.
    fn told(&self, headers: &HeaderMap) -> Option<IpAddr> {
        if headers.contains_key(X_FORWARDED_FOR) {
            let lines =
                headers.get_all(X_FORWARDED_FOR).iter().rev().map(|line| line.to_str().unwrap_or_default());
            return self.first_stranger(lines.flat_map(|line| line.rsplit(',')).map(address));
        }
        let lines = headers.get_all(FORWARDED).iter().rev();
        let elements = lines.flat_map(|line| {
            let read = line.to_str().ok().and_then(forwarded);
            read.unwrap_or_else(|| vec![None]).into_iter().rev()
        });
        self.first_stranger(elements)
    }

    /// Where all are trusted, the one farthest away.
    fn first_stranger(&self, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut last = None;
        for hop in hops {
            let ip = hop?;
            last = Some(ip);
            if !self.trusts(ip) {
                break;
            }
        }
        last
    }
}

fn net(text: &str) -> Result<IpNet, String> {
    let read = IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from));
    let net = read.map_err(|_| {
        format!("{text:?} is neither an IP address nor a network: write 10.1.2.3 or 10.0.0.0/8")
    })?;
    let net = unmapped(net)
        .ok_or_else(|| format!("{text:?} matches no address: write it as IPv4, for example 10.0.0.0/8"))?;
    if net.prefix_len() == 0 {
        return Err(format!("{text:?} would let everybody say who he is: write the proxies' own network"));
    }
    Ok(net)
}

/// As IPv4, where it is that in IPv6's clothes: addresses are compared so. `None`: its prefix ends within the
/// clothes.
fn unmapped(net: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = net else { return Some(net) };
    let Some(v4) = v6.addr().to_ipv4_mapped() else { return Some(net) };
    Ipv4Net::new(v4, v6.prefix_len().checked_sub(96)?).ok().map(IpNet::V4)
}

/// An address, with or without a port; of IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || IpAddr::from_str(text).ok();
    let with_port = || SocketAddr::from_str(text).ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare().or_else(with_port).or_else(bracketed).map(|ip| ip.to_canonical())
}

/// The `for` of each element of a line (RFC 7239 §4). `None`: it is none such, as where a client leaves a
/// quotation mark open to swallow what the proxy adds.
fn forwarded(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let (mut rest, mut hops, mut hop) = (line, Vec::new(), None);
    loop {
        rest = rest.trim_start();
        let (name, mut after) = rest.split_at(rest.find(is_none_of_token).unwrap_or(rest.len()));
        if !name.is_empty() {
            let (value, behind) = value(after.strip_prefix('=')?)?;
            if name.eq_ignore_ascii_case("for") && hop.replace(address(&value)).is_some() {
                return None;
            }
            after = behind;
        }
        after = after.trim_start();
        match after.bytes().next() {
            Some(b';') => {}
            Some(b',') => hops.push(hop.take().flatten()),
            Some(_) => return None,
            None => {
                hops.push(hop.flatten());
                return Some(hops);
            }
        }
        rest = &after[1..];
    }
}

fn is_none_of_token(c: char) -> bool {
    !c.is_ascii_alphanumeric() && !"!#$%&'*+-.^_`|~".contains(c)
}

/// A value, and what stands behind it. Addresses with a port are taken without quotation marks, too.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let unfit = |c: char| is_none_of_token(c) && !":[]".contains(c);
        let (value, behind) = text.split_at(text.find(unfit).unwrap_or(text.len()));
        return (!value.is_empty()).then(|| (value.to_owned(), behind));
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRUSTED: &str = "10.0.0.0/8,2001:db8:a::/48";

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(*name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let proxies = Proxies::of(TRUSTED.split(',')).unwrap();
        proxies.client(Some(peer.parse().unwrap()), &mut headers).unwrap().to_string()
    }

    fn told(line: &'static str) -> String {
        client("10.0.0.1:80", &[("forwarded", line)])
    }

    #[test]
    fn the_first_stranger_from_the_right_is_the_client() {
        for (line, found) in [
            ("192.0.2.7", "192.0.2.7"),
            ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
            ("6.6.6.6, 192.0.2.7, 10.1.1.1,2001:db8:a::1", "192.0.2.7"),
            ("nonsense, 192.0.2.7", "192.0.2.7"),
            ("10.9.9.9, 10.1.1.1", "10.9.9.9"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("2001:db8:b::7", "2001:db8:b::7"),
            ("[2001:db8:b::7]:4711", "2001:db8:b::7"),
            ("[2001:db8:b::7]", "2001:db8:b::7"),
            ("::ffff:192.0.2.7, ::ffff:10.1.1.1", "192.0.2.7"),
        ] {
            assert_eq!(client("10.0.0.1:80", &[("x-forwarded-for", line)]), found, "{line}");
        }
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.7, 10.1.1.1")];
        assert_eq!(client("[::ffff:10.0.0.1]:80", &lines), "192.0.2.7");
        let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("10.0.0.1:80", &both), "192.0.2.7", "most proxies pass a client's Forwarded on");
    }

    #[test]
    fn what_cannot_be_read_names_nobody() {
        for line in
            ["", "unknown", "192.0.2.7,", "192.0.2.7, unknown", "300.0.0.1", "192.0.2.7 10.1.1.1", "é"]
        {
            assert_eq!(client("10.0.0.1:80", &[("x-forwarded-for", line)]), "10.0.0.1", "{line}");
        }
        assert_eq!(client("10.0.0.1:80", &[]), "10.0.0.1");
    }

    #[test]
    fn elements_of_the_standard() {
        for (line, found) in [
            ("for=192.0.2.7", "192.0.2.7"),
            ("for=6.6.6.6, For=\"192.0.2.7:4711\";proto=https;by=_x", "192.0.2.7"),
            ("for=\"[2001:db8:b::7]:4711\", for=\"[2001:db8:a::1]\"", "2001:db8:b::7"),
            ("proto=http ; host=\"a,b\\\"\" ; for=192.0.2.7:4711;", "192.0.2.7"),
            ("for=6.6.6.6;x=\", for=192.0.2.7", "10.0.0.1"),
            ("for=6.6.6.6;x=\", for=\"[2001:db8:b::7]\"", "10.0.0.1"),
            ("for=unknown", "10.0.0.1"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=192.0.2.7;for=6.6.6.6", "10.0.0.1"),
            ("for", "10.0.0.1"),
            ("for=", "10.0.0.1"),
            ("for=\"192.0.2.7\\", "10.0.0.1"),
            ("192.0.2.7", "10.0.0.1"),
        ] {
            assert_eq!(told(line), found, "{line}");
        }
        let lines = [("forwarded", "for=6.6.6.6;x=\""), ("forwarded", "for=192.0.2.7, for=10.1.1.1")];
        assert_eq!(client("10.0.0.1:80", &lines), "192.0.2.7");
    }

    #[test]
    fn nobody_else_is_believed() {
        for peer in ["192.0.2.1:80", "[2001:db8:b::1]:80", "11.0.0.1:80"] {
            let ip = peer.parse::<SocketAddr>().unwrap().ip().to_string();
            for name in ["x-forwarded-for", "forwarded"] {
                assert_eq!(client(peer, &[(name, "for=6.6.6.6"), (name, "6.6.6.6")]), ip);
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
        let peer = "[::ffff:10.0.0.1]:80".parse().unwrap();
        let found = Proxies::default().client(Some(peer), &mut headers);
        assert_eq!(found, Some(peer.ip()), "as it came, where there are no proxies");
    }

    #[test]
    fn lists_of_proxies() {
        let mapped = Proxies::of(["::ffff:10.0.0.0/104", " 192.0.2.1 "]).unwrap();
        assert_eq!(mapped, Proxies::of(["10.0.0.0/8", "192.0.2.1/32"]).unwrap());
        for (bad, word) in [
            ("proxy.example", "10.0.0.0/8"),
            ("10.0.0.0/33", "network"),
            ("::/0", "everybody"),
            ("::ffff:0.0.0.0/96", "everybody"),
            ("::ffff:10.0.0.0/95", "no address"),
            ("::ffff:10.0.0.0/0", "no address"),
        ] {
            assert!(Proxies::of([bad]).unwrap_err().contains(word), "{bad}");
        }
    }
}
