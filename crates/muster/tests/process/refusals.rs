//! What stops the program at its start: one line that says what to do, and an exit code that is not 0.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::{Ended, Server, data_dir, muster, postgres, run};

#[test]
fn a_port_in_use() {
    let (_folder, data) = data_dir();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has an address").to_string();
    let ended = run(["serve", "--data-dir", &data, "--listen", &address]);
    ended.refused(69, &[&address, "another program listens there", "--listen"]);
    let second = ["serve", "--data-dir", &data, "--listen", "127.0.0.1:0", "--management-listen", &address];
    let ended = run(second);
    ended.refused(69, &[&address, "another program listens there", "--management-listen"]);
    assert_eq!(ended.out, "", "nothing is said of serving");
    assert!(!Path::new(&data).exists(), "the data directory is not touched");
}

#[test]
fn an_address_that_is_not_here() {
    let (_folder, data) = data_dir();
    run(["serve", "--data-dir", &data, "--listen", "192.0.2.1:8080"])
        .refused(69, &["192.0.2.1:8080", "no such address"]);
    run(["serve", "--data-dir", &data, "--listen", "nowhere.invalid:8080"])
        .refused(69, &["nowhere.invalid:8080", "--listen"]);
}

#[test]
fn a_data_directory_that_is_a_file() {
    let (_folder, data) = data_dir();
    std::fs::write(&data, "not a directory").expect("the folder is writable");
    run(["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]).refused(69, &[&data, "--data-dir"]);
    run(["migrate", "--data-dir", &data]).refused(69, &[&data, "--data-dir"]);
    run(["check", "--data-dir", &data]).refused(69, &["no database", "--data-dir"]);
}

#[test]
fn a_data_directory_that_is_served_already() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data]);
    let second = || run(["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    second().refused(69, &[&format!("process {} serves {data} already", server.id()), "--data-dir"]);
    // Other commands work beside it.
    run(["bootstrap", "--data-dir", &data, "--account", "a", "--email", "a@b"]).fine();
    run(["check", "--data-dir", &data]).fine();
    run(["migrate", "--data-dir", &data]).fine();
    second().refused(69, &["already"]);
    // No file in it is the lock.
    std::fs::remove_file(format!("{data}/serve.lock")).expect("it is there");
    second().refused(69, &[&format!("another process serves {data} already")]);
    std::fs::rename(&data, format!("{data}.moved")).expect("the folder is writable");
    let moved = format!("{data}.moved");
    run(["serve", "--listen", "127.0.0.1:0", "--data-dir", &moved]).refused(69, &["already"]);
    std::fs::rename(&moved, &data).expect("the folder is writable");
    server.signal("KILL");
    assert_eq!(server.wait().0, None);
    let server = Server::start(&["--data-dir", &data]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
}

fn set_mode(path: &Path, bits: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).expect("own files can be changed");
}

/// Runs the program as a user without rights: to root every directory is open.
fn as_nobody(words: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("muster");
    std::fs::copy(env!("CARGO_BIN_EXE_muster"), &program).expect("the program can be copied");
    set_mode(folder.path(), 0o755);
    set_mode(&program, 0o755);
    let mut command = Command::new(&program);
    command.env_clear().current_dir("/").args(words);
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if id.stdout == b"0\n" {
        command.uid(65_534).gid(65_534);
    }
    Ended::of(&command.output().expect("the program starts"))
}

#[test]
fn a_data_directory_without_permission() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).expect("the folder is writable");
    set_mode(folder.path(), 0o755);
    for bits in [0o000, 0o555] {
        set_mode(&locked, bits);
        let data = locked.display().to_string();
        as_nobody(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data])
            .refused(69, &[&data, "--data-dir", "ermission denied"]);
        let below = locked.join("data").display().to_string();
        as_nobody(&["bootstrap", "--data-dir", &below, "--account", "a", "--email", "a@b"])
            .refused(69, &[&below, "--data-dir"]);
    }
    set_mode(&locked, 0o755);
}

