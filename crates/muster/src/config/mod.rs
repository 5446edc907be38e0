//! What the operator decides: one table of options (`options`), read from flags, environment and file
//! (`sources`) into one typed value. Never known below the CLI: rooms get the values they need when they
//! are built.

pub mod options;
pub mod sources;
pub mod value;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kernel::secret::Secret;
use crate::outbound::guard::Allow;
use crate::web::proxies::Proxies;
use sources::{ConfigError, Found, Given, Source};
use value::Value;

/// Where the data is.
#[derive(Clone, Debug)]
pub enum Place {
    /// SQLite in this directory.
    Folder(PathBuf),
    /// PostgreSQL behind this URL.
    Postgres(Secret),
}

/// All options, read.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own
pub struct Config {
    /// Where the data is.
    pub place: Place,
    /// To PostgreSQL, at most.
    pub database_connections: usize,
    /// `HOST:PORT`.
    pub listen: String,
    /// `HOST:PORT` for `/metrics`.
    pub management_listen: Option<String>,
    /// Where clients reach the server, without a slash at its end.
    pub public_url: Option<String>,
    /// Whose word about clients counts.
    pub trusted_proxies: Proxies,
    /// The operator's tokens.
    pub operator_tokens: Option<PathBuf>,
    /// Serve the web console?
    pub console: bool,
    /// Migrate at the start?
    pub auto_migrate: bool,
    /// Private places that key sets may come from.
    pub jwks_allow: Allow,
    /// Private places that webhooks may go to.
    pub webhook_allow: Allow,
    /// Keep verified JWTs for a while?
    pub jwt_cache: bool,
    /// Largest body of the platform API, bytes.
    pub platform_body_bytes: usize,
    /// Largest body of the SCIM API, bytes.
    pub scim_body_bytes: usize,
    /// Largest request head, bytes.
    pub header_bytes: usize,
    /// Connections at a time.
    pub max_connections: usize,
    /// For the request head.
    pub header_timeout: Duration,
    /// Between requests.
    pub idle_timeout: Duration,
    /// For a whole request.
    pub request_timeout: Duration,
    /// From the signal to the end of taking requests.
    pub drain_delay: Duration,
    /// For requests in flight at the end.
    pub drain_timeout: Duration,
    /// `None`: one for each core.
    pub worker_threads: Option<usize>,
    /// Filter of log lines.
    pub log_level: String,
    /// Log lines as JSON?
    pub log_json: bool,
    /// A line for each variable of the environment that looks like an option and is none.
    pub strangers: Vec<String>,
    found: Vec<Found>,
}

impl Config {
    /// Reads the options of this process: these flags, its environment, the file that either names.
    ///
    /// # Errors
    /// One line that names the option, where it came from and what to write instead.
    pub fn load(flags: &Given) -> Result<Self, ConfigError> {
        let config = Self::from_sources(flags, &sources::environment()?, sources::file)?;
        Ok(Self { strangers: sources::strangers(), ..config })
    }

    /// As `load`, with the environment and the reader of files given.
    ///
    /// # Errors
    /// As `load`.
    pub fn from_sources(
        flags: &Given,
        environment: &Given,
        read: impl Fn(&Path, &str) -> Result<Given, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let found = sources::merge(flags, environment, read)?;
        let place = match (get(&found, options::DATABASE), get(&found, options::DATA_DIR)) {
            (Some(Value::Text(url)), _) => Place::Postgres(Secret::new(url.as_str())),
            (_, Some(Value::Path(folder))) => Place::Folder(folder.clone()),
            _ => unreachable!("data-dir has a default"),
        };
        Ok(Self {
            place,
            database_connections: number(&found, "database-connections"),
            listen: text(&found, "listen"),
            management_listen: text_if_any(&found, "management-listen"),
            public_url: text_if_any(&found, "public-url"),
            trusted_proxies: match get(&found, "trusted-proxies") {
                Some(Value::Proxies(list)) => list.clone(),
                _ => Proxies::default(),
            },
            operator_tokens: match get(&found, "operator-token-file") {
                Some(Value::Path(file)) => Some(file.clone()),
                _ => None,
            },
            console: on(&found, "console"),
            auto_migrate: on(&found, "auto-migrate"),
            jwks_allow: places(&found, "jwks-allow"),
            webhook_allow: places(&found, "webhook-allow"),
            jwt_cache: on(&found, "jwt-cache"),
            platform_body_bytes: number(&found, "platform-body-limit"),
            scim_body_bytes: number(&found, "scim-body-limit"),
            header_bytes: number(&found, "header-limit"),
            max_connections: number(&found, "max-connections"),
            header_timeout: time(&found, "header-timeout"),
            idle_timeout: time(&found, "idle-timeout"),
            request_timeout: time(&found, "request-timeout"),
            drain_delay: time(&found, "drain-delay"),
            drain_timeout: time(&found, "drain-timeout"),
            worker_threads: Some(number(&found, "worker-threads")).filter(|threads| *threads > 0),
            log_level: text(&found, "log-level"),
            log_json: text(&found, "log-format") == "json",
            strangers: Vec::new(),
            found,
        })
    }

