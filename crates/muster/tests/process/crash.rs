//! kill -9 at random moments under 32 writers: nothing that was acknowledged is lost, nothing is there by
//! half.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::{Server, data_dir, run};

const ROUNDS: u64 = 30;
const WRITERS: usize = 32;

/// What the server acknowledged, over all rounds.
#[derive(Default)]
struct Acknowledged {
    created: Mutex<BTreeSet<String>>,
    deactivated: Mutex<BTreeSet<String>>,
    members: Mutex<BTreeSet<String>>,
}

impl Acknowledged {
    fn count(&self) -> usize {
        self.created.lock().unwrap().len()
    }
}

/// One keep-alive connection of a SCIM client.
struct Wire {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Wire {
    fn open(address: SocketAddr, token: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        Some(Self { stream: BufReader::new(stream), token: token.to_owned() })
    }

    /// Status and body; `None` when the server is gone before the whole answer is there.
    fn call(&mut self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let body = body.to_string();
        let head = format!(
            "{method} /scim/v2/acme{path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n\
             content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).ok()?;
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok()?,
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).ok()?;
        Some((status, serde_json::from_slice(&answer).unwrap_or(Value::Null)))
    }
}

fn patch(operation: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

/// Creates users, deactivates some and puts some into the group, until the server is gone.
fn write_until_gone(wire: &mut Wire, group: &str, names: &AtomicU64, done: &Acknowledged) -> Option<()> {
    loop {
        let n = names.fetch_add(1, Ordering::Relaxed);
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("user{n}"),
            "emails": [{"value": format!("user{n}@acme.example"), "type": "work", "primary": true}]
        });
        let (status, body) = wire.call("POST", "/Users", &user)?;
        assert_eq!(status, 201, "{body}");
        let id = body["id"].as_str().expect("a user has an id").to_owned();
        done.created.lock().unwrap().insert(id.clone());
        if n.is_multiple_of(3) {
            let off = patch(&json!({"op": "replace", "path": "active", "value": false}));
            let (status, body) = wire.call("PATCH", &format!("/Users/{id}"), &off)?;
            assert_eq!(status, 200, "{body}");
            done.deactivated.lock().unwrap().insert(id.clone());
        }
        if n % 3 == 1 {
            let join = patch(&json!({"op": "add", "path": "members", "value": [{"value": id}]}));
            let path = format!("/Groups/{group}?excludedAttributes=members");
            let (status, body) = wire.call("PATCH", &path, &join)?;
            assert_eq!(status, 200, "{body}");
            done.members.lock().unwrap().insert(id);
        }
    }
}

fn column(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).expect("the statement fits the schema");
    let rows = statement.query_map([], |row| row.get(0)).expect("the query runs");
    rows.collect::<Result<_, _>>().expect("text")
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).expect("a number")
}

