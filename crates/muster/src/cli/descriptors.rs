//! File descriptors: each connection takes one, and the database and the way out need some, too.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::webhooks::{dispatch, trial};

/// Kept for everything but connections: the database, key sets, standard streams; and what webhooks are sent,
/// each by a connection of its own.
const KEPT: usize = 128 + dispatch::PLACES + trial::AT_ONCE;

/// How many of so many connections there can be. Raises the limit of the process as far as it may, since it
/// is usually low for the sake of programs that count descriptors in bits.
pub fn for_connections(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
    let Some(most) = getrlimit(Resource::Nofile).current else { return wanted };
    let possible = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(KEPT).max(1);
    if possible < wanted {
        tracing::warn!(
            open_files = most,
            connections = possible,
            "fewer connections than max-connections says: raise the limit of open files (ulimit -n, LimitNOFILE)"
        );
    }
    possible.min(wanted)
}
