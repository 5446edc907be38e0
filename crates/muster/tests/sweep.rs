//! Walks every route there is: as nobody, as one without any right, as the administrator of another
//! account. Each must be refused, and nothing may have changed. Routes are read from the source and from the
//! table of the SCIM surface, so that none can be forgotten.
//!
//! The lists of exceptions may only shrink: one that is no longer needed fails the test.

mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http::Method;
use muster::kernel::scope::Scope;
use muster::scim_api::routes::ROUTES;
use serde_json::{Value, json};

use crate::actors::{Answer, Client, World};
use crate::both_engines;
use crate::bound::{EVERYWHERE, hierarchy};

/// Routes that answer without a credential, each with its reason.
const OPEN: &[(&str, &str)] = &[
    ("GET /", "leads to the console and says nothing else"),
    ("GET /console", "leads to the console and says nothing else"),
    ("GET /console/", "the page asks for a token and has nothing to tell without one"),
    ("GET /console/{*file}", "the page's own files, alike on every server"),
    ("GET /livez", "a process supervisor has no credential"),
    ("GET /readyz", "a load balancer has no credential"),
    ("GET /v1/version", "says which version runs, as documented"),
    ("GET /openapi.json", "what a release answers is no secret"),
    ("POST /oauth2/token", "takes credentials in its form; checked by its own tests"),
    ("POST /oauth2/{accountIdentifier}/token", "takes credentials in its form; checked by its own tests"),
    (
        "GET /.well-known/oauth-authorization-server/oauth2/{accountIdentifier}",
        "says where the token endpoint is, for any account (RFC 8414 §3)",
    ),
    (
        "GET /.well-known/oauth-authorization-server/gateway/oauth2/{accountIdentifier}",
        "says where the token endpoint is, for any account (RFC 8414 §3)",
    ),
    ("POST /v1/setup", "comes before the first credential; the one-time code is checked by its own tests"),
];
/// SCIM discovery, open by RFC 7644 §4.
const DISCOVERY: &[&str] = &["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"];

/// Routes that answer one without any right, each with its reason.
const FOR_EVERYONE: &[(&str, &str)] = &[
    ("GET /authz/api/permissions", "the catalogue is no secret"),
    ("GET /authz/api/permissions/resourcetypes", "the catalogue is no secret"),
    ("GET /authz/api/resourcetype", "the catalogue is no secret"),
    ("GET /resourcegroup/api/resourcetype", "the catalogue is no secret"),
    ("POST /authz/api/acl", "answers for the asking principal only"),
    ("POST /authz/api/roleassignments/delete/batch", "answers 200 with a refusal for each id"),
    (
        "GET /ng/api/scim/account/{accountIdentifier}/Me",
        "only points at the user's own resource, which asks for the right",
    ),
    ("GET /ng/api/user/currentUser", "the asking principal himself"),
    ("PUT /ng/api/user", "the asking principal himself"),
    ("GET /ng/api/whoami", "the asking principal himself"),
    (
        "POST /ng/api/scim/account/{accountIdentifier}/Bulk",
        "answers 200 with a result for each operation, which asks for its own right",
    ),
];

/// Routes that turn one without any right away in words of their own: by which status, and why.
const TURNED_AWAY: &[(&str, u16, &str)] = &[
    (
        "POST /ng/api/token/validate",
        401,
        "says of the token in the body whether it holds, and asks for no right",
    ),
    ("GET /v1/accounts", 401, OPERATORS),
    ("POST /v1/accounts", 401, OPERATORS),
    ("GET /v1/accounts/{account}", 401, OPERATORS),
    ("PATCH /v1/accounts/{account}", 401, OPERATORS),
    ("DELETE /v1/accounts/{account}", 401, OPERATORS),
    ("POST /v1/accounts/{account}/tokens", 401, OPERATORS),
];
const OPERATORS: &str = "no credential of an account is the operator's";

