//! The program: reads its command line, runs one command, ends with a documented code. The only room that
//! speaks on stdout and stderr. Never holds a rule of its own: what a command does, an action does.

mod account;
mod bootstrap;
mod command;
mod database;
mod descriptors;
mod exit;
mod permissions;
mod reference;
mod serve;
mod store;
mod token;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::ArgMatches;

use crate::config::Config;
use crate::router::health::VERSION;
use exit::Failure;

/// Runs the program.
pub fn main() -> ExitCode {
    let matches = match command::build().try_get_matches() {
        Ok(matches) => matches,
        // The parser's own words and code: 2 for a mistake, 0 for help.
        Err(error) => error.exit(),
    };
    let Some((name, matches)) = matches.subcommand() else { unreachable!("the parser asks for a command") };
    match run(name, matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(name: &str, matches: &ArgMatches) -> Result<(), Failure> {
    match name {
        "version" => return say(&format!("muster {VERSION}")),
        "docs" => return reference::write(matches),
        "token" => return token::run(matches),
        _ => {}
    }
    // The options are those of the command below.
    let (verb, matches) = matches.subcommand().unwrap_or((name, matches));
    let config = Config::load(&command::given(matches))?;
    // The server has a log for it, and `config` lists it.
    for line in config.strangers.iter().filter(|_| !matches!(name, "serve" | "config")) {
        say_error(&format!("muster: warning: {line}"));
    }
    match name {
        "serve" => serve::run(&config),
        "account" => account::run(&config, verb, matches),
        "bootstrap" => bootstrap::run(&config, matches),
        "setup-code" => bootstrap::setup_code(&config),
        "migrate" => database::migrate(&config),
        "check" => database::check(&config),
        "config" => say(config.shown().trim_end()),
        _ => unreachable!("the parser knows the commands"),
    }
}

/// A line on stdout. A reader that went away is not an error of ours.
fn say(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(exit::Exit::Failed, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// A line on stderr; there is nobody to tell if that fails.
fn say_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
