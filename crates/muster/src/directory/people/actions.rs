//! Use cases of users on the platform API.

use std::collections::HashMap;

use db::Tx;
use db::sql::IDS_AT_ONCE;
use serde_json::Value;

use super::front::Front;
use super::store::{self, Person, Selection};
use crate::access::assignments::actions::remove_in_scope;
use crate::access::assignments::model::NamedBinding;
use crate::access::assignments::permit::Permit;
use crate::access::assignments::query::bindings_of;
use crate::access::permissions::{AccountEdit, Ask, UserGroupManage, UserManage, UserView};
use crate::access::rights;
use crate::access::{Check, Grant};
use crate::accounts::actions::{check_scope, check_scope_for};
use crate::accounts::store::{self as accounts, bump_version};
use crate::app::App;
use crate::directory::groups::store::holders;
use crate::directory::model::Subject;
use crate::directory::schemas::Kinds;
use crate::directory::store as directory;
use crate::directory::stroke::Stroke;
use crate::directory::user_groups::members::part;
use crate::directory::users::actions::remove as remove_user;
use crate::directory::users::store::by_addresses;
use crate::kernel::caller::{Caller, Principal, PrincipalKind};
use crate::kernel::ids::AccountId;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};

/// Fields that `sortOrders` may name.
pub const SORT_FIELDS: &[&str] = &["name", "email", "createdAt", "lastModifiedAt"];

/// Which users a list is to show.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The scope that the list was asked in, where it is not the grant's.
    pub asked_in: Option<Scope>,
    /// By id and role.
    pub selection: Selection,
    /// In which order.
    pub orders: Orders,
    /// Only those with it in name or address.
    pub search: SearchTerm,
    /// Only those with one of these addresses, case aside; empty for all.
    pub emails: Vec<String>,
}

/// A user with his roles in the scope asked for.
pub type Aggregate = (Person, Vec<NamedBinding>);

/// The caller himself, with what his document adds.
#[derive(Clone, Debug)]
pub struct Myself {
    /// As lists show him.
    pub person: Person,
    /// His document, for the parts of his name.
    pub document: Value,
    /// `externalId`.
    pub external_id: Option<String>,
    /// What his account is called.
    pub account_name: String,
    /// May he change the account?
    pub admin: bool,
}

impl Myself {
    /// A part of his name.
    pub fn name_part(&self, part: &str) -> Option<String> {
        self.document.get("name")?.get(part)?.as_str().map(str::to_owned)
    }
}

/// One page of users with their roles in the grant's scope. At account level all users of the account, below
/// it those bound to a role there.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist.
pub async fn list(
    app: &App,
    grant: &Grant<UserView>,
    mut wanted: Wanted,
    page: PageRequest,
) -> Result<Page<Aggregate>> {
    let (actor, scope) = (grant.actor().clone(), grant.scope().clone());
    let by_role = !wanted.selection.roles.is_empty() || !wanted.selection.resource_groups.is_empty();
    if by_role || scope.level() != Level::Account {
        wanted.selection.bound_in = Some(scope.clone());
    }
    wanted.emails = wanted.emails.iter().map(|email| scim::fold(email).into_owned()).collect();
    app.db
        .of(&scope.account)
        .read("people.list", move |tx| {
            check_scope_for(tx, &actor, wanted.asked_in.as_ref().unwrap_or(&scope))?;
            let (rows, total) = wanted.page(tx, &scope.account, page)?;
            Ok(Page::new(page, with_bindings(tx, &scope, rows)?, total))
        })
        .await
}

impl Wanted {
    /// One page of them, and how many they are.
    fn page(&self, tx: &mut Tx<'_>, account: &AccountId, page: PageRequest) -> Result<(Vec<Person>, u64)> {
        if self.is_everybody() && self.orders.are_by(&["createdAt", "lastModifiedAt"]) {
            let column = |field: &str| if field == "createdAt" { "u.created_at" } else { "u.updated_at" };
            let rows = store::page_by_time(tx, account, &self.orders.columns(column), page)?;
            let total = accounts::user_count(tx, account)?;
            return Ok((rows, u64::try_from(total).unwrap_or_default()));
        }
        let mut front = Front::new(&self.orders, page);
        let mut take = |person: Person| {
            if self.shows(&person) {
                front.take(&person);
            }
        };
        match self.named(tx, account)? {
            None => store::each(tx, account, &self.selection, &mut take)?,
            Some(ids) => {
                for ids in ids.chunks(IDS_AT_ONCE) {
                    let these = Selection { ids: ids.to_vec(), ..self.selection.clone() };
                    store::each(tx, account, &these, &mut take)?;
                }
            }
        }
        let (ids, total) = front.page();
        Ok((store::these(tx, account, &ids)?, total))
    }

    fn is_everybody(&self) -> bool {
        let Selection { bound_in, ids, .. } = &self.selection;
        bound_in.is_none() && ids.is_empty() && self.emails.is_empty() && self.search.is_empty()
    }

    /// The ids of all who can be among them, each once and in their order, where ids or addresses tell; of
    /// those found by an address that is not the one they are shown with, too.
    fn named(&self, tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<Vec<String>>> {
        let mut ids = self.selection.ids.clone();
        if !self.emails.is_empty() {
            let keys: Vec<&str> = self.emails.iter().map(String::as_str).collect();
            let found = by_addresses(tx, account, &keys)?.into_iter().map(|(_, user)| user.id);
            ids = found.filter(|id| ids.is_empty() || ids.contains(id)).collect();
        } else if ids.is_empty() {
            return Ok(None);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids))
    }

