//! The commands and their flags. Flags that are options come from the table of options.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{account, token};
use crate::config::options::{Flags, OPTIONS, Spec};
use crate::config::sources::Given;
use crate::router::health::VERSION;

/// The command that has another before it.
pub const TOKEN_EXPLAIN: &str = "token explain";

/// The command that has others below it.
pub const ACCOUNT: &str = "account";

/// (name, takes the server's options, what it does), for help and the reference page.
pub const COMMANDS: &[(&str, bool, &str)] = &[
    ("serve", true, "Serve the APIs until SIGTERM or SIGINT"),
    (
        "bootstrap",
        false,
        "Make an account, its first administrator and a token for him; before the first start or beside a running server",
    ),
    (
        ACCOUNT,
        false,
        "`list`, `create`, `rename`, `suspend`, `resume`, `delete` and `restore` accounts, and make a `token` in one, as `/v1/accounts` does; before the first start or beside a running server",
    ),
    (
        "setup-code",
        false,
        "Make a new one-time set-up code for POST /v1/setup, as long as there is no account",
    ),
    ("migrate", false, "Bring the database to this release's schema"),
    (
        "check",
        false,
        "Check that the database can be reached and is migrated, and of an SQLite file that it is undamaged",
    ),
    ("config", true, "Print the effective options, each with its source, without secrets"),
    (
        TOKEN_EXPLAIN,
        false,
        "Explain why a token is taken or refused, step by step, without a server; ends with 0 if it is taken",
    ),
    ("version", false, "Print the release"),
];

/// The whole command line.
pub fn build() -> Command {
    let mut root = Command::new("muster")
        .about("Muster: a self-hosted directory that identity providers provision users and groups into by SCIM 2.0")
        .version(VERSION)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true);
    for (name, server, about) in COMMANDS {
        if *name == TOKEN_EXPLAIN {
            root = root.subcommand(token::command(about));
            continue;
        }
        let flags = OPTIONS.iter().filter(|spec| *server || spec.flags == Flags::Everywhere).map(flag);
        if *name == ACCOUNT {
            root = root.subcommand(account::command(about, &flags.collect::<Vec<_>>()));
            continue;
        }
        let mut command = Command::new(*name).about(*about);
        if *name != "version" {
            command = command.args(flags);
        }
        root = root.subcommand(if *name == "bootstrap" { command.args(bootstrap_flags()) } else { command });
    }
    let out = Arg::new("out").long("out").value_name("DIR").default_value(".");
    root.subcommand(Command::new("docs").hide(true).about("Write the generated reference files").arg(out))
}

fn bootstrap_flags() -> Vec<Arg> {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).required(true).help(help)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    vec![
        text("account", "ID", "Identifier of the account: 1 to 64 letters, digits, '_' or '-'"),
        text("email", "ADDRESS", "E-mail address of its administrator"),
        text(
            "name",
            "NAME",
            "Name of its administrator; what stands before the '@' of his address without it",
        )
        .required(false)
        .conflicts_with("another-token"),
        switch("json", "Print one JSON object instead of text"),
        switch(
            "another-token",
            "Make one more token for the user with that address in an account that exists",
        ),
    ]
}

fn flag(spec: &'static Spec) -> Arg {
    let mut help = format!("{} [env: {}]", spec.help, spec.variable());
    if !spec.default.is_empty() {
        let _ = write!(help, " [default: {}]", spec.default);
    }
    let action = if spec.kind.is_list() { ArgAction::Append } else { ArgAction::Set };
    Arg::new(spec.name).long(spec.name).value_name(spec.placeholder).action(action).help(help)
}

/// The options that the command line gives.
pub fn given(matches: &ArgMatches) -> Given {
    OPTIONS
        .iter()
        .filter_map(|spec| {
            let values = matches.try_get_many::<String>(spec.name).ok().flatten()?;
            Some((spec.name, values.cloned().collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        build().debug_assert();
    }

    #[test]
    fn flags_reach_the_options() {
        let line =
            ["muster", "serve", "--listen", "a:1", "--jwks-allow", "idp", "--jwks-allow", "10.0.0.0/8"];
        let matches = build().try_get_matches_from(line).unwrap();
        let given = given(matches.subcommand().unwrap().1);
        assert_eq!(given["jwks-allow"], ["idp", "10.0.0.0/8"]);
        assert_eq!(given["listen"], ["a:1"]);
        assert_eq!(given.len(), 2);
    }
}
