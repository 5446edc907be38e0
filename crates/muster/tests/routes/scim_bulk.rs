//! `/Bulk` (RFC 7644 §3.7), by the ids of the SCIM contract.

use http::Method;
use serde_json::{Value, json};

use super::scim_discovery::machine;
use super::scim_groups::{GROUPS, group, made_group, members};
use super::scim_schemas::{TYPES, device, made_thing, thing};
use super::scim_users::{USERS, made, patch, refused, scim, total, user};
use crate::actors::{Client, World};
use crate::both_engines;

const BULK: &str = "/scim/v2/acme/Bulk";

fn request(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

async fn done(client: &Client, operations: Value) -> Vec<Value> {
    let answer = client.post(BULK, request(operations)).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/scim+json");
    assert_eq!(answer.json["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    answer.json["Operations"].as_array().expect("results").clone()
}

fn statuses(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["status"].as_str().expect("a string")).collect()
}

fn id(row: &Value) -> String {
    row["location"].as_str().expect("a location").rsplit('/').next().unwrap().to_owned()
}

both_engines! {
    async fn b_1_it_is_published(world: World) {
        let config = world.anon().get("/scim/v2/acme/ServiceProviderConfig").await.expect(200).json;
        assert_eq!(config["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576}));
        refused(world.anon().post(BULK, request(json!([]))).await, 401, "");
        refused(scim(&world).post(BULK, request(json!([]))).await, 400, "invalidSyntax");
        refused(scim(&world).post(BULK, json!([])).await, 400, "invalidSyntax");
    }

    async fn b_2_b_5_b_6_references_and_results(world: World) {
        let scim = scim(&world);
        let rows = done(&scim, json!([
            post("/Groups", "crew", group("Crew", &["bulkId:ada", "bulkId:band"])),
            post("/Users", "ada", user("ada")),
            post("/Groups", "band", group("Band", &["bulkId:ada"])),
            {"method": "PATCH", "path": "/Groups/bulkId:crew", "data": patch(json!([{"op": "add", "path": "members", "value": [{"value": "bulkId:bob"}]}]))},
            post("/Users", "bob", user("bob")),
            post("/Users", "again", user("ADA")),
            post("/Groups", "lost", group("Lost", &["bulkId:again"])),
            post("/Groups", "none", group("None", &["bulkId:nowhere"])),
        ])).await;
        assert_eq!(statuses(&rows), ["201", "201", "201", "200", "201", "409", "409", "400"]);
        let (crew, ada, band, bob) = (id(&rows[0]), id(&rows[1]), id(&rows[2]), id(&rows[4]));
        let mut all = vec![ada.clone(), band.clone(), bob];
        all.sort();
        assert_eq!(members(&scim, &crew).await, all);
        assert_eq!(members(&scim, &band).await, std::slice::from_ref(&ada));
        assert_eq!(rows[1], json!({
            "location": format!("http://localhost{USERS}/{ada}"), "method": "POST", "bulkId": "ada", "version": "W/\"1\"", "status": "201"
        }));
        assert_eq!((&rows[3]["location"], &rows[3]["method"]), (&rows[0]["location"], &json!("PATCH")));
        let error = &rows[5]["response"];
        assert_eq!((&error["status"], &error["scimType"], rows[5].get("location")), (&json!("409"), &json!("uniqueness"), None));
        assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert!(rows[..5].iter().all(|row| row.get("response").is_none()));
        assert_eq!(total(&scim, GROUPS, "displayName eq \"Lost\" or displayName eq \"None\"").await, 0);
    }

    async fn b_5_what_cannot_be_done_is_told_apart_all_the_same(world: World) {
        let scim = scim(&world);
        let rows = done(&scim, json!([
            {"path": "/Users/1", "bulkId": "a"},
            {"method": "DELETE", "path": "/Nothing/1", "bulkId": "b"},
            {"method": "PUT", "path": "/Users/2", "bulkId": "c", "data": 7},
            {"method": "PATCH", "path": "/Users/bulkId:nowhere", "data": {}},
            {"method": "POST", "path": "/Users", "data": {}},
            {"method": "POST", "path": "/Users/3", "bulkId": "d", "data": {}},
            7,
        ])).await;
        assert_eq!(statuses(&rows), ["400", "404", "400", "400", "400", "400", "400"]);
        let told: Vec<Value> = rows.iter().map(|row| json!([row["method"], row["bulkId"], row["location"]])).collect();
        let at = |path: &str| format!("http://localhost/scim/v2/acme/{path}");
        assert_eq!(Value::from(told), json!([
            [null, "a", at("Users/1")],
            ["DELETE", "b", at("Nothing/1")],
            ["PUT", "c", at("Users/2")],
            ["PATCH", null, at("Users/bulkId:nowhere")],
            ["POST", null, null],
            ["POST", "d", null],
            [null, null, null],
        ]));
    }

    async fn b_2_operations_on_one_resource_keep_their_order(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let path = format!("/Users/{ada}");
        let title = |text: &str| json!({"method": "PATCH", "path": path, "data": patch(json!([{"op": "replace", "path": "title", "value": text}]))});
        let operations: Vec<Value> = (0..70).map(|n| title(&n.to_string())).collect();
        let rows = done(&scim, Value::from(operations)).await;
        assert_eq!(rows[69]["version"], "W/\"71\"");
        assert_eq!(scim.get(&format!("{USERS}/{ada}")).await.expect(200).json["title"], "69");
        let rows = done(&scim, json!([
            {"method": "PUT", "path": path, "data": user("ada")}, {"method": "DELETE", "path": path}, post("/Users", "x", user("ada")),
            {"method": "PUT", "path": path, "data": user("eve")},
        ])).await;
        assert_eq!(statuses(&rows), ["200", "204", "201", "404"]);
        assert_eq!(rows[1], json!({"location": format!("http://localhost{USERS}/{ada}"), "method": "DELETE", "status": "204"}));
        assert_eq!(rows[3]["location"], format!("http://localhost{USERS}/{ada}"));
    }

    async fn b_2_who_is_revived_keeps_his_place_in_the_order(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let path = format!("/Users/{ada}");
        let active = |active: bool| json!({"method": "PATCH", "path": path, "data": patch(json!([{"op": "replace", "path": "active", "value": active}]))});
        for round in 0..5 {
            let rows = done(&scim, json!([active(false), post("/Users", "a", user("ada")), active(false)])).await;
            assert_eq!(statuses(&rows), ["200", "201", "200"]);
            let versions = [3, 4].map(|version| format!("W/\"{}\"", version + 2 * round));
            assert_eq!((&rows[1]["version"], &rows[2]["version"]), (&json!(versions[0]), &json!(versions[1])));
            assert_eq!(scim.get(&format!("{USERS}/{ada}")).await.expect(200).json["active"], false);
        }
        let delete = json!({"method": "DELETE", "path": path});
        let rows = done(&scim, json!([post("/Users", "a", user("ada")), delete, post("/Users", "b", user("ada"))])).await;
        assert_eq!(statuses(&rows), ["201", "204", "201"]);
        assert!(id(&rows[0]) == ada && id(&rows[2]) != ada);
    }

    async fn b_3_a_circle_changes_nothing(world: World) {
        let scim = scim(&world);
        let before = world.count("audit_rows").await;
        for operations in [
            json!([post("/Users", "fine", user("ada")), post("/Groups", "a", group("A", &["bulkId:a"]))]),
            json!([post("/Users", "fine", user("ada")), post("/Groups", "a", group("A", &["bulkId:b"])), post("/Groups", "b", group("B", &["bulkId:a"]))]),
        ] {
            refused(scim.post(BULK, request(operations)).await, 409, "");
        }
        assert_eq!((world.count("audit_rows").await, total(&scim, USERS, "userName eq \"ada\"").await), (before, 0));
    }

    async fn b_3_two_who_name_each_other_are_connected_afterwards(world: World) {
        let scim = scim(&world);
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let mut bob = user("bob");
        bob["schemas"] = json!([bob["schemas"][0], urn]);
        bob[urn] = json!({"manager": {"value": "bulkId:a"}});
        let operation = json!([{"op": "add", "path": format!("{urn}:manager"), "value": {"value": "bulkId:b"}}]);
        let back = json!({"method": "PATCH", "path": "/Users/bulkId:a", "data": patch(operation)});
        let rows = done(&scim, json!([back, post("/Users", "b", bob), post("/Users", "a", user("ada"))])).await;
        assert_eq!(statuses(&rows), ["200", "201", "201"]);
        for (one, other) in [(&rows[1], &rows[2]), (&rows[2], &rows[1])] {
            let read = scim.get(&format!("{USERS}/{}", id(one))).await.expect(200);
            assert_eq!(read.json[urn]["manager"]["value"], id(other));
        }
    }

    async fn b_4_fail_on_errors(world: World) {
        let scim = scim(&world);
        let nobody = |n: usize| json!({"method": "DELETE", "path": format!("/Users/nobody{n}")});
        let operations = json!([nobody(0), post("/Users", "a", user("ada")), nobody(1), nobody(2), post("/Users", "b", user("bob"))]);
        let mut body = request(operations.clone());
        body["failOnErrors"] = json!(2);
        let rows = scim.post(BULK, body).await.expect(200).json["Operations"].as_array().unwrap().clone();
        assert_eq!(statuses(&rows), ["404", "201", "404"]);
        assert_eq!(total(&scim, USERS, "userName eq \"bob\"").await, 0);
        let rows = done(&scim, operations).await;
        assert_eq!(statuses(&rows), ["404", "409", "404", "404", "201"]);
    }

    async fn b_7_limits(world: World) {
        let scim = scim(&world);
        let many: Vec<Value> = (0..1_001).map(|n| json!({"method": "DELETE", "path": format!("/Users/{n}")})).collect();
        let detail = refused(scim.post(BULK, request(Value::from(many))).await, 413, "");
        assert!(detail.contains("1000"), "the limit is named: {detail}");
        let big = request(json!([post("/Users", "a", json!({"userName": "x".repeat(1 << 20)}))]));
        let detail = refused(scim.send(Method::POST, BULK, Some(big.to_string())).await, 413, "");
        assert!(detail.contains("1048576 bytes"), "{detail}");
        let fits: Vec<Value> = (0..1_000).map(|n| post("/Users", &n.to_string(), user(&format!("user{n}")))).collect();
        let rows = done(&scim, Value::from(fits)).await;
        assert!(rows.len() == 1_000 && statuses(&rows).iter().all(|status| *status == "201"));
        assert_eq!(total(&scim, USERS, "userName sw \"user\"").await, 1_000);
    }

    async fn b_8_version_is_a_condition(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let put = |version: &str| json!({"method": "PUT", "path": format!("/Users/{ada}"), "version": version, "data": user("ada")});
        let change = json!({"method": "PATCH", "path": format!("/Users/{ada}"), "version": "W/\"1\"", "data": patch(json!([{"op": "add", "path": "title", "value": "x"}]))});
        let rows = done(&scim, json!([put("W/\"7\""), put("W/\"1\""), change, put("W/\"1\""), put("*"), {"method": "DELETE", "path": format!("/Users/{ada}"), "version": "W/\"2\""}])).await;
        assert_eq!(statuses(&rows), ["412", "200", "200", "412", "200", "412"]);
        assert!(rows[0]["response"]["detail"].as_str().unwrap().contains("or version in a bulk request"), "{}", rows[0]);
    }

    async fn b_9_each_operation_asks_for_its_permission(world: World) {
        let (viewer, clerk) = (machine(&world, "viewer", "_account_viewer").await, machine(&world, "clerk", "_scim_provisioner").await);
        let crew = made_group(&scim(&world), "Crew", &[]).await;
        let operations = json!([post("/Users", "a", user("ada")), {"method": "DELETE", "path": format!("/Groups/{crew}")}]);
        let rows = done(&viewer, operations.clone()).await;
        assert_eq!(statuses(&rows), ["403", "403"]);
        assert_eq!(rows[0]["response"]["status"], "403");
        assert_eq!(statuses(&done(&clerk, operations).await), ["201", "204"]);
    }

    async fn b_10_each_operation_leaves_its_trace(world: World) {
        let scim = scim(&world);
        let (rows_before, events_before) = (world.count("audit_rows").await, world.count("events").await);
        let rows = done(&scim, json!([
            post("/Users", "a", user("ada")), post("/Users", "b", user("ada")), post("/Groups", "g", group("Crew", &["bulkId:a"])),
            {"method": "DELETE", "path": "/Users/bulkId:a"},
        ])).await;
        assert_eq!(statuses(&rows), ["201", "409", "201", "204"]);
        // One each for those that did something, and one of the group that the user left by going.
        assert_eq!(world.count("audit_rows").await - rows_before, 4);
        // user.created, group.created, group.member_added, group.member_removed, user.deleted
        assert_eq!(world.count("events").await - events_before, 5);
    }

    /// Whoever loses his access while his own request is under way does no more by the rest of it.
    async fn b_9_who_takes_his_own_access_is_asked_again_before_what_follows(world: World) {
        let (admin, boss) = (world.admin(), scim(&world));
        admin.post(TYPES, device()).await.data();
        let (ada, crew) = (made(&boss, "ada").await, made_group(&boss, "crew", &[]).await);
        let gone = made(&boss, "gone").await;
        boss.patch(&format!("{USERS}/{gone}"), turn(false)).await.expect(200);
        let (lamp, torch) = (made_thing(&boss, "S1", "Lamp").await, made_thing(&boss, "S2", "Torch").await);
        let (me, token) = world.person("mallory@example.com").await;
        let role = json!({
            "roleIdentifier": "_account_admin", "resourceGroupIdentifier": "_all_account_level_resources",
            "principal": {"identifier": me, "type": "USER"}
        });
        admin.post("/authz/api/roleassignments?accountIdentifier=acme", role).await.data();
        let add = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
        let mut operations = vec![
            json!({"method": "PATCH", "path": format!("/Users/{me}"), "data": turn(false)}),
            post("/Users", "again", user("gone")),
            post("/Groups", "band", group("Band", &[&ada])),
            json!({"method": "PATCH", "path": format!("/Groups/{crew}"), "data": patch(add)}),
            json!({"method": "PUT", "path": format!("/Devices/{lamp}"), "data": thing("S1", "Other")}),
            json!({"method": "DELETE", "path": format!("/Devices/{torch}")}),
            json!({"method": "DELETE", "path": format!("/Users/{ada}")}),
        ];
        // As many are under way at once: whoever is new and comes right behind it may come before it, too.
        let fresh = 30 - operations.len();
        operations.extend((0..fresh).map(|n| post("/Users", &format!("n{n}"), user(&format!("n{n}")))));
        operations.extend([post("/Users", "late", user("late")), post("/Groups", "lost", group("Lost", &[]))]);
        operations.push(post("/Devices", "thing", thing("S3", "x")));
        let rows = done(&world.bearer(&token), json!(operations)).await;
        let (first, later) = (statuses(&rows)[..30].to_vec(), statuses(&rows)[30..].to_vec());
        assert_eq!(first, [&["200"][..], &["503"; 6], &vec!["201"; fresh]].concat());
        assert_eq!(later, ["503"; 3]);
        assert!(rows[30]["response"]["detail"].as_str().unwrap().contains("nothing was done"), "{}", rows[30]);
        world.bearer(&token).get(USERS).await.expect(401);
        assert_eq!(total(&boss, USERS, "active eq false").await, 2);
        assert_eq!(total(&boss, USERS, "userName eq \"late\"").await, 0);
        assert_eq!(total(&boss, GROUPS, "displayName ne \"crew\"").await, 0);
        assert_eq!(total(&boss, "/scim/v2/acme/Devices", "title eq \"Lamp\" or title eq \"Torch\"").await, 2);
    }
}

fn turn(active: bool) -> Value {
    patch(json!([{"op": "replace", "path": "active", "value": active}]))
}