    fn shows(&self, person: &Person) -> bool {
        let addressed = || self.emails.iter().any(|email| *email == *scim::fold(&person.email));
        self.search.hits([person.name.as_str(), &person.email]) && (self.emails.is_empty() || addressed())
    }
}

fn with_bindings(tx: &mut Tx<'_>, scope: &Scope, rows: Vec<Person>) -> Result<Vec<Aggregate>> {
    let ids: Vec<&str> = rows.iter().map(|person| person.id.as_str()).collect();
    let mut bound: HashMap<String, Vec<NamedBinding>> = HashMap::new();
    for binding in bindings_of(tx, scope, PrincipalKind::User, Some(&ids))? {
        bound.entry(binding.principal.clone()).or_default().push(binding);
    }
    let bindings = rows.iter().map(|person| bound.remove(&person.id).unwrap_or_default()).collect::<Vec<_>>();
    Ok(rows.into_iter().zip(bindings).collect())
}

/// One user with his roles in the grant's scope. Below the account only those are known who hold one there.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, grant: &Grant<UserView>, id: &str) -> Result<Aggregate> {
    let (scope, id) = (grant.scope().clone(), id.to_owned());
    app.db
        .of(&scope.account)
        .point("people.load", move |tx| {
            let person = store::find(tx, &scope.account, &id)?.ok_or_else(|| unknown(&id))?;
            let mut rows = with_bindings(tx, &scope, vec![person])?;
            let everybody = scope.level() == Level::Account;
            rows.pop().filter(|(_, bound)| everybody || !bound.is_empty()).ok_or_else(|| unknown(&id))
        })
        .await
}

/// The user behind the credential.
///
/// # Errors
/// `Invalid` for a service account.
pub async fn myself(app: &App, caller: &Caller) -> Result<Myself> {
    let (account, id) = (caller.account.clone(), himself(caller)?.to_owned());
    app.db.of(&caller.account).point("people.myself", move |tx| shown(tx, &account, &id)).await
}

/// The id of the user who calls.
///
/// # Errors
/// `Invalid` for a service account.
pub(super) fn himself(caller: &Caller) -> Result<&str> {
    let principal = &caller.principal;
    if principal.kind == PrincipalKind::User {
        return Ok(&principal.id);
    }
    Err(Problem::invalid(format!(
        "The token belongs to the service account {}, which is no user: send a user's token.",
        principal.id
    )))
}

/// A user as he sees himself.
///
/// # Errors
/// `NotFound`.
pub(super) fn shown(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Myself> {
    let person = store::find(tx, account, id)?.ok_or_else(|| unknown(id))?;
    let (doc, external_id) = store::detail(tx, account, id)?.ok_or_else(|| unknown(id))?;
    let document = serde_json::from_str(&doc)
        .map_err(|error| Problem::internal(format!("the document of {id} is damaged: {error}")))?;
    let account_name = accounts::find(tx, account)?.map(|account| account.name).unwrap_or_default();
    let home = Scope::account(account.clone());
    let (label, name) = (person.email.clone(), person.name.clone());
    let who = Principal { kind: PrincipalKind::User, id: id.to_owned(), scope: home.clone(), label, name };
    let check = Check { permission: AccountEdit::PERMISSION, scope: &home, resource: None };
    let admin = rights::load(tx, account, &who)?.allow(check);
    Ok(Myself { person, document, external_id, account_name, admin })
}

/// Removes a user from the account with all that is his; below the account takes him out of the scope, with
/// his roles there and his memberships of its groups.
///
/// # Errors
/// `NotFound`; `Conflict` when no account administrator would be left; `Denied` for a group of the scope
/// whose members the caller may not change.
pub async fn remove(app: &App, grant: &Grant<UserManage>, id: &str) -> Result<()> {
    let (stroke, id, held) = (Stroke::new(app, grant.caller()), id.to_owned(), grant.clone());
    app.write_alone("people.remove", grant.actor(), move |tx| {
        let account = stroke.account();
        if held.scope().level() != Level::Account {
            return leave(tx, &stroke, &held, &id);
        }
        let stored = directory::find(tx, account, Subject::User, &id)?.ok_or_else(|| unknown(&id))?;
        let document = stored.document()?;
        let kind = Kinds::load(tx, account)?.written(Subject::User).kind;
        remove_user(tx, &stroke, &kind, &stored, &document)
    })
    .await
}

/// Takes a user out of a scope below the account.
fn leave(tx: &mut Tx<'_>, stroke: &Stroke, grant: &Grant<UserManage>, id: &str) -> Result<()> {
    let (actor, scope, account) = (grant.actor(), grant.scope(), stroke.account());
    check_scope(tx, scope)?;
    let permit = Permit::ask(actor, scope, PrincipalKind::User, id, None)?;
    let removed = remove_in_scope(tx, &permit, stroke.now, &stroke.rng, id)?;
    let mut groups = holders(tx, account, id)?;
    groups.retain(|group| group.scope == *scope);
    if removed == 0 && groups.is_empty() {
        return Err(unknown(id));
    }
    for group in groups {
        actor.grant_on::<UserGroupManage>(scope, Some(&group.identifier))?;
        part(tx, &Stroke { scope: scope.clone(), ..stroke.again() }, &group.identifier, id)?;
    }
    if removed > 0 { bump_version(tx, account) } else { Ok(()) }
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!(
        "There is no user {id} in this account: see the list of users for the ids there are."
    ))
}
