//! PATCH bodies (RFC 7644 §3.5.2): read, checked against the schema and turned into typed steps before any
//! document is at hand. Detached attributes (group members) become a list of operations for the caller;
//! the current members are never needed.

use serde_json::{Map, Value};

pub use crate::apply::MAX_WORK;
pub use crate::detached::{DetachedChange, DetachedOp, Which};
use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::keys::OddKeys;
use crate::name::lists_urn;
use crate::once::own_names_once;
use crate::plan::{Builder, OpKind};
use crate::pointer::{drop_cleared_ids, settle_keys};
use crate::schema::ResourceType;
use crate::step::Step;

/// URN of the PATCH message.
pub const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A checked PATCH, independent of any document; apply it as often as needed.
#[derive(Debug, Clone)]
pub struct PatchRequest {
    pub(crate) steps: Vec<Step>,
    /// How many steps there are up to the end of each operation.
    pub(crate) ends: Vec<usize>,
    pub(crate) detached: Vec<DetachedOp>,
    pub(crate) password: Option<PasswordChange>,
}

/// What PATCH did to a document.
#[derive(Debug, Clone)]
pub struct PatchOutcome {
    /// The document after all operations.
    pub document: Value,
    /// Whether the document differs in a way an operation made. Detached operations and the password are
    /// not counted: only their owner can tell.
    pub changed: bool,
    /// Paths that changed, each once, such as `name.givenName`, `emails` or `urn:…:User:department`.
    pub changed_paths: Vec<String>,
}

/// What to do with the password.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// Set it.
    Set(String),
    /// Remove it.
    Clear,
}

/// Does not show the password.
impl std::fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Set(_) => "Set(…)",
            Self::Clear => "Clear",
        })
    }
}

impl PatchRequest {
    /// Reads and checks a body. Errors: 400 with `invalidSyntax`, `invalidPath`, `invalidFilter`,
    /// `invalidValue`, `mutability` or `noTarget`.
    pub fn parse(body: Value, kind: &ResourceType, mender: &mut Mender) -> Result<Self, ScimError> {
        let operations = operations(body, mender)?;
        let mut builder = Builder { kind, mender, operation: 0, in_keys: false, request: Self::empty() };
        builder.request.ends.reserve_exact(operations.len());
        for operation in operations {
            builder.operation += 1;
            builder.operation(operation).map_err(|error| in_operation(builder.operation, error))?;
            builder.request.ends.push(builder.request.steps.len());
        }
        Ok(builder.request)
    }

    const fn empty() -> Self {
        Self { steps: Vec::new(), ends: Vec::new(), detached: Vec::new(), password: None }
    }

    /// What is wrong with a step, with the number of the operation it comes from.
    pub(crate) fn in_step(&self, at: usize, error: ScimError) -> ScimError {
        match self.ends.partition_point(|end| *end <= at) {
            operation if operation < self.ends.len() => in_operation(operation + 1, error),
            _ => error,
        }
    }

    /// What keys of an object, or of an extension in it, mean in an `add` without path to the document that
    /// the other keys made.
    pub(crate) fn of_keys(
        keys: Vec<OddKeys>,
        kind: &ResourceType,
        document: &Map<String, Value>,
        mender: &mut Mender,
    ) -> Result<Self, ScimError> {
        let mut builder = Builder { kind, mender, operation: 0, in_keys: false, request: Self::empty() };
        for (schema, keys) in keys {
            builder.expand(OpKind::Add, schema.as_ref(), keys)?;
        }
        settle_keys(&mut builder.request.steps, 0, builder.mender)?;
        drop_cleared_ids(&mut builder.request.steps, 0, Some(document));
        Ok(builder.request)
    }

    /// Whether it has to do with the document at all; false if it only touches detached attributes.
    pub fn touches_document(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The operations on detached attributes, in order.
    pub fn detached(&self) -> &[DetachedOp] {
        &self.detached
    }

    /// What happens to the password, if anything.
    pub fn password(&self) -> Option<&PasswordChange> {
        self.password.as_ref()
    }
}

fn in_operation(number: usize, error: ScimError) -> ScimError {
    ScimError { detail: format!("Operation {number}: {}", error.detail), ..error }
}

/// Checks the envelope and hands out `Operations`.
fn operations(body: Value, mender: &mut Mender) -> Result<Vec<Value>, ScimError> {
    let Value::Object(map) = body else {
        return Err(ScimError::invalid_syntax("A PATCH body is a JSON object with schemas and Operations."));
    };
    own_names_once(&map)?;
    let (mut named, mut operations) = (false, None);
    for (key, value) in map {
        if key.eq_ignore_ascii_case("schemas") {
            named = lists_urn(&value, PATCH_URN);
        } else if key.eq_ignore_ascii_case("Operations") {
            operations = Some(value);
        }
    }
    if !named && !mender.mend(Quirk::IncompleteSchemas, PATCH_URN) {
        return Err(ScimError::invalid_syntax(format!("schemas of a PATCH body must list {PATCH_URN}.")));
    }
    match operations {
        Some(Value::Array(list)) if !list.is_empty() => Ok(list),
        _ => Err(ScimError::invalid_syntax("Operations must be a list of one operation or more.")),
    }
}
