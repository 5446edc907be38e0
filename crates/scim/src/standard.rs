//! The schemas of RFC 7643 §4 and §8.7 as one table: User, Enterprise User, Group and the common
//! attributes of §3.1. Data only: no rule lives here.

use std::sync::{Arc, LazyLock};

use crate::schema::{
    Attribute, Attributes, Catalogue, Extension, Mutability, ResourceType, Returned, Schema, Type, Uniqueness,
};

/// URN of the User schema.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the Group schema.
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the Enterprise User extension.
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl Attribute {
    fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    fn unique(mut self) -> Self {
        self.uniqueness = Uniqueness::Server;
        self
    }

    fn read_only(mut self) -> Self {
        self.mutability = Mutability::ReadOnly;
        self
    }

    fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    fn always(mut self) -> Self {
        self.returned = Returned::Always;
        self
    }

    fn on_request(mut self) -> Self {
        self.returned = Returned::Request;
        self
    }

    fn canonical(mut self, values: &[&str]) -> Self {
        self.canonical_values = values.iter().map(|&value| value.to_owned()).collect();
        self
    }

    fn pointing_to(mut self, types: &[&str]) -> Self {
        self.reference_types = types.iter().map(|&kind| kind.to_owned()).collect();
        self
    }

    fn multi(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    fn with(mut self, sub: Vec<Attribute>) -> Self {
        self.sub = Attributes::new(sub.into_iter().map(Arc::new).collect());
        self
    }
}

fn text(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Type::String, description)
}

fn boolean(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Type::Boolean, description)
}

fn reference(name: &str, types: &[&str], description: &str) -> Attribute {
    Attribute::new(name, Type::Reference, description).pointing_to(types)
}

fn complex(name: &str, description: &str, sub: Vec<Attribute>) -> Attribute {
    Attribute::new(name, Type::Complex, description).with(sub)
}

/// A multi-valued complex attribute with the usual sub-attributes of RFC 7643 §2.4.
fn plural(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let sub = vec![
        value,
        text("display", "Name of this value for humans."),
        text("type", "What the value is used for.").canonical(types),
        boolean("primary", "Whether this is the preferred value; true at most once."),
    ];
    complex(name, description, sub).multi()
}

fn name_attribute() -> Attribute {
    let sub = vec![
        text("formatted", "Full name with all parts, ready for display."),
        text("familyName", "Family name, or last name in most Western languages.").indexed(),
        text("givenName", "Given name, or first name in most Western languages.").indexed(),
        text("middleName", "Middle names."),
        text("honorificPrefix", "Titles before the name, such as Ms."),
        text("honorificSuffix", "Suffixes after the name, such as III."),
    ];
    complex("name", "The parts of the user's real name.", sub)
}

fn addresses() -> Attribute {
    let sub = vec![
        text("formatted", "The whole address, ready for a label; may hold line breaks."),
        text("streetAddress", "Street, house number, post-office box and the like."),
        text("locality", "City."),
        text("region", "State or region."),
        text("postalCode", "ZIP or postal code."),
        text("country", "Country as an ISO 3166-1 code of two letters."),
        text("type", "What the address is used for.").canonical(&["work", "home", "other"]),
        boolean("primary", "Whether this is the preferred address; true at most once."),
    ];
    complex("addresses", "Postal addresses.", sub).multi()
}

fn user_groups() -> Attribute {
    let sub = vec![
        text("value", "Id of the group.").exact().read_only(),
        reference("$ref", &["User", "Group"], "URI of the group.").read_only(),
        text("display", "Name of the group for humans.").read_only(),
        text("type", "How the user is a member.").canonical(&["direct", "indirect"]).read_only(),
    ];
    complex("groups", "Groups the user belongs to; changed through the groups.", sub).multi().read_only()
}

/// Single-valued attributes of a User (RFC 7643 §4.1.1).
fn user_singular() -> Vec<Attribute> {
    let mut password = text("password", "Clear-text password, accepted and never returned.").exact();
    password.mutability = Mutability::WriteOnly;
    password.returned = Returned::Never;
    vec![
        text("userName", "Name to sign in with; unique in the account.").required().unique().indexed(),
        name_attribute(),
        text("displayName", "Name of the user for display.").indexed(),
        text("nickName", "Casual name."),
        reference("profileUrl", &["external"], "URL of the user's profile."),
        text("title", "Job title.").indexed(),
        text("userType", "Relation to the organization, such as Employee."),
        text("preferredLanguage", "Preferred languages as in an Accept-Language header."),
        text("locale", "Locale for currency, dates and numbers, such as en-US."),
        text("timezone", "Time zone by its IANA name, such as Europe/Berlin."),
        boolean("active", "Whether the user may use the service."),
        password,
    ]
}

