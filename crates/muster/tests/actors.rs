//! The cast of the tests: a server on a fresh database with a fixed clock and a seeded rng, and clients with
//! roles. Requests go through the whole server; only the socket is left out (tests/process has that).

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use axum::body::Body;
use db::Db;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use muster::access::assignments::store::{self as assignments, AssignmentRow};
use muster::accounts::bootstrap::Bootstrap;
use muster::accounts::store as accounts;
use muster::app::{App, Limits, Switches};
use muster::directory::users::actions as users;
use muster::kernel::caller::{Caller, PrincipalKind};
use muster::kernel::ids::{AccountId, UserId};
use muster::kernel::rng::Rng;
use muster::kernel::scope::Scope;
use muster::kernel::time::{Clock, Timestamp};
use muster::migrations;
use muster::outbound::guard::Allow;
use muster::router::Front;
use muster::setup::actions::bootstrap;
use muster::web::listen::Answers as _;
use muster::web::proxies::Proxies;
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// One server on one database, with account `acme` and its administrator.
#[derive(Clone)]
pub struct World {
    pub app: App,
    pub account: AccountId,
    pub admin_id: String,
    admin_token: String,
    options: db::Options,
    front: Front,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body as JSON; `Null` when it is none.
    pub json: Value,
}

/// Holds the lane of account `acme` shut, so that its writes wait.
pub struct Gate {
    open: mpsc::Sender<()>,
    done: tokio::task::JoinHandle<Result<(), db::Error>>,
}

impl Gate {
    /// Returns once the lane is shut.
    pub async fn shut(world: &World) -> Self {
        let ((open, opened), (shut, is_shut)) = (mpsc::channel(), mpsc::channel());
        let (db, opened) = (world.app.db.clone(), Mutex::new(opened));
        let done = tokio::spawn(async move {
            db.write("test.gate", "acme", move |_| {
                shut.send(()).unwrap();
                let _ = opened.lock().unwrap().recv_timeout(Duration::from_secs(20));
                Ok(())
            })
            .await
        });
        while is_shut.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { open, done }
    }

    /// Opens the lane and waits until the gate's own write is done.
    pub async fn open(self) {
        self.open.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }
}

/// Someone who sends requests.
#[derive(Clone)]
pub struct Client {
    front: Front,
    headers: Vec<(String, String)>,
    peer: Option<SocketAddr>,
}

static SEEDS: AtomicU64 = AtomicU64::new(1);

fn allowing(places: &[&str]) -> Switches {
    let jwks_allow = Allow::of(places.iter().copied()).expect("the list can be read");
    Switches { webhook_allow: jwks_allow.clone(), jwks_allow, ..Switches::default() }
}

fn assemble(options: &db::Options, clock: Clock, switches: Switches) -> App {
    let db = Db::open(options.clone()).expect("the database opens");
    db.migrate(migrations::STEPS).expect("migrations run");
    // A second world on the same database must not repeat the first one's ids.
    let rng = Rng::seeded(SEEDS.fetch_add(1, Ordering::Relaxed));
    App::assemble(db, clock, rng, switches).expect("TLS starts")
}

impl World {
    pub async fn new(options: db::Options) -> Self {
        let app = assemble(&options, Clock::fixed(START), allowing(&["127.0.0.1"]));
        let account = AccountId::new("acme");
        let (token, user) = found(&app, &account, "admin@acme.example").await;
        let front = Front::new(app.clone());
        Self { app, account, admin_id: user, admin_token: token, options, front }
    }

    /// A second server on the same database, as a replica: own caches, same clock.
    pub fn replica(&self) -> Self {
        self.replica_allowing(&["127.0.0.1"])
    }

    /// A replica whose operator allows these places for key sets and webhooks.
    pub fn replica_allowing(&self, allow: &[&str]) -> Self {
        self.replica_with(allowing(allow))
    }

    /// A replica whose provisioning log has room for so many entries.
    pub fn replica_logging(&self, log_entries: usize) -> Self {
        let limits = Limits { log_entries, ..Limits::default() };
        self.replica_with(Switches { limits, ..allowing(&["127.0.0.1"]) })
    }

