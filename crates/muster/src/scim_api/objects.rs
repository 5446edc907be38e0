//! Resources of the types that the account defines, each below its endpoint. They ask for the rights that
//! users ask for.

use std::sync::Arc;

use scim::{PatchRequest, Projection, ResourceType, resource};
use serde_json::Value;

use super::door::Door;
use super::verbs::Resources;
use crate::access::Grant;
use crate::access::permissions::UserView;
use crate::app::App;
use crate::directory::model::{Expected, Stored};
use crate::directory::objects::actions::{self, Reading};
use crate::directory::schemas::kinds::Written;
use crate::directory::search::{Found, Search};
use crate::kernel::problem::{Kind, Problem, Result};

/// The resources at an endpoint that is neither that of users nor that of groups.
pub struct Objects {
    endpoint: String,
}

impl Objects {
    /// Users and groups have routes of their own; what is no type of the account is no route.
    fn of<'d>(&self, types: &'d [Arc<ResourceType>]) -> Result<&'d Arc<ResourceType>> {
        let endpoint = &self.endpoint;
        types.iter().skip(2).find(|kind| kind.endpoint == *endpoint).ok_or_else(|| {
            let text =
                format!("There is no /{endpoint:.200} here: /ResourceTypes lists the endpoints there are.");
            Problem::new(Kind::NoSuchResource, text)
        })
    }

    fn reading(&self, door: &Door, expected: Expected) -> Result<Reading> {
        let kind = self.of(&door.kinds.written.types)?.clone();
        let of = Written { kind, generation: door.kinds.generation };
        Ok(Reading { of, mender: door.mender(), expected, rehearsal: door.rehearsal.clone() })
    }
}

impl Resources for Objects {
    type Resource = Stored;
    type View = UserView;
    type Shows = ();
    const DERIVED: Option<&'static str> = None;

    fn at(endpoint: String) -> Self {
        Self { endpoint }
    }

    fn kind(&self, door: &Door) -> Result<Arc<ResourceType>> {
        self.of(&door.kinds.shown.types).cloned()
    }

    fn shows(_: &ResourceType, _: &Projection, _: bool) {}

    async fn list(
        &self,
        app: &App,
        grant: &Grant<UserView>,
        search: Search,
        _: bool,
    ) -> Result<Found<Stored>> {
        actions::list(app, grant, search).await
    }

    async fn load(
        &self,
        app: &App,
        grant: &Grant<UserView>,
        (kind, id): (&ResourceType, &str),
        _: bool,
    ) -> Result<Stored> {
        actions::load(app, grant, kind, id).await
    }

    async fn make(&self, app: &App, door: &Door, body: Value, (): ()) -> Result<Stored> {
        let mut reading = self.reading(door, Expected::default())?;
        let grant = door.grant()?;
        let accepted = resource::create(&reading.of.kind, body, &mut reading.mender)?;
        door.log(reading.mender.notes(), &[]);
        actions::create(app, &grant, accepted.document, reading).await
    }

    async fn change(
        &self,
        app: &App,
        door: &Door,
        (id, expected): (&str, Expected),
        (body, whole): (Value, bool),
        (): (),
    ) -> Result<Stored> {
        let mut reading = self.reading(door, expected)?;
        let grant = door.grant()?;
        let (stored, notes) = if whole {
            actions::replace(app, &grant, id, body, reading).await?
        } else {
            let operations = PatchRequest::parse(body, &reading.of.kind, &mut reading.mender)?;
            actions::patch(app, &grant, id, operations, reading).await?
        };
        door.log(&notes, &[]);
        Ok(stored)
    }

    async fn remove(&self, app: &App, door: &Door, (id, expected): (&str, Expected)) -> Result<()> {
        let reading = self.reading(door, expected)?;
        actions::delete(app, &door.grant()?, id, reading).await
    }
}
