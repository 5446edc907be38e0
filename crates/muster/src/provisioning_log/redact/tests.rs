//! What is blacked out of requests, case by case.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Members that name an attribute.
const NAMING: [&str; 8] =
    ["path", "target", "attribute", "attr", "field", "property", "attributePath", "paths"];

fn secrets() -> Secrets {
    Secrets::of(&Catalogue::standard())
}

fn shown(mut value: Value) -> (Value, Vec<String>) {
    let mut found = Found::default();
    secrets().value(&mut value, &mut found);
    (value, found.places)
}

#[test]
fn members_by_name_in_any_spelling_at_any_depth() {
    let (value, places) = shown(json!({
        "userName": "a", "PassWord": "x", "pass_word": ["x", {"y": "x"}], "nested": [{"api-key": 7, "title": "t"}],
        "urn:ietf:params:scim:schemas:core:2.0:User:password": "x", "emails[type eq \"x\"].password": "x",
        "password": null
    }));
    assert_eq!(value["userName"], "a");
    assert_eq!(value["nested"][0]["title"], "t");
    assert!(!value.to_string().contains("\"x\"") && !value.to_string().contains('7'), "{value}");
    assert_eq!(value["password"], Value::Null);
    assert!(places.contains(&"/pass_word".to_owned()) && places.contains(&"/nested/0/api-key".to_owned()));
}

#[test]
fn operations_and_pairs_that_name_a_secret() {
    for body in [
        json!({"op": "replace", "path": "password", "value": "marker"}),
        json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:PASSWORD", "value": {"a": "marker"}}),
        json!({"op": "replace", "path": " password", "value": "marker"}),
        json!({"op": "replace", "path": "\u{a0}urn:ietf:params:scim:schemas:core:2.0:User:password\t ", "value": "marker"}),
        json!({"path": "password", "values": ["marker"]}),
        json!({"target": "password", "newValue": "marker"}),
        json!({"privKey": "marker", "signing_key": "marker", "pass-code": "marker", "AccessKey": "marker"}),
        json!({"op": "remove", "path": "password[value eq \"marker\"]", "value": "marker"}),
        json!({"name": "token", "value": "marker"}),
        json!(["password", "marker", ["marker"]]),
        json!({"filter": "password eq \"marker\""}),
        json!({"note": "{\"password\": \"marker\"}"}),
        json!({"op": "replace", "path": "password", "value": "marker", "old": "marker", "from": ["marker"], "data": {"a": 1}}),
        json!({"op": "replace", "path": ["password"], "value": "marker"}),
        json!({"op": "replace", "path": {"name": "password"}, "value": "marker"}),
        json!({"op": "replace", "path": {"password": null}, "value": "marker"}),
        json!({"op": "replace", "attributeName": "password", "value": "marker"}),
        json!({"op": "replace", "attributePath": "password", "to": "marker"}),
        json!({"field": "password", "old": "marker"}),
        json!({"property": "urn:x:y:password", "id": "marker"}),
        json!({"fields": ["title", "password"], "rows": [["t", "marker"]]}),
        json!({"path": "pin", "value": "marker"}),
        json!({"otp": "marker", "userPIN": "marker", "pass": "marker", "pinCode": ["marker"]}),
        json!(["password", {"old": "marker"}]),
        json!({"note": "password%3Dmarker"}),
        json!({"path": "/Users?access_token=marker", "data": {"password": {"deep": [{"marker": 1}]}}}),
    ] {
        let (value, places) = shown(body.clone());
        assert!(!value.to_string().contains("marker") && !places.is_empty(), "{body} -> {value}");
    }
    let (value, places) =
        shown(json!({"attributes": ["password", "userName"], "schemas": ["urn:x:Password:1"]}));
    assert_eq!(
        (value["attributes"][0].as_str(), value["schemas"][0].as_str().is_some()),
        (Some("password"), true)
    );
    assert_eq!(places, ["/attributes/1"], "in doubt it is blacked out");
}

