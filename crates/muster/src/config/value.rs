//! What the values of options look like: reading them from text, and the words that say what is expected.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::outbound::guard::Allow;
use crate::web::proxies::Proxies;

/// Which values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `HOST:PORT`.
    Address,
    /// A directory.
    Folder,
    /// A file.
    File,
    /// A PostgreSQL URL; holds a secret.
    Database,
    /// Where clients reach the server.
    PublicUrl,
    /// A list of hosts and networks.
    Reach,
    /// A list of addresses and networks of proxies.
    Proxies,
    /// A size in bytes.
    Bytes { least: u64, most: u64 },
    /// A number.
    Count { least: u64, most: u64 },
    /// A span of time, bounds in seconds.
    Time { least: u64, most: u64 },
    /// `auto` or a number of threads.
    Threads,
    /// `on` or `off`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A filter of log lines.
    Filter,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Addresses, URLs, words and filters.
    Text(String),
    /// Files and directories.
    Path(PathBuf),
    /// Numbers; sizes in bytes; 0 for `auto`.
    Number(u64),
    /// Spans of time.
    Time(Duration),
    /// Switches.
    On(bool),
    /// Hosts and networks.
    Reach(Allow),
    /// Proxies.
    Proxies(Proxies),
}

impl Kind {
    /// Whether the option may be given several times.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Reach | Self::Proxies)
    }

    /// What to write, as the end of "write …".
    pub fn expects(self) -> String {
        match self {
            Self::Address => "HOST:PORT, for example 127.0.0.1:8080".into(),
            Self::Folder => "the path of a directory".into(),
            Self::File => "the path of a file".into(),
            Self::Database => "postgres://USER:PASSWORD@HOST:PORT/NAME".into(),
            Self::PublicUrl => "an http or https URL, for example https://id.example.com".into(),
            Self::Reach => {
                "host names, addresses or networks with commas between, for example 10.0.0.0/8".into()
            }
            Self::Proxies => "addresses or networks with commas between, for example 10.0.0.0/8".into(),
            Self::Bytes { least, most } => {
                let example = if most < 2 << 20 { "64KiB" } else { "512KiB or 2MiB" };
                format!("a size from {} to {}, for example {example}", size(least), size(most))
            }
            Self::Count { least, most } => format!("a whole number from {least} to {most}"),
            Self::Time { least, most } => {
                format!("a time from {least} to {most} seconds, for example 30s or 2m")
            }
            Self::Threads => "auto or a whole number from 1 to 1024".into(),
            Self::Switch => "on or off".into(),
            Self::Choice(words) => words.join(" or "),
            Self::Filter => "error, warn, info, debug or trace, or filters as info,muster::web=debug".into(),
        }
    }

    /// Reads a value; lists come in parts, everything else in one.
    ///
    /// # Errors
    /// One sentence: what was found and what to write.
    pub fn parse(self, parts: &[String]) -> Result<Value, String> {
        let text = parts.last().map_or("", |part| part.trim());
        let shown = match self {
            Self::Database | Self::PublicUrl if text.contains('@') => mask(text),
            Self::Database => mask(text),
            _ => text.to_owned(),
        };
        let wrong = || match text {
            "" => format!("the value is empty: write {}", self.expects()),
            _ => format!("{shown:?} is not usable: write {}", self.expects()),
        };
        let entries = || parts.iter().flat_map(|part| part.split(',')).filter(|e| !e.trim().is_empty());
        let value = match self {
            Self::Reach => return Allow::of(entries()).map(Value::Reach),
            Self::Proxies => return Proxies::of(entries()).map(Value::Proxies),
            Self::Folder | Self::File if !text.is_empty() => Some(Value::Path(PathBuf::from(text))),
            Self::Address => is_address(text).then(|| Value::Text(text.to_owned())),
            Self::Database if is_database(text) => {
                let read = db::check_url(text).map(|()| Value::Text(text.to_owned()));
                return read.map_err(|error| error.to_string());
            }
            Self::PublicUrl if !text.is_empty() => {
                let wrong = |fault| format!("{shown:?} is not usable: {fault}; write {}", self.expects());
                return public_url(text).map(Value::Text).map_err(wrong);
            }
            Self::Bytes { least, most } => bytes(text).filter(within(least, most)).map(Value::Number),
            Self::Count { least, most } => text.parse().ok().filter(within(least, most)).map(Value::Number),
            Self::Time { least, most } => seconds(text)
                .filter(|span| (Duration::from_secs(least)..=Duration::from_secs(most)).contains(span))
                .map(Value::Time),
            Self::Threads if text == "auto" => Some(Value::Number(0)),
            Self::Threads => text.parse().ok().filter(within(1, 1024)).map(Value::Number),
            Self::Switch => switch(text).map(Value::On),
            Self::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
            Self::Filter => is_filter(text).then(|| Value::Text(text.to_owned())),
            Self::Folder | Self::File | Self::Database | Self::PublicUrl => None,
        };
        value.ok_or_else(wrong)
    }
}

