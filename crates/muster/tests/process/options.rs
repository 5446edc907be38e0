//! Options as the process takes them: environment, file, mistakes; and the small commands.

use super::{Ended, data_dir, muster, run};

#[test]
fn environment_and_file_reach_the_program() {
    let (folder, data) = data_dir();
    let file = folder.path().join("muster.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nidle-timeout = 45\n").expect("the folder is writable");
    let mut command = muster();
    command.arg("config").env("MUSTER_CONFIG", &file).env("MUSTER_DATA_DIR", &data);
    // A cluster's own variable about a service of that name is none of ours.
    command.env("MUSTER_LISTEN", "127.0.0.1:2").env("MUSTER_PORT", "tcp://10.0.0.1:80");
    let shown = Ended::of(&command.args(["--max-connections", "9"]).output().expect("it starts")).fine();
    for line in [
        "listen = \"127.0.0.1:2\" # MUSTER_LISTEN",
        "max-connections = \"9\" # flag",
        "log-level = \"info\" # default",
        &format!("data-dir = \"{data}\" # MUSTER_DATA_DIR"),
        &format!("idle-timeout = \"45\" # {}", file.display()),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
    }
    let shown = run(["config", "--database", "postgres://muster:geheim@h/d"]).fine();
    assert!(shown.contains("postgres://***@h/d") && !shown.contains("geheim"), "{shown}");
}

#[test]
fn a_variable_that_no_option_reads_is_told_of() {
    let (_folder, data) = data_dir();
    let told = "MUSTER_LISTNE is no option and has no effect: did you mean MUSTER_LISTEN?";
    let with = |words: &[&str]| {
        let mut command = muster();
        command.args(words).args(["--data-dir", &data]).env("MUSTER_LISTNE", "geheim");
        Ended::of(&command.output().expect("it starts"))
    };
    let shown = with(&["config"]).fine();
    assert!(shown.ends_with(&format!("\n# {told}\n")), "{shown}");
    let ended = with(&["migrate"]);
    assert_eq!((ended.code, ended.err), (0, format!("muster: warning: {told}\n")));
    // No address: the start ends by itself, after its warnings.
    let ended = with(&["serve", "--listen", "192.0.2.1:1"]);
    assert!(ended.err.contains(" WARN ") && ended.err.contains(told), "{ended:?}");
    assert!(!shown.contains("geheim") && !ended.err.contains("geheim"));
}

#[test]
fn tokens_of_the_operator_are_looked_at_before_anything_is_opened() {
    let (folder, data) = data_dir();
    let file = folder.path().join("tokens").display().to_string();
    let serve = || run(["serve", "--data-dir", &data, "--operator-token-file", &file]);
    serve().refused(78, &["--operator-token-file", &file, "cannot be read", "openssl rand -hex 32"]);
    let mut command = muster();
    command.args(["serve", "--data-dir", &data]).env("MUSTER_OPERATOR_TOKEN_FILE", &file);
    let ended = Ended::of(&command.output().expect("the program starts"));
    ended.refused(78, &["MUSTER_OPERATOR_TOKEN_FILE: ", &file]);
    let config = folder.path().join("muster.toml").display().to_string();
    std::fs::write(&config, format!("operator-token-file = {file:?}\n")).expect("the file is written");
    let ended = run(["serve", "--data-dir", &data, "--config", &config]);
    ended.refused(78, &[&format!("operator-token-file in {config}: "), &file]);
    std::fs::write(&file, "short").expect("the file is written");
    serve().refused(78, &["operator-token-file", "too short", "openssl rand -hex 32"]);
    assert!(!std::path::Path::new(&data).exists(), "nothing was made");
}

#[cfg(unix)]
#[test]
fn tokens_of_the_operator_that_others_may_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, data) = data_dir();
    let file = folder.path().join("tokens");
    std::fs::write(&file, "o".repeat(32)).expect("the file is written");
    let name = file.display().to_string();
    for (mode, warned) in [(0o644, true), (0o640, true), (0o602, true), (0o600, false), (0o400, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("its mode can be set");
        // No address: the start ends by itself, after its warnings.
        let words = ["serve", "--listen", "192.0.2.1:1", "--data-dir", &data, "--operator-token-file", &name];
        let ended = run(words);
        let told =
            ended.err.contains(" WARN ") && ended.err.contains(&name) && ended.err.contains("chmod 600");
        assert_eq!(told, warned, "{mode:o}: {ended:?}");
        assert!(ended.err.contains("192.0.2.1:1"), "{ended:?}");
    }
}

