//! How the program ends: the exit codes, and the one line that says why.

use std::process::ExitCode;

use crate::config::sources::ConfigError;
use crate::kernel::problem::{Kind, Problem};

/// Why a command did not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing below fits.
    Failed,
    /// The command line is wrong (written by the parser of the command line).
    Usage,
    /// The request cannot be met with these data.
    Refused,
    /// A file that was named cannot be read.
    NoInput,
    /// Something outside is missing.
    Unavailable,
    /// A defect of the program.
    Defect,
    /// Database and program do not fit.
    Schema,
    /// An option is wrong.
    Config,
}

/// (exit, code, what it means): also a table of the reference page.
pub const TABLE: &[(Exit, u8, &str)] = &[
    (Exit::Failed, 1, "The command failed for a reason without a code of its own."),
    (Exit::Usage, 2, "The command line is wrong."),
    (
        Exit::Refused,
        65,
        "The request cannot be met: the account exists already, the address is none, and the like.",
    ),
    (Exit::NoInput, 66, "A file that an argument names cannot be read, or is empty."),
    (
        Exit::Unavailable,
        69,
        "Something is missing outside: the database, the data directory, the address to listen on.",
    ),
    (Exit::Defect, 70, "A defect of the program."),
    (Exit::Schema, 76, "The database's schema is newer than the program, or not whole."),
    (Exit::Config, 78, "An option in flag, environment or file is wrong."),
];

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        TABLE.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, code, _)| *code)
    }
}

/// The end of a command that did not work: one line for people, one code for scripts.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its line.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Says it on stderr.
    pub fn report(&self) -> ExitCode {
        let line = self.message.replace('\n', " ");
        super::say_error(&format!("muster: {line}"));
        ExitCode::from(self.exit.code())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error.0)
    }
}

impl From<db::Error> for Failure {
    fn from(error: db::Error) -> Self {
        let exit = match error.kind() {
            db::ErrorKind::NewerSchema => Exit::Schema,
            _ => Exit::Unavailable,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let exit = match problem.kind() {
            Kind::Unavailable | Kind::Outdated => Exit::Unavailable,
            Kind::Internal => Exit::Defect,
            _ => Exit::Refused,
        };
        // At the console the cause is not a secret: whoever stands there holds the database.
        let message = problem.cause().unwrap_or_else(|| problem.message()).to_owned();
        Self::new(exit, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_a_code_of_its_own() {
        let mut codes: Vec<u8> = TABLE.iter().map(|(_, code, _)| *code).collect();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
        assert!(!codes.contains(&0));
    }
}