fn within(least: u64, most: u64) -> impl Fn(&u64) -> bool {
    move |number| (least..=most).contains(number)
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host_fits = !host.is_empty() && !host.contains(char::is_whitespace) && !host.contains('/');
    host_fits && (bracketed || !host.contains(':')) && port.parse::<u16>().is_ok()
}

fn is_database(text: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme))
}

/// The URL without a slash at its end. What answers put behind it would not belong to a query or fragment,
/// and everybody would be told a password.
///
/// # Errors
/// What is wrong with it.
fn public_url(text: &str) -> Result<String, String> {
    // The parser of URLs would mend `https:host`, blanks and dot segments.
    let known = |scheme: &str| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let (_, rest) = text
        .split_once("://")
        .filter(|(scheme, _)| known(scheme))
        .ok_or("it does not begin with http:// or https://")?;
    if rest.contains('@') {
        return Err("a user or a password has no place in it".into());
    }
    let unfit = |c: &char| c.is_whitespace() || c.is_control() || "?#\\,\"'`<>".contains(*c);
    if let Some(c) = rest.chars().find(unfit) {
        return Err(format!("{c:?} has no place in it"));
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() {
        return Err("it names no host".into());
    }
    if path.split('/').any(|part| matches!(&*part.to_ascii_lowercase().replace("%2e", "."), "." | "..")) {
        return Err("its path has a part of dots alone".into());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.domain().is_some_and(|domain| !is_domain(domain)) {
        return Err("its host is no name of one".into());
    }
    if url.port() == Some(0) {
        return Err("nobody can connect to port 0".into());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Of a URL that was read: in ASCII. A dot at its end is the root's.
fn is_domain(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
    text.strip_suffix('.')
        .unwrap_or(text)
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(fits))
}

fn is_filter(text: &str) -> bool {
    // The parser of filters would take a mistyped level for the name of a module.
    let level = |word: &str| matches!(word, "error" | "warn" | "info" | "debug" | "trace" | "off");
    let module = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b))
    };
    text.split(',').all(|part| match part.split_once('=') {
        Some((name, word)) => module(name) && level(word),
        None => level(part),
    })
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().ok()?, text[digits..].trim()))
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "B" => 1,
        "KiB" | "K" | "k" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" | "min" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}

fn size(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) { format!("{}MiB", bytes >> 20) } else { format!("{}KiB", bytes >> 10) }
}

/// Parameters of a database URL that hold no secret.
const TELLABLE: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "host",
    "hostaddr",
    "load_balance_hosts",
    "options",
    "port",
    "sslmode",
    "target_session_attrs",
];

/// A database URL without user and password, for people and logs. What is unclear is hidden, too.
pub fn mask(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".into() };
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let clear = scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && !query.is_some_and(|q| q.contains('@'));
    let shown = match place.split_once('@') {
        Some((_, hosts)) if clear && !hosts.contains('@') => format!("***@{hosts}"),
        None if clear && are_hosts(place) => place.to_owned(),
        _ => return "***".into(),
    };
    let hide = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if TELLABLE.contains(&key) => pair.to_owned(),
        Some((key, _)) => format!("{key}=***"),
        None => "***".into(),
    };
    let pairs = query.map(|query| query.split('&').map(hide).collect::<Vec<_>>().join("&"));
    pairs.map_or(format!("{scheme}://{shown}"), |pairs| format!("{scheme}://{shown}?{pairs}"))
}

