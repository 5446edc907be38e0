//! Differential tests: the same tokens to us, to `jsonwebtoken` (aws-lc) and to `biscuit` (ring). Every
//! difference is in [`KNOWN`] with its reason, and every entry there must show.
//!
//! Neither oracle has ES512 and biscuit has no Ed25519; the primitive vectors cover those.

mod support;

use std::collections::BTreeSet;

use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, Policy, Token, verify};
use serde_json::{Value, json};
use support::{NOW, b64, key_set, with};

/// The oracles go by the wall clock, so the tokens expire far from it on either side.
const FAR: i64 = 4_000_000_000;
const LONG_AGO: i64 = 1_000_000_000;

/// Who accepts a token where not all agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// `jsonwebtoken` accepts, we refuse.
    JsonwebtokenLax,
    /// `biscuit` accepts, we refuse.
    BiscuitLax,
    /// We accept, `jsonwebtoken` refuses.
    JsonwebtokenStrict,
    /// We accept, `biscuit` refuses.
    BiscuitStrict,
}

use Difference::{BiscuitLax, BiscuitStrict, JsonwebtokenLax, JsonwebtokenStrict};

/// Every difference, by the name of the token, with the reason for ours.
const KNOWN: &[(&str, &[Difference], &str)] = &[
    ("claims: deep", BOTH_LAX, "nesting is bounded at 16 levels"),
    (
        "claims: duplicate deep",
        BOTH_LAX,
        "two members of one name read differently elsewhere (RFC 8725 §2.4)",
    ),
    ("claims: duplicate unknown", BOTH_LAX, "two members of one name read differently elsewhere"),
    ("claims: large", BOTH_LAX, "claims are bounded at 8 KiB"),
    ("exp: fraction", &[BiscuitStrict], "a NumericDate may have a fraction (RFC 7519 §2)"),
    ("exp: milliseconds", BOTH_LAX, "a time after the year 9999 is a mistake, and would never expire"),
    ("header: b64 true", BOTH_LAX, "b64 is refused whatever it says (RFC 7797 wants it critical)"),
    ("header: crit b64", BOTH_LAX, "crit must be understood or refused (RFC 7515 §4.1.11)"),
    ("header: crit empty", BOTH_LAX, "crit must not be empty (RFC 7515 §4.1.11)"),
    ("header: crit unknown", BOTH_LAX, "crit must be understood or refused (RFC 7515 §4.1.11)"),
    ("header: deep", BOTH_LAX, "nesting is bounded at 4 levels"),
    ("header: duplicate unknown", BOTH_LAX, "names must be unique (RFC 7515 §4)"),
    ("header: enc", BOTH_LAX, "enc belongs to an encrypted token"),
    ("header: kid null", &[JsonwebtokenLax], "kid must be a string (RFC 7515 §4.1.4)"),
    ("header: kid unknown", &[JsonwebtokenLax], "it is given one key and never looks at kid"),
    ("header: large", BOTH_LAX, "the header is bounded at 2 KiB"),
    ("header: typ other", BOTH_LAX, "a token made for another purpose is no access token (RFC 8725 §3.11)"),
    ("header: zip", BOTH_LAX, "zip belongs to an encrypted token"),
    ("iat: future", &[JsonwebtokenLax], "a token from the future tells of a wrong clock"),
    ("iat: null", BOTH_LAX, "iat must be a number (RFC 7519 §4.1.6)"),
    ("iat: string", &[JsonwebtokenLax], "iat must be a number (RFC 7519 §4.1.6)"),
    ("iss: list", &[JsonwebtokenLax], "iss must be a string (RFC 7519 §4.1.1)"),
    ("jti: number", &[JsonwebtokenLax], "jti must be a string (RFC 7519 §4.1.7)"),
    ("nbf: fraction", &[BiscuitStrict], "a NumericDate may have a fraction (RFC 7519 §2)"),
    ("nbf: null", &[BiscuitLax], "nbf must be a number (RFC 7519 §4.1.5)"),
    ("sub: null", BOTH_LAX, "sub must be a string (RFC 7519 §4.1.2)"),
    ("sub: number", &[JsonwebtokenLax], "sub must be a string (RFC 7519 §4.1.2)"),
];

const BOTH_LAX: &[Difference] = &[JsonwebtokenLax, BiscuitLax];

fn sound() -> Value {
    json!({
        "iss": "https://id.example.com", "sub": "job-7", "aud": ["muster", "other"], "jti": "t-1",
        "iat": NOW - 10, "nbf": NOW - 10, "exp": FAR,
    })
}

fn policy() -> Policy {
    Policy { max_lifetime_secs: None, ..support::policy() }
}

