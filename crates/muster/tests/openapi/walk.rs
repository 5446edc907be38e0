//! Walks through the document: each operation is done once. Before that every member and parameter is left
//! out that it says are demanded, which has to be refused. `compare` looks at every answer.

use std::collections::BTreeSet;
use std::fs;

use http::Method;
use muster::provisioning_log::actions;
use serde_json::{Value, json};

use super::{DOCUMENT, OPERATIONS, Operation, PART_BY_PART};
use crate::actors::{Answer, Client, World};
use crate::both_engines;
use crate::routes::scim_users::{made, scim};

/// Operations that no walk does, each with its reason.
const UNDONE: &[(&str, &str)] = &[("POST /v1/setup", "makes the first account: process/setup has it")];

struct Walk {
    client: Client,
    done: BTreeSet<&'static str>,
}

/// JSON pointers of what the schema demands and the value has.
fn demanded(schema: &'static Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(place) = schema["$ref"].as_str() {
        demanded(DOCUMENT.pointer(&place[1..]).expect("it is there"), value, at, found);
    }
    for part in ["allOf", "anyOf"].into_iter().flat_map(|of| schema[of].as_array().into_iter().flatten()) {
        demanded(part, value, at, found);
    }
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(names.filter(|name| value.get(*name).is_some()).map(|name| format!("{at}/{name}")));
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name).filter(|value| !value.is_null()) {
            demanded(member, value, &format!("{at}/{name}"), found);
        }
    }
    if let (Some(_), Some(first)) = (schema.get("items"), value.get(0)) {
        demanded(&schema["items"], first, &format!("{at}/0"), found);
    }
}

fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a name");
    body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(name);
    body
}

/// The first order of the pattern.
fn sorted(schema: &Value) -> String {
    let pattern = schema["items"]["pattern"].as_str().expect("orders have a pattern");
    let first = pattern.trim_start_matches("^(").split(['|', ')']).next().expect("a field");
    format!("{first},DESC")
}

impl Walk {
    async fn send(&self, method: &Method, path: &str, body: &Value) -> Answer {
        let body = (!body.is_null()).then(|| body.to_string());
        self.client.send(method.clone(), path, body).await
    }

    /// Does an operation; answers the whole of what came.
    async fn step(&mut self, method: Method, path: &str, body: Value) -> Value {
        let operation =
            Operation::of(&method, path).unwrap_or_else(|| panic!("{method} {path} is not told of"));
        for parameter in operation.parameters().filter(|p| p["in"] == "query" && p["required"] == true) {
            let name = parameter["name"].as_str().expect("a name");
            let other = path.replace(&format!("{name}="), "unknown=");
            let answer = self.send(&method, &other, &body).await;
            assert_eq!(answer.status, 400, "{} without {name}: {}", operation.name, answer.text);
        }
        let mut members = Vec::new();
        demanded(operation.body(), &body, "", &mut members);
        if !PART_BY_PART.contains(&operation.name) {
            for member in members {
                let answer = self.send(&method, path, &without(&body, &member)).await;
                assert_eq!(answer.status, 400, "{} without {member}: {}", operation.name, answer.text);
            }
        }
        self.narrow(operation, &method, path, &body).await;
        let answer = self.send(&method, path, &body).await;
        assert!(answer.status < 300, "{}: {}", operation.name, answer.text);
        self.done.insert(operation.name);
        if answer.json.get("data").is_some() { answer.json["data"].clone() } else { answer.json }
    }

