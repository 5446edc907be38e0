//! Bodies about users (platform API §10).

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::adding::{Adding, Outcome};
use super::profile::Profile;
use crate::access::Actor;
use crate::kernel::problem::Result;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::{FieldCheck, NAME_MOST};
use crate::web::extract::unused;
use crate::web::openapi;

/// Most people in one request.
const MOST_PEOPLE: usize = 100;
/// Most memberships and role assignments that one request makes.
const MOST_MADE: usize = 1_000;

/// `AddUsersDTO`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "AddUsersBody", extend("required" = ["emails"]))]
pub(super) struct AddBody {
    #[schemars(length(min = 1, max = MOST_PEOPLE))]
    pub(super) emails: Vec<String>,
    user_groups: Option<Vec<String>>,
    role_bindings: Option<Vec<RoleBindingBody>>,
    #[serde(deserialize_with = "unused")]
    user_settings: (),
}

/// A role as it is to be given. Its names and whether it is managed are for people: the identifier says it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["roleIdentifier", "resourceGroupIdentifier"]))]
struct RoleBindingBody {
    role_identifier: Option<String>,
    role_scope_level: Option<String>,
    resource_group_identifier: Option<String>,
}

impl RoleBindingBody {
    fn read(&self, at: usize, scope: &Scope, check: &mut FieldCheck) -> (String, String) {
        let mut part = |name: &str, value: &Option<String>, what: &str| {
            let value = value.clone().unwrap_or_default();
            if value.is_empty() {
                let text = format!("cannot be empty; send the identifier of a {what}");
                check.fail(&format!("roleBindings[{at}].{name}"), text);
            }
            value
        };
        let role = part("roleIdentifier", &self.role_identifier, "role");
        let group = part("resourceGroupIdentifier", &self.resource_group_identifier, "resource group");
        let level = self.role_scope_level.as_deref().filter(|level| !level.is_empty());
        if level.is_some_and(|level| Level::parse(level) != Some(scope.level())) {
            let text = format!("is to be {}, the level of the scope, or left out", scope.level().lower());
            check.fail(&format!("roleBindings[{at}].roleScopeLevel"), text);
        }
        (role, group)
    }
}

impl AddBody {
    /// What it asks for, with the rights on the groups it names.
    pub(super) fn read(&self, actor: &Actor, scope: &Scope) -> Result<Adding> {
        let mut check = FieldCheck::new();
        check.count("emails", self.emails.len(), MOST_PEOPLE, "the addresses of who is to be added");
        for (at, email) in self.emails.iter().take(MOST_PEOPLE).enumerate() {
            check.email(&format!("emails[{at}]"), email);
        }
        let bindings = self.role_bindings.as_deref().unwrap_or_default();
        let groups: HashSet<&String> = self.user_groups.iter().flatten().collect();
        let made = self.emails.len().saturating_mul(bindings.len() + groups.len());
        let bindings = if made > MOST_MADE {
            let text = format!(
                "with roleBindings and userGroups come to {made} assignments and memberships; send fewer, {MOST_MADE} at most"
            );
            check.fail("emails", text);
            Vec::new()
        } else {
            bindings.iter().enumerate().map(|(at, body)| body.read(at, scope, &mut check)).collect()
        };
        check.done()?;
        let mut groups: Vec<&String> = groups.into_iter().collect();
        groups.sort();
        let granted = |id: &String| Ok((actor.grant_on(scope, Some(id))?, id.clone()));
        let groups = groups.into_iter().map(granted).collect::<Result<_>>()?;
        Ok(Adding { emails: self.people(), groups, bindings })
    }

    /// Each address once, whatever its case.
    fn people(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.emails.iter().filter(|email| seen.insert(scim::fold(email).into_owned())).cloned().collect()
    }

    /// The answer: what became of each address, as it was sent.
    pub(super) fn answer(&self, outcomes: &[Outcome]) -> Value {
        let people = self.people();
        let words: HashMap<_, _> =
            people.iter().zip(outcomes).map(|(email, outcome)| (scim::fold(email), word(*outcome))).collect();
        let told = |email: &String| (email.clone(), Value::from(words.get(&scim::fold(email)).copied()));
        let map: Map<String, Value> = self.emails.iter().map(told).collect();
        serde_json::json!({ "addUserResponseMap": map })
    }
}

/// `UserInfoUpdateDTO`, and what can be changed or must be so of `UserInfo`, which clients send as they were
/// answered it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "UserProfileBody")]
pub(super) struct ProfileBody {
    uuid: Option<String>,
    email: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    given_name: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    family_name: Option<String>,
}

impl From<ProfileBody> for Profile {
    /// An empty text says nothing: clients in Go send those.
    fn from(body: ProfileBody) -> Self {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            uuid: said(body.uuid),
            email: said(body.email),
            name: said(body.name),
            given_name: said(body.given_name),
            family_name: said(body.family_name),
        }
    }
}

/// The answer, for the OpenAPI document.
pub(super) fn added() -> Value {
    let words = openapi::word(&[word(Outcome::There), word(Outcome::Added)]);
    openapi::object(&[("addUserResponseMap", json!({"type": "object", "additionalProperties": words}))])
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::There => "USER_ALREADY_ADDED",
        Outcome::Added => "USER_ADDED_SUCCESSFULLY",
    }
}
