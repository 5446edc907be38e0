//! Bodies that lack members or have them of a wrong kind: every such member is named at once.

use http::Method;
use serde_json::{Value, json};

use crate::actors::{Answer, World};
use crate::both_engines;

/// The fields that a refusal names, by name. It is of the form for broken fields in all its parts.
#[track_caller]
fn fields(answer: Answer) -> Vec<String> {
    let answer = answer.expect(400);
    let (body, text) = (&answer.json, &answer.text);
    assert_eq!((&body["status"], &body["code"]), (&json!("FAILURE"), &json!("INVALID_REQUEST")), "{text}");
    assert_eq!(body["correlationId"], answer.header("x-request-id"), "{text}");
    let errors = body["errors"].as_array().expect(text);
    let part = |error: &Value, name: &str| error[name].as_str().expect(text).to_owned();
    let parts: Vec<_> = errors.iter().map(|error| (part(error, "fieldId"), part(error, "error"))).collect();
    let told: Vec<_> = parts.iter().map(|(field, error)| format!("{field}: {error}")).collect();
    assert_eq!(body["message"], told.join(", "), "{text}");
    sorted(parts.into_iter().map(|(field, _)| field))
}

fn sorted(names: impl IntoIterator<Item: Into<String>>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
    names.sort();
    names
}

const IDENTIFIER_AND_NAME: &[&str] = &["identifier", "name"];
const OF_A_KEY: &[&str] = &["apiKeyType", "parentIdentifier", "identifier", "name"];
const OF_A_TOKEN: &[&str] = &["apiKeyType", "parentIdentifier", "apiKeyIdentifier", "identifier", "name"];
const OF_A_GROUP: &[&str] = &["resourceGroup.identifier", "resourceGroup.name"];
const NO_ATTRIBUTES: &[&str] =
    &["resourceGroup.name", "resourceGroup.resourceFilter.resources[0].attributeFilter"];
const OF_AN_ASSIGNMENT: &[&str] =
    &["roleIdentifier", "resourceGroupIdentifier", "principal.identifier", "principal.type"];

