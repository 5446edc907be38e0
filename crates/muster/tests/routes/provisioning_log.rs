//! The provisioning log: what it tells, who may see it, and what never stands in it.

use std::collections::BTreeSet;
use std::future::Future as _;
use std::task::Poll;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use jose::Algorithm;
use jose::testing::TestKey;
use muster::kernel::ids::AccountId;
use muster::provisioning_log::model::Entry;
use muster::provisioning_log::{actions, block, purge};
use muster::router::Front;
use muster::web::listen::Answers as _;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::scim_discovery::machine;
use super::scim_groups::{GROUPS, group, made_group};
use super::scim_users::{USERS, made, patch, scim, user};
use crate::actors::{Client, Gate, START, World};
use crate::both_engines;
use crate::issuer::{Issuer, claims, trust};

pub const LOG: &str = "/ng/api/provisioning-log";
const BULK: &str = "/scim/v2/acme/Bulk";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Writes what waits, and answers the entries of a query, newest first.
pub async fn entries(world: &World, query: &str) -> Vec<Value> {
    actions::flush(&world.app).await.expect("the log is written");
    let data = world.admin().get(&format!("{LOG}?accountIdentifier=acme&{query}")).await.data();
    data["entries"].as_array().expect("a list").clone()
}

/// The newest entry, with its bodies.
pub async fn newest(world: &World) -> Value {
    let entries = entries(world, "limit=1").await;
    let id = entries[0]["id"].as_str().expect("an id").to_owned();
    world.admin().get(&format!("{LOG}/{id}?accountIdentifier=acme")).await.data()
}

async fn setting(world: &World, id: &str, value: &str) {
    let body = json!([{"identifier": id, "value": value, "allowOverrides": false, "updateType": "UPDATE"}]);
    let saved = world.admin().put("/ng/api/settings?accountIdentifier=acme", body).await.data();
    assert_eq!(saved[0]["updateStatus"], true, "{saved}");
}

/// Of the users that were created last, newest first.
async fn newest_names(world: &World) -> Vec<String> {
    let export = world.admin().get(&format!("{LOG}/export?accountIdentifier=acme")).await.expect(200);
    let name = |line: &str| {
        let entry: Value = serde_json::from_str(line).expect("a line is JSON");
        entry["request"]["body"]["userName"].as_str().unwrap_or_default().to_owned()
    };
    export.text.lines().map(name).collect()
}

fn paths(entries: &[Value]) -> Vec<String> {
    let tail = |entry: &Value| entry["path"].as_str().unwrap().rsplit("/acme").next().unwrap().to_owned();
    entries.iter().map(tail).collect()
}

/// Every text of every entry, as the database has it.
async fn stored(world: &World) -> String {
    actions::flush(&world.app).await.expect("the log is written");
    let read = move |tx: &mut db::Tx<'_>| {
        tx.query("SELECT packed FROM provisioning_log", &[], |row| {
            let texts = |entry: &Entry<'_>| format!("{entry:?}\n{:?}\n", entry.row(true));
            let whole =
                block::unpack(row.bytes_ref(0)?, |entries| entries.iter().map(texts).collect::<String>());
            Ok(whole.expect("what was packed"))
        })
    };
    let rows =
        world.app.log_db.house().read::<_, db::Error>("test.log", read).await.expect("the log can be read");
    rows.join("\n")
}

/// Sends a request that holds a marker; the log holds it nowhere.
async fn leaves_no_marker(world: &World, client: &Client, (method, path, body): (&str, &str, String)) {
    let body = (!body.is_empty()).then_some(body);
    client.send(Method::from_bytes(method.as_bytes()).unwrap(), path, body.clone()).await;
    let text = stored(world).await;
    assert!(!text.contains("MARKER"), "{method} {path} {body:?}\n{}", newest(world).await);
}

