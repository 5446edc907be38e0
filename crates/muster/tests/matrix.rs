//! Who may do what: every managed role on every managed resource group of its level, and selectors by type
//! and by id, against every permission in every kind of scope. The snapshot is the whole authorization
//! matrix; a change of it is a change of what people may do, and is to be read as one.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use muster::access::managed::{RESOURCE_GROUPS, ROLES};
use muster::access::permissions::{CATALOGUE, Permission};
use muster::access::{Binding, Check, Rights, Selector, What};
use muster::kernel::ids::AccountId;
use muster::kernel::scope::{Level, Scope};

fn scope(account: &str, org: Option<&str>, project: Option<&str>) -> Scope {
    Scope::of(AccountId::new(account), org, project).expect("a scope")
}

/// Where a role of that level is bound in the matrix.
fn home(level: Level) -> Scope {
    match level {
        Level::Account => scope("a", None, None),
        Level::Organization => scope("a", Some("o"), None),
        Level::Project => scope("a", Some("o"), Some("p")),
    }
}

/// The places where each permission is asked for: the line of the home scope, siblings and a stranger.
fn places() -> [(&'static str, Scope); 6] {
    [
        ("account", scope("a", None, None)),
        ("org", scope("a", Some("o"), None)),
        ("project", scope("a", Some("o"), Some("p"))),
        ("other-org", scope("a", Some("o2"), None)),
        ("other-project", scope("a", Some("o"), Some("p2"))),
        ("other-account", scope("b", None, None)),
    ]
}

/// The places where the rights allow it; `*` marks the whole type, `=x` only the resource `x`.
fn allowed(rights: &Rights, permission: &'static Permission) -> String {
    let mut line = String::new();
    for (name, scope) in places() {
        let ask = |resource| rights.allow(Check { permission, scope: &scope, resource });
        let (whole, one, other) = (ask(None), ask(Some("x")), ask(Some("y")));
        assert!(!whole || one && other, "who may touch all may touch one: {} in {name}", permission.id);
        let mark = match (whole, one, other) {
            (true, ..) => "*",
            (false, true, false) => "=x",
            (false, false, false) => continue,
            odd => panic!("{} in {name}: {odd:?}", permission.id),
        };
        let _ = write!(line, " {name}{mark}");
    }
    line
}

fn section(out: &mut String, title: &str, binding: Binding) {
    let rights = Rights { bindings: vec![binding] };
    let _ = writeln!(out, "## {title}");
    for permission in CATALOGUE {
        let line = allowed(&rights, permission);
        if !line.is_empty() {
            let _ = writeln!(out, "{:<34}{:<15}{line}", permission.id, permission.resource_type);
        }
    }
    out.push('\n');
}

fn by_type(level: Level, children: bool, ids: Option<&[&str]>) -> Selector {
    let ids = ids.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<HashSet<_>>());
    let what = What::Types(HashMap::from([("USER".to_owned(), ids)]));
    Selector { scope: home(level), children, what: Arc::new(what) }
}

#[test]
fn every_managed_role_on_every_managed_resource_group() {
    let mut out = String::new();
    for role in ROLES {
        for group in RESOURCE_GROUPS.iter().filter(|group| group.levels.contains(&role.level)) {
            let selectors = vec![group.selector(&home(role.level))];
            let binding = Binding { permissions: role.permissions(), selectors };
            section(&mut out, &format!("{} on {}", role.id, group.id), binding);
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn selectors_by_type_and_by_id() {
    let admin = muster::access::managed::role("_account_admin").expect("a managed role").permissions();
    let mut out = String::new();
    for level in [Level::Account, Level::Organization] {
        for (title, selector) in [
            ("all users here", by_type(level, false, None)),
            ("all users here and below", by_type(level, true, None)),
            ("user x here", by_type(level, false, Some(&["x"]))),
            ("no user", by_type(level, false, Some(&[]))),
        ] {
            let binding = Binding { permissions: admin, selectors: vec![selector] };
            section(&mut out, &format!("every permission, {title} ({})", level.lower()), binding);
        }
    }
    insta::assert_snapshot!(out);
}
