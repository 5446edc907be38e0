//! What a change comes to, worked out before it has its turn to write: the writers wait for each other, and
//! while one thinks, all do.

use db::Tx;

use super::model::Stored;
use crate::app::App;
use crate::kernel::problem::{Problem, Result};

/// A result for a resource as it was seen, which holds only where it is found so again. Whatever changes a
/// resource or its columns raises its version, so that it is not equal to what it was.
#[derive(Debug)]
pub struct Draft<T>(Option<(Stored, Result<T>)>);

impl<T> Draft<T> {
    /// `find` reads the resource and `think` works out the result, which is to be a matter of the resource
    /// alone, as a refusal is. Where that does not do, or to look first costs more than it saves, there is no
    /// draft: whoever has the turn finds out himself.
    pub fn of(
        app: &App,
        find: impl FnOnce(&mut Tx<'_>) -> Result<Stored>,
        think: impl FnOnce(&Stored) -> Result<T>,
    ) -> Self {
        let Some(stored) = app.db.glance(|tx| find(tx).ok()) else { return Self(None) };
        let result = think(&stored);
        let lasts = result.as_ref().err().is_none_or(|problem| problem.cause().is_none());
        Self(lasts.then_some((stored, result)))
    }

    /// The result, unless the resource has changed since.
    pub fn still(&self, found: &Stored) -> Option<Result<&T>> {
        let (_, result) = self.0.as_ref().filter(|(seen, _)| seen == found)?;
        Some(result.as_ref().map_err(Problem::clone))
    }
}
