//! The trusts of examples/jwt-trusts: each can be stored as it stands, without a warning, and takes a token
//! of its issuer's shape and no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jose::Algorithm;
use jose::testing::TestKey;
use muster::trust::lint::lint;
use muster::trust::read;
use serde_json::{Value, json};

use crate::actors::{START, World};
use crate::both_engines;

const AT: &str = "/ng/api/jwt-trusts";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/jwt-trusts")
}

fn preset(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).expect("the preset is there");
    serde_json::from_str(&text).expect("the preset is JSON")
}

/// (name, claims as that issuer writes them beside the times, what makes it somebody else's).
type Shape = (&'static str, Value, Value);

fn shapes() -> Vec<Shape> {
    let mut all = identity_providers();
    all.extend(workloads());
    all
}

fn identity_providers() -> Vec<Shape> {
    let tenant = "11111111-2222-4333-8444-555555555555";
    vec![
        (
            "okta",
            json!({
                "ver": 1, "jti": "AT.x", "iss": "https://example.okta.com/oauth2/aus1a2b3c4d5e6f7g8h9", "aud": "api://muster",
                "cid": "0oa1b2c3d4e5f6g7h8i9", "scp": ["scim.manage"], "sub": "0oa1b2c3d4e5f6g7h8i9"
            }),
            json!({"cid": "0oaother"}),
        ),
        (
            "entra",
            json!({
                "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "aud": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                "aio": "x", "azp": "99999999-8888-4777-8666-555555555555", "azpacr": "1", "oid": "77777777-0000-4000-8000-000000000000",
                "rh": "x", "roles": ["Scim.Provision"], "sub": "77777777-0000-4000-8000-000000000000", "tid": tenant, "uti": "x", "ver": "2.0"
            }),
            json!({"tid": "00000000-2222-4333-8444-555555555555"}),
        ),
        (
            "entra-provisioning",
            json!({
                "iss": format!("https://sts.windows.net/{tenant}/"), "aud": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
                "appid": "00000014-0000-0000-c000-000000000000", "appidacr": "2", "idp": format!("https://sts.windows.net/{tenant}/"),
                "oid": "o", "sub": "o", "tid": tenant, "uti": "x", "ver": "1.0"
            }),
            json!({"appid": "99999999-8888-4777-8666-555555555555"}),
        ),
        (
            "google",
            json!({
                "iss": "https://accounts.google.com", "aud": "https://muster.example.com", "azp": "107691234567890123456",
                "email": "identity-sync@acme-prod.iam.gserviceaccount.com", "email_verified": true, "sub": "107691234567890123456"
            }),
            json!({"sub": "107690000000000000000"}),
        ),
    ]
}

fn workloads() -> Vec<Shape> {
    vec![
        (
            "github-actions",
            json!({
                "iss": "https://token.actions.githubusercontent.com", "aud": "https://muster.example.com", "jti": "x",
                "sub": "repo:acme/directory:environment:production", "repository": "acme/directory", "repository_owner": "acme",
                "repository_owner_id": "65123", "ref": "refs/heads/main", "environment": "production", "run_id": "1"
            }),
            json!({"repository_owner_id": "65124"}),
        ),
        (
            "gitlab-ci",
            json!({
                "iss": "https://gitlab.com", "aud": "https://muster.example.com", "jti": "x", "project_id": "22123",
                "sub": "project_path:acme/directory:ref_type:branch:ref:main", "project_path": "acme/directory",
                "namespace_id": "72", "ref": "main", "ref_type": "branch", "ref_protected": "true", "pipeline_id": "1"
            }),
            json!({"ref_type": "tag"}),
        ),
        (
            "kubernetes",
            json!({
                "iss": "https://kubernetes.default.svc.cluster.local", "aud": ["muster"], "jti": "x",
                "sub": "system:serviceaccount:identity:sync",
                "kubernetes.io": {"namespace": "identity", "pod": {"name": "p", "uid": "u"}, "serviceaccount": {"name": "sync", "uid": "u"}}
            }),
            json!({"sub": "system:serviceaccount:default:sync"}),
        ),
        (
            "keycloak",
            json!({
                "iss": "https://keycloak.example.com/realms/acme", "aud": ["muster", "account"], "jti": "trrtcc:x", "typ": "Bearer",
                "azp": "identity-sync", "client_id": "identity-sync", "sub": "s", "acr": "1", "scope": "profile email",
                "realm_access": {"roles": ["offline_access", "scim-provisioner"]}
            }),
            json!({"typ": "ID"}),
        ),
        (
            "generic",
            json!({
                "iss": "https://issuer.example.com", "aud": "https://muster.example.com", "sub": "identity-sync", "scope": "openid scim"
            }),
            json!({"scope": "openid scimitar"}),
        ),
    ]
}

fn signed(shape: &Value, changes: &Value) -> String {
    let mut claims = shape.clone();
    let now = START.secs();
    for (name, value) in [("iat", json!(now)), ("nbf", json!(now)), ("exp", json!(now + 3_600))] {
        claims[name] = value;
    }
    for (name, value) in changes.as_object().expect("changes are an object") {
        claims[name] = value.clone();
    }
    TestKey::shared(Algorithm::Rs256).sign(&claims)
}

#[test]
fn every_file_has_its_test_and_no_warning() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    let tested: BTreeSet<String> = shapes().into_iter().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(files, tested);
    let guide =
        std::fs::read_to_string(folder().join("../../docs/jwt-trust.md")).expect("the guide is there");
    for name in files {
        let trust =
            read::definition(&preset(&name), None).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(lint(&trust, &[]), [], "{name}");
        assert!(guide.contains(&format!("{name}.json")), "{name} is not in docs/jwt-trust.md");
    }
}

both_engines! {
    async fn each_takes_its_issuers_tokens_and_no_others(world: World) {
        world.machine("Identity_Sync", Some("_scim_provisioner")).await;
        for (name, ..) in shapes() {
            let mut document = preset(name);
            // The issuer's own keys are not to be had here.
            document["jwks"] = json!({"keys": [TestKey::shared(Algorithm::Rs256).jwk()]});
            world.admin().post(AT, document).await.data();
        }
        for (name, shape, strange) in shapes() {
            let get = async |changes: Value| {
                let client = world.bearer(&signed(&shape, &changes));
                client.get("/scim/v2/acme/Users?count=0").await
            };
            get(json!({})).await.expect(200);
            assert_eq!(get(strange).await.status, 401, "{name}: somebody else's token");
            assert_eq!(get(json!({"aud": "another service"})).await.status, 401, "{name}: for somebody else");
            let who = world.bearer(&signed(&shape, &json!({}))).get("/ng/api/whoami?accountIdentifier=acme").await.data();
            assert_eq!(who["credential"]["trust"], name.replace('-', "_"));
        }
    }
}