both_engines! {
    async fn an_entry_tells_the_whole_request(world: World) {
        let okta = machine(&world, "sync", "_scim_provisioner").await.with("user-agent", "Okta SCIM Client 1.0.0");
        let answer = okta.post(&format!("{USERS}?attributes=userName"), user("ada")).await.expect(201);
        let entry = newest(&world).await;
        assert_eq!(entry["requestId"], answer.header("x-request-id"));
        assert_eq!((&entry["method"], &entry["path"], &entry["query"]), (&json!("POST"), &json!(USERS), &json!("attributes=userName")));
        assert_eq!((&entry["status"], &entry["hint"], &entry["dryRun"]), (&json!(201), &Value::Null, &json!(false)));
        assert_eq!((entry["time"].as_str(), entry["timestamp"].as_i64()), (Some("2026-01-01T00:00:00.000Z"), Some(START.millis())));
        assert_eq!(entry["client"], json!({"name": "Okta", "userAgent": "Okta SCIM Client 1.0.0"}));
        assert_eq!(entry["principal"], json!({"type": "SERVICE_ACCOUNT", "identifier": "sync", "label": "sync", "name": "sync"}));
        assert_eq!(entry["credential"]["type"], "TOKEN");
        assert_eq!(entry["resourceId"], answer.json["id"]);
        assert_eq!((&entry["request"]["body"], &entry["response"]["body"]), (&user("ada"), &answer.json));
        assert_eq!((&entry["request"]["truncated"], &entry["request"]["bytes"]), (&json!(false), &json!(user("ada").to_string().len())));
        assert!(entry["durationMicros"].as_u64().unwrap() > 0);
        assert_eq!(entry["request"]["headers"]["content-type"], "application/json");
        assert!(entry["request"]["headers"].get("authorization").is_none());
    }

    async fn mended_quirks_and_unknown_members_are_told(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        scim.patch(&format!("{USERS}/{id}"), patch(json!([{"op": "Replace", "path": "active", "value": "False"}]))).await.expect(200);
        let quirks = newest(&world).await["quirks"].clone();
        let names: Vec<&str> = quirks.as_array().unwrap().iter().map(|q| q["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["operation-case", "string-boolean"], "{quirks}");
        scim.post(GROUPS, group("Crew", &[&id, "nobody"])).await.expect(201);
        assert_eq!(newest(&world).await["unknownMembers"], json!(["nobody"]));
        let manager = json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": id, "displayName": "x"}}});
        scim.patch(&format!("{USERS}/{id}"), patch(json!([{"op": "replace", "value": manager}]))).await.expect(200);
        let quirks = newest(&world).await["quirks"].clone();
        assert_eq!(quirks[0]["name"], "read-only-in-value", "{quirks}");
        assert!(quirks[0].to_string().contains("manager.displayName"), "{quirks}");
    }

    async fn a_bulk_request_with_a_failed_operation_is_a_failure(world: World) {
        let scim = scim(&world);
        let bulk = |names: &[&str]| {
            let operations: Vec<_> = names
                .iter()
                .map(|name| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": user(name)}))
                .collect();
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
        };
        scim.post(BULK, bulk(&["ada"])).await.expect(200);
        let all_well = newest(&world).await;
        assert_eq!((&all_well["failedOperations"], &all_well["hint"]), (&json!(0), &Value::Null));
        scim.post(BULK, bulk(&["ada", "bob", "ADA"])).await.expect(200);
        scim.get(USERS).await.expect(200);
        let failures = entries(&world, "failuresOnly=true").await;
        assert_eq!(failures.len(), 1, "{failures:#?}");
        let (entry, hint) = (&failures[0], failures[0]["hint"].as_str().unwrap_or_default());
        assert_eq!((&entry["failedOperations"], &entry["status"], &entry["path"]), (&json!(2), &json!(200), &json!(BULK)));
        assert!(hint.contains("bulkId"), "{hint}");
        assert_eq!(entries(&world, "failuresOnly=true&status=4xx").await, Vec::<Value>::new());
    }

    async fn lists_are_filtered_and_paged(world: World) {
        let (scim, curl) = (scim(&world), scim(&world).with("user-agent", "curl/8.5.0"));
        let ada = made(&scim, "ada").await;
        world.app.clock.advance_secs(60);
        curl.get(&format!("{USERS}/{ada}")).await.expect(200);
        let refused = curl.post(USERS, user("ADA")).await.expect(409);
        world.app.clock.advance_secs(60);
        scim.delete(&format!("{USERS}/nobody")).await.expect(404);
        scim.get(&format!("{GROUPS}?filter=displayName%20eq%20%22Crew%22")).await.expect(200);
        let all = ["/Groups", "/Users/nobody", "/Users", &format!("/Users/{ada}"), "/Users"].map(str::to_owned);
        assert_eq!(paths(&entries(&world, "").await), all);
        let request = refused.header("x-request-id");
        for (query, found) in [
            ("status=2xx", vec![0, 3, 4]), ("status=409", vec![2]), ("minStatus=404", vec![1, 2]), ("failuresOnly=true", vec![1, 2]),
            ("status=4xx&minStatus=405", vec![2]), ("method=delete", vec![1]), ("client=CURL", vec![2, 3]), ("client=unknown", vec![0, 1, 4]),
            ("principal=admin@ACME.example", vec![0, 1, 2, 3, 4]), (&format!("principal={}", world.admin_id), vec![0, 1, 2, 3, 4]),
            ("principal=nobody", vec![]), (&format!("requestId={request}"), vec![2]), ("path=/users/", vec![1, 3]), ("path=crew", vec![0]),
            (&format!("resourceId={ada}"), vec![3, 4]), ("since=2026-01-01T00:01:00Z", vec![0, 1, 2, 3]),
            (&format!("until={}", START.millis()), vec![4]), ("since=2026-01-01T00:01:00Z&until=2026-01-01T00:01:00Z", vec![2, 3]),
            ("since=2026-01-01T01:00:30+01:00&until=2026-01-01T00:01:30Z", vec![2, 3]),
            ("dryRun=true", vec![]), ("dryRun=false&method=DELETE", vec![1]),
        ] {
            let wanted: Vec<String> = found.iter().map(|at: &usize| all[*at].clone()).collect();
            assert_eq!(paths(&entries(&world, query).await), wanted, "{query}");
        }
        for query in ["status=huge", "status=7xx", "minStatus=1", "limit=0", "limit=101", "limit=x", "since=soon", "failuresOnly=maybe",
            "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "dryRun=1", "statuss=404", "failures=true"] {
            let text = world.admin().get(&format!("{LOG}?{query}")).await.refused(400, "INVALID_REQUEST");
            assert!(text.len() > 20, "{query}: {text}");
        }
    }

    async fn cursors_walk_the_log_while_it_grows(world: World) {
        let scim = scim(&world);
        for n in 0..7 {
            made(&scim, &format!("u{n}")).await;
        }
        let admin = world.admin();
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        actions::flush(&world.app).await.unwrap();
        loop {
            let data = admin.get(&format!("{LOG}?limit=2&method=POST{cursor}")).await.data();
            seen.extend(data["entries"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()));
            made(&scim, &format!("v{}", seen.len())).await;
            actions::flush(&world.app).await.unwrap();
            let Some(next) = data["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.len(), 7);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
        assert!(seen.is_sorted_by(|a, b| a > b), "newest first, in the order of the requests: {seen:?}");
        let next = admin.get(&format!("{LOG}?limit=2")).await.data()["nextCursor"].as_str().unwrap().to_owned();
        let mut broken = next.clone();
        broken.replace_range(0..1, if next.starts_with('A') { "B" } else { "A" });
        for query in [format!("limit=3&cursor={next}"), format!("limit=2&method=PUT&cursor={next}"), format!("limit=2&cursor={broken}"), "cursor=x".into()] {
            admin.get(&format!("{LOG}?{query}")).await.refused(400, "INVALID_REQUEST");
        }
        let stranger = world.holder(&world.other_account("globex").await);
        stranger.get(&format!("{LOG}?limit=2&cursor={next}")).await.refused(400, "INVALID_REQUEST");
    }

    async fn only_administrators_of_the_account_see_it(world: World) {
        made(&scim(&world), "ada").await;
        let id = newest(&world).await["id"].as_str().unwrap().to_owned();
        let stranger = world.holder(&world.other_account("globex").await);
        assert_eq!(stranger.get(LOG).await.data()["entries"], json!([]));
        stranger.get(&format!("{LOG}?accountIdentifier=acme")).await.expect(401);
        stranger.get(&format!("{LOG}/{id}")).await.refused(404, "ENTITY_NOT_FOUND");
        stranger.post(&format!("{LOG}/{id}/replay"), json!({})).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!(stranger.get(&format!("{LOG}/export")).await.expect(200).text, "");
        let sync = world.machine("sync", Some("_scim_provisioner")).await;
        for path in [LOG.to_owned(), format!("{LOG}/{id}"), format!("{LOG}/export")] {
            let text = sync.get(&path).await.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("core_audit_view"), "{text}");
            world.admin().get(&format!("/gateway{path}")).await.expect(200);
        }
        sync.post(&format!("{LOG}/{id}/replay"), json!({})).await.refused(403, "NG_ACCESS_DENIED");
        let viewer = world.machine("viewer", Some("_account_viewer")).await;
        viewer.get(&format!("{LOG}/{id}")).await.data();
        world.admin().get(&format!("{LOG}/nothing")).await.refused(404, "ENTITY_NOT_FOUND");
    }

    async fn an_export_has_every_entry_as_a_line(world: World) {
        let scim = scim(&world);
        for n in 0..60 {
            made(&scim, &format!("u{n}")).await;
        }
        scim.delete(&format!("{USERS}/nobody")).await.expect(404);
        let all = entries(&world, "limit=100").await;
        let answer = world.admin().get(&format!("{LOG}/export?accountIdentifier=acme")).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        let ids = |list: &[Value]| list.iter().map(|e| e["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&lines), ids(&all));
        assert_eq!(lines[1]["request"]["body"]["userName"], "u59");
        let failed = world.admin().get(&format!("{LOG}/export?failuresOnly=true")).await.expect(200);
        assert_eq!(failed.text.lines().count(), 1);
        world.admin().get(&format!("{LOG}/export?status=x")).await.refused(400, "INVALID_REQUEST");
    }

    async fn an_export_goes_on_only_for_who_may_still_read(world: World) {
        let scim = scim(&world);
        for n in 0..60 {
            made(&scim, &format!("u{n}")).await;
        }
        actions::flush(&world.app).await.expect("the log is written");
        let token = world.machine_token("viewer", Some("_account_viewer")).await;
        let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count() - 1;
        let begun = async || {
            let request = Request::get(format!("{LOG}/export?accountIdentifier=acme")).header("x-api-key", &token);
            let request = request.body(Body::empty()).expect("a request");
            let mut body = Front::new(world.app.clone()).answer(request, None).await.into_body();
            let first = body.frame().await.expect("a frame").expect("lines").into_data().expect("data");
            assert_eq!(lines(&first), 50);
            body
        };
        let (unrelated, ended) = (begun().await, begun().await);
        setting(&world, "scim_dialect", "okta").await;
        let rest = unrelated.collect().await.expect("he may still read").to_bytes();
        assert_eq!(lines(&rest), 10);
        world.admin().delete("/ng/api/serviceaccount/viewer?accountIdentifier=acme").await.expect(200);
        assert!(ended.collect().await.is_err(), "it breaks off, so that nobody takes it for the whole log");
    }

    async fn failures_have_a_hint(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let (one, xml) = (format!("{USERS}/{id}"), scim.with("content-type", "text/xml"));
        let powerless = world.bearer(&world.person("powerless@acme.example").await.1);
        let token = world.admin_token();
        let other = world.other_account("globex").await;
        let huge = json!({"userName": "x".repeat(5 << 20)}).to_string();
        let foreign = TestKey::shared(Algorithm::Es256).sign(&claims());
        let post = |body: Value| Some(body.to_string());
        let operations = |list: Value| Some(patch(list).to_string());
        for (client, method, path, body, status, word) in [
            (world.anon(), "GET", USERS, None, 401, "sent no token"),
            (world.bearer("pat.acme"), "GET", USERS, None, 401, "not whole"),
            (world.bearer(&other), "GET", USERS, None, 401, "another account"),
            (world.bearer("a.b.c"), "GET", USERS, None, 401, "no token of this server"),
            (world.bearer(&foreign), "GET", USERS, None, 401, "No trust of the account"),
            (world.bearer(token).with("muster-dry-run", "yes"), "GET", USERS, None, 400, "send true"),
            (powerless, "GET", USERS, None, 403, "_scim_provisioner"),
            (scim.clone(), "GET", "/scim/v2/acme/Nothing", None, 404, "SCIM base URL"),
            (scim.clone(), "GET", "/scim/v2/acme/Users/nobody", None, 404, "match its users again"),
            (scim.clone(), "PATCH", USERS, post(json!({})), 405, "Allow header"),
            (scim.clone(), "GET", "/scim/v2/acme/Users?filter=x%20zz", None, 400, "matching attribute"),
            (scim.clone(), "POST", USERS, Some("{".into()), 400, "no JSON"),
            (scim.clone(), "POST", USERS, post(json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]})), 400, "missing or of the wrong type"),
            (scim.clone(), "PATCH", &one, operations(json!([{"op": "add", "path": "x y", "value": 1}])), 400, "target attribute"),
            (scim.clone(), "PATCH", &one, operations(json!([{"op": "replace", "path": "emails[type eq \"none\"]", "value": {"value": "a"}}])), 400, "matches no value"),
            (scim.clone(), "PATCH", &one, operations(json!([{"op": "replace", "path": "id", "value": "7"}])), 400, "once only"),
            (scim.clone(), "GET", "/scim/v2/acme/Users?cursor=x", None, 400, "empty cursor"),
            (scim.clone(), "POST", USERS, post(user("ADA")), 409, "taken by another"),
            (scim.with("if-match", "W/\"77\""), "DELETE", &one, None, 412, "changed in between"),
            (scim.clone(), "POST", USERS, Some(huge), 413, "too large"),
            (xml, "POST", USERS, Some("<a/>".into()), 415, "application/scim+json"),
            (machine(&world, "sync", "_scim_provisioner").await, "GET", "/scim/v2/acme/Me", None, 501, "/Me"),
        ] {
            let answer = client.send(Method::from_bytes(method.as_bytes()).unwrap(), path, body).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
            let entry = newest(&world).await;
            assert_eq!(entry["status"], status, "{entry}");
            let hint = entry["hint"].as_str().unwrap_or_default();
            assert!(hint.contains(word), "{method} {path}: {hint:?} lacks {word:?}");
            assert!(!entry.to_string().contains(token), "{entry}");
        }
    }

    async fn a_refused_jwt_is_told_with_its_reason(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let key = TestKey::shared(Algorithm::Rs256);
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            key.sign(&claims)
        };
        for (token, reason, word) in [
            (with("team", json!("other")), "rule_mismatch", "another value"),
            (with("exp", json!(START.secs() - 900)), "token_expired", "expired"),
            (TestKey::generate(Algorithm::Rs256, "unheard-of").sign(&claims()), "kid_unknown", "does not publish"),
        ] {
            world.bearer(&token).get(USERS).await.expect(401);
            let entry = newest(&world).await;
            assert_eq!(entry["reason"], reason, "{entry}");
            assert!(entry["hint"].as_str().unwrap().contains(word), "{entry}");
            assert_eq!(entry["credential"]["credential"], "JWT");
            assert_eq!((&entry["credential"]["issuer"], &entry["credential"]["verified"]), (&json!("https://issuer.example"), &json!(false)));
            assert_eq!(entry["principal"], Value::Null);
            assert!(!stored(&world).await.contains(&token[..40]), "no part of the token is kept");
        }
        world.bearer(&key.sign(&claims())).get(USERS).await.expect(200);
        let entry = newest(&world).await;
        assert_eq!((&entry["credential"]["type"], &entry["principal"]["identifier"]), (&json!("JWT"), &json!("sync")));
        assert_eq!(entry["credential"]["subject"], "sync");
    }

    async fn a_token_that_came_in_another_way_is_not_taken_for_a_bad_one(world: World) {
        let token = world.admin_token().to_owned();
        for (header, value) in [
            ("authorization", token.clone()),
            ("authorization", format!("Basic {token}")),
            ("authorization", "Bearer".into()),
            ("x-api-key", token.clone()),
        ] {
            let answer = world.anon().with(header, &value).get(USERS).await.expect(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"muster\"");
            let entry = newest(&world).await;
            assert_eq!(entry["reason"], "no_bearer", "{header}: {entry}");
            let hint = entry["hint"].as_str().unwrap();
            assert!(hint.contains("write `Bearer ` before the token") && hint.contains("x-api-key"), "{hint}");
        }
        let twice = world.bearer(&format!("bearer {token}")).get(USERS).await.expect(401);
        assert!(twice.text.contains("says Bearer twice"), "{}", twice.text);
        let entry = newest(&world).await;
        assert_eq!(entry["reason"], "bearer_twice", "{entry}");
        assert!(entry["hint"].as_str().unwrap().contains("take the word out"), "{entry}");
        assert!(!stored(&world).await.contains(&token[..24]), "no part of the token is kept");
        world.anon().get(USERS).await.expect(401);
        let entry = newest(&world).await;
        assert_eq!(entry["reason"], Value::Null, "{entry}");
        assert!(entry["hint"].as_str().unwrap().contains("sent no token"), "{entry}");
    }

    async fn a_missing_permission_says_which_role_to_bind(world: World) {
        let sat = world.machine_token("sync", None).await;
        let answer = world.bearer(&sat).get(USERS).await.expect(403);
        let (detail, remedy) = (answer.json["detail"].as_str().unwrap(), "such as _scim_provisioner, to it at the account");
        assert!(detail.contains("Missing permission core_user_view on user: bind a role") && detail.contains(remedy), "{detail}");
        let made = json!({"identifier": "other", "name": "Other", "email": "other@service.acme.example", "accountIdentifier": "acme"});
        let answer = world.holder(&sat).post("/ng/api/serviceaccount?accountIdentifier=acme", made).await;
        let text = answer.refused(403, "NG_ACCESS_DENIED");
        assert!(text.ends_with("Missing permission core_serviceaccount_edit on serviceaccount"), "{text}");
    }

    async fn a_secret_beside_its_name_in_a_path_never_stands_in_it(world: World) {
        let scim = scim(&world);
        let one = format!("{USERS}/{}", made(&scim, "ada").await);
        for (method, path, body) in [
            ("PATCH", one.as_str(), patch(json!([{"op": "replace", "path": "password MARKER-secret", "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "path": "password.MARKER-secret", "value": "t"}])).to_string()),
            ("POST", BULK, json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
                {"method": "DELETE", "path": "/Users/password:MARKER-secret"},
                {"method": "DELETE", "path": "/Users/password MARKER"},
            ]}).to_string()),
            ("GET", "/scim/v2/acme/Users?attributes=password%20MARKER-secret", String::new()),
            ("GET", "/scim/v2/acme/Users?sortBy=password.MARKER-secret", String::new()),
            ("GET", "/scim/v2/acme/Users/password.MARKER-secret", String::new()),
            ("POST", "/scim/v2/acme/Users/.search", json!({"schemas": [], "attributes": ["title", "password MARKER"]}).to_string()),
        ] {
            leaves_no_marker(&world, &scim, (method, path, body)).await;
        }
        scim.get(&format!("{USERS}?attributes=userName,password")).await.expect(200);
        assert_eq!(newest(&world).await["query"], "attributes=userName%2Cpassword");
    }

    async fn secrets_never_stand_in_it(world: World) {
        let scim = scim(&world).with("cookie", "MARKER").with("x-api-key", "MARKER").with("proxy-authorization", "MARKER");
        let id = made(&scim, "ada").await;
        let one = format!("{USERS}/{id}");
        let with = |name: &str, value: Value| {
            let mut user = user("bob");
            user[name] = value;
            user
        };
        for (method, path, body) in [
            ("POST", USERS, with("password", json!("MARKER")).to_string()),
            ("POST", USERS, with("PassWord", json!("MARKER")).to_string()),
            ("POST", USERS, with("password", json!({"value": ["MARKER"]})).to_string()),
            ("POST", USERS, with("password", json!("MARKER".repeat(300))).to_string()),
            ("POST", USERS, with("passwords", json!([{"x": "MARKER"}])).to_string()),
            ("POST", USERS, with(ENTERPRISE, json!({"password": "MARKER", "access_token": "MARKER"})).to_string()),
            ("POST", USERS, with("urn:ietf:params:scim:schemas:core:2.0:User:password", json!("MARKER")).to_string()),
            ("POST", USERS, with("active", json!("no")).to_string().replace("\"no\"", "\"no\", \"pass\\u0077ord\": \"MARKER\"")),
            ("PUT", &one, with("password", json!("MARKER")).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "path": "password", "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "path": " password", "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "path": "password ", "values": ["MARKER"]}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "target": "password", "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "Replace", "path": "PASSWORD", "value": {"value": "MARKER"}}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "add", "value": {"password": "MARKER", "title": "t"}}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "add", "path": "password[value eq \"MARKER\"]", "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "add", "value": {"password[value eq \"MARKER\"]": "MARKER"}}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:password": "MARKER"}}])).to_string()),
            ("POST", BULK, json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": with("password", json!("MARKER"))},
                {"method": "PATCH", "path": format!("/Users/{id}"), "data": patch(json!([{"op": "add", "path": "password", "value": "MARKER"}]))},
                {"method": "POST", "path": "/Users?token=MARKER", "bulkId": "b", "data": {"password": 7, "userName": ["MARKER"], "secret": "MARKER"}},
            ]}).to_string().replace("[\"MARKER\"]", "7")),
            ("POST", USERS, "{\"password\": \"MARKER\"".into()),
            ("POST", USERS, "{\"password\": \"MARKER\", \"password\": \"MARKER\"}".into()),
            ("POST", USERS, "password=MARKER".into()),
            ("POST", USERS, "\u{0}MARKER".into()),
            ("GET", "/scim/v2/acme/Users?filter=password%20eq%20%22MARKER%22", String::new()),
            ("GET", "/scim/v2/acme/Users?filter=passWord%20sw%20%22MARKER", String::new()),
            ("GET", "/scim/v2/acme/Users?filter=password+eq+MARKER", String::new()),
            ("GET", "/scim/v2/acme/Users/password=MARKER", String::new()),
            ("GET", "/scim/v2/acme/Users?access_token=MARKER&count=1", String::new()),
            ("GET", "/scim/v2/acme/Users?x=MARKER", String::new()),
            ("POST", "/scim/v2/acme/Users/.search", json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "filter": "password eq \"MARKER\""}).to_string()),
            ("POST", "/scim/v2/acme/Users/.search", json!({"schemas": [], "filter": "password eq MARKER"}).to_string()),
            ("POST", "/scim/v2/acme/Users/.search", json!({"schemas": [], "filter": "userName eq \"a\"", "token": "MARKER"}).to_string()),
        ] {
            leaves_no_marker(&world, &scim, (method, path, body)).await;
        }
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJNQVJLRVIifQ.MARKER";
        for client in [world.bearer(jwt), world.bearer("pat.acme.x.MARKER"), world.anon().with("authorization", "Basic MARKER"),
            world.bearer("MARKER"), scim.with("user-agent", jwt).with("if-match", jwt)] {
            client.get(&format!("{USERS}/{jwt}?filter={jwt}")).await;
        }
        let text = stored(&world).await;
        assert!(!text.contains("MARKER") && !text.contains(&world.admin_token()[20..]), "{text}");
        assert!(text.contains("[redacted]") && entries(&world, "").await.len() > 30);
    }

    async fn a_secret_in_another_dress_never_stands_in_it(world: World) {
        let (scim, token) = (scim(&world), world.admin_token());
        let one = format!("{USERS}/{}", made(&scim, "ada").await);
        for (method, path, body) in [
            ("PATCH", one.as_str(), patch(json!([{"op": "replace", "path": "password", "value": "MARKER", "old": "MARKER", "from": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "path": ["password"], "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "path": {"name": "password"}, "value": "MARKER"}])).to_string()),
            ("PATCH", &one, patch(json!([{"op": "replace", "attributeName": "password", "value": "MARKER"}])).to_string()),
            ("POST", USERS, json!({"userName": "bob", "urn:x:y": {"otp": "MARKER", "userPin": "MARKER", "pass": "MARKER"}}).to_string()),
        ] {
            leaves_no_marker(&world, &scim, (method, path, body)).await;
        }
        scim.post(USERS, json!({"userName": "key", (token): "x"})).await.expect(201);
        scim.patch(&one, patch(json!([{"op": "add", "value": {"title": "t", (token): 1}}]))).await.expect(200);
        scim.send(Method::from_bytes(token.as_bytes()).unwrap(), USERS, None).await.expect(405);
        let entry = &entries(&world, "limit=1&method=Other").await[0];
        assert_eq!((&entry["method"], &entry["path"], &entry["status"]), (&json!("other"), &json!(USERS), &json!(405)));
        let spaced = "eyAiYWxnIjogIkVTMjU2IiB9.ewogICJzdWIiOiAieCIKfQ.MARKER-MARKER";
        scim.post(USERS, json!({"userName": "spaced", "externalId": spaced})).await.expect(201);
        scim.get(&format!("{USERS}/{spaced}?filter=userName%20eq%20%22{spaced}%22")).await;
        let text = stored(&world).await;
        assert!(!text.contains("MARKER") && !text.contains(&token[20..]), "{text}");
    }

    async fn what_came_malformed_leaves_its_length_and_the_place(world: World) {
        scim(&world).send(Method::POST, USERS, Some("{\"userName\":\n \"ada\" x}".into())).await.expect(400);
        let entry = newest(&world).await;
        assert_eq!(entry["request"]["body"], Value::Null);
        assert_eq!((&entry["request"]["bytes"], &entry["request"]["truncated"]), (&json!(22), &json!(true)));
        assert_eq!(entry["request"]["note"], "left out: not JSON, at line 2 column 8");
        assert_eq!((&entry["scimType"], &entry["response"]["body"]["detail"]), (&json!("invalidSyntax"), &json!("[redacted]")));
    }

    async fn long_bodies_are_cut(world: World) {
        let mut long = user("ada");
        long["emails"] = (0..150).map(|n| json!({"value": format!("{n}{}@example.com", "é".repeat(60))})).collect();
        scim(&world).post(USERS, long).await.expect(201);
        let entry = newest(&world).await;
        for part in ["request", "response"] {
            let kept = entry[part]["body"].as_str().expect("what is cut is text").len();
            assert!((16_383..=16_384).contains(&kept), "{part}: {kept}");
            assert_eq!(entry[part]["truncated"], true);
        }
        let list: Vec<_> = (0..9_000).map(|n| json!({"value": format!("none-{n}-{}", "x".repeat(30))})).collect();
        scim(&world).post(GROUPS, json!({"displayName": "Huge", "members": list})).await.expect(201);
        let entry = newest(&world).await;
        assert_eq!((&entry["request"]["body"], &entry["request"]["truncated"]), (&Value::Null, &json!(true)));
        assert!(entry["request"]["bytes"].as_u64().unwrap() > 400_000);
    }

    async fn a_setting_switches_it_off_and_on_at_once(world: World) {
        let (scim, count) = (scim(&world), |world: World| async move { entries(&world, "").await.len() });
        made(&scim, "a").await;
        assert_eq!(count(world.clone()).await, 1);
        setting(&world, "provisioning_log_enabled", "false").await;
        made(&scim, "b").await;
        world.anon().get(USERS).await.expect(401);
        world.anon().get("/scim/v2/acme/Schemas").await.expect(200);
        assert_eq!(count(world.clone()).await, 1);
        made(&scim, "c").await;
        assert_eq!((world.app.provisioning_log.waiting(), count(world.clone()).await), (0, 1), "it is not even noted");
        let replica = world.replica();
        setting(&replica, "provisioning_log_enabled", "true").await;
        made(&scim, "d").await;
        world.anon().get(USERS).await.expect(401);
        assert_eq!(count(world.clone()).await, 3);
    }

    async fn two_replicas_write_one_log(world: World) {
        let replica = world.replica();
        for (at, server) in [&world, &replica, &world, &world, &replica].into_iter().enumerate() {
            made(&scim(server), &format!("u{at}")).await;
            world.app.clock.advance_secs(2);
        }
        actions::flush(&replica.app).await.unwrap();
        actions::flush(&world.app).await.unwrap();
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let data = world.admin().get(&format!("{LOG}?limit=2{cursor}")).await.data();
            for entry in data["entries"].as_array().unwrap() {
                let one = format!("{LOG}/{}", entry["id"].as_str().unwrap());
                names.push(replica.admin().get(&one).await.data()["request"]["body"]["userName"].clone());
            }
            let Some(next) = data["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(names, ["u4", "u3", "u2", "u1", "u0"]);
    }

    async fn what_nobody_has_is_not_kept(world: World) {
        world.anon().get("/scim/v2/nowhere/Users").await.expect(401);
        world.anon().get("/scim/v2//Users").await.expect(401);
        actions::flush(&world.app).await.unwrap();
        assert_eq!(stored(&world).await, "");
        for _ in 0..200 {
            world.anon().get(USERS).await.expect(401);
        }
        made(&scim(&world), "ada").await;
        let data = { entries(&world, "").await; world.admin().get(LOG).await.data() };
        let strangers = entries(&world, "status=401&limit=100").await.len();
        assert_eq!(strangers, 100, "and more than that");
        assert_eq!(data["lost"]["entries"], 80, "a stranger gets 120 entries a minute: {}", data["lost"]);
        assert_eq!(entries(&world, "status=201").await.len(), 1, "he keeps nobody else out");
    }

    async fn an_encoded_path_leads_past_no_log(world: World) {
        for path in ["/scim/v2/%61cme/Users", "/gateway/ng/api/scim/account/acm%65/Users"] {
            world.anon().get(path).await.expect(401);
            let entry = newest(&world).await;
            assert_eq!((&entry["path"], &entry["status"]), (&json!(path), &json!(401)));
        }
        world.anon().get("/scim/v2/acme%2F/Users").await.expect(401);
        world.anon().get("/scim/v2/acme%ff/Users").await.expect(400);
        assert_eq!(entries(&world, "").await.len(), 2, "of no other account");
    }

    async fn reads_give_way_where_too_much_comes_at_once(world: World) {
        let scim = scim(&world);
        for _ in 0..410 {
            scim.get(&format!("{USERS}?count=0")).await.expect(200);
        }
        made(&scim, "ada").await;
        scim.get(&format!("{USERS}/nobody")).await.expect(404);
        assert_eq!(world.app.provisioning_log.waiting(), 402, "what changes or fails is still taken");
        actions::flush(&world.app).await.unwrap();
        let data = world.admin().get(LOG).await.data();
        assert_eq!(data["lost"]["entries"], 10);
        assert_eq!(data["lost"]["lastAt"], START.millis());
        assert_eq!((world.app.provisioning_log.lost(), world.app.provisioning_log.waiting()), (10, 0));
    }

    async fn a_full_queue_drops_entries_and_scim_goes_on(world: World) {
        let small = world.replica_logging(5);
        let scim = scim(&small);
        for n in 0..9 {
            made(&scim, &format!("u{n}")).await;
        }
        assert_eq!(small.app.provisioning_log.lost(), 4);
        assert_eq!(entries(&small, "").await.len(), 5);
        assert_eq!(small.admin().get(LOG).await.data()["lost"]["entries"], 4);
        made(&scim, "after").await;
        assert_eq!(entries(&small, "").await.len(), 6, "and then it has room again");
    }

    async fn a_database_that_is_away_costs_neither_entries_nor_answers(world: World) {
        let replica = world.replica();
        made(&scim(&replica), "ada").await;
        replica.app.db.close().await;
        replica.app.log_db.close().await;
        assert!(actions::flush(&replica.app).await.is_err());
        let log = &replica.app.provisioning_log;
        assert_eq!((log.lost(), log.waiting()), (0, 1), "it waits for the database");
    }

    async fn a_client_that_goes_away_is_told_of(world: World) {
        let scim = scim(&world);
        made(&scim, "ada").await;
        // The lane is held shut: else a busy machine may have the answer before it is first asked for.
        let gate = Gate::shut(&world).await;
        {
            let mut answer = Box::pin(scim.post(USERS, user("bob")));
            let once = std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_pending()));
            assert!(once.await, "a write is never there at once");
        }
        gate.open().await;
        let entry = newest(&world).await;
        assert_eq!((&entry["status"], &entry["method"]), (&json!(499), &json!("POST")));
        assert!(entry["hint"].as_str().unwrap().contains("went away"), "{entry}");
        assert!(!entry["requestId"].as_str().unwrap().is_empty(), "what else tells of it names it, too");
        // On PostgreSQL the credential alone takes longer than that.
        let name = &entry["request"]["body"]["userName"];
        assert!(name == "bob" || name.is_null(), "{entry}");
    }

    async fn the_server_writes_what_waits_when_it_ends(world: World) {
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let mut running = muster::jobs::start(&world.app, muster::jobs::JOBS, &stopping);
        made(&scim(&world), "ada").await;
        stop.send_replace(true);
        while running.join_next().await.is_some() {}
        assert_eq!(world.app.provisioning_log.waiting(), 0);
        let select = "SELECT COUNT(*) FROM provisioning_log";
        let read = move |tx: &mut db::Tx<'_>| tx.query_one(select, &[], |row| row.get::<i64>(0));
        assert_eq!(world.app.log_db.house().read::<_, db::Error>("test.count", read).await.unwrap(), 1);
    }

    async fn a_damaged_entry_hides_no_other(world: World) {
        let scim = scim(&world);
        made(&scim, "ada").await;
        let id = newest(&world).await["id"].as_str().unwrap().to_owned();
        let damage = "UPDATE provisioning_log SET packed = $1";
        let write = move |tx: &mut db::Tx<'_>| tx.exec(damage, db::params![[1_u8; 20].as_slice()]);
        world.app.log_db.write::<_, db::Error>("test.damage", "acme", write).await.unwrap();
        made(&scim, "bob").await;
        let all = entries(&world, "").await;
        assert_eq!((all.len(), &all[0]["hint"]), (2, &Value::Null));
        assert!(all[1]["hint"].as_str().is_some_and(|hint| hint.contains("1 entries are damaged")), "{}", all[1]);
        assert_eq!(entries(&world, "failuresOnly=true&path=x").await, all[1..], "it may be what is looked for");
        let one = world.admin().get(&format!("{LOG}/{id}?accountIdentifier=acme")).await.data();
        assert_eq!((&one["status"], &one["request"]["body"]), (&json!(0), &Value::Null));
        let replay = format!("{LOG}/{id}/replay?accountIdentifier=acme");
        let refused = world.admin().post(&replay, json!({})).await.expect(400);
        assert!(refused.text.contains("damaged on the disk"), "{}", refused.text);
    }

    async fn it_is_purged_by_age_number_and_size(world: World) {
        let (scim, globex) = (scim(&world), world.bearer(&world.other_account("globex").await));
        globex.get("/scim/v2/globex/Users").await.expect(200);
        for n in 0..6 {
            made(&scim, &format!("u{n}")).await;
            world.app.clock.advance_secs(86_400);
        }
        let left = |world: World| async move {
            purge::purge(&world.app).await.expect("it is purged");
            entries(&world, "").await.len()
        };
        assert_eq!(left(world.clone()).await, 6);
        setting(&world, "provisioning_log_retention_days", "5").await;
        assert_eq!(left(world.clone()).await, 5, "what is older than five days is gone");
        setting(&world, "provisioning_log_max_entries", "3").await;
        assert_eq!(left(world.clone()).await, 3, "the newest stay");
        let newest = entries(&world, "limit=1").await[0]["timestamp"].as_i64().unwrap();
        assert_eq!(newest, START.millis() + 5 * 86_400_000);
        for n in 0..3 {
            made(&scim, &format!("v{n}")).await;
        }
        entries(&world, "").await;
        setting(&world, "provisioning_log_max_entries", "2").await;
        assert_eq!(left(world.clone()).await, 2, "also of what was packed together");
        assert!(newest_names(&world).await.starts_with(&["v2".into(), "v1".into()]));
        setting(&world, "provisioning_log_max_entries", "100").await;
        setting(&world, "provisioning_log_max_megabytes", "1").await;
        for n in 0..40 {
            let mut long = user(&format!("w{n}"));
            long["nickName"] = "x".repeat(15_000).into();
            scim.post(USERS, long).await.expect(201);
        }
        entries(&world, "").await;
        assert_eq!(left(world.clone()).await, 33, "some 31,000 bytes each, of a mebibyte");
        assert_eq!(newest_names(&world).await[..2], ["w39", "w38"]);
        let other = AccountId::new("globex");
        let read = move |tx: &mut db::Tx<'_>| {
            tx.query_one("SELECT COUNT(*) FROM provisioning_log WHERE account_id = $1", db::params![other.as_str()], |row| row.get::<i64>(0))
        };
        assert_eq!(world.app.log_db.house().read::<_, db::Error>("test.other", read).await.unwrap(), 1, "the other account keeps its own limits");
        for (id, value) in [("provisioning_log_retention_days", "0"), ("provisioning_log_max_entries", "x"), ("provisioning_log_max_megabytes", "-1")] {
            let body = json!([{"identifier": id, "value": value, "allowOverrides": false, "updateType": "UPDATE"}]);
            let saved = world.admin().put("/ng/api/settings?accountIdentifier=acme", body).await.data();
            assert_eq!(saved[0]["updateStatus"], false, "{saved}");
        }
    }

    async fn clients_are_told_apart(world: World) {
        let scim = scim(&world);
        for (agent, path, name) in [
            ("Okta SCIM Client 1.0.0", "/scim/v2/acme/Users?count=1", "Okta"),
            ("", "/scim/v2/acme/Users?aadOptscim062020&count=1", "Entra"),
            ("curl/8.5.0", "/scim/v2/acme/Users?count=1", "curl"),
            ("MyTool/1.2", "/scim/v2/acme/Users?count=1", "MyTool"),
        ] {
            scim.with("user-agent", agent).get(path).await.expect(200);
            assert_eq!(newest(&world).await["client"]["name"], name);
        }
        made_group(&scim, "Crew", &[]).await;
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "displayName": "B"});
        scim.post(GROUPS, body).await.expect(201);
        assert_eq!(newest(&world).await["client"]["name"], "Entra");
    }

    /// Who looks for what an identity provider did need not see what he looked at by the console before.
    async fn what_the_console_reads_can_be_left_out(world: World) {
        let browser = scim(&world).with("user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
        let console = browser.with("muster-client", "console");
        browser.get(&format!("{USERS}?count=1")).await.expect(200);
        console.get(&format!("{USERS}?count=1")).await.expect(200);
        console.get(&format!("{USERS}/nobody")).await.expect(404);
        let ada = made(&console, "ada").await;
        console.get(&format!("{USERS}/{ada}")).await.expect(200);
        for (query, clients) in [
            ("consoleReads=false", vec!["Muster console", "Muster console", "browser"]),
            ("consoleReads=true", vec!["Muster console", "Muster console"]),
            ("client=muster%20console", vec!["Muster console"; 4]),
            ("client=browser", vec!["browser"]),
        ] {
            let found = entries(&world, query).await;
            let names: Vec<&str> = found.iter().map(|entry| entry["client"]["name"].as_str().unwrap()).collect();
            assert_eq!(names, clients, "{query}");
        }
        let left = entries(&world, "consoleReads=false&client=muster%20console").await;
        let told: Vec<_> = left.iter().map(|entry| (entry["method"].as_str(), entry["status"].as_u64())).collect();
        assert_eq!(told, [(Some("POST"), Some(201)), (Some("GET"), Some(404))]);
    }
}

/// Bodies of all kinds with a marker where secrets stand; malformed ones, too.
fn bodies() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("password"),
        Just("PASSWORD"),
        Just("urn:ietf:params:scim:schemas:core:2.0:User:password"),
        Just("pass-word"),
        Just("clientSecret"),
        Just("access_token"),
        Just("apiKey"),
    ];
    let secret = prop_oneof![
        Just(json!("MARKER")),
        Just(json!(["MARKER"])),
        Just(json!({"value": "MARKER", "MARKER": "MARKER"})),
        Just(json!(null)),
    ];
    let whole = (name, secret, "[a-z]{1,8}", 0..5).prop_map(|(name, secret, user, kind)| match kind {
        0 => json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user, (name): secret}),
        1 => patch(json!([{"op": "replace", "path": name, "value": secret}])),
        2 => patch(json!([{"op": "replace", "value": {(name): secret, "title": user}}])),
        3 => json!({"userName": user, "emails": [{"value": "a@b", (name): secret}], "name": {(name): secret}}),
        _ => json!({"Operations": [{"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": user, (name): secret}}]}),
    });
    (whole, 0..400_usize).prop_map(|(body, cut)| {
        let mut text = body.to_string();
        if cut < 100 {
            text.truncate(cut.min(text.len()));
        }
        text
    })
}

#[test]
fn no_body_brings_a_secret_into_the_log() {
    crate::actors::on_sqlite(|world| async move {
        let scim: Client = scim(&world);
        let id = made(&scim, "ada").await;
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        for turn in 0..300_u32 {
            let body = bodies().new_tree(&mut runner).expect("a body").current();
            let (method, path) = match turn % 4 {
                0 => (Method::POST, USERS.to_owned()),
                1 => (Method::PATCH, format!("{USERS}/{id}")),
                2 => (Method::PUT, format!("{USERS}/{id}")),
                _ => (Method::POST, BULK.to_owned()),
            };
            let answer = scim.send(method, &path, Some(body.clone())).await;
            assert!(answer.status < 500, "{body}: {}", answer.text);
            if turn % 50 == 49 {
                let text = stored(&world).await;
                assert!(
                    !text.contains("MARKER"),
                    "{}",
                    text.lines().find(|line| line.contains("MARKER")).unwrap_or("")
                );
            }
        }
    });
}