    /// An option as who set it has named it: the flag, the variable, or its name in the file.
    pub fn named(&self, option: &str) -> String {
        let found = self.found.iter().find(|found| found.spec.name == option);
        found.map_or_else(|| option.to_owned(), |found| found.source.name(found.spec))
    }

    /// The option that says where the data is, as who set it has named it.
    pub fn place_named(&self) -> String {
        self.named(self.place_option())
    }

    /// The same as what to change: the flag, where nobody has set it.
    pub fn place_to_change(&self) -> String {
        let option = self.place_option();
        let is_set = |found: &Found| found.spec.name == option && found.source != Source::Default;
        if self.found.iter().any(is_set) { self.named(option) } else { format!("--{option}") }
    }

    fn place_option(&self) -> &'static str {
        match self.place {
            Place::Folder(_) => options::DATA_DIR,
            Place::Postgres(_) => options::DATABASE,
        }
    }

    /// The effective values as a TOML file, each with its source, without secrets; then what was not read.
    pub fn shown(&self) -> String {
        let mut out = String::new();
        for found in self.found.iter().filter(|found| found.spec.in_file()) {
            let Found { spec, parts, source, .. } = found;
            let quoted: Vec<String> =
                parts.iter().map(|part| toml::Value::from(masked(spec.name, part)).to_string()).collect();
            let value = match (spec.kind.is_list(), quoted.as_slice()) {
                (true, parts) => format!("[{}]", parts.join(", ")),
                (false, [value]) => value.clone(),
                _ => continue,
            };
            let _ = writeln!(out, "{} = {value} # {}", spec.name, source.label(spec));
        }
        for line in &self.strangers {
            let _ = writeln!(out, "# {line}");
        }
        out
    }
}

fn masked(name: &str, part: &str) -> String {
    if name == options::DATABASE { value::mask(part) } else { part.to_owned() }
}

fn get<'f>(found: &'f [Found], name: &str) -> Option<&'f Value> {
    found.iter().find(|found| found.spec.name == name)?.value.as_ref()
}

fn places(found: &[Found], name: &str) -> Allow {
    match get(found, name) {
        Some(Value::Reach(list)) => list.clone(),
        _ => Allow::default(),
    }
}

fn text(found: &[Found], name: &str) -> String {
    text_if_any(found, name).unwrap_or_else(|| unreachable!("the table gives {name} a text by default"))
}

