//! The routes under `/v1` (platform API §1.7): bare bodies, lists that headers tell of, scopes in the path.
//! What they do is what the other form does, whose tests say it.

use serde_json::{Value, json};

use crate::actors::{Answer, World};
use crate::both_engines;
use crate::bound::{hierarchy, trail};

const NOW: i64 = 1_767_225_600_000;

/// How many there are, which page it is, and of what size.
fn place(answer: &Answer) -> [&str; 3] {
    ["x-total-elements", "x-page-number", "x-page-size"].map(|name| answer.header(name))
}

/// The texts at this pointer of each item.
fn each(answer: &Answer, at: &str) -> Vec<String> {
    let items = answer.json.as_array().unwrap_or_else(|| panic!("a list: {}", answer.text));
    items.iter().map(|item| item.pointer(at).and_then(Value::as_str).expect("a text").to_owned()).collect()
}

both_engines! {
    async fn an_organization_and_a_project_live_from_create_to_delete(world: World) {
        let admin = world.admin();
        let body = json!({"org": {"identifier": "sales", "name": "Sales", "tags": {"a": "b"}, "unknown": 1}});
        let made = admin.post("/v1/orgs", body).await.expect(201);
        assert_eq!(made.json, json!({
            "org": {"identifier": "sales", "name": "Sales", "description": null, "tags": {"a": "b"}},
            "created": NOW, "updated": NOW, "harness_managed": false
        }));
        let old = made.header("etag").to_owned();
        let same = admin.get("/ng/api/organizations/sales").await;
        assert_eq!((same.header("etag"), &same.json["data"]["organization"]), (&*old, &made.json["org"]));
        let shown = admin.get("/gateway/v1/orgs/sales").await.expect(200);
        assert_eq!((shown.header("etag"), &shown.json), (&*old, &made.json));

        let change = json!({"org": {"name": "Sold"}});
        let changed = admin.with("if-match", &old).put("/v1/orgs/sales", change.clone()).await.expect(200);
        assert_eq!(changed.json["org"]["name"], "Sold");
        assert_ne!(changed.header("etag"), old);
        admin.with("if-match", &old).put("/v1/orgs/sales", change).await.refused(412, "INVALID_REQUEST");
        admin.with("if-match", &old).delete("/v1/orgs/sales").await.refused(412, "INVALID_REQUEST");

        let body = json!({"project": {"identifier": "crm", "name": "CRM", "org": "sales", "modules": ["CORE"]}});
        let made = admin.post("/v1/orgs/sales/projects", body).await.expect(201);
        assert_eq!(made.json, json!({
            "project": {"org": "sales", "identifier": "crm", "name": "CRM", "color": "#0063F7", "modules": ["CORE"],
                "description": null, "tags": {}},
            "created": NOW, "updated": NOW, "is_favorite": false
        }));
        let old = made.header("etag").to_owned();
        let at = "/v1/orgs/sales/projects/crm";
        assert_eq!(admin.get(at).await.expect(200).json, made.json);
        let change = json!({"project": {"identifier": "crm", "name": "New", "color": "#000000"}});
        let changed = admin.with("if-match", &old).put(at, change).await.expect(200);
        assert_eq!((&changed.json["project"]["name"], &changed.json["project"]["color"]), (&json!("New"), &json!("#000000")));
        admin.with("if-match", &old).delete(at).await.refused(412, "INVALID_REQUEST");
        let gone = admin.with("if-match", changed.header("etag")).delete(at).await.expect(200);
        assert_eq!((gone.json["project"]["name"].as_str(), gone.header("etag")), (Some("New"), ""));
        admin.get(at).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");

        assert_eq!(admin.delete("/v1/orgs/sales").await.expect(200).json["org"]["name"], "Sold");
        admin.get("/v1/orgs/sales").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(trail(&world, "ORGANIZATION").await.len(), 3);
    }

    async fn lists_of_organizations_and_projects_are_told_of_by_headers(world: World) {
        let admin = world.admin();
        for id in ["b", "a", "c"] {
            world.app.clock.advance_secs(1);
            admin.post("/v1/orgs", json!({"org": {"identifier": id, "name": format!("Org {id}")}})).await.expect(201);
            let body = json!({"project": {"identifier": id, "name": format!("Project {id}")}});
            admin.post("/v1/orgs/a/projects", body).await.expect(if id == "b" { 400 } else { 201 });
        }
        let all = admin.get("/v1/orgs").await.expect(200);
        assert_eq!(each(&all, "/org/identifier"), ["c", "a", "b", "default"]);
        assert_eq!(place(&all), ["4", "0", "20"]);
        let second = admin.get("/v1/orgs?page=1&limit=3&sort=identifier&order=ASC").await.expect(200);
        assert_eq!((each(&second, "/org/identifier"), place(&second)), (vec!["default".to_owned()], ["4", "1", "3"]));
        let beyond = admin.get("/v1/orgs?page=9").await.expect(200);
        assert_eq!((&beyond.json, place(&beyond)), (&json!([]), ["4", "9", "20"]));
        let some = admin.get("/v1/orgs?org=a&org=b&search_term=ORG&sort=name&order=ASC").await.expect(200);
        assert_eq!((each(&some, "/org/name"), place(&some)), (vec!["Org a".to_owned(), "Org b".to_owned()], ["2", "0", "20"]));

        let projects = admin.get("/v1/orgs/a/projects?sort=created&order=ASC").await.expect(200);
        assert_eq!((each(&projects, "/project/identifier"), place(&projects)), (vec!["a".to_owned(), "c".to_owned()], ["2", "0", "30"]));
        let one = admin.get("/v1/orgs/a/projects?project=c,d").await.expect(200);
        assert_eq!(each(&one, "/project/identifier"), ["c"]);
        let yaml = admin.with("accept", "application/yaml").get("/v1/orgs?org=a").await.expect(200);
        assert!(yaml.text.starts_with("- org:") && place(&yaml) == ["1", "0", "20"], "{}", yaml.text);
    }

    async fn what_cannot_be_is_refused_by_the_names_of_this_form(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for query in ["limit=101", "limit=0", "page=x", "sort=color", "order=UP", "searchTerm=a", "pageSize=5", "sortOrders=name"] {
            for at in ["/v1/orgs", "/v1/orgs/o1/projects"] {
                admin.get(&format!("{at}?{query}")).await.refused(400, "INVALID_REQUEST");
            }
        }
        admin.get("/v1/orgs/o1/projects?module_type=CD").await.refused(400, "INVALID_REQUEST");
        admin.get("/v1/orgs/o9/projects").await.refused(400, "INVALID_ARGUMENT");
        let bad = json!({"org": {"identifier": "no-id", "name": ""}});
        let answer = admin.post("/v1/orgs", bad).await.expect(400);
        let fields: Vec<_> = answer.json["errors"].as_array().expect("a FailureDTO").iter().map(|e| &e["fieldId"]).collect();
        assert_eq!(fields, ["org.identifier", "org.name"]);
        admin.post("/v1/orgs", json!({"org": {"identifier": "o1", "name": "O"}})).await.refused(400, "DUPLICATE_FIELD");
        for body in [json!({"project": {"name": "P", "org": "o9"}}), json!({"project": {"name": "P", "identifier": "p9"}})] {
            let text = admin.put("/v1/orgs/o1/projects/p1", body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("Value mismatch"), "{text}");
        }
        for (path, text) in [
            ("/v1/orgs?orgIdentifier=o1", "previous: none current: o1"),
            ("/v1/orgs/o1?orgIdentifier=o2", "previous: o1 current: o2"),
            ("/v1/orgs/o1/projects?projectIdentifier=p1", "previous: none current: p1"),
            ("/v1/orgs/o1?account=acme&accountIdentifier=other", "previous: acme current: other"),
        ] {
            let told = admin.get(path).await.refused(400, "INVALID_REQUEST");
            assert!(told.contains(text), "{told}");
        }
        admin.get("/v1/orgs/o1/projects/p1?orgIdentifier=o1&projectIdentifier=p1&accountIdentifier=acme").await.expect(200);
    }
}
