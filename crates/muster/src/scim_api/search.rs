//! `/.search`: one list over users and groups (RFC 7644 §3.4.3), users first.

use axum::extract::State;
use axum::response::Response;
use scim::list::ListQuery;

use super::door::Door;
use super::render::{self, Resource, Writer};
use super::request::{self, Body, projection};
use crate::access::permissions::{UserGroupView, UserView};
use crate::app::App;
use crate::directory::model::{Subject, resource_type};
use crate::directory::search::Search;
use crate::directory::{groups, users};
use crate::kernel::problem::{Problem, Result};

/// What was found so far, already written.
struct Page {
    total: u64,
    count: usize,
    rows: Vec<u8>,
}

impl Page {
    fn take<R: Resource>(&mut self, writer: &Writer<'_>, total: u64, found: &[R]) -> Result<()> {
        self.total += total;
        for resource in found {
            if self.count > 0 {
                self.rows.push(b',');
            }
            self.count += 1;
            writer.write(&mut self.rows, resource)?;
        }
        Ok(())
    }
}

pub async fn everywhere(State(app): State<App>, door: Door, Body(body): Body) -> Result<Response> {
    let query = ListQuery::from_search(body)?;
    if query.sort_by.as_deref().is_some_and(|name| !name.is_empty()) {
        let text = "sortBy does not go across resource types: search below /Users or /Groups.";
        return Err(Problem::invalid(text).code("invalidValue"));
    }
    let (see_users, see_groups) = (door.grant::<UserView>()?, door.grant::<UserGroupView>()?);
    let (user, group) = (resource_type(Subject::User), resource_type(Subject::Group));
    let mut page = Page { total: 0, count: 0, rows: Vec::new() };
    let search = request::search(&query, &user, &door)?;
    let (start, want) = (search.start, search.count);
    let shown = projection(&query, &user)?;
    let (total, found) = users::actions::list(&app, &see_users, search, shown.wants("groups")).await?;
    page.take(&Writer { kind: &user, projection: &shown, base: &door.base }, total, &found)?;
    let rest = Search {
        start: start.saturating_sub(usize::try_from(total).unwrap_or(usize::MAX)).max(1),
        count: want - page.count,
        ..request::search(&query, &group, &door)?
    };
    let shown = projection(&query, &group)?;
    let (total, found) = groups::actions::list(&app, &see_groups, rest, shown.wants("members")).await?;
    page.take(&Writer { kind: &group, projection: &shown, base: &door.base }, total, &found)?;
    Ok(render::list(start, page.total, page.count, &page.rows))
}
