//! One list over users and groups, users first: by `/.search` (RFC 7644 §3.4.3) or by a query at the root
//! (§3.4.2.1). Types of the account have their own lists.

use axum::body::Body;
use axum::response::Response;
use scim::list::ListQuery;

use super::door::{Call, Door};
use super::render::{self, Paging, Resource, Writer};
use super::request::{self, projection};
use super::trail::Trail;
use crate::access::Grant;
use crate::access::permissions::{UserGroupView, UserView};
use crate::app::App;
use crate::directory::model::Subject;
use crate::directory::search::{Found, Search, Walk};
use crate::directory::store::Place;
use crate::directory::{groups, users};
use crate::kernel::problem::{Problem, Result};

/// Parts of a walk.
const USERS: u8 = 0;
const GROUPS: u8 = 1;

/// What was found so far, already written.
#[derive(Default)]
struct Page {
    total: u64,
    count: usize,
    rows: Vec<u8>,
    next: Option<(u8, Place)>,
}

impl Page {
    fn take<R: Resource>(&mut self, writer: &Writer<'_>, part: u8, found: Found<R>) -> Result<()> {
        self.total += found.total;
        for resource in &found.rows {
            if self.count > 0 {
                self.rows.push(b',');
            }
            self.count += 1;
            writer.write(&mut self.rows, resource)?;
        }
        self.next = found.next.map(|place| (part, place));
        Ok(())
    }
}

/// A search over both.
struct Everywhere<'a> {
    app: &'a App,
    door: &'a Door,
    query: &'a ListQuery,
    users: Grant<UserView>,
    groups: Grant<UserGroupView>,
}

impl Everywhere<'_> {
    async fn users(&self, page: &mut Page, search: Search) -> Result<()> {
        let kind = self.door.kinds.of(Subject::User).clone();
        let shown = projection(self.query, &kind)?;
        let found = users::actions::list(self.app, &self.users, search, shown.wants("groups")).await?;
        page.take(&Writer { kind: &kind, projection: &shown, base: &self.door.base }, USERS, found)
    }

    async fn groups(&self, page: &mut Page, search: Search) -> Result<()> {
        let kind = self.door.kinds.of(Subject::Group).clone();
        let shown = projection(self.query, &kind)?;
        let found = groups::actions::list(self.app, &self.groups, search, shown.wants("members")).await?;
        page.take(&Writer { kind: &kind, projection: &shown, base: &self.door.base }, GROUPS, found)
    }

    async fn by_index(&self, users: Search, groups: Search) -> Result<(Paging, Page)> {
        let (start, want, mut page) = (users.start, users.count, Page::default());
        self.users(&mut page, users).await?;
        let skipped = start.saturating_sub(usize::try_from(page.total).unwrap_or(usize::MAX)).max(1);
        let rest = Search { start: skipped, count: want - page.count, ..groups };
        self.groups(&mut page, rest).await?;
        Ok((Paging::Index(start), page))
    }

    async fn by_cursor(&self, trail: &Trail, users: Search, groups: Search) -> Result<(Paging, Page)> {
        let (want, mut page) = (users.count, Page::default());
        let walk = users.walk.clone().unwrap_or_default();
        let known = walk.total;
        if trail.part == USERS {
            self.users(&mut page, users).await?;
        }
        let count = want - page.count;
        if page.next.is_none() {
            let after = walk.after.filter(|_| trail.part == GROUPS);
            let walk = Some(Walk { after, total: known });
            self.groups(&mut page, Search { count, walk, ..groups }).await?;
        } else if known.is_none() {
            let next = page.next.take();
            self.groups(&mut page, Search { count: 0, walk: None, ..groups }).await?;
            page.next = next;
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
        let text = "sortBy does not go across resource types: search below /Users or /Groups.";
        return Err(Problem::invalid(text).code("invalidValue"));
    }
    let (users, groups) = (door.grant()?, door.grant()?);
    let both = Everywhere { app, door, query, users, groups };
    let kinds = [Subject::User, Subject::Group].map(|subject| door.kinds.of(subject).clone());
    let [user, group] = &kinds;
    let mut first = request::search(query, user, &kinds, door)?;
    let second = request::search(query, group, &kinds, door)?;
    let (paging, page) = match Trail::of(app, door, query, "", &mut first).await? {
        None => both.by_index(first, second).await?,
        Some(trail) => both.by_cursor(&trail, first, second).await?,
    };
    Ok(render::list(&paging, page.total, page.count, &page.rows))
}
