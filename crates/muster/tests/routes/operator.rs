//! Accounts as the operator has them: made, suspended, deleted and erased over HTTP.

use std::fs;

use http::Method;
use jose::Algorithm;
use jose::testing::TestKey;
use muster::accounts::bootstrap::Bootstrap;
use muster::accounts::store::why_closed;
use muster::kernel::ids::AccountId;
use muster::migrations::STEPS;
use muster::operator::actions::GRACE_SECS;
use muster::operator::erase::erase_due;
use muster::operator::store::KEPT;
use muster::provisioning_log::actions::flush;
use muster::setup::actions::bootstrap;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::actors::{Client, World};
use crate::both_engines;
use crate::issuer::claims;

const ACCOUNTS: &str = "/v1/accounts";
const TOKEN: &str = "a-token-of-the-operator-for-these-tests";
const SCIM: &str = "/ng/api/scim/account/acme";

/// A server with an operator, and him.
struct Operated {
    world: World,
    operator: Client,
    folder: TempDir,
}

impl Operated {
    fn new(world: &World) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("tokens");
        fs::write(&file, format!("# this year's\n{TOKEN}\n")).expect("the file is written");
        let world = world.replica_operated(&file);
        Self { operator: world.bearer(TOKEN), world, folder }
    }

    async fn status(&self, status: &str) -> Value {
        let change = json!({"status": status});
        self.operator.patch(&format!("{ACCOUNTS}/acme"), change).await.expect(200).json
    }

    /// Deletes `acme`, lets its time come, and erases it.
    async fn erase(&self) {
        self.status("SUSPENDED").await;
        self.operator.delete(&format!("{ACCOUNTS}/acme")).await.expect(200);
        self.world.app.clock.advance_secs(GRACE_SECS);
        assert_eq!(erase_due(&self.world.app).await.expect("it is erased"), 1);
    }
}

fn wish(identifier: &str) -> Value {
    json!({"identifier": identifier, "name": "Globex (UK) & Sons", "email": "root@globex.example"})
}

/// The tables that are emptied of an account that is erased.
fn tables() -> impl Iterator<Item = &'static str> {
    let is_log = |table: &str| table.starts_with("provisioning_log");
    STEPS.iter().flat_map(db::Migration::tables).filter(move |table| !KEPT.contains(table) && !is_log(table))
}

/// Something in as many tables as routes reach.
async fn furnish(world: &World) {
    let admin = world.admin();
    let sat = world.machine_token("sync", Some("_account_admin")).await;
    let scim = world.bearer(&sat);
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann"});
    let user = scim.post(&format!("{SCIM}/Users"), user).await.expect(201).json;
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Crew",
        "members": [{"value": user["id"]}]
    });
    scim.post(&format!("{SCIM}/Groups"), group).await.expect(201);
    admin
        .post("/ng/api/organizations", json!({"organization": {"identifier": "o", "name": "o"}}))
        .await
        .data();
    let project = json!({"project": {"orgIdentifier": "o", "identifier": "p", "name": "p"}});
    admin.post("/ng/api/projects?orgIdentifier=o", project).await.data();
    let role = json!({"identifier": "r", "name": "r", "permissions": ["core_user_view"]});
    admin.post("/authz/api/roles", role).await.data();
    let setting = json!([{"identifier": "scim_jwt_token_key_field", "value": "iss", "updateType": "UPDATE"}]);
    admin.put("/ng/api/settings", setting).await.data();
    flush(&world.app).await.expect("the log is written");
}

