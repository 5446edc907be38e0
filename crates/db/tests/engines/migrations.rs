//! The migration runner: forward only, restartable, one at a time.
use std::process::Command;

use db::testing::{databases, each_engine};
use db::{Db, Engine, Error, ErrorKind, MigrateReport, Migration, Options, Target};

const ONE: Migration = Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (id {text} NOT NULL PRIMARY KEY, n {int}, b {bool}, x {bytes}) {narrow};
          CREATE UNIQUE INDEX t_n ON t (n);",
};
const TWO: Migration =
    Migration { version: 2, name: "more", sql: "CREATE TABLE u (id {int} NOT NULL PRIMARY KEY);" };

#[test]
fn steps_apply_once_and_in_order() {
    each_engine("migrate", |db| async move {
        assert_eq!(db.pending(&[ONE]).unwrap(), 1);
        assert_eq!(db.migrate(&[ONE]).unwrap(), MigrateReport { applied: vec![1], version: 1 });
        assert_eq!(db.pending(&[ONE, TWO]).unwrap(), 1);
        assert_eq!(db.migrate(&[ONE, TWO]).unwrap(), MigrateReport { applied: vec![2], version: 2 });
        assert_eq!(db.migrate(&[ONE, TWO]).unwrap(), MigrateReport { applied: vec![], version: 2 });
        assert_eq!(db.pending(&[ONE, TWO]).unwrap(), 0);
        assert!(db.migrate(&[TWO, ONE]).unwrap_err().to_string().contains("rising order"));
    });
}

#[test]
fn a_statement_for_sqlite_is_kept_from_postgresql() {
    const OF_SQLITE: Migration = Migration {
        version: 2,
        name: "planner",
        sql: "{sqlite} ANALYZE sqlite_schema;\n{sqlite} INSERT INTO t (id) VALUES ('sqlite');
              INSERT INTO t (id) VALUES ('both');",
    };
    each_engine("words", |db| async move {
        db.migrate(&[ONE, OF_SQLITE]).unwrap();
        let ids: Vec<String> = db
            .house()
            .read("ids", |tx| tx.query("SELECT id FROM t ORDER BY id", &[], |row| row.get(0)))
            .await
            .unwrap();
        let expected: &[&str] = if db.engine() == Engine::Sqlite { &["both", "sqlite"] } else { &["both"] };
        assert_eq!(ids, expected);
    });
}

#[test]
fn a_newer_database_and_a_changed_step_are_refused() {
    each_engine("refuse", |db| async move {
        db.migrate(&[ONE, TWO]).unwrap();
        for error in [db.migrate(&[ONE]).unwrap_err(), db.pending(&[ONE]).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::NewerSchema);
            assert!(error.to_string().contains("version 2, this release knows 1"), "{error}");
        }
        let changed = Migration { sql: "CREATE TABLE t (id {int})", ..ONE };
        for error in [db.migrate(&[changed, TWO]).unwrap_err(), db.pending(&[changed, TWO]).unwrap_err()] {
            assert!(error.to_string().starts_with("migration 1 (init) was changed"), "{error}");
        }
    });
}

#[test]
fn a_step_that_fails_half_way_leaves_nothing_and_runs_again() {
    each_engine("half", |db| async move {
        let broken = Migration { sql: "CREATE TABLE u (id {int}); INSERT INTO nowhere VALUES (1);", ..TWO };
        let error = db.migrate(&[ONE, broken]).unwrap_err();
        assert!(error.to_string().starts_with("migration 2 (more) failed and left no trace"), "{error}");
        assert_eq!(db.pending(&[ONE, TWO]).unwrap(), 1, "the first step stays");
        assert_eq!(db.migrate(&[ONE, TWO]).unwrap().applied, [2]);
    });
}

#[test]
fn a_lease_left_behind_by_a_crash_runs_out() {
    each_engine("lease", |db| async move {
        db.migrate(&[ONE]).unwrap();
        let now = if db.engine() == Engine::Sqlite {
            "unixepoch() * 1000000"
        } else {
            "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
        };
        let leave =
            format!("INSERT INTO schema_lease (id, holder, expires_at) VALUES (1, 'gone', {now} + 1500000)");
        let start = std::time::Instant::now();
        db.write("leave", "", move |tx| tx.exec(&leave, &[])).await.unwrap();
        assert_eq!(db.migrate(&[ONE, TWO]).unwrap().applied, [2]);
        assert!(start.elapsed().as_millis() >= 400, "the lease was respected while it lasted");
    });
}

/// Set for a copy of this test binary that plays the second process.
const BESIDE: &str = "MUSTER_DB_TEST_MIGRATE";

fn steps() -> Vec<Migration> {
    // Slow enough to overlap, and failing when applied twice.
    (1..=8)
        .map(|version| Migration {
            version,
            name: "step",
            sql: Box::leak(format!("CREATE TABLE s{version} (id {{int}});").into_boxed_str()),
        })
        .collect()
}

#[test]
fn two_processes_at_once_apply_each_step_once() {
    if let Some(target) = std::env::var_os(BESIDE) {
        let target = target.into_string().unwrap();
        let options =
            if target.contains("://") { Options::postgres(target) } else { Options::sqlite(target) };
        let applied = Db::open(options).unwrap().migrate(&steps()).unwrap().applied.len();
        println!("applied={applied}.");
        return;
    }
    for options in databases() {
        let target = match &options.target {
            Target::Sqlite { path } => path.display().to_string(),
            Target::Postgres { url } => url.clone(),
        };
        let name = "engines::migrations::two_processes_at_once_apply_each_step_once";
        let children: Vec<_> = (0..3)
            .map(|_| {
                let mut child = Command::new(std::env::current_exe().unwrap());
                child.args(["--exact", name, "--nocapture"]).env(BESIDE, &target);
                child.stdout(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut applied = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{text}");
            let count = text.split("applied=").nth(1).and_then(|rest| rest.split('.').next());
            applied += count.and_then(|count| count.parse::<usize>().ok()).unwrap();
        }
        assert_eq!(applied, 8);
        let db = Db::open(options).unwrap();
        assert_eq!(db.pending(&steps()).unwrap(), 0);
    }
}

#[test]
fn a_running_server_follows_a_migration_of_another_process() {
    each_engine("follow", |db| async move {
        db.migrate(&[ONE]).unwrap();
        let all = |db: Db| async move {
            let rows: Result<Vec<Option<i64>>, Error> =
                db.house().read("all", |tx| tx.query("SELECT * FROM t", &[], |row| row.get(1))).await;
            rows.unwrap().len()
        };
        assert_eq!(all(db.clone()).await, 0);
        let widen = Migration { version: 2, name: "widen", sql: "ALTER TABLE t ADD COLUMN more {int};" };
        db.migrate(&[ONE, widen]).unwrap();
        db.write("w", "a", |tx| tx.exec("INSERT INTO t (id, n) VALUES ('1', 1)", &[])).await.unwrap();
        assert_eq!(all(db.clone()).await, 1);
    });
}