const SCIM_BASE: &str = "/ng/api/scim/account/{accountIdentifier}";

/// Its routes are on the management address, which asks nobody for a credential.
const MANAGEMENT: &str = "router/metrics.rs";

/// Routes whose query is refused when it has a parameter that they do not know.
const STRICT: &[&str] = &["/ng/api/provisioning-log", "/ng/api/provisioning-log/export"];

/// One method of one path, as the source has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    path: String,
    method: String,
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
    fn is_scim(&self) -> bool {
        self.path.starts_with(SCIM_BASE)
    }
    fn is_discovery(&self) -> bool {
        self.path.strip_prefix(SCIM_BASE).is_some_and(|tail| DISCOVERY.iter().any(|d| tail.starts_with(d)))
    }
    fn is_open(&self) -> bool {
        OPEN.iter().any(|(name, _)| *name == self.name())
    }
    /// The path with every variable filled in, in account `acme`.
    fn target(&self) -> String {
        let mut path = self.path.replace("{accountIdentifier}", "acme");
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "some");
        }
        if self.is_scim() {
            return path;
        }
        let is_strict = STRICT.contains(&self.path.as_str());
        let owner = "&apiKeyType=SERVICE_ACCOUNT&apiKeyIdentifier=some&parentIdentifier=some&category=SCIM";
        format!("{path}?accountIdentifier=acme&account=acme{}", if is_strict { "" } else { owner })
    }
}

/// Every `.route(path, methods)` below `src`, and the table of the SCIM surface. A path in the source is a
/// literal, a `const` of the file, or a `format!` over one.
fn routes() -> BTreeSet<Route> {
    let mut found: BTreeSet<Route> = scim_routes().collect();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with(MANAGEMENT) {
                read_routes(&path, &mut found);
            }
        }
    }
    found
}

/// Method and path of each route of the platform API.
pub fn platform_routes() -> BTreeSet<String> {
    routes().iter().filter(|r| !r.is_scim()).map(Route::name).collect()
}

/// docs/api.md without its examples, up to the routes that are not there.
pub fn api_page() -> String {
    page::page().0
}

/// What the SCIM surface takes; any method stands for all, and `HEAD` is a `GET`.
fn scim_routes() -> impl Iterator<Item = Route> {
    ROUTES.iter().flat_map(|route| {
        let methods = if route.methods.is_empty() { "GET" } else { route.methods };
        methods
            .split(',')
            .filter(|method| *method != "HEAD")
            .map(|method| Route { path: format!("{SCIM_BASE}{}", route.path), method: method.to_owned() })
    })
}

