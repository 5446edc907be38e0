//! Entity tags of what two people may edit at once (platform API §1.4).

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;

/// A thing that is made, changed and removed.
struct Thing {
    /// Takes a POST.
    list: &'static str,
    /// Takes a PUT and a DELETE.
    one: &'static str,
    /// Takes a GET, where one of them can be shown.
    shown: Option<&'static str>,
    /// What it is with a description.
    body: fn(&str) -> Value,
}

const KEYS: &str = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=sync";

fn owned(description: &str, more: Value) -> Value {
    let mut body = json!({
        "identifier": "thing", "name": "thing", "description": description, "apiKeyType": "SERVICE_ACCOUNT",
        "parentIdentifier": "sync"
    });
    let more = more.as_object().expect("members").clone();
    body.as_object_mut().expect("a body is an object").extend(more);
    body
}

fn attributes() -> Value {
    json!([{"name": "tag", "type": "string"}])
}

fn things() -> [Thing; 9] {
    [
        Thing {
            list: "/authz/api/roles",
            one: "/authz/api/roles/thing",
            shown: Some("/authz/api/roles/thing"),
            body: |d| json!({"identifier": "thing", "name": "T", "description": d, "permissions": ["core_user_view"]}),
        },
        Thing {
            list: "/authz/api/v2/resourcegroup",
            one: "/authz/api/v2/resourcegroup/thing",
            shown: Some("/resourcegroup/api/v2/resourcegroup/thing"),
            body: |d| json!({"resourceGroup": {"identifier": "thing", "name": "T", "description": d}}),
        },
        Thing {
            list: "/ng/api/serviceaccount",
            one: "/ng/api/serviceaccount/thing",
            shown: Some("/ng/api/serviceaccount/aggregate/thing"),
            body: |d| json!({"identifier": "thing", "name": "T", "description": d}),
        },
        Thing {
            list: "/ng/api/apikey",
            one: "/ng/api/apikey/thing?apiKeyType=SERVICE_ACCOUNT&parentIdentifier=sync",
            shown: Some("/ng/api/apikey/aggregate/thing?apiKeyType=SERVICE_ACCOUNT&parentIdentifier=sync"),
            body: |d| owned(d, json!({})),
        },
        Thing {
            list: "/ng/api/token",
            one: "/ng/api/token/thing?apiKeyType=SERVICE_ACCOUNT&parentIdentifier=sync&apiKeyIdentifier=key",
            shown: None,
            body: |d| owned(d, json!({"apiKeyIdentifier": "key"})),
        },
        Thing {
            list: "/ng/api/scim-schemas",
            one: "/ng/api/scim-schemas/urn:example:thing",
            shown: Some("/ng/api/scim-schemas/urn:example:thing"),
            body: |d| {
                json!({"id": "urn:example:thing", "name": "T", "description": d, "appliesTo": "User",
                    "attributes": attributes()})
            },
        },
        Thing {
            list: "/ng/api/scim-resource-types",
            one: "/ng/api/scim-resource-types/Thing",
            shown: Some("/ng/api/scim-resource-types/thing"),
            body: |d| {
                json!({"name": "Thing", "endpoint": "Things", "description": d,
                    "schema": {"id": "urn:example:type", "name": "T", "attributes": attributes()}})
            },
        },
        Thing {
            list: "/v1/roles",
            one: "/v1/roles/other",
            shown: Some("/authz/api/roles/other"),
            body: |d| json!({"identifier": "other", "name": "O", "description": d, "permissions": ["core_user_view"]}),
        },
        Thing {
            list: "/v1/resource-groups",
            one: "/v1/resource-groups/other",
            shown: Some("/v1/resource-groups/other"),
            body: |d| json!({"identifier": "other", "name": "O", "description": d}),
        },
    ]
}

/// The status of a creation.
fn made(list: &str) -> u16 {
    if list.starts_with("/v1/") { 201 } else { 200 }
}

