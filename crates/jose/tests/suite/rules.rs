//! Claim rules: each operation against each kind of claim.

use jose::testing::TestKey;
use jose::{Algorithm, Claims, Rule, RuleError, RuleOp, Token};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The claims of a token whose signature nobody looks at.
fn claims(json: &Value) -> Claims {
    claims_text(&json.to_string())
}

fn claims_text(text: &str) -> Claims {
    let header = json!({"alg": "EdDSA"}).to_string();
    let token = TestKey::shared(Algorithm::EdDsa).sign_bytes(header, text);
    Token::parse(&token).expect("a well-formed token").unverified_claims().expect("sound claims").clone()
}

fn holds(claim: &str, op: RuleOp, json: &Value) -> bool {
    Rule::new(claim, op).expect("a sound rule").matches(&claims(json))
}

fn equals(wanted: impl Into<Value>, value: impl Into<Value>) -> bool {
    holds("c", RuleOp::Equals(wanted.into()), &json!({"c": value.into()}))
}

#[test]
fn equals_is_typed_and_exact() {
    assert!(equals("a", "a") && equals(1, 1) && equals(true, true) && equals(false, false));
    assert!(equals(-5, -5) && equals(u64::MAX, u64::MAX) && equals(1.5, 1.5) && equals("é", "é"));
    assert!(equals(json!(["a", 1]), json!(["a", 1])));
    for (wanted, value) in [
        (json!("1"), json!(1)),
        (json!(1), json!("1")),
        (json!("true"), json!(true)),
        (json!(true), json!("true")),
        (json!(true), json!(1)),
        (json!(true), json!(false)),
        (json!("a"), json!("A")),
        (json!("a"), json!(" a")),
        (json!("a"), json!("a ")),
        (json!("a"), json!(["a"])),
        (json!("a"), json!({"a": "a"})),
        (json!("é"), json!("e\u{301}")),
        (json!(1), json!(1.0)),
        (json!(1.0), json!(1)),
        (json!(1), json!(-1)),
        (json!(1), json!(null)),
        (json!(["a", "b"]), json!(["b", "a"])),
        (json!(["a"]), json!(["a", "b"])),
        (json!(["a"]), json!("a")),
    ] {
        assert!(!equals(wanted.clone(), value.clone()), "{wanted} {value}");
    }
}

