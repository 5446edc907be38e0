//! Statements of the SCIM contract that belong to the core alone, by their ids.

use scim::schema::{Mutability, Returned, Uniqueness};
use scim::standard::{ENTERPRISE_URN, GROUP_URN, USER_URN};
use scim::{Attribute, Catalogue, Dialect, Filter, Mender, PatchRequest, ScimType, Type, resource};
use serde_json::{Value, json};

/// Ids of those of the list that the filter matches.
fn matching(filter: &str, list: &[Value]) -> Vec<i64> {
    let catalogue = Catalogue::standard();
    let user = catalogue.resource_type("User").expect("the standard type");
    let expr = Filter::compile(filter, user, &mut Mender::new(Dialect::Strict))
        .unwrap_or_else(|error| panic!("{filter}: {error}"));
    list.iter().filter(|one| expr.matches(one)).filter_map(|one| one["number"].as_i64()).collect()
}

fn people() -> Vec<Value> {
    vec![
        json!({
            "number": 1, "schemas": [USER_URN, ENTERPRISE_URN], "id": "1", "userName": "Ada", "externalId": "X1",
            "title": "Countess", "active": true,
            "emails": [{"value": "ada@work.example", "type": "work"}, {"value": "ada@home.example", "type": "home"}],
            "meta": {"resourceType": "User", "created": "2026-01-01T00:00:00Z"},
            (ENTERPRISE_URN): {"department": "R&D", "manager": {"value": "M1"}}
        }),
        json!({
            "number": 2, "schemas": [USER_URN], "id": "2", "userName": "bob", "active": false,
            "emails": [{"value": "bob@home.example", "type": "home"}],
            "meta": {"resourceType": "User", "created": "2026-02-01T00:00:00Z"}
        }),
    ]
}

#[test]
fn sch_5_defaults_of_an_attribute() {
    let plain = Attribute::new("x", Type::String, "For the test.");
    assert!(!plain.case_exact && !plain.required && !plain.multi_valued);
    assert_eq!(plain.mutability, Mutability::ReadWrite);
    assert_eq!(plain.returned, Returned::Default);
    assert_eq!(plain.uniqueness, Uniqueness::None);
}

#[test]
fn sch_9_any_type_may_be_written() {
    let catalogue = Catalogue::standard();
    let user = catalogue.resource_type("User").unwrap();
    let body =
        json!({"schemas": [USER_URN], "userName": "a", "emails": [{"value": "a@b", "type": "castle"}]});
    let accepted = resource::create(user, body, &mut Mender::new(Dialect::Strict)).unwrap();
    assert_eq!(accepted.document["emails"][0]["type"], "castle");
}

#[test]
fn sch_15_the_enterprise_user_is_complete() {
    let catalogue = Catalogue::standard();
    let schema = catalogue.schema(ENTERPRISE_URN).unwrap();
    let names: Vec<&str> = schema.attributes.iter().map(|attr| attr.name.as_str()).collect();
    assert_eq!(names, ["employeeNumber", "costCenter", "organization", "division", "department", "manager"]);
    let manager = schema.attributes.get("manager").unwrap();
    let subs: Vec<&str> = manager.sub.iter().map(|sub| sub.name.as_str()).collect();
    assert_eq!(subs, ["value", "$ref", "displayName"]);
}

