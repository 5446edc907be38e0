//! What a user is called: changed by himself, or by who may change users. Whom an identity provider keeps is
//! changed there: here it would last until the provider's next visit.

use serde_json::{Value, json};

use super::actions::{Myself, himself, shown};
use crate::access::permissions::{UserManage, UserView};
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::directory::stroke::Stroke;
use crate::directory::users::amend::amend;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
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
    change(app, actor, (id, true), profile).await
}

/// Changes a user of the account. `None`: the caller may not view him, and is told nothing of him.
///
/// # Errors
/// `NotFound`; else as `change_own`.
pub async fn change_other(
    app: &App,
    grant: &Grant<UserManage>,
    id: String,
    profile: Profile,
) -> Result<Option<Myself>> {
    let actor = grant.actor();
    let home = Scope::account(actor.caller.account.clone());
    let sees = actor.holds::<UserView>(&home, Some(&id)) || himself(&actor.caller).is_ok_and(|me| me == id);
    let changed = change(app, actor, (id, sees), profile).await?;
    Ok(sees.then_some(changed))
}

/// `sees`: may the caller be told what the user is?
async fn change(app: &App, actor: &Actor, (id, sees): (String, bool), profile: Profile) -> Result<Myself> {
    let stroke = Stroke::new(app, &actor.caller);
    app.write_alone("people.profile", actor, move |tx| {
        let before = shown(tx, stroke.account(), &id)?;
        profile.check(&before, sees)?;
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
    fn check(&self, before: &Myself, sees: bool) -> Result<()> {
        let (mut check, person) = (FieldCheck::new(), &before.person);
        if self.uuid.as_ref().is_some_and(|uuid| *uuid != person.id) {
            check.fail("uuid", "is of another user; leave it out, or change that one by his id in the path");
        }
        if self.email.as_ref().is_some_and(|email| scim::fold(email) != scim::fold(&person.email)) {
            let is = if sees { format!(", and is {:?}", person.email) } else { String::new() };
            check.fail("email", format!("cannot change here{is}; leave it out, or change it by SCIM"));
        }
        for wish in self.wishes(before).iter().filter(|wish| wish.differs) {
            check.title(wish.field, wish.value);
        }
        check.done()
    }

    /// What is to be so. Nothing where all is shown so already: `name` may be made of the rest, and be sent
    /// as it was shown. Where one of them differs it is a name of its own, else the same profile would come
    /// to another name once the rest has changed.
    fn wishes<'p>(&'p self, before: &Myself) -> Vec<Wish<'p>> {
        let name = Some(before.person.name.clone());
        let all = [
            ("name", &self.name, name, "displayName"),
            ("givenName", &self.given_name, before.name_part("givenName"), "name.givenName"),
            ("familyName", &self.family_name, before.name_part("familyName"), "name.familyName"),
        ];
        let wish = |(field, wished, was, path): (_, &'p Option<String>, Option<String>, _)| {
            let value = wished.as_deref()?;
            Some(Wish { field, value, path, differs: was.as_deref() != Some(value) })
        };
        let wishes: Vec<_> = all.into_iter().filter_map(wish).collect();
        if wishes.iter().any(|wish| wish.differs) { wishes } else { Vec::new() }
    }

    /// As SCIM has them. Whom it does not keep has no formatted name that could go stale.
    fn operations(&self, before: &Myself) -> Vec<Value> {
        let set = |wish: &Wish<'_>| json!({"op": "replace", "path": wish.path, "value": wish.value});
        self.wishes(before).iter().map(set).collect()
    }
}

/// What a part of the name is to be.
struct Wish<'p> {
    /// The member that says it.
    field: &'static str,
    value: &'p str,
    /// Where it stands in a SCIM document.
    path: &'static str,
    /// Is it shown otherwise?
    differs: bool,
}
