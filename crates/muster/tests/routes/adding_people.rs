//! People who are added by their addresses (§10, `POST /ng/api/user/users`).

use serde_json::{Value, json};

use super::scim_groups::made_group;
use super::scim_users::{USERS, made, scim, total};
use crate::actors::{Client, World};
use crate::both_engines;
use crate::bound::{at, hierarchy};

const AT: &str = "/ng/api/user/users?accountIdentifier=acme";
const GROUPS: &str = "/ng/api/user-groups?accountIdentifier=acme";

fn viewer() -> Value {
    json!({"roleIdentifier": "_account_viewer", "resourceGroupIdentifier": "_all_account_level_resources",
        "roleName": "x", "resourceGroupName": "y", "managedRole": true, "roleScopeLevel": "account"})
}

fn in_project(role: &str) -> Value {
    json!({"roleIdentifier": role, "resourceGroupIdentifier": "_all_project_level_resources"})
}

async fn id_of(admin: &Client, email: &str) -> Value {
    let found = admin.post("/ng/api/user/batch", json!({"emails": [email]})).await.data();
    assert_eq!(found["totalItems"], 1, "{email}");
    found["content"][0]["uuid"].clone()
}

async fn told(client: &Client, path: &str, body: Value) -> Value {
    client.post(path, body).await.data()["addUserResponseMap"].clone()
}

