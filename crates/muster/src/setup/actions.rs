//! Making, renewing and using the set-up code. The code's file is written and removed outside of
//! transactions; the hash in the database decides.

use std::io;
use std::path::Path;

use db::{Db, Tx};
use subtle::ConstantTimeEq as _;

use super::model::{Invitation, digest, draw};
use super::store;
use crate::accounts::bootstrap::{self, Bootstrap, First, Made};
use crate::app::App;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::secret::Secret;
use crate::kernel::text::{FieldCheck, looks_like_email};
use crate::kernel::time::Timestamp;

const LANE: &str = "";

/// At the start: makes a code if there is no account and no code that somebody can know. With a file, the
/// code in it holds on as long as it is the stored one; without, the first replica's code holds.
///
/// # Errors
/// Of the database, or `Invalid` when the file cannot be written.
pub async fn prepare(db: &Db, rng: &Rng, now: Timestamp, file: Option<&Path>) -> Result<Invitation> {
    let known = file.map(|path| std::fs::read_to_string(path).ok().map(|code| digest(&code)));
    let code = draw(rng);
    let candidate = digest(code.expose());
    let invitation = db
        .write("setup.prepare", LANE, move |tx| {
            if store::any_account(tx)? {
                store::remove(tx)?;
                return Ok::<_, Problem>(Invitation::Over);
            }
            let readable = match (store::find(tx)?, known) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(stored), Some(in_file)) => in_file.is_some_and(|hash| stored == hash),
            };
            if readable {
                return Ok(Invitation::Waiting);
            }
            store::put(tx, &candidate, now)?;
            Ok(Invitation::Fresh(code.clone()))
        })
        .await?;
    match (&invitation, file) {
        (Invitation::Fresh(code), Some(path)) => write_file(path, code)?,
        (Invitation::Over, Some(path)) => remove_file(path),
        _ => {}
    }
    Ok(invitation)
}

/// Replaces the code by a new one, for an operator who lost it.
///
/// # Errors
/// `Conflict` once there is an account.
pub async fn renew(db: &Db, rng: &Rng, now: Timestamp, file: Option<&Path>) -> Result<Secret> {
    let code = draw(rng);
    let hash = digest(code.expose());
    db.write("setup.renew", LANE, move |tx| {
        if store::any_account(tx)? { Err(over()) } else { store::put(tx, &hash, now) }
    })
    .await?;
    if let Some(path) = file {
        write_file(path, &code)?;
    }
    Ok(code)
}

/// Makes the first account with its administrator and a token, and ends the code, in one transaction.
///
/// # Errors
/// `Conflict` once there is an account, `Unauthenticated` for a wrong code, `Invalid` for an address that
/// is none, `Fields` for a name that is none.
pub async fn redeem(app: &App, code: &str, wish: Bootstrap) -> Result<Made> {
    let (now, rng, hash) = (app.clock.now(), app.rng.clone(), digest(code));
    check_first(&wish)?;
    let made = app
        .db
        .write("setup.redeem", LANE, move |tx| {
            end_code(tx, &hash)?;
            bootstrap::run(tx, &rng, now, &wish)
        })
        .await?;
    if let Some(path) = &app.setup_file {
        remove_file(path);
    }
    Ok(made)
}

/// Makes an account with its administrator and a token, or one more token, for the operator: he holds the
/// database, or a token of his own, and needs no code. One that waits ends with it: whoever redeems it at the
/// same moment comes before, or finds it gone.
///
/// # Errors
/// `Invalid` for an address that is none, `Fields` for a name that is none; those of
/// `accounts::bootstrap::run`.
pub async fn bootstrap(db: &Db, rng: &Rng, now: Timestamp, wish: Bootstrap) -> Result<Made> {
    check_first(&wish)?;
    let (lane, rng) = (wish.caller.account.to_string(), rng.clone());
    db.write("bootstrap", &lane, move |tx| found(tx, &rng, now, &wish)).await
}

/// As [`bootstrap`], within a transaction; address and name are taken as checked.
///
/// # Errors
/// Those of `accounts::bootstrap::run`.
pub fn found(tx: &mut Tx<'_>, rng: &Rng, now: Timestamp, wish: &Bootstrap) -> Result<Made> {
    store::remove(tx)?;
    bootstrap::run(tx, rng, now, wish)
}

fn check_first(wish: &Bootstrap) -> Result<()> {
    let First::User { email, name } = &wish.first else { return Ok(()) };
    if !looks_like_email(email) {
        let text = format!("{email:?} is not an e-mail address: write it as name@domain");
        return Err(Problem::invalid(text));
    }
    let mut check = FieldCheck::new();
    if let Some(name) = name {
        check.title("name", name);
    }
    check.done()
}

fn end_code(tx: &mut Tx<'_>, hash: &[u8; 32]) -> Result<()> {
    if store::any_account(tx)? {
        return Err(over());
    }
    let holds = store::find(tx)?.is_some_and(|stored| bool::from(stored.as_slice().ct_eq(hash)));
    // The row decides between two requests that bring the right code at once.
    if holds && store::remove(tx)? { Ok(()) } else { Err(wrong_code()) }
}

fn over() -> Problem {
    let text = "This installation is set up already: ask its administrator for access, or run \
        `muster bootstrap` where its database can be reached.";
    Problem::new(Kind::Conflict, text)
}

fn wrong_code() -> Problem {
    let text = "The set-up code does not hold: read it from the file setup-code in the data directory, or \
        make a new one with `muster setup-code`.";
    Problem::new(Kind::Unauthenticated, text)
}

fn write_file(path: &Path, code: &Secret) -> Result<()> {
    let written = replace_private(path, format!("{}\n", code.expose()).as_bytes());
    written.map_err(|error| {
        let path = path.display();
        let text =
            format!("the set-up code cannot be written to {path}: {error}; make its directory writable");
        Problem::invalid(text)
    })
}

/// Never readable for others, not even for a moment, and never half written.
fn replace_private(path: &Path, text: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let fresh = path.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

/// The code in the file no longer holds: what stays of it is harmless.
pub fn remove_file(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "the used set-up code cannot be removed");
        }
        _ => {}
    }
}
