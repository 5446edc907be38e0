//! Holds docs/api.md against the routes of the source: each one of the platform API stands in one row of a
//! table, and the page names no other, but under the heading that says they are not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use muster::access::permissions;

use super::platform_routes;

const NOT_THERE: &str = "### Routes that are not there";

/// The page without its examples, before and after the heading.
pub(super) fn page() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let text = fs::read_to_string(path).expect("docs/api.md is there");
    let prose: String = text.split("```").step_by(2).collect();
    let (before, after) = prose.split_once(NOT_THERE).expect("the page says which routes are not there");
    (before.to_owned(), after.to_owned())
}

/// What stands between backquotes.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// `METHOD /path`, without a query.
fn route(span: &str) -> Option<String> {
    let (method, path) = span.split_once(' ')?;
    let is_route = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method)
        && path.starts_with('/')
        && !path.contains(' ');
    is_route.then(|| span.split('?').next().unwrap_or(span).to_owned())
}

#[test]
fn every_route_stands_in_one_row_of_the_page() {
    let (text, _) = page();
    let mut rows: BTreeMap<String, usize> = platform_routes().into_iter().map(|name| (name, 0)).collect();
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        if let Some(name) = spans(row).next().and_then(route) {
            *rows.entry(name).or_default() += 1;
        }
    }
    let wrong: Vec<_> = rows.iter().filter(|(_, count)| **count != 1).collect();
    assert!(wrong.is_empty(), "rows of docs/api.md by route, where there should be one: {wrong:#?}");
}

#[test]
fn the_page_names_no_route_that_is_not_there() {
    let (known, (text, not_there)) = (platform_routes(), page());
    let missing: Vec<_> = spans(&text).filter_map(route).filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "docs/api.md names these, which are not there: {missing:#?}");
    let found: Vec<_> = spans(&not_there).filter_map(route).collect();
    assert!(found.len() > 10, "the list of missing routes is read");
    let here: Vec<_> = found.iter().filter(|name| known.contains(*name)).collect();
    assert!(here.is_empty(), "docs/api.md says that these are not there, and they are: {here:#?}");
}

#[test]
fn the_page_names_permissions_that_there_are() {
    let (text, _) = page();
    let unknown: Vec<_> =
        spans(&text).filter(|span| span.starts_with("core_") && permissions::find(span).is_none()).collect();
    assert!(unknown.is_empty(), "docs/api.md names these permissions, which are not there: {unknown:#?}");
}

/// (status, code) of each row of the table in web/error.rs.
fn codes() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/error.rs");
    let text = fs::read_to_string(path).expect("web/error.rs is there");
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix("Kind::")?.split_once(" => ("));
    rows.filter_map(|(_, rest)| {
        let (status, rest) = rest.split_once(", \"")?;
        Some((status.to_owned(), rest.split_once('"')?.0.to_owned()))
    })
    .collect()
}

#[test]
fn the_page_has_every_status_and_code() {
    let ((text, _), codes) = (page(), codes());
    assert!(codes.len() > 15, "the table of errors is read: {codes:?}");
    let has = |(status, code): &&(String, String)| {
        text.lines().filter(|line| line.contains(&format!("| `{code}` |"))).any(|row| {
            let cell = row.split('|').nth(1).unwrap_or_default();
            cell.split([' ', ',']).any(|word| word == status)
        })
    };
    let missing: Vec<_> = codes.iter().filter(|row| !has(row)).collect();
    assert!(missing.is_empty(), "docs/api.md has no row for these: {missing:?}");
}