#[test]
fn what_is_called_like_a_secret_keeps_what_it_is() {
    for body in [
        json!({"schemas": ["urn:x"], "userName": "token-bot", "displayName": "Secret Santa", "title": "Pwd"}),
        json!({"schemas": ["urn:x"], "name": {"familyName": "Bearer", "givenName": "Pin"}, "nickName": "Pin"}),
        json!({"schemas": ["urn:x"], "name": "token-service", "active": true, "owner": "ada"}),
        json!({"attributes": ["password"], "count": 7, "startIndex": 1}),
        json!({"name": "password", "multiValued": false}),
        json!({"shipping": "x", "passport": "x", "options": [1]}),
    ] {
        assert_eq!(shown(body.clone()), (body, vec![]));
    }
}

#[test]
fn a_token_as_a_name_is_blacked_out() {
    let token = "pat.acme.00000000-0000-4000-8000-000000000001.marker";
    for body in [json!({(token): "x"}), json!({"op": "add", "value": {"a": {(token): 1}}})] {
        let mut found = Found::default();
        let mut value = body.clone();
        secrets().value(&mut value, &mut found);
        assert!(!value.to_string().contains("marker"), "{value}");
        assert_eq!(found.values, [token], "an answer may quote it");
        assert!(!secrets().is_plain(&body.to_string()));
    }
}

#[test]
fn paths_with_more_than_the_name_of_a_secret() {
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:password";
    for path in [
        "password marker-secret".into(),
        "password.marker-secret".into(),
        "password:marker".into(),
        "title,password marker".into(),
        format!("{urn}.marker"),
        format!("{urn}:marker"),
        "/Users/password:marker".into(),
        "/Users/password%20marker".into(),
        "https://x.example:1/scim/v2/acme/Users/password:marker".into(),
    ] {
        for key in PATHS.into_iter().chain(LISTS).chain(NAMING) {
            for body in [json!({(key): path}), json!({(key): ["title", path]}), json!({(path.as_str()): 1})] {
                let (value, places) = shown(body);
                assert!(!value.to_string().contains("marker") && !places.is_empty(), "{path} -> {value}");
            }
        }
        let shown = secrets().path(&path).into_owned();
        assert!(!shown.contains("marker"), "{shown}");
    }
    assert_eq!(secrets().path("/Users/%70assword=marker"), REDACTED);
    let (value, _) = shown(json!({"op": "add", "path": "password x", "value": "marker"}));
    assert!(!value.to_string().contains("marker"), "{value}");
}

#[test]
fn paths_that_only_name_a_secret_are_shown() {
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:password";
    for path in
        ["password", " password ", urn, "user.password", "urn:a:secret:1.0:User", "/Tokens/7", "/Users/a b"]
    {
        for key in PATHS.into_iter().chain(NAMING) {
            let body = json!({(key): path});
            assert_eq!(shown(body.clone()), (body, vec![]));
        }
    }
    for path in ["https://token.example/scim/v2/token-1/Users/7.b", "title,name.familyName, emails"] {
        let body = json!({"location": path, "attributes": path});
        assert_eq!(shown(body.clone()).0["location"], path);
    }
    let lists = json!({"attributes": "userName,password", "excludedAttributes": "password, title"});
    assert_eq!(shown(lists.clone()), (lists, vec![]));
    let words = json!({"displayName": "Password Keepers", "note": "Token of thanks."});
    assert_eq!(shown(words.clone()), (words, vec![]), "a text is no path");
}

#[test]
fn tokens_by_their_shape() {
    let secrets = secrets();
    let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln";
    for text in [format!("see {jwt} here"), "sat.acme.id.abcdef".into(), format!("x={jwt}&y=1")] {
        let shown = secrets.text(&text);
        assert!(shown.contains(REDACTED) && !shown.contains("c2ln") && !shown.contains("abcdef"), "{shown}");
    }
    assert_eq!(secrets.text("satellite. eyJ"), "satellite. eyJ");
    assert!(!secrets.is_plain(jwt) && secrets.is_plain("{\"userName\": \"bjensen\"}"));
}

