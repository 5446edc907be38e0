//! Settings: the reference's curl, types, special rules, the hierarchy with its overrides, permissions,
//! replicas.

use http::Method;
use muster::kernel::ids::OrgId;
use muster::kernel::problem::Problem;
use muster::kernel::scope::Scope;
use muster::settings;
use muster::settings::catalogue::{JWT_KEY_FIELD, MAX_TOKEN_DAYS, SCIM_DIALECT, TOKENS_WITHOUT_EXPIRY};
use serde_json::{Value, json};

use crate::actors::{Client, World};
use crate::both_engines;

const PATH: &str = "/ng/api/settings?accountIdentifier=acme";
const URL: &str = "scim_jwt_token_jwks_keys_url";
const KEY: &str = "scim_jwt_token_key_field";
const VALUE: &str = "scim_jwt_token_value_field";
const ACCOUNT_ID: &str = "scim_jwt_token_service_account_id";
/// May be overridden, INLINE or REMOTE.
const OPEN: &str = "default_store_type_for_entities";
/// A loopback port where nobody answers: connections are refused at once.
const NOBODY: &str = "http://127.0.0.1:9/keys";

fn update(id: &str, value: impl Into<Value>) -> Value {
    json!({"identifier": id, "value": value.into(), "updateType": "UPDATE"})
}

/// PUT of one item; answers that item of the reply.
async fn put(client: &Client, query: &str, item: Value) -> Value {
    let items = client.put(&format!("{PATH}{query}"), json!([item])).await.data();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{items}");
    items[0].clone()
}

/// PUT of one item that must be refused; answers its `errorMessage`.
async fn refused(client: &Client, query: &str, item: Value) -> String {
    let reply = put(client, query, item).await;
    assert_eq!((&reply["updateStatus"], &reply["setting"]), (&json!(false), &Value::Null), "{reply}");
    assert_eq!(reply["lastModifiedAt"], Value::Null, "{reply}");
    reply["errorMessage"].as_str().expect("a refused item says why").to_owned()
}

async fn value(client: &Client, id: &str, query: &str) -> Value {
    client.get(&format!("/ng/api/settings/{id}?accountIdentifier=acme{query}")).await.data()["value"].clone()
}

/// An organization `o` with a project `p`.
async fn hierarchy(world: &World) {
    let admin = world.admin();
    let org = json!({"organization": {"identifier": "o", "name": "O"}});
    admin.post("/ng/api/organizations?accountIdentifier=acme", org).await.data();
    let project = json!({"project": {"orgIdentifier": "o", "identifier": "p", "name": "P"}});
    admin.post("/ng/api/projects?accountIdentifier=acme&orgIdentifier=o", project).await.data();
}

/// A service account of the account, written straight into its table.
async fn service_account(world: &World, id: &'static str) {
    let sql = "INSERT INTO service_accounts (account_id, org_id, project_id, identifier, name, email, tags, version, \
        created_at, updated_at) VALUES ($1, '', '', $2, $2, 'x@service.example', '{}', 1, 0, 0)";
    let account = world.account.clone();
    let work =
        move |tx: &mut db::Tx<'_>| tx.exec(sql, db::params![account.as_str(), id]).map_err(Problem::from);
    assert_eq!(world.app.db.write("test", "acme", work).await.unwrap(), 1);
}

