//! The generated reference of commands, options, exit codes and permissions. `muster docs` writes the files;
//! a test compares them.

use std::fmt::Write as _;
use std::path::Path;

use clap::ArgMatches;
use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value, json};

use super::command::{ACCOUNT, COMMANDS, TOKEN_EXPLAIN};
use super::exit::{Exit, Failure, TABLE};
use super::permissions;
use crate::config::options::{Flags, OPTIONS, Spec};
use crate::config::value::Kind;
use crate::router::openapi;

/// (path below the repository, text) of each generated file.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        ("docs/configuration.md", page()),
        ("docs/permissions.md", permissions::page()),
        ("config.schema.json", schema()),
        ("openapi.json", openapi()),
    ]
}

/// `muster docs`: writes the files.
pub fn write(matches: &ArgMatches) -> Result<(), Failure> {
    let out = matches.get_one::<String>("out").map_or(".", String::as_str);
    for (name, text) in files() {
        let path = Path::new(out).join(name);
        std::fs::write(&path, text).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
        })?;
    }
    Ok(())
}

fn openapi() -> String {
    let (mut text, indent) = (Vec::new(), PrettyFormatter::with_indent(b" "));
    let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
    openapi::document().serialize(&mut writer).expect("JSON can be written to memory");
    String::from_utf8_lossy(&text).into_owned() + "\n"
}

fn page() -> String {
    let mut out = String::from(INTRODUCTION);
    for spec in OPTIONS {
        option(&mut out, spec);
    }
    out.push_str("## Commands\n\n| command | what it does | options |\n| --- | --- | --- |\n");
    for (name, server, about) in COMMANDS {
        let options = match (*name, *server) {
            ("version", _) => "none",
            ("bootstrap", _) => "those of `check`, and --account, --email, --name, --json, --another-token",
            (ACCOUNT, _) => "those of `check`, and --json; `muster account create --help` tells its own",
            (TOKEN_EXPLAIN, _) => "--trust, --jwks, --url, --at, --json",
            (_, true) => "all",
            (_, false) => "config, data-dir, database, log-level, log-format",
        };
        let _ = writeln!(out, "| `muster {name}` | {about}. | {options} |");
    }
    out.push_str(SETUP);
    out.push_str(
        "## Exit codes\n\nA command that fails says why, and what to change, in one line on stderr.\n\n",
    );
    out.push_str("| code | meaning |\n| --- | --- |\n| 0 | The command did its work. |\n");
    for (_, code, meaning) in TABLE {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    out
}

const INTRODUCTION: &str = "<!-- Generated from the table of options by `make docs`; do not edit. -->\n\
# Configuration\n\n\
Every option can be given as a flag, as an environment variable or in a TOML file that `--config` names. \
A flag wins \
over the environment, the environment over the file, the file over the default. `muster config` prints \
what is in \
force and where each value came from. A mistake in any source stops the program with one line that names \
the option, \
the source and what to write instead. A variable that begins with `MUSTER_` and is no option stops nothing: \
each \
command warns of it, and `muster config` lists it.\n\n\
```toml\n\
# muster.toml\n\
listen = \"0.0.0.0:8080\"\n\
database = \"postgres://muster:secret@db1,db2/muster\"\n\
jwks-allow = [\"idp.example.internal\", \"10.20.0.0/16\"]\n\
```\n\n\
The schema of the file is [config.schema.json](../config.schema.json).\n\n\
Times are whole numbers with `ms`, `s`, `m`, `min` or `h` behind them; without a unit they are seconds. \
Sizes are whole numbers with `B`, `K`, `k` or `KiB` (1,024 bytes), `M` or `MiB` (1,048,576 bytes); without \
a unit they are bytes. A blank may stand before the unit. `true` and `false` are the same as `on` and \
`off`.\n\n\
## Options\n\n";

const SETUP: &str = "\n## The first account\n\n\
There is no default password. A server without an account prints at its start how to make the first \
one:\n\n\
- `muster bootstrap --account ID --email ADDRESS [--name NAME]` beside the server or before \
its first start, for whoever reaches \
its database. The administrator's name is what stands before the `@`, or that of `--name`. \
It prints the account, its administrator and a personal access token; with `--json` as \
`{\"accountIdentifier\", \"userIdentifier\", \"token\"}`. For an account that exists it refuses, and \
`--another-token` makes one more token for the user of that user name, else for the one whose primary \
address it is, else for the one who has it at all; where several have it, it refuses and names them.\n\
- `POST /v1/setup` with `{\"code\", \"account\", \"email\"}`, and `\"name\"` where he has another one, and the one-time \
set-up code, from elsewhere. The server \
makes the code at its first start and writes it to `setup-code` (mode 0600) in the data directory; it is \
printed only \
to a terminal. The answer is 201 with `{\"account_identifier\", \"user_identifier\", \"token\"}`; the \
code and its file \
are gone with it. A wrong code is refused with 401, any try with 400 once there is an account, and each \
after the tenth within a minute with 429, whether there is one or not. With PostgreSQL the code's hash \
lies in the database, so that every replica takes it, and \
`muster setup-code --database URL` makes and prints a new one.\n\n";

fn option(out: &mut String, spec: &Spec) {
    let _ = writeln!(out, "### {}\n\n{}\n", spec.name, spec.help);
    let flag = match spec.flags {
        Flags::Everywhere => "every command but `token explain` and `version`",
        Flags::Server => "`serve` and `config`",
    };
    let _ = writeln!(out, "- flag: `--{} {}` of {flag}", spec.name, spec.placeholder);
    let _ = writeln!(out, "- environment: `{}`", spec.variable());
    if spec.in_file() {
        let _ = writeln!(out, "- file: `{}`", spec.name);
    }
    let _ = writeln!(out, "- value: {}", spec.kind.expects());
    let default = if spec.default.is_empty() { "none".into() } else { format!("`{}`", spec.default) };
    let _ = writeln!(out, "- default: {default}\n");
}

fn schema() -> String {
    let properties: Map<String, Value> = OPTIONS
        .iter()
        .filter(|spec| spec.in_file())
        .map(|spec| {
            let mut property = shape(spec.kind);
            property["description"] = spec.help.into();
            if !spec.default.is_empty() {
                property["default"] = spec.default.into();
            }
            (spec.name.to_owned(), property)
        })
        .collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Options of Muster in a TOML file",
        "type": "object",
        "additionalProperties": false,
        "not": {"required": ["data-dir", "database"]},
        "properties": properties,
    });
    serde_json::to_string_pretty(&schema).expect("a JSON value can be written") + "\n"
}

