//! Schemas and resource types that an account defines at run time (SCIM contract SCH-16): the API for them,
//! and that every rule holds for them.

use http::Method;
use serde_json::{Value, json};

use super::provisioning_log::newest;
use super::scim_groups::{GROUPS, group};
use super::scim_users::{USERS, made, patch, refused, scim, total, user};
use crate::actors::{Client, World};
use crate::both_engines;

const SCHEMAS: &str = "/ng/api/scim-schemas?accountIdentifier=acme";
pub(super) const TYPES: &str = "/ng/api/scim-resource-types?accountIdentifier=acme";
const BASE: &str = "/scim/v2/acme";
const DEVICES: &str = "/scim/v2/acme/Devices";
const BADGE: &str = "urn:example:params:scim:schemas:extension:badge:1.0:User";
const DEVICE: &str = "urn:example:params:scim:schemas:device:1.0:Device";
const PLACE: &str = "urn:example:params:scim:schemas:device:1.0:Device:Place";

fn one_schema(urn: &str) -> String {
    format!("/ng/api/scim-schemas/{urn}?accountIdentifier=acme")
}

fn badge() -> Value {
    json!({
        "id": BADGE, "name": "Badge", "description": "What opens doors", "appliesTo": "User", "required": false,
        "attributes": [
            {"name": "number", "type": "string", "uniqueness": "server", "description": "On the card"},
            {"name": "zone", "type": "string", "indexed": true},
            {"name": "colour", "type": "string", "caseExact": true},
            {"name": "level", "type": "integer"},
            {"name": "issued", "type": "dateTime", "mutability": "immutable"},
            {"name": "seen", "type": "dateTime", "mutability": "readOnly"},
            {"name": "note", "type": "string", "returned": "request"},
            {"name": "card", "type": "string", "returned": "always"},
            {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "indexed": true}, {"name": "type", "type": "string"},
                {"name": "primary", "type": "boolean"}
            ]}
        ]
    })
}

pub(super) fn device() -> Value {
    json!({
        "name": "Device", "endpoint": "/Devices", "description": "A thing",
        "schema": {"id": DEVICE, "name": "Device", "attributes": [
            {"name": "serial", "type": "string", "required": true, "uniqueness": "server", "mutability": "immutable"},
            {"name": "title", "type": "string", "indexed": true},
            {"name": "weight", "type": "decimal"},
            {"name": "owner", "type": "reference", "referenceTypes": ["User"], "indexed": true},
            {"name": "hidden", "type": "string", "returned": "request"}
        ]},
        "schemaExtensions": [{"id": PLACE, "name": "Place", "required": false, "attributes": [
            {"name": "room", "type": "string", "indexed": true}, {"name": "floor", "type": "integer"}
        ]}]
    })
}

fn with_badge(name: &str, badge: Value) -> Value {
    let mut user = user(name);
    user["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User", BADGE]);
    user[BADGE] = badge;
    user
}

async fn badged(client: &Client, name: &str, badge: Value) -> String {
    let answer = client.post(USERS, with_badge(name, badge)).await.expect(201);
    answer.json["id"].as_str().expect("an id").to_owned()
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("{USERS}?{query}")).await.expect(200).json;
    let rows = list["Resources"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["userName"].as_str().unwrap().to_owned()).collect()
}

fn filter(text: &str) -> String {
    let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("filter={text}")
}

pub(super) fn thing(serial: &str, title: &str) -> Value {
    json!({"schemas": [DEVICE], "serial": serial, "title": title})
}

pub(super) async fn made_thing(client: &Client, serial: &str, title: &str) -> String {
    let answer = client.post(DEVICES, thing(serial, title)).await.expect(201);
    answer.json["id"].as_str().expect("an id").to_owned()
}

/// Makes strict, so that nothing is mended.
async fn strict(world: &World) {
    let body = json!([{"identifier": "scim_dialect", "value": "strict", "updateType": "UPDATE"}]);
    world.admin().put("/ng/api/settings?accountIdentifier=acme", body).await.data();
}

async fn rows(world: &World, attr: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM directory_index WHERE attr LIKE '%{attr}'");
    let read = move |tx: &mut db::Tx<'_>| tx.query_one(&sql, &[], |row| row.get(0));
    world.app.db.house().read::<_, db::Error>("test.rows", read).await.unwrap()
}

async fn everything(client: &Client, query: &str) -> Value {
    client.get(&format!("{BASE}?{query}")).await.expect(200).json
}

