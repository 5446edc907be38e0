//! Reads that wait for a reading thread.

use db::Tx;

use crate::access::Grant;
use crate::app::App;
use crate::kernel::problem::{ACCESS_CHANGED, Kind, Problem, Result};

/// Runs `f` on a reading thread. A request may wait long for one, and a snapshot that it kept meanwhile would
/// hold a connection and the database's log: so it ends here. In the snapshot that `f` gets, who may do what
/// must still be as it was when the grant was given, if the request can be answered from its beginning.
///
/// # Errors
/// `Outdated` where it is not; those of `f`.
pub async fn in_turn<P, T: Send + 'static>(
    app: &App,
    grant: &Grant<P>,
    label: &'static str,
    f: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (actor, caller) = (grant.actor(), grant.caller());
    actor.snapshot.close();
    let decided = actor.anew.then(|| (caller.account.clone(), caller.version));
    let service = app.clone();
    let read = move |tx: &mut Tx<'_>| {
        if let Some((account, version)) = &decided
            && service.versions.find(tx, account)? != Some(*version)
        {
            let text = "Who may do what in the account changed while the request waited: send it again.";
            return Err(Problem::new(Kind::Outdated, text).retry_after(1).inside(ACCESS_CHANGED));
        }
        f(tx)
    };
    app.db.of(&caller.account).read(label, read).await
}
