//! Discovery documents (RFC 7643 §5–§7, RFC 7644 §4): the server's configuration, its schemas and its
//! resource types as JSON. They are made from the data that validates requests, so they cannot differ.

use serde_json::{Map, Value, json};

use crate::schema::{Attribute, Catalogue, ResourceType, Schema, Type};

/// URN of the `ServiceProviderConfig` schema.
pub const CONFIG_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// URN of the Schema schema.
pub const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// URN of the `ResourceType` schema.
pub const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/// What a server offers, with its limits.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // features of RFC 7643 §5 are independent switches
pub struct Features {
    /// Whether `/Bulk` is served; the limits are published either way.
    pub bulk: bool,
    /// Most operations in one bulk request.
    pub bulk_max_operations: u32,
    /// Largest bulk body, in bytes.
    pub bulk_max_payload_bytes: u64,
    /// Most resources in one response.
    pub filter_max_results: u32,
    /// Whether clients may change passwords.
    pub change_password: bool,
    /// Whether `sortBy` is served.
    pub sort: bool,
    /// Whether `ETag` and conditional requests are served.
    pub etag: bool,
    /// Cursor paging (RFC 9865), if served.
    pub cursor: Option<CursorLimits>,
    /// Where humans read more.
    pub documentation_uri: Option<String>,
    /// URIs of the security events the server sends (RFC 9967); empty while events are off.
    pub security_event_uris: Vec<String>,
}

/// Limits of cursor paging.
#[derive(Debug, Clone, Copy)]
pub struct CursorLimits {
    /// Page size without `count`.
    pub default_page_size: u32,
    /// Largest page.
    pub max_page_size: u32,
    /// How long a cursor lives, in seconds.
    pub timeout_secs: u32,
}

/// The `ServiceProviderConfig` (RFC 7643 §5). `base_url` has no slash at its end.
pub fn service_provider_config(features: &Features, base_url: &str) -> Value {
    let supported = |flag: bool| json!({ "supported": flag });
    let mut config = json!({
        "schemas": [CONFIG_URN],
        "patch": supported(true),
        "bulk": {
            "supported": features.bulk,
            "maxOperations": features.bulk_max_operations,
            "maxPayloadSize": features.bulk_max_payload_bytes,
        },
        "filter": { "supported": true, "maxResults": features.filter_max_results },
        "changePassword": supported(features.change_password),
        "sort": supported(features.sort),
        "etag": supported(features.etag),
        "pagination": pagination(features),
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A personal access token, a service account token or a JWT of a trusted issuer in \
                            the Authorization header.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
    });
    if let Some(uri) = &features.documentation_uri {
        config["documentationUri"] = json!(uri);
    }
    if !features.security_event_uris.is_empty() {
        config["securityEvents"] =
            json!({ "asyncRequest": "none", "eventUris": features.security_event_uris });
    }
    config["meta"] = json!({
        "resourceType": "ServiceProviderConfig",
        "location": format!("{base_url}/ServiceProviderConfig"),
    });
    config
}

/// RFC 9865 §4.
fn pagination(features: &Features) -> Value {
    let mut block = json!({
        "cursor": features.cursor.is_some(),
        "index": true,
        "defaultPaginationMethod": "index",
    });
    if let Some(limits) = features.cursor {
        block["defaultPageSize"] = json!(limits.default_page_size);
        block["maxPageSize"] = json!(limits.max_page_size);
        block["cursorTimeout"] = json!(limits.timeout_secs);
    }
    block
}

impl Schema {
    /// The schema as a resource of `/Schemas` (RFC 7643 §7).
    pub fn to_json(&self, base_url: &str) -> Value {
        json!({
            "schemas": [SCHEMA_URN],
            "id": self.urn,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes.iter().map(|attr| attr.to_json()).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base_url}/Schemas/{}", self.urn) },
        })
    }
}

impl Attribute {
    /// The definition with all characteristics that go with its type.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
        put("name", json!(self.name));
        put("type", json!(self.kind.as_str()));
        put("multiValued", json!(self.multi_valued));
        put("description", json!(self.description));
        put("required", json!(self.required));
        if matches!(self.kind, Type::String | Type::Reference | Type::Binary) {
            put("caseExact", json!(self.case_exact));
        }
        put("mutability", json!(self.mutability.as_str()));
        put("returned", json!(self.returned.as_str()));
        put("uniqueness", json!(self.uniqueness.as_str()));
        if !self.canonical_values.is_empty() {
            put("canonicalValues", json!(self.canonical_values));
        }
        if !self.reference_types.is_empty() {
            put("referenceTypes", json!(self.reference_types));
        }
        if self.kind == Type::Complex {
            put("subAttributes", self.sub.iter().map(|sub| sub.to_json()).collect());
        }
        Value::Object(out)
    }
}