/// Without an `@` a user and his password look like a host and its port, but for the port's digits.
fn are_hosts(place: &str) -> bool {
    let hosts = place.split('/').next().unwrap_or(place);
    hosts.split(',').all(|host| match host.rsplit_once(':') {
        Some((_, port)) => host.ends_with(']') || port.bytes().all(|b| b.is_ascii_digit()),
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, text: &str) -> Result<Value, String> {
        kind.parse(&[text.to_owned()])
    }

    #[test]
    fn sizes_and_times_have_units() {
        let bytes = Kind::Bytes { least: 1 << 10, most: 4 << 20 };
        for (text, value) in [("2048", 2_048), ("512KiB", 512 << 10), ("4MiB", 4 << 20), ("4 MiB", 4 << 20)] {
            assert_eq!(parse(bytes, text), Ok(Value::Number(value)), "{text}");
        }
        for bad in ["", "1", "5MiB", "4GB", "-1", "99999999999999999999KiB", "18014398509481984KiB"] {
            assert!(parse(bytes, bad).unwrap_err().contains("from 1KiB to 4MiB"), "{bad}");
        }
        let time = Kind::Time { least: 1, most: 120 };
        for (text, millis) in [("30", 30_000), ("30s", 30_000), ("2m", 120_000), ("1500ms", 1_500)] {
            assert_eq!(parse(time, text), Ok(Value::Time(Duration::from_millis(millis))), "{text}");
        }
        for bad in ["0", "3m", "soon", "500ms", "1h", "1.5s"] {
            assert!(parse(time, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:8080", "[::1]:0", "localhost:80"] {
            assert!(parse(Kind::Address, good).is_ok(), "{good}");
        }
        for bad in ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:99999", "::1:80", "http://localhost:80"] {
            assert!(parse(Kind::Address, bad).unwrap_err().contains("HOST:PORT"), "{bad}");
        }
    }

    #[test]
    fn a_public_url_has_nothing_behind_its_path() {
        for (text, read) in [
            ("https://id.example.com", "https://id.example.com"),
            ("HTTPS://ID.example.com:443/", "https://id.example.com"),
            ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://example.com/id/", "https://example.com/id"),
            ("https://example.com/v1.2/.id", "https://example.com/v1.2/.id"),
            ("http://muster_1:8080", "http://muster_1:8080"),
        ] {
            assert_eq!(parse(Kind::PublicUrl, text), Ok(Value::Text(read.into())), "{text}");
        }
        for (bad, fault) in [
            ("", "is empty"),
            ("id.example.com", "http:// or https://"),
            ("//id.example.com", "http:// or https://"),
            ("https:id.example.com", "http:// or https://"),
            ("ftp://id.example.com", "http:// or https://"),
            ("https:///id.example.com", "no host"),
            ("https://", "no host"),
            ("https://:443", "empty host"),
            ("https://u:geheim@id.example.com", "a password"),
            ("https://id.example.com?", "'?' has no place"),
            ("https://id.example.com/#", "'#' has no place"),
            ("https://id.example.com\\x", "has no place"),
            ("https://id.exa mple.com", "' ' has no place"),
            ("https://id.example.com,https://id2.example.com", "',' has no place"),
            ("https://id.example.com/\"x", "'\"' has no place"),
            ("https://id.example.com/a/../b", "dots"),
            ("https://id.example.com/.", "dots"),
            ("https://id.example.com/%2E%2e/b", "dots"),
            ("https://.", "its host"),
            ("https://id..example.com", "its host"),
            ("https://*.example.com", "its host"),
            ("https://id.example.com:0", "port 0"),
            ("https://id.example.com:99999", "invalid port"),
        ] {
            let error = parse(Kind::PublicUrl, bad).unwrap_err();
            assert!(error.contains(fault) && error.contains("an http or https URL"), "{bad}: {error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_wrong_database_url_does_not_show_its_password() {
        let error = parse(Kind::Database, "mysql://muster:s3cret@db/muster").unwrap_err();
        assert!(error.contains("mysql://***@db/muster") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn masks() {
        for (url, masked) in [
            ("postgres://u:p@h:1,i:2/d", "postgres://***@h:1,i:2/d"),
            ("postgres://u:p/w@h/d", "postgres://***@h/d"),
            ("postgres://u:p@ss/w@h/d", "***"),
            ("postgres://u:p?w=x@h/d", "***"),
            ("postgres://h/d?password=p@ss", "***"),
            ("postgres://u:pass/h", "***"),
            (
                "postgres://u@h/d?sslmode=require&password=x&user=u&y",
                "postgres://***@h/d?sslmode=require&password=***&user=***&***",
            ),
            ("postgres://[::1]:5432,h/d", "postgres://[::1]:5432,h/d"),
            ("postgres://[::1]/d", "postgres://[::1]/d"),
            ("nonsense", "***"),
        ] {
            assert_eq!(mask(url), masked);
        }
    }

    #[test]
    fn switches_words_threads_filters() {
        assert_eq!(parse(Kind::Switch, "on"), Ok(Value::On(true)));
        assert_eq!(parse(Kind::Switch, "false"), Ok(Value::On(false)));
        assert!(parse(Kind::Switch, "yes").unwrap_err().contains("on or off"));
        assert_eq!(parse(Kind::Threads, "auto"), Ok(Value::Number(0)));
        assert!(parse(Kind::Threads, "0").is_err());
        assert!(parse(Kind::Filter, "info,muster::web=debug").is_ok());
        assert!(parse(Kind::Filter, "loud").unwrap_err().contains("debug"));
    }
}
