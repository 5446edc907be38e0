//! `muster migrate` and `muster check`.

use super::exit::{Exit, Failure};
use super::{say, store};
use crate::app::LOG_FILE;
use crate::config::Config;
use crate::migrations::STEPS;

/// Applies what is missing and says what that was.
pub fn migrate(config: &Config) -> Result<(), Failure> {
    let db = store::open(config)?;
    let report = db.migrate(STEPS)?;
    super::serve::runtime(None)?.block_on(db.close());
    match report.applied.len() {
        0 => say(&format!("The schema is at version {}; nothing was pending.", report.version)),
        count => {
            say(&format!("The schema is at version {}; {count} migrations were applied.", report.version))
        }
    }
}

/// Looks at the database without changing it.
pub fn check(config: &Config) -> Result<(), Failure> {
    store::is_there(config)?;
    let db = store::open(config)?;
    let pending = db.pending(STEPS)?;
    let runtime = super::serve::runtime(None)?;
    runtime.block_on(db.ping())?;
    say("database: reachable")?;
    if pending > 0 {
        let text = format!("{pending} migrations are pending: run `muster migrate` or start the server");
        return Err(Failure::new(Exit::Schema, text));
    }
    if let Some((table, error)) = runtime.block_on(store::unreadable(&db)) {
        let text = format!("the table {table} cannot be read ({error}): give it back, or restore a backup");
        return Err(Failure::new(Exit::Schema, text));
    }
    say("schema: complete")?;
    let damage = runtime.block_on(store::damage(&db));
    if let Some(first) = damage.first() {
        let text = format!("the database file is damaged ({first}): restore a backup");
        return Err(Failure::new(Exit::Failed, text));
    }
    if let Some(log) = store::log(config, &db)? {
        let damage = runtime.block_on(store::damage(&log));
        runtime.block_on(log.close());
        if let Some(first) = damage.first() {
            let text = format!(
                "the provisioning log is damaged ({first}): stop the server and move {LOG_FILE} away, a new one is made"
            );
            return Err(Failure::new(Exit::Failed, text));
        }
    }
    runtime.block_on(db.close());
    say(match db.engine() {
        db::Engine::Sqlite => "integrity: ok",
        db::Engine::Postgres => "integrity: not looked at; PostgreSQL has pg_amcheck for it",
    })
}