fn read_routes(file: &Path, found: &mut BTreeSet<Route>) {
    let text = fs::read_to_string(file).expect("source is UTF-8");
    for call in text.split(".route(").skip(1) {
        let call = argument(call);
        let (path, methods) = call.split_once(',').unwrap_or_else(|| panic!("{}: {call}", file.display()));
        let path = literal(path.trim(), &text);
        // Both prefixes are walked anyway.
        let path = path.strip_prefix("/gateway").unwrap_or(&path).to_owned();
        for method in ["get", "post", "put", "patch", "delete"] {
            let named = methods.match_indices(&format!("{method}(")).any(|(at, _)| {
                let before = methods[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            });
            if named {
                found.insert(Route { path: path.clone(), method: method.to_uppercase() });
            }
        }
    }
}

/// The text up to the closing parenthesis of a call.
fn argument(text: &str) -> &str {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

fn literal(expression: &str, file: &str) -> String {
    let quoted = |text: &str| text.split('"').nth(1).map(str::to_owned);
    let constant = |name: &str| {
        let start = format!("const {name}: &str = ");
        let (_, rest) =
            file.split_once(&start).unwrap_or_else(|| panic!("the sweep cannot read the path {expression}"));
        quoted(rest).expect("a constant path is a literal")
    };
    if let Some(format) = expression.strip_prefix("&format!(") {
        let text = quoted(format).expect("a format string");
        let (name, rest) = text
            .strip_prefix('{')
            .and_then(|t| t.split_once('}'))
            .unwrap_or_else(|| panic!("the sweep cannot read the path {expression}"));
        return format!("{}{}", constant(name), rest.replace("{{", "{").replace("}}", "}"));
    }
    if expression.starts_with('"') { quoted(expression).expect("a literal") } else { constant(expression) }
}

/// Bodies that between them fit what any route reads, so that a refusal is about rights and not about the
/// body.
fn bodies(method: &str) -> Vec<Option<String>> {
    if matches!(method, "GET" | "DELETE") {
        return vec![None];
    }
    let principal = json!({"identifier": "some", "type": "SERVICE_ACCOUNT"});
    let thing = json!({
        "identifier": "some", "name": "some", "email": "some@acme.example", "orgIdentifier": "o1",
        "accountIdentifier": "acme", "roleIdentifier": "_account_admin", "disabled": false, "value": "true",
        "resourceGroupIdentifier": "_all_account_level_resources", "permissions": [], "updateType": "UPDATE",
        "apiKeyType": "SERVICE_ACCOUNT", "apiKeyIdentifier": "some", "parentIdentifier": "some",
        "emails": [], "userName": "some", "displayName": "some", "schemas": [], "principal": null,
        "userGroupIdsToAdd": ["some"],
    });
    let mut whole = thing.clone();
    for wrapper in ["organization", "project", "resourceGroup"] {
        whole[wrapper] = thing.clone();
    }
    let mut assignment = thing;
    assignment["principal"] = principal.clone();
    whole["roleAssignments"] = json!([assignment]);
    let mut bound = whole.clone();
    bound["principal"] = principal;
    let mut user =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "some@acme.example"});
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "some"});
    user["active"] = json!(true);
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": false}]});
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    let plain = json!({"identifier": "some", "role": "_account_admin", "org": {"name": "some"},
        "project": {"name": "some"}, "resource_group": "_all_account_level_resources",
        "principal": {"identifier": "some", "type": "SERVICE_ACCOUNT"}});
    let list = json!([bound.clone()]);
    [whole, bound, list, json!(["some"]), json!("some"), user, group, patch, search, plain]
        .into_iter()
        .map(|body| Some(body.to_string()))
        .collect()
}

async fn answers(client: &Client, route: &Route, prefix: &str) -> Vec<Answer> {
    let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
    let path = format!("{prefix}{}", route.target());
    let mut found = Vec::new();
    for body in bodies(&route.method) {
        found.push(client.send(method.clone(), &path, body).await);
    }
    found
}

fn is_success(answer: &Answer) -> bool {
    answer.status < 400
}

/// 403, or the 400 by which the platform API says that the caller may see nothing (§7). That something is not
/// there is no refusal: nobody would see that the permission is not asked for.
fn is_refusal(answer: &Answer) -> bool {
    answer.status == 403 || answer.json["code"] == "USER_NOT_AUTHORIZED"
}

/// Everything that a change would touch: the number of rows of every table, and the account's counters.
async fn footprint(world: &World) -> Vec<(String, i64)> {
    let tables: Vec<_> = muster::migrations::STEPS.iter().flat_map(db::Migration::tables).collect();
    let read = move |tx: &mut db::Tx<'_>| -> Result<Vec<(String, i64)>, db::Error> {
        let mut found = Vec::new();
        for table in &tables {
            let count = tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.get(0))?;
            found.push(((*table).to_owned(), count));
        }
        let counters = tx.query("SELECT version, seq FROM accounts ORDER BY account_id", &[], |row| {
            Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))
        })?;
        found.extend(
            counters.into_iter().flat_map(|(v, s)| [("version".to_owned(), v), ("seq".to_owned(), s)]),
        );
        Ok(found)
    };
    world.app.db.house().read("test.footprint", read).await.expect("the tables can be counted")
}