both_engines! {
    async fn put_2_what_comes_on_request_stays_where_a_put_does_not_name_it(world: World) {
        let scim = scim(&world);
        let mut schema = badge();
        let subs = json!([{"name": "value", "type": "string"}, {"name": "pin", "type": "string", "returned": "request"}]);
        for (name, many) in [("lock", false), ("doors", true)] {
            let more = json!({"name": name, "type": "complex", "multiValued": many, "subAttributes": subs});
            schema["attributes"].as_array_mut().unwrap().push(more);
        }
        world.admin().post(SCHEMAS, schema).await.data();
        let all = json!({
            "note": "quiet", "zone": "A", "lock": {"value": "l", "pin": "1"},
            "doors": [{"value": "a", "pin": "2"}, {"value": "b", "pin": "3"}]
        });
        let path = format!("{USERS}/{}", badged(&scim, "ada", all.clone()).await);
        let whole = format!("{path}?attributes={BADGE}:note,{BADGE}:zone,{BADGE}:lock,{BADGE}:lock.pin,{BADGE}:doors,{BADGE}:doors.pin");
        let read = scim.get(&path).await.expect(200);
        let put = scim.put(&path, read.json.clone()).await.expect(200);
        assert_eq!((put.header("etag"), &put.json), (read.header("etag"), &read.json), "nothing changed");
        assert_eq!(scim.get(&whole).await.expect(200).json[BADGE], all);
        let put = |badge: Value| {
            let (scim, path, whole) = (&scim, &path, &whole);
            async move {
                scim.put(path, with_badge("ada", badge)).await.expect(200);
                scim.get(whole).await.expect(200).json[BADGE].clone()
            }
        };
        let doors = json!([{"VALUE": "B"}, {"value": "c"}]);
        let kept = json!({"note": "quiet", "doors": [{"value": "B", "pin": "3"}, {"value": "c"}]});
        assert_eq!(put(json!({"doors": doors})).await, kept, "what was shown and is left out goes");
        let named = json!({"Note": null, "lock": {"value": "l", "pin": "1"}, "doors": [{"value": "b"}, {"value": "c", "pin": "4"}]});
        let kept = json!({"lock": {"value": "l", "pin": "1"}, "doors": [{"value": "b"}, {"value": "c", "pin": "4"}]});
        assert_eq!(put(named).await, kept, "what is named is what it says");
        assert_eq!(put(json!({"lock": {"pin": "5"}})).await, json!({"lock": {"pin": "5"}}));
        assert_eq!(put(json!({})).await, json!({"lock": {"pin": "5"}}), "nothing of it is ever shown");
        assert_eq!(put(json!({"lock": null})).await, Value::Null);
        put(json!({"note": "again"})).await;
        assert_eq!(put(Value::Null).await, Value::Null);
    }

    async fn q_1_a_search_over_everything_finds_what_is_of_own_types(world: World) {
        let scim = scim(&world);
        world.admin().post(TYPES, device()).await.expect(200);
        let ada = made(&scim, "ada").await;
        scim.post(GROUPS, group("Crew", &[&ada])).await.expect(201);
        let lamp = made_thing(&scim, "s1", "Lamp").await;
        made_thing(&scim, "s2", "Torch").await;
        let (by_id, by_type) = (format!("id eq \"{lamp}\""), "meta.resourceType eq \"Device\"".to_owned());
        for (text, total) in [(by_id, 1), (by_type, 2), ("serial eq \"S2\" or userName eq \"ada\"".to_owned(), 2), ("title pr".to_owned(), 2)] {
            let found = everything(&scim, &filter(&text)).await;
            assert_eq!(found["totalResults"], total, "{text}");
            assert_eq!(found["Resources"].as_array().unwrap().last().unwrap()["meta"]["resourceType"], "Device");
        }
        // The administrator, ada, the group and two devices.
        for count in 0..=6 {
            let (mut by_index, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), String::new());
            for start in (1..=5).step_by(count.max(1)) {
                let page = everything(&scim, &format!("startIndex={start}&count={count}")).await;
                assert_eq!(page["totalResults"], 5);
                by_index.extend(page["Resources"].as_array().unwrap().iter().map(|one| one["id"].clone()));
            }
            loop {
                let page = everything(&scim, &format!("cursor={cursor}&count={count}")).await;
                assert_eq!(page["totalResults"], 5);
                by_cursor.extend(page["Resources"].as_array().unwrap().iter().map(|one| one["id"].clone()));
                match page["nextCursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
            assert_eq!((by_index.len(), &by_index), (if count == 0 { 0 } else { 5 }, &by_cursor), "{count}");
        }
        let begun = everything(&scim, "cursor=&count=4").await;
        let next = begun["nextCursor"].as_str().unwrap();
        let mut other = device();
        (other["name"], other["endpoint"]) = (json!("Door"), json!("/Doors"));
        other["schema"]["id"] = json!("urn:example:params:scim:schemas:door:1.0:Door");
        other.as_object_mut().unwrap().remove("schemaExtensions");
        world.admin().post(TYPES, other).await.expect(200);
        refused(scim.get(&format!("{BASE}?cursor={next}&count=4")).await, 400, "invalidCursor");
    }

    async fn sch_16_a_schema_is_listed_at_once_and_on_every_replica(world: World) {
        let (admin, replica) = (world.admin(), world.replica());
        let anon = replica.anon();
        assert_eq!(anon.get(&format!("{BASE}/Schemas")).await.expect(200).json["totalResults"], 3);
        replica.bearer(world.admin_token()).get(USERS).await.expect(200);
        let made = admin.post(SCHEMAS, badge()).await.data();
        assert_eq!((&made["id"], &made["appliesTo"], &made["createdAt"]), (&json!(BADGE), &json!("User"), &json!(1_767_225_600_000_i64)));
        assert_eq!(made["attributes"][0]["indexed"], true, "what is unique is looked up");
        assert_eq!(admin.get(&one_schema(BADGE)).await.data(), made);
        assert_eq!(admin.get(&one_schema(&BADGE.to_uppercase())).await.data(), made);
        assert_eq!(admin.get(SCHEMAS).await.data(), json!([made]));
        for client in [world.anon(), anon] {
            let list = client.get(&format!("{BASE}/Schemas")).await.expect(200).json;
            assert_eq!(list["totalResults"], 4);
            let shown = client.get(&format!("{BASE}/Schemas/{BADGE}")).await.expect(200).json;
            assert_eq!((&shown["name"], &shown["attributes"][2]["caseExact"]), (&json!("Badge"), &json!(true)));
            assert_eq!(shown["attributes"][0].get("indexed"), None, "no characteristic of the standard");
            let user = client.get(&format!("{BASE}/ResourceTypes/User")).await.expect(200).json;
            assert_eq!(user["schemaExtensions"][1], json!({"schema": BADGE, "required": false}));
        }
        let there = replica.bearer(world.admin_token());
        badged(&there, "ada", json!({"zone": "A"})).await;
        world.other_account("rival").await;
        assert_eq!(world.anon().get("/scim/v2/rival/Schemas").await.expect(200).json["totalResults"], 3);
        let mut changed = badge();
        changed["name"] = json!("Door badge");
        admin.put(&one_schema(BADGE), changed).await.data();
        assert_eq!(replica.anon().get(&format!("{BASE}/Schemas/{BADGE}")).await.expect(200).json["name"], "Door badge");
        let trail = world.trail().await;
        let about = |action: &str| trail.iter().filter(|row| row.starts_with(&format!("{action} SCIM_SCHEMA {BADGE}"))).count();
        assert_eq!((about("CREATE"), about("UPDATE")), (1, 1), "{trail:#?}");
    }

    async fn sch_16_values_obey_their_characteristics(world: World) {
        world.admin().post(SCHEMAS, badge()).await.data();
        strict(&world).await;
        let scim = scim(&world);
        for (bad, says) in [
            (json!({"level": "high"}), "level"), (json!({"issued": "yesterday"}), "issued"), (json!({"zone": ["A"]}), "zone"),
            (json!({"keys": [{"value": 1}]}), "value"), (json!("A"), BADGE),
        ] {
            let detail = refused(scim.post(USERS, with_badge("ada", bad.clone())).await, 400, "invalidValue");
            assert!(detail.contains(says), "{bad}: {detail}");
        }
        refused(scim.post(USERS, with_badge("ada", json!({"wrong": 1}))).await, 400, "invalidSyntax");
        let full = json!({
            "number": "N1", "zone": "A", "colour": "Red", "level": 3, "issued": "2020-01-01T00:00:00Z",
            "seen": "2021-01-01T00:00:00Z", "note": "quiet", "card": "c", "keys": [{"value": "K1", "type": "door"}]
        });
        let ada = badged(&scim, "ada", full).await;
        let path = format!("{USERS}/{ada}");
        let shown = scim.get(&path).await.expect(200).json;
        let mut wanted = json!({
            "number": "N1", "zone": "A", "colour": "Red", "level": 3, "issued": "2020-01-01T00:00:00Z", "card": "c",
            "keys": [{"value": "K1", "type": "door"}]
        });
        assert_eq!(shown[BADGE], wanted, "readOnly is not taken, returned=request is not shown");
        assert_eq!(shown["schemas"][1], BADGE);
        let list = scim.get(&format!("{USERS}?{}", filter("userName eq \"ada\""))).await.expect(200).json;
        assert_eq!(list["Resources"][0], shown);
        let asked = scim.get(&format!("{path}?attributes={BADGE}:note,{}:zone", BADGE.to_uppercase())).await.expect(200).json;
        assert_eq!(asked[BADGE], json!({"note": "quiet", "zone": "A", "card": "c"}));
        let without = scim.get(&format!("{path}?excludedAttributes={BADGE}")).await.expect(200).json;
        assert_eq!(without[BADGE], json!({"card": "c"}), "returned=always survives");
        // Uniqueness, in any case, on every way in.
        refused(scim.post(USERS, with_badge("bob", json!({"number": "n1"}))).await, 409, "uniqueness");
        let bob = badged(&scim, "bob", json!({"number": "N2"})).await;
        let clash = json!([{"op": "replace", "path": format!("{BADGE}:number"), "value": "n1"}]);
        refused(scim.patch(&format!("{USERS}/{bob}"), patch(clash)).await, 409, "uniqueness");
        refused(scim.put(&format!("{USERS}/{bob}"), with_badge("bob", json!({"number": "N1"}))).await, 409, "uniqueness");
        // Mutability.
        refused(scim.put(&path, with_badge("ada", json!({"issued": "2022-01-01T00:00:00Z"}))).await, 400, "mutability");
        let immutable = json!([{"op": "replace", "path": format!("{BADGE}:issued"), "value": "2022-01-01T00:00:00Z"}]);
        refused(scim.patch(&path, patch(immutable)).await, 400, "mutability");
        let read_only = json!([{"op": "add", "path": format!("{BADGE}:seen"), "value": "2022-01-01T00:00:00Z"}]);
        refused(scim.patch(&path, patch(read_only)).await, 400, "mutability");
        // PATCH by URN: sub-attributes, value paths, the whole extension.
        let change = json!([
            {"op": "replace", "path": format!("{BADGE}:zone"), "value": "B"},
            {"op": "add", "path": format!("{BADGE}:keys"), "value": [{"value": "K2", "type": "gate"}]},
            {"op": "replace", "path": format!("{BADGE}:keys[type eq \"door\"].value"), "value": "K3"},
            {"op": "add", "path": BADGE, "value": {"level": 4}},
        ]);
        let patched = scim.patch(&path, patch(change)).await.expect(200).json;
        wanted["zone"] = json!("B");
        wanted["level"] = json!(4);
        wanted["keys"] = json!([{"value": "K3", "type": "door"}, {"value": "K2", "type": "gate"}]);
        assert_eq!(patched[BADGE], wanted);
        let gone = scim.patch(&path, patch(json!([{"op": "remove", "path": format!("{BADGE}:number")}]))).await.expect(200).json;
        assert_eq!(gone[BADGE].get("number"), None);
        badged(&scim, "carl", json!({"number": "N1"})).await;
        scim.delete(&format!("{USERS}/{bob}")).await.expect(204);
        badged(&scim, "dora", json!({"number": "n2"})).await;
    }

    async fn sch_7_what_comes_on_request_comes_with_the_answer_to_its_write(world: World) {
        world.admin().post(SCHEMAS, badge()).await.data();
        world.admin().post(TYPES, device()).await.data();
        let scim = scim(&world);
        let ada = scim.post(USERS, with_badge("ada", json!({"note": "n", "zone": "A"}))).await.expect(201).json;
        assert_eq!(ada[BADGE], json!({"note": "n", "zone": "A"}));
        let path = format!("{USERS}/{}", ada["id"].as_str().unwrap());
        assert_eq!(scim.get(&path).await.json[BADGE], json!({"zone": "A"}));
        let change = |name: &str| patch(json!([{"op": "replace", "path": format!("{BADGE}:{name}"), "value": "B"}]));
        assert_eq!(scim.patch(&path, change("zone")).await.expect(200).json[BADGE], json!({"zone": "B"}));
        let noted = scim.patch(&path, change("note")).await.expect(200).json;
        assert_eq!(noted[BADGE], json!({"note": "B", "zone": "B"}));
        let only = scim.patch(&format!("{path}?attributes=userName"), change("note")).await.expect(200).json;
        assert_eq!(only.get(BADGE), None);
        let put = scim.put(&path, with_badge("ada", json!({"note": "C"}))).await.expect(200).json;
        assert_eq!(put[BADGE], json!({"note": "C"}));
        let body = json!({"schemas": [DEVICE], "serial": "S1", "hidden": "h"});
        let made = scim.post("/scim/v2/acme/Devices", body).await.expect(201).json;
        assert_eq!(made["hidden"], "h");
    }

    async fn sch_16_filters_and_orders_by_what_an_account_defines(world: World) {
        world.admin().post(SCHEMAS, badge()).await.data();
        let scim = scim(&world);
        made(&scim, "none").await;
        for (name, zone, colour, level, key) in [("ada", "North", "Red", 3, "K1"), ("bob", "south", "red", 1, "K2"), ("carl", "East", "Blue", 2, "K1")] {
            badged(&scim, name, json!({"zone": zone, "colour": colour, "level": level, "keys": [{"value": key, "type": "door"}]})).await;
        }
        for (text, wanted) in [
            (format!("{BADGE}:zone eq \"NORTH\""), vec!["ada"]),
            (format!("{BADGE}:zone sw \"s\""), vec!["bob"]),
            (format!("{BADGE}:zone co \"OU\""), vec!["bob"]),
            (format!("{BADGE}:zone pr and {BADGE}:zone ne \"east\""), vec!["ada", "bob"]),
            (format!("{BADGE}:colour eq \"red\""), vec!["bob"]),
            (format!("{BADGE}:level gt 1"), vec!["ada", "carl"]),
            (format!("{BADGE}:keys.value eq \"k1\""), vec!["ada", "carl"]),
            (format!("{BADGE}:keys[type eq \"door\" and value eq \"K2\"]"), vec!["bob"]),
            (format!("not({BADGE}:zone pr) and userName eq \"none\""), vec!["none"]),
            (format!("{BADGE}:zone eq \"north\" or {BADGE}:level eq 2"), vec!["ada", "carl"]),
        ] {
            let mut found = names(&scim, &filter(&text)).await;
            found.sort();
            assert_eq!(found, wanted, "{text}");
        }
        assert_eq!(names(&scim, &format!("{}&sortBy={BADGE}:zone", filter(&format!("{BADGE} pr or {BADGE}:zone pr")))).await, ["carl", "ada", "bob"]);
        assert_eq!(names(&scim, &format!("{}&sortBy={BADGE}:level&sortOrder=descending", filter(&format!("{BADGE}:level pr")))).await, ["ada", "carl", "bob"]);
        let page = scim.get(&format!("{USERS}?{}&sortBy={BADGE}:zone&count=2&cursor=", filter(&format!("{BADGE}:zone pr")))).await.expect(200).json;
        let next = page["nextCursor"].as_str().unwrap();
        let rest = scim.get(&format!("{USERS}?{}&sortBy={BADGE}:zone&count=2&cursor={next}", filter(&format!("{BADGE}:zone pr")))).await.expect(200).json;
        assert_eq!(rest["Resources"][0]["userName"], "bob");
        assert_eq!(rows(&world, ":zone").await, 3);
        let id = scim.get(&format!("{USERS}?{}", filter("userName eq \"ada\""))).await.json["Resources"][0]["id"].as_str().unwrap().to_owned();
        world.admin().delete(&format!("/ng/api/user/{id}?accountIdentifier=acme")).await.data();
        assert_eq!(rows(&world, ":zone").await, 2, "the platform API takes the rows away, too");
    }

    async fn sch_16_groups_and_required_extensions(world: World) {
        let urn = "urn:example:team";
        let before = scim(&world).post(GROUPS, group("Old", &[])).await.expect(201).json["id"].as_str().unwrap().to_owned();
        let mut schema = json!({"id": urn, "name": "Team", "appliesTo": "Group", "required": true, "attributes": [
            {"name": "code", "type": "string", "required": true, "indexed": true}
        ]});
        world.admin().post(SCHEMAS, schema.clone()).await.data();
        strict(&world).await;
        let scim = scim(&world);
        let detail = refused(scim.post(GROUPS, group("Crew", &[])).await, 400, "invalidValue");
        assert!(detail.contains(urn), "{detail}");
        let mut body = group("Crew", &[]);
        body["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:Group", urn]);
        body[urn] = json!({"code": "C1"});
        let id = scim.post(GROUPS, body).await.expect(201).json["id"].as_str().unwrap().to_owned();
        assert_eq!(total(&scim, GROUPS, &format!("{urn}:code eq \"c1\"")).await, 1);
        refused(scim.patch(&format!("{GROUPS}/{id}"), patch(json!([{"op": "remove", "path": format!("{urn}:code")}]))).await, 400, "mutability");
        // Who was there before is changed and read as ever; only what is written whole must have it.
        let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Older"}]));
        scim.patch(&format!("{GROUPS}/{before}"), rename).await.expect(200);
        refused(scim.put(&format!("{GROUPS}/{before}"), group("Old", &[])).await, 400, "invalidValue");
        schema["required"] = json!(false);
        world.admin().put(&one_schema(urn), schema).await.data();
        scim.put(&format!("{GROUPS}/{before}"), group("Old", &[])).await.expect(200);
        world.admin().delete("/ng/api/user-groups/Crew?accountIdentifier=acme").await.data();
        assert_eq!(rows(&world, ":code").await, 0);
        world.admin().delete(&one_schema(urn)).await.data();
    }

    async fn sch_16_what_became_required_later_stands_in_no_patchs_way(world: World) {
        let (scim, urn) = (scim(&world), "urn:example:late");
        let mut schema = json!({"id": urn, "name": "Late", "appliesTo": "User", "attributes": [
            {"name": "zone", "type": "string"}, {"name": "number", "type": "string"}
        ]});
        world.admin().post(SCHEMAS, schema.clone()).await.data();
        let mut ada = user("ada");
        ada[urn] = json!({"zone": "red"});
        let id = scim.post(USERS, ada.clone()).await.expect(201).json["id"].as_str().unwrap().to_owned();
        let bob = scim.post(USERS, user("bob")).await.expect(201).json["id"].as_str().unwrap().to_owned();
        schema["attributes"][1]["required"] = json!(true);
        world.admin().put(&one_schema(urn), schema).await.data();
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        let change = |id: &str, op: Value| {
            let (scim, at) = (scim.clone(), format!("{USERS}/{id}"));
            async move { scim.patch(&at, patch(json!([op]))).await }
        };
        change(&id, json!({"op": "replace", "value": {"active": false, department: "Sales"}})).await.expect(200);
        change(&id, json!({"op": "replace", "path": format!("{urn}:zone"), "value": "blue"})).await.expect(200);
        // Who begins with the extension brings all of it, and what is there stays.
        let zone = json!({"op": "add", "path": format!("{urn}:zone"), "value": "blue"});
        refused(change(&bob, zone).await, 400, "invalidValue");
        change(&id, json!({"op": "add", "path": format!("{urn}:number"), "value": "7"})).await.expect(200);
        refused(change(&id, json!({"op": "remove", "path": format!("{urn}:number")})).await, 400, "mutability");
        refused(scim.put(&format!("{USERS}/{bob}"), ada).await, 400, "invalidValue");
    }

    async fn definitions_that_do_not_fit_are_refused_with_everything_wrong(world: World) {
        let admin = world.admin();
        let mut bad = badge();
        bad["appliesTo"] = json!("Device");
        bad["attributes"][0] = json!({"name": "1", "type": "text", "returned": "never"});
        bad["colour"] = json!(1);
        let answer = admin.post(SCHEMAS, bad).await.expect(400);
        let fields: Vec<_> = answer.json["errors"].as_array().unwrap().iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        assert_eq!(fields, ["colour", "attributes[0].name", "attributes[0].type", "attributes[0].returned", "appliesTo"]);
        admin.post(SCHEMAS, badge()).await.data();
        admin.post(SCHEMAS, badge()).await.refused(400, "DUPLICATE_FIELD");
        let other = |id: &str| json!({"id": id, "name": "x", "appliesTo": "Group", "attributes": [{"name": "a", "type": "string"}]});
        let reads = admin.post(SCHEMAS, other(&format!("{BADGE}:zone"))).await.refused(400, "INVALID_REQUEST");
        assert!(reads.contains("reads as the attribute zone"), "{reads}");
        let mut boxed = other("urn:example:boxed");
        boxed["attributes"] = json!([{"name": "box", "type": "complex", "subAttributes": [{"name": "a", "type": "string"}]}]);
        admin.post(SCHEMAS, boxed).await.data();
        let reads = admin.post(SCHEMAS, other("urn:example:boxed:box.a")).await.refused(400, "INVALID_REQUEST");
        assert!(reads.contains("reads as the attribute box.a"), "{reads}");
        admin.post(SCHEMAS, other("urn:example:boxed:box.b")).await.data();
        admin.post(SCHEMAS, other("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")).await.refused(400, "INVALID_REQUEST");
        admin.put(&one_schema("urn:example:none"), other("urn:example:none")).await.refused(404, "ENTITY_NOT_FOUND");
        admin.put(&one_schema(BADGE), other("urn:example:none")).await.refused(400, "INVALID_REQUEST");
        admin.get(&one_schema("urn:ietf:params:scim:schemas:core:2.0:User")).await.refused(404, "ENTITY_NOT_FOUND");
        admin.delete(&one_schema("urn:example:none")).await.refused(404, "ENTITY_NOT_FOUND");
        admin.send(Method::POST, SCHEMAS, Some("[]".into())).await.refused(400, "INVALID_REQUEST");
        let whole = badge().to_string();
        for (text, twice, name) in [
            ("\"name\":\"Badge\"", "\"name\":\"A\",\"name\":\"Badge\"", "name"),
            ("\"name\":\"zone\"", "\"name\":\"zones\",\"name\":\"zone\"", "name"),
            ("\"type\":\"boolean\"", "\"type\":\"string\",\"type\":\"boolean\"", "type"),
        ] {
            let body = whole.replacen(text, twice, 1).replace(BADGE, "urn:example:twice");
            assert_ne!(body.len(), whole.len());
            let text = admin.send(Method::POST, SCHEMAS, Some(body)).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(&format!("the member \"{name}\" stands twice")), "{text}");
        }
        for (place, names) in [("attributes[1].name", ["a", "A"]), ("attributes[0].subAttributes[1].name", ["b", "B"])] {
            let named = |name: &str| json!({"name": name, "type": "string"});
            let mut list = names.map(named).to_vec();
            if place.contains("sub") {
                list = vec![json!({"name": "c", "type": "complex", "subAttributes": list})];
            }
            let body = json!({"id": "urn:example:twice", "name": "T", "appliesTo": "User", "attributes": list});
            let text = admin.post(SCHEMAS, body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(place) && text.contains("is there twice"), "{text}");
        }
        let mut many = other("urn:example:many");
        many["attributes"] = (0..70).map(|n| json!({"name": format!("a{n}"), "type": "string", "indexed": true})).collect();
        let text = admin.post(SCHEMAS, many).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("64 indexed"), "{text}");
        let viewer = world.machine("viewer", Some("_account_viewer")).await;
        viewer.get(SCHEMAS).await.data();
        viewer.post(SCHEMAS, other("urn:example:mine")).await.refused(403, "NG_ACCESS_DENIED");
        viewer.delete(&one_schema(BADGE)).await.refused(403, "NG_ACCESS_DENIED");
        world.machine("nobody", None).await.get(SCHEMAS).await.refused(403, "NG_ACCESS_DENIED");
    }

    async fn an_account_has_fifty_definitions(world: World) {
        let admin = world.admin();
        let one = |n: usize| {
            let attributes = json!([{"name": "a", "type": "string"}]);
            json!({"id": format!("urn:example:s{n}"), "name": "x", "appliesTo": "Group", "attributes": attributes})
        };
        for n in 0..50 {
            admin.post(SCHEMAS, one(n)).await.data();
        }
        let answer = admin.post(SCHEMAS, one(50)).await;
        assert_eq!(answer.json.get("errors"), None, "it is no field's fault");
        let text = answer.refused(400, "INVALID_REQUEST");
        assert!(text.starts_with("An account has 50 definitions at most"), "{text}");
        admin.put(&one_schema("urn:example:s7"), one(7)).await.data();
    }

    async fn stored_data_is_never_made_invalid(world: World) {
        let (admin, scim) = (world.admin(), scim(&world));
        admin.post(SCHEMAS, badge()).await.data();
        let change = |at: usize, key: &str, value: Value| {
            let mut body = badge();
            body["attributes"][at][key] = value;
            body
        };
        let ada = badged(&scim, "ada", json!({"colour": "Red", "keys": [{"value": "K1"}]})).await;
        let mut without = badge();
        without["attributes"].as_array_mut().unwrap().remove(2);
        let mut fewer = badge();
        fewer["attributes"][8]["subAttributes"].as_array_mut().unwrap().remove(0);
        let refusals = [
            without.clone(), fewer, change(2, "type", json!("boolean")), change(2, "name", json!("Colour")),
            change(2, "multiValued", json!(true)), change(2, "uniqueness", json!("server")),
        ];
        for mut body in refusals {
            if body["attributes"][2]["type"] == "boolean" {
                body["attributes"][2].as_object_mut().unwrap().remove("caseExact");
            }
            let text = admin.put(&one_schema(BADGE), body.clone()).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(&ada) && text.contains(BADGE), "{body}: {text}");
        }
        let text = admin.delete(&one_schema(BADGE)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains(&ada), "{text}");
        // What nobody has a value of may change.
        let mut unused = badge();
        unused["attributes"].as_array_mut().unwrap().remove(3);
        unused["attributes"].as_array_mut().unwrap().push(json!({"name": "level", "type": "string"}));
        admin.put(&one_schema(BADGE), unused).await.data();
        scim.patch(&format!("{USERS}/{ada}"), patch(json!([{"op": "remove", "path": format!("{BADGE}:colour")}]))).await.expect(200);
        admin.put(&one_schema(BADGE), without).await.data();
        scim.patch(&format!("{USERS}/{ada}"), patch(json!([{"op": "remove", "path": format!("{BADGE}:keys")}]))).await.expect(200);
        admin.delete(&one_schema(BADGE)).await.data();
        assert_eq!(world.anon().get(&format!("{BASE}/Schemas")).await.expect(200).json["totalResults"], 3);
        refused(world.anon().get(&format!("{BASE}/Schemas/{BADGE}")).await, 404, "");
        let shown = scim.post(USERS, with_badge("bob", json!({"zone": "A"}))).await.expect(201).json;
        assert_eq!(shown.get(BADGE), None, "a URN that is none of the account's is dropped again");
    }

    async fn what_an_index_row_has_no_room_for_is_not_indexed(world: World) {
        let (admin, scim) = (world.admin(), scim(&world));
        let mut body = badge();
        body["attributes"][8]["subAttributes"][0]["indexed"] = json!(false);
        admin.post(SCHEMAS, body.clone()).await.data();
        let (long, kind) = ("ab".repeat(513), "k".repeat(257));
        let ada = badged(&scim, "ada", json!({"card": long})).await;
        let bob = badged(&scim, "bob", json!({"keys": [{"value": "K1", "type": kind}]})).await;
        let mut card = body.clone();
        card["attributes"][7]["indexed"] = json!(true);
        for (wanted, id) in [(&card, &ada), (&badge(), &bob)] {
            let text = admin.put(&one_schema(BADGE), wanted.clone()).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(id.as_str()) && text.contains("shorten"), "{text}");
            assert_eq!(admin.get(&one_schema(BADGE)).await.data()["attributes"][7]["indexed"], false, "nothing changed");
        }
        let shorter = json!([{"op": "replace", "path": format!("{BADGE}:card"), "value": &long[..1024]}]);
        scim.patch(&format!("{USERS}/{ada}"), patch(shorter)).await.expect(200);
        admin.put(&one_schema(BADGE), card).await.data();
        assert_eq!(names(&scim, &filter(&format!("{BADGE}:card eq \"{}\"", &long[..1024]))).await, ["ada"]);
    }

    async fn a_type_keeps_the_schema_that_its_resources_name(world: World) {
        world.admin().post(TYPES, device()).await.data();
        let one = "/ng/api/scim-resource-types/Device?accountIdentifier=acme";
        let renamed = |to: &str| {
            let mut body = device();
            body["schema"]["id"] = json!(to);
            body
        };
        world.admin().put(one, renamed("urn:example:other")).await.data();
        world.admin().put(one, device()).await.data();
        let id = made_thing(&scim(&world), "s1", "Lamp").await;
        let text = world.admin().put(one, renamed("urn:example:other")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains(&id) && text.contains("urn:example:other"), "{text}");
    }

    async fn what_becomes_indexed_gets_its_rows(world: World) {
        let (admin, scim) = (world.admin(), scim(&world));
        let mut schema = badge();
        schema["attributes"][1]["indexed"] = json!(false);
        admin.post(SCHEMAS, schema.clone()).await.data();
        world.crowd("crowd", 1_200).await;
        let ids = names(&scim, "count=200").await;
        assert_eq!(ids.len(), 200);
        for name in ["ada", "bob", "carl"] {
            badged(&scim, name, json!({"zone": if name == "bob" { "South" } else { "North" }})).await;
        }
        let north = filter(&format!("{BADGE}:zone eq \"NORTH\""));
        assert_eq!((names(&scim, &north).await.len(), rows(&world, ":zone").await), (2, 0));
        let replaced = admin.put(&one_schema(BADGE), badge()).await.data();
        assert_eq!((rows(&world, ":zone").await, replaced.get("indexing")), (3, None), "{replaced}");
        assert_eq!(names(&scim, &north).await.len(), 2);
        // Rows that a server did not come to make: not asked about, and made by the job.
        let unfinished = format!("UPDATE scim_definitions SET pending = TRUE, version = version + 1, doc = REPLACE(doc, '\"pending\":[]', '\"pending\":[\"{BADGE} x1_0:zone\"]')");
        let write = move |tx: &mut db::Tx<'_>| {
            tx.exec(&unfinished, &[])?;
            tx.exec("DELETE FROM directory_index WHERE attr LIKE '%:zone'", &[])?;
            tx.exec("UPDATE accounts SET version = version + 1", &[])?;
            Ok::<_, db::Error>(())
        };
        world.app.db.write("test.unfinished", "acme", write).await.unwrap();
        assert_eq!(admin.get(&one_schema(BADGE)).await.data()["indexing"], json!([format!("{BADGE}:zone")]));
        badged(&scim, "dora", json!({"zone": "North"})).await;
        assert_eq!((names(&scim, &north).await.len(), rows(&world, ":zone").await), (3, 1), "found without the index");
        for job in muster::jobs::JOBS.iter().filter(|job| job.name == "schemas.fill") {
            (job.work)(world.app.clone()).await.expect("the job runs");
        }
        assert_eq!(admin.get(&one_schema(BADGE)).await.data().get("indexing"), None);
        assert_eq!((names(&scim, &north).await.len(), rows(&world, ":zone").await), (3, 4));
        admin.put(&one_schema(BADGE), schema).await.data();
        assert_eq!((names(&scim, &north).await.len(), rows(&world, ":zone").await), (3, 0));
    }

    async fn sch_16_a_resource_type_has_the_whole_protocol(world: World) {
        let (admin, scim) = (world.admin(), scim(&world));
        refused(scim.get(DEVICES).await, 404, "");
        admin.post(TYPES, device()).await.data();
        let listed = world.anon().get(&format!("{BASE}/ResourceTypes/Device")).await.expect(200).json;
        assert_eq!((&listed["endpoint"], &listed["schema"], &listed["description"]), (&json!("/Devices"), &json!(DEVICE), &json!("A thing")));
        assert_eq!(listed["schemaExtensions"], json!([{"schema": PLACE, "required": false}]));
        assert_eq!(world.anon().get(&format!("{BASE}/Schemas")).await.expect(200).json["totalResults"], 5);
        let mut body = thing("S1", "Lamp");
        body["schemas"] = json!([DEVICE, PLACE]);
        body["externalId"] = json!("e1");
        body["hidden"] = json!("h");
        body[PLACE] = json!({"room": "R1", "floor": 2});
        let answer = scim.post(DEVICES, body.clone()).await.expect(201);
        let id = answer.json["id"].as_str().unwrap().to_owned();
        let path = format!("{DEVICES}/{id}");
        assert_eq!((answer.header("location"), answer.header("etag")), (format!("http://localhost{path}").as_str(), "W/\"1\""));
        assert_eq!((&answer.json["meta"]["resourceType"], &answer.json["hidden"]), (&json!("Device"), &json!("h")));
        let mut read = scim.get(&path).await.expect(200).json;
        assert_eq!(read.get("hidden"), None);
        read["hidden"] = json!("h");
        assert_eq!(read, answer.json);
        assert_eq!(scim.get(&format!("{path}?attributes=hidden")).await.expect(200).json["hidden"], "h");
        assert_eq!(scim.with("if-none-match", "W/\"1\"").get(&path).await.expect(304).text, "");
        refused(scim.post(DEVICES, thing("s1", "Other")).await, 409, "uniqueness");
        refused(scim.post(DEVICES, json!({"schemas": [DEVICE], "title": "x"})).await, 400, "invalidValue");
        let change = patch(json!([{"op": "replace", "path": format!("{PLACE}:room"), "value": "R2"}, {"op": "add", "value": {"weight": 1.5}}]));
        refused(scim.with("if-match", "W/\"7\"").patch(&path, change.clone()).await, 412, "");
        let changed = scim.with("if-match", "W/\"1\"").patch(&path, change.clone()).await.expect(200);
        assert_eq!((&changed.json[PLACE]["room"], &changed.json["weight"], changed.header("etag")), (&json!("R2"), &json!(1.5), "W/\"2\""));
        assert_eq!(scim.patch(&path, change).await.expect(200).header("etag"), "W/\"2\"", "nothing changed");
        refused(scim.patch(&path, patch(json!([{"op": "replace", "path": "serial", "value": "S9"}]))).await, 400, "mutability");
        let whole = scim.put(&path, thing("S1", "Torch")).await.expect(200).json;
        assert_eq!((&whole["title"], whole.get(PLACE), whole.get("externalId")), (&json!("Torch"), None, None));
        // Filters by index and evaluator, order, pages, search; another type has an attribute of that name.
        admin.post(TYPES, json!({"name": "Room", "endpoint": "Rooms", "schema": {"id": "urn:example:room", "name": "Room", "attributes": [
            {"name": "title", "type": "string", "indexed": true}, {"name": "serial", "type": "string", "uniqueness": "server"}
        ]}})).await.data();
        let rooms = format!("{BASE}/Rooms");
        scim.post(&rooms, json!({"schemas": ["urn:example:room"], "title": "Torch", "serial": "S1"})).await.expect(201);
        for n in 2..=5 {
            made_thing(&scim, &format!("S{n}"), &format!("Lamp {n}")).await;
        }
        for (text, count) in [("title eq \"TORCH\"", 1), ("title sw \"lamp\"", 4), ("weight pr", 0), ("hidden eq \"h\"", 1), ("serial ne \"s1\"", 4),
            ("meta.resourceType eq \"Device\"", 5), ("not(title co \"lamp\")", 1), ("serial eq \"s2\" or serial eq \"s3\"", 2)] {
            assert_eq!(total(&scim, DEVICES, text).await, count, "{text}");
        }
        assert_eq!(total(&scim, &rooms, "title eq \"torch\"").await, 1);
        let sorted = scim.get(&format!("{DEVICES}?sortBy=serial&sortOrder=descending&startIndex=2&count=2")).await.expect(200).json;
        let serials: Vec<_> = sorted["Resources"].as_array().unwrap().iter().map(|row| row["serial"].clone()).collect();
        assert_eq!((&sorted["totalResults"], serials), (&json!(5), vec![json!("S4"), json!("S3")]));
        let (mut seen, mut cursor) = (0, String::new());
        loop {
            let page = scim.post(&format!("{DEVICES}/.search"), json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "cursor": cursor, "count": 2})).await.expect(200).json;
            seen += page["Resources"].as_array().map_or(0, Vec::len);
            match page["nextCursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(seen, 5);
        refused(scim.get(&format!("{rooms}?cursor={cursor}&count=2")).await, 400, "invalidCursor");
        refused(scim.get(&format!("{rooms}/{id}")).await, 404, "");
        scim.delete(&path).await.expect(204);
        refused(scim.get(&path).await, 404, "");
        refused(scim.delete(&path).await, 404, "");
        assert_eq!(rows(&world, "serial").await, 5, "four devices and a room");
        made_thing(&scim, "S1", "Again").await;
    }

    async fn cu_4_a_cursor_of_the_only_own_type_is_none_of_the_root(world: World) {
        let scim = scim(&world);
        world.admin().post(TYPES, device()).await.data();
        for serial in ["1", "2", "3"] {
            made_thing(&scim, serial, "x").await;
        }
        for (list, other) in [(DEVICES, BASE), (BASE, DEVICES)] {
            let page = scim.get(&format!("{list}?count=2&cursor=")).await.expect(200).json;
            let cursor = page["nextCursor"].as_str().expect("there is more");
            scim.get(&format!("{list}?count=2&cursor={cursor}")).await.expect(200);
            refused(scim.get(&format!("{other}?count=2&cursor={cursor}")).await, 400, "invalidCursor");
        }
    }

    async fn sch_16_types_in_bulk_rights_events_and_their_end(world: World) {
        let (admin, scim) = (world.admin(), scim(&world));
        admin.post(TYPES, device()).await.data();
        let now = admin.get("/ng/api/events?accountIdentifier=acme").await.data()["latest"].as_i64().unwrap();
        let post = |path: &str, id: &str, data: Value| json!({"method": "POST", "path": path, "bulkId": id, "data": data});
        let mut owned = thing("S1", "Lamp");
        owned["owner"] = json!("bulkId:ada");
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            post("/Devices", "lamp", owned), post("/Users", "ada", user("ada")),
            {"method": "PATCH", "path": "/Devices/bulkId:lamp", "data": patch(json!([{"op": "replace", "path": "title", "value": "Torch"}]))},
            post("/Devices", "again", thing("S1", "x")), post("/Nowhere", "none", thing("S2", "x")),
        ]});
        let done = scim.post(&format!("{BASE}/Bulk"), bulk).await.expect(200).json["Operations"].clone();
        let statuses: Vec<_> = done.as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["201", "201", "200", "409", "404"], "{done}");
        let path = done[0]["location"].as_str().unwrap().trim_start_matches("http://localhost").to_owned();
        let shown = scim.get(&path).await.expect(200).json;
        assert_eq!((&shown["title"], shown["owner"].as_str()), (&json!("Torch"), done[1]["location"].as_str().and_then(|at| at.rsplit('/').next())));
        let events = admin.get(&format!("/ng/api/events?after={now}&types=resource.created,resource.updated")).await.data();
        let told = events["events"].as_array().unwrap();
        assert_eq!((told.len(), &told[0]["resourceType"], &told[1]["changedAttributes"]), (2, &json!("Device"), &json!(["title"])));
        assert!(world.trail().await.iter().any(|row| row.starts_with("UPDATE SCIM_RESOURCE")));
        // Rights: as for users. Other accounts see nothing.
        let viewer = world.machine_token("viewer", Some("_account_viewer")).await;
        let viewer = world.bearer(&viewer);
        viewer.get(&path).await.expect(200);
        viewer.get(DEVICES).await.expect(200);
        refused(viewer.post(DEVICES, thing("S3", "x")).await, 403, "");
        refused(viewer.delete(&path).await, 403, "");
        let nobody = world.machine_token("nobody", None).await;
        refused(world.bearer(&nobody).get(DEVICES).await, 403, "");
        refused(world.anon().get(DEVICES).await, 401, "");
        let stranger = world.other_account("rival").await;
        refused(world.bearer(&stranger).get("/scim/v2/rival/Devices").await, 404, "");
        // Definitions of types: refusals, replacement, removal.
        let one = "/ng/api/scim-resource-types/Device?accountIdentifier=acme";
        let text = admin.delete(one).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Device"), "{text}");
        let mut moved = device();
        moved["endpoint"] = json!("/Things");
        admin.put(one, moved).await.refused(400, "INVALID_REQUEST");
        let mut wider = device();
        wider["schema"]["attributes"][2]["type"] = json!("string");
        wider["schemaExtensions"] = json!([]);
        admin.put(one, wider.clone()).await.data();
        wider["schema"]["attributes"][1]["type"] = json!("integer");
        wider["schema"]["attributes"][1].as_object_mut().unwrap().remove("indexed");
        admin.put(one, wider).await.refused(400, "INVALID_REQUEST");
        for (name, endpoint) in [("device", "/Others"), ("Other", "/devices"), ("User", "/X"), ("Other", "/Users"), ("Other", "/a/b")] {
            let mut body = device();
            (body["name"], body["endpoint"]) = (json!(name), json!(endpoint));
            body["schema"]["id"] = json!("urn:example:other");
            body["schemaExtensions"] = json!([]);
            assert_eq!(admin.post(TYPES, body).await.status, 400, "{name} {endpoint}");
        }
        scim.delete(&path).await.expect(204);
        admin.delete(one).await.data();
        assert_eq!(admin.get(TYPES).await.data(), json!([]));
        refused(scim.get(DEVICES).await, 404, "");
        assert_eq!(rows(&world, "serial").await, 0);
    }

    async fn what_is_unique_stays_so_when_many_bring_it_at_once(world: World) {
        world.admin().post(SCHEMAS, badge()).await.data();
        let replica = world.replica();
        let bring = |n: usize| {
            let client = if n.is_multiple_of(2) { scim(&world) } else { scim(&replica) };
            tokio::spawn(async move {
                let body = with_badge(&format!("user{n}"), json!({"number": format!("N{}", n % 4)}));
                client.post(USERS, body).await.status
            })
        };
        let mut statuses = Vec::new();
        for one in (0..32).map(bring).collect::<Vec<_>>() {
            statuses.push(one.await.unwrap());
        }
        let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(201), count(409)), (4, 28), "{statuses:?}");
    }

    async fn c_7_who_is_revived_may_bring_his_own_unique_values(world: World) {
        world.admin().post(SCHEMAS, badge()).await.data();
        let scim = scim(&world);
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        let ada = badged(&scim, "ada", json!({"number": "n1"})).await;
        scim.patch(&format!("{USERS}/{ada}"), off.clone()).await.expect(200);
        refused(scim.post(USERS, with_badge("bob", json!({"number": "n1"}))).await, 409, "uniqueness");
        assert_eq!(badged(&scim, "ada", json!({"number": "N1"})).await, ada);
        refused(scim.post(USERS, with_badge("ada", json!({"number": "n1"}))).await, 409, "uniqueness");
        scim.patch(&format!("{USERS}/{ada}"), off).await.expect(200);
        let bob = badged(&scim, "bob", json!({"number": "n2"})).await;
        refused(scim.post(USERS, with_badge("ada", json!({"number": "n2"}))).await, 409, "uniqueness");
        assert_eq!(badged(&scim, "ada", json!({"number": "n3"})).await, ada);
        scim.delete(&format!("{USERS}/{bob}")).await.expect(204);
    }

    async fn a_dry_run_makes_nothing(world: World) {
        world.admin().post(TYPES, device()).await.data();
        let (scim, dry) = (scim(&world), scim(&world).with("muster-dry-run", "true"));
        dry.post(DEVICES, thing("S1", "Lamp")).await.expect(201);
        assert_eq!(world.count("objects").await, 0);
        let id = made_thing(&scim, "S1", "Lamp").await;
        refused(dry.post(DEVICES, thing("S1", "Lamp")).await, 409, "uniqueness");
        let path = format!("{DEVICES}/{id}");
        let change = patch(json!([{"op": "replace", "path": "title", "value": "Torch"}]));
        assert_eq!(dry.patch(&path, change).await.expect(200).json["title"], "Torch");
        dry.delete(&path).await.expect(204);
        assert_eq!(scim.get(&path).await.expect(200).json["title"], "Lamp");
    }

    async fn a_write_read_by_older_schemas_is_refused(world: World) {
        use muster::directory::model::Subject;
        use muster::directory::schemas::{Kinds, store};
        let account = world.account.clone();
        world.admin().post(SCHEMAS, badge()).await.data();
        let read = move |tx: &mut db::Tx<'_>| {
            Kinds::load(tx, &account).map(|kinds| kinds.written(Subject::User))
        };
        let old = world.app.db.house().read("test.kinds", read).await.unwrap();
        let settled = |known: i64| {
            let account = world.account.clone();
            world.app.db.write("test.settled", "acme", move |tx| store::settled(tx, &account, known))
        };
        settled(old.generation).await.unwrap();
        let mut changed = badge();
        changed["name"] = json!("Other");
        world.admin().put(&one_schema(BADGE), changed).await.data();
        let problem = settled(old.generation).await.unwrap_err();
        assert_eq!(problem.retry_after_secs(), Some(1), "{problem}");
        settled(0).await.unwrap();
    }

    async fn sch_3_a_decimal_is_kept_or_it_is_told(world: World) {
        let scim = scim(&world);
        let text = |serial: &str, weight: &str| {
            Some(format!("{{\"schemas\": [\"{DEVICE}\"], \"serial\": \"{serial}\", \"weight\": {weight}}}"))
        };
        // Nobody's decimal: what is dropped anyway is not told.
        let mut ada = user("ada").to_string();
        ada.insert_str(1, "\"shoeSize\": 0.1234567890123456789, ");
        scim.send(Method::POST, USERS, Some(ada)).await.expect(201);
        assert_eq!(newest(&world).await["quirks"][0]["name"], "unknown-attribute");
        world.admin().post(TYPES, device()).await.data();
        let made = scim.send(Method::POST, DEVICES, text("1", "0.1234567890123456789")).await.expect(201);
        assert!(made.text.contains("\"weight\":0.12345678901234568"), "{}", made.text);
        let quirks = newest(&world).await["quirks"].clone();
        assert_eq!(quirks[0]["name"], "rounded-number", "{quirks}");
        let made = scim.send(Method::POST, DEVICES, text("2", "\"12345678901234567.5\"")).await.expect(201);
        assert_eq!(made.json["weight"], json!(12_345_678_901_234_568.0));
        let quirks = newest(&world).await["quirks"].to_string();
        assert!(quirks.contains("string-number") && quirks.contains("rounded-number"), "{quirks}");
        strict(&world).await;
        for lost in ["0.1234567890123456789", "123456789012345678901.0", "1e-400"] {
            let answer = scim.send(Method::POST, DEVICES, text("3", lost)).await;
            let said = refused(answer, 400, "invalidValue");
            let at = text("3", lost).unwrap().find(lost).unwrap();
            assert!(said.contains(&format!("The number at byte {at} of the body has more digits than are kept")), "{said}");
        }
        for kept in ["0.30000000000000004", "1234567890.12345", "18446744073709551615"] {
            let made = scim.send(Method::POST, DEVICES, text(kept, kept)).await.expect(201);
            assert!(made.text.contains(&format!("\"weight\":{kept}")), "{}", made.text);
        }
    }
}
