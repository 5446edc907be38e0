//! How a scope comes in bodies of the platform API, and how it looks in replies.

use schemars::JsonSchema;
use serde::Serialize;

use super::extract::{ScopeQuery, same_scope};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;

/// The scope of a call whose body may name it as well, by account, organization and project: parts of the
/// body fill in what the query leaves out or empty; where both speak they must agree.
///
/// # Errors
/// `Invalid`, as of the query alone, and where the two differ.
pub fn of_both(query: &ScopeQuery, body: [Option<&str>; 3], account: &AccountId) -> Result<Scope> {
    let [named, org, project] = body;
    let filled = |asked: &Option<String>, body: Option<&str>| {
        asked.clone().filter(|asked| !asked.is_empty()).or_else(|| body.map(str::to_owned))
    };
    let both = ScopeQuery {
        account_identifier: query.account_identifier.clone(),
        org_identifier: filled(&query.org_identifier, org),
        project_identifier: filled(&query.project_identifier, project),
    };
    let scope = both.scope(account)?;
    same_scope(&scope, named, org, project)?;
    Ok(scope)
}

/// `{"accountIdentifier": …, "orgIdentifier": …, "projectIdentifier": …}`; absent parts are null (§1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // the wire's names
pub struct ScopeView {
    account_identifier: String,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl From<&Scope> for ScopeView {
    fn from(scope: &Scope) -> Self {
        Self {
            account_identifier: scope.account.to_string(),
            org_identifier: scope.org().map(str::to_owned),
            project_identifier: scope.project_id().map(str::to_owned),
        }
    }
}
