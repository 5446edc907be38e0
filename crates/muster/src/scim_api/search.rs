//! One list over everything, users first, then groups, then what is of the account's own types: by `/.search`
//! (RFC 7644 §3.4.3) or by a query at the root (§3.4.2.1).

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use scim::ResourceType;
use scim::list::ListQuery;

use super::door::{Call, Door};
use super::render::{self, Paging, Resource, Writer};
use super::request::{self, projection};
use super::trail::Trail;
use crate::access::Grant;
use crate::access::permissions::{UserGroupView, UserView};
use crate::app::App;
use crate::directory::search::{Found, Search, Walk};
use crate::directory::store::Place;
use crate::directory::{groups, objects, users};
use crate::kernel::problem::{Problem, Result};

/// The first two resource types of every account; the others are its own.
const USERS: usize = 0;
const GROUPS: usize = 1;

/// What was found so far, already written.
#[derive(Default)]
struct Page {
    total: u64,
    count: usize,
    rows: Vec<u8>,
    next: Option<(usize, Place)>,
    /// Did a part end early? Then no other one has a place on this page.
    cut: bool,
}

impl Page {
    fn take<R: Resource>(&mut self, writer: &Writer<'_>, part: usize, found: Found<R>) -> Result<()> {
        self.total += found.total;
        for resource in &found.rows {
            if self.count > 0 {
                self.rows.push(b',');
            }
            self.count += 1;
            writer.write(&mut self.rows, resource)?;
        }
        self.next = found.next.map(|place| (part, place));
        self.cut |= found.cut;
        Ok(())
    }
}

/// A search over everything: each resource type is a part of it.
struct Everywhere<'a> {
    app: &'a App,
    door: &'a Door,
    query: &'a ListQuery,
    users: Grant<UserView>,
    groups: Grant<UserGroupView>,
}

impl Everywhere<'_> {
    fn kinds(&self) -> &[Arc<ResourceType>] {
        &self.door.kinds.shown.types
    }

    /// Which searches the parts are; what only others of them have has no value in one.
    fn searches(&self) -> Result<Vec<Search>> {
        let kinds = self.kinds();
        kinds.iter().map(|kind| request::search(self.query, kind, kinds, self.door)).collect()
    }

    async fn find(&self, page: &mut Page, part: usize, search: Search) -> Result<()> {
        let kind = search.kind.clone();
        let shown = projection(self.query, &kind)?;
        let writer = Writer { kind: &kind, projection: &shown, base: &self.door.base };
        match part {
            USERS => {
                let groups = shown.wants("groups");
                page.take(&writer, part, users::actions::list(self.app, &self.users, search, groups).await?)
            }
            GROUPS => {
                let members = shown.wants("members");
                page.take(
                    &writer,
                    part,
                    groups::actions::list(self.app, &self.groups, search, members).await?,
                )
            }
            _ => page.take(&writer, part, objects::actions::list(self.app, &self.users, search).await?),
        }
    }

    async fn by_index(&self, searches: Vec<Search>) -> Result<(Paging, Page)> {
        let (start, want) = searches.first().map_or((1, 0), |first| (first.start, first.count));
        let mut page = Page::default();
        for (part, search) in searches.into_iter().enumerate() {
            let skipped = start.saturating_sub(usize::try_from(page.total).unwrap_or(usize::MAX)).max(1);
            let count = if page.cut { 0 } else { want - page.count };
            let rest = Search { start: skipped, count, ..search };
            self.find(&mut page, part, rest).await?;
        }
        Ok((Paging::Index(start), page))
    }

    /// `walk`: of the part that the trail has come to. How many match in all is counted once, at its
    /// beginning.
    async fn by_cursor(
        &self,
        trail: &Trail,
        (walk, want): (Walk, usize),
        searches: Vec<Search>,
    ) -> Result<(Paging, Page)> {
        let (known, mut after, mut page) = (walk.total, walk.after, Page::default());
        for (part, search) in searches.into_iter().enumerate().skip(trail.part.into()) {
            if page.next.is_none() {
                let walk = Some(Walk { after: after.take(), total: known });
                let rest = Search { count: want - page.count, walk, ..search };
                self.find(&mut page, part, rest).await?;
            } else if known.is_none() {
                let next = page.next.take();
                self.find(&mut page, part, Search { count: 0, walk: None, ..search }).await?;
                page.next = next;
            }
        }
        page.total = known.unwrap_or(page.total);
        Ok((trail.paging(page.next.take(), page.total), page))
    }
}

pub async fn root(call: &Call<'_>, door: &Door) -> Result<Response> {
    find(call.app, door, &request::query(call)?).await
}

pub async fn everywhere(call: &Call<'_>, door: &Door, body: Body) -> Result<Response> {
    find(call.app, door, &request::search_body(call, door, body).await?).await
}

async fn find(app: &App, door: &Door, query: &ListQuery) -> Result<Response> {
    if query.sort_by.as_deref().is_some_and(|name| !name.is_empty()) {
        let text = "sortBy does not go across resource types: search below one endpoint, such as /Users.";
        return Err(Problem::invalid(text).code("invalidValue"));
    }
    let all = Everywhere { app, door, query, users: door.grant()?, groups: door.grant()? };
    let mut searches = all.searches()?;
    // A cursor is of the types that there were: its part is one of them by its place. No type has the first
    // word for an endpoint, so that the list of the only own type is another one.
    let own = all.kinds().iter().skip(GROUPS + 1).map(|kind| kind.endpoint.as_str());
    let list = std::iter::once(".search").chain(own).collect::<Vec<_>>().join(",");
    let (paging, page) = match Trail::of(app, door, query, &list, &mut searches[USERS]).await? {
        None => all.by_index(searches).await?,
        Some(trail) => {
            let first = &mut searches[USERS];
            let begun = (first.walk.take().unwrap_or_default(), first.count);
            all.by_cursor(&trail, begun, searches).await?
        }
    };
    Ok(render::list(&paging, page.total, page.count, &page.rows))
}
