//! Reads the source and holds its shape: length of functions, handlers, files and lines, and who may know
//! whom. An exception has its reason beside it in this file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const FUNCTION_LINES: usize = 70;
const HANDLER_LINES: usize = 25;
const FILE_LINES: usize = 400;
const LINE_CHARS: usize = 110;

/// One source file, its path relative to the repository.
struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/muster lies two below").to_owned()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates"), root().join("bench")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|n| n != "target" && n != "node_modules" && n != "fuzz") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 30, "the walk finds the source");
    found
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/testing.rs") || self.path.contains("/testing/")
    }

    /// The routes of a slice, of either form.
    fn is_api(&self) -> bool {
        !self.is_test() && (self.path.ends_with("/api.rs") || self.path.ends_with("/v1.rs"))
    }

    /// The text before the file's unit tests.
    fn code(&self) -> &str {
        self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(&self.text)
    }

    /// Lines that are neither empty nor comment.
    fn code_lines(&self) -> usize {
        self.code().lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("//")).count()
    }

    /// (first line number, signature, lines) of each function.
    fn functions(&self) -> Vec<(usize, &str, usize)> {
        let lines: Vec<&str> = self.code().lines().collect();
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let trimmed = line.trim_start();
            let indent = line.len() - trimmed.len();
            if !is_function(trimmed) {
                continue;
            }
            let (closing, declared) = (" ".repeat(indent) + "}", " ".repeat(indent) + ")");
            let ends = |l: &&str| {
                // A body, a body of one line, or none at all (in a trait).
                *l == closing
                    || l.ends_with(" }") && l.trim_start() == trimmed
                    || l.ends_with(';') && (l.trim_start() == trimmed || l.starts_with(&declared))
            };
            if let Some(end) = lines[at..].iter().position(ends) {
                found.push((at + 1, trimmed, end + 1));
            }
        }
        found
    }
}

fn is_function(line: &str) -> bool {
    let mut words = line
        .split_whitespace()
        .skip_while(|w| w.starts_with("pub") || matches!(*w, "const" | "async" | "default"));
    words.next() == Some("fn")
}

#[track_caller]
fn clean(complaints: &str) {
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn functions_fit_on_a_screen() {
    let mut complaints = String::new();
    for source in sources() {
        for (line, signature, lines) in source.functions() {
            if lines > FUNCTION_LINES {
                let _ = writeln!(
                    complaints,
                    "{}:{line}: {lines} lines, at most {FUNCTION_LINES}: {signature}",
                    source.path
                );
            }
        }
    }
    clean(&complaints);
}

#[test]
fn handlers_are_short() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|s| s.is_api() || s.path.contains("/scim_api/")) {
        for (line, signature, lines) in source.functions() {
            if signature.contains("async fn") && lines > HANDLER_LINES {
                let _ = writeln!(
                    complaints,
                    "{}:{line}: {lines} lines, a handler has at most {HANDLER_LINES}: {signature}",
                    source.path
                );
            }
        }
    }
    clean(&complaints);
}

#[test]
fn files_are_rooms_not_halls() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|s| !s.is_test()) {
        let lines = source.code_lines();
        if lines > FILE_LINES {
            let _ = writeln!(complaints, "{}: {lines} lines of code, at most {FILE_LINES}", source.path);
        }
    }
    clean(&complaints);
}

#[test]
fn lines_fit() {
    let mut complaints = String::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            // Text in quotes may be long: breaking a message or a test body makes it harder to find.
            if line.chars().count() > LINE_CHARS && !line.contains('"') {
                let _ =
                    writeln!(complaints, "{}:{}: {} characters", source.path, at + 1, line.chars().count());
            }
        }
    }
    clean(&complaints);
}

/// (room, what its files must not mention, why).
const WALLS: &[(&str, &[&str], &str)] = &[
    (
        "crates/muster/src/kernel/",
        &["axum", "crate::web", "crate::access", "crate::app", "rusqlite"],
        "the kernel knows no room",
    ),
    (
        "crates/muster/src/web/",
        &["crate::settings", "crate::tokens", "crate::directory", "crate::trust", "crate::access"],
        "web is below the slices",
    ),
    ("crates/scim/src/", &["tokio", "axum", "std::net", "std::fs", "SystemTime"], "the SCIM core is pure"),
    ("crates/jose/src/", &["tokio", "axum", "std::net", "std::fs", "SystemTime"], "the JOSE core is pure"),
];

