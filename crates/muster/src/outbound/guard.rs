//! Where the server may connect: by https to public addresses, and to what the operator allows beside them
//! (`--jwks-allow`, `--webhook-allow`). Metadata addresses stay closed whatever he allows. Pure; `way` asks
//! it at each stage.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

use super::address;

/// What a connection is for: decides the words of a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    /// Key sets of issuers.
    #[default]
    Keys,
    /// Events for receivers.
    Webhooks,
}

impl Purpose {
    /// The option that opens a place.
    const fn option(self) -> &'static str {
        match self {
            Self::Keys => "--jwks-allow",
            Self::Webhooks => "--webhook-allow",
        }
    }
    /// Who is at the other end.
    const fn peer(self) -> &'static str {
        match self {
            Self::Keys => "a provider",
            Self::Webhooks => "a receiver",
        }
    }
    /// What plain http would do.
    const fn plain(self) -> &'static str {
        match self {
            Self::Keys => "plain http would let anyone on the way replace the keys: use https",
            Self::Webhooks => "plain http would let anyone on the way read the events: use https",
        }
    }
}

/// The operator's exceptions: host names (`idp.internal`) and networks (`10.0.0.0/8`, `127.0.0.1`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    purpose: Purpose,
    hosts: Vec<String>,
    nets: Vec<IpNet>,
}

