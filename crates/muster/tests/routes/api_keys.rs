//! API keys (platform API §4).

use http::Method;
use serde_json::{Value, json};

use crate::actors::{Client, World};
use crate::both_engines;

const AT: &str = "/ng/api/apikey";
const OKTA: &str = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta";
const MONTH_MS: i64 = 2_592_000_000;

fn ask(id: &str) -> Value {
    json!({"identifier": id, "name": id, "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "okta"})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

async fn okta(world: &World) -> Client {
    let admin = world.admin();
    admin.post("/ng/api/serviceaccount", json!({"identifier": "okta", "name": "okta"})).await.data();
    admin
}

fn changes(audit: &[(String, String, String)]) -> Vec<(&str, &str)> {
    let of = audit.iter().filter(|(_, kind, id)| kind == "API_KEY" && id != "bootstrap");
    of.map(|(action, _, id)| (action.as_str(), id.as_str())).collect()
}

both_engines! {
    async fn a_key_of_a_service_account(world: World) {
        let admin = okta(&world).await;
        let wish = with(with(ask("k1"), "tags", json!({"a": "b"})), "description", json!("first"));
        let made = admin.post("/gateway/ng/api/apikey?accountIdentifier=acme", wish).await.data();
        assert_eq!(made, json!({
            "identifier": "k1", "name": "k1", "description": "first", "tags": {"a": "b"},
            "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "okta", "defaultTimeToExpireToken": MONTH_MS,
            "accountIdentifier": "acme", "orgIdentifier": null, "projectIdentifier": null
        }));
        assert_eq!(admin.get(&format!("{AT}?{OKTA}")).await.data(), json!([made]));
        assert_eq!(admin.get(&format!("{AT}?{OKTA}&identifiers=other")).await.data(), json!([]));
        let one = admin.get(&format!("{AT}/aggregate/K1?{OKTA}")).await.data();
        let now = world.app.clock.now().millis();
        let expected = json!({"apiKey": made, "createdAt": now, "lastModifiedAt": now, "tokensCount": 0});
        assert_eq!(one, expected);
        let page = admin.get(&format!("{AT}/aggregate?{OKTA}&searchTerm=K1")).await.data();
        assert_eq!((&page["content"], &page["totalItems"]), (&json!([expected]), &json!(1)));
        let none = admin.get(&format!("{AT}/aggregate?{OKTA}&searchTerm=zz")).await.data();
        assert_eq!(none["empty"], true);
        assert_eq!(changes(&world.audit().await), [("CREATE", "k1")]);
    }

    async fn a_key_of_a_service_account_in_an_organization(world: World) {
        let admin = world.admin();
        let scope = "orgIdentifier=default";
        let made = json!({"identifier": "okta", "name": "okta"});
        admin.post(&format!("/ng/api/serviceaccount?{scope}"), made).await.data();
        admin.post(AT, ask("k1")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        let made = admin.post(AT, with(ask("k1"), "orgIdentifier", json!("default"))).await.data();
        assert_eq!(made["orgIdentifier"], "default", "the body alone names the scope");
        let changed = with(with(ask("k1"), "orgIdentifier", json!("default")), "name", json!("New"));
        assert_eq!(admin.put(&format!("{AT}/k1"), changed).await.data()["name"], "New");
        assert_eq!(admin.get(&format!("{AT}?{OKTA}&{scope}")).await.data()[0]["name"], "New");
        admin.get(&format!("{AT}?{OKTA}")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(admin.delete(&format!("{AT}/k1?{OKTA}&{scope}")).await.data(), json!(true));
    }

    async fn a_users_keys_are_his_own(world: World) {
        let (anna, token) = world.person("anna@acme.example").await;
        let wish = json!({"identifier": "laptop", "name": "laptop", "apiKeyType": "USER", "parentIdentifier": anna});
        let (admin, own) = (world.admin(), world.holder(&token));
        let text = admin.post(AT, wish.clone()).await.refused(403, "NG_ACCESS_DENIED");
        assert!(text.contains(&world.admin_id) && text.contains(&anna), "{text}");
        assert_eq!(own.post(AT, wish.clone()).await.data()["parentIdentifier"], json!(anna));
        let query = format!("apiKeyType=USER&parentIdentifier={anna}");
        admin.get(&format!("{AT}?{query}")).await.refused(403, "NG_ACCESS_DENIED");
        admin.delete(&format!("{AT}/laptop?{query}")).await.refused(403, "NG_ACCESS_DENIED");
        admin.put(&format!("{AT}/laptop"), wish.clone()).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(own.get(&format!("{AT}?{query}")).await.data().as_array().unwrap().len(), 2, "with the first one");
        let machine = world.machine("robot", Some("_account_admin")).await;
        let text = machine.post(AT, wish.clone()).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("No user identifier present in context"), "{text}");
        let in_org = with(wish, "orgIdentifier", json!("default"));
        let text = own.post(AT, in_org).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("live in the account"), "{text}");
        assert_eq!(own.delete(&format!("{AT}/laptop?{query}")).await.data(), json!(true));
    }

    async fn a_service_accounts_keys_need_the_right_to_manage_them(world: World) {
        let admin = okta(&world).await;
        admin.post(AT, ask("k1")).await.data();
        let robot = world.machine("robot", Some("_account_admin")).await;
        assert_eq!(robot.post(AT, ask("k2")).await.data()["identifier"], "k2");
        let (nobody, viewer) =
            (world.machine("nobody", None).await, world.machine("viewer", Some("_account_viewer")).await);
        for client in [nobody, viewer] {
            let text = client.post(AT, ask("k3")).await.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("core_serviceaccount_manageapikey on serviceaccount with identifier okta"), "{text}");
            client.put(&format!("{AT}/k1"), ask("k1")).await.refused(403, "NG_ACCESS_DENIED");
            client.delete(&format!("{AT}/k1?{OKTA}")).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}?{OKTA}")).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}/aggregate?{OKTA}")).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}/aggregate/k1?{OKTA}")).await.refused(403, "NG_ACCESS_DENIED");
        }
        assert_eq!(admin.get(&format!("{AT}?{OKTA}")).await.data().as_array().unwrap().len(), 2);
    }

    async fn bad_values_are_named_and_make_nothing(world: World) {
        let admin = okta(&world).await;
        let wish = json!({"identifier": "9", "name": " ", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "okta",
            "defaultTimeToExpireToken": 0});
        let answer = admin.post(AT, wish).await.expect(400);
        assert_eq!(answer.json["status"], "FAILURE");
        let errors = answer.json["errors"].as_array().unwrap();
        let fields: Vec<_> = errors.iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        assert_eq!(fields, ["identifier", "name", "defaultTimeToExpireToken"]);
        let answer = admin.post(AT, json!({"identifier": "k", "name": "k"})).await.expect(400);
        assert_eq!(answer.json["errors"][0]["fieldId"], "apiKeyType");
        assert_eq!(answer.json["errors"][1]["fieldId"], "parentIdentifier");
        for (kind, broken) in [
            (json!({}), vec!["apiKeyType", "parentIdentifier"]), (json!({"apiKeyType": "SSH_KEY"}), vec!["parentIdentifier", "apiKeyType"]),
        ] {
            let mut body = json!({"identifier": "", "name": " ", "apiKeyIdentifier": "9", "defaultTimeToExpireToken": 0});
            body.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
            for (path, last) in [(AT, "defaultTimeToExpireToken"), ("/ng/api/token", "apiKeyIdentifier")] {
                let answer = admin.post(path, body.clone()).await.expect(400);
                let errors = answer.json["errors"].as_array().unwrap();
                let fields: Vec<_> = errors.iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
                assert_eq!(fields, [broken.clone(), vec!["identifier", "name", last]].concat(), "{path}");
            }
        }
        let strange = with(ask("k"), "apiKeyType", json!("SSH_KEY"));
        assert_eq!(admin.post(AT, strange).await.expect(400).json["errors"][0]["fieldId"], "apiKeyType");
        let years = with(ask("k"), "defaultTimeToExpireToken", json!(MONTH_MS * 13));
        let text = admin.post(AT, years).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("send at most") && text.contains("allow_tokens_without_expiry"), "{text}");
        assert!(!text.contains("max_token_lifetime_days"), "{text}");
        let text = with(ask("k"), "defaultTimeToExpireToken", json!("soon"));
        admin.post(AT, text).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, with(ask("k"), "accountIdentifier", json!("globex"))).await.refused(400, "INVALID_REQUEST");
        admin.send(Method::POST, AT, Some("{".into())).await.refused(400, "INVALID_REQUEST");
        admin.send(Method::POST, AT, None).await.refused(400, "INVALID_REQUEST");
        admin.get(AT).await.refused(400, "INVALID_REQUEST");
        let query = "apiKeyType=SSH_KEY&parentIdentifier=okta";
        admin.get(&format!("{AT}?{query}")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        let missing = with(ask("k"), "parentIdentifier", json!("nobody"));
        admin.post(AT, missing).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(admin.get(&format!("{AT}?{OKTA}")).await.data(), json!([]));
        assert_eq!(changes(&world.audit().await), []);
    }

    async fn an_identifier_is_taken_in_any_case(world: World) {
        let admin = okta(&world).await;
        admin.post(AT, ask("Key")).await.data();
        let text = admin.post(AT, ask("kEY")).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("[kEY] already exists"), "{text}");
        admin.post("/ng/api/serviceaccount", json!({"identifier": "entra", "name": "entra"})).await.data();
        admin.post(AT, with(ask("Key"), "parentIdentifier", json!("entra"))).await.data();
        assert_eq!(changes(&world.audit().await), [("CREATE", "Key"), ("CREATE", "Key")]);
    }

    async fn five_keys_and_no_more(world: World) {
        let admin = okta(&world).await;
        for n in 1..=5 {
            admin.post(AT, ask(&format!("k{n}"))).await.data();
        }
        let text = admin.post(AT, ask("k6")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Maximum limit has reached"), "{text}");
        assert_eq!(admin.get(&format!("{AT}?{OKTA}")).await.data().as_array().unwrap().len(), 5);
        assert_eq!(changes(&world.audit().await).len(), 5, "the refused one left nothing behind");
        admin.delete(&format!("{AT}/k1?{OKTA}")).await.data();
        admin.post(AT, ask("k6")).await.data();
    }

    async fn a_key_changes_but_not_its_identifier(world: World) {
        let admin = okta(&world).await;
        admin.post(AT, with(ask("Key"), "defaultTimeToExpireToken", json!(1_000))).await.data();
        let changed = admin.put(&format!("{AT}/key"), with(ask("key"), "name", json!("New"))).await.data();
        assert_eq!((&changed["identifier"], &changed["name"]), (&json!("Key"), &json!("New")));
        assert_eq!(changed["defaultTimeToExpireToken"], 1_000, "what is not given stays");
        admin.put(&format!("{AT}/Key"), ask("other")).await.refused(400, "INVALID_REQUEST");
        admin.put(&format!("{AT}/none"), ask("none")).await.refused(404, "ENTITY_NOT_FOUND");
        admin.delete(&format!("{AT}/none?{OKTA}")).await.refused(404, "ENTITY_NOT_FOUND");
        let text = admin.get(&format!("{AT}/aggregate/none?{OKTA}")).await.refused(400, "INVALID_ARGUMENT");
        assert!(text.contains("Api key [none] doesn't exist in scope"), "{text}");
        assert_eq!(changes(&world.audit().await), [("CREATE", "Key"), ("UPDATE", "Key")]);
    }

    async fn with_a_key_go_its_tokens(world: World) {
        let text = world.machine_token("okta", Some("_account_viewer")).await;
        let (admin, machine) = (world.admin(), world.holder(&text));
        let one = admin.get(&format!("{AT}/aggregate/key?{OKTA}")).await.data();
        assert_eq!((&one["tokensCount"], &one["apiKey"]["name"]), (&json!(1), &json!("key_auto")));
        machine.get("/ng/api/serviceaccount").await.data();
        assert_eq!(admin.delete(&format!("{AT}/key?{OKTA}")).await.data(), json!(true));
        machine.get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        assert_eq!(changes(&world.audit().await), [("CREATE", "key"), ("DELETE", "key")]);
    }

    async fn another_account_reaches_none(world: World) {
        okta(&world).await.post(AT, ask("k1")).await.data();
        let stranger = world.holder(&world.other_account("globex").await);
        stranger.get(&format!("{AT}?{OKTA}&accountIdentifier=acme")).await.refused(401, "INVALID_TOKEN");
        stranger.get(&format!("{AT}?{OKTA}")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        stranger.delete(&format!("{AT}/k1?{OKTA}")).await.refused(404, "ENTITY_NOT_FOUND");
        world.anon().get(&format!("{AT}?{OKTA}")).await.refused(401, "INVALID_TOKEN");
    }
}
