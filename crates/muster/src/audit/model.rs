//! What an audit row says.

use serde::Serialize;
use serde_json::Value;

use crate::kernel::caller::Credential;
use crate::kernel::listing::Orders;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// What was done (platform API §12 spellings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A thing was made.
    Create,
    /// A thing was changed.
    Update,
    /// A setting went back to its default.
    Restore,
    /// A thing was removed.
    Delete,
    /// A token was made or rotated.
    CreateToken,
    /// A token was revoked.
    RevokeToken,
    /// A binding was made.
    RoleAssignmentCreated,
    /// A binding was changed.
    RoleAssignmentUpdated,
    /// A binding was removed.
    RoleAssignmentDeleted,
}

/// Actions of the reference that no row here has: who asks for them finds nothing.
pub const FOREIGN_ACTIONS: &[&str] = &[
    "ABORT",
    "ADD_COLLABORATOR",
    "ADD_MEMBERSHIP",
    "DISABLED",
    "ENABLED",
    "END",
    "FORCE_DELETE",
    "INVITE",
    "LOGIN",
    "LOGIN2FA",
    "MOVE",
    "PAUSE",
    "REMOVE_COLLABORATOR",
    "REMOVE_MEMBERSHIP",
    "RESEND_INVITE",
    "RESUME",
    "REVOKE_INVITE",
    "SIGNED_EULA",
    "STAGE_END",
    "STAGE_START",
    "START",
    "TIMEOUT",
    "UNSUCCESSFUL_LOGIN",
    "UPSERT",
];
/// Kinds of things that rows are about.
pub const RESOURCE_TYPES: &[&str] = &[
    "ACCOUNT",
    "API_KEY",
    "JWT_TRUST",
    "ORGANIZATION",
    "PROJECT",
    "RESOURCE_GROUP",
    "ROLE",
    "ROLE_ASSIGNMENT",
    "SCIM_RESOURCE",
    "SCIM_RESOURCE_TYPE",
    "SCIM_SCHEMA",
    "SERVICE_ACCOUNT",
    "SETTING",
    "TOKEN",
    "USER",
    "USER_GROUP",
    "WEBHOOK",
];
/// Kinds of the reference that are not here: who asks for them finds nothing.
pub const FOREIGN_TYPES: &[&str] = &[
    "CONNECTOR",
    "DASHBOARD",
    "DASHBOARD_FOLDER",
    "DELEGATE",
    "DELEGATE_CONFIGURATION",
    "DELEGATE_GROUPS",
    "DELEGATE_TOKEN",
    "DEPLOYMENT_FREEZE",
    "ENVIRONMENT",
    "ENVIRONMENT_GROUP",
    "FEATURE_FLAG",
    "FILE",
    "GOVERNANCE_POLICY",
    "GOVERNANCE_POLICY_SET",
    "INPUT_SET",
    "MONITORED_SERVICE",
    "NG_LOGIN_SETTINGS",
    "PIPELINE",
    "SECRET",
    "SERVICE",
    "SERVICE_LEVEL_OBJECTIVE",
    "SMTP",
    "TARGET",
    "TARGET_GROUP",
    "TEMPLATE",
    "TRIGGER",
    "VARIABLE",
];
/// Kinds of those who do something.
pub const PRINCIPALS: &[&str] = &["USER", "SERVICE_ACCOUNT", "SYSTEM"];
/// The one of the reference that does nothing here.
pub const FOREIGN_PRINCIPALS: &[&str] = &["API_KEY"];

impl Action {
    /// Every action that a row can have.
    pub const ALL: &[Self] = &[
        Self::Create,
        Self::Update,
        Self::Restore,
        Self::Delete,
        Self::CreateToken,
        Self::RevokeToken,
        Self::RoleAssignmentCreated,
        Self::RoleAssignmentUpdated,
        Self::RoleAssignmentDeleted,
    ];
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Restore => "RESTORE",
            Self::Delete => "DELETE",
            Self::CreateToken => "CREATE_TOKEN",
            Self::RevokeToken => "REVOKE_TOKEN",
            Self::RoleAssignmentCreated => "ROLE_ASSIGNMENT_CREATED",
            Self::RoleAssignmentUpdated => "ROLE_ASSIGNMENT_UPDATED",
            Self::RoleAssignmentDeleted => "ROLE_ASSIGNMENT_DELETED",
        }
    }
}

/// One change, as the action that makes it describes it.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// What was done.
    pub action: Action,
    /// Kind of thing, one of `RESOURCE_TYPES`.
    pub resource_type: &'static str,
    /// Its identifier.
    pub resource_id: &'a str,
    /// Its name as a person knows it.
    pub resource_name: &'a str,
    /// Where it lives.
    pub scope: &'a Scope,
    /// What changed, as JSON without secrets; `Value::Null` when the action says it all.
    pub detail: Value,
}

