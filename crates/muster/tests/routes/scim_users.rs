//! SCIM Users, by the ids of the SCIM contract.

use serde_json::{Value, json};

use crate::actors::{Answer, Client, World};
use crate::both_engines;

pub const USERS: &str = "/scim/v2/acme/Users";
const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The administrator on the SCIM surface.
pub fn scim(world: &World) -> Client {
    world.bearer(world.admin_token())
}

pub fn user(name: &str) -> Value {
    json!({
        "schemas": [USER_URN], "userName": name, "externalId": format!("ext-{name}"),
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": format!("{name}@Example.com"), "type": "work", "primary": true}], "active": true
    })
}

pub fn patch(operations: Value) -> Value {
    json!({"schemas": [PATCH_URN], "Operations": operations})
}

pub async fn made(client: &Client, name: &str) -> String {
    let answer = client.post(USERS, user(name)).await.expect(201);
    answer.json["id"].as_str().expect("an id").to_owned()
}

/// A SCIM error: status as a string, the request id in the detail.
#[track_caller]
pub fn refused(answer: Answer, status: u16, scim_type: &str) -> String {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/scim+json", "{}", answer.text);
    assert_eq!(answer.json["status"], status.to_string(), "{}", answer.text);
    assert_eq!(answer.json["scimType"].as_str().unwrap_or(""), scim_type, "{}", answer.text);
    let detail = answer.json["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains(answer.header("x-request-id")), "{detail}");
    detail
}

pub async fn total(client: &Client, base: &str, filter: &str) -> u64 {
    let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let answer = client.get(&format!("{base}?filter={query}")).await.expect(200);
    let shown = answer.json["Resources"].as_array().map_or(0, Vec::len);
    assert_eq!(answer.json["itemsPerPage"], shown);
    answer.json["totalResults"].as_u64().expect("a total")
}

both_engines! {
    async fn c_1_create_answers_201_with_location_and_etag(world: World) {
        let answer = scim(&world).post(USERS, user("ada")).await.expect(201);
        let meta = &answer.json["meta"];
        assert_eq!(answer.header("location"), meta["location"]);
        assert_eq!(answer.header("etag"), meta["version"]);
        assert_eq!(answer.header("content-type"), "application/scim+json");
        assert_eq!(meta["resourceType"], "User");
        assert_eq!(meta["created"], "2026-01-01T00:00:00.000Z");
        let id = answer.json["id"].as_str().unwrap();
        assert_eq!(meta["location"], format!("http://localhost{USERS}/{id}"));
        let read = scim(&world).get(&format!("{USERS}/{id}")).await.expect(200);
        assert_eq!(read.json, answer.json);
        for prefix in ["/ng/api/scim/account/acme", "/gateway/ng/api/scim/account/acme"] {
            let read = scim(&world).get(&format!("{prefix}/Users/{id}")).await.expect(200);
            assert_eq!(read.json["meta"]["location"], format!("http://localhost{prefix}/Users/{id}"));
        }
    }

    async fn c_2_a_user_name_is_unique_in_any_case(world: World) {
        made(&scim(&world), "ada").await;
        refused(scim(&world).post(USERS, user("ADA")).await, 409, "uniqueness");
        assert_eq!(total(&scim(&world), USERS, "userName eq \"ada\"").await, 1);
    }

    async fn c_4_c_5_bad_bodies_are_told_what_is_wrong(world: World) {
        let scim = scim(&world);
        refused(scim.post(USERS, json!({"schemas": [USER_URN]})).await, 400, "invalidValue");
        refused(scim.post(USERS, json!([1])).await, 400, "invalidSyntax");
        refused(scim.post(USERS, json!({"schemas": [USER_URN], "userName": {"a": 1}})).await, 400, "invalidValue");
        let text = scim.send(http::Method::POST, USERS, Some("{\"userName\": ".into())).await;
        refused(text, 400, "invalidSyntax");
        refused(scim.send(http::Method::POST, USERS, None).await, 400, "invalidSyntax");
        let mut wide = user("wide");
        wide["emails"] = json!([{"value": "x@y.example", "type": "x".repeat(4_000)}]);
        refused(scim.post(USERS, wide).await, 400, "invalidValue");
        let mut long = user("long");
        long["emails"] = json!([{"value": "ᾷ".repeat(341), "type": "ᾷ".repeat(51)}]);
        let id = scim.post(USERS, long).await.expect(201).json["id"].as_str().unwrap().to_owned();
        scim.delete(&format!("{USERS}/{id}")).await.expect(204);
        refused(scim.with("content-type", "text/html").send(http::Method::POST, USERS, Some("{}".into())).await, 415, "");
        assert_eq!(total(&scim, USERS, "userName pr").await, 1, "the administrator alone");
    }

    async fn c_3_c_6_what_the_server_sets_is_ignored(world: World) {
        let mut body = user("ada");
        body["id"] = json!("mine");
        body["groups"] = json!([]);
        body["meta"] = json!({"created": "yesterday"});
        body["password"] = json!("t0p secret");
        body["nickName"] = json!(null);
        let answer = scim(&world).post(USERS, body).await.expect(201);
        assert_ne!(answer.json["id"], "mine");
        assert!(!answer.text.contains("t0p secret") && answer.json.get("password").is_none());
        let rows = world.app.db.house().read("test", |tx| {
            tx.query("SELECT doc FROM users", &[], |row| row.get::<String>(0))
        });
        assert!(rows.await.unwrap().iter().all(|doc: &String| !doc.contains("secret")));
    }

    async fn put_replaces_and_never_creates(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        let body = json!({"schemas": [USER_URN], "userName": "ada2", "title": "Countess"});
        let answer = scim.put(&path, body.clone()).await.expect(200);
        assert_eq!(answer.json["userName"], "ada2");
        assert_eq!(answer.json.get("emails"), None);
        assert_eq!(answer.json["active"], true);
        assert_eq!(answer.header("etag"), "W/\"2\"");
        assert_eq!(scim.put(&path, body).await.expect(200).header("etag"), "W/\"2\"", "the same again changes nothing");
        assert_eq!(total(&scim, USERS, "userName eq \"ada\"").await, 0);
        assert_eq!(total(&scim, USERS, "emails.value eq \"ada@example.com\"").await, 0);
        assert_eq!(total(&scim, USERS, "title sw \"count\"").await, 1);
        refused(scim.put(&format!("{USERS}/none"), user("x")).await, 404, "");
        made(&scim, "bob").await;
        let taken = json!({"schemas": [USER_URN], "userName": "BOB"});
        refused(scim.put(&path, taken).await, 409, "uniqueness");
    }

    async fn patch_changes_what_it_names(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        world.app.clock.advance_secs(60);
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        let answer = scim.patch(&path, off.clone()).await.expect(200);
        assert_eq!(answer.json["active"], false);
        assert_eq!(answer.json["meta"]["lastModified"], "2026-01-01T00:01:00.000Z");
        world.app.clock.advance_secs(60);
        let again = scim.patch(&path, off).await.expect(200);
        assert_eq!(again.json, answer.json, "pa_16: a PATCH that changes nothing keeps time and version");
        let bad = patch(json!([{"op": "replace", "path": "title", "value": "x"}, {"op": "add", "path": "nothing", "value": 1}]));
        refused(scim.patch(&path, bad).await, 400, "invalidPath");
        assert_eq!(scim.get(&path).await.expect(200).json.get("title"), None, "pa_1: all or nothing");
        refused(scim.patch(&path, json!({"schemas": [PATCH_URN]})).await, 400, "invalidSyntax");
        refused(scim.patch(&path, patch(json!([{"op": "remove"}]))).await, 400, "noTarget");
        refused(scim.patch(&format!("{USERS}/none"), patch(json!([{"op": "add", "path": "title", "value": "x"}]))).await, 404, "");
    }

    async fn del_1_a_deleted_user_is_gone(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        assert_eq!(scim.delete(&path).await.expect(204).text, "");
        refused(scim.get(&path).await, 404, "");
        refused(scim.put(&path, user("ada")).await, 404, "");
        refused(scim.patch(&path, patch(json!([{"op": "remove", "path": "title"}]))).await, 404, "");
        refused(scim.delete(&path).await, 404, "");
        assert_eq!(total(&scim, USERS, "emails.value eq \"ada@example.com\"").await, 0);
        assert_ne!(made(&scim, "ada").await, id, "unique values are free again, ids are not used twice");
    }

    async fn c_7_an_inactive_user_is_revived_by_create(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let off = patch(json!([{"op": "replace", "value": {"active": false}}]));
        scim.patch(&format!("{USERS}/{id}"), off).await.expect(200);
        let answer = scim.post(USERS, user("ADA")).await.expect(201);
        assert_eq!(answer.json["id"], id.as_str());
        assert_eq!((&answer.json["active"], &answer.json["userName"]), (&json!(true), &json!("ADA")));
    }

    async fn c_7_who_is_revived_is_found_by_what_he_is_now(world: World) {
        let scim = scim(&world);
        let with = |active: Value, mail: &str| {
            let mut user = user("ada");
            user["active"] = active;
            user["emails"] = json!([{"value": mail, "type": "work"}]);
            user
        };
        let id = scim.post(USERS, with(json!(false), "old@x.example")).await.expect(201).json["id"].clone();
        let still_off = scim.post(USERS, with(json!(false), "mid@x.example")).await.expect(201).json;
        assert_eq!((&still_off["id"], &still_off["active"]), (&id, &json!(false)), "the client said so");
        let revived = scim.post(USERS, with(json!(true), "new@x.example")).await.expect(201).json;
        assert_eq!((&revived["id"], &revived["active"]), (&id, &json!(true)));
        for (mail, found) in [("old@x.example", 0), ("mid@x.example", 0), ("new@x.example", 1)] {
            assert_eq!(total(&scim, USERS, &format!("emails.value eq \"{mail}\"")).await, found, "{mail}");
        }
        let events = world.admin().get("/ng/api/events?accountIdentifier=acme&after=0").await.data();
        let kinds: Vec<_> = events["events"].as_array().unwrap().iter().filter(|e| e["resourceId"] == id).map(|e| e["type"].clone()).collect();
        assert_eq!(kinds, ["user.created", "user.updated", "user.activated", "user.updated"], "{events}");
    }

    async fn e_1_etags_guard_reads_and_changes(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        assert_eq!(scim.with("if-none-match", "W/\"1\"").get(&path).await.expect(304).text, "");
        scim.with("if-none-match", "*").get(&path).await.expect(304);
        scim.with("if-none-match", "W/\"7\", W/\"8\"").get(&path).await.expect(200);
        scim.with("if-match", "W/\"1\"").get(&path).await.expect(200);
        for other in ["W/\"2\"", "\"a,*,b\"", "W/\"01\""] {
            refused(scim.with("if-match", other).get(&path).await, 412, "");
        }
        let title = patch(json!([{"op": "add", "path": "title", "value": "x"}]));
        refused(scim.with("if-match", "W/\"7\"").patch(&path, title.clone()).await, 412, "");
        refused(scim.with("if-match", "\"nonsense\"").put(&path, user("ada")).await, 412, "");
        refused(scim.with("if-match", "W/\"7\"").delete(&path).await, 412, "");
        scim.with("if-match", "W/\"7\", W/\"1\"").patch(&path, title).await.expect(200);
        scim.with("if-match", "*").delete(&path).await.expect(204);
    }

    async fn r_2_projection_on_every_verb(world: World) {
        let scim = scim(&world);
        let answer = scim.post(&format!("{USERS}?attributes=userName"), user("ada")).await.expect(201);
        let keys = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut names = keys(&answer.json);
        names.sort();
        assert_eq!(names, ["id", "schemas", "userName"]);
        let path = format!("{USERS}/{}", answer.json["id"].as_str().unwrap());
        let read = scim.get(&format!("{path}?excludedAttributes=emails,name.givenName")).await.expect(200);
        assert_eq!(read.json.get("emails"), None);
        assert_eq!(read.json["name"], json!({"familyName": "Lovelace"}));
        refused(scim.get(&format!("{path}?attributes=a&excludedAttributes=b")).await, 400, "invalidValue");
        let list = scim.get(&format!("{USERS}?attributes=externalId&count=1")).await.expect(200);
        assert_eq!(list.json["Resources"][0].get("userName"), None);
    }

    async fn p_1_pages_and_s_1_order(world: World) {
        let scim = scim(&world);
        for name in ["dora", "Carl", "bea", "Anna"] {
            made(&scim, name).await;
        }
        let list = scim.get(&format!("{USERS}?sortBy=userName&startIndex=2&count=2")).await.expect(200);
        let names = |answer: &Answer| {
            let list = answer.json["Resources"].as_array().unwrap().clone();
            list.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&list), ["Anna", "bea"]);
        assert_eq!((&list.json["totalResults"], &list.json["startIndex"], &list.json["itemsPerPage"]), (&json!(5), &json!(2), &json!(2)));
        let list = scim.get(&format!("{USERS}?sortBy=externalId&sortOrder=descending")).await.expect(200);
        assert_eq!(names(&list), ["admin@acme.example", "dora", "bea", "Carl", "Anna"], "missing first when descending");
        let list = scim.get(&format!("{USERS}?sortBy=nickName&count=0&startIndex=-3")).await.expect(200);
        assert_eq!((&list.json["totalResults"], &list.json["startIndex"]), (&json!(5), &json!(1)));
        let list = scim.get(&format!("{USERS}?sortBy=emails&filter=externalId+pr")).await.expect(200);
        assert_eq!(names(&list), ["Anna", "bea", "Carl", "dora"]);
        let all = scim.get(&format!("{USERS}?startIndex=9")).await.expect(200);
        assert_eq!((&all.json["totalResults"], &all.json["Resources"]), (&json!(5), &json!([])));
    }

    async fn f_filters_of_every_kind_agree_with_the_contract(world: World) {
        let scim = scim(&world);
        let mut ada = user("ada");
        ada["title"] = json!("Countess");
        ada["emails"] = json!([{"value": "ada@home.example", "type": "home"}, {"value": "a_a@work.example", "type": "work"}]);
        ada["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = json!({"department": "R&D", "manager": {"value": "M1"}});
        scim.post(USERS, ada).await.expect(201);
        let mut bob = user("Bob");
        bob["active"] = json!(false);
        bob["nickName"] = json!("Bobby");
        scim.post(USERS, bob).await.expect(201);
        for (filter, count) in [
            ("userName eq \"ADA\"", 1), ("userName ne \"ADA\"", 2), ("not (userName eq \"ADA\")", 2), ("username sw \"b\"", 1),
            ("userName co \"D\"", 2), ("userName ew \"OB\"", 1), ("externalId eq \"ext-ada\"", 1), ("externalId eq \"EXT-ada\"", 0),
            ("externalId pr", 2), ("not (externalId pr)", 1), ("externalId ne \"ext-ada\"", 2), ("externalId co \"XT-\"", 0),
            ("not (externalId co \"XT-\")", 3), ("externalId sw \"ext-\"", 2), ("title eq \"countess\"", 1), ("title ne \"countess\"", 2),
            ("not (title ne \"countess\")", 1), ("title pr", 1), ("not (title pr)", 2), ("title gt \"a\"", 1), ("active eq false", 1),
            ("active eq \"False\"", 1), ("active ne false", 2), ("not (active eq true)", 1), ("emails eq \"ada@home.example\"", 1),
            ("emails.value co \"A_A@\"", 1), ("emails.value co \"a%a\"", 0), ("emails.value ne \"ada@home.example\"", 3),
            ("emails[type eq \"work\"].value eq \"ada@home.example\"", 0), ("emails[type eq \"home\"].value eq \"ada@home.example\"", 1),
            ("emails[type eq \"work\" and value co \"work\"]", 1), ("not (emails[type eq \"home\" and value pr])", 2),
            ("emails[primary eq true and value sw \"bob\"]", 1), ("emails[type eq \"home\"]", 1),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"r&d\"", 1), ("nickName eq \"BOBBY\"", 1),
            ("nickName ne \"bobby\"", 2), ("userName eq \"ada\" or nickName co \"obb\"", 2), ("active eq true and title pr", 1),
            ("meta.created ge \"2026-01-01T00:00:00Z\"", 3), ("meta.created gt \"2026-01-01T01:00:00+01:00\"", 0),
            ("meta.resourceType eq \"User\"", 3), ("meta.resourceType eq \"Group\"", 0), ("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"", 3),
            ("meta.version eq \"W/\\\"1\\\"\"", 3), ("groups pr", 0), ("groups eq \"x\"", 0), ("nothing eq \"x\"", 0), ("not (nothing pr)", 3),
            ("userName eq \"ada\" and not (emails.value sw \"zz\")", 1), ("id pr", 3), ("userName gt \"adb\" and userName lt \"c\"", 2),
        ] {
            assert_eq!(total(&scim, USERS, filter).await, count, "{filter}");
        }
        for bad in ["userName", "userName eq", "userName xx \"a\"", "(userName pr", "active gt true", "password eq \"x\"", "", "meta.created eq \"x\""] {
            let query: String = url::form_urlencoded::byte_serialize(bad.as_bytes()).collect();
            refused(scim.get(&format!("{USERS}?filter={query}")).await, 400, "invalidFilter");
        }
    }

    async fn sch_15_a_manager_is_one_person(world: World) {
        const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let scim = scim(&world);
        let (boss, other) = (made(&scim, "boss").await, made(&scim, "other").await);
        let both = |id: &str| json!({"value": id, "$ref": format!("http://localhost{USERS}/{id}")});
        let body = |manager: Value| {
            let mut ada = user("ada");
            ada["schemas"] = json!([ada["schemas"][0], ENTERPRISE]);
            ada[ENTERPRISE] = json!({"manager": manager});
            ada
        };
        let one = scim.post(USERS, body(both(&boss))).await.expect(201).json;
        let path = format!("{USERS}/{}", one["id"].as_str().unwrap());
        let of = |id: &str| format!("{ENTERPRISE}:manager.value eq \"{id}\"");
        let sub = patch(json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager.$ref"), "value": both(&other)["$ref"]}]));
        assert_eq!(scim.patch(&path, sub).await.expect(200).json[ENTERPRISE]["manager"], both(&other));
        assert_eq!((total(&scim, USERS, &of(&boss)).await, total(&scim, USERS, &of(&other)).await), (0, 1));
        let alone = json!({"$ref": both(&boss)["$ref"]});
        let whole = patch(json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": alone}]));
        assert_eq!(scim.patch(&path, whole).await.expect(200).json[ENTERPRISE]["manager"], both(&boss));
        let two = body(json!({"value": boss, "$ref": both(&other)["$ref"]}));
        let mended = scim.put(&path, two.clone()).await.expect(200).json;
        assert_eq!(mended[ENTERPRISE]["manager"], json!({"value": boss}));
        // What is no URI is kept but in strict.
        let mut odd = user("odd");
        odd["profileUrl"] = json!("see the intranet");
        assert_eq!(scim.post(USERS, odd.clone()).await.expect(201).json["profileUrl"], odd["profileUrl"]);
        let strict = json!([{"identifier": "scim_dialect", "value": "strict", "updateType": "UPDATE"}]);
        world.admin().put("/ng/api/settings?accountIdentifier=acme", strict).await.data();
        assert!(refused(scim.put(&path, two).await, 400, "invalidValue").contains("manager.$ref"));
        odd["userName"] = json!("odd2");
        assert!(refused(scim.post(USERS, odd).await, 400, "invalidValue").contains("profileUrl must be a URI"));
    }

    async fn h_6_a_credential_is_needed(world: World) {
        let none = "Bearer realm=\"muster\"";
        for (client, told) in [
            (world.anon(), none),
            (world.bearer("nonsense"), "Bearer error=\"invalid_token\", error_description=\"token_malformed\""),
            (world.bearer("pat.acme.x.y"), "Bearer error=\"invalid_token\""),
            (world.holder(world.admin_token()), none),
            (world.anon().with("authorization", "Basic YTpi"), none),
        ] {
            let answer = client.get(USERS).await;
            assert_eq!(answer.header("www-authenticate"), told);
            refused(answer, 401, "");
        }
        world.anon().with("authorization", &format!("bEaReR {}", world.admin_token())).get(USERS).await.expect(200);
        let stranger = world.other_account("rival").await;
        refused(world.bearer(&stranger).get(USERS).await, 401, "");
        let id = made(&scim(&world), "ada").await;
        refused(world.bearer(&stranger).get(&format!("/scim/v2/rival/Users/{id}")).await, 404, "");
    }

    async fn every_change_has_its_audit_row_and_event(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        scim.patch(&path, patch(json!([{"op": "replace", "path": "active", "value": false}]))).await.expect(200);
        scim.patch(&path, patch(json!([{"op": "add", "path": "title", "value": "x"}, {"op": "add", "path": "active", "value": true}]))).await.expect(200);
        scim.delete(&path).await.expect(204);
        let read = world.app.db.house().read("test", |tx| {
            let audit = tx.query("SELECT action FROM audit_rows WHERE resource_type = 'USER' AND method <> '' ORDER BY action", &[], |r| r.get::<String>(0))?;
            let events = tx.query("SELECT kind, seq FROM events WHERE seq > 1 ORDER BY seq", &[], |r| Ok((r.get::<String>(0)?, r.get::<i64>(1)?)))?;
            Ok::<_, db::Error>((audit, events))
        });
        let (audit, events) = read.await.unwrap();
        assert_eq!(audit, ["CREATE", "DELETE", "UPDATE", "UPDATE"]);
        let (kinds, numbers): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        assert_eq!(kinds, ["user.created", "user.deactivated", "user.activated", "user.updated", "user.deleted"]);
        assert_eq!(numbers, [2, 3, 4, 5, 6], "numbers have no holes");
    }
}
