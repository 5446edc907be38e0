//! How a scope looks in replies of the platform API.

use serde::Serialize;

use crate::kernel::scope::Scope;

/// `{"accountIdentifier": …, "orgIdentifier": …, "projectIdentifier": …}`; absent parts are null (§1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