/// Everything acknowledged is there, and each change with its audit row and its event, no more and no less.
fn inspect(data: &str, done: &Acknowledged) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let db = Connection::open_with_flags(format!("{data}/muster.db"), flags).expect("the database opens");
    assert_eq!(column(&db, "PRAGMA integrity_check"), ["ok"]);
    let log = Connection::open(format!("{data}/provisioning-log.db")).expect("the log opens");
    assert_eq!(column(&log, "PRAGMA integrity_check"), ["ok"]);

    let of = |sql: &str| column(&db, sql).into_iter().collect::<BTreeSet<_>>();
    let users = of("SELECT user_id FROM users WHERE user_name LIKE 'user%'");
    let inactive = of("SELECT user_id FROM users WHERE active = 0");
    let members = of("SELECT member_id FROM group_members");
    for (kind, stored, wanted) in [
        ("user", &users, done.created.lock().unwrap()),
        ("deactivation", &inactive, done.deactivated.lock().unwrap()),
        ("member", &members, done.members.lock().unwrap()),
    ] {
        let lost: Vec<_> = wanted.difference(stored).collect();
        assert!(lost.is_empty(), "{} acknowledged, lost {kind}: {lost:?}", wanted.len());
    }

    let audited = "SELECT resource_id FROM audit_rows WHERE resource_type = 'USER' AND action = 'CREATE' \
        AND principal_kind <> 'SYSTEM'";
    let created = column(&db, audited);
    assert_eq!(created.len(), users.len(), "one audit row for each user");
    assert_eq!(created.into_iter().collect::<BTreeSet<_>>(), users);
    let created = column(
        &db,
        "SELECT resource_id FROM events WHERE kind = 'user.created' AND data NOT LIKE '%\"SYSTEM\"%'",
    );
    assert_eq!(created.len(), users.len(), "one event for each user");
    assert_eq!(created.into_iter().collect::<BTreeSet<_>>(), users);
    assert_eq!(of("SELECT resource_id FROM events WHERE kind = 'user.deactivated'"), inactive);
    let joined = number(&db, "SELECT count(*) FROM events WHERE kind = 'group.member_added'");
    assert_eq!(usize::try_from(joined).ok(), Some(members.len()), "one event for each member");

    let indexed = "SELECT count(DISTINCT resource_id) FROM directory_index WHERE attr = 'emails.value' \
        AND value_key LIKE 'user%'";
    assert_eq!(usize::try_from(number(&db, indexed)).ok(), Some(users.len()), "index rows for each user");
    let events = number(&db, "SELECT count(*) FROM events");
    assert_eq!(events, number(&db, "SELECT max(seq) FROM events"), "no hole in the numbers");
    assert_eq!(events, number(&db, "SELECT seq FROM accounts"), "the counter is where the events are");
}

/// What an operator does meanwhile: asks for readiness, and opens and closes the file with a program of his
/// own. The last one to close a database removes its write-ahead log, so the server's locks must tell that it
/// is not the last.
fn look_in(server: &Server, data: &str) {
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    let db = Connection::open(format!("{data}/muster.db")).expect("the database opens beside the server");
    assert!(number(&db, "SELECT count(*) FROM users") > 0);
    db.close().expect("it closes again");
    assert!(std::path::Path::new(&format!("{data}/muster.db-wal")).exists(), "the log is still the server's");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_by_half() {
    let (_folder, data) = data_dir();
    let words =
        ["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "root@acme.example", "--json"];
    let made: Value = serde_json::from_str(&run(words).fine()).expect("--json prints JSON");
    let token = made["token"].as_str().expect("a token").to_owned();
    let (done, names) = (Acknowledged::default(), AtomicU64::new(0));
    let group = {
        let server = Server::start(&["--data-dir", &data]);
        let mut wire = Wire::open(server.address, &token).expect("the server accepts");
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "All"});
        let (status, body) = wire.call("POST", "/Groups", &body).expect("an answer");
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().expect("a group has an id").to_owned()
    };
    for round in 0..ROUNDS {
        let server = Server::start(&["--data-dir", &data]);
        look_in(&server, &data);
        let (address, failed) = (server.address, AtomicBool::new(false));
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut wire = Wire::open(address, &token)?;
                        write_until_gone(&mut wire, &group, &names, &done)
                    })
                })
                .collect();
            // Once something was written, and then up to 400 ms more, another moment in each round.
            let (since, before) = (Instant::now(), done.count());
            while done.count() < before + 8 && since.elapsed() < Duration::from_mins(1) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(round * 7_919 % 400));
            server.signal("KILL");
            for writer in writers {
                failed.fetch_or(writer.join().is_err(), Ordering::Relaxed);
            }
        });
        assert!(!failed.into_inner(), "a writer was refused; see above");
        drop(server);
        inspect(&data, &done);
    }
    let created = done.created.into_inner().unwrap().len();
    println!("{ROUNDS} rounds, {created} acknowledged creations, none lost");
    assert!(created > 200, "the rounds wrote too little to show anything: {created}");
}