#[test]
fn a_file_that_is_no_database() {
    let (_folder, data) = data_dir();
    std::fs::create_dir(&data).expect("the folder is writable");
    let letter = "this is a letter to my aunt and no database".repeat(40);
    std::fs::write(format!("{data}/muster.db"), letter).expect("the folder is writable");
    run(["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]).refused(69, &["not a database", &data]);
}

#[test]
fn a_database_newer_than_the_program() {
    let (_folder, data) = data_dir();
    run(["migrate", "--data-dir", &data]).fine();
    let file = rusqlite::Connection::open(format!("{data}/muster.db")).expect("the file is there");
    let newer =
        "INSERT INTO schema_steps (version, name, checksum, applied_at) VALUES (9999, 'later', 'x', 0)";
    file.execute(newer, []).expect("the step can be written");
    drop(file);
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["check"], &["setup-code"]] {
        let ended = muster().args(command).args(["--data-dir", &data]).output().expect("the program starts");
        Ended::of(&ended).refused(76, &["9999", "newer release"]);
    }
}

#[test]
fn a_wrong_url_of_postgres() {
    let wrong = "mysql://muster:geheim@localhost/muster";
    run(["serve", "--database", wrong])
        .refused(78, &["--database", "mysql://***@localhost/muster", "postgres://USER"]);
    for (url, word) in [
        ("postgres://localhost:notaport/x", "`port`"),
        (
            "postgres://h/x?sslmode=perhaps",
            "`sslmode`): write disable, prefer, require, verify-ca or verify-full",
        ),
        ("", "--database: the value is empty: write postgres://USER"),
        ("postgres://muster:g%C3%A4%heim@localhost/x", "% as %25"),
        ("postgres://muster:ge/heim@localhost/x", "/ as %2F"),
        ("postgres://muster:ge#heim@localhost/x", "# as %23"),
        ("postgres://h/x?pool_size=9", "unknown option `pool_size`"),
        ("postgres://muster:ge@heim@localhost/x", "%40"),
    ] {
        for command in ["config", "serve", "check"] {
            let ended = run([command, "--database", url]);
            ended.refused(78, &["--database", word]);
            assert!(!ended.err.contains("heim"), "{ended:?}");
        }
    }
}

#[test]
fn a_postgres_that_refuses_connections() {
    let free =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
    let url = format!("postgres://muster:geheim@127.0.0.1:{free}/muster?sslmode=disable");
    let ended = run(["serve", "--listen", "127.0.0.1:0", "--database", &url]);
    ended.refused(69, &["refused", "--database"]);
    assert!(!ended.err.contains("geheim"), "{ended:?}");
}

#[test]
fn a_postgres_database_that_is_missing() {
    let Some(url) = postgres() else { return };
    let (server, _) = url.rsplit_once('/').expect("a URL");
    let missing = format!("{server}/nowhere?sslmode=disable");
    run(["migrate", "--database", &missing]).refused(69, &["nowhere", "--database"]);
}

#[test]
fn a_postgres_without_tls_is_told_once_where_a_wire_lies_between() {
    let Some(url) = postgres() else { return };
    let url = url.replace("sslmode=disable", "sslmode=prefer");
    // Leads to the same server, and is no address of the loopback.
    for (host, told) in [("127.0.0.1", 0), ("0.0.0.0", 1)] {
        let server = Server::start(&["--database", &url.replace("127.0.0.1", host)]);
        server.signal("TERM");
        let (code, _, log) = server.wait();
        assert_eq!((code, log.matches("PostgreSQL without TLS").count()), (Some(0), told), "{host}: {log}");
        assert_eq!(log.matches("offers no TLS").count(), told, "{log}");
    }
}

#[test]
fn a_wrong_password_of_postgres() {
    let Some(server) = db::testing::postgres() else { return };
    // The cluster asks this user for a password; without one stored, every password is wrong.
    let made = server.admin("CREATE USER locked PASSWORD 'right'");
    assert!(made.as_ref().map_or_else(|error| error.to_string().contains("exists"), |()| true), "{made:?}");
    let port = server.port();
    let url = format!("postgres://locked:geheim@127.0.0.1:{port}/postgres?sslmode=disable");
    let ended = run(["migrate", "--database", &url]);
    ended.refused(69, &["password", "--database"]);
    assert!(!ended.err.contains("geheim"), "{ended:?}");
}