both_engines! {
    async fn people_become_users_with_groups_and_roles(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        admin.post(GROUPS, json!({"identifier": "team", "name": "Team"})).await.data();
        let body = json!({"emails": ["New@x.example", "ADA@example.com", "new@X.example"], "userGroups": ["team"],
            "roleBindings": [viewer()], "userSettings": {}});
        let expected = json!({"New@x.example": "USER_ADDED_SUCCESSFULLY", "ADA@example.com": "USER_ALREADY_ADDED",
            "new@X.example": "USER_ADDED_SUCCESSFULLY"});
        assert_eq!(told(&admin, AT, body.clone()).await, expected);
        let new = id_of(&admin, "new@x.example").await;
        let one = admin.get(&format!("/ng/api/user/aggregate/{}", new.as_str().unwrap())).await.data();
        assert_eq!((&one["user"]["externallyManaged"], &one["user"]["disabled"]), (&json!(false), &json!(false)));
        assert_eq!(one["user"]["name"], "New@x.example");
        assert_eq!(one["roleAssignmentMetadata"][0]["roleIdentifier"], "_account_viewer");
        let group = admin.get("/ng/api/user-groups/team").await.data();
        let mut users = [new.as_str().unwrap(), &ada].map(str::to_owned);
        users.sort();
        let mut members: Vec<String> = serde_json::from_value(group["users"].clone()).unwrap();
        members.sort();
        assert_eq!(members, users);
        let trail = world.trail().await;
        for (row, count) in [("CREATE USER ", 3), ("ROLE_ASSIGNMENT_CREATED ROLE_ASSIGNMENT ", 2), ("UPDATE USER_GROUP team ", 1)] {
            let known = trail.iter().filter(|known| known.starts_with(row) && !known.contains("_account_admin")).count();
            assert_eq!(known, count, "{row}: {trail:#?}");
        }
        let events = admin.get("/ng/api/events?after=0").await.data().to_string();
        assert_eq!(events.matches("\"user.created\"").count(), 3, "{events}");
        assert_eq!(events.matches("\"member.added\"").count() + events.matches("\"group.member_added\"").count(), 2, "{events}");
        // The same again: all is there, and nothing is written.
        let before = (world.count("audit_rows").await, world.count("role_assignments").await);
        let again = told(&admin, AT, body).await;
        assert_eq!(again.as_object().unwrap().values().collect::<Vec<_>>(), vec!["USER_ALREADY_ADDED"; 3]);
        assert_eq!((world.count("audit_rows").await, world.count("role_assignments").await), before);
        // SCIM finds him, and his provider may go on with him.
        assert_eq!(total(&scim, USERS, "userName eq \"new@x.example\"").await, 1);
    }

    async fn nothing_is_done_where_a_part_cannot_be(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        hierarchy(&world).await;
        made_group(&scim, "Pushed", &[]).await;
        let before = (world.count("users").await, world.count("audit_rows").await);
        let emails = json!(["new@x.example"]);
        for (path, body, code) in [
            (AT.to_owned(), json!({"emails": emails, "userGroups": ["none"]}), "RESOURCE_NOT_FOUND_EXCEPTION"),
            (AT.to_owned(), json!({"emails": emails, "userGroups": ["Pushed"]}), "INVALID_REQUEST"),
            (AT.to_owned(), json!({"emails": emails, "roleBindings": [{"roleIdentifier": "none", "resourceGroupIdentifier": "_all_account_level_resources"}]}),
                "INVALID_REQUEST"),
            (AT.to_owned(), json!({"emails": emails, "roleBindings": [viewer(), {"roleIdentifier": "_account_basic", "resourceGroupIdentifier": "none"}]}),
                "INVALID_REQUEST"),
            (format!("/ng/api/user/users?{}", at("o1/p1")), json!({"emails": emails}), "INVALID_REQUEST"),
            (format!("/ng/api/user/users?{}", at("o9")), json!({"emails": emails, "roleBindings": [viewer()]}), "INVALID_REQUEST"),
        ] {
            admin.post(&path, body).await.refused(400, code);
        }
        let many: Vec<String> = (0..100).map(|n| format!("u{n}@x.example")).collect();
        let text = admin.post(AT, json!({"emails": many, "roleBindings": vec![viewer(); 11]})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("1100"), "{text}");
        assert_eq!((world.count("users").await, world.count("audit_rows").await), before);
    }

    async fn below_the_account_people_are_of_the_scope_by_a_role(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        hierarchy(&world).await;
        let ada = made(&scim, "ada").await;
        let path = format!("/ng/api/user/users?{}", at("o1/p1"));
        let (list, body) = (format!("/ng/api/user/aggregate?{}", at("o1/p1")), json!({"emails": ["ada@example.com", "new@x.example"]}));
        let text = admin.post(&path, body).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("emails[0]: is not of the project yet"), "{text}");
        let body = json!({"emails": ["ada@example.com", "new@x.example"], "roleBindings": [in_project("_project_viewer")]});
        let added = told(&admin, &path, body.clone()).await;
        assert_eq!(added, json!({"ada@example.com": "USER_ADDED_SUCCESSFULLY", "new@x.example": "USER_ADDED_SUCCESSFULLY"}));
        let found = admin.post(&format!("{list}&searchTerm=ada@example.com"), json!({})).await.data();
        assert_eq!(found["content"][0]["user"]["uuid"], json!(ada));
        assert_eq!(admin.post(&list, json!({})).await.data()["totalItems"], 2);
        let added = told(&admin, &path, json!({"emails": ["ada@example.com"], "roleBindings": [in_project("_project_admin")]})).await;
        assert_eq!(added, json!({"ada@example.com": "USER_ALREADY_ADDED"}));
        let one = admin.get(&format!("/ng/api/user/aggregate/{ada}?{}", at("o1/p1"))).await.data();
        assert_eq!(one["roleAssignmentMetadata"].as_array().unwrap().len(), 2);
    }

    async fn rights_are_those_of_the_single_calls(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        hierarchy(&world).await;
        made(&scim, "ada").await;
        admin.post(GROUPS, json!({"identifier": "team", "name": "Team"})).await.data();
        let role = |id: &str, permissions: Value| json!({"identifier": id, "name": id, "permissions": permissions});
        for (id, permissions) in [
            ("manager", json!(["core_user_manage"])),
            ("inviter", json!(["core_user_manage", "core_user_invite"])),
        ] {
            admin.post("/authz/api/roles?accountIdentifier=acme", role(id, permissions)).await.data();
        }
        let all = "_all_resources_including_child_scopes";
        let manager = crate::bound::bound(&world, "manager", &[("manager", all)]).await;
        let inviter = crate::bound::bound(&world, "inviter", &[("inviter", all)]).await;
        let (ada, new) = (json!(["ada@example.com"]), json!(["new@x.example"]));
        manager.post(AT, json!({"emails": ada})).await.data();
        let text = manager.post(AT, json!({"emails": new})).await.refused(403, "NG_ACCESS_DENIED");
        assert!(text.contains("core_user_invite"), "{text}");
        for client in [&manager, &inviter] {
            let text = client.post(AT, json!({"emails": ada, "userGroups": ["team"]})).await.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("core_usergroup_manage"), "{text}");
            // Nobody gives what he does not hold.
            let text = client.post(AT, json!({"emails": ada, "roleBindings": [viewer()]})).await.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("restrict_grants_to_own_permissions"), "{text}");
        }
        assert_eq!(told(&inviter, AT, json!({"emails": new})).await, json!({"new@x.example": "USER_ADDED_SUCCESSFULLY"}));
        // Who manages a project adds those who are users; a new one is made by a right on the account.
        let project = format!("/ng/api/user/users?{}", at("o1/p1"));
        let (_, token) = world.person("boss@acme.example").await;
        let boss = id_of(&admin, "boss@acme.example").await;
        let body = json!({"roleIdentifier": "_project_admin", "resourceGroupIdentifier": "_all_project_level_resources",
            "principal": {"identifier": boss, "type": "USER"}});
        admin.post(&format!("/authz/api/roleassignments?{}", at("o1/p1")), body).await.data();
        let boss = world.holder(&token);
        let wish = |emails: &Value| json!({"emails": emails, "roleBindings": [in_project("_project_viewer")]});
        assert_eq!(told(&boss, &project, wish(&ada)).await, json!({"ada@example.com": "USER_ADDED_SUCCESSFULLY"}));
        boss.post(&project, wish(&json!(["other@x.example"]))).await.refused(403, "NG_ACCESS_DENIED");
        boss.post(AT, json!({"emails": ada})).await.refused(403, "NG_ACCESS_DENIED");
    }

    async fn an_address_that_several_have_names_the_one_who_may_act(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let user = |name: &str, active: bool| json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": active,
            "emails": [{"value": "Same@x.example", "primary": true}]
        });
        scim.post(USERS, user("first", false)).await.expect(201);
        scim.post(USERS, user("second", true)).await.expect(201);
        admin.post(GROUPS, json!({"identifier": "team", "name": "Team"})).await.data();
        let body = json!({"emails": ["same@x.example"], "userGroups": ["team"]});
        assert_eq!(told(&admin, AT, body.clone()).await, json!({"same@x.example": "USER_ALREADY_ADDED"}));
        let users = admin.get("/ng/api/user-groups/team").await.data()["users"].clone();
        let one = admin.get(&format!("/ng/api/user/aggregate/{}", users[0].as_str().unwrap())).await.data();
        assert_eq!((users.as_array().unwrap().len(), &one["user"]["disabled"]), (1, &json!(false)));
        scim.post(USERS, user("third", true)).await.expect(201);
        let text = admin.post(AT, body).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("emails[0]: several users have the address"), "{text}");
    }

    async fn what_an_address_cannot_say_is_said(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        made(&scim, "ada").await;
        let body = json!({"emails": ["ada@example.com"], "roleBindings": [viewer()]});
        assert_eq!(told(&admin, AT, body.clone()).await, json!({"ada@example.com": "USER_ALREADY_ADDED"}));
        let list = "/authz/api/roleassignments?accountIdentifier=acme";
        let given = admin.get(list).await.data()["content"].as_array().unwrap().iter()
            .map(|item| item["roleAssignment"].clone())
            .find(|given| given["roleIdentifier"] == "_account_viewer").expect("given");
        let mut off = given.clone();
        off["disabled"] = json!(true);
        let one = format!("/authz/api/roleassignments/{}?accountIdentifier=acme", given["identifier"].as_str().unwrap());
        admin.put(&one, off).await.data();
        let text = admin.post(AT, body).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("is disabled: enable it first"), "{text}");

        let badge = json!({"id": "urn:example:badge:User", "name": "Badge", "appliesTo": "User", "required": true,
            "attributes": [{"name": "number", "type": "string", "required": true}]});
        admin.post("/ng/api/scim-schemas?accountIdentifier=acme", badge).await.data();
        let answer = admin.post(AT, json!({"emails": ["new@x.example"]})).await.expect(400);
        assert_eq!(answer.json["errors"][0]["fieldId"], "emails[0]", "{}", answer.text);
        assert!(answer.text.contains("by SCIM"), "{}", answer.text);
    }
}