#[test]
fn numbers_beyond_doubles_stay_exact() {
    let rule = Rule::new("n", RuleOp::Equals(json!(9_007_199_254_740_993_u64))).unwrap();
    assert!(rule.matches(&claims_text(r#"{"n":9007199254740993}"#)));
    for other in ["9007199254740992", "9007199254740993.0", "9.007199254740993e15", "99999999999999999999999"]
    {
        assert!(!rule.matches(&claims_text(&format!("{{\"n\":{other}}}"))), "{other}");
    }
}

#[test]
fn null_missing_empty_and_objects_never_match() {
    let nothings =
        [json!({}), json!({"c": null}), json!({"c": ""}), json!({"c": {}}), json!({"c": {"c": "a"}})];
    for claims in nothings {
        for op in [
            RuleOp::Equals(json!("a")),
            RuleOp::OneOf(vec![json!("a"), json!(1)]),
            RuleOp::Contains(json!("a")),
            RuleOp::ContainsWord("a".to_owned()),
            RuleOp::Glob("*".to_owned()),
            RuleOp::Glob("**".to_owned()),
        ] {
            assert!(!holds("c", op.clone(), &claims), "{op:?} {claims}");
        }
    }
}

#[test]
fn one_of_contains_and_words() {
    let one_of = RuleOp::OneOf(vec![json!("a"), json!(2)]);
    assert!(holds("c", one_of.clone(), &json!({"c": "a"})) && holds("c", one_of.clone(), &json!({"c": 2})));
    assert!(!holds("c", one_of.clone(), &json!({"c": "2"})) && !holds("c", one_of, &json!({"c": ["a"]})));

    let contains = RuleOp::Contains(json!("a"));
    assert!(holds("c", contains.clone(), &json!({"c": ["x", "a"]})));
    for other in [json!("a"), json!([]), json!(["A"]), json!([["a"]]), json!({"a": "a"}), json!(["aa"])] {
        assert!(!holds("c", contains.clone(), &json!({"c": other})), "{other}");
    }

    let word = RuleOp::ContainsWord("read".to_owned());
    for scope in ["read", "write read", "read write", "a  read  b", " read"] {
        assert!(holds("c", word.clone(), &json!({"c": scope})), "{scope}");
    }
    for scope in [json!("readonly"), json!("write:read"), json!("Read"), json!("a\tread"), json!(["read"])] {
        assert!(!holds("c", word.clone(), &json!({"c": scope})), "{scope}");
    }
}

#[test]
fn globs_are_anchored_and_know_only_the_star() {
    for (pattern, text, matches) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "x", true),
        ("repo:org/*", "repo:org/app", true),
        ("repo:org/*", "repo:org/", true),
        ("repo:org/*", "xrepo:org/app", false),
        ("repo:org/*:ref:refs/heads/main", "repo:org/app:ref:refs/heads/main", true),
        ("repo:org/*:ref:refs/heads/main", "repo:org/app:ref:refs/heads/main2", false),
        ("*a", "ba", true),
        ("*a", "ab", false),
        ("a*b*c", "abc", true),
        ("a*b*c", "acb", false),
        ("a*b*c", "aXbYbZc", true),
        ("ab*ba", "aba", false),
        ("ab*ba", "abba", true),
        ("*ab*ab*", "ab", false),
        ("*ab*ab*", "abab", true),
        ("a**b", "ab", true),
        ("a.c", "abc", false),
        ("a?c", "abc", false),
        ("[a-z]", "b", false),
        ("é*é", "éé", true),
        ("A*", "ab", false),
    ] {
        let op = RuleOp::Glob(pattern.to_owned());
        assert_eq!(holds("c", op, &json!({"c": text})), matches, "{pattern} {text}");
    }
    assert!(!holds("c", RuleOp::Glob("*".to_owned()), &json!({"c": ["x"]})));
}

#[test]
fn names_are_literal_and_a_leading_slash_is_a_pointer() {
    let token = json!({
        "https://example.com/env": "prod", "a.b": "dot", "a": {"b": ["x", {"c/d": "deep", "~": "tilde"}]},
        "/odd": "slash", "": "empty",
    });
    for (claim, value) in [
        ("https://example.com/env", "prod"),
        ("a.b", "dot"),
        ("/a/b/0", "x"),
        ("/a/b/1/c~1d", "deep"),
        ("/a/b/1/~0", "tilde"),
        ("/~1odd", "slash"),
        ("/", "empty"),
    ] {
        assert!(holds(claim, RuleOp::Equals(json!(value)), &token), "{claim}");
    }
    for claim in
        ["/odd", "a/b", "/a/b/00", "/a/b/-", "/a/b/2", "/a/b/1/c/d", "A.b", "/https://example.com/env"]
    {
        assert!(!holds(claim, RuleOp::Glob("*".to_owned()), &token), "{claim}");
    }
}

#[test]
fn rules_that_can_never_match_are_refused() {
    let refused = |claim: &str, op: RuleOp| Rule::new(claim, op).unwrap_err();
    assert_eq!(refused("", RuleOp::Equals(json!("a"))), RuleError::ClaimEmpty);
    for pointer in ["/a~", "/a~2", "/~"] {
        assert_eq!(refused(pointer, RuleOp::Equals(json!("a"))), RuleError::PointerInvalid);
    }
    for op in [
        RuleOp::Equals(json!(null)),
        RuleOp::Equals(json!("")),
        RuleOp::Equals(json!({"a": 1})),
        RuleOp::Equals(json!([])),
        RuleOp::Equals(json!([[1]])),
        RuleOp::OneOf(vec![]),
        RuleOp::OneOf(vec![json!("a"), json!(null)]),
        RuleOp::Contains(json!("")),
        RuleOp::Contains(json!(["a"])),
        RuleOp::ContainsWord(String::new()),
        RuleOp::ContainsWord("a b".to_owned()),
        RuleOp::Glob(String::new()),
    ] {
        assert!(matches!(refused("c", op.clone()), RuleError::ValueInvalid(_)), "{op:?}");
    }
    assert_eq!(refused("c", RuleOp::Glob("*****".to_owned())), RuleError::TooManyStars);
    assert_eq!(refused("c", RuleOp::OneOf(vec![json!(1); 101])), RuleError::TooManyValues);
    assert!(Rule::new("c", RuleOp::OneOf(vec![json!(1); 100])).is_ok());
}

#[test]
fn a_long_text_against_the_worst_pattern_is_fast() {
    let text = "a".repeat(7_000);
    let claims = claims(&json!({"c": text}));
    let part = "a".repeat(1_000);
    let rule = Rule::new("c", RuleOp::Glob(format!("{part}*{part}b*{part}*{part}*{part}"))).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert!(!rule.matches(&claims));
    }
    // Linear work is well below a second even unoptimised; the exponential kind would not end.
    assert!(start.elapsed().as_secs() < 5);
}

/// A glob by definition: try every split at each star.
fn slow_glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|at| slow_glob(rest, &text[at..])),
        Some((letter, rest)) => text.first() == Some(letter) && slow_glob(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn globs_agree_with_their_definition(
        parts in proptest::collection::vec("[abé]{0,3}", 1..=5), text in "[abé]{1,10}",
    ) {
        let pattern = parts.join("*");
        prop_assume!(!pattern.is_empty());
        let letters = |text: &str| text.chars().collect::<Vec<char>>();
        let expected = slow_glob(&letters(&pattern), &letters(&text));
        prop_assert_eq!(holds("c", RuleOp::Glob(pattern), &json!({"c": text})), expected);
    }

    #[test]
    fn equals_takes_the_value_itself_and_nothing_else(wanted in scalar(), other in scalar()) {
        prop_assert!(equals(wanted.clone(), wanted.clone()));
        prop_assert_eq!(equals(wanted.clone(), other.clone()), wanted == other);
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-c1]{1,2}".prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-2_i32..3).prop_map(|half| Value::from(f64::from(half) + 0.5)),
    ]
}