#[test]
fn walls_stand() {
    let mut complaints = String::new();
    for source in sources() {
        for (room, banned, why) in WALLS.iter().filter(|(room, ..)| source.path.starts_with(room)) {
            for (at, line) in
                source.code().lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//"))
            {
                if let Some(word) = banned.iter().find(|word| line.contains(**word)) {
                    let _ = writeln!(complaints, "{}:{}: {word} in {room}: {why}", source.path, at + 1);
                }
            }
        }
    }
    clean(&complaints);
}

#[test]
fn sql_lives_in_stores() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|s| s.path.starts_with("crates/muster/src/") && !s.is_test()) {
        let allowed = ["store.rs", "filter_sql.rs", "rights.rs", "verify.rs"];
        // rights and verify are the two reads of the door; each keeps its statements beside the logic they
        // serve.
        if allowed.iter().any(|name| source.path.ends_with(name)) || source.path.contains("/store/") {
            continue;
        }
        for (at, line) in source.code().lines().enumerate() {
            if ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE FROM"].iter().any(|sql| line.contains(sql)) {
                let _ = writeln!(complaints, "{}:{}: SQL outside of a store", source.path, at + 1);
            }
        }
    }
    clean(&complaints);
}

#[test]
fn only_doors_know_axum() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|s| s.path.starts_with("crates/muster/src/")) {
        let door = ["/web/", "/router/", "/scim_api/", "/cli/"].iter().any(|d| source.path.contains(d))
            || source.is_api()
            || source.path.contains("/api/");
        if !door && source.code().contains("axum::") {
            let _ = writeln!(complaints, "{}: axum outside of a door", source.path);
        }
    }
    clean(&complaints);
}

/// The words of a file that begin so, without what surrounds them.
fn words_of<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = &'t str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_name(c)).filter(move |word| word.starts_with(prefix))
}

#[test]
fn the_image_is_of_this_program() {
    use muster::config::options::{OPTIONS, find};
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("the file is there");
    let (image, compose, ignored) =
        (read("Dockerfile"), read("examples/compose/compose.yaml"), read(".dockerignore"));
    for name in words_of(&image, "MUSTER_").chain(words_of(&compose, "MUSTER_")) {
        assert!(OPTIONS.iter().any(|spec| spec.variable() == name), "{name} is no option");
    }
    let port = find("listen").and_then(|spec| spec.default.rsplit_once(':')).expect("a default").1;
    for place in
        [format!("EXPOSE {port}\n"), format!("MUSTER_LISTEN=0.0.0.0:{port}\n"), format!("/127.0.0.1/{port} ")]
    {
        assert!(image.contains(&place), "{place}");
    }
    assert_eq!(compose.matches(&format!(":{port}\"]")).count(), 2, "both replicas listen there");
    let (shared, services) = compose.split_once("\nservices:\n").expect("what they share comes first");
    let built = |text: &str| text.matches(" build: ").count();
    assert_eq!((built(shared), built(services)), (0, 1), "one of two that are built side by side fails");
    let binary = env!("CARGO_BIN_EXE_muster").rsplit('/').next().expect("a name");
    assert!(image.contains(&format!("/target/release/{binary} /usr/local/bin/{binary}\n")));
    assert!(image.contains(&format!("ENTRYPOINT [\"{binary}\"]\nCMD [\"serve\"]")));
    assert!(image.contains("GET /livez "), "a health answer that does not ask the database");
    let data = find("data-dir").expect("an option").default.trim_start_matches("./");
    assert!(
        image.contains("WORKDIR /var/lib/muster\n")
            && image.contains(&format!("VOLUME /var/lib/muster/{data}\n"))
    );
    let embedded = "COPY --from=console /src/console/dist console/dist\nRUN cargo build ";
    assert!(image.contains(embedded), "the console is there before the program is built");
    for needed in ["Cargo.toml", "Cargo.lock", ".cargo", "crates", "bench", "console", "openapi.json"] {
        assert!(!ignored.lines().any(|line| line == needed), "{needed} is built from");
        assert!(root().join(needed).exists(), "{needed}");
    }
}
