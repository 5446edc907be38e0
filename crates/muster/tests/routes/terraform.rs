//! What public clients of the wire send, one after the other: a Terraform provider creates, reads back,
//! updates and deletes, and takes each answer that differs from what it sent as a change still to be made.
//! Its Go types leave empty texts and lists out.

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;

/// Each member that was sent stands in the answer as it was sent.
#[track_caller]
fn kept(answer: &Value, sent: &Value) {
    for (name, value) in sent.as_object().expect("an object was sent") {
        assert_eq!(&answer[name], value, "{name} of {answer}");
    }
}

both_engines! {
    async fn a_resource_group_by_the_base_of_its_own(world: World) {
        let admin = world.admin();
        for base in ["/resourcegroup/api", "/gateway/resourcegroup/api"] {
            let at = format!("{base}/v2/resourcegroup?accountIdentifier=acme");
            let one = format!("{base}/v2/resourcegroup/people?accountIdentifier=acme");
            let mut group = json!({
                "accountIdentifier": "acme", "identifier": "people", "name": "People", "color": "#0063F7",
                "tags": {"a": "b"}, "description": "d", "allowedScopeLevels": ["account"],
                "includedScopes": [{"filter": "EXCLUDING_CHILD_SCOPES", "accountIdentifier": "acme"}],
                "resourceFilter": {"includeAllResources": false, "resources": [{"resourceType": "USER"}]}
            });
            kept(&admin.post(&at, json!({"resourceGroup": group})).await.data()["resourceGroup"], &group);
            kept(&admin.get(&one).await.data()["resourceGroup"], &group);
            group["resourceFilter"]["resources"] = json!([{"resourceType": "USERGROUP"}]);
            group["name"] = json!("Crowds");
            kept(&admin.put(&one, json!({"resourceGroup": group})).await.data()["resourceGroup"], &group);
            let found = admin.get(&one).await.data();
            kept(&found["resourceGroup"], &group);
            let usual = admin.get("/authz/api/v2/resourcegroup/people?accountIdentifier=acme").await.data();
            assert_eq!(usual, found);
            assert_eq!(admin.get(&format!("{at}&searchTerm=Crowds")).await.data()["content"], json!([found]));
            let filter = format!("{base}/v2/resourcegroup/filter?accountIdentifier=acme");
            let named = admin.post(&filter, json!({"identifierFilter": ["people"]})).await.data();
            assert_eq!(named["content"], json!([found]));
            assert_eq!(admin.delete(&one).await.data(), true);
            admin.get(&one).await.refused(404, "RESOURCE_NOT_FOUND");
            let types = admin.get(&format!("{base}/resourcetype?accountIdentifier=acme")).await.data();
            assert_eq!(types, admin.get("/authz/api/resourcetype?accountIdentifier=acme").await.data());
        }
    }

    async fn an_api_key_whose_path_is_the_account(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        let owner = "accountIdentifier=acme&apiKeyType=SERVICE_ACCOUNT&parentIdentifier=sync";
        let one = format!("/ng/api/apikey/aggregate/k1?{owner}");
        let mut key = json!({
            "identifier": "k1", "name": "K1", "description": "d", "tags": {"a": "b"}, "accountIdentifier": "acme",
            "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "sync", "defaultTimeToExpireToken": 1_000_000
        });
        kept(&admin.post("/ng/api/apikey?accountIdentifier=acme", key.clone()).await.data(), &key);
        kept(&admin.get(&one).await.data()["apiKey"], &key);
        key["name"] = json!("K2");
        key["description"] = json!("other");
        kept(&admin.put("/ng/api/apikey/acme", key.clone()).await.data(), &key);
        kept(&admin.get(&one).await.data()["apiKey"], &key);
        // Another path names another key, which its body may not.
        admin.put("/ng/api/apikey/k2", key.clone()).await.refused(400, "INVALID_REQUEST");
        let mut unnamed = key.clone();
        unnamed["identifier"] = json!("");
        admin.put("/ng/api/apikey/acme", unnamed.clone()).await.refused(404, "ENTITY_NOT_FOUND");
        kept(&admin.put("/ng/api/apikey/k1", unnamed).await.data(), &key);
        assert_eq!(admin.delete(&format!("/ng/api/apikey/k1?{owner}")).await.data(), true);
        admin.get(&one).await.refused(400, "INVALID_ARGUMENT");
    }

    async fn a_user_group_with_users_in_their_order(world: World) {
        let (admin, at) = (world.admin(), "/ng/api/user-groups?accountIdentifier=acme");
        let one = "/ng/api/user-groups/team?accountIdentifier=acme";
        let mut users = world.crowd("u", 4).await;
        users.sort();
        users.reverse();
        let mut group = json!({
            "accountIdentifier": "acme", "identifier": "team", "name": "Team", "description": "d", "users": users,
            "tags": {"a": "b"}
        });
        kept(&admin.post(at, group.clone()).await.data(), &group);
        kept(&admin.get(one).await.data(), &group);
        users.swap(0, 2);
        group["users"] = json!(users);
        group["name"] = json!("Crew");
        kept(&admin.put(at, group.clone()).await.data(), &group);
        kept(&admin.get(one).await.data(), &group);
        // The list is empty now, so it is not sent.
        let mut empty = group.clone();
        empty.as_object_mut().expect("an object").remove("users");
        for answer in [admin.put(at, empty.clone()).await.data(), admin.get(one).await.data()] {
            kept(&answer, &empty);
            assert_eq!(answer["users"], json!([]));
        }
        kept(&admin.put(at, group.clone()).await.data(), &group);
        admin.delete(one).await.data();
        admin.get(one).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn a_user_group_with_addresses_and_notifications(world: World) {
        let (scim, admin) = (crate::routes::scim_users::scim(&world), world.admin());
        for name in ["ada", "bob"] {
            crate::routes::scim_users::made(&scim, name).await;
        }
        let at = "/ng/api/v2/user-groups?accountIdentifier=acme";
        let mut group = json!({
            "accountIdentifier": "acme", "identifier": "team", "name": "Team", "tags": {"a": "b"}, "notificationConfigs": [
                {"type": "EMAIL", "groupEmail": "team@example.com", "sendEmailToAllUsers": true},
                {"type": "SLACK", "slackWebhookUrl": "https://hooks.example/a"}]
        });
        let emails = |answer: &Value| {
            let users = answer["users"].as_array().expect("a list").iter();
            users.map(|user| user["email"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
        };
        let mut sent = vec!["bob@Example.com".to_owned(), "ada@Example.com".to_owned()];
        for method in ["post", "put"] {
            sent.reverse();
            let mut body = group.clone();
            body["users"] = json!(sent);
            let answer = if method == "post" { admin.post(at, body).await } else { admin.put(at, body).await }.data();
            kept(&answer, &group);
            assert_eq!(emails(&answer), sent);
            // It reads the group by the other form, and takes everything but the users from it.
            kept(&admin.get("/ng/api/user-groups/team?accountIdentifier=acme").await.data(), &group);
            group["notificationConfigs"] = json!([{"type": "PAGERDUTY", "pagerDutyKey": "k"}]);
        }
    }

    async fn people_of_a_project(world: World) {
        let admin = world.admin();
        crate::bound::hierarchy(&world).await;
        let at = "accountIdentifier=acme&orgIdentifier=o1&projectIdentifier=p1";
        admin.post(&format!("/ng/api/user-groups?{at}"), json!({"identifier": "crew", "name": "Crew"})).await.data();
        let body = json!({"emails": ["new@x.example"], "userGroups": ["crew"], "roleBindings": [{
            "resourceGroupIdentifier": "_all_project_level_resources", "roleIdentifier": "_project_viewer",
            "roleName": "Project Viewer", "resourceGroupName": "All Project Level Resources", "managedRole": true}]});
        let map = admin.post(&format!("/ng/api/user/users?{at}"), body).await.data()["addUserResponseMap"].clone();
        assert_eq!(map, json!({"new@x.example": "USER_ADDED_SUCCESSFULLY"}));
        let list = format!("/ng/api/user/aggregate?{at}&searchTerm=new@x.example");
        let found = admin.post(&list, json!({})).await.data()["content"][0]["user"].clone();
        kept(&found, &json!({"email": "new@x.example", "locked": false, "disabled": false, "externallyManaged": false}));
        let crew = admin.get(&format!("/ng/api/user-groups/crew?{at}")).await.data();
        assert_eq!(crew["users"], json!([found["uuid"]]));
        let one = format!("/ng/api/user/{}?{at}", found["uuid"].as_str().expect("a text"));
        assert_eq!(admin.delete(&one).await.data(), true);
        assert_eq!(admin.post(&list, json!({})).await.data()["empty"], true);
    }

    async fn a_token_reads_back_as_it_was_sent(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        let owner = "accountIdentifier=acme&apiKeyType=SERVICE_ACCOUNT&parentIdentifier=sync&apiKeyIdentifier=k1";
        let list = format!("/ng/api/token/aggregate?{owner}&identifiers=t1");
        let mut token = json!({
            "identifier": "t1", "name": "T1", "description": "d", "tags": {"a": "b"}, "accountIdentifier": "acme",
            "apiKeyIdentifier": "k1", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "sync"
        });
        admin.post("/ng/api/token?accountIdentifier=acme", token.clone()).await.data();
        kept(&admin.get(&list).await.data()["content"][0]["token"], &token);
        token["name"] = json!("T2");
        let changed = admin.put("/ng/api/token/t1?accountIdentifier=acme", token.clone()).await.data();
        let found = admin.get(&list).await.data()["content"][0]["token"].clone();
        for answer in [changed, found] {
            kept(&answer, &token);
            // The provider has both as settings of the token, and nobody sets them.
            assert_eq!((&answer["email"], &answer["username"]), (&Value::Null, &Value::Null));
        }
        assert_eq!(admin.delete(&format!("/ng/api/token/t1?{owner}")).await.data(), true);
        assert_eq!(admin.get(&list).await.data()["content"], json!([]));
    }

    async fn what_was_in_an_organization_that_is_gone_is_unknown(world: World) {
        let admin = world.admin();
        let (gone, there) = ("accountIdentifier=acme&orgIdentifier=gone", "accountIdentifier=acme&orgIdentifier=default");
        let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=x";
        let org = json!({"organization": {"identifier": "gone", "name": "Gone"}});
        admin.post("/ng/api/organizations?accountIdentifier=acme", org).await.data();
        let thing = json!({
            "identifier": "x", "name": "X", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "x",
            "resourceGroup": {"identifier": "x", "name": "X"}
        });
        for path in ["authz/api/roles", "resourcegroup/api/v2/resourcegroup", "ng/api/user-groups", "ng/api/serviceaccount", "ng/api/apikey"] {
            admin.post(&format!("/{path}?{gone}"), thing.clone()).await.data();
        }
        admin.delete("/ng/api/organizations/gone?accountIdentifier=acme").await.data();
        for (path, status, code) in [
            ("authz/api/roles/x", 400, "RESOURCE_NOT_FOUND_EXCEPTION"),
            ("authz/api/roles/_organization_viewer", 400, "RESOURCE_NOT_FOUND_EXCEPTION"),
            ("authz/api/roleassignments/x", 400, "RESOURCE_NOT_FOUND_EXCEPTION"),
            ("authz/api/v2/resourcegroup/x", 404, "RESOURCE_NOT_FOUND"),
            ("resourcegroup/api/v2/resourcegroup/x", 404, "RESOURCE_NOT_FOUND"),
            ("authz/api/v2/resourcegroup/_all_organization_level_resources", 404, "RESOURCE_NOT_FOUND"),
            ("ng/api/user-groups/x", 400, "RESOURCE_NOT_FOUND_EXCEPTION"),
            ("ng/api/serviceaccount/aggregate/x", 400, "INVALID_ARGUMENT"),
            ("ng/api/apikey/aggregate/x", 400, "INVALID_ARGUMENT"),
            ("ng/api/user/aggregate/x", 404, "ENTITY_NOT_FOUND"),
        ] {
            admin.get(&format!("/{path}?{owner}&{gone}")).await.refused(status, code);
            if path.ends_with("/x") {
                admin.get(&format!("/{path}?{owner}&{there}")).await.refused(status, code);
            }
        }
        let group = format!("/resourcegroup/api/v2/resourcegroup/x?{gone}");
        admin.delete(&group).await.refused(404, "RESOURCE_NOT_FOUND");
    }
}
