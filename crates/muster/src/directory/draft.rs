//! What a change comes to, worked out before it has its turn to write: the writers wait for each other, and
//! while one thinks, all do.

use db::Tx;

use super::model::Stored;
use crate::app::App;
use crate::kernel::problem::Result;

/// A result for a resource as it was seen, which holds only where it is found so again.
#[derive(Clone, Debug)]
pub struct Draft<T>(Option<(Stored, T)>);

impl<T> Draft<T> {
    /// `find` reads the resource and `think` works out the result, which is to be a matter of the resource
    /// alone. Where either fails, or to look first costs more than it saves, there is no draft: whoever has
    /// the turn finds out himself.
    pub fn of(
        app: &App,
        find: impl FnOnce(&mut Tx<'_>) -> Result<Stored>,
        think: impl FnOnce(&mut Tx<'_>, &Stored) -> Result<T>,
    ) -> Self {
        Self(app.db.glance(|tx| {
            let stored = find(tx).ok()?;
            let result = think(tx, &stored).ok()?;
            Some((stored, result))
        }))
    }

    /// The result, unless the resource has changed since.
    pub fn still(&self, found: &Stored) -> Option<&T> {
        self.0.as_ref().filter(|(seen, _)| seen == found).map(|(_, result)| result)
    }
}
