//! A private PostgreSQL for the measurement: fresh, on loopback, durable (fsync on), gone at the end.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::server::signalled;

/// A running cluster. Ends with this value.
#[derive(Debug)]
pub struct Cluster {
    postgres: Child,
    folder: tempfile::TempDir,
    /// URL of its database.
    pub url: String,
}

/// Everything that decides about durability is as PostgreSQL ships it.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nshared_buffers = 128MB\nlog_min_messages = panic\n";

impl Cluster {
    /// Makes and starts one.
    pub fn start() -> Result<Self> {
        let bin = programs().ok_or("there is no PostgreSQL: install it, or put its programs on PATH")?;
        let folder = tempfile::Builder::new().prefix("bench-pg").tempdir();
        let folder = folder.map_err(|error| format!("there is no temporary directory: {error}"))?;
        let prefix = demotion(folder.path())?;
        let data = folder.path().join("data");
        let mut initdb = demoted(&prefix, &bin.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", "muster", "-A", "trust", "-E", "UTF8", "--no-locale"]);
        run(&mut initdb, "initdb")?;
        let settings = data.join("postgresql.conf");
        let shipped = std::fs::read_to_string(&settings).unwrap_or_default();
        std::fs::write(&settings, shipped + "\n" + SETTINGS)
            .map_err(|error| format!("cannot write {}: {error}", settings.display()))?;
        let port = free_port()?.to_string();
        let mut postgres = demoted(&prefix, &bin.join("postgres"));
        postgres.arg("-D").arg(&data).args(["-p", &port]);
        let postgres = postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let postgres = postgres.map_err(|error| format!("PostgreSQL does not start: {error}"))?;
        let url = format!("postgres://muster@127.0.0.1:{port}/postgres");
        let cluster = Self { postgres, folder, url };
        let since = Instant::now();
        let mut ready = Command::new(bin.join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-U", "muster", "-p", &port]);
        while !ready.status().is_ok_and(|status| status.success()) {
            if since.elapsed() > Duration::from_secs(30) {
                return Err(format!("PostgreSQL in {} does not get ready", cluster.folder.path().display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Immediate shutdown: the data go away anyway.
        let _ = signalled(&self.postgres, "QUIT");
        let _ = self.postgres.wait();
    }
}

/// Where the programs are: on PATH, or where Debian keeps them.
fn programs() -> Option<PathBuf> {
    let complete =
        |dir: &PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|name| dir.join(name).is_file());
    #[expect(clippy::disallowed_methods, reason = "PATH is no option of the program")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|entry| entry.path().join("bin"));
    std::env::split_paths(&path).chain(debian).find(complete)
}

/// PostgreSQL refuses to run as root: then it runs as its own user, or as nobody.
fn demotion(folder: &Path) -> Result<Vec<String>> {
    let id = |words: &[&str]| {
        let output = Command::new("id").args(words).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if id(&["-u"]).as_deref() != Some("0") {
        return Ok(Vec::new());
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| id(&["-u", user]).is_some());
    let user = user.ok_or("running as root: there must be a user postgres or nobody to run PostgreSQL as")?;
    let group = id(&["-g", user]).ok_or("that user has no group")?;
    run(Command::new("chown").arg(format!("{user}:{group}")).arg(folder), "chown")?;
    Ok(["setpriv", "--reuid", user, "--regid", &group, "--clear-groups", "--"].map(str::to_owned).to_vec())
}

fn demoted(prefix: &[String], program: &Path) -> Command {
    let mut command = match prefix {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let output = command.output().map_err(|error| format!("{name} does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn free_port() -> Result<u16> {
    let failed = |error| format!("loopback has no free port: {error}");
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    Ok(socket.local_addr().map_err(failed)?.port())
}
