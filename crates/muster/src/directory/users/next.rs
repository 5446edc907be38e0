//! A user's next version. What follows from the two documents alone is worked out by [`Next::of`], which can
//! be done before the change has its turn; what hangs on the rest of the directory is looked at by [`write`].

use db::Tx;
use scim::{IndexKey, KeyMoves, ResourceType};
use serde_json::{Value, json};

use super::model::Columns;
use super::store;
use crate::access::administrators::keeping_one;
use crate::accounts::store::{bump_version, hold};
use crate::audit::Action;
use crate::directory::announce;
use crate::directory::model::{Stored, Subject};
use crate::directory::store as directory;
use crate::directory::stroke::{Stroke, differing};
use crate::directory::unique;
use crate::events::Kind;
use crate::kernel::problem::Result;
use crate::kernel::text::json_text;

/// From one document to another one.
#[derive(Clone, Debug)]
pub struct Next {
    /// The text of the new document.
    doc: String,
    /// What changed; never empty.
    paths: Vec<String>,
    before: Columns,
    after: Columns,
    /// Of its index rows.
    moves: KeyMoves,
}

/// Who changes a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An identity provider: whoever writes a user by SCIM keeps him from then on.
    Scim,
    /// The platform API, which changes those alone whom SCIM does not keep.
    Platform,
}

/// Asks whether the user may act, where his document does not say.
pub type Status<'s> = &'s mut dyn FnMut() -> Result<bool>;

impl Next {
    /// `None`: nothing differs. `paths`: what is known to have changed; where that is nothing, all that
    /// differs.
    ///
    /// # Errors
    /// `InvalidArgument` for values that are too long to be looked up by.
    pub fn of(
        kind: &ResourceType,
        (before, after): (&Value, &Value),
        mut paths: Vec<String>,
        status: Status<'_>,
    ) -> Result<Option<Self>> {
        if before == after {
            return Ok(None);
        }
        if paths.is_empty() {
            paths = differing(before, after);
        }
        let mut moves = KeyMoves::between(kind, before, after);
        moves.retain(has_row);
        Ok(Some(Self {
            doc: json_text(after),
            paths,
            before: columns(before, status)?,
            after: columns(after, status)?,
            moves,
        }))
    }

    /// Does the user become active, or cease to be?
    pub fn turns(&self) -> bool {
        self.before.active != self.after.active
    }
}

/// Is it one that no column holds?
pub(super) fn has_row(key: &IndexKey) -> bool {
    !matches!(&*key.attr, "userName" | "externalId")
}

/// What stands in columns. `active` that was taken away from a document leaves the status as it is: nobody
/// is let in again by leaving something out.
///
/// # Errors
/// As [`Next::of`].
pub fn columns(document: &Value, status: Status<'_>) -> Result<Columns> {
    let mut columns = Columns::of(document)?;
    if document.get("active").is_none() {
        columns.active = status()?;
    }
    Ok(columns)
}

/// Writes the next version over the one that is stored, with its index rows, audit row and events. `None`:
/// another replica came first, and nothing is written. The account's row is held from here on: whoever
/// changes users takes it before theirs, so that none waits for one who waits for him.
///
/// # Errors
/// `Duplicate` when another user has the name, `Conflict` for the last administrator, `TooLarge`.
pub fn write(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    kind: &ResourceType,
    (stored, by): (Stored, By),
    next: &Next,
) -> Result<Option<Stored>> {
    let (account, before, after) = (stroke.account(), &next.before, &next.after);
    // Whoever leaves must be deactivated, however large he is.
    let only_leaves = next.turns() && !after.active && next.paths.iter().all(|path| path == "active");
    if !only_leaves {
        stroke.bears(&stored, &next.doc)?;
    }
    hold(tx, account)?;
    if before.user_name_key != after.user_name_key {
        let found = store::find_by_name(tx, account, &after.user_name_key)?;
        // Another replica may have given it to him already.
        if found.is_some_and(|(id, _)| id.as_str() != stored.id) {
            return Err(store::taken(&after.user_name));
        }
    }
    let turned = next.turns();
    // What is kept of who acts says his name and address, which audit rows show.
    let renamed = (&before.name, &before.email) != (&after.name, &after.email);
    let owned = (turned || renamed) && store::owns_access(tx, account, &stored.id)?;
    let (doc, version) = (next.doc.clone(), stored.version + 1);
    let written =
        Stored { id: stored.id.clone(), doc, version, created: stored.created, updated: stroke.now };
    let (versions, columns) = ((&stored, &written), (before, after));
    let update = |tx: &mut Tx<'_>| store::update(tx, account, versions, columns, by == By::Scim);
    let leaves = turned && !after.active && (owned || store::in_a_group(tx, account, &stored.id)?);
    let done = if leaves { keeping_one(tx, account, update)? } else { update(tx)? };
    if !done {
        return Ok(None);
    }
    let id = written.id.as_str();
    unique::check(tx, account, (kind, Subject::User), id, &next.moves.come)?;
    directory::move_keys(tx, account, id, &next.moves)?;
    if owned {
        bump_version(tx, account)?;
    }
    tell(tx, stroke, id, (after, turned), &next.paths)?;
    Ok(Some(written))
}

/// Notes that SCIM keeps a user whom it was to change to what he is.
///
/// # Errors
/// Of the database.
pub fn keep(tx: &mut Tx<'_>, stroke: &Stroke, stored: &Stored) -> Result<()> {
    let (account, id) = (stroke.account(), stored.id.as_str());
    if store::is_kept(tx, account, id)? {
        return Ok(());
    }
    // Before his row, as whoever changes users does.
    hold(tx, account)?;
    store::keep(tx, account, id)?;
    let columns = columns(&stored.document()?, &mut || store::is_active(tx, account, id))?;
    let detail = json!({"changed": ["externallyManaged"]});
    stroke.record(tx, Action::Update, "USER", (id, &columns.user_name), detail)
}

/// Writes the audit row and the events. `turned`: the user became active, or ceased to be.
fn tell(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    id: &str,
    (columns, turned): (&Columns, bool),
    paths: &[String],
) -> Result<()> {
    stroke.record(tx, Action::Update, "USER", (id, &columns.user_name), json!({"changed": paths}))?;
    let mut kinds = Vec::new();
    if turned {
        kinds.push(if columns.active { Kind::UserActivated } else { Kind::UserDeactivated });
    }
    if !turned || paths.iter().any(|path| path != "active") {
        kinds.push(Kind::UserUpdated);
    }
    announce::user(tx, (&stroke.caller, stroke.now), id, columns, &kinds, paths)
}
