//! YAML in and out of the platform API (§1.4).

use std::fmt::Write as _;

use http::Method;
use serde_json::{Value, json};

use crate::actors::{Answer, Client, World};
use crate::both_engines;

const AT: &str = "/ng/api/serviceaccount";

async fn send(client: &Client, method: Method, path: &str, yaml: &str) -> Answer {
    client.with("content-type", "application/yaml; charset=utf-8").send(method, path, Some(yaml.into())).await
}

#[track_caller]
fn read(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), "application/yaml", "{}", answer.text);
    assert!(serde_json::from_str::<Value>(&answer.text).is_err(), "no JSON: {}", answer.text);
    serde_saphyr::from_str(&answer.text).unwrap()
}

both_engines! {
    async fn a_body_in_yaml_is_read(world: World) {
        let admin = world.admin();
        let body = "# made by hand\nidentifier: okta\nname: &name '123'\ndescription: *name\ntags:\n  team: 7\n  on: yes\n";
        let made = send(&admin, Method::POST, AT, body).await.data();
        assert_eq!((&made["identifier"], &made["name"], &made["description"]), (&json!("okta"), &json!("123"), &json!("123")));
        assert_eq!(made["tags"], json!({"team": "7", "on": "yes"}));
        let list = "- identifier: scim_dialect\n  value: strict\n  updateType: UPDATE\n";
        let saved = send(&admin, Method::PUT, "/ng/api/settings?accountIdentifier=acme", list).await.data();
        assert_eq!(saved[0]["updateStatus"], true, "{saved}");
    }

    async fn a_bad_body_in_yaml_changes_nothing(world: World) {
        let (admin, before) = (world.admin(), world.count("audit_rows").await);
        for (body, words) in [
            ("identifier: a\nname: b\nname: c\n", "at line 3, column 1: the member \"name\" stands twice in one object; send it once."),
            ("identifier: [\n", "at line 1, column 13: the bracket that opens there is not closed; close it."),
            ("- a\n", "body: an object is expected, not a list"), ("", "no body"),
            ("identifier: a\n name: b\n", "at line 2, column 6: a colon stands where no member can begin"),
            ("identifier: a\ntags: text\n", "tags: an object is expected, not a text"),
            ("identifier: a\nname: b\n---\nidentifier: b\n", "at line 4, column 1: a second document begins there; send one."),
        ] {
            let text = send(&admin, Method::POST, AT, body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(words), "{body}: {text}");
            assert!(!text.contains("Policy") && !text.contains("from_str"), "{text}");
        }
        // Eleven lists of ten, each of the one before.
        let mut bomb = "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..11 {
            let inner = vec![format!("*l{}", n - 1); 10].join(",");
            let _ = writeln!(bomb, "l{n}: &l{n} [{inner}]");
        }
        let since = std::time::Instant::now();
        send(&admin, Method::POST, AT, &bomb).await.refused(400, "INVALID_REQUEST");
        send(&admin, Method::POST, AT, &"[".repeat(100_000)).await.refused(400, "INVALID_REQUEST");
        assert!(since.elapsed().as_secs() < 10, "{:?}", since.elapsed());
        let xml = admin.with("content-type", "application/xml").send(Method::POST, AT, Some("<a/>".into())).await;
        let text = xml.refused(415, "MEDIA_NOT_SUPPORTED");
        assert!(text.contains("application/json or application/yaml"), "{text}");
        assert_eq!(world.count("audit_rows").await, before);
    }

    async fn an_answer_in_yaml_says_the_same(world: World) {
        let admin = world.admin();
        let path = "/ng/api/accounts/acme";
        let (plain, yaml) = (admin.get(path).await.json, admin.with("accept", "application/yaml").get(path).await.expect(200));
        let read_back = read(&yaml);
        assert_eq!(read_back["data"], plain["data"]);
        assert_eq!(read_back["correlationId"], yaml.header("x-request-id"));
        let refused = admin.with("accept", "text/x-yaml;q=0.9, */*;q=0.1").get("/ng/api/nothing").await.expect(400);
        assert_eq!(read(&refused)["code"], "RESOURCE_NOT_FOUND_EXCEPTION");
        for both in ["application/json, application/yaml", "*/*", "application/json, text/plain, */*"] {
            assert_eq!(admin.with("accept", both).get(path).await.data(), plain["data"], "{both}");
        }
        let scim = world.bearer(world.admin_token()).with("accept", "application/yaml");
        assert_eq!(scim.get("/scim/v2/acme/Users").await.expect(200).header("content-type"), "application/scim+json");
    }
}
