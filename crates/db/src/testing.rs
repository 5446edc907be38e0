//! For test suites (feature `testing`): fresh databases on both engines. The PostgreSQL cluster is private to
//! the test binary, listens on loopback only, and goes away with the process, even when that is killed. Its
//! data is worthless: it runs without fsync.
#![allow(clippy::print_stderr, clippy::disallowed_methods)] // speaks to whoever runs tests; hears CI, PATH

use std::future::Future;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::{Db, Error, Options};

/// A running PostgreSQL cluster that belongs to this test process.
pub struct PgServer {
    port: u16,
    data: PathBuf,
}

impl PgServer {
    /// The URL of a database in the cluster; `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://muster@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// The port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its data directory, for tests that change its configuration.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// Creates an empty database and answers its URL.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn create_database(&self) -> String {
        let name = format!("t{}", next());
        self.admin(&format!("CREATE DATABASE {name}")).expect("the private cluster creates a database");
        self.url(&name)
    }

    /// Runs one statement as the superuser, outside a transaction.
    pub fn admin(&self, sql: &str) -> Result<(), Error> {
        self.admin_in("postgres", sql)
    }

    /// Like [`PgServer::admin`], in another database than `postgres`.
    pub fn admin_in(&self, database: &str, sql: &str) -> Result<(), Error> {
        crate::open::on_session(&self.url(database), |session| session.outside(sql))
    }
}

fn next() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The cluster of this test process, started by the first call; `None` where PostgreSQL is not installed.
///
/// # Panics
/// When PostgreSQL does not start, and when it is missing although `CI=true` is set.
pub fn postgres() -> Option<&'static PgServer> {
    static SERVER: OnceLock<Option<PgServer>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let Some(bin) = find_bin() else {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(
                !ci,
                "CI=true, but PostgreSQL (initdb, postgres) is neither on PATH nor in /usr/lib/postgresql"
            );
            eprintln!("PostgreSQL is not installed: its tests are not run");
            return None;
        };
        Some(start_cluster(&bin))
    });
    server.as_ref()
}

/// Options for one fresh SQLite file and, where PostgreSQL is installed, one fresh database there.
pub fn databases() -> Vec<Options> {
    let mut all = vec![sqlite()];
    all.extend(postgres().map(|server| small(Options::postgres(server.create_database()))));
    all
}

/// Options for one fresh SQLite file, removed when the test process ends.
///
/// # Panics
/// When the temporary directory cannot be written.
pub fn sqlite() -> Options {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let root = temp_dir("muster-sqlite");
        watch(&root, None);
        root
    });
    small(Options::sqlite(root.join(format!("{}/muster.db", next()))))
}

fn small(options: Options) -> Options {
    Options { readers: 2, lanes: 2, ..options }
}

/// Runs a test on a fresh database of each engine, in a runtime of its own.
///
/// # Panics
/// When the test does, after naming the engine; and when a database does not open.
pub fn each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(Db) -> Fut,
    Fut: Future<Output = ()>,
{
    for options in databases() {
        let db = Db::open(options).expect("a fresh database opens");
        eprintln!("{name} on {:?}", db.engine());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        runtime.block_on(async {
            test(db.clone()).await;
            db.close().await;
        });
    }
}

fn find_bin() -> Option<PathBuf> {
    let complete = |dir: &PathBuf| dir.join("initdb").is_file() && dir.join("postgres").is_file();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = debian.map(|entry| entry.path().join("bin")).filter(complete).collect();
    let number = |dir: &PathBuf| {
        let version = dir.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    };
    versions.sort_by_key(number);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(complete).or_else(|| versions.pop())
}

fn temp_dir(prefix: &str) -> PathBuf {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir().expect("the temporary directory is writable");
    dir.keep()
}

/// PostgreSQL refuses to run as root: then everything of it runs as its own user, or as nobody.
fn demotion(data: &Path) -> Vec<String> {
    let uid = id("-u", None).expect("`id -u` answers");
    if uid != "0" {
        return Vec::new();
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| id("-u", Some(user)).is_some());
    let user = user.expect("running as root: there is a user `postgres` or `nobody` to run PostgreSQL as");
    let group = id("-g", Some(user)).expect("the user has a group");
    let owner = format!("{user}:{group}");
    let owned = Command::new("chown").arg(&owner).arg(data).status().expect("chown runs");
    assert!(owned.success(), "chown {owner} of the data directory works");
    ["setpriv", "--reuid", user, "--regid", &group, "--clear-groups", "--"].map(str::to_owned).to_vec()
}

fn id(what: &str, user: Option<&str>) -> Option<String> {
    let output = Command::new("id").arg(what).args(user).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn start_cluster(bin: &Path) -> PgServer {
    let data = temp_dir("muster-pg");
    watch(&data, None);
    let prefix = demotion(&data);
    let initdb = bin.join("initdb").display().to_string();
    let mut words = prefix.clone();
    words.extend([initdb, "-D".into(), data.display().to_string()]);
    let rest = ["-U", "muster", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"];
    words.extend(rest.map(str::to_owned));
    let made = Command::new(&words[0]).args(&words[1..]).current_dir("/").output().expect("initdb runs");
    let problem = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "initdb makes a cluster: {problem}");
    // One user needs a password, for the tests of what a wrong one says.
    let rules = "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
    std::fs::write(data.join("pg_hba.conf"), rules).expect("the cluster's directory is writable");
    // In the file and not on the command line, so that a test may change them.
    let mut file = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"));
    let written = file.as_mut().map(|file| file.write_all(SETTINGS.as_bytes()));
    assert!(matches!(written, Ok(Ok(()))), "the cluster's configuration is writable");
    for _ in 0..3 {
        let port = free_port();
        let mut words = prefix.clone();
        words.push(bin.join("postgres").display().to_string());
        words.extend(["-D".into(), data.display().to_string(), "-p".into(), port.to_string()]);
        let server = PgServer { port, data: data.clone() };
        watch(&data, Some(&words));
        if wait_until_ready(&server) {
            return server;
        }
    }
    panic!("PostgreSQL does not start");
}

const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 32MB
fsync = off
full_page_writes = off
autovacuum = off
deadlock_timeout = 100ms
log_min_messages = panic
";

fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}

fn wait_until_ready(server: &PgServer) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if server.admin("SELECT 1").is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    false
}

/// A shell that runs `command` (if any) until this process ends, however it ends: then the pipe to the
/// shell's standard input closes, and it stops the command and removes the directory.
fn watch(dir: &Path, command: Option<&[String]>) {
    const SCRIPT: &str = r#"trap '' INT TERM HUP
        dir=$1; shift
        if [ $# -gt 0 ]; then "$@" >/dev/null 2>&1 & pid=$!; fi
        read -r _
        if [ -n "$pid" ]; then kill -QUIT "$pid"; wait "$pid"; fi
        rm -rf "$dir""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "watch"]).arg(dir).args(command.unwrap_or_default());
    shell.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = shell.spawn().expect("a shell starts");
    keep(child);
}

/// Holds the pipe open for as long as the process lives.
fn keep(child: Child) {
    static KEPT: std::sync::Mutex<Vec<Child>> = std::sync::Mutex::new(Vec::new());
    KEPT.lock().expect("nobody panics while holding this").push(child);
}
