//! TLS to PostgreSQL: verified when required, done without only when that is allowed.
use std::path::Path;
use std::process::Command;

use db::testing::{PgServer, postgres};
use db::{Db, Error, Options};

use super::postgres::give_up_a_read;

/// Set for a copy of this test binary that trusts the private CA.
const TRUSTING: &str = "MUSTER_DB_TEST_TLS_PORT";

fn openssl(dir: &Path, words: &str) {
    let done = Command::new("openssl").args(words.split(' ')).current_dir(dir).output();
    let done = done.expect("the openssl command is installed");
    assert!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Gives the server a certificate for `localhost`, of a CA nobody knows.
fn switch_tls_on(server: &PgServer) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let dir = server.data_dir();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(dir, &format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=ca"));
    let name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    openssl(dir, &format!("req {key} -keyout server.key -out server.csr {name}"));
    let ca = "-CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copyall";
    openssl(dir, &format!("x509 -req -in server.csr {ca} -out server.crt"));
    let owner = dir.metadata().unwrap();
    for file in ["server.key", "server.crt"] {
        chown(dir.join(file), Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(dir.join(file), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    server.admin("ALTER SYSTEM SET ssl = on").unwrap();
    server.admin("SELECT pg_reload_conf()").unwrap();
    // A session has the settings that the server had when it came.
    let is_on = "SELECT 1 / CAST(CAST(current_setting('ssl') AS BOOLEAN) AS INTEGER)";
    for _ in 0..1_000 {
        if server.admin(is_on).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("TLS is not on");
}

async fn is_encrypted(url: &str) -> Result<bool, Error> {
    let db = Db::open(Options { readers: 1, lanes: 1, ..Options::postgres(url) })?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let found = db.house().read("ssl", move |tx| tx.query_one(sql, &[], |row| row.get(0))).await;
    db.close().await;
    found
}

fn url(host: &str, port: u16, mode: &str) -> String {
    format!("postgres://muster@{host}:{port}/postgres?sslmode={mode}")
}

#[tokio::test]
async fn a_required_certificate_is_verified() {
    if let Some(port) = std::env::var_os(TRUSTING) {
        let port = port.into_string().unwrap().parse().unwrap();
        for mode in ["prefer", "require", "verify-full"] {
            assert!(is_encrypted(&url("localhost", port, mode)).await.unwrap(), "{mode}");
        }
        assert!(!is_encrypted(&url("localhost", port, "disable")).await.unwrap());
        let one = Options { readers: 1, lanes: 1, ..Options::postgres(url("localhost", port, "require")) };
        let (one, db) =
            (Db::open(one).unwrap(), Db::open(Options::postgres(url("localhost", port, "disable"))));
        give_up_a_read(&one, &db.unwrap()).await;
        // trusted, but for another name
        let error = is_encrypted(&url("127.0.0.1", port, "require")).await.unwrap_err().to_string();
        assert!(error.starts_with("TLS to PostgreSQL at 127.0.0.1"), "{error}");
        return;
    }
    let Some(server) = postgres() else { return };
    switch_tls_on(server);
    let port = server.port();
    let error = is_encrypted(&url("localhost", port, "require")).await.unwrap_err().to_string();
    assert!(error.starts_with("TLS to PostgreSQL at localhost"), "{error}");
    assert!(!is_encrypted(&url("localhost", port, "prefer")).await.unwrap());
    let name = "engines::tls::a_required_certificate_is_verified";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(TRUSTING, port.to_string())
        .env("SSL_CERT_FILE", server.data_dir().join("ca.crt"))
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}