fn ours(token: &str, keys: &KeySet) -> bool {
    Token::parse(token).and_then(|token| verify(&token, keys, &policy(), NOW)).is_ok()
}

/// `None` where the oracle does not have the algorithm.
fn jsonwebtoken_accepts(token: &str, key: &TestKey) -> Option<bool> {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    let algorithm: jsonwebtoken::Algorithm = key.algorithm().name().parse().ok()?;
    let jwk = serde_json::from_value(key.jwk()).expect("a JWK jsonwebtoken reads");
    let key = DecodingKey::from_jwk(&jwk).expect("a key jsonwebtoken takes");
    let mut validation = Validation::new(algorithm);
    validation.validate_nbf = true;
    validation.set_audience(&["muster"]);
    validation.set_issuer(&["https://id.example.com"]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    Some(decode::<Value>(token, &key, &validation).is_ok())
}

fn biscuit_accepts(token: &str, key: &TestKey) -> Option<bool> {
    use biscuit::jwa::SignatureAlgorithm;
    use biscuit::{ClaimPresenceOptions, Empty, JWT, Presence, Validation, ValidationOptions};
    let algorithm: SignatureAlgorithm = match key.algorithm() {
        Algorithm::Es512 | Algorithm::EdDsa => return None,
        known => serde_json::from_value(known.name().into()).expect("an algorithm biscuit has"),
    };
    let keys: biscuit::jwk::JWKSet<Empty> = serde_json::from_str(&jwks([key])).expect("a set biscuit reads");
    let options = ValidationOptions {
        claim_presence_options: ClaimPresenceOptions {
            expiry: Presence::Required,
            issuer: Presence::Required,
            audience: Presence::Required,
            ..ClaimPresenceOptions::default()
        },
        audience: Validation::Validate("muster".to_owned()),
        issuer: Validation::Validate("https://id.example.com".to_owned()),
        ..ValidationOptions::default()
    };
    let encoded: JWT<Value, Empty> = JWT::new_encoded(token);
    let with_kid = encoded.decode_with_jwks(&keys, Some(algorithm));
    let decoded = match with_kid {
        Ok(decoded) => Ok(decoded),
        Err(_) if has_no_kid(token) => encoded.decode_with_jwks_ignore_kid(&keys),
        Err(error) => Err(error),
    };
    Some(decoded.is_ok_and(|token: JWT<Value, Empty>| token.validate(options).is_ok()))
}

/// biscuit has one way for tokens with a `kid` and one for those without.
fn has_no_kid(token: &str) -> bool {
    Token::parse(token).is_ok_and(|token| token.kid().is_none())
}

fn differences(name: &str, token: &str, key: &TestKey, keys: &KeySet) -> Vec<(String, Difference)> {
    let ours = ours(token, keys);
    let mut found = Vec::new();
    if let Some(theirs) = jsonwebtoken_accepts(token, key)
        && theirs != ours
    {
        found.push((name.to_owned(), if theirs { JsonwebtokenLax } else { JsonwebtokenStrict }));
    }
    if let Some(theirs) = biscuit_accepts(token, key)
        && theirs != ours
    {
        found.push((name.to_owned(), if theirs { BiscuitLax } else { BiscuitStrict }));
    }
    found
}

fn header(key: &TestKey) -> Value {
    json!({"alg": key.algorithm().name(), "kid": key.kid(), "typ": "JWT"})
}

/// Tokens signed by `key` whose header or claims differ from the sound one's.
fn signed_variants(key: &TestKey) -> Vec<(&'static str, String)> {
    let mut tokens = vec![("sound", key.sign(&sound()))];
    for (name, changes) in [
        ("header: crit empty", json!({"crit": []})),
        ("header: crit unknown", json!({"crit": ["urn:x"], "urn:x": 1})),
        ("header: crit b64", json!({"crit": ["b64"], "b64": true})),
        ("header: b64 true", json!({"b64": true})),
        ("header: zip", json!({"zip": "DEF"})),
        ("header: enc", json!({"enc": "A128GCM"})),
        ("header: typ at+jwt", json!({"typ": "at+jwt"})),
        ("header: typ other", json!({"typ": "dpop+jwt"})),
        ("header: typ number", json!({"typ": 1})),
        ("header: kid unknown", json!({"kid": "other"})),
        ("header: kid number", json!({"kid": 1})),
        ("header: kid null", json!({"kid": null})),
        ("header: alg other", json!({"alg": "RS256x"})),
        ("header: alg lower case", json!({"alg": key.algorithm().name().to_lowercase()})),
        ("header: alg none", json!({"alg": "none"})),
        ("header: alg HS256", json!({"alg": "HS256"})),
        ("header: embedded jwk", json!({"jwk": key.jwk()})),
        ("header: jku", json!({"jku": "https://thief.example/keys"})),
        ("header: unknown member", json!({"x": {"y": [1, 2]}})),
        ("header: large", json!({"x": "a".repeat(4000)})),
    ] {
        tokens.push((name, key.sign_with_header(&with(header(key), &changes), &sound())));
    }
    tokens.push(("header: no kid", key.sign_with_header(&json!({"alg": key.algorithm().name()}), &sound())));
    for (name, changes) in claim_changes() {
        tokens.push((name, key.sign(&with(sound(), &changes))));
    }
    for (name, removed) in
        [("exp: none", "exp"), ("iss: none", "iss"), ("aud: none", "aud"), ("iat: none", "iat")]
    {
        let mut claims = sound();
        claims.as_object_mut().expect("claims are an object").remove(removed);
        tokens.push((name, key.sign(&claims)));
    }
    tokens.extend(byte_variants(key));
    tokens
}

fn claim_changes() -> Vec<(&'static str, Value)> {
    vec![
        ("exp: past", json!({"exp": LONG_AGO})),
        ("exp: string", json!({"exp": FAR.to_string()})),
        ("exp: null", json!({"exp": null})),
        ("exp: fraction", json!({"exp": 4_000_000_000.5})),
        ("exp: negative", json!({"exp": -1})),
        ("exp: milliseconds", json!({"exp": FAR * 1000})),
        ("exp: huge", json!({"exp": 1e300})),
        ("exp: list", json!({"exp": [FAR]})),
        ("exp: boolean", json!({"exp": true})),
        ("nbf: future", json!({"nbf": FAR - 1})),
        ("nbf: string", json!({"nbf": "1"})),
        ("nbf: null", json!({"nbf": null})),
        ("nbf: fraction", json!({"nbf": 1_600_000_000.5})),
        ("iat: future", json!({"iat": FAR - 1})),
        ("iat: string", json!({"iat": "1"})),
        ("iat: null", json!({"iat": null})),
        ("iss: other", json!({"iss": "https://thief.example"})),
        ("iss: trailing slash", json!({"iss": "https://id.example.com/"})),
        ("iss: list", json!({"iss": ["https://id.example.com"]})),
        ("iss: null", json!({"iss": null})),
        ("iss: number", json!({"iss": 1})),
        ("aud: other", json!({"aud": "other"})),
        ("aud: string", json!({"aud": "muster"})),
        ("aud: empty list", json!({"aud": []})),
        ("aud: list with a number", json!({"aud": ["muster", 1]})),
        ("aud: list of a list", json!({"aud": [["muster"]]})),
        ("aud: object", json!({"aud": {"muster": true}})),
        ("aud: null", json!({"aud": null})),
        ("sub: number", json!({"sub": 1})),
        ("sub: null", json!({"sub": null})),
        ("sub: list", json!({"sub": ["job-7"]})),
        ("jti: number", json!({"jti": 1})),
        ("claims: large", json!({"x": "a".repeat(9000)})),
        ("claims: unicode", json!({"name": "Zoë \u{1F980} \u{0}"})),
    ]
}

/// Tokens whose header or claims are not what a JSON library writes.
fn byte_variants(key: &TestKey) -> Vec<(&'static str, String)> {
    let (header, claims) = (header(key).to_string(), sound().to_string());
    let inside = |start: &str, text: &str| format!("{{{start},{}", &text[1..]);
    let deep = format!("\"x\":{}{}", "[".repeat(20), "]".repeat(20));
    let claim_texts = [
        ("claims: duplicate sub", inside(r#""sub":"root""#, &claims)),
        ("claims: duplicate unknown", inside(r#""x":1,"x":2"#, &claims)),
        ("claims: duplicate deep", inside(r#""x":{"y":1,"y":2}"#, &claims)),
        ("claims: lone surrogate", inside(r#""x":"\ud800""#, &claims)),
        ("claims: deep", inside(&deep, &claims)),
        ("claims: white space around", format!(" {claims}\r\n\t")),
        ("claims: trailing bytes", format!("{claims}x")),
        ("claims: trailing NUL", format!("{claims}\0")),
        ("claims: byte order mark", format!("\u{feff}{claims}")),
        ("claims: comment", format!("/**/{claims}")),
        ("claims: list", format!("[{claims}]")),
        ("claims: text", "foo".to_owned()),
        ("claims: empty", String::new()),
        ("claims: null", "null".to_owned()),
    ];
    let mut tokens: Vec<(&'static str, String)> =
        claim_texts.into_iter().map(|(name, text)| (name, key.sign_bytes(&header, text))).collect();
    for (name, text) in [
        ("header: duplicate alg", inside(r#""alg":"none""#, &header)),
        ("header: duplicate unknown", inside(r#""x":1,"x":2"#, &header)),
        ("header: escaped duplicate", inside(r#""\u0061lg":"none""#, &header)),
        ("header: deep", inside(r#""x":[[[[[1]]]]]"#, &header)),
        ("header: white space around", format!(" {header} ")),
        ("header: trailing bytes", format!("{header}x")),
        ("header: byte order mark", format!("\u{feff}{header}")),
        ("header: list", format!("[{header}]")),
        ("header: empty", String::new()),
    ] {
        tokens.push((name, key.sign_bytes(text, &claims)));
    }
    let mut not_utf8 = claims.clone().into_bytes();
    not_utf8.splice(1..1, *b"\"x\":\"\xff\",");
    tokens.push(("claims: not UTF-8", key.sign_bytes(&header, not_utf8)));
    tokens
}

/// Changes of the finished text, which no issuer signed.
fn text_variants(key: &TestKey) -> Vec<(&'static str, String)> {
    let sound_token = key.sign(&sound());
    let parts: Vec<&str> = sound_token.split('.').collect();
    let [header, claims, signature] = parts[..] else { unreachable!("a token has three parts") };
    let join = |parts: &[&str]| parts.join(".");
    let bytes = key.signature(format!("{header}.{claims}").as_bytes());
    let signed = |signature: Vec<u8>| format!("{header}.{claims}.{}", b64(signature));
    let root = b64(with(sound(), &json!({"sub": "root"})).to_string());
    let other = TestKey::generate(key.algorithm(), key.kid());
    vec![
        ("text: claims replaced", join(&[header, &root, signature])),
        ("text: another key of the kid", other.sign(&sound())),
        ("text: no signature", join(&[header, claims, ""])),
        ("text: no third part", join(&[header, claims])),
        ("text: a fourth part", join(&[header, claims, signature, ""])),
        ("text: five parts", join(&[header, claims, signature, "", ""])),
        ("text: padding", format!("{sound_token}=")),
        ("text: two paddings", format!("{sound_token}==")),
        ("text: space before", format!(" {sound_token}")),
        ("text: line feed after", format!("{sound_token}\n")),
        ("text: standard alphabet", sound_token.replace('-', "+").replace('_', "/") + "+"),
        ("text: one byte less", signed(bytes[..bytes.len() - 1].to_vec())),
        ("text: one byte more", signed([&bytes[..], &[0]].concat())),
        ("text: leading zero", signed([&[0], &bytes[..]].concat())),
        ("text: all zero", signed(vec![0; bytes.len()])),
        ("text: all ones", signed(vec![0xff; bytes.len()])),
        ("text: one zero byte", signed(vec![0])),
        ("text: bits flipped", signed(bytes.iter().map(|byte| !byte).collect())),
        ("text: trailing bits", with_trailing_bits(&sound_token)),
        ("text: empty", String::new()),
        ("text: dots", "..".to_owned()),
    ]
}

/// Sets an unused bit of the last character; unchanged where the length leaves none.
fn with_trailing_bits(token: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last_part = token.rsplit('.').next().unwrap_or_default();
    if last_part.len().is_multiple_of(4) {
        return format!("{token}A");
    }
    let (start, last) = token.split_at(token.len() - 1);
    let value = ALPHABET.iter().position(|letter| *letter == last.as_bytes()[0]).expect("a base64url letter");
    format!("{start}{}", char::from(ALPHABET[value | 1]))
}

#[test]
fn every_difference_to_the_oracles_is_known() {
    let mut found = BTreeSet::new();
    let mut compared = 0;
    for algorithm in Algorithm::ALL {
        let key = TestKey::shared(algorithm);
        let keys = key_set(key);
        let tokens = signed_variants(key).into_iter().chain(text_variants(key));
        for (name, token) in tokens {
            found.extend(differences(name, &token, key, &keys));
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared}");
    let known: BTreeSet<(String, Difference)> =
        KNOWN.iter().flat_map(|(name, all, _)| all.iter().map(|one| ((*name).to_owned(), *one))).collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}\ngone: {gone:#?}");
}

#[test]
fn public_keys_are_never_secrets() {
    for key in [TestKey::shared(Algorithm::Rs256), TestKey::shared(Algorithm::Es256)] {
        let members = ["n", "x"].map(|name| key.jwk()[name].as_str().unwrap_or_default().to_owned());
        for secret in [jwks([key]), key.jwk().to_string()].into_iter().chain(members) {
            let secret = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
            for kid in [None, Some(key.kid().to_owned())] {
                let header =
                    jsonwebtoken::Header { kid, ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256) };
                let token = jsonwebtoken::encode(&header, &sound(), &secret).unwrap();
                assert_eq!(Token::parse(&token).unwrap_err().reason, jose::Reason::AlgSymmetric);
            }
        }
    }
}
