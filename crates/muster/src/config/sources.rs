//! Where values come from: flag, environment, file, default; the first that has one wins. The only place
//! of the server that reads the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::options::{self, CONFIG, DATA_DIR, DATABASE, OPTIONS, Spec};
use super::value::Value;

/// What a source says about one option: one text, or several for a list.
pub type Given = BTreeMap<&'static str, Vec<String>>;

/// Where a value came from. Later ones win.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The table.
    Default,
    /// A key of this file.
    File(PathBuf),
    /// The option's variable.
    Environment,
    /// The command line.
    Flag,
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The option.
    pub spec: &'static Spec,
    /// The value; `None` without source and default.
    pub value: Option<Value>,
    /// As it was written.
    pub parts: Vec<String>,
    /// Where.
    pub source: Source,
}

/// A source that cannot be used: one line that names option, source and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Source {
    /// For a line about the option.
    pub fn name(&self, spec: &Spec) -> String {
        match self {
            Self::Default => format!("the default of {}", spec.name),
            Self::File(path) => format!("{} in {}", spec.name, path.display()),
            Self::Environment => spec.variable(),
            Self::Flag => format!("--{}", spec.name),
        }
    }

    /// For a list of effective values.
    pub fn label(&self, spec: &Spec) -> String {
        match self {
            Self::Default => "default".into(),
            Self::File(path) => path.display().to_string(),
            Self::Environment => spec.variable(),
            Self::Flag => "flag".into(),
        }
    }
}

/// Values of the variables that the table names.
///
/// # Errors
/// A variable that is not UTF-8.
pub fn environment() -> Result<Given, ConfigError> {
    let mut given = Given::new();
    for spec in OPTIONS {
        let variable = spec.variable();
        // The one place that reads the environment.
        #[allow(clippy::disallowed_methods)]
        let value = std::env::var_os(&variable);
        match value.map(std::ffi::OsString::into_string) {
            None => {}
            Some(Ok(text)) => drop(given.insert(spec.name, vec![text])),
            Some(Err(_)) => return Err(ConfigError(format!("{variable} is not UTF-8 text: write it again"))),
        }
    }
    Ok(given)
}

/// A line for each variable that is named as ours are and is no option, with what may be meant. A cluster
/// sets some of its own for a service named muster (`MUSTER_PORT=tcp://…`); those are nobody's mistake.
pub fn strangers() -> Vec<String> {
    // The one place that reads the environment.
    #[allow(clippy::disallowed_methods)]
    let all = std::env::vars_os();
    let mut lines: Vec<String> = all
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| is_stranger(name, &value.to_string_lossy()))
        .map(|(name, _)| format!("{name} is no option and has no effect: {}", meant(&name)))
        .collect();
    lines.sort();
    lines
}

fn is_stranger(name: &str, value: &str) -> bool {
    let Some(rest) = name.strip_prefix("MUSTER_") else { return false };
    let numbered = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let of_cluster = rest.ends_with("SERVICE_HOST")
        || rest.contains("SERVICE_PORT")
        || rest.split_once("PORT_").is_some_and(|(_, after)| numbered(after))
        || rest.ends_with("PORT") && value.contains("://");
    !of_cluster && !OPTIONS.iter().any(|spec| spec.variable() == name)
}

fn meant(variable: &str) -> String {
    let near = OPTIONS.iter().map(|spec| (distance(variable, &spec.variable()), spec.variable())).min();
    match near.filter(|(distance, _)| *distance <= 3) {
        Some((_, name)) => format!("did you mean {name}?"),
        None => "take it out, or see `muster serve --help` for the options".to_owned(),
    }
}

/// Reads the file, which `named` names.
///
/// # Errors
/// Unreadable, not TOML, an unknown key, or a value that is neither text nor number nor switch (nor a
/// list of texts, for a list).
pub fn file(path: &Path, named: &str) -> Result<Given, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError(format!("the file {} cannot be read: {error}; correct {named}", path.display()))
    })?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        let what = error.message().replace('\n', " ");
        ConfigError(format!("{} is not TOML at line {line}: {what}", path.display()))
    })?;
    let mut given = Given::new();
    for (key, value) in table {
        let spec = options::find(&key).filter(|spec| spec.in_file()).ok_or_else(|| unknown(path, &key))?;
        let wrong = || {
            let source = Source::File(path.to_owned()).name(spec);
            ConfigError(format!("{source} has the wrong type: write {}", spec.kind.expects()))
        };
        let parts = match value {
            toml::Value::Array(items) if spec.kind.is_list() => {
                items.into_iter().map(|item| plain(item).ok_or_else(wrong)).collect::<Result<_, _>>()?
            }
            value => vec![plain(value).ok_or_else(wrong)?],
        };
        given.insert(spec.name, parts);
    }
    Ok(given)
}