#[test]
fn sch_1_schemas_of_a_patch_must_name_it_in_strict() {
    let catalogue = Catalogue::standard();
    let group = catalogue.resource_type("Group").unwrap();
    let body = json!({"schemas": [GROUP_URN], "Operations": [{"op": "remove", "path": "members"}]});
    let strict = PatchRequest::parse(body.clone(), group, &mut Mender::new(Dialect::Strict));
    assert_eq!(strict.unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
    assert!(PatchRequest::parse(body, group, &mut Mender::new(Dialect::Auto)).is_ok());
}

#[test]
fn f_1_operators_in_any_case() {
    let people = people();
    for (filter, ids) in [
        ("userName eq \"ADA\"", &[1][..]),
        ("USERNAME EQ \"ada\"", &[1]),
        ("username Ne \"ada\"", &[2]),
        ("userName co \"d\"", &[1]),
        ("userName sW \"B\"", &[2]),
        ("userName EW \"OB\"", &[2]),
        ("title PR", &[1]),
        ("userName gt \"ada\"", &[2]),
        ("userName ge \"ada\"", &[1, 2]),
        ("userName lt \"bob\"", &[1]),
        ("userName LE \"bob\"", &[1, 2]),
        ("title pr AND active EQ True", &[1]),
        ("title pr Or active eq FALSE", &[1, 2]),
        ("NOT (title pr)", &[2]),
    ] {
        assert_eq!(matching(filter, &people), ids, "{filter}");
    }
}

#[test]
fn f_3_any_value_of_a_list_may_match() {
    assert_eq!(matching("emails.value eq \"ADA@home.example\"", &people()), [1]);
    assert_eq!(matching("emails.type eq \"home\"", &people()), [1, 2]);
}

#[test]
fn f_7_times_compare_as_instants() {
    for filter in [
        "meta.created eq \"2026-01-01T01:00:00+01:00\"",
        "meta.created le \"2025-12-31T19:00:00.000-05:00\"",
        "meta.created lt \"2026-01-31T23:59:59.999999Z\"",
    ] {
        assert_eq!(matching(filter, &people()), [1], "{filter}");
    }
}

#[test]
fn f_10_conditions_in_brackets_are_about_one_element() {
    assert_eq!(matching("emails[type eq \"work\" and value co \"home\"]", &people()), [0; 0]);
    assert_eq!(matching("emails.type eq \"work\" and emails.value co \"home\"", &people()), [1]);
    assert_eq!(matching("emails[type eq \"home\" and value co \"home\"]", &people()), [1, 2]);
}

#[test]
fn f_11_names_with_their_urn() {
    for filter in [
        format!("{USER_URN}:userName eq \"ada\""),
        format!("{}:username eq \"ada\"", USER_URN.to_uppercase()),
        format!("{ENTERPRISE_URN}:department eq \"r&d\""),
        format!("{ENTERPRISE_URN}:manager.value eq \"M1\""),
        format!("{USER_URN}:emails[type eq \"work\"]"),
    ] {
        assert_eq!(matching(&filter, &people()), [1], "{filter}");
    }
}

#[test]
fn f_13_what_every_resource_has() {
    for filter in [
        format!("schemas eq \"{ENTERPRISE_URN}\""),
        "externalId eq \"X1\"".into(),
        "id eq \"1\"".into(),
        "meta.created lt \"2026-01-02T00:00:00Z\"".into(),
    ] {
        assert_eq!(matching(&filter, &people()), [1], "{filter}");
    }
    assert_eq!(matching("meta.resourceType eq \"User\"", &people()), [1, 2]);
    assert_eq!(matching("externalId eq \"x1\"", &people()), [0; 0], "sch_12: case counts");
}

#[test]
fn f_18_hostile_filters_are_refused_at_once() {
    let catalogue = Catalogue::standard();
    let user = catalogue.resource_type("User").unwrap();
    let deep = format!("{}title pr{}", "(".repeat(10_000), ")".repeat(10_000));
    let nots = format!("{}title pr{}", "not(".repeat(1_000), ")".repeat(1_000));
    let wide = vec!["title pr"; 5_000].join(" or ");
    let long = format!("title eq \"{}\"", "x".repeat(1 << 20));
    for filter in [deep, nots, wide, long] {
        let error = Filter::compile(&filter, user, &mut Mender::new(Dialect::Auto)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidFilter));
        assert!(error.detail.len() < 1_000);
    }
}

#[test]
fn pa_10_members_under_their_urn_are_added_to_the_others() {
    let catalogue = Catalogue::standard();
    let group = catalogue.resource_type("Group").expect("the standard type");
    let qualified = format!("{GROUP_URN}:members");
    let body = json!({
        "schemas": [GROUP_URN], "displayName": "g", "members": [{"value": "1"}, {"value": "2"}],
        (qualified): [{"value": "2"}, {"value": "3"}], (GROUP_URN): {"members": [{"value": "4"}]}
    });
    let accepted = resource::create(group, body, &mut Mender::new(Dialect::Auto)).expect("it is sound");
    let ids: Vec<_> = accepted.detached[0].values.iter().map(|element| element["value"].clone()).collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
}

#[test]
fn f_18_a_comparison_counts_once_wherever_it_stands() {
    for (term, each) in [
        ("title pr", 1),
        ("emails[type pr]", 1),
        ("emails[type pr].value pr", 2),
        ("emails[type pr and value pr]", 2),
        ("(title pr)", 1),
    ] {
        let filter = |terms: usize| Filter::parse(&vec![term; terms].join(" or "));
        assert!(filter(256 / each).is_ok(), "{term}");
        let error = filter(256 / each + 1).unwrap_err();
        assert!(error.detail.contains("more than 256 comparisons"), "{error}");
    }
}

#[test]
fn f_19_ne_matches_what_lacks_the_attribute() {
    assert_eq!(matching("title ne \"Countess\"", &people()), [2]);
    assert_eq!(matching("nickName ne \"x\"", &people()), [1, 2]);
    assert_eq!(matching("not (nickName eq \"x\")", &people()), [1, 2]);
}
