//! What people and programs read: messages that say what to change, stable names, and what is never shown.

use jose::testing::{TestKey, jwks};
use jose::{
    Algorithm, Algorithms, AudiencePolicy, Code, KeySet, KeySetError, KeySetLimits, Outcome, Policy,
    PolicyError, Reason, Refusal, Rule, RuleError, RuleOp, SkipReason, Step, StepReport, Token, TokenType,
    explain,
};
use serde_json::{Value, json};

use crate::support::{self, NOW, claims, key_set, policy, with};

fn key() -> &'static TestKey {
    TestKey::shared(Algorithm::EdDsa)
}

fn key_set_error(text: &str, limits: KeySetLimits) -> String {
    KeySet::parse(text.as_bytes(), &limits).expect_err("no usable set").to_string()
}

#[test]
fn errors_of_key_sets_say_what_to_publish() {
    let limits = KeySetLimits::default();
    assert_eq!(
        key_set_error("{}", KeySetLimits { max_bytes: 1, ..limits }),
        "the key set has 2 bytes; publish at most 1"
    );
    assert_eq!(
        key_set_error(r#"{"keys":[{},{}]}"#, KeySetLimits { max_keys: 1, ..limits }),
        "the key set has 2 keys; publish at most 1"
    );
    assert_eq!(
        key_set_error("<html>", limits),
        "the key set is not strict JSON: unexpected character at byte 0"
    );
    assert_eq!(key_set_error("{}", limits), "not a key set; publish an object {\"keys\":[…]}");
    let empty = "the key set is empty; publish at least one public signature key";
    assert_eq!(key_set_error(r#"{"keys":[]}"#, limits), empty);
    let six = json!({"keys": [{"kty": "oct"}, 1, 2, 3, 4, 5]}).to_string();
    let said = key_set_error(&six, limits);
    assert!(said.contains("[0] symmetric_key (") && said.contains("[4] not_an_object ("), "{said}");
    assert!(!said.contains("[5]"), "{said}");
    let twice = KeySet::parse(br#"{"keys":[],"a":{"b":1,"b":2}}"#, &limits).expect_err("nothing usable");
    assert!(matches!(twice, KeySetError::NoUsableKeys(_)));
}

#[test]
fn errors_of_policies_and_rules_name_the_remedy() {
    for (error, remedy) in [
        (PolicyError::IssuerEmpty, "leave it out"),
        (PolicyError::AudienceEmpty, "remove it"),
        (PolicyError::AudiencesMissing, "set audiencePolicy to off"),
        (PolicyError::AlgorithmsMissing, "name at least one"),
        (PolicyError::LeewayTooLong(301), "leewaySeconds is 301; use at most 300"),
        (PolicyError::LifetimeZero, "use at least 1"),
    ] {
        assert!(error.to_string().ends_with(remedy) || error.to_string().contains(remedy), "{error}");
    }
    for (error, remedy) in [
        (RuleError::ClaimEmpty, "name one"),
        (RuleError::PointerInvalid, "write ~0 for ~ and ~1 for /"),
        (RuleError::ValueInvalid("a string"), "use a string"),
        (RuleError::TooManyStars, "more than 4 stars"),
        (RuleError::TooManyValues, "more than 100 values"),
    ] {
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn rules_read_from_json_are_written_as_they_were() {
    for (rule, shown) in [
        (json!({"claim": "a", "op": "equals", "value": 1}), r#""a" equals 1"#),
        (json!({"claim": "a", "op": "oneOf", "value": ["x", true]}), r#""a" is one of ["x",true]"#),
        (json!({"claim": "/a/b", "op": "contains", "value": "x"}), r#""/a/b" contains "x""#),
        (json!({"claim": "scope", "op": "containsWord", "value": "w"}), r#""scope" contains the word "w""#),
        (json!({"claim": "sub", "op": "glob", "value": "a*"}), r#""sub" matches "a*""#),
    ] {
        let read: Rule = serde_json::from_value(rule.clone()).expect("a sound rule");
        assert_eq!(serde_json::to_value(&read).expect("plain data"), rule);
        assert_eq!(read.to_string(), shown);
        assert_eq!(read.claim(), rule["claim"]);
        assert_eq!(Rule::new(read.claim(), read.op().clone()).as_ref(), Ok(&read));
    }
    for (op, value) in
        [("oneOf", json!("x")), ("containsWord", json!(1)), ("glob", json!(["x"])), ("equals", json!(null))]
    {
        let read = serde_json::from_value::<Rule>(json!({"claim": "a", "op": op, "value": value}));
        assert!(read.expect_err("never matches").to_string().contains("never match"), "{op}");
    }
    assert_eq!(Rule::new("", RuleOp::Equals(json!(1))), Err(RuleError::ClaimEmpty));
}

/// The hint and the received text of the rule on claim `c` of this value.
fn rule_hint(op: RuleOp, value: &Value) -> (Option<String>, String) {
    let policy = Policy { rules: vec![Rule::new("c", op).expect("a sound rule")], ..policy() };
    let token = key().sign(&with(claims(), &json!({"c": value})));
    let steps = explain(&token, Some(&key_set(key())), &policy, NOW).steps;
    let report = steps.into_iter().find(|report| report.step == Step::Rules).expect("a report");
    assert_eq!(report.reason, Some(Reason::RuleMismatch));
    (report.hint, report.received)
}

#[test]
fn a_claim_of_another_type_is_told() {
    let equals = |value: Value| RuleOp::Equals(value);
    for (op, value, hint) in [
        (
            RuleOp::Contains(json!("x")),
            json!("x"),
            Some("the claim is a string, not a list; use equals or containsWord"),
        ),
        (RuleOp::ContainsWord("x".into()), json!(1), Some("the claim is of type number, not string")),
        (RuleOp::Glob("x".into()), json!(["x"]), Some("the claim is of type array, not string")),
        (RuleOp::Glob("x".into()), json!("y"), None),
        (RuleOp::Contains(json!("x")), json!(["y"]), None),
        (equals(json!("x")), json!(["x"]), Some("the claim is a list; use contains")),
        (equals(json!("x")), json!(1), Some("the claim is of type number, not string")),
        (equals(json!(true)), json!("x"), Some("the claim is of type string, not boolean")),
        (equals(json!(1)), json!(null), Some("the claim is of type null, not number")),
        (equals(json!(["x"])), json!("x"), Some("the claim is of type string, not array")),
        (equals(json!(1)), json!(2), None),
        (equals(json!("a")), json!("b"), None),
        (equals(json!("https://a")), json!("http://a"), Some("differs by http and https")),
        (equals(json!("A")), json!("a"), Some("differs by upper and lower case")),
        (equals(json!("a")), json!("a "), Some("differs by white space around it")),
        (equals(json!("a")), json!("a/"), Some("differs by a trailing slash")),
        (equals(json!("a/")), json!("a"), Some("differs by a trailing slash")),
        (equals(json!("a/")), json!("a//"), Some("differs by a trailing slash")),
    ] {
        let said = rule_hint(op.clone(), &value).0;
        assert_eq!(said.as_deref(), hint, "{op:?} {value}");
    }
}

#[test]
fn what_came_is_shown_whole_only_when_it_is_short() {
    let equals = || RuleOp::Equals(json!("x"));
    assert_eq!(rule_hint(equals(), &json!(["a", false])).1, r#"["a",false]"#);
    let long = rule_hint(equals(), &json!(["é".repeat(200)])).1;
    assert!(long.chars().count() < 160 && long.contains("… ("), "{long}");
}

#[test]
fn objects_never_match_however_deep() {
    let token = key().sign(&json!({"c": [{"a": 1}, null]}));
    let token = Token::parse(&token).expect("a well-formed token");
    let claims = token.unverified_claims().expect("sound claims");
    let contains = |value: Value| RuleOp::Contains(value);
    assert!(
        Rule::new("c", contains(json!({"a": 1}))).is_err() && Rule::new("c", contains(json!(null))).is_err()
    );
    assert!(!Rule::new("c", contains(json!(1))).expect("a sound rule").matches(claims));
}

#[test]
fn a_token_shows_its_header_and_never_its_signature() {
    let text = key().sign(&claims());
    let token = Token::parse(&text).expect("a well-formed token");
    assert_eq!((token.kid(), token.algorithm()), (Some("EdDSA"), Algorithm::EdDsa));
    assert_eq!(
        (token.token_type(), token.unverified_issuer()),
        (TokenType::Jwt, Some("https://id.example.com"))
    );
    assert_eq!(format!("{token:?}"), r#"Token { algorithm: EdDsa, kid: Some("EdDSA"), .. }"#);
    let header = json!({"alg": "EdDSA", "typ": "application/AT+JWT"});
    let other = key().sign_with_header(&header, &json!({"iss": 1, "ok": false}));
    let other = Token::parse(&other).expect("a well-formed token");
    assert_eq!((other.kid(), other.token_type()), (None, TokenType::AccessToken));
    assert_eq!(other.unverified_issuer(), None);
    let claims = other.unverified_claims().expect("sound claims");
    assert_eq!(format!("{claims:?}"), r#"{"iss": 1, "ok": false}"#);
}

#[test]
fn keys_are_shown_without_their_numbers() {
    let set = KeySet::parse(jwks([key()]).as_bytes(), &KeySetLimits::default()).expect("a usable set");
    assert_eq!(format!("{:?}", set.keys()[0]), r#"Key(Some("EdDSA"), 256 bits, EdDSA)"#);
    assert_eq!(format!("{:?}", key()), r#"TestKey("EdDSA", EdDSA)"#);
    assert_eq!(key().algorithm(), Algorithm::EdDsa);
}

#[test]
fn names_in_json_are_the_stable_texts() {
    for reason in Reason::ALL {
        assert_eq!(json!(reason), reason.as_str());
        assert_eq!(json!(reason.code()), reason.code().to_string());
    }
    for reason in SkipReason::ALL {
        assert_eq!(json!(reason), reason.as_str());
    }
    for step in Step::ALL {
        assert_eq!(json!(step), step.to_string());
    }
    let codes = [
        (Reason::TokenEmpty, Code::TokenMalformed, "token_malformed"),
        (Reason::TokenExpired, Code::TokenExpired, "token_expired"),
        (Reason::TokenNotYetValid, Code::TokenNotYetValid, "token_not_yet_valid"),
        (Reason::IssuerMismatch, Code::TokenUntrusted, "token_untrusted"),
        (Reason::JwksUnavailable, Code::JwksUnavailable, "jwks_unavailable"),
        (Reason::PermissionMissing, Code::InsufficientPermission, "insufficient_permission"),
    ];
    for (reason, code, text) in codes {
        assert_eq!((reason.code(), reason.code().as_str()), (code, text));
    }
}

#[test]
fn an_explanation_names_the_rules_that_hold_and_the_audiences_wanted() {
    let holds = Rule::new("sub", RuleOp::Glob("job-*".into())).expect("a sound rule");
    let policy = Policy { rules: vec![holds], ..policy() };
    let steps = explain(&key().sign(&claims()), Some(&key_set(key())), &policy, NOW).steps;
    let rules = steps.iter().find(|report| report.step == Step::Rules).expect("a report");
    assert_eq!((rules.expected.as_str(), rules.received.as_str()), (r#""sub" matches "job-*""#, "all hold"));
    let two = Policy { audiences: vec!["a".into(), "b".into()], ..policy };
    let steps = explain(&key().sign(&claims()), Some(&key_set(key())), &two, NOW).steps;
    let audience = steps.iter().find(|report| report.step == Step::Audience).expect("a report");
    assert_eq!(audience.reason, Some(Reason::AudienceMismatch));
    assert!(audience.expected.contains(r#"one of "a", "b""#), "{}", audience.expected);
}

#[test]
fn every_escape_of_json_is_read_and_broken_strings_are_told_apart() {
    let header = json!({"alg": "EdDSA"}).to_string();
    let text = key().sign_bytes(&header, r#"{"c":"\/\b\f\r\n\t\"\\\ud83d\ude00"}"#);
    let token = Token::parse(&text).expect("a well-formed token");
    let claims = token.unverified_claims().expect("sound claims");
    assert_eq!(claims.string("c"), Some("/\u{8}\u{c}\r\n\t\"\\😀"));
    for (broken, problem) in [
        ("{\"c\":\"a\u{1}\"}", "unescaped control character"),
        ("{\"c\":\"a", "unterminated string"),
        (r#"{"c":"\ud83dA"}"#, ""),
    ] {
        let text = key().sign_bytes(&header, broken);
        let steps = explain(&text, Some(&key_set(key())), &policy(), NOW).steps;
        let report = steps.into_iter().find(|report| report.step == Step::Claims).expect("a report");
        assert_eq!(report.reason, Some(Reason::ClaimsNotJson));
        assert!(report.received.contains(problem), "{}", report.received);
    }
    assert_eq!(
        explain("\"a.b.c\"", None, &policy(), NOW).steps[1].hint.as_deref(),
        Some("send the token without quotes")
    );
}

#[test]
fn a_number_that_no_double_can_hold_is_refused() {
    let refused = |number: &str| {
        let text = format!("{{\"keys\":[],\"n\":{number}}}");
        key_set_error(&text, KeySetLimits::default()).contains("number out of range at byte 15")
    };
    let digits = |count: usize| "9".repeat(count);
    for number in [digits(400), format!("-{}", digits(400)), "1e999".into(), "-1.5E+400".into()] {
        assert!(refused(&number), "{number}");
    }
    for number in [digits(300), digits(305), format!("{}.5", digits(305)), "1e308".into(), "1e-999".into()] {
        assert!(!refused(&number), "{number}");
    }
}

#[test]
fn an_algorithm_that_is_not_known_is_told_with_those_that_are() {
    let error = "HS256".parse::<Algorithm>().expect_err("a symmetric algorithm");
    let all = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA";
    assert_eq!(error.to_string(), format!("unknown algorithm \"HS256\"; use one of {all}"));
}

#[test]
fn a_set_of_algorithms_has_each_once() {
    let twice: Algorithms = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Es256].into_iter().collect();
    assert_eq!(twice.iter().collect::<Vec<_>>(), [Algorithm::Rs256, Algorithm::Es256]);
    assert!(Algorithms::NONE.is_empty() && !twice.is_empty());
}

#[test]
fn a_refusal_tells_what_it_knows() {
    let bare = Refusal {
        step: Step::KeyId,
        reason: Reason::KidUnknown,
        expected: String::new(),
        received: String::new(),
        hint: None,
    };
    assert_eq!(bare.to_string(), "kid_unknown (step 10, keyId)");
    let compared = Refusal { expected: "a".into(), received: "b".into(), ..bare.clone() };
    assert_eq!(compared.to_string(), "kid_unknown (step 10, keyId): expected a, received b");
    let hinted = Refusal { hint: Some("look".into()), ..bare };
    assert_eq!(hinted.to_string(), "kid_unknown (step 10, keyId); look");
}

#[test]
fn policies_that_cannot_mean_what_they_say_are_refused() {
    assert_eq!(policy().check(), Ok(()));
    for (bad, error) in [
        (Policy { issuer: Some(String::new()), ..policy() }, PolicyError::IssuerEmpty),
        (Policy { audiences: vec![String::new()], ..policy() }, PolicyError::AudienceEmpty),
        (Policy { audiences: Vec::new(), ..policy() }, PolicyError::AudiencesMissing),
        (Policy { algorithms: jose::Algorithms::NONE, ..policy() }, PolicyError::AlgorithmsMissing),
        (Policy { leeway_secs: 301, ..policy() }, PolicyError::LeewayTooLong(301)),
        (Policy { max_lifetime_secs: Some(0), ..policy() }, PolicyError::LifetimeZero),
    ] {
        assert_eq!(bad.check(), Err(error));
    }
    assert_eq!(Policy { leeway_secs: 300, max_lifetime_secs: Some(1), ..policy() }.check(), Ok(()));
}

/// The report of a step about this token.
fn report(token: &str, keys: &KeySet, policy: &Policy, step: Step) -> StepReport {
    let steps = explain(token, Some(keys), policy, NOW).steps;
    steps.into_iter().find(|report| report.step == step).expect("a report")
}

#[test]
fn steps_that_hold_say_what_was_wanted_and_what_came() {
    let (keys, token) = (key_set(key()), key().sign(&claims()));
    let without_kid = key().sign_with_header(&json!({"alg": "EdDSA"}), &claims());
    let twice = KeySet::parse(
        jwks([key(), &TestKey::generate(Algorithm::EdDsa, key().kid())]).as_bytes(),
        &KeySetLimits::default(),
    )
    .expect("a sound set");
    let only = Policy { types: vec![TokenType::AccessToken, TokenType::Jwt], ..policy() };
    for (step, token, keys, policy, wanted, came) in [
        (Step::Type, &token, &keys, policy(), "JWT or at+jwt", "JWT"),
        (Step::Type, &token, &keys, only, "at+jwt or JWT", "JWT"),
        (Step::KeyId, &token, &keys, policy(), "a kid of the key set", "\"EdDSA\", 1 key(s)"),
        (Step::KeyId, &without_kid, &twice, policy(), "a kid of the key set, or none", "no kid, 2 key(s)"),
        (Step::KeyPolicy, &token, &keys, policy(), "a key for EdDSA", "1 of them"),
        (Step::KeyPolicy, &token, &twice, policy(), "a key for EdDSA", "2 of them"),
        (
            Step::Time,
            &token,
            &keys,
            policy(),
            "valid at 1700000000, leeway 30 s",
            "iat 1699999990, exp 1700000600",
        ),
    ] {
        let report = report(token, keys, &policy, step);
        assert_eq!((report.expected.as_str(), report.received.as_str()), (wanted, came), "{step}");
    }
}

#[test]
fn a_step_that_was_skipped_says_why() {
    let mut without = claims();
    without.as_object_mut().expect("an object").remove("aud");
    for (policy, why) in [
        (AudiencePolicy::Off, "the trust does not compare audiences"),
        (AudiencePolicy::IfPresent, "the token has no aud, and the trust allows that"),
    ] {
        let policy = Policy { audience_policy: policy, ..support::policy() };
        let report = report(&key().sign(&without), &key_set(key()), &policy, Step::Audience);
        assert_eq!((report.outcome, report.hint.as_deref()), (Outcome::Skip, Some(why)));
    }
}

#[test]
fn a_claim_that_is_missing_is_told_with_the_likely_mistake() {
    for (claim, hint) in [
        ("Sub", Some(r#"the token has "sub": names are case-sensitive"#)),
        ("/sub/x", Some("a leading / makes the name a JSON Pointer")),
        ("team", None),
    ] {
        let rule = Rule::new(claim, RuleOp::Equals(json!("x"))).expect("a sound rule");
        let policy = Policy { rules: vec![rule], ..policy() };
        let report = report(&key().sign(&claims()), &key_set(key()), &policy, Step::Rules);
        assert_eq!((report.reason, report.hint.as_deref()), (Some(Reason::RuleClaimMissing), hint));
    }
}

#[test]
fn the_policy_of_one_claim_asks_for_that_claim() {
    let keys = key_set(key());
    for (value, reason) in [("job-7", None), ("job-8", Some(Reason::RuleMismatch))] {
        let policy = Policy::claim_equals("sub", value).expect("a sound rule");
        assert_eq!(report(&key().sign(&claims()), &keys, &policy, Step::Rules).reason, reason);
    }
}
