//! What a request must carry, and what a bad credential is told.

use std::future::pending;
use std::time::Duration;

use jose::Algorithm;
use jose::testing::TestKey;
use muster::accounts::bootstrap::Bootstrap;
use muster::kernel::problem::Kind;
use muster::setup::actions::bootstrap;
use muster::web::surface::in_time;
use serde_json::json;

use crate::actors::{Gate, World};
use crate::both_engines;
use crate::issuer::claims;

both_engines! {
    async fn paths_nobody_serves_are_named(world: World) {
        let text = world.anon().get("/ng/api/nothing").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert!(text.contains("/ng/api/nothing"), "{text}");
        world.anon().get("/gateway/ng/api/nothing").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn health_has_an_id_and_names_its_methods(world: World) {
        let anon = world.anon();
        for path in ["/livez", "/readyz", "/v1/version", "/gateway/v1/version"] {
            let answer = anon.get(path).await.expect(200);
            assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
            let answer = anon.post(path, json!({})).await;
            assert_eq!(answer.header("allow"), "GET,HEAD", "{path}");
            let text = answer.refused(405, "RESOURCE_NOT_FOUND_EXCEPTION");
            assert!(text.contains("POST"), "{path}: {text}");
        }
        assert_eq!(anon.get("/livez").await.text, "ok\n");
        assert_eq!(anon.get("/readyz").await.json, json!({"ready": true}));
        let stopping = &world.app.stopping;
        stopping.store(true, std::sync::atomic::Ordering::Relaxed);
        let answer = anon.get("/readyz").await.expect(503);
        assert_eq!((answer.header("retry-after"), answer.header("x-request-id").len()), ("2", 36));
        stopping.store(false, std::sync::atomic::Ordering::Relaxed);
    }

    async fn an_account_is_made_once(world: World) {
        let wish = |another_token| {
            Bootstrap { another_token, ..Bootstrap::at_console(world.account.clone(), "admin@acme.example") }
        };
        let (db, rng, now) = (&world.app.db, &world.app.rng, world.app.clock.now());
        let again = bootstrap(db, rng, now, wish(false)).await.unwrap_err();
        assert!(again.message().contains("--another-token"), "{again}");
        let more = bootstrap(db, rng, now, wish(true)).await.unwrap();
        assert_eq!(more.id, world.admin_id);
        assert_ne!(more.token.expose(), world.admin_token());
    }

    /// Or both the operator and who has the code would make a first administrator.
    async fn an_account_made_at_the_console_ends_the_set_up_code(world: World) {
        let put = |tx: &mut db::Tx<'_>| {
            let hash: &[u8] = &[7; 32];
            tx.exec("INSERT INTO setup_codes (account_id, sha256, created_at) VALUES ('', $1, 0)", db::params![hash])
        };
        assert_eq!(world.app.db.write::<_, db::Error>("test.code", "", put).await.unwrap(), 1);
        world.other_account("other").await;
        assert_eq!(world.count("setup_codes").await, 0);
    }

    async fn work_that_panics_is_answered_as_a_defect(world: World) {
        let done = in_time::<()>(&world.app, true, async { panic!("as the test wants it") }).await;
        let problem = done.unwrap_err();
        assert_eq!(problem.kind(), Kind::Internal);
        assert!(problem.cause().unwrap().contains("as the test wants it"), "{problem:?}");
    }

    async fn what_took_too_long_is_sent_again_unseen_only_where_it_reads(world: World) {
        let hurried = world.replica_hurried(Duration::from_millis(20));
        let gate = Gate::shut(&hurried).await;
        let (keyed, bearer) = (hurried.admin(), hurried.bearer(hurried.admin_token()));
        let ada = json!({"userName": "ada"});
        for (admin, path, body) in [
            (&keyed, "/ng/api/organizations?accountIdentifier=acme", json!({"organization": {"identifier": "a", "name": "a"}})),
            (&bearer, "/scim/v2/acme/Users", ada.clone()),
            (&bearer, "/scim/v2/acme/Bulk", json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [{"method": "POST", "path": "/Users", "bulkId": "a", "data": ada}]})),
        ] {
            let answer = admin.post(path, body).await.expect(503);
            assert!(answer.text.contains("look whether it took effect"), "{path}: {}", answer.text);
            assert!(!answer.headers.contains_key("retry-after"), "{path}");
        }
        gate.open().await;
        let late = in_time::<()>(&hurried.app, true, pending()).await.unwrap_err();
        assert_eq!((late.kind(), late.retry_after_secs()), (Kind::Unavailable, Some(1)));
        assert!(late.message().contains("try again"), "{late}");
    }

    /// A JWT does not say whose account it is meant for.
    async fn a_jwt_needs_an_account_on_the_platform_api(world: World) {
        let jwt = TestKey::shared(Algorithm::Es256).sign(&claims());
        let (path, named) = ("/ng/api/user/currentUser", "/ng/api/user/currentUser?accountIdentifier=acme");
        let text = world.holder(&jwt).get(path).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("accountIdentifier"), "{text}");
        world.holder(&jwt).get(named).await.refused(401, "INVALID_TOKEN");
        world.holder("a.b.c").get(path).await.refused(401, "INVALID_TOKEN");
    }

    async fn one_key_is_sent_and_a_refusal_names_its_scheme(world: World) {
        let path = "/ng/api/accounts/acme";
        let (none, invalid) = ("Bearer realm=\"muster\"", "Bearer error=\"invalid_token\"");
        for (client, told) in [(world.anon(), none), (world.holder("sat.acme.x.y"), invalid), (world.admin().with("x-api-key", world.admin_token()), none)] {
            let answer = client.get(path).await;
            assert_eq!(answer.header("www-authenticate"), told);
            answer.refused(401, "INVALID_TOKEN");
        }
        world.admin().get(path).await.data();
    }

    async fn an_empty_account_header_names_none(world: World) {
        let empty = |token: &str| world.holder(token).with("harness-account", "");
        let (path, named) = ("/ng/api/user/currentUser", "/ng/api/user/currentUser?accountIdentifier=");
        let admin = empty(world.admin_token());
        admin.get(path).await.data();
        admin.get(&format!("{named}acme")).await.data();
        admin.get(&format!("{named}other")).await.refused(401, "INVALID_TOKEN");
        let jwt = TestKey::shared(Algorithm::Es256).sign(&claims());
        empty(&jwt).get(path).await.refused(400, "INVALID_REQUEST");
        let other = world.admin().with("harness-account", "other");
        other.get(path).await.refused(401, "INVALID_TOKEN");
    }

    /// A cache keeps nothing of a request with `Authorization`, of one with `x-api-key` whatever it likes.
    async fn no_cache_keeps_an_answer(world: World) {
        let (admin, scim, anon) = (world.admin(), world.bearer(world.admin_token()), world.anon());
        let (platform, users) = ("/ng/api/user/currentUser", "/scim/v2/acme/Users");
        let user = format!("{users}/{}", world.admin_id);
        for (client, path, status) in [
            (&admin, platform, 200), (&admin, "/v1/roles", 200), (&admin, "/ng/api/provisioning-log/export", 200),
            (&anon, platform, 401), (&admin, "/ng/api/nothing", 400), (&scim, users, 200), (&scim, &user, 200),
            (&scim, "/scim/v2/acme/Schemas", 200), (&anon, users, 401), (&anon, "/readyz", 200),
        ] {
            assert_eq!(client.get(path).await.expect(status).header("cache-control"), "no-store", "{path}");
        }
        let machine = json!({"identifier": "okta", "name": "okta"});
        let made = admin.post("/ng/api/serviceaccount", machine).await.expect(200);
        assert_eq!(made.header("cache-control"), "no-store");
        let seen = admin.get("/openapi.json").await.expect(200);
        assert_eq!(seen.header("cache-control"), "no-cache", "what is everybody's may be kept");
    }

    async fn headers_do_not_name_two_accounts(world: World) {
        let path = "/ng/api/user/currentUser";
        for other in ["other", "acme"] {
            let twice = world.admin().with("harness-account", "acme").with("Harness-Account", other);
            let text = twice.get(path).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("more than one Harness-Account header"), "{text}");
        }
        let beside = world.admin().with("harness-account", "").with("harness-account", "other");
        beside.get(&format!("{path}?account=acme")).await.refused(401, "INVALID_TOKEN");
        let unreadable = world.admin().with("harness-account", "acmé");
        unreadable.get(&format!("{path}?account=acme")).await.refused(401, "INVALID_TOKEN");
    }

    async fn a_query_does_not_name_two_accounts(world: World) {
        let (admin, anyone) = (world.admin(), world.bearer(world.admin_token()));
        let name = json!({"name": "Other"});
        for named in ["account=acme", "routingId=&account=acme"] {
            let query = format!("{named}&accountIdentifier=zz");
            admin.put(&format!("/ng/api/accounts/acme/name?{query}"), name.clone()).await.refused(400, "INVALID_REQUEST");
            let text = admin.post(&format!("/authz/api/acl?{query}"), json!({"permissions": []})).await.refused(400, "INVALID_REQUEST");
            assert!(text.starts_with("Value mismatch, previous: acme current: zz (accountIdentifier)"), "{text}");
            for path in ["/ng/api/accounts/acme", "/ng/api/user/currentUser", "/ng/api/whoami", "/ng/api/jwt-trusts", "/ng/api/events"] {
                admin.get(&format!("{path}?{query}")).await.refused(400, "INVALID_REQUEST");
            }
            anyone.get(&format!("/ng/api/whoami?{query}")).await.refused(400, "INVALID_REQUEST");
        }
        let header = admin.with("harness-account", "acme");
        header.get("/ng/api/whoami?accountIdentifier=zz").await.refused(400, "INVALID_REQUEST");
        header.get("/ng/api/whoami?account=zz&accountIdentifier=").await.data();
        for twice in ["account=acme&account=zz", "account=acme&account=acme", "routingId=acme&routingId=zz",
            "accountIdentifier=acme&accountIdentifier=acme"] {
            for path in ["/ng/api/accounts/acme", "/ng/api/whoami", "/ng/api/organizations"] {
                let text = admin.get(&format!("{path}?{twice}")).await.refused(400, "INVALID_REQUEST");
                assert!(text.contains("stands twice"), "{text}");
            }
        }
        let account = admin.get("/ng/api/accounts/acme?account=acme&accountIdentifier=acme").await.data();
        assert_ne!(account["name"], "Other");
    }

    async fn a_token_made_at_the_console_goes_under_the_key_as_it_is_spelled(world: World) {
        let (id, admin) = (&world.admin_id, world.admin());
        let key = |name: &str| json!({"identifier": name, "name": name, "apiKeyType": "USER", "parentIdentifier": id});
        let token = json!({"identifier": "spare", "name": "spare", "apiKeyIdentifier": "spare", "apiKeyType": "USER",
            "parentIdentifier": id});
        let spare = admin.post("/ng/api/token", token).await.data();
        let admin = world.holder(spare.as_str().unwrap());
        let of_user = format!("accountIdentifier=acme&apiKeyType=USER&parentIdentifier={id}");
        admin.delete(&format!("/ng/api/apikey/bootstrap?{of_user}")).await.data();
        admin.post("/ng/api/apikey", key("BootStrap")).await.data();
        let first = Bootstrap::at_console(world.account.clone(), "admin@acme.example");
        let wish = Bootstrap { another_token: true, ..first };
        let made = bootstrap(&world.app.db, &world.app.rng, world.app.clock.now(), wish).await.unwrap();
        let listed = admin.get(&format!("/ng/api/token/aggregate?{of_user}&apiKeyIdentifier=BootStrap")).await.data();
        assert_eq!(listed["totalItems"], 1);
        assert_eq!(listed["content"][0]["token"]["apiKeyIdentifier"], "BootStrap");
        world.holder(made.token.expose()).get("/ng/api/user/currentUser").await.data();
    }
}
