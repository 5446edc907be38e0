//! What a user is called: changed by himself, or by who may change users. Whom an identity provider keeps is
//! changed there: here it would last until the provider's next visit.

use serde_json::{Value, json};

use super::actions::{Myself, himself, shown};
use crate::access::permissions::UserManage;
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::directory::stroke::Stroke;
use crate::directory::users::amend::amend;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::FieldCheck;

/// What a client says that a user is; `None`: it says nothing, and that stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Must be his id.
    pub uuid: Option<String>,
    /// Must be his address, case aside: people are known by it.
    pub email: Option<String>,
    /// What he is called as a whole.
    pub name: Option<String>,
    /// Part of his name.
    pub given_name: Option<String>,
    /// Part of his name.
    pub family_name: Option<String>,
}

/// Changes the caller himself; no permission is asked.
///
/// # Errors
/// `Invalid` for a service account, and for a user whom SCIM keeps; `Fields`.
pub async fn change_own(app: &App, actor: &Actor, profile: Profile) -> Result<Myself> {
    let id = himself(&actor.caller)?.to_owned();
    change(app, actor, id, profile).await
}

/// Changes a user of the account.
///
/// # Errors
/// `NotFound`; else as `change_own`.
pub async fn change_other(
    app: &App,
    grant: &Grant<UserManage>,
    id: String,
    profile: Profile,
) -> Result<Myself> {
    change(app, grant.actor(), id, profile).await
}

async fn change(app: &App, actor: &Actor, id: String, profile: Profile) -> Result<Myself> {
    let stroke = Stroke::new(app, &actor.caller);
    app.write_alone("people.profile", actor, move |tx| {
        let before = shown(tx, stroke.account(), &id)?;
        profile.check(&before)?;
        let operations = profile.operations(&before);
        if operations.is_empty() {
            return Ok(before);
        }
        own(&before)?;
        amend(tx, &stroke, &id, operations)?;
        shown(tx, stroke.account(), &id)
    })
    .await
}

/// Refuses a change of whom SCIM keeps.
fn own(user: &Myself) -> Result<()> {
    if !user.person.externally_managed {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "Update is not supported for externally managed user {}: change him in the identity provider that provisions him.",
        user.person.id
    )))
}

impl Profile {
    fn check(&self, before: &Myself) -> Result<()> {
        let (mut check, person) = (FieldCheck::new(), &before.person);
        if self.uuid.as_ref().is_some_and(|uuid| *uuid != person.id) {
            check.fail("uuid", "is of another user; leave it out, or change that one by his id in the path");
        }
        if self.email.as_ref().is_some_and(|email| scim::fold(email) != scim::fold(&person.email)) {
            let text =
                format!("cannot change here, and is {:?}; leave it out, or change it by SCIM", person.email);
            check.fail("email", text);
        }
        for (field, wished, _) in self.wishes(before) {
            check.title(field, wished);
        }
        check.done()
    }

    /// What is to become otherwise: the member, its value, and where it stands in a SCIM document.
    fn wishes<'p>(&'p self, before: &Myself) -> Vec<(&'static str, &'p str, &'static str)> {
        let name = Some(before.person.name.clone());
        let all = [
            ("name", &self.name, name, "displayName"),
            ("givenName", &self.given_name, before.name_part("givenName"), "name.givenName"),
            ("familyName", &self.family_name, before.name_part("familyName"), "name.familyName"),
        ];
        let wished = all.into_iter().filter(|(_, wished, was, _)| wished.is_some() && *wished != was);
        wished.filter_map(|(field, wished, _, path)| Some((field, wished.as_deref()?, path))).collect()
    }

    /// As SCIM has them. Whom it does not keep has no formatted name that could go stale.
    fn operations(&self, before: &Myself) -> Vec<Value> {
        let set = |(_, value, path): (_, &str, _)| json!({"op": "replace", "path": path, "value": value});
        self.wishes(before).into_iter().map(set).collect()
    }
}