both_engines! {
    /// Word for word the call of the reference's documentation, with its headers.
    async fn the_four_settings_of_the_default_trust(world: World) {
        service_account(&world, "scim_machine").await;
        let client = world.admin().with("connection", "keep-alive").with("accept", "*/*")
            .with("accept-language", "en-US,en;q=0.9").with("content-type", "application/json");
        let item = |id: &str, value: &str| {
            json!({"identifier": id, "value": value, "allowOverrides": false, "updateType": "UPDATE"})
        };
        let items = json!([
            item(URL, NOBODY), item(KEY, "environment"), item(VALUE, "production"), item(ACCOUNT_ID, "scim_machine")
        ]);
        let reply = client.put(&format!("/gateway{PATH}"), items).await.data();
        for item in reply.as_array().unwrap() {
            assert_eq!((&item["updateStatus"], &item["errorMessage"]), (&json!(true), &Value::Null), "{item}");
            assert_eq!(item["setting"]["settingSource"], "ACCOUNT", "{item}");
            assert_eq!(item["lastModifiedAt"], 1_767_225_600_000_i64, "{item}");
            let warned = item["warning"].as_str();
            let of_all = item["identifier"] == ACCOUNT_ID;
            assert_eq!(warned.is_some(), item["identifier"] == URL || of_all, "{item}");
            let weak = |code: &str| warned.is_some_and(|text| text.contains(code));
            assert_eq!((weak("no_issuer: "), weak("no_audience: "), weak("shared_issuer")), (of_all, of_all, false), "{item}");
        }
        assert_eq!(value(&client, VALUE, "").await, "production");
        let trail = world.trail().await;
        let row = r#"UPDATE SETTING scim_jwt_token_value_field {"old":null,"new":{"value":"production""#;
        assert!(trail.iter().any(|line| line.starts_with(row)), "{trail:#?}");
    }

    async fn one_setting_as_the_reference_shows_it(world: World) {
        let reply = put(&world.admin(), "", update("scim_dialect", "entra")).await;
        assert_eq!(reply, json!({
            "identifier": "scim_dialect", "updateStatus": true, "errorMessage": null, "warning": null,
            "lastModifiedAt": 1_767_225_600_000_i64,
            "setting": {
                "identifier": "scim_dialect", "name": "SCIM dialect", "orgIdentifier": null,
                "projectIdentifier": null, "category": "SCIM", "groupIdentifier": "scim_provisioning",
                "valueType": "String", "allowedValues": ["auto", "strict", "tolerant", "entra", "okta"],
                "allowOverrides": false, "value": "entra", "defaultValue": "auto", "settingSource": "ACCOUNT",
                "isSettingEditable": true, "allowedScopes": ["ACCOUNT"]
            }
        }));
        let one = world.admin().get("/ng/api/settings/scim_dialect?accountIdentifier=acme").await.data();
        assert_eq!(one, json!({"valueType": "String", "value": "entra"}));
    }

    async fn lists_show_set_and_unset(world: World) {
        put(&world.admin(), "", update(KEY, "env")).await;
        let list = world.admin().get(&format!("{PATH}&category=SCIM&group=scim_jwt_token_configuration_g1")).await.data();
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 4);
        let of = |id: &str| list.iter().find(|s| s["setting"]["identifier"] == id).unwrap();
        assert_eq!((&of(KEY)["setting"]["value"], &of(KEY)["setting"]["settingSource"]), (&json!("env"), &json!("ACCOUNT")));
        assert_eq!((&of(URL)["setting"]["value"], &of(URL)["setting"]["settingSource"]), (&Value::Null, &json!("DEFAULT")));
        assert_eq!(of(URL)["lastModifiedAt"], Value::Null);
        let all = world.admin().get(&format!("{PATH}&category=SCIM")).await.data();
        assert!(all.as_array().unwrap().len() > 4);
        let none = world.admin().get(&format!("{PATH}&category=CHAOS")).await.data();
        assert_eq!(none, json!([]));
    }

    async fn lists_below_show_the_settings_above_on_demand(world: World) {
        hierarchy(&world).await;
        let at = "&orgIdentifier=o&projectIdentifier=p&category=SCIM";
        assert_eq!(world.admin().get(&format!("{PATH}{at}")).await.data(), json!([]));
        let all = world.admin().get(&format!("{PATH}{at}&includeParentScopes=true")).await.data();
        let all = all.as_array().unwrap();
        assert!(all.len() >= 4);
        assert!(all.iter().all(|s| s["setting"]["isSettingEditable"] == false), "{all:?}");
    }

    async fn bad_lists_are_named(world: World) {
        let admin = world.admin();
        admin.get(PATH).await.refused(400, "INVALID_REQUEST");
        let text = admin.get(&format!("{PATH}&category=NOPE")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert!(text.contains("NOPE") && text.contains("SCIM"), "{text}");
        admin.get(&format!("{PATH}&category=SCIM&includeParentScopes=maybe")).await.refused(400, "INVALID_REQUEST");
    }

    async fn unknown_settings(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for (id, query) in [("nope", ""), (KEY, "&orgIdentifier=o"), ("aida", "&orgIdentifier=o"), ("%00", "")] {
            let answer = admin.get(&format!("/ng/api/settings/{id}?accountIdentifier=acme{query}")).await;
            let text = answer.refused(404, "ENTITY_NOT_FOUND");
            assert!(text.contains("either invalid or is not applicable in scope"), "{text}");
        }
        let text = refused(&admin, "", update("nope", "x")).await;
        assert!(text.starts_with("Setting [nope] is either invalid or is not applicable in scope [ACCOUNT]"), "{text}");
        let text = refused(&admin, "&orgIdentifier=o", update("nope", "x")).await;
        assert!(text.starts_with("Setting- nope does not exist"), "{text}");
        let text = refused(&admin, "&orgIdentifier=o", update("aida", "true")).await;
        assert!(text.starts_with("Setting [aida] is either invalid or is not applicable in scope [ORGANIZATION]"), "{text}");
        let text = refused(&admin, "&orgIdentifier=o", update(KEY, "x")).await;
        assert!(text.starts_with("Setting- scim_jwt_token_key_field cannot be overridden at the current scope"), "{text}");
        let text = refused(&admin, "", json!({"value": "x"})).await;
        assert!(text.contains("identifier"), "{text}");
        let restore = json!({"identifier": "nope", "updateType": "RESTORE"});
        assert!(refused(&admin, "", restore).await.starts_with("Setting [nope] is either invalid"));
        assert_eq!(world.count("settings").await, 0);
    }

    async fn values_that_do_not_fit(world: World) {
        let admin = world.admin();
        for (id, value, part) in [
            ("enable_force_delete", json!("maybe"), "Only boolean values are allowed. Received input [maybe]"),
            ("enable_force_delete", Value::Null, "Only boolean values are allowed. Received input [null]"),
            ("concurrent_active_pipeline_executions", json!("many"), "Only numbers are allowed. Received input [many]"),
            ("max_token_lifetime_days", json!("0"), "from 1 to 365"),
            ("max_token_lifetime_days", json!("1.5"), "from 1 to 365"),
            ("max_token_lifetime_days", json!("366"), "from 1 to 365"),
            ("max_token_lifetime_days", json!("+5"), "Only numbers are allowed. Received input [+5]"),
            ("max_token_lifetime_days", json!("007"), "Only numbers are allowed. Received input [007]"),
            ("max_token_lifetime_days", json!("1e2"), "from 1 to 365"),
            ("concurrent_active_pipeline_executions", json!("-0"), "Received input [-0]"),
            ("scim_dialect", json!("Okta"), "The value [Okta] is not allowed."),
            (OPEN, Value::Null, "The value [null] is not allowed."),
            ("pipeline_timeout", json!("a\u{0}b"), "NUL"),
            ("pipeline_timeout", json!("x".repeat(5_000)), "4096"),
            (KEY, json!(""), "empty"),
            (KEY, Value::Null, "empty"),
            (VALUE, json!(" production"), "white space at its ends"),
            (ACCOUNT_ID, json!("nobody"), "There is no service account [nobody]"),
            (URL, json!("keys"), "not a URL"),
            (URL, json!("https://"), "not a URL"),
            (URL, json!("https:///idp.example.com/keys"), "no host"),
            (URL, json!("https://idp.example.com\\keys"), "backslash"),
            (URL, json!("https://idp.example.com/keys "), "white space"),
            (URL, json!("https://idp.exa\nmple.com/keys"), "white space"),
            (URL, json!("http://idp.example.com/keys"), "https"),
            (URL, json!("http://127.0.0.2/keys"), "--jwks-allow"),
            (URL, json!("https://10.0.0.1/keys"), "not a public address"),
            (URL, json!("https://169.254.169.254/keys"), "169.254.169.254"),
            (URL, json!("https://u:p@idp.example.com/keys"), "password"),
            (URL, json!("ftp://idp.example.com/keys"), "https"),
            (URL, json!("file:///keys"), "no host"),
        ] {
            let text = refused(&admin, "", update(id, value.clone())).await;
            assert!(text.contains(part), "{id} = {value}: {text}");
        }
        assert_eq!(world.count("settings").await, 0);
        assert!(!world.trail().await.iter().any(|line| line.contains(" SETTING ")));
    }

    async fn booleans_and_numbers_come_in_many_forms(world: World) {
        let admin = world.admin();
        for good in [json!("YES"), json!("off"), json!("T"), json!(true)] {
            let reply = put(&admin, "", update("allow_tokens_without_expiry", good.clone())).await;
            assert_eq!(reply["updateStatus"], true, "{good}: {reply}");
        }
        assert_eq!(value(&admin, "allow_tokens_without_expiry", "").await, "true", "values travel as strings");
        let reply = put(&admin, "", update("max_token_lifetime_days", 90)).await;
        assert_eq!(reply["setting"]["value"], "90", "{reply}");
        let scope = Scope::account(world.account.clone());
        let read = world.app.db.house().read("test", move |tx| {
            Ok::<_, Problem>((
                settings::actions::flag(tx, &scope, TOKENS_WITHOUT_EXPIRY)?,
                settings::actions::number(tx, &scope, MAX_TOKEN_DAYS)?,
                settings::actions::text(tx, &scope, SCIM_DIALECT)?,
                settings::actions::text(tx, &scope, JWT_KEY_FIELD)?,
            ))
        });
        assert_eq!(read.await.unwrap(), (true, Some(90), Some("auto".into()), None));
    }

    async fn update_types(world: World) {
        let admin = world.admin();
        let item = |kind: Value| json!({"identifier": "scim_dialect", "value": "okta", "updateType": kind});
        assert_eq!(put(&admin, "", item(Value::Null)).await["updateStatus"], true);
        let text = refused(&admin, "", item(json!("DELETE"))).await;
        assert!(text.contains("UPDATE or RESTORE"), "{text}");
        let restored = put(&admin, "", item(json!("RESTORE"))).await;
        assert_eq!((&restored["setting"]["value"], &restored["setting"]["settingSource"]), (&json!("auto"), &json!("DEFAULT")));
        let again = put(&admin, "", item(json!("RESTORE"))).await;
        assert_eq!(again["updateStatus"], true, "restoring what is not set is no error: {again}");
        let trail = world.trail().await;
        let restores = trail.iter().filter(|line| line.starts_with("RESTORE SETTING scim_dialect")).count();
        assert_eq!((world.count("settings").await, restores), (0, 1), "{trail:#?}");
    }

    async fn items_stand_alone(world: World) {
        let items = json!([update(KEY, "env"), update("nope", "x"), update("scim_dialect", "okta"), update(KEY, " ")]);
        let reply = world.admin().put(PATH, items).await.data();
        let stored: Vec<_> = reply.as_array().unwrap().iter().map(|i| i["updateStatus"].as_bool().unwrap()).collect();
        assert_eq!(stored, [true, false, true, false]);
        assert_eq!(value(&world.admin(), KEY, "").await, "env");
        assert_eq!(world.count("settings").await, 2);
        assert_eq!(world.admin().put(PATH, json!([])).await.data(), json!([]));
    }

    async fn atomic_is_all_or_nothing(world: World) {
        let path = format!("{PATH}&atomic=true");
        let items = json!([update(KEY, "env"), update("nope", "x"), update("scim_dialect", "perl")]);
        let reply = world.admin().put(&path, items).await.data();
        let texts: Vec<_> = reply.as_array().unwrap().iter().map(|i| i["errorMessage"].as_str().unwrap()).collect();
        assert!(texts[0].contains("another item") && texts[1].contains("nope") && texts[2].contains("perl"), "{texts:?}");
        assert!(reply.as_array().unwrap().iter().all(|i| i["updateStatus"] == false && i["setting"].is_null()));
        assert_eq!(world.count("settings").await, 0);
        assert!(!world.trail().await.iter().any(|line| line.contains(" SETTING ")));
        let good = json!([update(KEY, "env"), update("scim_dialect", "okta")]);
        let reply = world.admin().put(&path, good).await.data();
        assert!(reply.as_array().unwrap().iter().all(|i| i["updateStatus"] == true), "{reply}");
        assert_eq!(world.count("settings").await, 2);
        world.admin().put(&format!("{PATH}&atomic=1"), json!([])).await.refused(400, "INVALID_REQUEST");
    }

    async fn a_project_sees_the_nearest_value(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let (org, project) = ("&orgIdentifier=o", "&orgIdentifier=o&projectIdentifier=p");
        assert_eq!(value(&admin, OPEN, project).await, "INLINE");
        put(&admin, "", update(OPEN, "REMOTE")).await;
        assert_eq!(value(&admin, OPEN, project).await, "REMOTE");
        let reply = put(&admin, org, update(OPEN, "INLINE")).await;
        let setting = &reply["setting"];
        assert_eq!((&setting["settingSource"], &setting["defaultValue"]), (&json!("ORG"), &json!("REMOTE")), "{reply}");
        assert_eq!((&setting["orgIdentifier"], &setting["projectIdentifier"]), (&json!("o"), &Value::Null), "{reply}");
        assert_eq!(value(&admin, OPEN, project).await, "INLINE");
        assert_eq!(value(&admin, OPEN, "&orgIdentifier=default").await, "REMOTE", "another organization");
        let restored = put(&admin, org, json!({"identifier": OPEN, "updateType": "RESTORE"})).await;
        assert_eq!((&restored["setting"]["value"], &restored["setting"]["settingSource"]), (&json!("REMOTE"), &json!("ACCOUNT")));
    }

    async fn locking_removes_the_values_below(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let (org, project) = ("&orgIdentifier=o", "&orgIdentifier=o&projectIdentifier=p");
        put(&admin, org, update(OPEN, "INLINE")).await;
        put(&admin, project, update(OPEN, "INLINE")).await;
        put(&admin, project, update("pipeline_timeout", "1h")).await;
        let lock = |value: &str| json!({"identifier": OPEN, "value": value, "allowOverrides": false});
        refused(&admin, "", lock("BOTH")).await;
        assert_eq!(world.count("settings").await, 3, "a refused item removes nothing");
        let reply = put(&admin, "", lock("REMOTE")).await;
        assert_eq!(reply["setting"]["allowOverrides"], false, "{reply}");
        assert_eq!(value(&admin, OPEN, project).await, "REMOTE");
        assert_eq!(value(&admin, "pipeline_timeout", project).await, "1h", "another setting stays");
        let text = refused(&admin, project, update(OPEN, "INLINE")).await;
        assert!(text.starts_with("Setting- default_store_type_for_entities cannot be overridden"), "{text}");
        let list = admin.get(&format!("{PATH}{project}&category=GIT_EXPERIENCE")).await.data();
        let open = list.as_array().unwrap().iter().find(|s| s["setting"]["identifier"] == OPEN).unwrap();
        assert_eq!((&open["setting"]["isSettingEditable"], &open["setting"]["settingSource"]), (&json!(false), &json!("ACCOUNT")));
        let trail = world.trail().await;
        let removed = r#""overridesRemoved":["/ACCOUNT/acme/ORGANIZATION/o","/ACCOUNT/acme/ORGANIZATION/o/PROJECT/p"]"#;
        assert!(trail.iter().any(|line| line.contains(removed)), "{trail:#?}");
        put(&admin, "", json!({"identifier": OPEN, "value": "REMOTE", "allowOverrides": true})).await;
        assert_eq!(put(&admin, project, update(OPEN, "INLINE")).await["updateStatus"], true);
        put(&admin, org, lock("REMOTE")).await;
        assert_eq!(value(&admin, OPEN, project).await, "REMOTE", "an organization locks its projects");
    }

    async fn scopes_that_are_not_there(world: World) {
        let admin = world.admin();
        for query in ["&orgIdentifier=no", "&orgIdentifier=default&projectIdentifier=no"] {
            let text = admin.put(&format!("{PATH}{query}"), json!([update(OPEN, "INLINE")])).await.refused(400, "INVALID_ARGUMENT");
            assert!(text.contains("[no]"), "{text}");
            admin.put(&format!("{PATH}{query}"), json!([])).await.refused(400, "INVALID_ARGUMENT");
            admin.get(&format!("{PATH}{query}&category=PMS")).await.refused(400, "INVALID_ARGUMENT");
            admin.get(&format!("/ng/api/settings/{OPEN}?{query}")).await.refused(400, "INVALID_ARGUMENT");
        }
        admin.get(&format!("{PATH}&projectIdentifier=p&category=PMS")).await.refused(400, "INVALID_REQUEST");
    }

    async fn bodies_that_are_none(world: World) {
        let admin = world.admin();
        for body in [
            "", "[", "{}", "null", "[1]", "[null]", r#"[{"identifier":7}]"#, r#"[{"identifier":"a","value":[]}]"#,
            r#"[{"identifier":"a","allowOverrides":"x"}]"#, "[]x",
        ] {
            admin.send(Method::PUT, PATH, Some(body.into())).await.refused(400, "INVALID_REQUEST");
        }
        admin.with("content-type", "text/xml").put(PATH, json!([])).await.refused(415, "MEDIA_NOT_SUPPORTED");
        let many = vec![update(KEY, "x"); 501];
        admin.put(PATH, json!(many)).await.refused(400, "INVALID_REQUEST");
        let long = update("pipeline_timeout", "x".repeat(2 << 20));
        admin.put(PATH, json!([long])).await.refused(413, "INVALID_REQUEST");
        assert_eq!(world.count("settings").await, 0);
    }

    async fn who_may(world: World) {
        hierarchy(&world).await;
        let item = || json!([update(OPEN, "INLINE")]);
        let one = format!("/ng/api/settings/{OPEN}?accountIdentifier=acme");
        let (account, org) = (Scope::account(world.account.clone()), Scope::organization(world.account.clone(), OrgId::new("o")));
        let stranger = world.bound("stranger@acme.example", &[]).await;
        let everything = "_all_resources_including_child_scopes";
        let viewer = world.bound("viewer@acme.example", &[("_account_viewer", everything, account.clone())]).await;
        let scim = world.bound("scim@acme.example", &[("_scim_provisioner", everything, account)]).await;
        for client in [&stranger, &scim] {
            client.get(&one).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{PATH}&category=SCIM")).await.refused(403, "NG_ACCESS_DENIED");
        }
        viewer.get(&one).await.data();
        for client in [&stranger, &scim, &viewer] {
            let answer = client.put(PATH, item()).await;
            assert_eq!(answer.json["failedPermissionChecks"][0]["permission"], "core_setting_edit", "{}", answer.text);
            answer.refused(403, "NG_ACCESS_DENIED");
        }
        let owner = world.bound("owner@acme.example", &[("_organization_admin", everything, org)]).await;
        owner.put(PATH, item()).await.refused(403, "NG_ACCESS_DENIED");
        owner.put(&format!("{PATH}&orgIdentifier=default"), item()).await.refused(403, "NG_ACCESS_DENIED");
        owner.get(&one).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(world.count("settings").await, 0);
        assert_eq!(owner.put(&format!("{PATH}&orgIdentifier=o"), item()).await.data()[0]["updateStatus"], true);
        owner.get(&format!("{one}&orgIdentifier=o&projectIdentifier=p")).await.data();
        let other = world.holder(&world.other_account("globex").await);
        other.put(PATH, item()).await.refused(401, "INVALID_TOKEN");
        other.get(&one).await.refused(401, "INVALID_TOKEN");
        world.anon().get(&one).await.refused(401, "INVALID_TOKEN");
        other.get(&format!("/ng/api/settings/{OPEN}?accountIdentifier=globex")).await.data();
    }

    /// What one replica stored is in force on another with its next request, with no waiting in between.
    /// Who could turn it off could make himself account administrator with whatever else he may do.
    async fn only_who_holds_everything_lets_roles_be_given_freely(world: World) {
        const GUARD: &str = "restrict_grants_to_own_permissions";
        let admin = world.admin();
        let role = json!({"identifier": "raiser", "name": "R",
            "permissions": ["core_setting_edit", "core_setting_view", "core_user_manage", "core_account_edit"]});
        admin.post("/authz/api/roles", role).await.data();
        let bob = world.machine("bob", Some("raiser")).await;
        for off in ["false", "NO", "off"] {
            let denied = bob.put(PATH, json!([update(GUARD, off)])).await;
            let text = denied.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("Only who holds everything") && text.contains("core_"), "{text}");
        }
        let other = update("scim_dialect", "okta");
        bob.put(&format!("{PATH}&atomic=true"), json!([other, update(GUARD, false)])).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(value(&admin, "scim_dialect", "").await, "auto", "all or nothing");
        let items = bob.put(PATH, json!([other, update(GUARD, false)])).await.data();
        assert_eq!((&items[0]["updateStatus"], &items[1]["updateStatus"]), (&json!(true), &json!(false)), "{items}");
        assert!(items[1]["errorMessage"].as_str().unwrap().contains("Only who holds everything"), "{items}");
        assert_eq!(value(&admin, GUARD, "").await, "true");
        // The order makes no difference: each item stands alone.
        let items = bob.put(PATH, json!([update(GUARD, false), update("scim_dialect", "entra")])).await.data();
        assert_eq!((&items[0]["updateStatus"], &items[1]["updateStatus"]), (&json!(false), &json!(true)), "{items}");
        assert!(items[0]["errorMessage"].as_str().unwrap().contains("Only who holds everything"), "{items}");
        assert_eq!(value(&admin, "scim_dialect", "").await, "entra");

        // What takes nothing of it away is as free as any setting.
        assert_eq!(put(&bob, "", update(GUARD, "yes")).await["updateStatus"], true);
        let restore = json!({"identifier": GUARD, "updateType": "RESTORE"});
        assert_eq!(put(&bob, "", restore.clone()).await["updateStatus"], true);
        assert_eq!(put(&admin, "", update(GUARD, false)).await["updateStatus"], true);
        assert_eq!(put(&bob, "", update(GUARD, "off")).await["updateStatus"], true, "it is off");
        assert_eq!(put(&bob, "", restore).await["updateStatus"], true);
        assert_eq!(value(&admin, GUARD, "").await, "true");
    }

    async fn replicas_see_a_setting_at_once(world: World) {
        let replica = world.replica();
        assert_eq!(value(&replica.admin(), "scim_dialect", "").await, "auto");
        for (here, there, dialect) in [(&world, &replica, "okta"), (&replica, &world, "entra"), (&world, &replica, "strict")] {
            put(&here.admin(), "", update("scim_dialect", dialect)).await;
            assert_eq!(value(&there.admin(), "scim_dialect", "").await, dialect);
        }
    }
}
