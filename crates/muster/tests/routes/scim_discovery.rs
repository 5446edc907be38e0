//! Discovery, `/Me`, `.search` and the form of errors, by the ids of the SCIM contract.

use http::Method;
use muster::kernel::scope::Scope;
use serde_json::json;

use super::provisioning_log::newest;
use super::scim_groups::{GROUPS, made_group};
use super::scim_users::{USERS, made, patch, refused, scim, user};
use crate::actors::{Client, World};
use crate::both_engines;

const BASE: &str = "/scim/v2/acme";

/// A service account's token, bound to that role.
pub async fn machine(world: &World, name: &str, role: &str) -> Client {
    let (admin, at) = (world.admin(), "accountIdentifier=acme");
    let body = json!({"identifier": name, "name": name, "email": format!("{name}@x.example"), "accountIdentifier": "acme"});
    admin.post(&format!("/ng/api/serviceaccount?{at}"), body).await.data();
    let key = json!({"identifier": "key", "name": "key", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": name, "accountIdentifier": "acme"});
    admin.post(&format!("/ng/api/apikey?{at}"), key).await.data();
    let token = json!({
        "identifier": "token", "name": "token", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": name,
        "apiKeyIdentifier": "key", "accountIdentifier": "acme"
    });
    let text = admin.post(&format!("/ng/api/token?{at}"), token).await.data();
    if !role.is_empty() {
        let binding = json!({
            "resourceGroupIdentifier": "_all_account_level_resources", "roleIdentifier": role,
            "principal": {"identifier": name, "type": "SERVICE_ACCOUNT"}
        });
        admin.post(&format!("/authz/api/roleassignments?{at}"), binding).await.data();
    }
    world.bearer(text.as_str().expect("the token's text"))
}

/// So that the first one may go.
async fn second_administrator(world: &World) {
    let everything = "_all_resources_including_child_scopes";
    let binding = ("_account_admin", everything, Scope::account(world.account.clone()));
    world.bound("second@acme.example", &[binding]).await;
}

both_engines! {
    async fn urls_begin_with_the_public_url_where_there_is_one(world: World) {
        let world = world.replica_at("https://id.example/muster");
        let idp = machine(&world, "idp", "_scim_provisioner").await.with("host", "10.0.0.1:8080").with("x-forwarded-proto", "http");
        let made = idp.post(USERS, user("ada@acme.example")).await.expect(201);
        let id = made.json["id"].as_str().expect("it has an id");
        let at = format!("https://id.example/muster{USERS}/{id}");
        assert_eq!((made.header("location"), &made.json["meta"]["location"]), (&*at, &json!(at)));
        let members = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "a", "members": [{"value": id}]});
        let group = idp.post(GROUPS, members).await.expect(201).json;
        assert_eq!(group["members"][0]["$ref"], at);
        let config = idp.get(&format!("{BASE}/ServiceProviderConfig")).await.expect(200).json;
        assert_eq!(config["meta"]["location"], format!("https://id.example/muster{BASE}/ServiceProviderConfig"));
    }

    async fn d_1_discovery_needs_no_credential(world: World) {
        let anon = world.anon();
        for base in [BASE, "/ng/api/scim/account/acme", "/gateway/ng/api/scim/account/acme"] {
            let config = anon.get(&format!("{base}/ServiceProviderConfig")).await.expect(200);
            assert_eq!(config.header("content-type"), "application/scim+json");
            assert_eq!(config.json["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576}));
            assert_eq!(config.json["filter"], json!({"supported": true, "maxResults": 200}));
            assert_eq!(config.json["meta"]["location"], format!("http://localhost{base}/ServiceProviderConfig"));
        }
        let schemas = anon.get(&format!("{BASE}/Schemas")).await.expect(200);
        assert_eq!(schemas.json["totalResults"], 3);
        let urn = "urn:ietf:params:scim:schemas:core:2.0:Group";
        assert_eq!(anon.get(&format!("{BASE}/Schemas/{urn}")).await.expect(200).json["id"], urn);
        assert_eq!(anon.get(&format!("{BASE}/ResourceTypes")).await.expect(200).json["totalResults"], 2);
        assert_eq!(anon.get(&format!("{BASE}/ResourceTypes/User")).await.expect(200).json["endpoint"], "/Users");
        refused(anon.get(&format!("{BASE}/Schemas/urn:none")).await, 404, "");
        refused(anon.get(&format!("{BASE}/ResourceTypes/None")).await, 404, "");
        for path in ["ServiceProviderConfig", "Schemas", "ResourceTypes", "Schemas/x"] {
            refused(anon.get(&format!("{BASE}/{path}?filter=id+pr")).await, 403, "");
            refused(anon.post(&format!("{BASE}/{path}"), json!({})).await, 405, "");
        }
        let whole = anon.get(&format!("{BASE}/Schemas")).await.expect(200).json;
        let ignored = "count=none&startIndex=x&sortBy=nothing&sortOrder=up&attributes=a&excludedAttributes=b&cursor=c";
        assert_eq!(anon.get(&format!("{BASE}/Schemas?{ignored}")).await.expect(200).json, whole);
    }

    async fn a_slash_too_many_changes_nothing(world: World) {
        let scim = scim(&world);
        let answer = scim.post(&format!("{BASE}//Users/"), user("ada")).await.expect(201);
        let id = answer.json["id"].as_str().unwrap();
        assert_eq!(answer.header("location"), format!("http://localhost{USERS}/{id}"));
        assert_eq!(answer.json["meta"]["location"], answer.header("location"));
        for path in [format!("{USERS}/{id}/"), format!("{BASE}//Users//{id}")] {
            assert_eq!(scim.get(&path).await.expect(200).json, answer.json, "{path}");
        }
        for (path, meant) in [("/Users/", "/Users"), ("//Users?count=1", "/Users?count=1"), ("/", ""), ("//", "")] {
            let meant = scim.get(&format!("{BASE}{meant}")).await.expect(200).json;
            assert_eq!(scim.get(&format!("{BASE}{path}")).await.expect(200).json, meant, "{path}");
        }
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName eq \"ada\""});
        let found = scim.post(&format!("{BASE}//Users/.search/"), search).await.expect(200).json;
        assert_eq!(found["totalResults"], 1);
        for path in ["//ServiceProviderConfig", "/Schemas/", "/ResourceTypes/User/"] {
            world.anon().get(&format!("{BASE}{path}")).await.expect(200);
        }
        refused(world.anon().get(&format!("{USERS}/")).await, 401, "");
        // Without an id it is the list that is asked.
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = scim.send(method, &format!("{USERS}/"), Some(user("ada").to_string())).await;
            assert_eq!(answer.header("allow"), "GET,HEAD,POST");
            refused(answer, 405, "");
        }
        scim.delete(&format!("{BASE}//Users/{id}/")).await.expect(204);
        assert_eq!(newest(&world).await["resourceId"], id, "the log knows whom it was about");
    }

    async fn h_4_every_error_is_a_scim_error(world: World) {
        let scim = scim(&world);
        for path in ["/Nothing", "/Nothing/", "/Users/a/b", "/Bulk/x"] {
            refused(scim.get(&format!("{BASE}{path}")).await, 404, "");
        }
        for (method, path) in [
            (Method::PUT, "/Nothing"), (Method::OPTIONS, "/Nothing"), (Method::POST, "/Nothing/x"), (Method::GET, "/Nothing/.search"),
        ] {
            let answer = scim.send(method.clone(), &format!("{BASE}{path}"), None).await;
            assert_eq!(answer.header("allow"), "", "{method} {path}");
            refused(answer, 404, "");
        }
        let schema = json!({"id": "urn:example:device", "name": "Device", "attributes": [{"name": "n", "type": "string"}]});
        let device = json!({"name": "Device", "endpoint": "/Devices", "schema": schema});
        world.admin().post("/ng/api/scim-resource-types?accountIdentifier=acme", device).await.data();
        let answer = scim.send(Method::PUT, &format!("{BASE}/Devices"), None).await;
        assert_eq!(answer.header("allow"), "GET,HEAD,POST");
        refused(answer, 405, "");
        let answer = scim.delete(USERS).await;
        assert!(answer.header("allow").contains("POST"), "{:?}", answer.headers);
        refused(answer, 405, "");
        refused(scim.get(&format!("{BASE}/Bulk")).await, 405, "");
        let answer = scim.post(BASE, json!({})).await;
        assert_eq!(answer.header("allow"), "GET,HEAD");
        refused(answer, 405, "");
        let big = format!("{{\"userName\": \"{}\"}}", "x".repeat(5 << 20));
        refused(scim.send(Method::POST, USERS, Some(big)).await, 413, "");
        let latin = scim.with("content-type", "application/scim+json; charset=utf-8");
        latin.post(USERS, user("ada")).await.expect(201);
        for (body, words) in [
            (" \n", "has no body"), ("{\"userName\": ", "Send all of it."), ("{\"userName\"; 1}", "Mend that place"),
            ("{\"userName\": 1, \"userName\": 2}", "Send it again without that."),
        ] {
            let text = refused(scim.send(Method::POST, USERS, Some(body.into())).await, 400, "invalidSyntax");
            assert!(text.contains(words), "{text}");
        }
        refused(scim.get(&format!("{USERS}?cursor=x")).await, 400, "invalidCursor");
        refused(scim.get(&format!("{USERS}?count=ten")).await, 400, "invalidValue");
        refused(scim.get(&format!("{USERS}?sortBy=userName&sortOrder=up")).await, 400, "invalidValue");
    }

    async fn me_1_redirects_or_says_it_cannot(world: World) {
        let answer = scim(&world).get(&format!("{BASE}/Me")).await.expect(308);
        assert_eq!(answer.header("location"), format!("http://localhost{USERS}/{}", world.admin_id));
        let answer = scim(&world).get(&format!("{BASE}/Me?attributes=name.familyName,emails")).await.expect(308);
        let wanted = format!("http://localhost{USERS}/{}?attributes=name.familyName,emails", world.admin_id);
        assert_eq!(answer.header("location"), wanted);
        refused(machine(&world, "robot", "").await.get(&format!("{BASE}/Me")).await, 501, "");
        refused(world.anon().get(&format!("{BASE}/Me")).await, 401, "");
    }

    async fn permissions_of_each_call(world: World) {
        let (idle, viewer) = (machine(&world, "idle", "").await, machine(&world, "viewer", "_account_viewer").await);
        let id = made(&scim(&world), "ada").await;
        let group = made_group(&scim(&world), "Team", &[]).await;
        let change = patch(json!([{"op": "add", "path": "displayName", "value": "x"}]));
        for (path, one) in [(USERS, format!("{USERS}/{id}")), (GROUPS, format!("{GROUPS}/{group}"))] {
            refused(idle.get(path).await, 403, "");
            refused(idle.get(&one).await, 403, "");
            viewer.get(path).await.expect(200);
            viewer.get(&one).await.expect(200);
            refused(viewer.post(path, user("bob")).await, 403, "");
            refused(viewer.put(&one, user("bob")).await, 403, "");
            refused(viewer.patch(&one, change.clone()).await, 403, "");
            refused(viewer.delete(&one).await, 403, "");
        }
        refused(idle.post(&format!("{USERS}/.search"), json!({})).await, 403, "");
        let clerk = machine(&world, "clerk", "_scim_provisioner").await;
        let id = made(&clerk, "eve").await;
        clerk.patch(&format!("{USERS}/{id}"), change.clone()).await.expect(200);
        clerk.delete(&format!("{USERS}/{id}")).await.expect(204);
        let group = made_group(&clerk, "Crew", &[]).await;
        clerk.patch(&format!("{GROUPS}/{group}"), change).await.expect(200);
        clerk.delete(&format!("{GROUPS}/{group}")).await.expect(204);
    }

    async fn q_1_search_by_body(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        made_group(&scim, "Ada's", &[&ada]).await;
        let urn = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
        let body = json!({"schemas": [urn], "filter": "userName sw \"a\"", "attributes": ["userName"], "sortBy": "userName"});
        let found = scim.post(&format!("{USERS}/.search"), body).await.expect(200);
        let names: Vec<_> = found.json["Resources"].as_array().unwrap().iter().map(|u| u["userName"].clone()).collect();
        assert_eq!(names, ["ada", "admin@acme.example"]);
        let body = json!({"schemas": [urn], "filter": "displayName co \"ada\""});
        assert_eq!(scim.post(&format!("{GROUPS}/.search"), body.clone()).await.expect(200).json["totalResults"], 1);
        assert_eq!(scim.post(&format!("{BASE}/.search"), body).await.expect(200).json["totalResults"], 1);
        let all = json!({"schemas": [urn], "startIndex": 2, "count": 2, "excludedAttributes": ["members"]});
        let found = scim.post(&format!("{BASE}/.search"), all).await.expect(200);
        assert_eq!((&found.json["totalResults"], &found.json["itemsPerPage"]), (&json!(3), &json!(2)));
        assert_eq!(found.json["Resources"][1]["meta"]["resourceType"], "Group");
        refused(scim.post(&format!("{BASE}/.search"), json!({"filter": 7})).await, 400, "invalidValue");
        refused(scim.post(&format!("{BASE}/.search"), json!({"sortBy": "id"})).await, 400, "invalidValue");
        // What only one type has, has no value in the other one, and that is no quirk, not even in strict.
        let dialect = json!([{"identifier": "scim_dialect", "value": "strict", "updateType": "UPDATE"}]);
        world.admin().put("/ng/api/settings?accountIdentifier=acme", dialect).await.expect(200);
        let total = async |filter: &str| {
            let body = json!({"schemas": [urn], "filter": filter, "count": 0});
            scim.post(&format!("{BASE}/.search"), body).await.expect(200).json["totalResults"].clone()
        };
        assert_eq!(total("userName eq \"ada\"").await, 1);
        assert_eq!(total("members.value pr").await, 1);
        assert_eq!(total("userName ne \"ada\"").await, 2);
        assert_eq!(total("userName eq null or nickName eq null").await, 3);
        assert_eq!(total("not (userName sw \"a\")").await, 1);
        let unknown = json!({"schemas": [urn], "filter": "shoeSize eq 7"});
        refused(scim.post(&format!("{BASE}/.search"), unknown).await, 400, "invalidFilter");
        for path in [BASE, USERS, GROUPS] {
            let nameless = scim.post(&format!("{path}/.search"), json!({"count": 0})).await;
            assert!(refused(nameless, 400, "invalidSyntax").contains(urn), "{path}");
        }
    }

    async fn q_1_a_query_at_the_root_searches_everywhere(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        made_group(&scim, "Ada's", &[&ada]).await;
        for base in [BASE, "/ng/api/scim/account/acme"] {
            let found = scim.get(&format!("{base}?filter=displayName+co+%22ada%22&excludedAttributes=members")).await.expect(200).json;
            assert_eq!((&found["totalResults"], &found["startIndex"]), (&json!(1), &json!(1)));
            assert_eq!(found["Resources"][0]["meta"]["resourceType"], "Group");
            assert_eq!(found["Resources"][0].get("members"), None);
        }
        let urn = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
        let by_body = json!({"schemas": [urn], "startIndex": 2, "count": 2, "attributes": ["displayName", "members"]});
        let by_body = scim.post(&format!("{BASE}/.search"), by_body).await.expect(200).json;
        let query = format!("{BASE}?startIndex=2&count=2&attributes=displayName,members");
        assert_eq!(scim.get(&query).await.expect(200).json, by_body);
        let head = scim.send(Method::HEAD, &query, None).await.expect(200);
        assert_eq!(head.header("content-length"), by_body.to_string().len().to_string());
        let first = scim.get(&format!("{BASE}?count=2&cursor=")).await.expect(200).json;
        let next = first["nextCursor"].as_str().unwrap();
        let last = scim.get(&format!("{BASE}?count=2&cursor={next}")).await.expect(200).json;
        assert_eq!((last["Resources"].as_array().unwrap().len(), last.get("nextCursor")), (1, None));
        refused(scim.get(&format!("{BASE}?sortBy=id")).await, 400, "invalidValue");
        refused(scim.get(&format!("{BASE}?filter=userName")).await, 400, "invalidFilter");
        refused(world.anon().get(BASE).await, 401, "");
        refused(machine(&world, "idle", "").await.get(BASE).await, 403, "");
        // A list in the body is a list.
        let text = json!({"schemas": [urn], "attributes": "userName,displayName", "count": 1});
        scim.post(&format!("{BASE}/.search"), text.clone()).await.expect(200);
        let dialect = json!([{"identifier": "scim_dialect", "value": "strict", "updateType": "UPDATE"}]);
        world.admin().put("/ng/api/settings?accountIdentifier=acme", dialect).await.expect(200);
        let text = refused(scim.post(&format!("{BASE}/.search"), text).await, 400, "invalidValue");
        assert!(text.contains("attributes must be a list of attribute names"), "{text}");
    }

    async fn a_deactivated_user_loses_his_tokens_at_once_and_keeps_his_bindings(world: World) {
        second_administrator(&world).await;
        let machine = machine(&world, "clerk", "_account_admin").await;
        let (admin, path) = (scim(&world), format!("{USERS}/{}", world.admin_id));
        admin.get(USERS).await.expect(200);
        let turn = |active: bool| patch(json!([{"op": "replace", "path": "active", "value": active}]));
        machine.patch(&path, turn(false)).await.expect(200);
        refused(admin.get(USERS).await, 401, "");
        machine.patch(&path, turn(true)).await.expect(200);
        admin.get(USERS).await.expect(200);
        machine.delete(&path).await.expect(204);
        refused(admin.get(USERS).await, 401, "");
        let left = world.app.db.house().read("test", |tx| {
            let keys = tx.query_one("SELECT count(*) FROM tokens WHERE kind = 'USER'", &[], |row| row.get::<i64>(0))?;
            tx.query_one("SELECT count(*) FROM role_assignments WHERE principal_kind = 'USER'", &[], |row| row.get::<i64>(0)).map(|n| n + keys)
        });
        assert_eq!(left.await.unwrap(), 2, "one token and one binding: the second administrator's");
    }

    async fn a_membership_gives_and_takes_rights_at_once(world: World) {
        second_administrator(&world).await;
        let admin = scim(&world);
        let clerk = machine(&world, "keeper", "_account_admin").await;
        let outer = made_group(&admin, "Outer", &[]).await;
        let inner = made_group(&admin, "Inner", &[]).await;
        clerk.patch(&format!("{GROUPS}/{outer}"), patch(json!([{"op": "add", "path": "members", "value": [{"value": inner}]}]))).await.expect(200);
        let list = "/authz/api/roleassignments?accountIdentifier=acme";
        let binding = json!({
            "resourceGroupIdentifier": "_all_account_level_resources", "roleIdentifier": "_account_viewer",
            "principal": {"identifier": "Outer", "type": "USER_GROUP"}
        });
        world.admin().post(list, binding).await.data();
        let own = world.admin().get(list).await.data();
        let mine = own["content"].as_array().unwrap().iter().map(|row| &row["roleAssignment"]).find(|row| row["principal"]["identifier"] == world.admin_id);
        let mine = mine.expect("the administrator's own binding")["identifier"].as_str().unwrap().to_owned();
        let joined = patch(json!([{"op": "add", "path": "members", "value": [{"value": world.admin_id}]}]));
        clerk.patch(&format!("{GROUPS}/{inner}"), joined).await.expect(200);
        world.admin().delete(&format!("/authz/api/roleassignments/{mine}?accountIdentifier=acme")).await.data();
        admin.get(USERS).await.expect(200);
        refused(admin.post(USERS, user("x")).await, 403, "");
        let left = patch(json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", world.admin_id)}]));
        clerk.patch(&format!("{GROUPS}/{inner}"), left).await.expect(200);
        refused(admin.get(USERS).await, 403, "");
    }
}
