//! Pages by cursor (RFC 9865): which walk a request belongs to, where it goes on, and what the client is
//! given to go on with.

use std::sync::Arc;

use scim::list::ListQuery;
use scim::{CursorPlace, CursorWalk, ScimError, SortBy};

use super::door::Door;
use super::render::Paging;
use super::request::{DEFAULT_RESULTS, MAX_RESULTS};
use crate::accounts::secrets::{self, Purpose};
use crate::app::App;
use crate::directory::search::{Search, Walk};
use crate::directory::store::Place;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;

/// How long a cursor holds, in seconds; published as `cursorTimeout`.
pub const LIFETIME_SECS: u32 = 3_600;

/// One walk through one list.
#[derive(Debug)]
pub struct Trail {
    /// Which of the resource types the walk has come to, from 0.
    pub part: u8,
    secret: Arc<[u8]>,
    account: AccountId,
    list: String,
    filter: Option<String>,
    sort: Option<SortBy>,
    count: u32,
    now: i64,
}

impl Trail {
    /// The walk that the query belongs to, if it asks for one; the search then goes on where its cursor says.
    ///
    /// # Errors
    /// `invalidCursor`, `expiredCursor`, `invalidCount`; `invalidValue` for an index beside the cursor.
    pub async fn of(
        app: &App,
        door: &Door,
        query: &ListQuery,
        list: &str,
        search: &mut Search,
    ) -> Result<Option<Self>> {
        let Some(cursor) = query.cursor.as_deref() else { return Ok(None) };
        let (count, account) = (count(query)?, door.actor.caller.account.clone());
        let mut trail = Self {
            part: 0,
            secret: secrets::of(app, &account, Purpose::Cursors).await?,
            account,
            list: list.to_owned(),
            filter: query.filter.as_deref().map(|text| text.trim().to_owned()),
            sort: search.sort.clone(),
            count,
            now: app.clock.now().secs(),
        };
        trail.go_on(cursor, search)?;
        Ok(Some(trail))
    }

    fn go_on(&mut self, cursor: &str, search: &mut Search) -> Result<()> {
        search.count = self.count as usize;
        search.walk = Some(Walk::default());
        if !cursor.is_empty() {
            let place = self.walk().open(&self.secret, cursor, self.now, LIFETIME_SECS)?;
            self.part = place.part;
            let after = Some(Place { key: place.key, id: place.id });
            search.walk = Some(Walk { after, total: Some(place.total) });
        }
        Ok(())
    }

    fn walk(&self) -> CursorWalk<'_> {
        CursorWalk {
            account: self.account.as_str(),
            list: &self.list,
            filter: self.filter.as_deref(),
            sort: self.sort.as_ref(),
            count: self.count,
        }
    }

    /// What the page says of the next one. A page of no resources has none: it asked for the total only.
    pub fn paging(&self, next: Option<(usize, Place)>, total: u64) -> Paging {
        let next = next.filter(|_| self.count > 0).map(|(part, Place { key, id })| {
            let part = u8::try_from(part).unwrap_or(u8::MAX);
            self.walk().seal(&self.secret, &CursorPlace { part, key, id, total }, self.now)
        });
        Paging::Cursor(next)
    }
}

/// Beside a cursor a count out of bounds is an error, as RFC 9865 has it; 0 asks for the total alone.
fn count(query: &ListQuery) -> Result<u32> {
    if query.start_index.is_some() {
        let text = "startIndex and cursor are two ways to page: send one of them.";
        return Err(ScimError::invalid_value(text).into());
    }
    match u32::try_from(query.count.unwrap_or(i64::from(DEFAULT_RESULTS))) {
        Ok(count) if count <= MAX_RESULTS => Ok(count),
        _ => {
            let text = format!("count must be between 0 and {MAX_RESULTS} when paging by cursor.");
            Err(ScimError::invalid_count(text).into())
        }
    }
}
