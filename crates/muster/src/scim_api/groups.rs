//! `/Groups`.

use std::sync::Arc;

use scim::{PatchRequest, Projection, ResourceType, resource};
use serde_json::Value;

use super::door::Door;
use super::verbs::Resources;
use crate::access::Grant;
use crate::access::permissions::UserGroupView;
use crate::app::App;
use crate::directory::groups::actions::{self, Reading, Show};
use crate::directory::groups::model::GroupResource;
use crate::directory::model::{Expected, Subject};
use crate::directory::search::{Found, Search};
use crate::kernel::problem::Result;

/// The groups of the account.
pub struct Groups;

fn reading(door: &Door, expected: Expected, members: Show) -> Reading {
    let (of, base, rehearsal) =
        (door.kinds.written(Subject::Group), door.base.clone(), door.rehearsal.clone());
    Reading { of, mender: door.mender(), expected, members, base, rehearsal }
}

impl Resources for Groups {
    type Resource = GroupResource;
    type View = UserGroupView;
    type Shows = Show;
    const DERIVED: Option<&'static str> = Some("members");
    const BRIEF: bool = true;

    fn at(_: String) -> Self {
        Self
    }

    fn kind(&self, door: &Door) -> Result<Arc<ResourceType>> {
        Ok(door.kinds.of(Subject::Group).clone())
    }

    /// Members where the request had them all, where they are asked for by name, or where they are few.
    fn shows(kind: &ResourceType, projection: &Projection, whole: bool) -> Show {
        match (projection.wants("members"), projection.is_default()) {
            (false, _) => Show::Never,
            (true, true) if !whole => Show::IfFew,
            (true, true) if !kind.hides_stored() => Show::Nameless,
            (true, _) => Show::Always,
        }
    }

    async fn list(
        &self,
        app: &App,
        grant: &Grant<UserGroupView>,
        search: Search,
        derived: bool,
    ) -> Result<Found<GroupResource>> {
        actions::list(app, grant, search, derived).await
    }

    async fn load(
        &self,
        app: &App,
        grant: &Grant<UserGroupView>,
        (_, id): (&ResourceType, &str),
        derived: bool,
    ) -> Result<GroupResource> {
        actions::load(app, grant, id, derived).await
    }

    async fn make(&self, app: &App, door: &Door, body: Value, members: Show) -> Result<GroupResource> {
        let grant = door.grant()?;
        let mut reading = reading(door, Expected::default(), members);
        let accepted = resource::create(&reading.of.kind, body, &mut reading.mender)?;
        let changed = actions::create(app, &grant, accepted, reading).await?;
        door.log(&changed.notes, &changed.unknown);
        Ok(changed.group)
    }

    async fn change(
        &self,
        app: &App,
        door: &Door,
        (id, expected): (&str, Expected),
        (body, whole): (Value, bool),
        members: Show,
    ) -> Result<GroupResource> {
        let grant = door.grant()?;
        let mut reading = reading(door, expected, members);
        let changed = if whole {
            actions::replace(app, &grant, id, body, reading).await?
        } else {
            let operations = PatchRequest::parse(body, &reading.of.kind, &mut reading.mender)?;
            actions::patch(app, &grant, id, operations, reading).await?
        };
        door.log(&changed.notes, &changed.unknown);
        Ok(changed.group)
    }

    async fn remove(&self, app: &App, door: &Door, (id, expected): (&str, Expected)) -> Result<()> {
        actions::delete(app, &door.grant()?, id, reading(door, expected, Show::Never)).await
    }
}