impl ResourceType {
    /// The resource type as a resource of `/ResourceTypes` (RFC 7643 §6).
    pub fn to_json(&self, base_url: &str) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|ext| json!({ "schema": ext.schema.urn, "required": ext.required }))
            .collect();
        json!({
            "schemas": [RESOURCE_TYPE_URN],
            "id": self.name,
            "name": self.name,
            "endpoint": format!("/{}", self.endpoint),
            "description": self.description,
            "schema": self.base.urn,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base_url}/ResourceTypes/{}", self.name),
            },
        })
    }
}

impl Catalogue {
    /// All resources of `/Schemas`.
    pub fn schemas_json(&self, base_url: &str) -> Vec<Value> {
        self.schemas().into_iter().map(|schema| schema.to_json(base_url)).collect()
    }

    /// All resources of `/ResourceTypes`.
    pub fn types_json(&self, base_url: &str) -> Vec<Value> {
        self.types.iter().map(|kind| kind.to_json(base_url)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Features {
        Features {
            bulk: false,
            bulk_max_operations: 1000,
            bulk_max_payload_bytes: 1 << 20,
            filter_max_results: 200,
            change_password: true,
            sort: true,
            etag: true,
            cursor: None,
            documentation_uri: None,
            security_event_uris: Vec::new(),
        }
    }

    #[test]
    fn d_1_config_has_every_limit_and_a_complete_bulk_block() {
        let config = service_provider_config(&features(), "https://x/scim");
        assert_eq!(
            config["bulk"],
            json!({"supported": false, "maxOperations": 1000, "maxPayloadSize": 1_048_576})
        );
        for name in ["patch", "filter", "changePassword", "sort", "etag"] {
            assert!(config[name]["supported"].is_boolean(), "{name}");
        }
        assert_eq!(config["filter"]["maxResults"], 200);
        assert_eq!(config["meta"]["location"], "https://x/scim/ServiceProviderConfig");
        assert_eq!(config.get("securityEvents"), None);
        assert_eq!(config["pagination"]["cursor"], false);
        let cursor = CursorLimits { default_page_size: 50, max_page_size: 200, timeout_secs: 600 };
        let more = Features { cursor: Some(cursor), security_event_uris: vec!["urn:x".into()], ..features() };
        let config = service_provider_config(&more, "");
        assert_eq!(config["pagination"]["maxPageSize"], 200);
        assert_eq!(config["securityEvents"]["eventUris"], json!(["urn:x"]));
    }

    #[test]
    fn d_1_schemas_are_complete() {
        let catalogue = Catalogue::standard();
        let schemas = catalogue.schemas_json("https://x");
        assert_eq!(schemas.len(), 3);
        assert_eq!(catalogue.schema("URN:ietf:params:scim:schemas:core:2.0:user").unwrap().name, "User");
        let user = &schemas[0];
        let names: Vec<&str> =
            user["attributes"].as_array().unwrap().iter().filter_map(|a| a["name"].as_str()).collect();
        assert_eq!(names.len(), 21, "{names:?}");
        let password = &user["attributes"][11];
        assert_eq!(
            password,
            &json!({
                "name": "password", "type": "string", "multiValued": false,
                "description": "Clear-text password, accepted and never returned.", "required": false,
                "caseExact": true, "mutability": "writeOnly", "returned": "never", "uniqueness": "none"
            })
        );
        let location = format!("https://x/Schemas/{}", crate::standard::USER_URN);
        assert_eq!(user["meta"]["location"], location);
        for schema in &schemas {
            for attr in schema["attributes"].as_array().unwrap() {
                assert_eq!(attr["type"] == "complex", attr.get("subAttributes").is_some());
                assert!(!attr["description"].as_str().unwrap().is_empty());
            }
        }
    }

    #[test]
    fn d_1_resource_types() {
        let types = Catalogue::standard().types_json("https://x");
        assert_eq!(types[0]["schemaExtensions"][0]["schema"], crate::standard::ENTERPRISE_URN);
        assert_eq!(types[1]["endpoint"], "/Groups");
        assert_eq!(types[1]["meta"]["location"], "https://x/ResourceTypes/Group");
    }
}