impl Allow {
    /// Adds one entry.
    ///
    /// # Errors
    /// Says what an entry looks like.
    pub fn add(&mut self, entry: &str) -> Result<(), String> {
        let text = entry.trim();
        if let Ok(net) = IpNet::from_str(text) {
            self.nets.push(net);
        } else if let Ok(ip) = IpAddr::from_str(text.trim_start_matches('[').trim_end_matches(']')) {
            self.nets.push(IpNet::from(ip));
        } else {
            match Host::parse(text) {
                Ok(Host::Domain(_)) if text.contains('*') || text.starts_with('.') => {
                    return Err(format!(
                        "{text:?} is a pattern, and names are compared whole: write each host (idp.internal), or the network that they are in (10.0.0.0/8)"
                    ));
                }
                Ok(Host::Domain(host)) if !text.contains('/') => {
                    self.hosts.push(host.trim_end_matches('.').to_owned());
                }
                _ => {
                    return Err(format!(
                        "{text:?} is neither a host name, an IP address nor a network: write idp.internal, 10.1.2.3 or 10.0.0.0/8"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The same places, for webhooks.
    #[must_use]
    pub fn for_webhooks(self) -> Self {
        Self { purpose: Purpose::Webhooks, ..self }
    }

    /// From a list of entries.
    ///
    /// # Errors
    /// That of the first bad entry.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut allow = Self::default();
        for entry in entries {
            allow.add(entry)?;
        }
        Ok(allow)
    }

    fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|h| h == host.trim_end_matches('.'))
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        let carried = address::unwrapped(ip);
        let same_place = address::is_loopback(ip) || !carried.is_loopback();
        self.nets.iter().any(|net| address::means(net, ip) || same_place && address::means(net, carried))
    }

    /// May a connection for `host` go to this address?
    ///
    /// # Errors
    /// Says why not and how the operator opens it. For him, unless the address is the host itself: see
    /// `closed`.
    pub fn check_address(&self, host: &str, ip: IpAddr) -> Result<(), String> {
        if address::is_metadata(ip) {
            return Err(format!("{host} is at {ip}, a cloud metadata address; nothing goes there"));
        }
        if is_local(host) && !address::is_loopback(ip) {
            return Err(format!(
                "{host} is at {ip}, which is not on this machine as its name says: write the server's own name"
            ));
        }
        match address::not_public(ip) {
            Some(why) if !self.has_host(host) && !self.has_address(ip) => Err(format!(
                "{host} is at {ip}, which is not a public address ({why}); the operator can allow it with {} {host}",
                self.purpose.option()
            )),
            _ => Ok(()),
        }
    }

    /// What is said to an account of a name for which `check_address` refused what it led to: not the
    /// address, since the names of the operator's network are his.
    pub fn closed(&self, host: &str) -> String {
        let option = self.purpose.option();
        let what = match (self.has_host(host), is_local(host)) {
            (false, _) => {
                format!("what is not a public address; the operator can allow it with {option} {host}")
            }
            (true, true) => "what is not on this machine as it says: write the server's own name".to_owned(),
            (true, false) => "what is not a public address and is closed whatever is allowed".to_owned(),
        };
        format!("{host} leads to {what} (the server's log has the address)")
    }

    /// The checks that need no look-up: scheme, credentials, literal addresses, plain http.
    ///
    /// # Errors
    /// Says what to change in the URL.
    pub fn check_url(&self, url: &Url) -> Result<(), String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL carries a user name or password; leave them out".into());
        }
        if url.fragment().is_some() {
            return Err("the URL has a #fragment, which is never sent; leave it out".into());
        }
        let (host, literal) = match url.host() {
            None => return Err("the URL names no host".into()),
            Some(Host::Domain(name)) => (name.to_owned(), None),
            Some(Host::Ipv4(ip)) => (ip.to_string(), Some(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => (ip.to_string(), Some(IpAddr::V6(ip))),
        };
        match url.scheme() {
            "https" => {}
            "http" => self.check_plain(&host, literal)?,
            other => return Err(format!("the URL begins with {other}:// but must begin with https://")),
        }
        literal.map_or(Ok(()), |ip| self.check_address(&host, ip))
    }

    /// Plain http is for who is on the same machine, and only if the operator says so.
    fn check_plain(&self, host: &str, literal: Option<IpAddr>) -> Result<(), String> {
        let loopback = literal.map_or_else(|| is_local(host), address::is_loopback);
        let allowed = self.has_host(host) || literal.is_some_and(|ip| self.has_address(ip));
        match (loopback, allowed) {
            (true, true) => Ok(()),
            (true, false) => Err(format!(
                "plain http is only for {} on this machine that the operator allowed: use https, or start the server with {} {host}",
                self.purpose.peer(),
                self.purpose.option()
            )),
            (false, _) => Err(self.purpose.plain().into()),
        }
    }

    /// Plain http may only reach loopback, whatever the name resolves to.
    pub fn check_peer(&self, url: &Url, ip: IpAddr) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !address::is_loopback(ip) {
            return Err(format!("{host} is at {ip}, which is not on this machine: use https"));
        }
        self.check_address(host, ip)
    }
}

/// A name of the machine itself (RFC 6761 §6.3), with or without a dot at its end.
fn is_local(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &[&str], url: &str) -> Result<(), String> {
        let url = Url::parse(url).map_err(|e| e.to_string())?;
        Allow::of(allow.iter().copied()).unwrap().check_url(&url)
    }

    #[test]
    fn literal_addresses_in_every_spelling() {
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://10.0.0.1/",
            "https://0/",
            "https://169.254.169.254/latest",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::7f00:1]/",
            "https://①②⑦.⓪.⓪.①/",
        ] {
            assert!(check(&[], url).is_err(), "{url}");
        }
        assert_eq!(check(&[], "https://1.1.1.1/"), Ok(()));
        assert_eq!(check(&[], "https://idp.example.com/jwks"), Ok(()));
    }

    #[test]
    fn what_the_operator_allows() {
        assert_eq!(check(&["10.0.0.0/8"], "https://10.9.8.7/"), Ok(()));
        assert_eq!(check(&["10.0.0.0/8"], "https://[::ffff:10.9.8.7]/"), Ok(()));
        assert_eq!(check(&["10.0.0.0/8"], "https://[64:ff9b::10.9.8.7]/"), Ok(()), "how NAT64 reaches it");
        assert!(check(&["10.0.0.0/8"], "https://192.168.0.1/").is_err());
        assert!(check(&["0.0.0.0/0", "::/0"], "https://169.254.169.254/").is_err(), "metadata stays closed");
        assert!(check(&["0.0.0.0/0", "::/0"], "https://[fd00:ec2::254]/").is_err(), "metadata stays closed");
        for host in ["169.254.7.7", "[fe80::7]", "[::ffff:169.254.7.7]"] {
            let url = format!("https://{host}/");
            assert!(check(&["0.0.0.0/0", "::/0"], &url).is_err(), "{url} is not meant by all there are");
            assert_eq!(check(&["169.254.0.0/16", "fe80::7"], &url), Ok(()));
        }
    }

    #[test]
    fn plain_http_only_to_allowed_loopback() {
        assert_eq!(check(&["127.0.0.1"], "http://127.0.0.1:9000/jwks"), Ok(()));
        assert_eq!(check(&["127.0.0.1"], "http://[::ffff:127.0.0.1]/"), Ok(()));
        for elsewhere in ["[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::ffff:0:7f00:1]"] {
            for scheme in ["http", "https"] {
                let url = format!("{scheme}://{elsewhere}/");
                assert!(check(&["127.0.0.0/8"], &url).is_err(), "{url}");
            }
        }
        assert_eq!(check(&["localhost"], "http://localhost/jwks"), Ok(()));
        assert!(check(&[], "http://localhost/jwks").unwrap_err().contains("--jwks-allow localhost"));
        assert!(check(&["10.0.0.0/8"], "http://10.0.0.1/").is_err());
        assert!(check(&["idp.example.com"], "http://idp.example.com/").is_err());
    }

    #[test]
    fn names_of_the_machine_lead_to_the_machine_only() {
        let allow = Allow::of(["localhost", "idp.localhost", "10.0.0.0/8"]).unwrap();
        let check = |host: &str, ip: &str| allow.check_address(host, ip.parse().unwrap());
        assert_eq!(check("localhost", "127.0.0.1"), Ok(()));
        assert_eq!(check("localhost.", "::1"), Ok(()));
        for (host, ip) in
            [("localhost", "10.0.0.1"), ("idp.localhost", "1.1.1.1"), ("idp.localhost.", "fe80::1")]
        {
            assert!(check(host, ip).unwrap_err().contains("not on this machine"), "{host} {ip}");
        }
    }

    #[test]
    fn a_refusal_names_the_option_that_opens_the_place() {
        let allow = Allow::of(["10.0.0.0/8"]).unwrap().for_webhooks();
        let check = |url: &str| allow.check_url(&Url::parse(url).unwrap());
        assert_eq!(check("https://10.0.0.1/hook"), Ok(()));
        assert!(check("https://192.168.0.1/").unwrap_err().contains("--webhook-allow 192.168.0.1"));
        let plain = check("http://127.0.0.1/").unwrap_err();
        assert!(plain.contains("a receiver") && plain.contains("--webhook-allow 127.0.0.1"), "{plain}");
        assert!(check("http://10.0.0.1/").unwrap_err().contains("read the events"));
    }

    #[test]
    fn an_account_is_told_that_a_name_is_closed_and_not_where_it_leads() {
        let allow = Allow::of(["open.internal", "localhost"]).unwrap().for_webhooks();
        let closed = allow.closed("vm.internal");
        assert!(closed.starts_with("vm.internal leads to what is not a public address; the operator can"));
        assert!(closed.contains("--webhook-allow vm.internal"), "{closed}");
        // What is allowed and refused all the same leads to metadata, or off the machine.
        assert!(allow.closed("open.internal").contains("is closed whatever"));
        assert!(allow.closed("localhost").contains("not on this machine"));
    }

    #[test]
    fn odd_urls() {
        for url in [
            "ftp://a/",
            "file:///etc/passwd",
            "https://u:p@a.example/",
            "https://a.example/#x",
            "data:text/plain,x",
        ] {
            assert!(check(&[], url).is_err(), "{url}");
        }
    }

    #[test]
    fn bad_entries_are_explained() {
        for entry in ["", "10.0.0.0/99", "http://a", "a/b"] {
            assert!(Allow::default().add(entry).is_err(), "{entry}");
        }
        for pattern in ["*.corp", "*", "idp*.corp", ".corp"] {
            assert!(Allow::default().add(pattern).unwrap_err().contains("compared whole"), "{pattern}");
        }
    }
}