impl<'a> Entry<'a> {
    /// A change of the thing of this kind that has this identifier and name.
    pub fn about(
        action: Action,
        resource_type: &'static str,
        (resource_id, resource_name): (&'a str, &'a str),
        scope: &'a Scope,
        detail: Value,
    ) -> Self {
        Self { action, resource_type, resource_id, resource_name, scope, detail }
    }
}

/// What proved a principal, as JSON has it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "UPPERCASE", rename_all_fields = "camelCase")]
pub enum Proof<'a> {
    /// A PAT or SAT.
    Token { id: &'a str },
    /// A JWT of a trusted issuer.
    Jwt { trust: &'a str, key_id: Option<&'a str>, subject: Option<&'a str>, token_sha256: &'a str },
    /// An access token of the token endpoint.
    OAuth { id: &'a str, issued_for: Box<Proof<'a>> },
    /// The operator at the console.
    Console,
    /// The server by itself.
    Server,
    /// A token of the operator's.
    Operator { token_sha256: &'a str },
}

impl<'a> From<&'a Credential> for Proof<'a> {
    fn from(credential: &'a Credential) -> Self {
        match credential {
            Credential::Token { id } => Self::Token { id },
            Credential::Jwt { trust, key_id, subject, token_sha256 } => {
                Self::Jwt { trust, key_id: key_id.as_deref(), subject: subject.as_deref(), token_sha256 }
            }
            Credential::Issued { id, by } => {
                Self::OAuth { id, issued_for: Box::new(Self::from(by.as_ref())) }
            }
            Credential::Console => Self::Console,
            Credential::Server => Self::Server,
            Credential::Operator { token } => Self::Operator { token_sha256: token },
        }
    }
}

/// A row as it was written.
#[derive(Clone, Debug)]
pub struct Row {
    /// Unique.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Where the resource lives.
    pub scope: Scope,
    /// What was done, in the wire's spelling.
    pub action: String,
    /// Kind of thing.
    pub resource_type: String,
    /// Its identifier.
    pub resource_id: String,
    /// Its name.
    pub resource_name: String,
    /// `USER`, `SERVICE_ACCOUNT` or `SYSTEM`.
    pub principal_kind: String,
    /// Id of who did it.
    pub principal_id: String,
    /// E-mail address of a user, identifier of a service account.
    pub principal_label: String,
    /// Display name of who did it.
    pub principal_name: String,
    /// What proved him, as `record` wrote it.
    pub credential: Value,
    /// HTTP method; empty at the console.
    pub method: String,
    /// Peer address.
    pub client_ip: Option<String>,
    /// Id of the request.
    pub request_id: String,
    /// What changed.
    pub detail: Option<Value>,
}

/// A scope to look into, with or without those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// The scope.
    pub scope: Scope,
    /// And all below it?
    pub below: bool,
}

/// Which rows; an empty list means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// (type, identifier) of resources; without an identifier all of the type.
    pub resources: Vec<(String, Option<String>)>,
    /// Actions in the wire's spelling.
    pub actions: Vec<String>,
    /// (kind, id or label) of who did it; without a kind any.
    pub principals: Vec<(Option<String>, String)>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
    /// Leave out what the operator and the server itself did.
    pub without_system: bool,
    /// Something was asked for that no row has (another module, an environment).
    pub nothing: bool,
    /// In this order; the only field is the time.
    pub orders: Orders,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proof_names_its_kind_and_what_it_was_issued_for() {
        let jwt = Credential::Jwt {
            trust: "t".into(),
            key_id: Some("k".into()),
            subject: None,
            token_sha256: "h".into(),
        };
        let shown = json!({"type": "JWT", "trust": "t", "keyId": "k", "subject": null, "tokenSha256": "h"});
        let issued = Credential::Issued { id: "i".into(), by: Box::new(jwt.clone()) };
        for (credential, shown) in [
            (Credential::Token { id: "7".into() }, json!({"type": "TOKEN", "id": "7"})),
            (jwt, shown.clone()),
            (issued, json!({"type": "OAUTH", "id": "i", "issuedFor": shown})),
            (Credential::Console, json!({"type": "CONSOLE"})),
            (Credential::Server, json!({"type": "SERVER"})),
            (Credential::Operator { token: "0f".into() }, json!({"type": "OPERATOR", "tokenSha256": "0f"})),
        ] {
            assert_eq!(serde_json::to_value(Proof::from(&credential)).unwrap(), shown);
        }
    }
}
