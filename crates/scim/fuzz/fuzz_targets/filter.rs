//! Any text as a filter: read, written, read again; resolved and held against resources.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim::{Catalogue, Dialect, Filter, Mender};
use serde_json::json;

fuzz_target!(|text: &str| {
    if let Ok(filter) = Filter::parse(text) {
        let written = filter.to_string();
        let again = Filter::parse(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(again, filter, "{written}");
    }
    let resource = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "Ada", "active": true,
        "emails": [{"value": "ada@x", "type": "work", "primary": true}], "x509Certificates": [{"value": "QQ=="}],
        "meta": {"resourceType": "User", "created": "2026-01-01T00:00:00Z"}, "members": [{"value": "2"}]
    });
    let catalogue = Catalogue::standard();
    for kind in &catalogue.types {
        for dialect in [Dialect::Strict, Dialect::Auto] {
            if let Ok(expr) = Filter::compile(text, kind, &mut Mender::new(dialect)) {
                expr.matches(&resource);
            }
        }
    }
});