    /// A replica on which a request may take only so long.
    pub fn replica_hurried(&self, request_timeout: Duration) -> Self {
        let limits = Limits { request_timeout, ..Limits::default() };
        self.replica_with(Switches { limits, ..allowing(&["127.0.0.1"]) })
    }

    /// The same world at another time, with a token of the administrator that holds then.
    pub async fn at(mut self, secs: i64) -> Self {
        self.app.clock.advance_secs(secs - self.app.clock.now().secs());
        let first = Bootstrap::at_console(self.account.clone(), "admin@acme.example");
        let wish = Bootstrap { another_token: true, ..first };
        let made = bootstrap(&self.app.db, &self.app.rng, self.app.clock.now(), wish).await;
        made.expect("the token is made").token.expose().clone_into(&mut self.admin_token);
        self
    }

    /// A replica whose operator has the tokens of this file.
    pub fn replica_operated(&self, tokens: &Path) -> Self {
        self.replica_with(Switches { operator_tokens: Some(tokens.to_owned()), ..allowing(&["127.0.0.1"]) })
    }

    /// A replica whose operator wants no console.
    pub fn replica_without_console(&self) -> Self {
        self.replica_with(Switches { console: false, ..allowing(&["127.0.0.1"]) })
    }

    /// A replica that clients reach at this URL.
    pub fn replica_at(&self, public_url: &str) -> Self {
        self.replica_with(Switches { public_url: Some(public_url.to_owned()), ..allowing(&["127.0.0.1"]) })
    }

    /// A replica that believes these proxies.
    pub fn replica_behind(&self, proxies: &[&str]) -> Self {
        let trusted_proxies = Proxies::of(proxies.iter().copied()).expect("the list can be read");
        self.replica_with(Switches { trusted_proxies, ..allowing(&["127.0.0.1"]) })
    }

    fn replica_with(&self, switches: Switches) -> Self {
        let app = assemble(&self.options, self.app.clock.clone(), switches);
        let front = Front::new(app.clone());
        Self { app, front, ..self.clone() }
    }

    /// Another account on the same server; answers its administrator's token.
    pub async fn other_account(&self, id: &str) -> String {
        found(&self.app, &AccountId::new(id), &format!("admin@{id}.example")).await.0
    }

    /// A service account of the account with a token (SAT) and, where one is named, a role on everything.
    /// Made by the administrator through the API, as an operator would.
    pub async fn machine(&self, id: &str, role: Option<&str>) -> Client {
        self.holder(&self.machine_token(id, role).await)
    }

    /// As `machine`; answers the token text.
    pub async fn machine_token(&self, id: &str, role: Option<&str>) -> String {
        let admin = self.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": id, "name": id})).await.data();
        if let Some(role) = role {
            let binding = json!({
                "identifier": format!("binding_of_{id}"), "roleIdentifier": role,
                "resourceGroupIdentifier": "_all_resources_including_child_scopes",
                "principal": {"identifier": id, "type": "SERVICE_ACCOUNT", "scopeLevel": "account"}
            });
            admin.post("/authz/api/roleassignments", binding).await.data();
        }
        let token = json!({
            "identifier": "token", "name": "token", "apiKeyIdentifier": "key",
            "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": id
        });
        let text = admin.post("/ng/api/token", token).await.data();
        text.as_str().expect("the reply is the token text").to_owned()
    }

    /// One more active user of the account with a token (PAT); answers id and token text.
    pub async fn person(&self, email: &str) -> (String, String) {
        let id = UserId::new(self.app.rng.uuid());
        let (caller, user) = (Caller::console(self.account.clone()), id.clone());
        let document = json!({
            "userName": email, "active": true, "emails": [{"value": email, "type": "work", "primary": true}]
        });
        let write = move |tx: &mut db::Tx<'_>| users::insert(tx, &caller, &user, &document, false, START);
        let made = self.app.db.write("test.person", self.account.as_str(), write).await;
        made.expect("the user is written");
        let wish = Bootstrap { another_token: true, ..Bootstrap::at_console(self.account.clone(), email) };
        let made = bootstrap(&self.app.db, &self.app.rng, self.app.clock.now(), wish).await;
        (id.to_string(), made.expect("the token is made").token.expose().to_owned())
    }

