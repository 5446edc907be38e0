//! `GET /ng/api/whoami`: tells any credential who it is (contract of JWT trust §5). Asks for no permission:
//! whoever holds a credential may know what it is worth.

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::get;
use http::request::Parts;
use serde_json::{Value, json};

use super::authenticate::{self, Door};
use crate::access::Actor;
use crate::access::decide::Check;
use crate::access::permissions::CATALOGUE;
use crate::app::App;
use crate::kernel::caller::{Credential, PrincipalKind};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::surface::{Surface, names};
use crate::kernel::time::Timestamp;
use crate::web::envelope::Reply;
use crate::web::openapi::{OpenApi, Operation, Schemas, Takes, list, object, or_null, text, whole, word};

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route("/ng/api/whoami", get(whoami))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Who am I")
        .get("/ng/api/whoami", whoami)
        .told("whoAmI", "none", "Says who a credential is and what it may do")
        .data("WhoAmI", shown());
}

/// Whoever comes, with `x-api-key` or `Authorization: Bearer`, by a token of ours or a JWT of any trust.
struct Anyone(Actor);

impl Takes for Anyone {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.secured(&["apiKey", "anyBearer"]);
        operation.shared("Harness-Account");
    }
}

/// What is answered, which is put together as JSON.
fn shown() -> Value {
    let principal = object(&[
        ("type", word(&["USER", "SERVICE_ACCOUNT"])),
        ("identifier", text()),
        ("name", text()),
        ("email", or_null(text())),
        ("orgIdentifier", or_null(text())),
        ("projectIdentifier", or_null(text())),
    ]);
    let proof = [
        ("type", word(&["PAT", "SAT", "OAT", "JWT"])),
        ("tokenId?", text()),
        ("trust?", text()),
        ("keyId?", or_null(text())),
        ("subject?", or_null(text())),
    ];
    let own = [
        ("id?", text()),
        ("issuedFor?", object(&proof)),
        ("expiresAt", or_null(whole())),
        ("surfaces", list(word(&names(&Surface::ALL)))),
    ];
    object(&[
        ("accountIdentifier", text()),
        ("principal", principal),
        ("credential", object(&[&proof[..], &own].concat())),
        ("permissions", object(&[("account", list(text())), ("elsewhere", list(text()))])),
    ])
}

impl FromRequestParts<App> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        authenticate::platform(parts, app, Door::Anyone).await.map(Self)
    }
}

async fn whoami(Anyone(actor): Anyone) -> Reply<Value> {
    let caller = &actor.caller;
    let principal = &caller.principal;
    Reply(json!({
        "accountIdentifier": caller.account,
        "principal": {
            "type": principal.kind.as_str(), "identifier": principal.id, "name": principal.name,
            "email": (principal.kind == PrincipalKind::User).then_some(&principal.label), "orgIdentifier": principal.scope.org(),
            "projectIdentifier": principal.scope.project_id()
        },
        "credential": credential(&actor),
        "permissions": permissions(&actor)
    }))
}

fn credential(actor: &Actor) -> Value {
    let mut shown = proof(&actor.caller.credential, actor.caller.principal.kind);
    shown["expiresAt"] = json!(actor.caller.expires_at.map(Timestamp::millis));
    shown["surfaces"] = json!(names(&actor.caller.surfaces));
    shown
}

fn proof(credential: &Credential, principal: PrincipalKind) -> Value {
    match credential {
        Credential::Token { id } => {
            let kind = if principal == PrincipalKind::User { "PAT" } else { "SAT" };
            json!({"type": kind, "tokenId": id})
        }
        Credential::Jwt { trust, key_id, subject, .. } => {
            json!({"type": "JWT", "trust": trust, "keyId": key_id, "subject": subject})
        }
        Credential::Issued { id, by } => json!({"type": "OAT", "id": id, "issuedFor": proof(by, principal)}),
        Credential::Server => json!({"type": "SERVER"}),
        Credential::Console => json!({"type": "CONSOLE"}),
        Credential::Operator { token } => json!({"type": "OPERATOR", "tokenSha256": token}),
    }
}

/// What holds for the account as a whole, and what only somewhere in it or for some of its things.
fn permissions(actor: &Actor) -> Value {
    let account = Scope::account(actor.caller.account.clone());
    let whole = |permission: &&'static crate::access::permissions::Permission| {
        actor.rights.allow(Check { permission, scope: &account, resource: None })
    };
    let held =
        |permission: &&'static crate::access::permissions::Permission| actor.rights.has_somewhere(permission);
    let (everywhere, some): (Vec<_>, Vec<_>) = CATALOGUE.iter().filter(held).partition(whole);
    let ids =
        |found: Vec<&crate::access::permissions::Permission>| found.iter().map(|p| p.id).collect::<Vec<_>>();
    json!({"account": ids(everywhere), "elsewhere": ids(some)})
}
