//! Whom a request is from and at which scheme it was sent, where proxies pass it on (`--trusted-proxies`).

use serde_json::{Value, json};

use super::scim_users::{USERS, user};
use crate::actors::{Client, World};
use crate::both_engines;

const LIST: &str = "/audit/api/audits/list?accountIdentifier=acme";

/// The address in the audit row of that resource's creation.
async fn audited(world: &World, kind: &str, id: &str) -> Value {
    let filter = json!({"resources": [{"type": kind, "identifier": id}], "actions": ["CREATE"]});
    let page = world.admin().post(LIST, filter).await.data();
    page["content"][0]["requestMetadata"]["clientIP"].clone()
}

/// As whom the client is recorded by the platform API and by SCIM.
async fn recorded(world: &World, admin: &Client, idp: &Client, n: usize) -> [Value; 2] {
    let id = format!("role_{n}");
    let role = json!({"identifier": id, "name": id});
    admin.post("/authz/api/roles?accountIdentifier=acme", role).await.expect(200);
    let made = idp.post(USERS, user(&format!("u{n}@acme.example"))).await.expect(201).json;
    let user = made["id"].as_str().expect("it has an id");
    [audited(world, "ROLE", &id).await, audited(world, "USER", user).await]
}

both_engines! {
    async fn a_client_is_recorded_as_trusted_proxies_tell(world: World) {
        let behind = world.replica_behind(&["10.0.0.0/8"]);
        let token = world.machine_token("idp", Some("_scim_provisioner")).await;
        for (n, (world, peer, header, line, recorded_as)) in [
            (&behind, "10.0.0.1", "x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
            (&behind, "::ffff:10.0.0.1", "forwarded", "for=6.6.6.6, for=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            (&behind, "10.0.0.1", "x-forwarded-for", "192.0.2.7, unknown", "10.0.0.1"),
            (&behind, "198.51.100.1", "x-forwarded-for", "192.0.2.7", "198.51.100.1"),
            (&world, "10.0.0.1", "x-forwarded-for", "192.0.2.7", "10.0.0.1"),
        ].into_iter().enumerate() {
            let from = |client: Client| client.from(peer).with(header, line);
            let found = recorded(world, &from(world.admin()), &from(world.bearer(&token)), n).await;
            assert_eq!(found, [recorded_as, recorded_as], "{peer} {line}");
        }
    }

    async fn a_stranger_does_not_say_which_scheme_he_used(world: World) {
        let behind = world.replica_behind(&["10.0.0.0/8"]);
        for (world, peer, scheme) in [(&behind, "10.0.0.1", "https"), (&behind, "192.0.2.1", "http"), (&world, "192.0.2.1", "https")] {
            let client = world.anon().from(peer).with("x-forwarded-proto", "https");
            let config = client.get("/scim/v2/acme/ServiceProviderConfig").await.expect(200).json;
            let metadata = client.get("/.well-known/oauth-authorization-server/oauth2/acme").await.expect(200).json;
            for url in [&config["meta"]["location"], &metadata["issuer"]] {
                assert!(url.as_str().is_some_and(|url| url.starts_with(&format!("{scheme}://"))), "{peer}: {url}");
            }
        }
    }
}
