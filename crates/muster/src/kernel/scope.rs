//! Where a thing lives: an account, an organization in it, or a project in that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, OrgId, ProjectId};
use super::problem::Problem;

/// The level of a scope. Lower-case text on the access API, upper-case on the settings API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ScopeLevel")]
pub enum Level {
    /// The whole account.
    Account,
    /// One organization.
    Organization,
    /// One project.
    Project,
}

impl Level {
    /// `account`, `organization`, `project`.
    pub const fn lower(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Organization => "organization",
            Self::Project => "project",
        }
    }
    /// `ACCOUNT`, `ORGANIZATION`, `PROJECT`.
    pub const fn upper(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Organization => "ORGANIZATION",
            Self::Project => "PROJECT",
        }
    }
    /// Reads either spelling, any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Account, Self::Organization, Self::Project]
            .into_iter()
            .find(|l| l.lower().eq_ignore_ascii_case(text))
    }
}

/// A place in the hierarchy. In the database an absent organization or project is the empty text, so that
/// unique indexes hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The tenant.
    pub account: AccountId,
    org: Option<OrgId>,
    project: Option<ProjectId>,
}

impl Scope {
    /// The whole account.
    pub fn account(account: AccountId) -> Self {
        Self { account, org: None, project: None }
    }
    /// An organization of the account.
    pub fn organization(account: AccountId, org: OrgId) -> Self {
        Self { account, org: Some(org), project: None }
    }
    /// A project of an organization.
    pub fn project(account: AccountId, org: OrgId, project: ProjectId) -> Self {
        Self { account, org: Some(org), project: Some(project) }
    }
    /// From optional parts, as query strings and columns have them; empty text counts as absent.
    ///
    /// # Errors
    /// A project without an organization.
    pub fn of(account: AccountId, org: Option<&str>, project: Option<&str>) -> Result<Self, Problem> {
        let org = org.filter(|o| !o.is_empty()).map(OrgId::new);
        let project = project.filter(|p| !p.is_empty()).map(ProjectId::new);
        if project.is_some() && org.is_none() {
            return Err(Problem::invalid("A project is named without its organization: name that as well"));
        }
        Ok(Self { account, org, project })
    }
    /// The level.
    pub const fn level(&self) -> Level {
        match (&self.org, &self.project) {
            (None, _) => Level::Account,
            (Some(_), None) => Level::Organization,
            (Some(_), Some(_)) => Level::Project,
        }
    }
    /// The organization, if any.
    pub fn org(&self) -> Option<&str> {
        self.org.as_ref().map(OrgId::as_str)
    }
    /// The project, if any.
    pub fn project_id(&self) -> Option<&str> {
        self.project.as_ref().map(ProjectId::as_str)
    }
    /// The organization's column: empty for none.
    pub fn org_column(&self) -> &str {
        self.org().unwrap_or("")
    }
    /// The project's column: empty for none.
    pub fn project_column(&self) -> &str {
        self.project_id().unwrap_or("")
    }
    /// The scope above; `None` above the account.
    pub fn parent(&self) -> Option<Self> {
        match (&self.org, &self.project) {
            (None, _) => None,
            (Some(_), None) => Some(Self::account(self.account.clone())),
            (Some(org), Some(_)) => Some(Self::organization(self.account.clone(), org.clone())),
        }
    }
    /// This scope, then each scope above it, up to the account.
    pub fn upward(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }
    /// Is `other` this scope or inside it?
    pub fn contains(&self, other: &Self) -> bool {
        self.account == other.account
            && (self.org.is_none() || self.org == other.org)
            && (self.project.is_none() || self.project == other.project)
    }
    /// The path form of messages: `/ACCOUNT/a/ORGANIZATION/o/PROJECT/p`.
    pub fn path(&self) -> String {
        let mut out = format!("/ACCOUNT/{}", self.account);
        if let Some(org) = &self.org {
            out += "/ORGANIZATION/";
            out += org.as_str();
        }
        if let Some(project) = &self.project {
            out += "/PROJECT/";
            out += project.as_str();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(org: Option<&str>, project: Option<&str>) -> Scope {
        Scope::of(AccountId::new("a"), org, project).unwrap()
    }

    #[test]
    fn containment_goes_downward_only() {
        let (account, org, project) =
            (scope(None, None), scope(Some("o"), None), scope(Some("o"), Some("p")));
        assert!(account.contains(&project) && org.contains(&project) && project.contains(&project));
        assert!(!project.contains(&org) && !org.contains(&account));
        assert!(!scope(Some("other"), None).contains(&project));
        assert_eq!(project.upward().collect::<Vec<_>>(), [project.clone(), org, account]);
        assert_eq!(project.path(), "/ACCOUNT/a/ORGANIZATION/o/PROJECT/p");
    }

    #[test]
    fn a_project_needs_its_organization() {
        assert!(Scope::of(AccountId::new("a"), None, Some("p")).is_err());
    }
}
