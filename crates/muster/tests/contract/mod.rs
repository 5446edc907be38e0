//! The statements of the SCIM contract, each with the tests that are named by its id: `pa_12_…` tests PA-12.
//! A statement without a test is a failure, and so is a table in docs/scim.md that is not the one made here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const STATEMENTS: &str = include_str!("statements.txt");
const PAGE: &str = "docs/scim.md";
const BEGIN: &str = "<!-- Generated from the names of the tests by `make docs`; do not edit from here. -->\n";
const END: &str = "<!-- Edit from here. -->\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/muster lies two below").to_owned()
}

/// (id, what it says), in the order of the list.
fn statements() -> Vec<(&'static str, &'static str)> {
    STATEMENTS.lines().map(|line| line.split_once(" | ").expect("a line is `ID | words`")).collect()
}

/// The ids that a test's name holds: `p_1_pages_and_s_1_order` is P-1 and S-1.
fn ids(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let pairs = parts.windows(2).filter(|pair| number(pair[1]));
    pairs.map(|pair| format!("{}-{}", pair[0].to_uppercase(), pair[1])).collect()
}

/// Names of the functions in a source file.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.lines().map(str::trim_start).flat_map(|line| line.split("fn ").skip(1));
    starts.filter_map(|rest| rest.split_once('(').map(|(name, _)| name)).filter(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    })
}

/// Tests by id: (file, name).
fn tests() -> BTreeMap<String, Vec<(String, String)>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut folders: Vec<PathBuf> =
        ["crates/scim/src", "crates/scim/tests", "crates/muster/tests"].map(|f| root().join(f)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                let file = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                for name in functions(&text) {
                    for id in ids(name) {
                        found.entry(id).or_default().push((file.clone(), name.to_owned()));
                    }
                }
            }
        }
    }
    for tests in found.values_mut() {
        tests.sort();
        tests.dedup();
    }
    found
}

fn table() -> String {
    let tests = tests();
    let mut out = String::from(BEGIN);
    let list = statements();
    let _ = writeln!(
        out,
        "\n{} statements, each with the tests that are named by its id.\n\n| id | statement | tests |\n| --- | --- | --- |",
        list.len()
    );
    for (id, words) in list {
        let cell: Vec<String> = tests.get(id).into_iter().flatten().map(cell).collect();
        let _ = writeln!(out, "| {id} | {} | {} |", words.replace('|', "\\|"), cell.join("<br>"));
    }
    out.push('\n');
    out.push_str(END);
    out
}

fn cell((file, name): &(String, String)) -> String {
    let short = file.trim_start_matches("crates/").trim_end_matches(".rs");
    format!("`{name}` ({short})")
}

#[test]
fn every_statement_has_a_test() {
    let (tests, list) = (tests(), statements());
    let missing: Vec<&str> = list.iter().map(|(id, _)| *id).filter(|id| !tests.contains_key(*id)).collect();
    assert!(missing.is_empty(), "no test is named by these ids: {missing:?}");
    let mut once: Vec<&str> = list.iter().map(|(id, _)| *id).collect();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), list.len(), "an id stands twice");
}

#[test]
fn the_page_lists_them() {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).expect("the page can be read");
    let (head, rest) = page.split_once(BEGIN).expect("the page has the place of the table");
    let (_, tail) = rest.split_once(END).expect("the table has an end");
    let new = format!("{head}{}{tail}", table());
    // Only `make docs` sets it.
    #[allow(clippy::disallowed_methods)]
    let write = std::env::var_os("MUSTER_WRITE_DOCS").is_some();
    if write {
        fs::write(&path, &new).expect("the page can be written");
        return;
    }
    assert!(page == new, "{PAGE} does not list the tests as they are: run `make docs`");
}

#[test]
fn ids_are_read_from_names() {
    assert_eq!(ids("pa_12_pa_13_removing_members"), ["PA-12", "PA-13"]);
    assert_eq!(ids("a_page_of_2_and_s_1_order"), ["OF-2", "S-1"]);
    assert_eq!(
        functions("    async fn c_1_x(world: World) {\n fn a(); fn b();\n").collect::<Vec<_>>(),
        ["c_1_x", "a", "b"]
    );
}