#[test]
fn mistakes_name_option_source_and_remedy() {
    run(["serve", "--listen", "8080"]).refused(78, &["--listen", "\"8080\"", "HOST:PORT"]);
    run(["serve", "--jwks-allow", "https://idp"]).refused(78, &["--jwks-allow", "\"https://idp\""]);
    run(["serve", "--public-url", "id.example.com"]).refused(78, &["--public-url", "https://id.example.com"]);
    run(["serve", "--trusted-proxies", "10.0.0.0/8,proxy"])
        .refused(78, &["--trusted-proxies", "\"proxy\"", "10.0.0.0/8"]);
    run(["serve", "--config", "/nowhere/muster.toml"])
        .refused(78, &["/nowhere/muster.toml", "correct --config"]);
    let mut command = muster();
    command.args(["migrate"]).env("MUSTER_CONFIG", "/nowhere/muster.toml");
    Ended::of(&command.output().expect("it starts"))
        .refused(78, &["/nowhere/muster.toml cannot be read", "correct MUSTER_CONFIG"]);
    run(["serve", "--data-dir", "x", "--database", "postgres://h/d"])
        .refused(78, &["--data-dir", "--database", "exclude each other"]);
    let mut command = muster();
    command.args(["migrate"]).env("MUSTER_LOG_LEVEL", "loud");
    Ended::of(&command.output().expect("it starts")).refused(78, &["MUSTER_LOG_LEVEL", "\"loud\""]);
    for words in [&["serve", "--nonsense"][..], &["nonsense"], &[]] {
        let ended = Ended::of(&muster().args(words).output().expect("it starts"));
        assert!(ended.code == 2 && ended.err.contains("Usage"), "{ended:?}");
    }
}

#[test]
fn where_the_data_is_said_to_be_is_named_as_it_was_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, config) = (folder.path().join("file"), folder.path().join("muster.toml"));
    std::fs::write(&file, "no directory").expect("the folder is writable");
    let below = file.join("data").display().to_string();
    std::fs::write(&config, format!("data-dir = {below:?}\n")).expect("the folder is writable");
    let in_file = format!("data-dir in {}", config.display());
    let config = config.display().to_string();
    let with = |word: &str, flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = muster();
        command.arg(word).args(flags).envs(variables.iter().copied()).current_dir(folder.path());
        Ended::of(&command.output().expect("it starts"))
    };
    let named = [("MUSTER_DATA_DIR", &*below)];
    for (flags, variables, source) in [
        (&["--data-dir", &*below][..], &[][..], "--data-dir"),
        (&[], &named, "MUSTER_DATA_DIR"),
        (&["--config", &*config], &[], &*in_file),
    ] {
        with("migrate", flags, variables).refused(69, &[&format!("(set by {source})")]);
        with("check", flags, variables).refused(69, &["no database in", &format!("correct {source},")]);
    }
    with("check", &[], &[]).refused(69, &["no database in", "correct --data-dir,"]);
    let closed = [("MUSTER_DATABASE", "postgres://muster@127.0.0.1:1/muster?connect_timeout=1")];
    with("check", &[], &closed).refused(69, &["(set by MUSTER_DATABASE)"]);
}

#[test]
fn help_and_version() {
    assert_eq!(run(["version"]).fine(), format!("muster {}\n", env!("CARGO_PKG_VERSION")));
    let help = run(["serve", "--help"]).fine();
    for part in ["--jwks-allow <HOST|CIDR>", "MUSTER_DRAIN_TIMEOUT", "[default: 127.0.0.1:8080]"] {
        assert!(help.contains(part), "{help}");
    }
}

#[test]
fn migrate_and_check() {
    let (_folder, data) = data_dir();
    run(["check", "--data-dir", &data]).refused(69, &["no database", "muster bootstrap"]);
    assert!(!std::path::Path::new(&data).exists(), "a check makes nothing");
    assert!(run(["migrate", "--data-dir", &data]).fine().contains("migrations were applied"));
    assert!(run(["migrate", "--data-dir", &data]).fine().contains("nothing was pending"));
    let said = run(["check", "--data-dir", &data]).fine();
    assert_eq!(said, "database: reachable\nschema: complete\nintegrity: ok\n");
}

#[test]
fn check_finds_a_missing_table() {
    let (_folder, data) = data_dir();
    run(["migrate", "--data-dir", &data]).fine();
    let file = rusqlite::Connection::open(format!("{data}/muster.db")).expect("the file is there");
    file.execute("DROP TABLE settings", []).expect("a table can be dropped");
    run(["check", "--data-dir", &data]).refused(76, &["the table settings cannot be read", "backup"]);
}

#[test]
fn check_finds_missing_steps() {
    let (_folder, data) = data_dir();
    run(["migrate", "--data-dir", &data]).fine();
    let file = rusqlite::Connection::open(format!("{data}/muster.db")).expect("the file is there");
    let last = "DELETE FROM schema_steps WHERE version = (SELECT max(version) FROM schema_steps)";
    file.execute(last, []).expect("a step can be forgotten");
    run(["check", "--data-dir", &data]).refused(76, &["1 migration", "muster migrate"]);
}

#[test]
fn check_finds_damage() {
    let (_folder, data) = data_dir();
    run(["bootstrap", "--data-dir", &data, "--account", "a", "--email", "a@b"]).fine();
    let file = rusqlite::Connection::open(format!("{data}/muster.db")).expect("the file is there");
    let ask = |sql: &str| file.query_row(sql, [], |row| row.get::<_, u32>(0)).expect("a number");
    file.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the log can be written back");
    let size = ask("PRAGMA page_size");
    // Whether webhooks can be read at all is looked for by theirs.
    let page = ask(
        "SELECT max(rootpage) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name <> 'webhooks'",
    );
    drop(file);
    // One page of an index is lost; nothing that opening looks at.
    let path = format!("{data}/muster.db");
    let mut bytes = std::fs::read(&path).expect("the file can be read");
    let (page, size) = (page as usize, size as usize);
    bytes[(page - 1) * size..page * size].fill(0);
    std::fs::write(&path, bytes).expect("the file can be written");
    run(["check", "--data-dir", &data]).refused(1, &["damaged", "restore a backup"]);
}