    /// One more user with a token and these bindings: (role, resource group, scope).
    pub async fn bound(&self, email: &str, bindings: &[(&str, &str, Scope)]) -> Client {
        let (id, token) = self.person(email).await;
        let row = |n: usize, (role, group, scope): &(&str, &str, Scope)| AssignmentRow {
            scope: scope.clone(),
            identifier: format!("binding_{n}_of_{id}"),
            role: (*role).into(),
            resource_group: (*group).into(),
            principal_kind: PrincipalKind::User,
            principal_id: id.clone(),
            principal_level: None,
            disabled: false,
            managed: false,
        };
        let rows: Vec<_> = bindings.iter().enumerate().map(|(n, binding)| row(n, binding)).collect();
        let account = self.account.clone();
        let bind = move |tx: &mut db::Tx<'_>| {
            for row in &rows {
                assert!(assignments::insert(tx, row, START)?, "a fresh user has no binding yet");
            }
            accounts::bump_version(tx, &account)
        };
        self.app.db.write("test.bind", self.account.as_str(), bind).await.expect("the bindings are written");
        self.holder(&token)
    }

    /// Writes users `{prefix}0`, `{prefix}1`, … straight into the database; answers their ids.
    pub async fn crowd(&self, prefix: &str, count: usize) -> Vec<String> {
        let mut ids = Vec::with_capacity(count);
        for start in (0..count).step_by(500) {
            let new: Vec<(UserId, Value)> = (start..count.min(start + 500))
                .map(|n| (UserId::new(self.app.rng.uuid()), json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{prefix}{n}"), "active": true
                })))
                .collect();
            ids.extend(new.iter().map(|(id, _)| id.to_string()));
            let caller = Caller::console(self.account.clone());
            let write = move |tx: &mut db::Tx<'_>| {
                for (id, document) in &new {
                    users::insert(tx, &caller, id, document, true, START)?;
                }
                Ok::<_, muster::kernel::problem::Problem>(())
            };
            self.app
                .db
                .write("test.crowd", self.account.as_str(), write)
                .await
                .expect("the users are written");
        }
        ids
    }

    /// `ACTION TYPE id detail` of each audit row of the account, in no particular order.
    pub async fn trail(&self) -> Vec<String> {
        let select =
            "SELECT action, resource_type, resource_id, detail FROM audit_rows WHERE account_id = $1";
        let account = self.account.clone();
        let read = move |tx: &mut db::Tx<'_>| {
            tx.query(select, db::params![account.as_str()], |row| {
                let (action, kind, id): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let detail: Option<String> = row.get(3)?;
                Ok(format!("{action} {kind} {id} {}", detail.unwrap_or_default()).trim_end().to_owned())
            })
        };
        self.app
            .db
            .house()
            .read::<_, db::Error>("test.trail", read)
            .await
            .expect("the audit trail can be read")
    }

    /// How many rows the account has in a table.
    pub async fn count(&self, table: &'static str) -> i64 {
        let (select, account) =
            (format!("SELECT COUNT(*) FROM {table} WHERE account_id = $1"), self.account.clone());
        let read =
            move |tx: &mut db::Tx<'_>| tx.query_one(&select, db::params![account.as_str()], |row| row.get(0));
        self.app.db.house().read::<_, db::Error>("test.count", read).await.expect("the table can be counted")
    }

    /// (action, resource type, resource id) of each audit row of the account, by time and action.
    pub async fn audit(&self) -> Vec<(String, String, String)> {
        let account = self.account.clone();
        let select = "SELECT action, resource_type, resource_id FROM audit_rows WHERE account_id = $1 ORDER BY at, action, resource_id";
        let read = move |tx: &mut db::Tx<'_>| {
            tx.query(select, db::params![account.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        };
        self.app
            .db
            .house()
            .read::<_, db::Error>("test.audit", read)
            .await
            .expect("the audit trail can be read")
    }

    /// Nobody: no credential.
    pub fn anon(&self) -> Client {
        Client { front: self.front.clone(), headers: Vec::new(), peer: None }
    }

    /// The account's administrator on the platform API.
    pub fn admin(&self) -> Client {
        self.holder(&self.admin_token)
    }

    /// The administrator's token text.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Whoever holds this token, on the platform API (`x-api-key`).
    pub fn holder(&self, token: &str) -> Client {
        self.anon().with("x-api-key", token)
    }

    /// Whoever holds this token or JWT, on the SCIM API (`Authorization: Bearer`).
    pub fn bearer(&self, token: &str) -> Client {
        self.anon().with("authorization", &format!("Bearer {token}"))
    }
}