/// Multi-valued attributes of a User (RFC 7643 §4.1.2).
fn user_plural() -> Vec<Attribute> {
    let home = &["work", "home", "other"];
    let phones = &["work", "home", "mobile", "fax", "pager", "other"];
    let messengers = &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"];
    let photo = reference("value", &["external"], "URL of a photo.");
    let certificate = Attribute::new("value", Type::Binary, "DER certificate, base64.");
    vec![
        plural("emails", "E-mail addresses.", text("value", "E-mail address.").indexed(), home),
        plural("phoneNumbers", "Phone numbers.", text("value", "Phone number.").indexed(), phones),
        plural("ims", "Instant messaging addresses.", text("value", "Address."), messengers),
        plural("photos", "Photos.", photo, &["photo", "thumbnail"]),
        addresses(),
        user_groups(),
        plural("entitlements", "Entitlements.", text("value", "Entitlement."), &[]),
        plural("roles", "Roles.", text("value", "Role."), &[]),
        plural("x509Certificates", "Certificates.", certificate, &[]),
    ]
}

fn user_schema() -> Schema {
    Schema {
        urn: USER_URN.into(),
        name: "User".into(),
        description: "User account".into(),
        alias: None,
        legacy_urns: vec!["urn:scim:schemas:core:1.0".into(), "urn:scim:schemas:core:1.0:User".into()],
        attributes: attributes(user_singular().into_iter().chain(user_plural())),
    }
}

fn enterprise_schema() -> Schema {
    let manager = vec![
        text("value", "Id of the manager's user.").exact().indexed(),
        reference("$ref", &["User"], "URI of the manager's user."),
        text("displayName", "Name of the manager for display.").read_only(),
    ];
    Schema {
        urn: ENTERPRISE_URN.into(),
        name: "Enterprise User".into(),
        description: "Enterprise attributes of a user".into(),
        alias: Some("enterprise".into()),
        legacy_urns: vec!["urn:scim:schemas:extension:enterprise:1.0".into()],
        attributes: attributes([
            text("employeeNumber", "Number or code the organization gave the person.").indexed(),
            text("costCenter", "Cost center."),
            text("organization", "Organization."),
            text("division", "Division."),
            text("department", "Department.").indexed(),
            complex("manager", "The user's manager.", manager),
        ]),
    }
}

fn group_schema() -> Schema {
    let member = vec![
        text("value", "Id of the member.").exact().immutable(),
        reference("$ref", &["User", "Group"], "URI of the member.").immutable(),
        text("display", "Name of the member for humans.").read_only().on_request(),
        text("type", "What the member is.").canonical(&["User", "Group"]).immutable(),
    ];
    let mut members = complex("members", "Users and groups in this group.", member).multi();
    members.detached = true;
    Schema {
        urn: GROUP_URN.into(),
        name: "Group".into(),
        description: "Group".into(),
        alias: None,
        legacy_urns: vec!["urn:scim:schemas:core:1.0".into(), "urn:scim:schemas:core:1.0:Group".into()],
        attributes: attributes([
            text("displayName", "Name of the group for humans.").required().indexed(),
            members,
        ]),
    }
}

fn attributes(list: impl IntoIterator<Item = Attribute>) -> Attributes {
    Attributes::new(list.into_iter().map(Arc::new).collect())
}

fn date_time(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Type::DateTime, description).read_only()
}

/// The common attributes every resource has (RFC 7643 §3.1, §3), `schemas` first.
pub(crate) fn common() -> &'static [Arc<Attribute>] {
    static COMMON: LazyLock<Vec<Arc<Attribute>>> = LazyLock::new(|| {
        let meta = vec![
            text("resourceType", "Name of the resource type.").exact().read_only(),
            date_time("created", "When the resource was added."),
            date_time("lastModified", "When the resource last changed."),
            reference("location", &["uri"], "URI of the resource.").read_only(),
            text("version", "Version of the resource, as in its ETag.").exact().read_only(),
        ];
        let schemas = reference("schemas", &["uri"], "URNs of the schemas in use.");
        let mut schemas = schemas.multi().required().always();
        // URNs compare without regard to case.
        schemas.case_exact = false;
        let id = text("id", "Identifier the server made.").exact().read_only().always().unique();
        let external = text("externalId", "Identifier the client uses.").exact().indexed();
        [schemas, id, external, complex("meta", "About the resource.", meta).read_only()]
            .into_iter()
            .map(Arc::new)
            .collect()
    });
    &COMMON
}

/// User with Enterprise User, and Group; built once and shared.
pub(crate) fn catalogue() -> Catalogue {
    static STANDARD: LazyLock<Catalogue> = LazyLock::new(|| {
        let enterprise = Extension { schema: Arc::new(enterprise_schema()), required: false };
        let user = ResourceType::new("User", "Users", Arc::new(user_schema()), vec![enterprise]);
        let group = ResourceType::new("Group", "Groups", Arc::new(group_schema()), Vec::new());
        Catalogue { types: vec![Arc::new(user), Arc::new(group)] }
    });
    STANDARD.clone()
}