fn shape(kind: Kind) -> Value {
    match kind {
        Kind::Address => json!({"type": "string", "pattern": "^\\S+:[0-9]{1,5}$"}),
        Kind::Folder | Kind::File | Kind::Filter => json!({"type": "string", "minLength": 1}),
        Kind::Database => json!({"type": "string", "pattern": "^postgres(ql)?://."}),
        Kind::PublicUrl => {
            json!({"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\\\,\"'`<>\\s][^?#@\\\\,\"'`<>\\s]*$"})
        }
        Kind::Reach | Kind::Proxies => json!({"type": ["array", "string"], "items": {"type": "string"}}),
        Kind::Bytes { .. } => {
            json!({"type": ["string", "integer"], "pattern": "^[0-9]+ ?(B|K|k|KiB|M|MiB)?$"})
        }
        Kind::Count { least, most } => {
            json!({"type": ["integer", "string"], "minimum": least, "maximum": most, "pattern": "^[0-9]+$"})
        }
        Kind::Time { .. } => json!({"type": ["string", "integer"], "pattern": "^[0-9]+ ?(ms|s|m|min|h)?$"}),
        Kind::Threads => {
            json!({"type": ["string", "integer"], "minimum": 1, "maximum": 1024, "pattern": "^(auto|[0-9]+)$"})
        }
        Kind::Switch => json!({"enum": ["on", "off", true, false]}),
        Kind::Choice(words) => json!({"enum": words}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_up_to_date() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (name, text) in files() {
            let found = std::fs::read_to_string(root.join(name)).unwrap_or_default();
            assert!(found == text, "{name} is not what the tables say: run `make docs`");
        }
    }
}