both_engines! {
    async fn an_account_that_the_operator_makes_works(world: World) {
        let o = Operated::new(&world);
        let made = o.operator.post(ACCOUNTS, wish("globex")).await.expect(201).json;
        assert_eq!(made["account_identifier"], "globex");
        let admin = o.world.holder(made["token"].as_str().unwrap());
        let me = admin.get("/ng/api/user/currentUser").await.data();
        assert_eq!((&me["uuid"], &me["admin"]), (&made["user_identifier"], &json!(true)));
        let account = admin.get("/ng/api/accounts/globex").await.data();
        assert_eq!(account["name"], "Globex (UK) & Sons");
        let event = admin.get("/ng/api/events?after=0").await.data()["events"][0].clone();
        assert_eq!(event["actor"]["id"], "operator", "{event}");
        let trail = admin.post("/audit/api/audits/list?accountIdentifier=globex", json!({})).await.data();
        let rows = trail["content"].as_array().unwrap();
        let mut kinds: Vec<&str> = rows.iter().filter_map(|row| row["resource"]["type"].as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["ACCOUNT", "API_KEY", "ORGANIZATION", "ROLE_ASSIGNMENT", "TOKEN", "USER"]);
        for row in rows {
            assert_eq!(row["authenticationInfo"]["principal"]["identifier"], "operator", "{row}");
            assert!(row["internalInfo"]["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{row}");
        }
        let taken = o.operator.post(ACCOUNTS, wish("globex")).await.refused(400, "DUPLICATE_FIELD");
        assert!(taken.contains("/v1/accounts/globex/tokens"), "{taken}");

        let holder = json!({"email": "root@globex.example"});
        let another = o.operator.post(&format!("{ACCOUNTS}/globex/tokens"), holder.clone()).await.expect(201).json;
        assert_eq!(another["user_identifier"], made["user_identifier"]);
        o.world.holder(another["token"].as_str().unwrap()).get("/ng/api/user/currentUser").await.data();
        let nobody = json!({"email": "nobody@globex.example"});
        o.operator.post(&format!("{ACCOUNTS}/globex/tokens"), nobody).await.refused(400, "INVALID_REQUEST");
        o.operator.post(&format!("{ACCOUNTS}/initech/tokens"), holder).await.refused(404, "ENTITY_NOT_FOUND");
    }

    async fn a_token_for_the_identity_provider_opens_scim_only(world: World) {
        let o = Operated::new(&world);
        o.world.machine("idp", Some("_scim_provisioner")).await;
        let (at, who) = (format!("{ACCOUNTS}/acme/tokens"), "/ng/api/serviceaccount?accountIdentifier=acme");
        let holder = json!({"service_account": "idp", "surfaces": ["scim"]});
        let made = o.operator.post(&at, holder).await.expect(201).json;
        let token = made["token"].as_str().unwrap();
        o.world.bearer(token).get(&format!("{SCIM}/Users")).await.expect(200);
        assert_eq!(o.world.holder(token).get(who).await.expect(403).json["reason"], "other_surface");
        let mut first = wish("globex");
        first["surfaces"] = json!(["platform"]);
        let made = o.operator.post(ACCOUNTS, first).await.expect(201).json;
        let token = made["token"].as_str().unwrap();
        o.world.holder(token).get("/ng/api/user/currentUser").await.data();
        o.world.bearer(token).get("/scim/v2/globex/Users").await.expect(403);
        let neither = json!({"service_account": "idp", "surfaces": []});
        let text = o.operator.post(&at, neither).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("surfaces"), "{text}");
    }

    async fn another_token_is_of_the_user_whom_the_address_names(world: World) {
        let o = Operated::new(&world);
        let scim = world.bearer(world.admin_token());
        let user = async |document: Value| {
            let made = scim.post(&format!("{SCIM}/Users"), document).await.expect(201).json;
            made["id"].as_str().unwrap().to_owned()
        };
        let with = |name: &str, value: &str, primary: bool| {
            json!({"userName": name, "emails": [{"value": value, "type": "home", "primary": primary}]})
        };
        let tokens = format!("{ACCOUNTS}/acme/tokens");
        let wish = async |email: &str| o.operator.post(&tokens, json!({"email": email})).await;
        let carol = user(json!({"userName": "Carol@acme.example", "active": false})).await;
        user(with("mallory", "carol@acme.example", true)).await;
        let text = wish("carol@acme.example").await.refused(400, "INVALID_REQUEST");
        assert!(text.contains(&carol) && text.contains("inactive"), "{text}");
        let old = user(with("old-hand", "dora@acme.example", false)).await;
        assert_eq!(wish("Dora@acme.example").await.expect(201).json["user_identifier"], old);
        let dora = user(with("dora", "Dora@Acme.example", true)).await;
        assert_eq!(wish("dora@acme.example").await.expect(201).json["user_identifier"], dora);
        let mut third = with("third", "dora@acme.example", true);
        third["active"] = json!(false);
        let third = user(third).await;
        let text = wish("dora@acme.example").await.refused(400, "INVALID_REQUEST");
        let named = |id: &String| text.contains(id.as_str());
        assert!(text.starts_with("2 users") && named(&dora) && named(&third) && !named(&old), "{text}");
        let eve = user(json!({"userName": "dora@acme.example"})).await;
        assert_eq!(wish("dora@acme.example").await.expect(201).json["user_identifier"], eve);
    }

    async fn a_service_account_administers_where_the_directory_is_to_have_no_user(world: World) {
        let o = Operated::new(&world);
        let wish = json!({"identifier": "globex", "service_account": "provisioning"});
        let made = o.operator.post(ACCOUNTS, wish).await.expect(201).json;
        assert_eq!((&made["service_account_identifier"], made.get("user_identifier")), (&json!("provisioning"), None));
        let sat = made["token"].as_str().unwrap();
        let users = o.world.bearer(sat).get("/scim/v2/globex/Users").await.expect(200).json;
        assert_eq!(users["totalResults"], 0);
        let new = json!({"identifier": "idp", "name": "idp"});
        o.world.holder(sat).post("/ng/api/serviceaccount", new).await.data();
        let tokens = format!("{ACCOUNTS}/globex/tokens");
        let more = o.operator.post(&tokens, json!({"service_account": "idp"})).await.expect(201).json;
        let me = o.world.holder(more["token"].as_str().unwrap()).get("/ng/api/whoami").await.data();
        assert_eq!(me["principal"]["identifier"], "idp");
        o.operator.post(&tokens, json!({"service_account": "nobody"})).await.refused(400, "INVALID_REQUEST");
        for both in [json!({}), json!({"email": "a@b.example", "service_account": "idp"})] {
            o.operator.post(&tokens, both).await.refused(400, "INVALID_REQUEST");
        }
        let odd = json!({"identifier": "initech", "service_account": "a$b"});
        o.operator.post(ACCOUNTS, odd).await.expect(201);
        for bad in ["", "a b", "account"] {
            let wish = json!({"identifier": "hooli", "service_account": bad});
            o.operator.post(ACCOUNTS, wish).await.refused(400, "INVALID_REQUEST");
        }
        let path = "/ng/api/serviceaccount/provisioning";
        let last = o.world.holder(sat).delete(path).await.refused(400, "INVALID_REQUEST");
        assert!(last.contains("a user or another service account"), "{last}");
        let binding = json!({
            "roleIdentifier": "_account_admin", "resourceGroupIdentifier": "_all_account_level_resources",
            "principal": {"identifier": "idp", "type": "SERVICE_ACCOUNT", "scopeLevel": "account"}
        });
        o.world.holder(sat).post("/authz/api/roleassignments", binding).await.data();
        o.world.holder(sat).delete(path).await.data();
    }

    async fn what_cannot_be_made_is_refused_field_by_field(world: World) {
        let o = Operated::new(&world);
        let bad = json!({"identifier": "a b", "name": "", "email": "root"});
        let refused = o.operator.post(ACCOUNTS, bad).await.expect(400).json;
        let fields: Vec<&str> =
            refused["errors"].as_array().unwrap().iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        assert_eq!(fields, ["identifier", "name", "email"], "{refused}");
        let acme = format!("{ACCOUNTS}/acme");
        for change in [json!({}), json!({"status": "GONE"}), json!({"status": "active"}), json!({"name": "a\nb"})] {
            let refused = o.operator.patch(&acme, change.clone()).await.expect(400).json;
            assert_eq!(refused["code"], "INVALID_REQUEST", "{change}");
        }
        for path in ["/v1/accounts/nobody", "/v1/accounts/a%20b"] {
            o.operator.get(path).await.refused(404, "ENTITY_NOT_FOUND");
            o.operator.patch(path, json!({"name": "x"})).await.refused(404, "ENTITY_NOT_FOUND");
            o.operator.delete(path).await.refused(404, "ENTITY_NOT_FOUND");
        }
        o.operator.get("/v1/accounts?limit=0").await.refused(400, "INVALID_REQUEST");
        assert_eq!(o.operator.get(&acme).await.expect(200).json["name"], "acme");
    }

    async fn a_member_that_no_body_knows_is_refused_by_its_name(world: World) {
        let o = Operated::new(&world);
        let before = o.world.trail().await;
        let acme = format!("{ACCOUNTS}/acme");
        let tokens = format!("{acme}/tokens");
        let holder = json!({"email": "admin@acme.example", "nmae": "x"});
        let new = json!({"identifier": "globex", "email": "a@globex.example", "nmae": "x"});
        for answer in [
            o.operator.patch(&acme, json!({"nmae": "x"})).await,
            o.operator.patch(&acme, json!({"name": "x", "nmae": "x"})).await,
            o.operator.post(ACCOUNTS, new.clone()).await,
            o.operator.post(&tokens, holder).await,
            o.operator.with("content-type", "application/yaml").send(Method::PATCH, &acme, Some("nmae: x".into())).await,
        ] {
            let refused = answer.expect(400).json;
            assert_eq!(refused["code"], "INVALID_REQUEST", "{refused}");
            assert_eq!(refused["errors"][0]["fieldId"], "nmae", "{refused}");
            assert!(refused["errors"][0]["error"].as_str().unwrap().contains("not known here"), "{refused}");
        }
        // What is wrong besides is told beside it.
        let both = o.operator.post(ACCOUNTS, json!({"nmae": "x", "mail": "y", "name": 3})).await.expect(400).json;
        let mut fields: Vec<&str> = both["errors"].as_array().unwrap().iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["identifier", "mail", "name", "nmae"], "{both}");
        assert_eq!(o.world.trail().await, before);
    }

    async fn without_an_operator_his_paths_are_none(world: World) {
        let o = Operated::new(&world);
        for (path, method) in [(ACCOUNTS, Method::PUT), ("/v1/accounts/acme", Method::POST), ("/v1/accounts/acme/tokens", Method::GET)] {
            for path in [path.to_owned(), format!("/gateway{path}")] {
                let ask = async |client: Client| client.send(method.clone(), &path, None).await;
                ask(o.operator.clone()).await.expect(405);
                let text = ask(world.bearer(TOKEN)).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
                assert!(text.contains("There is no"), "as of a path that nobody has: {text}");
            }
        }
    }

    async fn accounts_are_listed_page_by_page(world: World) {
        let o = Operated::new(&world);
        for id in ["b", "c", "d"] {
            o.operator.post(ACCOUNTS, wish(id)).await.expect(201);
        }
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = o.operator.get(&format!("{ACCOUNTS}?limit=2&after={after}")).await.expect(200).json;
            let list = page["accounts"].as_array().unwrap();
            assert!(list.len() <= 2);
            seen.extend(list.iter().map(|a| a["identifier"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            next.clone_into(&mut after);
        }
        assert_eq!(seen, ["acme", "b", "c", "d"]);
        for (query, word) in [("foo=1", "foo"), ("limit=2&cursor=b", "cursor"), ("limit=2&after=b%20c", "after")] {
            let text = o.operator.get(&format!("{ACCOUNTS}?{query}")).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(word), "{query}: {text}");
        }
        let acme = &o.operator.get(&format!("{ACCOUNTS}/acme")).await.expect(200).json;
        assert_eq!((&acme["status"], &acme["users"]), (&json!("ACTIVE"), &json!(1)));
    }

    async fn only_the_operator_comes_in(world: World) {
        world.bearer(TOKEN).get(ACCOUNTS).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        let o = Operated::new(&world);
        let before = o.world.trail().await;
        let server = &o.world;
        for client in [server.admin(), server.bearer(server.admin_token()), server.anon(), server.bearer("x")] {
            client.get(ACCOUNTS).await.refused(401, "INVALID_TOKEN");
            client.post(ACCOUNTS, wish("globex")).await.refused(401, "INVALID_TOKEN");
            client.delete(&format!("{ACCOUNTS}/acme")).await.refused(401, "INVALID_TOKEN");
        }
        assert_eq!(o.world.trail().await, before);
        // Nor does he come in anywhere else.
        o.operator.get(&format!("{SCIM}/Users")).await.expect(401);
        o.world.holder(TOKEN).get("/ng/api/whoami").await.refused(401, "INVALID_TOKEN");
    }

    async fn a_token_holds_as_long_as_it_is_in_the_file(world: World) {
        let o = Operated::new(&world);
        let (file, other) = (o.folder.path().join("tokens"), "b".repeat(32));
        fs::write(&file, format!("{TOKEN}\n{other}\n")).unwrap();
        o.operator.get(ACCOUNTS).await.expect(200);
        o.world.holder(&other).get(ACCOUNTS).await.expect(200);
        let (at, left) = (file.clone(), other.clone());
        let taken = async move { fs::write(at, left).unwrap() };
        o.operator.post_after(ACCOUNTS, wish("globex"), taken).await.refused(401, "INVALID_TOKEN");
        o.world.bearer(&other).get(&format!("{ACCOUNTS}/globex")).await.expect(404);
        o.operator.get(ACCOUNTS).await.refused(401, "INVALID_TOKEN");
        o.world.bearer(&other).get(ACCOUNTS).await.expect(200);
        for broken in ["", "short"] {
            fs::write(&file, broken).unwrap();
            let told = o.world.bearer(broken).get(ACCOUNTS).await.refused(503, "SERVICE_UNAVAILABLE");
            assert!(!told.contains("tokens\""), "{told}");
        }
        fs::remove_file(&file).unwrap();
        o.world.bearer(&other).get(ACCOUNTS).await.refused(503, "SERVICE_UNAVAILABLE");
    }

    async fn a_suspended_account_lets_nobody_in_on_any_replica(world: World) {
        let sat = world.machine_token("sync", Some("_account_admin")).await;
        let (o, other) = (Operated::new(&world), world.replica());
        other.bearer(&sat).get(&format!("{SCIM}/Users")).await.expect(200);
        assert_eq!(o.status("SUSPENDED").await["status"], "SUSPENDED");
        for server in [&o.world, &other] {
            server.bearer(&sat).get(&format!("{SCIM}/Users")).await.expect(401);
            server.admin().get("/ng/api/whoami").await.refused(401, "INVALID_TOKEN");
            let form = format!("grant_type=client_credentials&client_id=sync&client_secret={sat}");
            let client = server.anon().with("content-type", "application/x-www-form-urlencoded");
            client.send(Method::POST, "/oauth2/acme/token", Some(form)).await.expect(401);
        }
        let holder = json!({"email": "admin@acme.example"});
        let told = o.operator.post(&format!("{ACCOUNTS}/acme/tokens"), holder).await;
        let told = told.refused(400, "INVALID_REQUEST");
        assert!(told.contains("suspended") && told.contains("PATCH /v1/accounts/acme and {\"status\": \"ACTIVE\"}"), "{told}");
        let of = |id: &'static str| {
            world.app.db.house().read("test.closed", move |tx| why_closed(tx, &AccountId::new(id)))
        };
        assert_eq!((of("acme").await.unwrap(), of("globex").await.unwrap()), ("account_suspended", "no_account"));
        assert_eq!(o.status("ACTIVE").await["status"], "ACTIVE");
        other.bearer(&sat).get(&format!("{SCIM}/Users")).await.expect(200);
        let trail = other.trail().await;
        assert_eq!(trail.iter().filter(|row| row.starts_with("UPDATE ACCOUNT acme")).count(), 2, "{trail:#?}");
    }

    async fn what_is_refused_of_a_suspended_account_is_no_loss_of_its_log(world: World) {
        let o = Operated::new(&world);
        let sat = world.machine_token("sync", Some("_account_admin")).await;
        let trust = json!({
            "identifier": "main", "name": "main", "serviceAccount": "sync", "rules": [{"claim": "team", "op": "equals", "value": "identity"}],
            "jwks": {"keys": [TestKey::shared(Algorithm::Es256).jwk()]}
        });
        world.admin().post("/ng/api/jwt-trusts", trust).await.data();
        let jwt = TestKey::shared(Algorithm::Es256).sign(&claims());
        let read = async |credential: &str| o.world.bearer(credential).get(&format!("{SCIM}/Users")).await;
        o.status("SUSPENDED").await;
        for _ in 0..70 {
            read(&sat).await.expect(401);
            read(&jwt).await.expect(401);
        }
        o.status("ACTIVE").await;
        read(&sat).await.expect(200);
        read(&jwt).await.expect(200);
        flush(&o.world.app).await.expect("the log is written");
        let log = o.world.admin().get("/ng/api/provisioning-log").await.data();
        let statuses: Vec<_> = log["entries"].as_array().unwrap().iter().map(|entry| &entry["status"]).collect();
        assert_eq!((statuses, &log["lost"]["entries"]), (vec![&json!(200); 2], &json!(0)));
    }

    async fn a_deleted_account_can_be_had_back_for_a_while(world: World) {
        let o = Operated::new(&world);
        let acme = format!("{ACCOUNTS}/acme");
        let told = o.operator.delete(&acme).await.refused(400, "INVALID_REQUEST");
        assert!(told.contains("SUSPENDED"), "{told}");
        o.status("SUSPENDED").await;
        let deleted = o.operator.delete(&acme).await.expect(200).json;
        let now = o.world.app.clock.now().millis();
        assert_eq!((&deleted["status"], &deleted["erase_at"]), (&json!("DELETED"), &json!(now + GRACE_SECS * 1_000)));
        o.operator.delete(&acme).await.refused(400, "INVALID_REQUEST");
        o.operator.post(ACCOUNTS, wish("acme")).await.refused(400, "DUPLICATE_FIELD");
        o.world.app.clock.advance_secs(GRACE_SECS - 1);
        assert_eq!(erase_due(&o.world.app).await.unwrap(), 0);
        let back = o.status("ACTIVE").await;
        assert_eq!((&back["status"], back.get("erase_at")), (&json!("ACTIVE"), None));
        o.world.app.clock.advance_secs(2);
        assert_eq!(erase_due(&o.world.app).await.unwrap(), 0);
        world.admin().get("/ng/api/whoami").await.data();
    }

    async fn an_account_is_erased_whole_and_no_other_one(world: World) {
        let o = Operated::new(&world);
        furnish(&o.world).await;
        let other = o.world.other_account("other").await;
        o.erase().await;
        for table in tables() {
            assert_eq!(o.world.count(table).await, 0, "{table}");
        }
        let logged = "SELECT COUNT(*) FROM provisioning_log WHERE account_id = 'acme'";
        let count = move |tx: &mut db::Tx<'_>| tx.query_one(logged, &[], |row| row.get::<i64>(0));
        assert_eq!(o.world.app.log_db.house().read::<_, db::Error>("test.logged", count).await.unwrap(), 0);
        o.operator.get(&format!("{ACCOUNTS}/acme")).await.refused(404, "ENTITY_NOT_FOUND");
        let list = o.operator.get(ACCOUNTS).await.expect(200).json;
        assert_eq!(list["accounts"].as_array().unwrap().len(), 1, "{list}");
        o.world.holder(&other).get("/ng/api/whoami").await.data();
        assert_eq!(erase_due(&o.world.app).await.unwrap(), 0);
    }

    async fn an_identifier_is_free_again_and_nothing_old_comes_with_it(world: World) {
        let o = Operated::new(&world);
        let numbers = |page: &Value| page["latest"].as_i64().unwrap();
        furnish(&o.world).await;
        let last = numbers(&world.admin().get("/ng/api/events?after=0").await.data());
        o.erase().await;
        let made = o.operator.post(ACCOUNTS, wish("acme")).await.expect(201).json;
        let fresh = o.world.holder(made["token"].as_str().unwrap());
        // Who followed the former account is not led into this one.
        fresh.get(&format!("/ng/api/events?after={last}")).await.refused(410, "GONE");
        let page = fresh.get(&format!("/ng/api/events?after={}", last + 1)).await.data();
        assert!(numbers(&page) > last, "{page}");
        assert_eq!(page["events"][0]["number"], last + 2, "one is passed over: {page}");
        for server in [&world, &o.world] {
            server.admin().get("/ng/api/whoami").await.refused(401, "INVALID_TOKEN");
        }
        let account = o.operator.get(&format!("{ACCOUNTS}/acme")).await.expect(200).json;
        assert_eq!((&account["users"], &account["name"]), (&json!(1), &json!("Globex (UK) & Sons")));
        let again = Bootstrap { another_token: true, ..Bootstrap::at_console(world.account.clone(), "admin@acme.example") };
        let (db, rng, now) = (&world.app.db, &world.app.rng, world.app.clock.now());
        assert!(bootstrap(db, rng, now, again).await.is_err(), "its former administrator is nobody");
    }

    async fn two_servers_that_erase_at_once_leave_a_later_account_alone(world: World) {
        let o = Operated::new(&world);
        let other = o.world.replica();
        for round in 0..8 {
            furnish(&o.world.clone().at(o.world.app.clock.now().secs()).await).await;
            o.status("SUSPENDED").await;
            o.operator.delete(&format!("{ACCOUNTS}/acme")).await.expect(200);
            o.world.app.clock.advance_secs(GRACE_SECS);
            let again = async {
                loop {
                    let made = o.operator.post(ACCOUNTS, json!({"identifier": "acme", "email": "admin@acme.example"})).await;
                    if made.status == 201 {
                        break made.json["token"].as_str().unwrap().to_owned();
                    }
                    made.refused(400, "DUPLICATE_FIELD");
                }
            };
            let (one, two, token) = tokio::join!(erase_due(&o.world.app), erase_due(&other.app), again);
            assert!(one.unwrap() + two.unwrap() > 0);
            let me = o.world.holder(&token).get("/ng/api/user/currentUser").await;
            assert_eq!(me.status, 200, "round {round}: {}", me.text);
        }
    }

    async fn a_change_to_what_is_there_is_none(world: World) {
        let o = Operated::new(&world);
        let before = (o.operator.get(&format!("{ACCOUNTS}/acme")).await.json, o.world.trail().await);
        o.world.app.clock.advance_secs(1);
        o.status("ACTIVE").await;
        o.operator.patch(&format!("{ACCOUNTS}/acme"), json!({"name": "acme"})).await.expect(200);
        assert_eq!((o.operator.get(&format!("{ACCOUNTS}/acme")).await.json, o.world.trail().await), before);
    }

    async fn what_is_being_erased_is_erased_to_its_end(world: World) {
        let o = Operated::new(&world);
        let begun = "UPDATE accounts SET status = 'ERASING', erase_at = 1 WHERE account_id = 'acme'";
        o.world.app.db.write("test.begin", "acme", move |tx| tx.exec(begun, &[])).await.expect("as a server that stopped");
        let acme = format!("{ACCOUNTS}/acme");
        let shown = o.operator.get(&acme).await.expect(200).json;
        assert_eq!((&shown["status"], shown.get("users")), (&json!("ERASING"), None), "nobody counts what goes");
        for change in [json!({"status": "ACTIVE"}), json!({"name": "x"})] {
            o.operator.patch(&acme, change).await.refused(400, "INVALID_REQUEST");
        }
        o.operator.delete(&acme).await.refused(400, "INVALID_REQUEST");
        o.operator.post(ACCOUNTS, wish("acme")).await.refused(400, "DUPLICATE_FIELD");
        assert_eq!(erase_due(&o.world.app).await.unwrap(), 1);
        o.operator.post(ACCOUNTS, wish("acme")).await.expect(201);
    }
}
