//! Whether somebody still waits for a call.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::{Error, ErrorKind};

/// Held by the future of a call: with it goes the last one who waits.
pub(crate) struct Waiting(Arc<()>);

impl Waiting {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted(Some(Arc::downgrade(&self.0)))
    }
}

/// Asks whether somebody waits, at the price of a look at the memory. The default says yes for ever: for what
/// runs where it is awaited, and for what must not end halfway.
#[derive(Clone, Default)]
pub(crate) struct Wanted(Option<Weak<()>>);

impl Wanted {
    pub(crate) fn still(&self) -> bool {
        self.0.as_ref().is_none_or(|waiting| waiting.strong_count() > 0)
    }
}

/// The call that a reading connection of SQLite works for, as its progress handler sees it.
pub(crate) type Watch = Arc<Mutex<Wanted>>;

/// What a read ends with that nobody waits for.
pub(crate) fn unheard() -> Error {
    Error::new(ErrorKind::Unheard, "nobody waits for this read any more: it was given up")
}
