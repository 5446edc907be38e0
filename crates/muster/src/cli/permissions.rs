//! The generated page of permissions, managed roles and managed resource groups.

use std::fmt::Write as _;

use crate::access::managed::{RESOURCE_GROUPS, ROLES};
use crate::access::permissions::{CATALOGUE, PermissionSet};
use crate::kernel::scope::Level;

/// docs/permissions.md.
pub fn page() -> String {
    let mut out = String::from(INTRODUCTION);
    catalogue(&mut out);
    roles(&mut out);
    resource_groups(&mut out);
    out
}

const INTRODUCTION: &str = "<!-- Generated from the catalogue by `make docs`; do not edit. -->\n\
# Permissions, managed roles, managed resource groups\n\n\
A role is a set of permissions, a resource group says on which things they hold, and a role assignment \
gives both to a\nuser, a group or a service account in a scope: see [api.md](api.md#roles). \
`GET /authz/api/permissions` answers the first\ntable, `GET /authz/api/roles` and \
`GET /authz/api/v2/resourcegroup` what comes with each scope.\n\n";

fn catalogue(out: &mut String) {
    out.push_str(
        "## Permissions\nThe levels are those of the roles that can have it; the resource type is what it is \
        asked of.\n\n| permission | name | levels | resource type |\n| --- | --- | --- | --- |\n",
    );
    for permission in CATALOGUE {
        let (id, name, of) = (permission.id, permission.name, permission.resource_type);
        let _ = writeln!(out, "| `{id}` | {name} | {} | `{of}` |", levels(permission.levels()));
    }
}

fn levels(levels: impl Iterator<Item = Level>) -> String {
    levels.map(Level::lower).collect::<Vec<_>>().join(", ")
}

fn roles(out: &mut String) {
    out.push_str(
        "\n## Managed roles\nThey are there in every scope of their level and cannot be changed.\n\n\
        | role | name | level | |\n| --- | --- | --- | --- |\n",
    );
    for role in ROLES {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {}: {} |",
            role.id,
            role.name,
            role.level.lower(),
            role.description,
            counted(role.permissions())
        );
    }
    for role in ROLES {
        let ids: Vec<_> =
            role.permissions().iter().map(|permission| format!("`{}`", permission.id)).collect();
        let _ = writeln!(out, "\n### {}\n{}", role.name, wrapped(&ids));
    }
}

fn counted(permissions: PermissionSet) -> String {
    match permissions.iter().count() {
        1 => "1 permission".to_owned(),
        count => format!("{count} permissions"),
    }
}

/// The words with commas between, in lines as long as those of other pages.
fn wrapped(words: &[String]) -> String {
    const LINE: usize = 125;
    let mut lines = vec![String::new()];
    for (at, word) in words.iter().enumerate() {
        let word = if at + 1 < words.len() { format!("{word},") } else { word.clone() };
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&word),
            Some(line) if line.len() + 1 + word.len() <= LINE => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.join("\n")
}

fn resource_groups(out: &mut String) {
    out.push_str(
        "\n## Managed resource groups\nThey hold every resource of the scope that they are used in, and cannot be \
        changed.\n\n| resource group | name | levels | scopes below | |\n| --- | --- | --- | --- | --- |\n",
    );
    for group in RESOURCE_GROUPS {
        let (id, name, about) = (group.id, group.name, group.description);
        let below = if group.children { "included" } else { "not included" };
        let _ = writeln!(
            out,
            "| `{id}` | {name} | {} | {below} | {about} |",
            levels(group.levels.iter().copied())
        );
    }
}