both_engines! {
    async fn every_member_that_is_missing_is_named(world: World) {
        let admin = world.admin();
        let before = world.count("audit_rows").await;
        let (post, put) = (Method::POST, Method::PUT);
        for (method, path, body, expected) in [
            (&put, "/ng/api/accounts/acme/name", json!({}), &["name"][..]),
            (&post, "/ng/api/organizations", json!({}), &["organization"]),
            (&post, "/ng/api/organizations", json!({"organization": null}), &["organization"]),
            (&post, "/ng/api/organizations", json!({"organization": {}}), &["organization.identifier", "organization.name"]),
            (&put, "/ng/api/organizations/x", json!({}), &["organization"]),
            (&post, "/ng/api/projects", json!({}), &["project"]),
            (&post, "/ng/api/projects", json!({"project": {}}), &["project.identifier", "project.name"]),
            (&put, "/ng/api/projects/x", json!({}), &["project"]),
            (&post, "/ng/api/serviceaccount", json!({}), &["name"]),
            (&put, "/ng/api/serviceaccount/x", json!({"name": null}), &["name"]),
            (&post, "/ng/api/apikey", json!({}), OF_A_KEY),
            (&put, "/ng/api/apikey/x", json!({}), &["apiKeyType", "parentIdentifier", "name"]),
            (&post, "/ng/api/token", json!({"name": null}), OF_A_TOKEN),
            (&put, "/ng/api/token/x", json!({}), &["apiKeyType", "parentIdentifier", "apiKeyIdentifier", "name"]),
            (&post, "/authz/api/acl", json!({}), &["permissions"]),
            (&post, "/authz/api/acl", json!({"permissions": null}), &["permissions"]),
            (&post, "/authz/api/acl", json!({"permissions": [{}, {"permission": "core_user_view", "resourceType": null}]}),
                &["permissions[0].permission", "permissions[0].resourceType", "permissions[1].resourceType"]),
            (&post, "/authz/api/roles", json!({}), IDENTIFIER_AND_NAME),
            (&put, "/authz/api/roles/x", json!({}), &["name"]),
            (&post, "/authz/api/v2/resourcegroup", json!({}), &["resourceGroup"]),
            (&post, "/authz/api/v2/resourcegroup", json!({"resourceGroup": {}}), OF_A_GROUP),
            (&post, "/authz/api/v2/resourcegroup", json!({"resource_group": {"resource_filter": {"resources": [{}]}}}),
                &["resourceGroup.identifier", "resourceGroup.name", "resourceGroup.resourceFilter.resources[0].resourceType"]),
            (&put, "/authz/api/v2/resourcegroup/x", json!({}), &["resourceGroup"]),
            (&put, "/authz/api/v2/resourcegroup/x", json!({"resourceGroup": {}}), &["resourceGroup.name"]),
            (&post, "/authz/api/roleassignments", json!({}), OF_AN_ASSIGNMENT),
            (&post, "/authz/api/roleassignments", json!({"roleReference": {}, "principal": {"type": null}, "identifier": "9"}),
                &["identifier", "roleReference.identifier", "resourceGroupIdentifier", "principal.identifier", "principal.type"]),
            (&post, "/authz/api/roleassignments/validate", json!({}), OF_AN_ASSIGNMENT),
            (&post, "/authz/api/roleassignments/validate", json!({"roleAssignment": {"roleIdentifier": "r", "principal": {}}}),
                &["roleAssignment.resourceGroupIdentifier", "roleAssignment.principal.identifier", "roleAssignment.principal.type"]),
            (&post, "/authz/api/roleassignments/multi", json!({}), &["roleAssignments"]),
            (&post, "/authz/api/roleassignments/filter", json!({"principalFilter": [{}], "roleReferenceFilter": [{}]}),
                &["roleReferenceFilter[0].identifier", "principalFilter[0].type"]),
            (&post, "/authz/api/roleassignments/v2/filter", json!({"principalFilter": {}}), &["principalFilter.type"]),
            (&post, "/ng/api/user-groups", json!({}), IDENTIFIER_AND_NAME),
            (&put, "/ng/api/user-groups", json!({"users": []}), IDENTIFIER_AND_NAME),
            (&post, "/ng/api/v2/user-groups", json!({}), IDENTIFIER_AND_NAME),
            (&put, "/ng/api/v2/user-groups", json!({"users": []}), IDENTIFIER_AND_NAME),
            (&post, "/ng/api/user/users", json!({}), &["emails"]),
            (&post, "/ng/api/user/users", json!({"emails": ["a@b"], "roleBindings": [{}]}),
                &["roleBindings[0].roleIdentifier", "roleBindings[0].resourceGroupIdentifier"]),
            (&put, "/ng/api/user/add-user-to-groups/x", json!({}), &["userGroupIdsToAdd"]),
            (&put, "/ng/api/user/add-user-to-groups/x", json!({"userGroupIdsToAdd": []}), &["userGroupIdsToAdd"]),
            (&post, "/audit/api/audits/list", json!({"resources": [{}], "principals": [{}]}),
                &["resources[0].type", "principals[0].identifier"]),
            (&post, "/ng/api/jwt-trusts", json!({}), &["name", "serviceAccount", "jwks"]),
            (&post, "/ng/api/jwt-trusts/explain", json!({}), &["token"]),
            (&post, "/ng/api/scim-schemas", json!({}), &["id", "name", "appliesTo", "attributes"]),
            (&post, "/ng/api/scim-resource-types", json!({}), &["name", "endpoint", "schema"]),
            (&post, "/v1/setup", json!({}), &["code", "account", "email"]),
        ] {
            for media in ["application/json", "application/yaml"] {
                let client = admin.with("content-type", media);
                let answer = client.send(method.clone(), path, Some(body.to_string())).await;
                assert_eq!(fields(answer), sorted(expected.iter().copied()), "{media} {method} {path} {body}");
            }
        }
        assert_eq!(world.count("audit_rows").await, before, "nothing was done");
    }

    async fn every_member_of_a_wrong_kind_is_named(world: World) {
        let admin = world.admin();
        let before = world.count("audit_rows").await;
        let (post, put) = (Method::POST, Method::PUT);
        for (method, path, body, expected) in [
            (&post, "/ng/api/organizations", json!({"organization": 3}), &["organization"][..]),
            (&post, "/ng/api/organizations", json!([]), &["body"]),
            (&post, "/ng/api/projects", json!({"project": {"name": [], "modules": {}, "tags": {"a": {}}}}),
                &["project.modules", "project.name", "project.tags.a"]),
            (&post, "/ng/api/serviceaccount", json!({"name": {}, "tags": []}), &["name", "tags"]),
            (&post, "/ng/api/apikey", json!({"apiKeyType": [], "defaultTimeToExpireToken": "x"}),
                &["apiKeyType", "defaultTimeToExpireToken"]),
            (&post, "/ng/api/token", json!({"neverExpires": "x", "parentIdentifier": {}, "validTo": true}),
                &["neverExpires", "parentIdentifier", "validTo"]),
            (&put, "/ng/api/settings", json!([{"identifier": {}}, {"value": []}]), &["[0].identifier", "[1].value"]),
            (&put, "/ng/api/settings", json!({}), &["body"]),
            (&post, "/authz/api/acl", json!({"permissions": ["a", {"permission": {}}], "principal": []}),
                &["permissions[0]", "permissions[1].permission", "permissions[1].resourceType", "principal"]),
            (&post, "/authz/api/roles", json!({"permissions": "all", "identifier": []}), &["identifier", "permissions"]),
            (&post, "/authz/api/v2/resourcegroup", json!({"resourceGroup": {"includedScopes": {}, "resourceFilter": {"resources": [3]}}}),
                &["resourceGroup.includedScopes", "resourceGroup.resourceFilter.resources[0]"]),
            (&post, "/authz/api/roleassignments", json!({"principal": {"identifier": {}, "type": []}, "disabled": "x"}),
                &["disabled", "principal.identifier", "principal.type"]),
            (&post, "/authz/api/roleassignments/validate", json!({"principal": {"identifier": {}}, "disabled": "x"}),
                &["disabled", "principal.identifier"]),
            (&post, "/authz/api/roleassignments/delete/batch", json!({}), &["body"]),
            (&post, "/authz/api/roleassignments/delete/batch", json!(["a", null, {}]), &["[1]", "[2]"]),
            (&post, "/authz/api/roleassignments/filter",
                json!({"principalTypeFilter": ["USER", "ROBOT"], "principalScopeLevelFilter": ["", "moon"]}),
                &["principalTypeFilter[1]", "principalScopeLevelFilter[0]", "principalScopeLevelFilter[1]"]),
            (&post, "/authz/api/roleassignments/v2/filter",
                json!({"scopeFilters": [{"filter": "ALL"}, {"accountIdentifier": "other"}]}),
                &["scopeFilters[0].filter", "scopeFilters[1].accountIdentifier"]),
            (&post, "/ng/api/user/batch", json!({"emails": vec!["a"; 501], "identifiers": "x"}), &["emails", "identifiers"]),
            (&post, "/ng/api/user-groups", json!({"users": [{}], "tags": "x"}), &["tags", "users[0]"]),
            (&post, "/ng/api/user-groups", json!({"notificationConfigs": [3, {"type": "EMAIL"}], "name": {}}),
                &["name", "notificationConfigs[0]"]),
            (&post, "/ng/api/v2/user-groups", json!({"users": [{}], "tags": "x"}), &["tags", "users[0]"]),
            (&post, "/ng/api/user/users", json!({"emails": ["a@b", {}], "userGroups": {}, "roleBindings": ["x"], "userSettings": {"a": 1}}),
                &["emails[1]", "userGroups", "roleBindings[0]", "userSettings"]),
            (&post, "/ng/api/user/users", json!({"emails": ["a b"], "roleBindings": [{"roleIdentifier": "r", "resourceGroupIdentifier": "g", "roleScopeLevel": "project"}]}),
                &["emails[0]", "roleBindings[0].roleScopeLevel"]),
            (&post, "/ng/api/user/users", json!({"emails": vec!["a@b"; 101]}), &["emails"]),
            (&put, "/ng/api/user/add-user-to-groups/x", json!({"userGroupIdsToAdd": [{}]}), &["userGroupIdsToAdd[0]"]),
            (&post, "/audit/api/audits/list", json!({"startTime": "x", "scopes": ["a"]}), &["scopes[0]", "startTime"]),
            (&post, "/ng/api/jwt-trusts", json!({"accountIdentifier": 3}), &["accountIdentifier"]),
            (&post, "/ng/api/jwt-trusts/explain", json!({"token": 3, "tokens": "a"}), &["tokens", "token"]),
            (&post, "/ng/api/scim-schemas", json!([]), &["body"]),
            (&post, "/ng/api/scim-schemas", json!("name"), &["body"]),
            (&put, "/ng/api/scim-schemas/urn:x:y", json!(3), &["body"]),
            (&post, "/ng/api/scim-resource-types", json!([{"name": "Device"}]), &["body"]),
            (&put, "/ng/api/scim-resource-types/Device", json!(true), &["body"]),
            (&post, "/authz/api/v2/resourcegroup",
                json!({"resourceGroup": {"name": [], "resourceFilter": {"resources": [{"attributeFilter": {}}, {"attributeFilter": null}]}}}),
                NO_ATTRIBUTES),
        ] {
            for media in ["application/json", "application/yaml"] {
                let client = admin.with("content-type", media);
                let answer = client.send(method.clone(), path, Some(body.to_string())).await;
                assert_eq!(fields(answer), sorted(expected.iter().copied()), "{media} {method} {path} {body}");
            }
        }
        assert_eq!(world.count("audit_rows").await, before, "nothing was done");
    }

    async fn what_nothing_goes_by_is_refused_unless_it_is_empty(world: World) {
        let admin = world.admin();
        let scope = json!({"scopeFilters": [{"orgIdentifier": "o"}]});
        for (path, body, expected) in [
            ("/ng/api/user-groups", json!({"identifier": "g", "name": "G", "ssoGroupId": "x", "linkedSsoId": "y", "ssoLinked": true}),
                &["ssoGroupId", "linkedSsoId", "ssoLinked"][..]),
            ("/ng/api/user-groups", json!({"identifier": "g", "name": 7, "linkedSsoType": "SAML", "linkedSsoDisplayName": "Okta",
                "isSsoLinked": true, "ssoGroupName": "x"}),
                &["name", "linkedSsoType", "linkedSsoDisplayName", "isSsoLinked", "ssoGroupName"]),
            ("/audit/api/audits/list", json!({"tags": {"team": "red"}}), &["tags"]),
            ("/audit/api/audits/listV2", json!({"tags": {"team": "red"}, "startTime": "x"}), &["tags", "startTime"]),
            ("/authz/api/v2/resourcegroup/filter", json!({"resourceSelectorFilterList": [{}], "scopeLevelFilter": ["account"]}),
                &["resourceSelectorFilterList", "scopeLevelFilter"]),
            ("/authz/api/roleassignments/filter", scope.clone(), &["scopeFilters"]),
            ("/authz/api/roleassignments/aggregate", scope, &["scopeFilters"]),
            ("/authz/api/roleassignments/v2/filter",
                json!({"roleReferenceFilter": [{"identifier": "r"}], "principalScopeLevelFilter": ["account"]}),
                &["roleReferenceFilter", "principalScopeLevelFilter"]),
            ("/ng/api/user/aggregate", json!({"searchTerm": "a"}), &["searchTerm"]),
        ] {
            let answer = admin.post(path, body.clone()).await;
            assert!(answer.text.contains("nothing here goes by it; leave it out"), "{path} {body}: {}", answer.text);
            assert_eq!(fields(answer), sorted(expected.iter().copied()), "{path} {body}");
        }
        let group = json!({"identifier": "g", "name": "G", "ssoGroupId": "", "linkedSsoId": null, "ssoLinked": false});
        let made = admin.post("/ng/api/user-groups", group).await.data();
        admin.put("/ng/api/user-groups", made).await.expect(200);
        admin.post("/audit/api/audits/list", json!({"tags": {}})).await.expect(200);
        let empty = json!({"resourceSelectorFilterList": [], "scopeLevelFilter": null});
        admin.post("/authz/api/v2/resourcegroup/filter", empty).await.expect(200);
    }

    async fn one_answer_names_so_many_and_no_more(world: World) {
        let admin = world.admin();
        let questions = json!({"permissions": vec![json!({}); 10_000]});
        let since = std::time::Instant::now();
        assert_eq!(fields(admin.post("/authz/api/acl", questions).await).len(), 32);
        assert!(since.elapsed().as_secs() < 10, "{:?}", since.elapsed());
    }

    async fn a_scalar_that_is_a_text_in_yaml_is_no_complaint(world: World) {
        let yaml = world.admin().with("content-type", "application/yaml");
        let body = "identifier: 7\nname: true\ntags: []\n";
        let answer = yaml.send(Method::POST, "/ng/api/serviceaccount", Some(body.into())).await;
        assert_eq!(fields(answer), ["tags"]);
    }
}
