//! Any text as the path of a PATCH operation, and as a name to sort by and to show.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim::path::PatchPath;
use scim::{Catalogue, Dialect, Mender, Projection, SortBy};
use serde_json::json;

fuzz_target!(|text: &str| {
    let catalogue = Catalogue::standard();
    for kind in &catalogue.types {
        for dialect in [Dialect::Strict, Dialect::Auto] {
            let mut mender = Mender::new(dialect);
            if let Ok(path) = PatchPath::parse(text) {
                let _ = path.resolve(kind, &mut mender);
            }
            let _ = SortBy::parse(kind, Some(text), Some("descending"), &mut mender);
        }
        for (only, except) in [(Some(text), None), (None, Some(text))] {
            let shown = Projection::parse(kind, only, except).expect("one list is fine");
            let mut resource =
                json!({"id": "1", "userName": "Ada", "name": {"givenName": "A"}, "emails": [{"value": "x"}]});
            shown.apply(kind, &mut resource);
            assert_eq!(resource["id"], "1", "what is always returned stays");
        }
    }
});