both_engines! {
    async fn a_change_holds_for_the_version_it_was_made_from(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        for Thing { list, one, shown, body } in things() {
            let first = admin.post(list, body("made")).await.expect(made(list)).header("etag").to_owned();
            let seen = async || match shown {
                Some(at) => Some(admin.get(at).await.expect(200).header("etag").to_owned()),
                None => None,
            };
            assert_eq!(seen().await.unwrap_or(first.clone()), first, "{one}");
            world.app.clock.advance_secs(1);
            let changed = admin.with("if-match", &first).put(one, body("one's")).await.expect(200);
            let second = changed.header("etag").to_owned();
            assert_ne!(second, first, "{one}");
            let lost = admin.with("if-match", &first).put(one, body("the other's")).await;
            let why = lost.refused(412, "INVALID_REQUEST");
            assert!(why.contains(&second) && why.contains("read it again"), "{one}: {why}");
            assert_eq!(seen().await.unwrap_or(second.clone()), second, "{one}");
            let again = admin.with("if-match", &second).put(one, body("one's")).await.expect(200);
            assert_eq!(again.header("etag"), second, "{one}: nothing changed");
            admin.with("if-match", &first).delete(one).await.refused(412, "INVALID_REQUEST");
            admin.with("if-match", &second).delete(one).await.expect(200);
        }
    }

    async fn a_tag_holds_as_it_was_issued_and_in_the_other_form(world: World) {
        let admin = world.admin();
        let scim = world.bearer(world.admin_token());
        let role = json!({"identifier": "r", "name": "R"});
        let tag = admin.post("/authz/api/roles", role.clone()).await.expect(200).header("etag").to_owned();
        assert!(tag.starts_with('"'), "strong, since it is of one stored version: {tag}");
        let user = json!({"userName": "ada"});
        let made = scim.post("/scim/v2/acme/Users", user.clone()).await.expect(201);
        assert_eq!(made.header("etag"), "W/\"1\"");
        let ada = format!("/scim/v2/acme/Users/{}", made.json["id"].as_str().expect("an id"));
        for (before, behind) in [("\"", "\""), ("W/\"", "\""), ("", ""), ("\"x\", W/\"", "\"")] {
            let form = |tag: &str| format!("{before}{tag}{behind}");
            let (ours, theirs) = (form(tag.trim_matches('"')), form("1"));
            admin.with("if-match", &ours).put("/authz/api/roles/r", role.clone()).await.expect(200);
            // SCIM's are never bare.
            let status = if before.is_empty() { 412 } else { 200 };
            scim.with("if-match", &theirs).put(&ada, user.clone()).await.expect(status);
            let (ours, theirs) = (form("0-9"), form("9"));
            admin.with("if-match", &ours).put("/authz/api/roles/r", role.clone()).await.refused(412, "INVALID_REQUEST");
            scim.with("if-match", &theirs).put(&ada, user.clone()).await.expect(412);
        }
    }

    async fn a_tag_does_not_come_back_with_the_name(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        for Thing { list, one, body, .. } in things() {
            let old = admin.post(list, body("made")).await.expect(made(list)).header("etag").to_owned();
            world.app.clock.advance_secs(1);
            admin.delete(one).await.expect(200);
            admin.post(list, body("made")).await.expect(made(list));
            admin.with("if-match", &old).put(one, body("changed")).await.refused(412, "INVALID_REQUEST");
            admin.with("if-match", &old).delete(one).await.refused(412, "INVALID_REQUEST");
        }
    }

    async fn what_comes_with_the_product_has_a_tag_for_good(world: World) {
        let admin = world.admin();
        for one in ["/authz/api/roles/_account_admin", "/authz/api/v2/resourcegroup/_all_account_level_resources"] {
            assert_eq!(admin.get(one).await.expect(200).header("etag"), "\"0-1\"", "{one}");
        }
    }

    async fn a_rotated_token_is_another_one(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        let Thing { list, one, body, .. } = things().into_iter().nth(4).expect("tokens");
        let made = admin.post(list, body("made")).await;
        let (old, text) = (made.header("etag").to_owned(), made.data());
        let text = text.as_str().expect("a text");
        let validated = admin.post("/ng/api/token/validate", json!(text)).await.expect(200);
        assert_eq!(validated.header("etag"), old);
        world.app.clock.advance_secs(1);
        let rotate = format!("/ng/api/token/rotate/thing?{KEYS}&apiKeyIdentifier=key&rotateTimestamp=1767312000000");
        let new = admin.post(&rotate, json!({})).await.expect(200).header("etag").to_owned();
        let was = admin.post("/ng/api/token/validate", json!(text)).await.expect(200);
        assert_ne!(was.header("etag"), old, "it has an end now");
        admin.with("if-match", &old).put(one, body("changed")).await.refused(412, "INVALID_REQUEST");
        admin.with("if-match", &new).put(one, body("changed")).await.expect(200);
    }

    async fn what_takes_a_resource_out_of_a_group_changes_the_group(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        let resources = json!([{"resourceType": "SERVICEACCOUNT", "identifiers": ["sync"]}]);
        let group = json!({"resourceGroup": {
            "identifier": "thing", "name": "T", "resourceFilter": {"includeAllResources": false, "resources": resources}
        }});
        let Thing { list, one, .. } = things().into_iter().nth(1).expect("resource groups");
        let seen = admin.post(list, group.clone()).await.expect(200).header("etag").to_owned();
        admin.delete("/ng/api/serviceaccount/sync").await.expect(200);
        admin.with("if-match", &seen).put(one, group).await.refused(412, "INVALID_REQUEST");
    }
}