fn text_if_any(found: &[Found], name: &str) -> Option<String> {
    match get(found, name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn number(found: &[Found], name: &str) -> usize {
    match get(found, name) {
        Some(Value::Number(number)) => usize::try_from(*number).unwrap_or(usize::MAX),
        _ => unreachable!("the table gives {name} a number by default"),
    }
}

fn time(found: &[Found], name: &str) -> Duration {
    match get(found, name) {
        Some(Value::Time(span)) => *span,
        _ => unreachable!("the table gives {name} a time by default"),
    }
}

fn on(found: &[Found], name: &str) -> bool {
    match get(found, name) {
        Some(Value::On(on)) => *on,
        _ => unreachable!("the table gives {name} a switch by default"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use options::OPTIONS;

    fn given(pairs: &[(&'static str, &str)]) -> Given {
        pairs.iter().map(|(name, text)| (*name, vec![(*text).to_owned()])).collect()
    }

    fn load(
        flags: &[(&'static str, &str)],
        env: &[(&'static str, &str)],
        toml: &str,
    ) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("muster.toml");
        std::fs::write(&path, toml).unwrap();
        let mut flags = given(flags);
        flags.insert("config", vec![path.display().to_string()]);
        Config::from_sources(&flags, &given(env), sources::file)
            .map_err(|error| error.0.replace(&path.display().to_string(), "muster.toml"))
    }

    #[test]
    fn every_default_can_be_read() {
        for spec in OPTIONS.iter().filter(|spec| !spec.default.is_empty()) {
            assert!(spec.kind.parse(&[spec.default.into()]).is_ok(), "{}", spec.name);
            assert!(spec.help.ends_with('.'), "{}", spec.name);
        }
        let config = load(&[], &[], "").unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert!(matches!(config.place, Place::Folder(ref folder) if folder.ends_with("data")));
        assert_eq!((config.platform_body_bytes, config.worker_threads), (1 << 20, None));
    }

    #[test]
    fn flag_wins_over_environment_over_file_over_default() {
        let file = "listen = \"a:1\"\nmax-connections = 7\njwks-allow = [\"10.0.0.0/8\", \"idp\"]\njwt-cache = false";
        let env = [("listen", "b:2"), ("request-timeout", "5s")];
        let config = load(&[("listen", "c:3")], &env, file).unwrap();
        assert_eq!(config.listen, "c:3");
        assert_eq!(config.request_timeout, Duration::from_secs(5));
        assert_eq!(config.max_connections, 7);
        assert_eq!(config.jwks_allow, Allow::of(["10.0.0.0/8", "idp"]).unwrap());
        assert!(!config.jwt_cache);
        assert_eq!(load(&[], &env, file).unwrap().listen, "b:2");
        assert_eq!(load(&[], &[], file).unwrap().listen, "a:1");
        let shown = config.shown();
        assert!(shown.contains("listen = \"c:3\" # flag\n"), "{shown}");
        assert!(shown.contains("request-timeout = \"5s\" # MUSTER_REQUEST_TIMEOUT\n"), "{shown}");
        assert!(shown.contains("jwks-allow = [\"10.0.0.0/8\", \"idp\"] # "), "{shown}");
        assert!(shown.contains("idle-timeout = \"2m\" # default\n"), "{shown}");
        assert!(toml::from_str::<toml::Table>(&shown).is_ok(), "{shown}");
    }

    #[test]
    fn data_lies_in_one_place() {
        let url = ("database", "postgres://u:geheim@h/d");
        let both = load(&[url, ("data-dir", "x")], &[], "").unwrap_err();
        assert!(both.contains("--data-dir and --database exclude each other"), "{both}");
        let config = load(&[], &[url], "data-dir = \"x\"").unwrap();
        assert!(
            matches!(config.place, Place::Postgres(ref url) if url.expose() == "postgres://u:geheim@h/d")
        );
        assert!(
            !config.shown().contains("geheim") && !config.shown().contains("data-dir"),
            "{}",
            config.shown()
        );
        assert!(!format!("{:?}", config.place).contains("geheim"));
        let config = load(&[("data-dir", "x")], &[url], "").unwrap();
        assert!(matches!(config.place, Place::Folder(ref folder) if folder == Path::new("x")));
        assert!(!config.shown().contains("database ="), "{}", config.shown());
    }

    #[test]
    fn a_bad_source_is_named_in_one_line() {
        for (toml, text) in [
            ("lisen = \"a:1\"", "muster.toml has the unknown option \"lisen\": did you mean listen?"),
            ("config = \"other.toml\"", "muster.toml has the unknown option \"config\""),
            ("[server]\nlisten = \"a:1\"", "unknown option \"server\""),
            ("listen = [\"a:1\"]", "listen in muster.toml has the wrong type: write HOST:PORT"),
            ("listen = \"8080\"", "listen in muster.toml: \"8080\" is not usable: write HOST:PORT"),
            (
                "max-connections = 0",
                "max-connections in muster.toml: \"0\" is not usable: write a whole number",
            ),
            ("a = 1\nlisten =", "muster.toml is not TOML at line 2"),
            ("jwks-allow = [\"http://x\"]", "jwks-allow in muster.toml: \"http://x\" is neither"),
        ] {
            let error = load(&[], &[], toml).unwrap_err();
            assert!(error.contains(text) && !error.contains('\n'), "{error}");
        }
        let error = load(&[], &[("listen", "x")], "").unwrap_err();
        assert!(error.starts_with("MUSTER_LISTEN: \"x\""), "{error}");
        let error = load(&[("log-level", "loud")], &[], "").unwrap_err();
        assert!(error.starts_with("--log-level: \"loud\""), "{error}");
        let missing =
            Config::from_sources(&given(&[("config", "/nowhere/m.toml")]), &Given::new(), sources::file);
        assert!(missing.unwrap_err().0.contains("/nowhere/m.toml cannot be read"));
    }
}