#[test]
fn queries_show_what_is_known() {
    let (shown, black) =
        secrets().query("filter=userName%20eq%20%22a%22&count=2&access_token=m&x=m2", &mut Found::default());
    assert_eq!(shown, "filter=userName+eq+%22a%22&count=2&access_token=%5Bredacted%5D&x=%5Bredacted%5D");
    assert!(black);
    let (shown, black) = secrets().query("FILTER=passWord+eq+%22marker%22", &mut Found::default());
    assert!(black && !shown.contains("marker"), "{shown}");
    for query in [
        "attributes=password+marker",
        "sortBy=password.marker-secret",
        "filter=password.marker",
        "password.marker",
    ] {
        let mut found = Found::default();
        let (shown, black) = secrets().query(query, &mut found);
        assert!(black && !shown.contains("marker") && found.values.len() == 1, "{shown}");
    }
    let plain = "attributes=userName%2Cpassword&sortBy=password";
    assert_eq!(secrets().query(plain, &mut Found::default()), (plain.into(), false));
    assert_eq!(
        secrets().query("aadOptscim062020&count=1", &mut Found::default()),
        ("aadOptscim062020=&count=1".into(), false)
    );
}

#[test]
fn what_a_schema_keeps_to_itself_is_a_secret() {
    let mut catalogue = Catalogue::standard();
    let mut user = (*catalogue.types[0]).clone();
    let mut base = (*user.base).clone();
    let mut pin = Attribute::new("doorPin", scim::schema::Type::String, "");
    pin.returned = Returned::Never;
    base.attributes =
        scim::schema::Attributes::new(base.attributes.iter().cloned().chain([pin.into()]).collect());
    user.base = base.into();
    catalogue.types[0] = user.into();
    let secrets = Secrets::of(&catalogue);
    assert!(
        secrets.is_secret("DOORPIN") && secrets.is_secret("urn:x:y:door_pin") && !secrets.is_secret("door")
    );
    assert!(!secrets.is_plain("{\"doorPIN\": 1}") && secrets.is_plain("{\"door\": 1}"));
}

/// Documents with a marker under a secret's name somewhere.
fn document(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!("plain")), Just(json!(1)), Just(Value::Null), Just(json!(true))];
    leaf.prop_recursive(depth, 64, 6, |inner| {
        let name =
            prop_oneof![Just("userName"), Just("emails"), Just("value"), Just("Operations"), Just("x y")];
        let secret = prop_oneof![
            Just("password"),
            Just("PASSWORD"),
            Just("pass-word"),
            Just("p.assword"),
            Just("pass\tword"),
            Just("pass\nword"),
            Just("userPassword"),
            Just("urn:ietf:params:scim:schemas:core:2.0:User:password"),
            Just("Authorization"),
            Just("access_token")
        ];
        let marker = prop_oneof![
            Just(json!("MARKER")),
            Just(json!(["MARKER", {"MARKER": "MARKER"}])),
            Just(json!({"value": "MARKER"}))
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner.clone(), 0..4).prop_map(|m| json!(m)),
            (secret.clone(), marker.clone(), inner)
                .prop_map(|(name, marker, other)| json!({(name): marker, "o": other})),
            (secret.clone(), marker.clone())
                .prop_map(|(name, marker)| json!({"op": "add", "path": name, "value": marker})),
            (secret, marker).prop_map(|(name, marker)| json!({"op": "add", "value": {(name): marker}})),
        ]
    })
}

proptest! {
    #[test]
    fn the_marker_never_shows(document in document(5)) {
        let secrets = secrets();
        let text = document.to_string();
        let (value, _) = shown(document);
        prop_assert!(!value.to_string().contains("MARKER"), "{}", value);
        if text.contains("MARKER") {
            prop_assert!(!secrets.is_plain(&text), "{}", text);
        }
    }

    #[test]
    fn words_are_found_whatever_stands_between_their_letters(
        parts in prop::collection::vec(
            "[a-zé]{0,3}|[-_.\"{}: ]{1,3}|[Pp]ass|Word|to|KEN|se.?c_ret|PIN|[0-9]", 0..12
        ),
    ) {
        let secrets = Secrets::with(vec!["doorpin".into()]);
        let text = parts.concat();
        let left = String::from_utf8(squeeze(text.as_bytes())).unwrap();
        let holds = WORDS.into_iter().chain(["doorpin"]).any(|word| left.contains(word));
        prop_assert_eq!(secrets.holds_word(&text), holds, "{} {}", text, left);
    }

    #[test]
    fn no_text_is_too_strange(text in ".*") {
        let secrets = secrets();
        let _ = (secrets.text(&text), secrets.is_plain(&text));
        secrets.query(&text, &mut Found::default());
    }
}
