//! Routes of API keys and tokens (platform API §4, §5).

mod keys;
mod tokens;

use axum::Router;
use schemars::JsonSchema;
use serde::Deserialize;

use super::actions::OwnerGrant;
use super::secret::Kind;
use crate::access::Actor;
use crate::app::App;
use crate::kernel::problem::{Kind as ProblemKind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::FieldCheck;
use crate::web::extract::ScopeQuery;
use crate::web::openapi::OpenApi;
use crate::web::scope::of_both;

/// The routes.
pub fn routes() -> Router<App> {
    keys::routes().merge(tokens::routes())
}

/// What is asked for, for the OpenAPI document.
const OWNERS: &str = "the owner's: his own, or core_serviceaccount_manageapikey on the service account";

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    keys::describe(document);
    tokens::describe(document);
}

/// The part of a query string that names an owner.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OwnerQuery {
    #[schemars(extend("enum" = ["USER", "SERVICE_ACCOUNT"]))]
    api_key_type: Option<String>,
    parent_identifier: Option<String>,
}

impl OwnerQuery {
    /// Asks for the owner's keys.
    fn grant(&self, actor: &Actor, scope: &Scope) -> Result<OwnerGrant> {
        let mut check = FieldCheck::new();
        let (kind, parent) =
            owner(self.api_key_type.as_deref(), self.parent_identifier.as_deref(), &mut check);
        check.done()?;
        OwnerGrant::ask(actor, scope, kind.ok_or_else(|| unknown_kind(self.api_key_type.as_deref()))?, parent)
    }

    /// The kind alone, for lists that need no owner.
    fn kind(&self) -> Result<Kind> {
        let mut check = FieldCheck::new();
        let (kind, _) = owner(self.api_key_type.as_deref(), Some("any"), &mut check);
        check.done()?;
        kind.ok_or_else(|| unknown_kind(self.api_key_type.as_deref()))
    }
}

/// The part of a body that names an owner and its scope. Not flattened into the bodies: what does not fit in
/// it would have no name.
#[derive(Debug)]
struct OwnerBody {
    api_key_type: Option<String>,
    parent_identifier: Option<String>,
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl OwnerBody {
    /// Asks for the owner's keys. Scope parts of the body fill in what the query leaves out; where both speak
    /// they must agree. Where no owner is named, `rest` adds what is wrong with the other fields: a client
    /// hears of all at once.
    fn grant(
        &self,
        actor: &Actor,
        query: &ScopeQuery,
        rest: impl FnOnce(&mut FieldCheck),
    ) -> Result<OwnerGrant> {
        let parts = [&self.account_identifier, &self.org_identifier, &self.project_identifier];
        let scope = of_both(query, parts.map(Option::as_deref), &actor.caller.account)?;
        let mut check = FieldCheck::new();
        let sent = self.api_key_type.as_deref();
        let (kind, parent) = owner(sent, self.parent_identifier.as_deref(), &mut check);
        if let (None, Some(sent)) = (kind, sent.filter(|sent| !sent.is_empty())) {
            check.fail("apiKeyType", format!("{sent:?} is not known here; send USER or SERVICE_ACCOUNT"));
        }
        let kind = kind.filter(|_| !parent.is_empty());
        if kind.is_none() {
            rest(&mut check);
        }
        check.done()?;
        OwnerGrant::ask(actor, &scope, kind.ok_or_else(|| unknown_kind(sent))?, parent)
    }
}

/// Kind (`None`: a word we do not know) and id of an owner; complains of both where they are missing.
fn owner<'a>(kind: Option<&str>, parent: Option<&'a str>, check: &mut FieldCheck) -> (Option<Kind>, &'a str) {
    let kind = kind.filter(|k| !k.is_empty());
    if kind.is_none() {
        check.fail("apiKeyType", "cannot be empty; send USER or SERVICE_ACCOUNT");
    }
    let parent = parent.unwrap_or_default();
    if parent.is_empty() {
        check.fail(
            "parentIdentifier",
            "cannot be empty; send the user's id or the service account's identifier",
        );
    }
    (kind.and_then(Kind::parse), parent)
}

/// The reference answers an unknown word in a query string so (§1.5).
fn unknown_kind(kind: Option<&str>) -> Problem {
    let text =
        format!("apiKeyType {:?} is not known here: send USER or SERVICE_ACCOUNT", kind.unwrap_or_default());
    Problem::new(ProblemKind::NoSuchResource, text)
}

/// The identifier of a path, which the body may repeat but not change.
fn same_identifier(path: &str, body: Option<&str>) -> Result<()> {
    match body.filter(|b| !b.is_empty() && *b != path) {
        None => Ok(()),
        Some(other) => Err(Problem::invalid(format!(
            "Value mismatch, previous: {path} current: {other}: an identifier cannot change, send the one of the path \
             or leave it out of the body"
        ))),
    }
}