async fn found(app: &App, account: &AccountId, email: &str) -> (String, String) {
    let wish = Bootstrap::at_console(account.clone(), email);
    let made = bootstrap(&app.db, &app.rng, app.clock.now(), wish).await.expect("the account is made");
    (made.token.expose().to_owned(), made.id)
}

impl Client {
    /// The same client with one more header on each request.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.into(), value.into()));
        client
    }
    /// The same client at the other end of a connection from this address.
    pub fn from(&self, ip: &str) -> Self {
        let ip: IpAddr = ip.parse().expect("an address");
        Self { peer: Some((ip, 4_711).into()), ..self.clone() }
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }
    /// Any method, any body text. JSON unless the client has another `content-type`.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let is_there = body.is_some();
        let sent = Body::from(body.clone().unwrap_or_default());
        let answer = self.send_body(method.clone(), path, is_there, sent).await;
        crate::openapi::compare(&method, path, &self.headers, body.as_deref(), &answer);
        answer
    }
    /// A POST whose body comes so late that it is asked again who sends it.
    pub async fn post_late(&self, path: &str, body: Value) -> Answer {
        self.post_after(path, body, async {}).await
    }
    /// As `post_late`, with the body sent after something else was done.
    pub async fn post_after(
        &self,
        path: &str,
        body: Value,
        other: impl Future<Output = ()> + Send + 'static,
    ) -> Answer {
        self.text_after(path, body.to_string(), other).await
    }
    /// As `post_after`, with any text.
    pub async fn text_after(
        &self,
        path: &str,
        body: String,
        other: impl Future<Output = ()> + Send + 'static,
    ) -> Answer {
        let late = futures_util::stream::once(async move {
            other.await;
            tokio::time::sleep(Duration::from_millis(250)).await;
            Ok::<_, std::io::Error>(body)
        });
        Box::pin(self.send_body(Method::POST, path, true, Body::from_stream(late))).await
    }
    async fn send_body(&self, method: Method, path: &str, is_there: bool, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if is_there && !self.headers.iter().any(|(name, _)| name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body).expect("the request can be built");
        let response = self.front.answer(request, self.peer).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body can be read").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("answers are UTF-8");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
    }
}

impl Answer {
    /// Asserts the status; shows the body when it differs.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "body: {}", self.text);
        self
    }
    /// `data` of a platform reply.
    #[track_caller]
    pub fn data(self) -> Value {
        let answer = self.expect(200);
        assert_eq!(answer.json["status"], "SUCCESS", "body: {}", answer.text);
        answer.json["data"].clone()
    }
    /// Asserts status and `code` of a refused platform call; answers its message.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> String {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code, "body: {}", answer.text);
        assert_eq!(answer.json["correlationId"], answer.header("x-request-id"), "body: {}", answer.text);
        answer.json["message"].as_str().unwrap_or_default().to_owned()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }
}

/// Runs a test body on a fresh SQLite database.
pub fn on_sqlite<F: Future<Output = ()>>(body: impl FnOnce(World) -> F) {
    run(db::testing::sqlite(), body);
}

/// Runs a test body on a fresh PostgreSQL database; says so when there is no PostgreSQL (in CI that is a
/// failure).
pub fn on_postgres<F: Future<Output = ()>>(body: impl FnOnce(World) -> F) {
    if let Some(server) = db::testing::postgres() {
        run(db::Options::postgres(server.create_database()), body);
    }
}

fn run<F: Future<Output = ()>>(options: db::Options, body: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async { body(World::new(options).await).await });
}

/// Writes each test twice: `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! both_engines {
    ($($(#[doc = $doc:literal])* async fn $name:ident($($pattern:tt)+) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(#[doc = $doc])*
            async fn body($($pattern)+) $body
            #[test]
            fn sqlite() {
                $crate::actors::on_sqlite(body);
            }
            #[test]
            fn postgres() {
                $crate::actors::on_postgres(body);
            }
        }
    )+};
}
