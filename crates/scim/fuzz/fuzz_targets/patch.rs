//! Any JSON as a PATCH body: what comes out is a document that strict accepts as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim::{Catalogue, Dialect, Mender, PatchRequest, index_keys, resource};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let catalogue = Catalogue::standard();
    for kind in &catalogue.types {
        let before = json!({
            "schemas": [kind.base.urn], "userName": "ada", "displayName": "Ada", "active": true,
            "name": {"givenName": "Ada"}, "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x"}]
        });
        let before =
            resource::create(kind, before, &mut Mender::new(Dialect::Auto)).expect("it fits").document;
        for dialect in [Dialect::Strict, Dialect::Auto] {
            let mut mender = Mender::new(dialect);
            let Ok(request) = PatchRequest::parse(body.clone(), kind, &mut mender) else { continue };
            let Ok(outcome) = request.apply(kind, before.clone(), &mut mender) else { continue };
            index_keys(kind, &outcome.document);
            let again = resource::create(kind, outcome.document.clone(), &mut Mender::new(Dialect::Strict));
            assert_eq!(again.map(|accepted| accepted.document), Ok(outcome.document));
        }
    }
});
