//! Accounts, organizations and projects: the account's own data, creation, change, removal with all that is
//! below.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::Method;
use muster::accounts::store::find_version;
use muster::kernel::ids::{AccountId, OrgId, ProjectId};
use muster::kernel::problem::Problem;
use muster::kernel::scope::Scope;
use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;

const ORGS: &str = "/ng/api/organizations";
const PROJECTS: &str = "/ng/api/projects";
const GROUPS: &str = "/ng/api/user-groups";
const EVERYTHING: &str = "_all_resources_including_child_scopes";

fn org(id: &str, name: &str) -> Value {
    json!({"organization": {"identifier": id, "name": name}})
}

fn project(org: &str, id: &str) -> Value {
    json!({"project": {"orgIdentifier": org, "identifier": id, "name": id}})
}

/// Puts one row into each table that has a scope.
async fn furnish(world: &World, org: &'static str, project: &'static str) {
    let account = world.account.clone();
    let key = format!("'{account}', '{org}', '{project}'");
    let group = format!("group_{org}_{project}");
    let rows = [
        format!("INSERT INTO settings VALUES ({key}, 'pipeline_timeout', '1h', true, 0)"),
        format!("INSERT INTO roles VALUES ({key}, 'r', 'r', NULL, '{{}}', '[]', 1, 0, 0)"),
        format!(
            "INSERT INTO resource_groups VALUES ({key}, 'g', 'g', '#000000', NULL, '{{}}', '[]', '{{}}', 1, 0, 0)"
        ),
        format!(
            "INSERT INTO role_assignments VALUES ({key}, 'a', 'r', 'g', 'USER', 'u', '', false, false, 0, 0)"
        ),
        format!(
            "INSERT INTO service_accounts (account_id, org_id, project_id, identifier, name, email, tags, version, \
             created_at, updated_at) VALUES ({key}, 's', 's', 's@x', '{{}}', 1, 0, 0)"
        ),
        format!(
            "INSERT INTO api_keys (account_id, org_id, project_id, kind, parent_id, identifier_key, identifier, name, \
             tags, default_ttl_ms, created_at, updated_at) VALUES ({key}, 'k', 's', 'k', 'k', 'k', '{{}}', 1, 0, 0)"
        ),
        format!(
            "INSERT INTO tokens (account_id, org_id, project_id, token_id, kind, parent_id, api_key_id, identifier_key, \
             identifier, name, tags, secret_sha256, valid_from, created_at, updated_at) \
             VALUES ({key}, 't_{org}_{project}', 'k', 's', 'k', 't', 't', 't', '{{}}', $1, 0, 0, 0)"
        ),
        format!(
            "INSERT INTO user_groups (account_id, org_id, project_id, group_id, identifier, name, name_key, \
             externally_managed, tags, member_count, doc, version, created_at, updated_at) \
             VALUES ({key}, '{group}', 'g', 'Crew', 'crew', false, '{{}}', 1, '{{}}', 1, 0, 0)"
        ),
        format!("INSERT INTO group_members VALUES ('{account}', '{group}', 'u', 'User', 0, NULL)"),
        format!("INSERT INTO group_members VALUES ('{account}', 'above', '{group}', 'Group', 0, NULL)"),
    ];
    let work = move |tx: &mut db::Tx<'_>| {
        for sql in &rows {
            let secret: &[u8] = &[0; 32];
            let bound = if sql.contains("$1") { db::params![secret].to_vec() } else { Vec::new() };
            assert_eq!(tx.exec(sql, &bound).map_err(Problem::from)?, 1, "{sql}");
        }
        Ok::<_, Problem>(())
    };
    world.app.db.write("test", "acme", work).await.unwrap();
}

/// A group of the account that has the four furnished groups as members.
async fn above(world: &World) {
    let sql = "INSERT INTO user_groups (account_id, org_id, project_id, group_id, identifier, name, name_key, \
        externally_managed, tags, member_count, doc, version, created_at, updated_at) \
        VALUES ('acme', '', '', 'above', 'above', 'Above', 'above', false, '{}', 4, '{}', 1, 0, 0)";
    let work = |tx: &mut db::Tx<'_>| tx.exec(sql, &[]).map_err(Problem::from);
    assert_eq!(world.app.db.write("test", "acme", work).await.unwrap(), 1);
}