/// With the operator's routes, too, which are there where he has a token.
fn operated(world: &World) -> (tempfile::NamedTempFile, World) {
    let tokens = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(tokens.path(), "o".repeat(32)).expect("the file is written");
    let world = world.replica_operated(tokens.path());
    (tokens, world)
}

/// The client with its token on both surfaces.
fn on_both(world: &World, token: &str) -> Client {
    world.holder(token).with("authorization", &format!("Bearer {token}"))
}

#[test]
fn the_sweep_reads_every_route() {
    let found = routes();
    let names: Vec<String> = found.iter().map(Route::name).collect();
    for name in ["GET /authz/api/roles", "DELETE /authz/api/roles/{identifier}", "PUT /ng/api/settings"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:#?}");
    }
    for (name, _) in OPEN {
        assert!(names.iter().any(|n| n == name), "the exception {name} is no longer a route: remove it");
    }
    for path in STRICT
        .iter()
        .map(|path| (*path).to_owned())
        .chain(DISCOVERY.iter().map(|d| format!("{SCIM_BASE}{d}")))
    {
        assert!(
            found.iter().any(|route| route.path == path),
            "the exception {path} is no longer a route: remove it"
        );
    }
}

/// An organization and perhaps a project of it.
type Place = (&'static str, Option<&'static str>);

/// A scope that exists, and one that does not.
const PAIRS: &[(Place, Place)] = &[
    (("o1", None), ("o9", None)),
    (("o1", Some("p1")), ("o1", Some("p9"))),
    (("o1", Some("p1")), ("o9", Some("p1"))),
];

/// What each route answers in a scope, without what differs from request to request and with the scope's own
/// names put as `ORG` and `PROJECT`.
async fn told_in(client: &Client, route: &Route, (org, project): (&str, Option<&str>)) -> Vec<String> {
    let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
    // Organizations and projects themselves are asked for by their own names.
    let own = match route.path.as_str() {
        path if path.starts_with("/ng/api/organizations/{") => org,
        path if path.starts_with("/ng/api/projects/{") => project.unwrap_or("some"),
        _ => "some",
    };
    let below = project.map(|project| format!("&projectIdentifier={project}")).unwrap_or_default();
    // Those that are under `/v1` name the scope in their path.
    let mut placed = route.clone();
    placed.path = placed.path.replace("{org}", org).replace("{project}", project.unwrap_or("some"));
    let target = placed.target().replace("s/some", &format!("s/{own}"));
    let path = format!("{target}&orgIdentifier={org}{below}");
    let mut told = Vec::new();
    for body in bodies(&route.method) {
        let body = body.map(|body| body.replace("\"o1\"", &format!("\"{org}\"")));
        let mut answer = client.send(method.clone(), &path, body).await;
        if let Some(members) = answer.json.as_object_mut() {
            members.remove("correlationId");
        }
        let text = format!("{} {}", answer.status, answer.json).replace(org, "ORG");
        told.push(project.map_or(text.clone(), |project| text.replace(project, "PROJECT")));
    }
    told
}