fn plain(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(on) => Some(on.to_string()),
        _ => None,
    }
}

fn unknown(path: &Path, key: &str) -> ConfigError {
    let near = OPTIONS
        .iter()
        .filter(|spec| spec.in_file())
        .map(|spec| (distance(&key.replace('_', "-"), spec.name), spec.name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = match near {
        Some((_, name)) => format!("did you mean {name}?"),
        None => "take it out, or see `muster serve --help` for the options".to_owned(),
    };
    ConfigError(format!("{} has the unknown option {key:?}: {hint}", path.display()))
}

/// Letters to change, add or drop to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let least = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], least);
        }
    }
    row[b.len()]
}

/// Puts the sources together and reads each value.
///
/// # Errors
/// The first value that cannot be used.
pub fn merge(
    flags: &Given,
    environment: &Given,
    read: impl Fn(&Path, &str) -> Result<Given, ConfigError>,
) -> Result<Vec<Found>, ConfigError> {
    let layers = [(flags, Source::Flag), (environment, Source::Environment)];
    let named = options::find(CONFIG).and_then(|spec| {
        layers.iter().find_map(|(given, source)| Some((given.get(CONFIG)?.last()?, source.name(spec))))
    });
    let (file, place) = match named.filter(|(path, _)| !path.is_empty()) {
        Some((path, name)) => {
            let path = PathBuf::from(path);
            (read(&path, &name)?, Source::File(path))
        }
        None => (Given::new(), Source::Default),
    };
    let layers = [(flags, Source::Flag), (environment, Source::Environment), (&file, place)];
    let mut found = Vec::with_capacity(OPTIONS.len());
    for spec in OPTIONS {
        let given =
            layers.iter().find_map(|(given, source)| given.get(spec.name).map(|parts| (parts, source)));
        found.push(match given {
            Some((parts, source)) => {
                let named = |text| ConfigError(format!("{}: {text}", source.name(spec)));
                let value = Some(spec.kind.parse(parts).map_err(named)?);
                Found { spec, value, parts: parts.clone(), source: source.clone() }
            }
            None => by_default(spec),
        });
    }
    one_place(&mut found)?;
    Ok(found)
}

fn by_default(spec: &'static Spec) -> Found {
    let parts = if spec.default.is_empty() { Vec::new() } else { vec![spec.default.to_owned()] };
    let value = spec.kind.parse(&parts).ok();
    Found { spec, value, parts, source: Source::Default }
}

/// Data lies in one place: of data-dir and database the nearer source counts, and one source names one of
/// them.
fn one_place(found: &mut [Found]) -> Result<(), ConfigError> {
    let at = |name| found.iter().position(|f| f.spec.name == name).expect("both are in the table");
    let (folder, url) = (at(DATA_DIR), at(DATABASE));
    if found[url].value.is_none() {
        return Ok(());
    }
    let farther = if found[url].source > found[folder].source { folder } else { url };
    if found[url].source == found[folder].source {
        let (a, b) = (found[folder].source.name(found[folder].spec), found[url].source.name(found[url].spec));
        return Err(ConfigError(format!("{a} and {b} exclude each other: keep the one where the data is")));
    }
    found[farther].value = None;
    found[farther].parts.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_nobody_is_a_stranger_and_one_of_a_cluster_is_not() {
        for name in ["MUSTER_LISTNE", "MUSTER_", "MUSTER_PORT", "MUSTER_EXPORT"] {
            assert!(is_stranger(name, "8080"), "{name}");
        }
        for (name, value) in [
            ("MUSTER_LISTEN", "x"),
            ("MUSTERED", "x"),
            ("MUSTER_PORT", "tcp://10.0.0.1:80"),
            ("MUSTER_SERVICE_HOST", "10.0.0.1"),
            ("MUSTER_SERVICE_PORT_HTTP", "80"),
            ("MUSTER_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("MUSTER_DB_PORT_5432_TCP", "tcp://10.0.0.1:5432"),
        ] {
            assert!(!is_stranger(name, value), "{name}");
        }
        assert_eq!(meant("MUSTER_LISTNE"), "did you mean MUSTER_LISTEN?");
        assert!(meant("MUSTER_NONSENSE").contains("muster serve --help"));
    }
}