/// What the counters of that group say: members, version.
async fn members_above(world: &World) -> (i64, i64) {
    let sql =
        "SELECT member_count, version FROM user_groups WHERE account_id = 'acme' AND group_id = 'above'";
    let work = |tx: &mut db::Tx<'_>| {
        tx.query_one(sql, &[], |row| Ok((row.get(0)?, row.get(1)?))).map_err(Problem::from)
    };
    world.app.db.house().read("test", work).await.unwrap()
}

/// Rows of all tables that have a scope, and of those that hang on groups.
async fn furniture(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in muster::accounts::store::SCOPED_TABLES.iter().chain(&["group_members"]) {
        counts.push(world.count(table).await);
    }
    counts
}

both_engines! {
    async fn a_query_names_no_other_scope_than_the_path(world: World) {
        let admin = world.admin();
        admin.post(ORGS, org("o1", "O1")).await.data();
        admin.post(&format!("{PROJECTS}?orgIdentifier=o1"), project("o1", "p1")).await.data();
        let one = |named: &str| format!("{PROJECTS}/p1?orgIdentifier=o1&projectIdentifier={named}");
        admin.get(&one("p1")).await.data();
        admin.get(&one("")).await.data();
        let text = admin.get(&one("zz")).await.refused(400, "INVALID_REQUEST");
        assert!(text.starts_with("Value mismatch, previous: p1 current: zz (projectIdentifier)"), "{text}");
        admin.put(&one("zz"), project("o1", "p1")).await.refused(400, "INVALID_REQUEST");
        admin.delete(&one("zz")).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{ORGS}/o1?orgIdentifier=o1")).await.data();
        for named in ["orgIdentifier=zz", "orgIdentifier=o1&projectIdentifier=p1"] {
            admin.get(&format!("{ORGS}/o1?{named}")).await.refused(400, "INVALID_REQUEST");
            admin.put(&format!("{ORGS}/o1?{named}"), org("o1", "X")).await.refused(400, "INVALID_REQUEST");
            admin.delete(&format!("{ORGS}/o1?{named}")).await.refused(400, "INVALID_REQUEST");
        }
        assert_eq!(admin.get(&format!("{ORGS}/o1")).await.data()["organization"]["name"], "O1");
    }

    async fn the_account(world: World) {
        let path = "/ng/api/accounts/acme";
        assert_eq!(world.admin().get(path).await.data(), json!({
            "identifier": "acme", "name": "acme", "companyName": "acme", "createdAt": 1_767_225_600_000_i64,
            "lastModifiedAt": 1_767_225_600_000_i64, "nextGenEnabled": true,
            "serviceAccountConfig": {"apiKeyLimit": 5, "tokenLimit": 5}
        }));
        world.app.clock.advance_secs(1);
        let renamed = world.admin().put(&format!("{path}/name"), json!({"name": "Acme & Sons, Inc."})).await.data();
        assert_eq!((&renamed["name"], &renamed["lastModifiedAt"]), (&json!("Acme & Sons, Inc."), &json!(1_767_225_601_000_i64)));
        let trail = world.trail().await;
        let row = r#"UPDATE ACCOUNT acme {"old":{"name":"acme"},"new":{"name":"Acme & Sons, Inc."}}"#;
        assert!(trail.iter().any(|line| line == row), "{trail:#?}");
        for bad in [json!({"name": ""}), json!({"name": "a\u{7}b"}), json!({}), json!({"name": 1})] {
            world.admin().put(&format!("{path}/name"), bad).await.refused(400, "INVALID_REQUEST");
        }
        assert_eq!(world.admin().get(path).await.data()["name"], "Acme & Sons, Inc.");
    }

    async fn a_rename_of_the_account_tells_what_was_before_and_makes_no_cache_stale(world: World) {
        let (replica, path) = (world.replica(), "/ng/api/accounts/acme");
        let version = || world.app.db.house().read("test.version", |tx| find_version(tx, &AccountId::new("acme")));
        let before = version().await.unwrap();
        let rename = async |n: usize| {
            let admin = if n.is_multiple_of(2) { world.admin() } else { replica.admin() };
            admin.put(&format!("{path}/name"), json!({"name": format!("Name {n}")})).await.data();
        };
        join_all((0..20).map(rename)).await;
        let trail = world.trail().await;
        let rows = trail.iter().filter_map(|row| row.strip_prefix("UPDATE ACCOUNT acme "));
        let rows: Vec<Value> = rows.map(|detail| serde_json::from_str(detail).unwrap()).collect();
        let names = |of: &str| rows.iter().map(|row| row[of]["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
        let (mut old, mut new) = (names("old"), names("new"));
        assert_eq!((old.len(), new.len()), (20, 20), "none is replaced twice: {rows:?}");
        assert!(old.remove("acme"));
        let last = replica.admin().get(path).await.data()["name"].as_str().unwrap().to_owned();
        assert!(new.remove(&last) && old == new, "{last} {rows:?}");
        assert_eq!(version().await.unwrap(), before);
    }

    async fn accounts_are_seen_by_those_who_may(world: World) {
        let stranger = world.bound("stranger@acme.example", &[]).await;
        stranger.get("/ng/api/accounts/acme").await.refused(403, "NG_ACCESS_DENIED");
        let scope = Scope::account(world.account.clone());
        let viewer = world.bound("viewer@acme.example", &[("_account_viewer", EVERYTHING, scope)]).await;
        viewer.get("/ng/api/accounts/acme").await.data();
        viewer.put("/ng/api/accounts/acme/name", json!({"name": "Mine"})).await.refused(403, "NG_ACCESS_DENIED");
        world.other_account("globex").await;
        world.admin().get("/ng/api/accounts/globex").await.refused(401, "INVALID_TOKEN");
        world.admin().with("harness-account", "acme").get("/ng/api/accounts/globex").await.refused(400, "INVALID_REQUEST");
    }

    async fn an_organization_lives(world: World) {
        let admin = world.admin();
        let body = json!({"organization": {
            "identifier": "sales", "name": "Sales", "description": "They sell", "tags": {"a": "b"}, "unknown": 1
        }});
        let made = admin.post(&format!("{ORGS}?accountIdentifier=acme"), body).await;
        let first = made.header("etag").to_owned();
        let second = first.replace("-1\"", "-2\"");
        assert_ne!(first, second);
        assert_eq!(made.data(), json!({
            "organization": {"identifier": "sales", "name": "Sales", "description": "They sell", "tags": {"a": "b"}},
            "createdAt": 1_767_225_600_000_i64, "lastModifiedAt": 1_767_225_600_000_i64, "harnessManaged": false
        }));
        let at = format!("/gateway{ORGS}/sales?accountIdentifier=acme");
        assert_eq!(admin.get(&at).await.header("etag"), first);
        let stale = admin.with("if-match", "\"9\"").put(&at, org("sales", "Sold")).await;
        assert!(stale.refused(412, "INVALID_REQUEST").contains("ETag"));
        let changed = admin.with("if-match", first.trim_matches('"')).put(&at, org("sales", "Sold")).await;
        assert_eq!(changed.header("etag"), second);
        let changed = changed.data()["organization"].clone();
        assert_eq!((&changed["name"], &changed["description"], &changed["tags"]), (&json!("Sold"), &Value::Null, &json!({})));
        assert_eq!(admin.put(&at, org("sales", "Sold")).await.header("etag"), second, "nothing changed");
        admin.with("if-match", &first).delete(&at).await.refused(412, "INVALID_REQUEST");
        assert_eq!(admin.with("if-match", &second).delete(&at).await.data(), true);
        admin.get(&at).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.put(&at, org("sales", "Sold")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.delete(&at).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        let trail = world.trail().await;
        for action in ["CREATE", "UPDATE", "DELETE"] {
            let start = format!("{action} ORGANIZATION sales");
            assert_eq!(trail.iter().filter(|line| line.starts_with(&start)).count(), 1, "{trail:#?}");
        }
    }

    async fn bad_organizations(world: World) {
        let admin = world.admin();
        let answer = admin.post(ORGS, org("9x", "")).await;
        let fields: Vec<_> = answer.json["errors"].as_array().unwrap().iter().map(|e| e["fieldId"].clone()).collect();
        assert_eq!(fields, ["organization.identifier", "organization.name"]);
        answer.refused(400, "INVALID_REQUEST");
        for bad in [json!({}), json!({"organization": {}}), json!({"organization": {"identifier": 1, "name": "x"}})] {
            admin.post(ORGS, bad).await.refused(400, "INVALID_REQUEST");
        }
        admin.send(Method::POST, ORGS, Some("{".into())).await.refused(400, "INVALID_REQUEST");
        let text = admin.post(ORGS, org("default", "Again")).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("[default]"), "{text}");
        admin.put(&format!("{ORGS}/default"), org("default", "Mine")).await.refused(400, "INVALID_REQUEST");
        admin.delete(&format!("{ORGS}/default")).await.refused(400, "INVALID_REQUEST");
        admin.post(ORGS, org("a", "A")).await.data();
        let text = admin.put(&format!("{ORGS}/a"), org("b", "A")).await.refused(400, "INVALID_REQUEST");
        assert!(text.starts_with("Value mismatch, previous: a current: b"), "{text}");
        let text = admin.get(&format!("{ORGS}/a%00")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("NUL"), "{text}");
        let nul = json!({"organization": {"identifier": "n", "name": "N", "description": "\u{0}"}});
        admin.post(ORGS, nul).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{ORGS}?pageSize=0")).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{ORGS}?sortOrders=color,ASC")).await.refused(400, "INVALID_REQUEST");
        assert_eq!(world.count("organizations").await, 2);
    }

    async fn an_empty_value_is_an_absent_one(world: World) {
        let admin = world.admin();
        admin.post(ORGS, org("sales", "Sales")).await.data();
        let empty = "accountIdentifier=acme&orgIdentifier=&projectIdentifier=";
        let machine = json!({"identifier": "bot", "name": "bot", "orgIdentifier": "sales"});
        let made = admin.post(&format!("/ng/api/serviceaccount?{empty}"), machine).await.data();
        assert_eq!(made["orgIdentifier"], "sales");
        let key = json!({"identifier": "key", "name": "key", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "bot",
            "orgIdentifier": "sales", "projectIdentifier": ""});
        let made = admin.post(&format!("/ng/api/apikey?{empty}"), key.clone()).await.data();
        assert_eq!(made["orgIdentifier"], "sales");
        let mut token = key;
        token["apiKeyIdentifier"] = json!("key");
        admin.post(&format!("/ng/api/token?{empty}"), token.clone()).await.data();
        let other = admin.post("/ng/api/token?orgIdentifier=default", token).await.refused(400, "INVALID_REQUEST");
        assert!(other.starts_with("Value mismatch, previous: default current: sales"), "{other}");
        let made = admin.post(PROJECTS, project("", "p")).await.data();
        assert_eq!(made["project"]["orgIdentifier"], "default");
        let changed = admin.put(&format!("{ORGS}/sales"), org("", "Sold")).await.data();
        assert_eq!((&changed["organization"]["identifier"], &changed["organization"]["name"]), (&json!("sales"), &json!("Sold")));
        let named = json!({"project": {"identifier": "", "name": "Q", "orgIdentifier": ""}});
        let changed = admin.put(&format!("{PROJECTS}/p"), named).await.data();
        assert_eq!((&changed["project"]["identifier"], &changed["project"]["name"]), (&json!("p"), &json!("Q")));
        let role = json!({"identifier": "r", "name": "R"});
        admin.post("/authz/api/roles", role).await.data();
        admin.put("/authz/api/roles/r", json!({"identifier": "", "name": "S"})).await.data();
    }

    async fn organizations_are_listed_in_pages(world: World) {
        let admin = world.admin();
        for (id, name) in [("zeta", "Al.pha"), ("beta", "Beta"), ("gamma", "Gamma")] {
            admin.post(ORGS, org(id, name)).await.data();
        }
        let ids = |page: Value| -> Vec<String> {
            let content = page["content"].as_array().unwrap();
            content.iter().map(|o| o["organization"]["identifier"].as_str().unwrap().to_owned()).collect()
        };
        let page = admin.get(&format!("{ORGS}?accountIdentifier=acme&pageSize=3&sortOrders=identifier,ASC")).await.data();
        assert_eq!((&page["totalItems"], &page["totalPages"]), (&json!(4), &json!(2)));
        let token = page["nextPageToken"].as_str().unwrap().to_owned();
        assert_eq!(ids(page), ["beta", "default", "gamma"]);
        let last = admin.get(&format!("{ORGS}?pageSize=3&sortOrders=identifier,ASC&pageToken={token}")).await.data();
        assert_eq!(ids(last), ["zeta"]);
        assert_eq!(ids(admin.get(&format!("{ORGS}?searchTerm=L.p")).await.data()), ["zeta"], "a literal substring");
        assert!(ids(admin.get(&format!("{ORGS}?searchTerm=.*")).await.data()).is_empty());
        assert_eq!(ids(admin.get(&format!("{ORGS}?searchTerm=GAM")).await.data()), ["gamma"]);
        let some = admin.get(&format!("{ORGS}?identifiers=beta&identifiers=zeta&sortOrders=name,DESC")).await.data();
        assert_eq!(ids(some), ["beta", "zeta"]);
    }

    async fn the_tag_of_what_was_deleted_does_not_come_back(world: World) {
        let admin = world.admin();
        let made = async || {
            admin.post(ORGS, org("o", "O")).await.data();
            let places = [
                (PROJECTS, format!("{PROJECTS}/p"), project("o", "p")),
                (GROUPS, format!("{GROUPS}/g"), json!({"identifier": "g", "name": "G"})),
            ];
            let mut tags = vec![(format!("{ORGS}/o"), admin.get(&format!("{ORGS}/o")).await.header("etag").to_owned())];
            for (list, one, body) in places {
                let at = "?orgIdentifier=o";
                let made = admin.post(&format!("{list}{at}"), body).await.expect(200);
                tags.push((format!("{one}{at}"), made.header("etag").to_owned()));
            }
            tags
        };
        let old = made().await;
        world.app.clock.advance_secs(1);
        admin.delete(&format!("{ORGS}/o")).await.data();
        let new = made().await;
        for ((at, old), (_, new)) in old.iter().zip(&new).rev() {
            admin.with("if-match", old).delete(at).await.refused(412, "INVALID_REQUEST");
            admin.with("if-match", new).delete(at).await.data();
        }
    }

    async fn projects_live_in_organizations(world: World) {
        let admin = world.admin();
        admin.post(ORGS, org("o", "O")).await.data();
        let made = admin.post(&format!("{PROJECTS}?orgIdentifier=o"), project("o", "p")).await;
        let first = made.header("etag").to_owned();
        assert_eq!(made.data(), json!({
            "project": {
                "orgIdentifier": "o", "identifier": "p", "name": "p", "color": "#0063F7", "modules": [],
                "description": null, "tags": {}
            },
            "createdAt": 1_767_225_600_000_i64, "lastModifiedAt": 1_767_225_600_000_i64, "isFavorite": false
        }));
        admin.post(PROJECTS, json!({"project": {"identifier": "p", "name": "p"}})).await.data();
        let here = |at: &str| format!("{PROJECTS}/p{at}");
        assert_eq!(admin.get(&here("")).await.data()["project"]["orgIdentifier"], "default");
        let update = json!({"project": {"identifier": "p", "name": "New", "color": "#ffffff", "modules": ["CORE"]}});
        let changed = admin.with("if-match", &first).put(&here("?orgIdentifier=o"), update).await;
        assert_ne!(changed.header("etag"), first);
        assert_eq!(changed.data()["project"]["modules"], json!(["CORE"]));
        assert_eq!(admin.get(&here("")).await.data()["project"]["name"], "p", "the other organization's is left alone");
        let all = admin.get(&format!("{PROJECTS}?sortOrders=orgIdentifier,ASC")).await.data();
        assert_eq!(all["totalItems"], 2);
        assert_eq!(admin.get(&format!("{PROJECTS}?orgIdentifier=o")).await.data()["totalItems"], 1);
        admin.with("if-match", &first).delete(&here("?orgIdentifier=o")).await.refused(412, "INVALID_REQUEST");
        assert_eq!(admin.delete(&here("?orgIdentifier=o")).await.data(), true);
        admin.get(&here("?orgIdentifier=o")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(world.count("projects").await, 1);
    }

    async fn bad_projects(world: World) {
        let admin = world.admin();
        for (member, value) in [
            ("modules", json!(["CO\u{0}RE"])), ("tags", json!({"a": "b\u{0}"})), ("tags", json!({"\u{0}": "b"})),
            ("tags", json!({"a": "x".repeat(1_025)})), ("tags", json!({"x".repeat(1_025): "b"})),
        ] {
            let mut body = project("default", "odd");
            body["project"][member] = value;
            let answer = admin.post(PROJECTS, body).await.expect(400);
            assert_eq!(answer.json["errors"][0]["fieldId"], format!("project.{member}"), "{}", answer.text);
        }
        let mut body = project("default", "fits");
        body["project"]["tags"] = json!({"a": "é".repeat(1_024)});
        admin.post(PROJECTS, body).await.data();
        let text = admin.post(PROJECTS, project("nowhere", "p")).await.refused(400, "INVALID_ARGUMENT");
        assert!(text.starts_with("Organization [nowhere] in Account [acme] does not exist"), "{text}");
        let text = admin.post(&format!("{PROJECTS}?orgIdentifier=default"), project("o", "p")).await;
        assert!(text.refused(400, "INVALID_REQUEST").contains("Value mismatch"));
        let bad = json!({"project": {"identifier": "class", "name": "p", "color": "red", "modules": [""]}});
        let answer = admin.post(PROJECTS, bad).await;
        assert_eq!(answer.json["errors"].as_array().map(Vec::len), Some(3), "{}", answer.text);
        answer.refused(400, "INVALID_REQUEST");
        admin.post(PROJECTS, project("default", "p")).await.data();
        admin.post(PROJECTS, project("default", "p")).await.refused(400, "DUPLICATE_FIELD");
        assert_eq!(world.count("projects").await, 2);
    }

    async fn removal_takes_what_is_below_and_nothing_else(world: World) {
        let admin = world.admin();
        for (id, name) in [("o", "O"), ("other", "Other")] {
            admin.post(ORGS, org(id, name)).await.data();
            admin.post(PROJECTS, project(id, "p")).await.data();
        }
        above(&world).await;
        let before = furniture(&world).await;
        for (org, project) in [("o", ""), ("o", "p"), ("other", ""), ("other", "p")] {
            furnish(&world, org, project).await;
        }
        let full = furniture(&world).await;
        let grown = |from: &[i64], to: &[i64]| -> Vec<i64> {
            to.iter().zip(from).map(|(to, from)| to - from).collect()
        };
        assert_eq!(grown(&before, &full), [4, 4, 4, 4, 4, 4, 4, 4, 8]);
        admin.delete(&format!("{PROJECTS}/p?orgIdentifier=o")).await.data();
        assert_eq!(grown(&before, &furniture(&world).await), [3, 3, 3, 3, 3, 3, 3, 3, 6]);
        admin.delete(&format!("{ORGS}/o")).await.data();
        assert_eq!(grown(&before, &furniture(&world).await), [2, 2, 2, 2, 2, 2, 2, 2, 4]);
        admin.delete(&format!("{ORGS}/other")).await.data();
        assert_eq!(furniture(&world).await, before);
        assert_eq!((world.count("organizations").await, world.count("projects").await), (1, 0));
        assert_eq!(world.count("events").await, 1 + 4, "the administrator came, and one for each group that went");
        assert_eq!(members_above(&world).await, (0, 5), "groups above lose them as members");
        let text = admin.get("/ng/api/settings?category=PMS&orgIdentifier=o").await.refused(400, "INVALID_ARGUMENT");
        assert!(text.contains("[o]"), "{text}");
    }

    async fn the_trail_counts_what_went_with_an_organization_or_project(world: World) {
        let admin = world.admin();
        admin.post(ORGS, org("o", "O")).await.data();
        admin.post(&format!("{PROJECTS}?orgIdentifier=o"), project("o", "p")).await.data();
        for place in ["orgIdentifier=o", "orgIdentifier=o&projectIdentifier=p"] {
            let (level, resources) = match place {
                "orgIdentifier=o" => ("organization", "_all_organization_level_resources"),
                _ => ("project", "_all_project_level_resources"),
            };
            admin.post(&format!("/ng/api/serviceaccount?{place}"), json!({"identifier": "bot", "name": "bot"})).await.data();
            let mut token = json!({"identifier": "t", "name": "t", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "bot",
                "apiKeyIdentifier": "key", "orgIdentifier": "o"});
            if level == "project" {
                token["projectIdentifier"] = json!("p");
            }
            admin.post(&format!("/ng/api/token?{place}"), token).await.data();
            let binding = json!({"roleIdentifier": format!("_{level}_viewer"), "resourceGroupIdentifier": resources,
                "principal": {"identifier": "bot", "type": "SERVICE_ACCOUNT", "scopeLevel": level}});
            admin.post(&format!("/authz/api/roleassignments?{place}"), binding).await.data();
        }
        admin.post(&format!("{GROUPS}?orgIdentifier=o"), json!({"identifier": "g", "name": "G"})).await.data();
        let went = async |kind: &str| {
            let start = format!("DELETE {kind} ");
            let row = world.trail().await.into_iter().find(|row| row.starts_with(&start)).expect("a row");
            serde_json::from_str::<Value>(row.splitn(4, ' ').nth(3).unwrap()).unwrap()["removed"].clone()
        };
        admin.delete(&format!("{PROJECTS}/p?orgIdentifier=o")).await.data();
        let one = json!({"apiKeys": 1, "roleAssignments": 1, "serviceAccounts": 1, "tokens": 1});
        assert_eq!(went("PROJECT").await, one);
        admin.post(&format!("{PROJECTS}?orgIdentifier=o"), project("o", "p")).await.data();
        admin.delete(&format!("{ORGS}/o")).await.data();
        let mut more = one;
        more["projects"] = json!(1);
        more["userGroups"] = json!(1);
        assert_eq!(went("ORGANIZATION").await, more);
    }

    async fn who_may(world: World) {
        let admin = world.admin();
        for id in ["o", "other"] {
            admin.post(ORGS, org(id, id)).await.data();
            admin.post(PROJECTS, project(id, "p")).await.data();
        }
        let o = Scope::organization(world.account.clone(), OrgId::new("o"));
        let p = Scope::project(world.account.clone(), OrgId::new("o"), ProjectId::new("p"));
        let stranger = world.bound("stranger@acme.example", &[]).await;
        let owner = world.bound("owner@acme.example", &[("_organization_admin", EVERYTHING, o)]).await;
        let viewer = world.bound("viewer@acme.example", &[("_project_viewer", "_all_project_level_resources", p)]).await;
        for path in [format!("{ORGS}/o"), format!("{ORGS}/nope"), format!("{PROJECTS}/p?orgIdentifier=o")] {
            stranger.get(&path).await.refused(403, "NG_ACCESS_DENIED");
            stranger.delete(&path).await.refused(403, "NG_ACCESS_DENIED");
        }
        stranger.post(ORGS, org("mine", "Mine")).await.refused(403, "NG_ACCESS_DENIED");
        stranger.put(&format!("{ORGS}/o"), org("o", "Mine")).await.refused(403, "NG_ACCESS_DENIED");
        stranger.post(PROJECTS, project("o", "mine")).await.refused(403, "NG_ACCESS_DENIED");
        stranger.put(&format!("{PROJECTS}/p"), project("o", "p")).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(stranger.get(ORGS).await.data()["totalItems"], 0, "lists show what one may see");
        assert_eq!(owner.get(ORGS).await.data()["totalItems"], 1);
        assert_eq!(owner.get(PROJECTS).await.data()["totalItems"], 1);
        owner.post(ORGS, org("mine", "Mine")).await.refused(403, "NG_ACCESS_DENIED");
        owner.put(&format!("{ORGS}/other"), org("other", "Mine")).await.refused(403, "NG_ACCESS_DENIED");
        owner.post(PROJECTS, project("other", "mine")).await.refused(403, "NG_ACCESS_DENIED");
        owner.post(PROJECTS, project("o", "mine")).await.data();
        viewer.get(&format!("{PROJECTS}/p?orgIdentifier=o")).await.data();
        viewer.delete(&format!("{PROJECTS}/p?orgIdentifier=o")).await.refused(403, "NG_ACCESS_DENIED");
        viewer.get(&format!("{PROJECTS}/mine?orgIdentifier=o")).await.refused(403, "NG_ACCESS_DENIED");
        viewer.get(&format!("{ORGS}/o")).await.refused(403, "NG_ACCESS_DENIED");
        owner.delete(&format!("{ORGS}/o")).await.data();
        let other = world.holder(&world.other_account("globex").await);
        other.get(&format!("{ORGS}/other?accountIdentifier=acme")).await.refused(401, "INVALID_TOKEN");
        other.get(&format!("{ORGS}/other")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        world.anon().get(ORGS).await.refused(401, "INVALID_TOKEN");
    }

    /// An organization is a resource of the account, a project one of its organization: there they are named.
    async fn a_resource_group_names_single_ones(world: World) {
        let admin = world.admin();
        for id in ["o", "other"] {
            admin.post(ORGS, org(id, id)).await.data();
            admin.post(PROJECTS, project(id, "p")).await.data();
        }
        let named = |kind: &str, id: &str| json!({"resourceGroup": {"identifier": "one", "name": "One",
            "resourceFilter": {"resources": [{"resourceType": kind, "identifiers": [id]}]}}});
        let groups = "/authz/api/v2/resourcegroup?accountIdentifier=acme";
        admin.post(groups, named("ORGANIZATION", "o")).await.data();
        admin.post(&format!("{groups}&orgIdentifier=o"), named("PROJECT", "p")).await.data();
        let account = Scope::account(world.account.clone());
        let o = Scope::organization(world.account.clone(), OrgId::new("o"));
        let keeper = world.bound("keeper@acme.example", &[("_account_admin", "one", account)]).await;
        let builder = world.bound("builder@acme.example", &[("_organization_admin", "one", o)]).await;
        assert_eq!(keeper.get(ORGS).await.data()["totalItems"], 1);
        assert_eq!(keeper.put(&format!("{ORGS}/o"), org("o", "Ours")).await.data()["organization"]["name"], "Ours");
        keeper.get(&format!("{ORGS}/other")).await.refused(403, "NG_ACCESS_DENIED");
        keeper.get(&format!("{PROJECTS}/p?orgIdentifier=o")).await.refused(403, "NG_ACCESS_DENIED");
        keeper.post(PROJECTS, project("o", "mine")).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(builder.get(PROJECTS).await.data()["totalItems"], 1);
        builder.get(&format!("{PROJECTS}/p?orgIdentifier=o")).await.data();
        builder.get(&format!("{PROJECTS}/p?orgIdentifier=other")).await.refused(403, "NG_ACCESS_DENIED");
        builder.get(&format!("{ORGS}/o")).await.refused(403, "NG_ACCESS_DENIED");
        let asked = json!({"permissions": [{"permission": "core_organization_delete", "resourceType": "ORGANIZATION",
            "resourceIdentifier": "o", "resourceScope": {"accountIdentifier": "acme"}}]});
        assert_eq!(keeper.post("/authz/api/acl", asked).await.data()["accessControlList"][0]["permitted"], true);
        keeper.delete(&format!("{ORGS}/o")).await.data();
    }
}
