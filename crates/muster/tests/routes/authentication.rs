//! What a request must carry, and what a bad credential is told.

use muster::accounts::bootstrap::{Bootstrap, bootstrap};

use crate::actors::World;
use crate::both_engines;

both_engines! {
    async fn paths_nobody_serves_are_named(world: World) {
        let text = world.anon().get("/ng/api/nothing").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert!(text.contains("/ng/api/nothing"), "{text}");
        world.anon().get("/gateway/ng/api/nothing").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn an_account_is_made_once(world: World) {
        let wish = |another_token| Bootstrap {
            account: world.account.clone(), email: "admin@acme.example".into(), another_token,
        };
        let (db, rng, now) = (&world.app.db, &world.app.rng, world.app.clock.now());
        let again = bootstrap(db, rng, now, wish(false)).await.unwrap_err();
        assert!(again.message().contains("--another-token"), "{again}");
        let more = bootstrap(db, rng, now, wish(true)).await.unwrap();
        assert_eq!(more.user.as_str(), world.admin_id);
        assert_ne!(more.token.expose(), world.admin_token());
    }
}
