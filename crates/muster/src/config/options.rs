//! The table of options. Flags, environment, file keys, help, the schema of the file and the reference
//! page are all made from it; an option that is not in this table does not exist.

use super::value::Kind;

/// Which commands an option is a flag of. All commands read all options from environment and file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// Every command that opens the database.
    Everywhere,
    /// Only the commands about the server itself.
    Server,
}

/// One option.
#[derive(Debug)]
pub struct Spec {
    /// `name`: the flag is `--name`, the variable `MUSTER_NAME`, the file's key `name`.
    pub name: &'static str,
    /// What stands for the value in help.
    pub placeholder: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// The value without any source; empty: none.
    pub default: &'static str,
    /// Where it is a flag.
    pub flags: Flags,
    /// What it does, in one or two sentences.
    pub help: &'static str,
}

impl Spec {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("MUSTER_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
    /// The file cannot name another file.
    pub fn in_file(&self) -> bool {
        self.name != CONFIG
    }
}

/// The option that names the file.
pub const CONFIG: &str = "config";
/// The SQLite side of the choice where the data is.
pub const DATA_DIR: &str = "data-dir";
/// The PostgreSQL side of it.
pub const DATABASE: &str = "database";

const fn spec(
    name: &'static str,
    placeholder: &'static str,
    kind: Kind,
    default: &'static str,
    flags: Flags,
    help: &'static str,
) -> Spec {
    Spec { name, placeholder, kind, default, flags, help }
}

use Flags::{Everywhere, Server};

const SWITCH: Kind = Kind::Switch;

/// All options, in the order of help and reference.
pub const OPTIONS: &[Spec] = &[
    spec(
        CONFIG,
        "FILE",
        Kind::File,
        "",
        Everywhere,
        "TOML file with options. A flag wins over the environment, the environment over the file.",
    ),
    spec(
        DATA_DIR,
        "DIR",
        Kind::Folder,
        "./data",
        Everywhere,
        "Directory of the embedded SQLite database and of the set-up code; made when missing. One server at a time: a second `muster serve` on it refuses. Not together with database.",
    ),
    spec(
        DATABASE,
        "URL",
        Kind::Database,
        "",
        Everywhere,
        "PostgreSQL database, postgres://USER:PASSWORD@HOST:PORT/NAME; several hosts with commas follow a failover. Instead of data-dir.",
    ),
    spec(
        "database-connections",
        "COUNT",
        Kind::Count { least: 3, most: 1_000 },
        "13",
        Server,
        "Connections to PostgreSQL that this server opens at most: one for the provisioning log, a third of the others for writing, the rest for reading. Where PostgreSQL gives fewer, writing comes first. Those of all replicas add up.",
    ),
    spec(
        "listen",
        "HOST:PORT",
        Kind::Address,
        "127.0.0.1:8080",
        Server,
        "Address that the server listens on. Port 0 takes a free one.",
    ),
    spec(
        "management-listen",
        "HOST:PORT",
        Kind::Address,
        "",
        Server,
        "Second address, for machines that watch the server: /metrics (OpenMetrics) and /livez, /readyz and /v1/version, which answer there however busy the first one is. Open to all who reach it. Without a value there is none.",
    ),
    spec(
        "public-url",
        "URL",
        Kind::PublicUrl,
        "",
        Server,
        "Where clients reach the server: URLs in answers begin with it, whatever a request says of its host. With a path, a proxy takes that off before it passes a request on. Without a value they are made from each request's Host and X-Forwarded-Proto.",
    ),
    spec(
        "trusted-proxies",
        "CIDR",
        Kind::Proxies,
        "",
        Server,
        "Address or network of the proxies before the server. May be repeated. Of requests that come from there, the client's address is that of X-Forwarded-For, else of Forwarded: the first from the right that is none of these. X-Forwarded-Proto counts from there only. Without a value the client is whoever connects, and X-Forwarded-Proto counts from everybody.",
    ),
    spec(
        "operator-token-file",
        "FILE",
        Kind::File,
        "",
        Server,
        "File with tokens that make, suspend and delete accounts at /v1/accounts, one of at least 32 characters a line; read with each request, so that it can be changed at any time. Without a value there is no such route.",
    ),
    spec(
        "console",
        "on|off",
        SWITCH,
        "on",
        Server,
        "Serve the web console at /console/, and lead browsers there from /. It is a page that talks to the API with the token that its user gives it; with off there is no such page, and the API is the same.",
    ),
    spec(
        "auto-migrate",
        "on|off",
        SWITCH,
        "on",
        Server,
        "Bring the database to this release's schema at the start. With off, run `muster migrate` yourself; until then /readyz and all requests answer 503, and `bootstrap` and `setup-code` refuse.",
    ),
    spec(
        "jwks-allow",
        "HOST|CIDR",
        Kind::Reach,
        "",
        Server,
        "Host name, address or network that key sets may be fetched from although it is private or loopback. May be repeated. Plain http works only to loopback addresses allowed here.",
    ),
    spec(
        "webhook-allow",
        "HOST|CIDR",
        Kind::Reach,
        "",
        Server,
        "Host name, address or network that webhooks may be sent to although it is private or loopback. May be repeated. Plain http works only to loopback addresses allowed here.",
    ),
    spec(
        "jwt-cache",
        "on|off",
        SWITCH,
        "on",
        Server,
        "Keep the result of a JWT's signature check for at most 60 seconds. Rights and revocation are looked up with every request either way.",
    ),
    spec(
        "platform-body-limit",
        "SIZE",
        Kind::Bytes { least: 1 << 10, most: 64 << 20 },
        "1MiB",
        Server,
        "Largest body of a request to the platform API.",
    ),
    spec(
        "scim-body-limit",
        "SIZE",
        Kind::Bytes { least: 1 << 10, most: 256 << 20 },
        "4MiB",
        Server,
        "Largest body of a request to the SCIM API.",
    ),
    spec(
        "header-limit",
        "SIZE",
        Kind::Bytes { least: 8 << 10, most: 256 << 10 },
        "64KiB",
        Server,
        "Largest request line and headers together. Above it, and above 100 headers, the answer is 431.",
    ),
    spec(
        "max-connections",
        "COUNT",
        Kind::Count { least: 1, most: 1_000_000 },
        "4096",
        Server,
        "Connections served at the same time; more wait until one is free. Less where the limit of open files, which is raised as far as it may be, leaves no room for so many beside the database.",
    ),
    spec(
        "header-timeout",
        "TIME",
        Kind::Time { least: 1, most: 300 },
        "10s",
        Server,
        "How long a client may take to send request line and headers.",
    ),
    spec(
        "idle-timeout",
        "TIME",
        Kind::Time { least: 1, most: 3_600 },
        "2m",
        Server,
        "How long a connection may stay open without a request.",
    ),
    spec(
        "request-timeout",
        "TIME",
        Kind::Time { least: 1, most: 3_600 },
        "30s",
        Server,
        "How long a request may take, its body included; then the answer is 503, or 408 where the body was not there within nine tenths of it.",
    ),
    spec(
        "drain-delay",
        "TIME",
        Kind::Time { least: 0, most: 3_600 },
        "0s",
        Server,
        "How long the server goes on taking requests after SIGTERM or SIGINT while /readyz already answers 503, so that a load balancer takes it out before it closes.",
    ),
    spec(
        "drain-timeout",
        "TIME",
        Kind::Time { least: 0, most: 3_600 },
        "30s",
        Server,
        "How long requests in flight may take to finish after SIGTERM or SIGINT.",
    ),
    spec(
        "worker-threads",
        "COUNT|auto",
        Kind::Threads,
        "auto",
        Server,
        "Threads that serve connections; auto is one for each core.",
    ),
    spec(
        "log-level",
        "LEVEL",
        Kind::Filter,
        "info",
        Everywhere,
        "What is logged to stderr: error, warn, info, debug or trace, or filters by module as info,muster::web=debug. With info,requests=debug each request has a line.",
    ),
    spec(
        "log-format",
        "text|json",
        Kind::Choice(&["text", "json"]),
        "text",
        Everywhere,
        "Form of log lines.",
    ),
];

/// The option of that name.
pub fn find(name: &str) -> Option<&'static Spec> {
    OPTIONS.iter().find(|spec| spec.name == name)
}
