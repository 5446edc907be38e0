//! `/Users`.

use std::sync::Arc;

use scim::{PatchRequest, Projection, ResourceType, resource};
use serde_json::Value;

use super::door::Door;
use super::verbs::Resources;
use crate::access::Grant;
use crate::access::permissions::UserView;
use crate::app::App;
use crate::directory::model::{Expected, Subject};
use crate::directory::search::{Found, Search};
use crate::directory::users::actions::{self, Reading};
use crate::directory::users::model::UserResource;
use crate::kernel::problem::Result;

/// The users of the account.
pub struct Users;

fn reading(door: &Door, expected: Expected, with_groups: bool) -> Reading {
    let (of, rehearsal) = (door.kinds.written(Subject::User), door.rehearsal.clone());
    Reading { of, mender: door.mender(), expected, with_groups, rehearsal }
}

impl Resources for Users {
    type Resource = UserResource;
    type View = UserView;
    /// With their groups?
    type Shows = bool;
    const DERIVED: Option<&'static str> = Some("groups");

    fn at(_: String) -> Self {
        Self
    }

    fn kind(&self, door: &Door) -> Result<Arc<ResourceType>> {
        Ok(door.kinds.of(Subject::User).clone())
    }

    fn shows(_: &ResourceType, projection: &Projection, _: bool) -> bool {
        projection.wants("groups")
    }

    async fn list(
        &self,
        app: &App,
        grant: &Grant<UserView>,
        search: Search,
        derived: bool,
    ) -> Result<Found<UserResource>> {
        actions::list(app, grant, search, derived).await
    }

    async fn load(
        &self,
        app: &App,
        grant: &Grant<UserView>,
        (_, id): (&ResourceType, &str),
        derived: bool,
    ) -> Result<UserResource> {
        actions::load(app, grant, id, derived).await
    }

    /// The password in the body ends here: Muster never authenticates a person by one.
    async fn make(&self, app: &App, door: &Door, body: Value, with_groups: bool) -> Result<UserResource> {
        let (grant, invite) = (door.grant()?, door.grant()?);
        let mut reading = reading(door, Expected::default(), with_groups);
        let accepted = resource::create(&reading.of.kind, body, &mut reading.mender)?;
        door.log(reading.mender.notes(), &[]);
        actions::create(app, &grant, &invite, accepted.document, reading).await
    }

    async fn change(
        &self,
        app: &App,
        door: &Door,
        (id, expected): (&str, Expected),
        (body, whole): (Value, bool),
        with_groups: bool,
    ) -> Result<UserResource> {
        let grant = door.grant()?;
        let mut reading = reading(door, expected, with_groups);
        let (user, notes) = if whole {
            actions::replace(app, &grant, id, body, reading).await?
        } else {
            let operations = PatchRequest::parse(body, &reading.of.kind, &mut reading.mender)?;
            actions::patch(app, &grant, id, operations, reading).await?
        };
        door.log(&notes, &[]);
        Ok(user)
    }

    async fn remove(&self, app: &App, door: &Door, (id, expected): (&str, Expected)) -> Result<()> {
        actions::delete(app, &door.grant()?, id, reading(door, expected, false)).await
    }
}