both_engines! {
    async fn who_holds_nothing_in_a_scope_cannot_tell_whether_it_exists(world: World) {
        hierarchy(&world).await;
        let body = json!({"organization": {"identifier": "own", "name": "Own"}});
        world.admin().post("/ng/api/organizations?accountIdentifier=acme", body).await.expect(200);
        let own = Scope::of(world.account.clone(), Some("own"), None).expect("a scope");
        let bindings = [("_organization_admin", EVERYWHERE, own)];
        let elsewhere = world.bound("elsewhere@acme.example", &bindings).await;
        let (_, token) = world.person("powerless@acme.example").await;
        let mut complaints = Vec::new();
        for client in [on_both(&world, &token), elsewhere] {
            for route in routes().iter().filter(|r| !r.is_open() && !r.is_scim()) {
                for (there, missing) in PAIRS {
                    let there = told_in(&client, route, *there).await;
                    let missing = told_in(&client, route, *missing).await;
                    for (there, missing) in there.iter().zip(&missing).filter(|(a, b)| a != b) {
                        complaints.push(format!("{}:\n    {there:.300}\n    {missing:.300}", route.name()));
                    }
                }
            }
        }
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }

    async fn nobody_gets_in(world: World) {
        let (_tokens, world) = operated(&world);
        let (nobody, before) = (world.anon(), footprint(&world).await);
        for route in routes().iter().filter(|r| !r.is_open() && !r.is_discovery()) {
            for prefix in ["", "/gateway"] {
                for answer in answers(&nobody, route, prefix).await {
                    assert_eq!(answer.status, 401, "{prefix}{}: {}", route.name(), answer.text);
                }
            }
        }
        assert_eq!(footprint(&world).await, before);
    }

    async fn one_without_rights_gets_nothing(world: World) {
        let (_tokens, world) = operated(&world);
        hierarchy(&world).await;
        // So that `{endpoint}` leads somewhere.
        let own = json!({"name": "Some", "endpoint": "/some", "description": "Of its own",
            "schema": {"id": "urn:example:params:scim:schemas:some:1.0:Some", "name": "Some",
                "attributes": [{"name": "title", "type": "string"}]}});
        world.admin().post("/ng/api/scim-resource-types?accountIdentifier=acme", own).await.data();
        let (_, token) = world.person("powerless@acme.example").await;
        let (client, before) = (on_both(&world, &token), footprint(&world).await);
        let (mut used, mut complaints) = (BTreeSet::new(), Vec::new());
        for route in routes().iter().filter(|r| !r.is_open() && !r.is_discovery()) {
            let answers = answers(&client, route, "").await;
            let name = route.name();
            if FOR_EVERYONE.iter().any(|(exception, _)| *exception == name) {
                assert!(answers.iter().any(is_success), "the exception {name} is not needed: remove it");
                used.insert(name);
                continue;
            }
            if let Some(open) = answers.iter().find(|a| is_success(a)) {
                // A list of what he may see, which is nothing.
                let data = open.json.get("data").unwrap_or(&open.json);
                let harmless = data["empty"] == Value::Bool(true) || *data == json!([]);
                if !harmless {
                    complaints.push(format!("{name}: {} {}", open.status, open.text));
                }
                continue;
            }
            if let Some((_, status, _)) = TURNED_AWAY.iter().find(|(exception, ..)| *exception == name) {
                assert!(answers.iter().all(|answer| answer.status == *status), "{name}: {}", answers[0].text);
                assert!(!answers.iter().any(is_refusal), "the exception {name} is not needed: remove it");
                used.insert(name);
                continue;
            }
            if !answers.iter().any(is_refusal) {
                let texts: Vec<_> = answers.iter().map(|a| a.text.as_str()).collect();
                complaints.push(format!("{name}: no body reaches the refusal:\n    {}", texts.join("\n    ")));
            }
        }
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
        assert_eq!(footprint(&world).await, before);
        let turned_away = TURNED_AWAY.iter().map(|(name, ..)| name);
        for name in FOR_EVERYONE.iter().map(|(name, _)| name).chain(turned_away) {
            assert!(used.contains(*name), "the exception {name} is no longer a route: remove it");
        }
    }

    async fn the_administrator_of_another_account_gets_nothing(world: World) {
        let (_tokens, world) = operated(&world);
        let token = world.other_account("other").await;
        let (stranger, before) = (on_both(&world, &token), footprint(&world).await);
        for route in routes().iter().filter(|r| !r.is_open() && !r.is_discovery()) {
            for answer in answers(&stranger, route, "").await {
                assert_eq!(answer.status, 401, "{}: {}", route.name(), answer.text);
            }
        }
        assert_eq!(footprint(&world).await, before);
    }
}
