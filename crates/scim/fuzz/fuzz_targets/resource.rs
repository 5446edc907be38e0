//! Any JSON as the body of a create or a bulk request: what is accepted is accepted again, unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim::bulk::Plan;
use scim::list::ListQuery;
use scim::{Catalogue, Dialect, Mender, resource};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let catalogue = Catalogue::standard();
    for dialect in [Dialect::Strict, Dialect::Auto] {
        for kind in &catalogue.types {
            let Ok(accepted) = resource::create(kind, body.clone(), &mut Mender::new(dialect)) else {
                continue;
            };
            let again = resource::create(kind, accepted.document.clone(), &mut Mender::new(Dialect::Strict));
            assert_eq!(again.map(|again| again.document), Ok(accepted.document));
        }
        if let Ok(plan) = Plan::parse(body.clone(), &catalogue, 100, &mut Mender::new(dialect)) {
            let mut order = plan.order.clone();
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..plan.entries.len()), "each operation comes once");
            let made = vec![Some("made".to_owned()); plan.entries.len()];
            for at in plan.order.iter().copied() {
                let _ = plan.resolve(at, &made);
            }
        }
    }
    let _ = ListQuery::from_search(body, &mut Mender::new(Dialect::Auto));
});