    /// A page takes what narrows and sorts it as the document says, and refuses what it does not tell of.
    async fn narrow(&self, operation: Operation, method: &Method, path: &str, body: &Value) {
        let told = |name: &str| operation.parameters().find(|parameter| parameter["name"] == name);
        if told("pageIndex").is_none() {
            return;
        }
        let all = ["identifiers", "searchTerm", "sortOrders", "filterType"];
        for name in all.into_iter().filter(|name| !path.contains(name)) {
            let schema = told(name).map(|parameter| &parameter["schema"]);
            let value = match schema {
                Some(schema) if name == "sortOrders" => sorted(schema),
                Some(schema) => schema["enum"][0].as_str().unwrap_or("some").to_owned(),
                None => "some".to_owned(),
            };
            let sign = if path.contains('?') { '&' } else { '?' };
            let narrowed = self.send(method, &format!("{path}{sign}{name}={value}"), body).await;
            let wanted = if schema.is_some() { 200 } else { 400 };
            assert_eq!(narrowed.status, wanted, "{} by {name}: {}", operation.name, narrowed.text);
        }
    }

    async fn get(&mut self, path: &str) -> Value {
        self.step(Method::GET, path, Value::Null).await
    }
    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.step(Method::POST, path, body).await
    }
    async fn put(&mut self, path: &str, body: Value) -> Value {
        self.step(Method::PUT, path, body).await
    }
    async fn delete(&mut self, path: &str) -> Value {
        self.step(Method::DELETE, path, Value::Null).await
    }

    async fn accounts_and_scopes(&mut self) {
        for path in [
            "/v1/version",
            "/livez",
            "/readyz",
            "/openapi.json",
            "/ng/api/whoami",
            "/ng/api/user/currentUser",
        ] {
            self.get(path).await;
        }
        self.get("/ng/api/accounts/acme").await;
        self.put("/ng/api/accounts/acme/name", json!({"name": "Acme"})).await;
        let org = json!({"organization": {"identifier": "o1", "name": "One", "tags": {"a": "b"}}});
        self.post("/ng/api/organizations", org.clone()).await;
        self.get("/ng/api/organizations?identifiers=o1&sortOrders=name,ASC&pageSize=5").await;
        self.get("/ng/api/organizations/o1").await;
        self.put("/ng/api/organizations/o1", org).await;
        let project = json!({"project": {"identifier": "p1", "name": "One", "modules": ["CORE"]}});
        self.post("/ng/api/projects?orgIdentifier=o1", project.clone()).await;
        self.get("/ng/api/projects?orgIdentifier=o1&searchTerm=one").await;
        self.get("/ng/api/projects/p1?orgIdentifier=o1").await;
        self.put("/ng/api/projects/p1?orgIdentifier=o1", project).await;
        self.plain_scopes().await;
    }

    async fn plain_scopes(&mut self) {
        let org = json!({"org": {"identifier": "o2", "name": "Two"}});
        self.post("/v1/orgs", org.clone()).await;
        self.get("/v1/orgs?org=o1,o2&sort=name&order=ASC&limit=5").await;
        self.get("/v1/orgs/o2").await;
        self.put("/v1/orgs/o2", without(&org, "/org/identifier")).await;
        let project = json!({"project": {"identifier": "p2", "name": "Two", "org": "o2"}});
        self.post("/v1/orgs/o2/projects", project.clone()).await;
        self.get("/v1/orgs/o2/projects?project=p2&search_term=two").await;
        self.get("/v1/orgs/o2/projects/p2").await;
        self.put("/v1/orgs/o2/projects/p2", without(&project, "/project/identifier")).await;
        self.delete("/v1/orgs/o2/projects/p2").await;
        self.delete("/v1/orgs/o2").await;
    }

    async fn machines_and_tokens(&mut self) {
        const AT: &str = "/ng/api/serviceaccount";
        let bot = json!({"identifier": "bot", "name": "Bot", "description": "One"});
        self.post(AT, bot.clone()).await;
        self.put(&format!("{AT}/bot"), bot).await;
        for path in ["", "/aggregate", "/aggregate/bot", "/manageable", "/bot/scopes"] {
            self.get(&format!("{AT}{path}")).await;
        }
        let keys = "/ng/api/apikey";
        let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=bot";
        let key = json!({"identifier": "key", "name": "Key", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "bot"});
        self.post(keys, key.clone()).await;
        self.put(&format!("{keys}/key"), without(&key, "/identifier")).await;
        for path in ["", "/aggregate", "/aggregate/key"] {
            self.get(&format!("{keys}{path}?{owner}")).await;
        }
        let tokens = "/ng/api/token";
        let token = json!({"identifier": "token", "name": "Token", "apiKeyIdentifier": "key", "surfaces": ["scim"],
            "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "bot"});
        let text = self.post(tokens, token.clone()).await;
        self.post(&format!("{tokens}/validate"), text).await;
        self.put(&format!("{tokens}/token"), without(&token, "/identifier")).await;
        self.get(&format!("{tokens}/aggregate?{owner}&includeOnlyActiveTokens=true")).await;
        let key = format!("{owner}&apiKeyIdentifier=key");
        let text = self
            .post(&format!("{tokens}/rotate/token?{key}&rotateTimestamp=1767225700000"), Value::Null)
            .await;
        self.ask_for_access(text.as_str().expect("a text")).await;
        self.delete(&format!("{tokens}/token?{key}")).await;
        self.delete(&format!("{keys}/key?{owner}")).await;
    }

    async fn ask_for_access(&mut self, secret: &str) {
        let client = self.client.with("content-type", "application/x-www-form-urlencoded");
        for path in ["/oauth2/token", "/oauth2/acme/token"] {
            let form = format!("grant_type=client_credentials&client_id=bot&client_secret={secret}");
            let answer = client.send(Method::POST, path, Some(form)).await.expect(200);
            assert!(answer.json["access_token"].is_string());
            self.done.insert(Operation::of(&Method::POST, path).expect("it is told of").name);
        }
        self.get("/.well-known/oauth-authorization-server/oauth2/acme").await;
        self.get("/.well-known/oauth-authorization-server/gateway/oauth2/acme").await;
    }

    async fn settings_and_access(&mut self) {
        self.get("/ng/api/settings?category=SCIM").await;
        self.get("/ng/api/settings/scim_dialect").await;
        let item = json!([{"identifier": "scim_dialect", "value": "auto", "updateType": "UPDATE"}]);
        self.put("/ng/api/settings?atomic=true", item).await;
        for path in
            ["/authz/api/permissions?scopeFilterDisabled=true", "/authz/api/permissions/resourcetypes"]
        {
            self.get(path).await;
        }
        for path in ["/authz/api/resourcetype", "/resourcegroup/api/resourcetype"] {
            self.get(path).await;
        }
        let question = json!({"permission": "core_user_view", "resourceType": "USER", "resourceScope": {}});
        self.post("/authz/api/acl", json!({"permissions": [question]})).await;
        let roles = "/authz/api/roles";
        let role = json!({"identifier": "r1", "name": "One", "permissions": ["core_user_view"]});
        self.post(roles, role.clone()).await;
        self.get(&format!("{roles}?harnessManaged=false")).await;
        self.get(&format!("{roles}/r1")).await;
        self.put(&format!("{roles}/r1"), without(&role, "/identifier")).await;
        for (at, id) in [("/authz/api/v2/resourcegroup", "g1"), ("/resourcegroup/api/v2/resourcegroup", "g2")]
        {
            let chosen = json!({"resources": [{"resourceType": "USER"}]});
            let group = json!({"resourceGroup": {"identifier": id, "name": "One", "resourceFilter": chosen}});
            self.post(at, group.clone()).await;
            self.get(at).await;
            self.post(&format!("{at}/filter"), json!({"managedFilter": "ONLY_CUSTOM"})).await;
            self.get(&format!("{at}/{id}")).await;
            self.put(&format!("{at}/{id}"), without(&group, "/resourceGroup/identifier")).await;
        }
        self.assignments().await;
        self.plain_access().await;
        self.delete(&format!("{roles}/r1")).await;
        self.delete("/authz/api/v2/resourcegroup/g1").await;
        self.delete("/resourcegroup/api/v2/resourcegroup/g2").await;
    }

    async fn plain_access(&mut self) {
        for (place, level) in
            [("", "account"), ("/orgs/o1", "organization"), ("/orgs/o1/projects/p1", "project")]
        {
            let roles = format!("/v1{place}/roles");
            let role = json!({"identifier": "r2", "name": "Two", "permissions": ["core_user_view"]});
            self.post(&roles, role.clone()).await;
            self.get(&format!("{roles}?sort=name&order=ASC&limit=5")).await;
            self.get(&format!("{roles}/count")).await;
            self.get(&format!("{roles}/r2")).await;
            self.put(&format!("{roles}/r2"), without(&role, "/identifier")).await;
            let groups = format!("/v1{place}/resource-groups");
            let group =
                json!({"identifier": "g3", "name": "Three", "resource_filter": [{"resource_type": "USER"}]});
            self.post(&groups, group.clone()).await;
            self.get(&format!("{groups}?search_term=three")).await;
            self.get(&format!("{groups}/g3")).await;
            self.put(&format!("{groups}/g3"), without(&group, "/identifier")).await;
            let assignments = format!("/v1{place}/role-assignments");
            let principal = json!({"identifier": "bot", "type": "SERVICE_ACCOUNT", "scope_level": "account"});
            let one =
                json!({"identifier": "a4", "role": "r2", "resource_group": "g3", "principal": principal});
            self.post(&assignments, one).await;
            self.get(&format!("{assignments}?sort=created")).await;
            self.get(&format!("{assignments}/count")).await;
            let found = self.get(&format!("{assignments}/a4")).await;
            assert_eq!(found["role-assignment"]["principal"]["scope_level"], "account", "in a {level}");
            self.delete(&format!("{assignments}/a4")).await;
            self.delete(&format!("{groups}/g3")).await;
            self.delete(&format!("{roles}/r2")).await;
        }
        self.post("/v1/resource-groups/filter", json!({"managed_filter": "ONLY_CUSTOM", "org": "o1"})).await;
    }

    async fn assignments(&mut self) {
        const AT: &str = "/authz/api/roleassignments";
        let one = |id: &str, group: &str| {
            json!({"identifier": id, "roleIdentifier": "r1", "resourceGroupIdentifier": group,
                "principal": {"identifier": "bot", "type": "SERVICE_ACCOUNT"}, "disabled": false})
        };
        self.post(&format!("{AT}/validate"), one("a1", "g1")).await;
        self.post(AT, one("a1", "g1")).await;
        self.post(&format!("{AT}/multi"), json!({"roleAssignments": [one("a2", "g2")]})).await;
        self.get(AT).await;
        self.get(&format!("{AT}/a1")).await;
        self.put(&format!("{AT}/a1"), json!({"disabled": true})).await;
        let principal = json!({"identifier": "bot", "type": "SERVICE_ACCOUNT"});
        let filter = json!({"roleFilter": ["r1"], "principalFilter": [principal]});
        self.post(&format!("{AT}/filter"), filter.clone()).await;
        self.post(&format!("{AT}/aggregate"), filter).await;
        self.post(
            &format!("{AT}/v2/filter"),
            json!({"scopeFilters": [{"filter": "INCLUDING_CHILD_SCOPES"}]}),
        )
        .await;
        self.delete(&format!("{AT}/a1")).await;
        self.post(&format!("{AT}/delete/batch"), json!(["a2", "a3"])).await;
    }

    async fn people(&mut self, id: &str) {
        const AT: &str = "/ng/api/user";
        self.post(&format!("{AT}/aggregate"), Value::Null).await;
        self.post(&format!("{AT}/batch"), json!({"parentFilter": "NO_PARENT_SCOPES"})).await;
        self.get(&format!("{AT}/aggregate/{id}")).await;
        let role = json!({"roleIdentifier": "_account_viewer", "resourceGroupIdentifier": "_all_account_level_resources"});
        let adding = json!({"emails": ["grace@acme.example"], "roleBindings": [role]});
        self.post(&format!("{AT}/users"), adding).await;
        self.put(AT, json!({"name": "Ada Admin"})).await;
        self.put(&format!("{AT}/{id}"), json!({"uuid": id})).await;
        self.groups(id).await;
        self.delete(&format!("{AT}/{id}")).await;
    }

    async fn groups(&mut self, id: &str) {
        const AT: &str = "/ng/api/user-groups";
        let config = json!([{"type": "EMAIL", "groupEmail": "a@b.example"}]);
        let group = json!({"identifier": "ug1", "name": "One", "users": [], "notificationConfigs": config});
        self.post(AT, group.clone()).await;
        self.put(AT, group).await;
        self.get(&format!("{AT}?filterType=INCLUDE_INHERITED_GROUPS")).await;
        self.get(&format!("{AT}/ug1")).await;
        let member = format!("{AT}/ug1/member/{id}");
        self.put(&member, Value::Null).await;
        self.get(&member).await;
        self.delete(&member).await;
        self.put(&format!("/ng/api/user/add-user-to-groups/{id}"), json!({"userGroupIdsToAdd": ["ug1"]}))
            .await;
        let by_address = "/ng/api/v2/user-groups";
        let group = json!({"identifier": "ug2", "name": "Two", "users": ["ada@example.com"]});
        self.post(by_address, group.clone()).await;
        self.put(by_address, group).await;
        self.get(&format!("{by_address}/ug2")).await;
        self.delete(&format!("{AT}/ug1")).await;
    }

    async fn schemas(&mut self) {
        let attributes = json!([{"name": "number", "type": "string", "uniqueness": "server"},
            {"name": "parts", "type": "complex", "subAttributes": [{"name": "size", "type": "integer"}]}]);
        let urn = "urn:example:params:scim:schemas:extension:badge:1.0:User";
        let schema = json!({"id": urn, "name": "Badge", "appliesTo": "User", "attributes": attributes});
        let base = json!({"id": "urn:example:params:scim:schemas:device:1.0:Device", "name": "Device",
            "attributes": [{"name": "serial", "type": "string"}]});
        let kind = json!({"name": "Device", "endpoint": "/Devices", "schema": base});
        for (at, name, body) in [("scim-schemas", urn, schema), ("scim-resource-types", "Device", kind)] {
            let at = format!("/ng/api/{at}");
            self.post(&at, body.clone()).await;
            self.get(&at).await;
            self.get(&format!("{at}/{name}")).await;
            self.put(&format!("{at}/{name}"), body).await;
            self.delete(&format!("{at}/{name}")).await;
        }
    }

    async fn trails(&mut self, world: &World) {
        for path in ["/audit/api/audits/list", "/audit/api/audits/listV2"] {
            let filter = json!({"resources": [{"type": "USER"}], "principals": [{"identifier": "bot"}]});
            self.post(path, filter).await;
            self.post(&format!("{path}?pageSize=2000"), Value::Null).await;
        }
        self.post("/v1/audits?limit=5&sort=created", json!({"resources": [{"type": "USER"}]})).await;
        self.get("/ng/api/events?after=0&types=user.created,user.updated&limit=10").await;
        self.get("/ng/api/events?after=0").await;
        actions::flush(&world.app).await.expect("the log is written");
        let log = "/ng/api/provisioning-log";
        let entries = self.get(&format!("{log}?limit=1&failuresOnly=false")).await;
        let id = entries["entries"][0]["id"].as_str().expect("an entry").to_owned();
        self.get(&format!("{log}/export")).await;
        self.get(&format!("{log}/{id}")).await;
        self.post(&format!("{log}/{id}/replay"), Value::Null).await;
    }

    async fn webhooks(&mut self) {
        const AT: &str = "/ng/api/webhooks";
        let wish = json!({"identifier": "w1", "name": "One", "url": "https://localhost:1/hook", "types": ["user.created"],
            "description": "Mine", "enabled": true});
        self.post(AT, wish.clone()).await;
        self.get(AT).await;
        self.get(&format!("{AT}/w1")).await;
        self.put(&format!("{AT}/w1"), without(&wish, "/identifier")).await;
        self.post(&format!("{AT}/w1/rotate-secret"), Value::Null).await;
        self.post(&format!("{AT}/w1/test"), Value::Null).await;
        self.delete(&format!("{AT}/w1")).await;
    }

    async fn trusts(&mut self) {
        const AT: &str = "/ng/api/jwt-trusts";
        let rule = json!({"claim": "team", "op": "equals", "value": "identity"});
        let trust = json!({"identifier": "t1", "name": "One", "serviceAccount": "bot", "jwks": {"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "k", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
             "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]},
            "issuer": "https://issuer.example", "audiences": ["muster"], "rules": [rule]});
        self.post(AT, trust.clone()).await;
        self.get(&format!("{AT}?searchTerm=one")).await;
        self.get(&format!("{AT}/t1")).await;
        self.put(&format!("{AT}/t1"), trust).await;
        for (path, body) in [
            ("t1/disable", Value::Null),
            ("t1/enable", Value::Null),
            ("t1/keys/refresh", Value::Null),
            ("explain", json!({"token": "a.b.c"})),
            ("t1/explain", json!({"token": "pat.acme.x.y"})),
        ] {
            self.post(&format!("{AT}/{path}"), body).await;
        }
        self.get(&format!("{AT}/t1/keys")).await;
        self.get(&format!("{AT}/t1/refusals")).await;
        self.delete(&format!("{AT}/t1")).await;
    }

    async fn endings(&mut self) {
        self.delete("/ng/api/serviceaccount/bot").await;
        self.delete("/ng/api/projects/p1?orgIdentifier=o1").await;
        self.delete("/ng/api/organizations/o1").await;
    }

    async fn installation(&mut self) {
        const AT: &str = "/v1/accounts";
        self.post(AT, json!({"identifier": "globex", "name": "Globex", "email": "it@globex.example"})).await;
        self.get(&format!("{AT}?limit=1")).await;
        self.get(&format!("{AT}/globex")).await;
        self.post(
            &format!("{AT}/globex/tokens"),
            json!({"email": "it@globex.example", "surfaces": ["scim"]}),
        )
        .await;
        self.step(Method::PATCH, &format!("{AT}/globex"), json!({"status": "SUSPENDED"})).await;
        self.delete(&format!("{AT}/globex")).await;
    }
}

both_engines! {
    async fn each_operation_does_what_the_document_says(world: World) {
        let tokens = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(tokens.path(), "o".repeat(32)).expect("the file is written");
        let operated = world.replica_operated(tokens.path());
        let mut walk = Walk { client: world.admin(), done: BTreeSet::new() };
        let id = made(&scim(&world), "ada").await;
        walk.accounts_and_scopes().await;
        walk.machines_and_tokens().await;
        walk.settings_and_access().await;
        walk.trails(&world).await;
        walk.people(&id).await;
        walk.schemas().await;
        walk.webhooks().await;
        walk.trusts().await;
        walk.endings().await;
        walk.client = operated.holder(&"o".repeat(32));
        walk.installation().await;
        walk.done.extend(UNDONE.iter().map(|(name, _)| *name));
        let names = OPERATIONS.iter().map(|(name, _)| name.as_str());
        let undone: Vec<_> = names.filter(|name| !walk.done.contains(name)).collect();
        assert!(undone.is_empty(), "the walk leaves out {undone:#?}");
    }
}
