//! Which addresses are not the public Internet (IANA special-purpose registries, RFC 6890). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

macro_rules! nets {
    ($kind:ident, $ip:ident: $($a:expr, $len:literal, $why:literal;)+) => {
        &[$(($kind::new_assert($a, $len), $why)),+]
    };
}

const V4: &[(Ipv4Net, &str)] = nets! { Ipv4Net, Ipv4Addr:
    Ipv4Addr::UNSPECIFIED, 8, "this network";
    Ipv4Addr::new(10, 0, 0, 0), 8, "private";
    Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT";
    Ipv4Addr::new(127, 0, 0, 0), 8, "loopback";
    Ipv4Addr::new(169, 254, 0, 0), 16, "link-local";
    Ipv4Addr::new(172, 16, 0, 0), 12, "private";
    Ipv4Addr::new(192, 0, 0, 0), 24, "protocol assignments";
    Ipv4Addr::new(192, 0, 2, 0), 24, "documentation";
    Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay";
    Ipv4Addr::new(192, 168, 0, 0), 16, "private";
    Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking";
    Ipv4Addr::new(198, 51, 100, 0), 24, "documentation";
    Ipv4Addr::new(203, 0, 113, 0), 24, "documentation";
    Ipv4Addr::new(224, 0, 0, 0), 4, "multicast";
    Ipv4Addr::new(240, 0, 0, 0), 4, "reserved";
};

/// Inside of `2000::/3`, the only range that is given out.
const V6: &[(Ipv6Net, &str)] = nets! { Ipv6Net, Ipv6Addr:
    Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "protocol assignments";
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "documentation";
    Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "documentation";
};

/// Addresses at which clouds hand credentials to whoever asks; not even the operator's list opens them.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // Azure's, for which a public address was taken.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];
/// Where clouds put such addresses, and nobody puts servers that others are to find.
const LINK_LOCAL: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10)),
];

/// The IPv4 address that an IPv6 form carries: mapped, compatible, NAT64, 6to4. Otherwise the address itself.
pub fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let (high, low) = match v6.segments() {
        // `::` and `::1` carry nothing.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] if high != 0 || low > 1 => (high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return ip,
    };
    IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Is it a metadata address, in any of its forms?
pub fn is_metadata(ip: IpAddr) -> bool {
    METADATA.contains(&unwrapped(ip))
}

/// Does a network hold an address, and mean it? One that is wider than all link-local addresses does not mean
/// these.
pub fn means(net: &IpNet, ip: IpAddr) -> bool {
    let carried = unwrapped(ip);
    net.contains(&ip) && LINK_LOCAL.iter().all(|local| !local.contains(&carried) || local.contains(net))
}

/// Is it loopback of this machine? A form that a gateway translates (NAT64, 6to4) leads to the gateway's.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Why an address is not public; `None` when it is.
pub fn not_public(ip: IpAddr) -> Option<&'static str> {
    match unwrapped(ip) {
        IpAddr::V4(v4) => V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, why)| *why),
        IpAddr::V6(v6) if v6.is_loopback() => Some("loopback"),
        IpAddr::V6(v6) if v6.segments()[0] & 0xfe00 == 0xfc00 => Some("private"),
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80 => Some("link-local"),
        IpAddr::V6(v6) if v6.is_multicast() => Some("multicast"),
        IpAddr::V6(v6) if v6.segments()[0] & 0xe000 != 0x2000 => Some("reserved"),
        IpAddr::V6(v6) => V6.iter().find(|(net, _)| net.contains(&v6)).map(|(_, why)| *why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_blocked_form() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "3fff::1",
            "4000::1",
        ] {
            assert!(not_public(ip(text)).is_some(), "{text} must be blocked");
        }
    }

    #[test]
    fn public_addresses_pass() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(not_public(ip(text)), None, "{text}");
        }
    }

    #[test]
    fn metadata_in_every_form() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.42.42",
            "fd00:42::42",
            "fe80::a9fe:a9fe",
            "::ffff:168.63.129.16",
        ] {
            assert!(is_metadata(ip(text)), "{text}");
        }
        assert!(!is_metadata(ip("169.254.169.253")));
    }
}
