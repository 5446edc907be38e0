//! Who brings the schema up to date, and what the program does until somebody has.

use super::{Ended, Server, data_dir, muster, postgres, run};

/// A role of the test cluster that may read and write what is there and change no schema; its URL.
fn plain_role(url: &str, name: &str) -> String {
    let server = db::testing::postgres().expect("there is a URL, so there is a server");
    let (_, rest) = url.rsplit_once('/').expect("a URL");
    let database = rest.split('?').next().expect("a name");
    for sql in [
        format!("CREATE ROLE {name} LOGIN"),
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".into(),
        format!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name}"
        ),
    ] {
        server.admin_in(database, &sql).expect("the superuser may");
    }
    url.replace("muster@", &format!("{name}@"))
}

#[test]
fn a_role_that_may_not_change_the_schema_starts_once_nothing_is_pending() {
    let Some(url) = postgres() else { return };
    let plain = plain_role(&url, "plain_start");
    let words = ["permission denied", "run `muster migrate` with a role that may", "grant"];
    run(["serve", "--listen", "127.0.0.1:0", "--database", &plain]).refused(69, &words);
    run(["migrate", "--database", &plain]).refused(69, &words);
    run(["migrate", "--database", &url]).fine();
    let server = Server::start(&["--database", &plain]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"), "{}", server.log());
    run(["bootstrap", "--database", &plain, "--account", "a", "--email", "a@b"]).fine();
    assert!(run(["migrate", "--database", &plain]).fine().contains("nothing was pending"));
}

fn off<const N: usize>(words: [&str; N]) -> Ended {
    let mut command = muster();
    Ended::of(&command.args(words).env("MUSTER_AUTO_MIGRATE", "off").output().expect("the program starts"))
}

fn commands_leave_the_schema_alone(store: [&str; 2]) {
    let words = ["auto-migrate is off", "run `muster migrate`"];
    off(["bootstrap", store[0], store[1], "--account", "a", "--email", "a@b"]).refused(76, &words);
    off(["setup-code", store[0], store[1]]).refused(76, &words);
    run(["check", store[0], store[1]]).refused(76, &["migrations are pending"]);
    off(["migrate", store[0], store[1]]).fine();
    off(["bootstrap", store[0], store[1], "--account", "a", "--email", "a@b"]).fine();
}

#[test]
fn without_auto_migrate_commands_leave_the_schema_alone_on_sqlite() {
    let (_folder, data) = data_dir();
    commands_leave_the_schema_alone(["--data-dir", &data]);
}

#[test]
fn without_auto_migrate_commands_leave_the_schema_alone_on_postgres() {
    if let Some(url) = postgres() {
        commands_leave_the_schema_alone(["--database", &url]);
    }
}
