//! Every reason a token is refused for, each with a test of its name, and the explanation that goes with it.

use jose::testing::{TestKey, jwks};
use jose::{
    Algorithm, AudiencePolicy, Code, KeySet, KeySetLimits, Outcome, Policy, Reason, Refusal, Rule, RuleOp,
    Step, Token, TokenType, Verified, explain, precheck, verify, verify_within,
};
use serde_json::{Value, json};

use crate::support::{self, NOW, accepted, b64, claims, key_set, policy, with};

fn key() -> &'static TestKey {
    TestKey::shared(Algorithm::Es256)
}

fn judge(token: &str, keys: &KeySet, policy: &Policy) -> Result<Verified, Refusal> {
    Token::parse(token).and_then(|token| verify(&token, keys, policy, NOW))
}

/// The refusal of `token`, after holding the explanation against the verdict.
fn refusal_with(token: &str, keys: &KeySet, policy: &Policy) -> Refusal {
    let refusal = judge(token, keys, policy).expect_err("the token must be refused");
    let reports = explain(token, Some(keys), policy, NOW).steps;
    let told = reports.iter().any(|report| {
        report.outcome == Outcome::Fail
            && report.step == refusal.step
            && report.reason == Some(refusal.reason)
            && report.hint == refusal.hint
    });
    assert!(told, "{refusal:?} is not in {reports:#?}");
    let steps: Vec<Step> = reports.iter().map(|report| report.step).collect();
    assert!(steps.is_sorted());
    assert!(Step::ALL[..18].iter().all(|step| steps.contains(step)), "{steps:?}");
    let shown = format!("{refusal} {refusal:?} {reports:?}");
    let signature = token.rsplit('.').next().unwrap_or_default();
    assert!(signature.len() < 20 || !shown.contains(signature), "{shown}");
    refusal
}

#[track_caller]
fn assert_refused(token: &str, policy: &Policy, reason: Reason, step: Step) -> Refusal {
    let refusal = refusal_with(token, &key_set(key()), policy);
    assert_eq!((refusal.reason, refusal.step), (reason, step), "{refusal}");
    refusal
}

/// Signs these claims over the sound ones and wants the refusal.
#[track_caller]
fn claims_refused(changes: &Value, policy: &Policy, reason: Reason, step: Step) -> Refusal {
    assert_refused(&key().sign(&with(claims(), changes)), policy, reason, step)
}

/// Signs the sound claims under this header and wants the refusal.
#[track_caller]
fn header_refused(header: &Value, reason: Reason, step: Step) -> Refusal {
    assert_refused(&key().sign_with_header(header, &claims()), &policy(), reason, step)
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": key().kid(), "typ": "JWT"})
}

#[test]
fn sound_tokens_of_every_algorithm_pass() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::shared(algorithm);
        let token = key.sign(&claims());
        let verified = judge(&token, &key_set(key), &policy()).unwrap();
        assert_eq!(verified.algorithm(), algorithm);
        assert_eq!(verified.kid(), Some(key.kid()));
        assert_eq!(verified.subject(), Some("job-7"));
        assert_eq!(verified.issuer(), Some("https://id.example.com"));
        assert_eq!(verified.jti(), Some("t-1"));
        assert_eq!(verified.expires_at(), NOW + 600);
        assert_eq!(Value::Object(verified.claims().to_json()), claims());
        let reports = explain(&token, Some(&key_set(key)), &policy(), NOW).steps;
        assert_eq!(reports.len(), 18);
        assert!(reports.iter().all(|report| report.outcome != Outcome::Fail), "{reports:#?}");
        assert_eq!(precheck(&Token::parse(&token).unwrap(), &policy(), NOW), Ok(()));
    }
}

#[test]
fn ed25519_goes_by_both_of_its_names() {
    let key = TestKey::shared(Algorithm::EdDsa);
    let token = key.sign_with_header(&json!({"alg": "Ed25519"}), &claims());
    assert_eq!(judge(&token, &key_set(key), &policy()).unwrap().algorithm(), Algorithm::EdDsa);
}

#[test]
fn every_reason_has_a_test_of_its_name() {
    let source = include_str!("refusals.rs");
    for reason in Reason::ALL {
        assert!(source.contains(&format!("fn {reason}()")), "no test for {reason}");
    }
}

// Step 1

#[test]
fn token_empty() {
    assert_refused("", &policy(), Reason::TokenEmpty, Step::Envelope);
}

#[test]
fn token_too_large() {
    let long = "a".repeat(jose::MAX_TOKEN_BYTES + 1);
    assert_refused(&long, &policy(), Reason::TokenTooLarge, Step::Envelope);
    assert_refused(&".".repeat(1 << 20), &policy(), Reason::TokenTooLarge, Step::Envelope);
}

// Step 2

#[test]
fn alphabet_invalid() {
    let sound = key().sign(&claims());
    let (space, alphabet, other) = ("white space", "use base64url", "exactly as the issuer made it");
    for (bad, hint) in [
        (format!(" {sound}"), space),
        (format!("{sound}\n"), space),
        (format!("{sound}="), "no padding"),
        (sound.replacen('.', ".\u{0}", 1), other),
        (sound.replacen('.', ".+", 1), alphabet),
        (sound.replacen('.', "./", 1), alphabet),
        (sound.replacen('e', "é", 1), other),
        (sound.replacen('.', ".{", 1), other),
        (format!("\"{sound}\""), "without quotes"),
        ("{\"payload\":\"e30\",\"signatures\":[]}".to_owned(), "the compact serialization"),
    ] {
        let refusal = assert_refused(&bad, &policy(), Reason::AlphabetInvalid, Step::Structure);
        assert!(refusal.hint.as_deref().is_some_and(|said| said.contains(hint)), "{bad}: {refusal}");
    }
}

#[test]
fn parts_invalid() {
    let sound = key().sign(&claims());
    let most_dots = ".".repeat(jose::MAX_TOKEN_BYTES);
    for (bad, received) in [
        ("abc", "1 parts"),
        ("a.b", "2 parts"),
        ("a.b.c.d", "4 parts"),
        ("a.b.c.d.e.f", "more than five parts"),
        (".", "2 parts"),
        (&format!("{sound}."), "4 parts"),
        (&most_dots, "more than five parts"),
    ] {
        let refusal = assert_refused(bad, &policy(), Reason::PartsInvalid, Step::Structure);
        assert_eq!(refusal.received, received);
    }
}

#[test]
fn jwe_not_supported() {
    assert_refused("a.b.c.d.e", &policy(), Reason::JweNotSupported, Step::Structure);
    header_refused(&with(header(), &json!({"enc": "A128GCM"})), Reason::JweNotSupported, Step::Extensions);
}

// Step 3 and 6

#[test]
fn alg_none() {
    let none = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(claims().to_string()));
    assert_refused(&none, &policy(), Reason::AlgNone, Step::Signed);
    let sound = key().sign(&claims());
    let stripped = &sound[..=sound.rfind('.').unwrap()];
    assert_refused(stripped, &policy(), Reason::AlgNone, Step::Signed);
    for name in ["none", "None", "NONE", "nOnE"] {
        header_refused(&json!({"alg": name}), Reason::AlgNone, Step::Algorithm);
    }
}

// Step 4

#[test]
fn base64_invalid() {
    let sound = key().sign(&claims());
    // The last character of a 64 byte signature has four unused bits.
    let (start, last) = sound.split_at(sound.len() - 1);
    let trailing_bits = format!("{start}{}", if last == "A" { "B" } else { "_" });
    let trailing_bits = if "AQgw".contains(last) { trailing_bits } else { format!("{start}B") };
    assert_refused(&trailing_bits, &policy(), Reason::Base64Invalid, Step::Encoding);
    assert_refused("a.e30.AAAA", &policy(), Reason::Base64Invalid, Step::Encoding);
    assert_refused("e30.e.AAAA", &policy(), Reason::Base64Invalid, Step::Encoding);
}

// Step 5

#[test]
fn header_too_large() {
    assert_eq!(jose::MAX_HEADER_BYTES, 2_048);
    let sized = |bytes: usize| {
        let bare = with(header(), &json!({"x": ""})).to_string().len();
        with(header(), &json!({"x": "a".repeat(bytes - bare)}))
    };
    let largest = key().sign_with_header(&sized(jose::MAX_HEADER_BYTES), &claims());
    assert!(judge(&largest, &key_set(key()), &policy()).is_ok());
    header_refused(&sized(jose::MAX_HEADER_BYTES + 1), Reason::HeaderTooLarge, Step::Header);
}

#[test]
fn header_not_json() {
    for bad in [
        &b""[..],
        b"{",
        b"{\"alg\":\"ES256\"}x",
        b"{\"alg\":\"ES256\"}{}",
        b"\xef\xbb\xbf{\"alg\":\"ES256\"}",
        b"{\"alg\":\"ES256\",\"x\":\"\xff\"}",
        b"{\"alg\":\"ES256\",\"x\":\"\\ud800\"}",
        b"{'alg':'ES256'}",
        b"{\"alg\":\"ES256\",}",
        b"{\"alg\":\"ES256\"}\0",
    ] {
        let token = key().sign_bytes(bad, claims().to_string());
        assert_refused(&token, &policy(), Reason::HeaderNotJson, Step::Header);
    }
}

#[test]
fn header_too_deep() {
    header_refused(&with(header(), &json!({"x": [[[[]]]]})), Reason::HeaderTooDeep, Step::Header);
    let deepest = with(header(), &json!({"x": [[[1]]]}));
    assert!(judge(&key().sign_with_header(&deepest, &claims()), &key_set(key()), &policy()).is_ok());
}

#[test]
fn header_duplicate_member() {
    for bad in [
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","\u0061lg":"none"}"#,
        r#"{"alg":"ES256","x":{"y":1,"y":1}}"#,
    ] {
        let token = key().sign_bytes(bad, claims().to_string());
        assert_refused(&token, &policy(), Reason::HeaderDuplicateMember, Step::Header);
    }
}

#[test]
fn header_not_object() {
    for bad in ["[]", "null", "\"ES256\"", "1", r#"[{"alg":"ES256"}]"#] {
        let token = key().sign_bytes(bad, claims().to_string());
        assert_refused(&token, &policy(), Reason::HeaderNotObject, Step::Header);
    }
}

// Step 6

#[test]
fn alg_missing() {
    header_refused(&json!({"kid": key().kid()}), Reason::AlgMissing, Step::Algorithm);
}

#[test]
fn alg_not_string() {
    for alg in [json!(null), json!(["ES256"]), json!(1), json!({"ES256": true}), json!(true)] {
        header_refused(&json!({"alg": alg}), Reason::AlgNotString, Step::Algorithm);
    }
}

#[test]
fn alg_symmetric() {
    for name in ["HS256", "HS384", "HS512", "hs256"] {
        header_refused(&json!({"alg": name, "kid": key().kid()}), Reason::AlgSymmetric, Step::Algorithm);
    }
}

#[test]
fn alg_unknown() {
    for name in ["es256", "ES256K", "Ed448", "RSA-OAEP", "dir", "", "ES256 ", "RS1", "A128GCM"] {
        header_refused(&json!({"alg": name, "kid": key().kid()}), Reason::AlgUnknown, Step::Algorithm);
    }
}

#[test]
fn alg_not_allowed() {
    let policy = Policy { algorithms: Algorithm::Rs256.into(), ..policy() };
    assert_refused(&key().sign(&claims()), &policy, Reason::AlgNotAllowed, Step::Algorithm);
}

// Step 7

#[test]
fn crit_not_supported() {
    for crit in [json!([]), json!(["exp"]), json!(["b64"]), json!(null), json!("x"), json!(["urn:x"])] {
        header_refused(&with(header(), &json!({"crit": crit})), Reason::CritNotSupported, Step::Extensions);
    }
}

#[test]
fn b64_not_supported() {
    for b64 in [json!(false), json!(true)] {
        header_refused(&with(header(), &json!({"b64": b64})), Reason::B64NotSupported, Step::Extensions);
    }
}

#[test]
fn zip_not_supported() {
    header_refused(&with(header(), &json!({"zip": "DEF"})), Reason::ZipNotSupported, Step::Extensions);
}

// Step 8

#[test]
fn typ_not_string() {
    for typ in [json!(null), json!(1), json!(["JWT"])] {
        header_refused(&with(header(), &json!({"typ": typ})), Reason::TypNotString, Step::Type);
    }
}

#[test]
fn typ_not_supported() {
    for typ in [
        "",
        "JOSE",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "JWT ",
        "application/application/jwt",
        "application/",
    ] {
        header_refused(&with(header(), &json!({"typ": typ})), Reason::TypNotSupported, Step::Type);
    }
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"] {
        let token = key().sign_with_header(&with(header(), &json!({"typ": typ})), &claims());
        assert!(judge(&token, &key_set(key()), &policy()).is_ok(), "{typ}");
    }
}

#[test]
fn typ_not_allowed() {
    let only = |allowed| Policy { types: vec![allowed], ..policy() };
    let plain = key().sign(&claims());
    let access = key().sign_with_header(&with(header(), &json!({"typ": "at+jwt"})), &claims());
    let untyped = key().sign_with_header(&json!({"alg": "ES256"}), &claims());
    assert_refused(&plain, &only(TokenType::AccessToken), Reason::TypNotAllowed, Step::Type);
    assert_refused(&untyped, &only(TokenType::AccessToken), Reason::TypNotAllowed, Step::Type);
    assert_refused(&access, &only(TokenType::Jwt), Reason::TypNotAllowed, Step::Type);
    assert!(judge(&untyped, &key_set(key()), &only(TokenType::Jwt)).is_ok());
    assert!(judge(&access, &key_set(key()), &only(TokenType::AccessToken)).is_ok());
}

// Step 9

#[test]
fn embedded_keys_are_ignored() {
    let thief = TestKey::generate(Algorithm::Es256, key().kid());
    let embedded = with(
        header(),
        &json!({"jwk": thief.jwk(), "jku": "https://thief.example/keys", "x5u": "https://thief.example/c"}),
    );
    let stolen = thief.sign_with_header(&embedded, &claims());
    assert_refused(&stolen, &policy(), Reason::SignatureInvalid, Step::Signature);
    let own = key().sign_with_header(&embedded, &claims());
    assert!(judge(&own, &key_set(key()), &policy()).is_ok());
    let report =
        explain(&own, None, &policy(), NOW).steps.into_iter().find(|r| r.step == Step::EmbeddedKeys).unwrap();
    assert_eq!(report.received, "jwk, jku, x5u: ignored");
}

// Step 10

#[test]
fn kid_not_string() {
    for kid in [json!(null), json!(1), json!(["ES256"]), json!({})] {
        header_refused(&json!({"alg": "ES256", "kid": kid}), Reason::KidNotString, Step::KeyId);
    }
}

#[test]
fn kid_too_long() {
    header_refused(&json!({"alg": "ES256", "kid": "k".repeat(257)}), Reason::KidTooLong, Step::KeyId);
}

#[test]
fn kid_unknown() {
    for kid in ["", "es256", "../../etc/passwd", "ES256' OR 1=1", "ES256 "] {
        header_refused(&json!({"alg": "ES256", "kid": kid}), Reason::KidUnknown, Step::KeyId);
    }
    let weak = with(key().jwk(), &json!({"kid": "other", "use": "enc"}));
    let text = json!({"keys": [key().jwk(), weak]}).to_string();
    let keys = KeySet::parse(text.as_bytes(), &KeySetLimits::default()).unwrap();
    let token = key().sign_with_header(&json!({"alg": "ES256", "kid": "other"}), &claims());
    let refusal = refusal_with(&token, &keys, &policy());
    assert_eq!(refusal.reason, Reason::KidUnknown);
    assert!(refusal.hint.unwrap().contains("use_not_sig"));
}

#[test]
fn keys_of_one_kid_are_all_tried_and_tokens_without_kid_try_four() {
    let keys: Vec<TestKey> = (0..6).map(|_| TestKey::generate(Algorithm::EdDsa, "same")).collect();
    let set = KeySet::parse(jwks(&keys).as_bytes(), &KeySetLimits::default()).unwrap();
    for (at, key) in keys.iter().enumerate() {
        for header in [json!({"alg": "EdDSA"}), json!({"alg": "EdDSA", "kid": "same"})] {
            let verdict = judge(&key.sign_with_header(&header, &claims()), &set, &policy());
            assert_eq!(verdict.is_ok(), at < jose::MAX_SIGNATURE_CHECKS, "{at}");
            if let Err(refusal) = verdict {
                assert_eq!(refusal.reason, Reason::SignatureInvalid);
                assert!(refusal.hint.unwrap().contains("kid"));
            }
        }
    }
}

// Step 11

#[test]
fn a_key_is_chosen_by_kid_and_algorithm_together() {
    let (ed, ec) = (TestKey::shared(Algorithm::EdDsa), TestKey::shared(Algorithm::Es256));
    let keys = KeySet::parse(jwks([ed, ec]).as_bytes(), &KeySetLimits::default()).expect("a sound key set");
    let signed = |by: &TestKey, header: Value| by.sign_with_header(&header, &claims());
    assert!(accepted(&signed(ec, json!({"alg": "ES256", "kid": ec.kid()})), &keys, &policy()));
    assert!(accepted(&signed(ec, json!({"alg": "ES256"})), &keys, &policy()));
    let of_other = signed(ec, json!({"alg": "ES256", "kid": ed.kid()}));
    let refusal = refusal_with(&of_other, &keys, &policy());
    assert_eq!((refusal.reason, refusal.received.as_str()), (Reason::KeyNotForAlg, "keys for EdDSA"));
}

#[test]
fn key_not_for_alg() {
    let rsa = TestKey::shared(Algorithm::Rs256);
    let as_pss = TestKey::shared(Algorithm::Ps256)
        .sign_with_header(&json!({"alg": "PS256", "kid": rsa.kid()}), &claims());
    assert_eq!(refusal_with(&as_pss, &key_set(rsa), &policy()).reason, Reason::KeyNotForAlg);
    let other_kind = key().sign_with_header(&json!({"alg": "RS256", "kid": key().kid()}), &claims());
    assert_refused(&other_kind, &policy(), Reason::KeyNotForAlg, Step::KeyPolicy);
    let no_kid = key().sign_with_header(&json!({"alg": "ES384"}), &claims());
    assert_refused(&no_kid, &policy(), Reason::KeyNotForAlg, Step::KeyPolicy);
}

#[test]
fn rsa_keys_without_alg_admit_all_six_algorithms_of_their_kind() {
    for algorithm in [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384] {
        let key = TestKey::shared(algorithm);
        let mut jwk = key.jwk();
        jwk.as_object_mut().unwrap().remove("alg");
        let text = json!({"keys": [jwk]}).to_string();
        let keys = KeySet::parse(text.as_bytes(), &KeySetLimits::default()).unwrap();
        assert!(judge(&key.sign(&claims()), &keys, &policy()).is_ok(), "{algorithm}");
    }
}

// Step 12

#[test]
fn signature_wrong_length() {
    let sound = key().sign(&claims());
    let signed = &sound[..sound.rfind('.').unwrap()];
    for bytes in [1, 63, 65, 70, 72, 132] {
        let token = format!("{signed}.{}", b64(vec![0x30; bytes]));
        let refusal = assert_refused(&token, &policy(), Reason::SignatureWrongLength, Step::Signature);
        assert!(refusal.hint.unwrap().contains("DER"));
    }
    for (algorithm, sound) in [(Algorithm::Es384, 96), (Algorithm::Es512, 132)] {
        let key = TestKey::shared(algorithm);
        let signed = key.sign(&claims());
        let signed = &signed[..signed.rfind('.').unwrap()];
        for bytes in [64, sound - 1, sound + 1] {
            let token = format!("{signed}.{}", b64(vec![1; bytes]));
            let refusal = refusal_with(&token, &key_set(key), &policy());
            assert_eq!(refusal.reason, Reason::SignatureWrongLength, "{algorithm}, {bytes} bytes");
        }
    }
}

#[test]
fn signature_invalid() {
    let sound = key().sign(&claims());
    let dot = sound.rfind('.').unwrap();
    for zero in [
        vec![0; 64],
        [vec![0; 32], vec![1; 32]].concat(),
        [vec![1; 32], vec![0; 32]].concat(),
        vec![0xff; 64],
    ] {
        let token = format!("{}.{}", &sound[..dot], b64(zero));
        assert_refused(&token, &policy(), Reason::SignatureInvalid, Step::Signature);
    }
    let other = TestKey::generate(Algorithm::Es256, key().kid());
    assert_refused(&other.sign(&claims()), &policy(), Reason::SignatureInvalid, Step::Signature);
    let changed = with(claims(), &json!({"sub": "root"})).to_string();
    let mut parts: Vec<&str> = sound.split('.').collect();
    let changed = b64(changed);
    parts[1] = &changed;
    assert_refused(&parts.join("."), &policy(), Reason::SignatureInvalid, Step::Signature);
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa] {
        let key = TestKey::shared(algorithm);
        let sound = key.sign(&claims());
        for bytes in [1, 64, 255, 256, 257] {
            let token = format!("{}.{}", &sound[..sound.rfind('.').unwrap()], b64(vec![0; bytes]));
            let reason = refusal_with(&token, &key_set(key), &policy()).reason;
            assert!(matches!(reason, Reason::SignatureInvalid | Reason::SignatureWrongLength), "{reason}");
        }
    }
}

#[test]
fn signature_budget_spent() {
    let token = key().sign(&claims());
    let token = Token::parse(&token).unwrap();
    let keys = key_set(key());
    let mut left = 1;
    assert!(verify_within(&token, &keys, &policy(), NOW, &mut left).is_ok());
    assert_eq!(left, 0);
    let refusal = verify_within(&token, &keys, &policy(), NOW, &mut left).unwrap_err();
    assert_eq!((refusal.reason, refusal.step), (Reason::SignatureBudgetSpent, Step::Signature));
}

// Step 13

#[test]
fn claims_too_large() {
    assert_eq!(jose::MAX_CLAIMS_BYTES, 8_192);
    let sized = |bytes: usize| {
        let bare = with(claims(), &json!({"x": ""})).to_string().len();
        json!({"x": "a".repeat(bytes - bare)})
    };
    let largest = with(claims(), &sized(jose::MAX_CLAIMS_BYTES));
    assert!(judge(&key().sign(&largest), &key_set(key()), &policy()).is_ok());
    claims_refused(&sized(jose::MAX_CLAIMS_BYTES + 1), &policy(), Reason::ClaimsTooLarge, Step::Claims);
}

#[test]
fn claims_not_json() {
    for bad in
        [&b""[..], b"foo", b"{\"a\":1}x", b"\xff", b"{\"a\":\"\\udc00\"}", b"{\"a\":01}", b"{\"a\":1e999}"]
    {
        let token = key().sign_bytes(header().to_string(), bad);
        assert_refused(&token, &policy(), Reason::ClaimsNotJson, Step::Claims);
    }
}

#[test]
fn claims_too_deep() {
    let nested = |depth: usize| {
        let inner = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let text = claims().to_string();
        key().sign_bytes(header().to_string(), format!("{{\"x\":{inner},{}", &text[1..]))
    };
    assert!(judge(&nested(15), &key_set(key()), &policy()).is_ok());
    assert_refused(&nested(16), &policy(), Reason::ClaimsTooDeep, Step::Claims);
}

#[test]
fn claims_duplicate_member() {
    let text = claims().to_string();
    for first in [r#""sub":"root""#, r#""s\u0075b":"root""#, r#""x":[{"y":{"z":1,"z":2}}]"#] {
        let token = key().sign_bytes(header().to_string(), format!("{{{first},{}", &text[1..]));
        assert_refused(&token, &policy(), Reason::ClaimsDuplicateMember, Step::Claims);
    }
}

#[test]
fn claims_not_object() {
    for bad in ["[]", "null", "\"x\"", "1", "true"] {
        let token = key().sign_bytes(header().to_string(), bad);
        assert_refused(&token, &policy(), Reason::ClaimsNotObject, Step::Claims);
    }
}

fn not_strings() -> [Value; 5] {
    [json!(null), json!(1), json!(["x"]), json!({"x": 1}), json!(true)]
}

#[test]
fn sub_not_string() {
    for sub in not_strings() {
        claims_refused(&json!({"sub": sub}), &policy(), Reason::SubNotString, Step::Claims);
    }
}

#[test]
fn jti_not_string() {
    for jti in not_strings() {
        claims_refused(&json!({"jti": jti}), &policy(), Reason::JtiNotString, Step::Claims);
    }
}

// Step 14

#[test]
fn iss_not_string() {
    for iss in not_strings() {
        claims_refused(&json!({"iss": iss}), &policy(), Reason::IssNotString, Step::Issuer);
        let unchecked = Policy { issuer: None, ..policy() };
        claims_refused(&json!({"iss": iss}), &unchecked, Reason::IssNotString, Step::Issuer);
    }
}

#[test]
fn issuer_missing() {
    let mut without = claims();
    without.as_object_mut().unwrap().remove("iss");
    assert_refused(&key().sign(&without), &policy(), Reason::IssuerMissing, Step::Issuer);
    let unchecked = Policy { issuer: None, ..policy() };
    assert!(judge(&key().sign(&without), &key_set(key()), &unchecked).is_ok());
}

#[test]
fn issuer_mismatch() {
    for (iss, hint) in [
        ("https://id.example.com/", Some("differs by a trailing slash")),
        ("https://ID.example.com", Some("differs by upper and lower case")),
        (" https://id.example.com", Some("differs by white space around it")),
        ("http://id.example.com", Some("differs by http and https")),
        ("https://id.example.com.thief.example", None),
        ("", None),
    ] {
        let refusal = claims_refused(&json!({"iss": iss}), &policy(), Reason::IssuerMismatch, Step::Issuer);
        assert_eq!(refusal.hint.as_deref(), hint);
    }
}

// Step 15

#[test]
fn aud_wrong_type() {
    for aud in [
        json!(null),
        json!(1),
        json!({"muster": true}),
        json!(["muster", 1]),
        json!([["muster"]]),
        json!(true),
    ] {
        for audience_policy in [AudiencePolicy::Required, AudiencePolicy::IfPresent, AudiencePolicy::Off] {
            let policy = Policy { audience_policy, ..policy() };
            claims_refused(&json!({"aud": aud}), &policy, Reason::AudWrongType, Step::Audience);
        }
    }
    for (aud, received) in [(json!(["muster", 1]), "a list with other values"), (json!(1), "number")] {
        let refusal = claims_refused(&json!({"aud": aud}), &policy(), Reason::AudWrongType, Step::Audience);
        assert_eq!(refusal.received, received);
    }
}

#[test]
fn audience_missing() {
    let mut without = claims();
    without.as_object_mut().unwrap().remove("aud");
    let token = key().sign(&without);
    assert_refused(&token, &policy(), Reason::AudienceMissing, Step::Audience);
    for audience_policy in [AudiencePolicy::IfPresent, AudiencePolicy::Off] {
        assert!(judge(&token, &key_set(key()), &Policy { audience_policy, ..policy() }).is_ok());
    }
}

#[test]
fn audience_mismatch() {
    for aud in
        [json!("other"), json!([]), json!(["a", "b"]), json!("Muster"), json!("muster muster"), json!("")]
    {
        for audience_policy in [AudiencePolicy::Required, AudiencePolicy::IfPresent] {
            let policy = Policy { audience_policy, ..policy() };
            claims_refused(&json!({"aud": aud}), &policy, Reason::AudienceMismatch, Step::Audience);
        }
        let off = Policy { audience_policy: AudiencePolicy::Off, ..policy() };
        assert!(judge(&key().sign(&with(claims(), &json!({"aud": aud}))), &key_set(key()), &off).is_ok());
    }
    for aud in [json!("muster"), json!(["x", "muster"])] {
        assert!(
            judge(&key().sign(&with(claims(), &json!({"aud": aud}))), &key_set(key()), &policy()).is_ok()
        );
    }
    let nothing_wanted = Policy { audiences: Vec::new(), ..policy() };
    claims_refused(&json!({}), &nothing_wanted, Reason::AudienceMismatch, Step::Audience);
}

// Step 16

#[test]
fn exp_missing() {
    let mut without = claims();
    without.as_object_mut().unwrap().remove("exp");
    assert_refused(&key().sign(&without), &policy(), Reason::ExpMissing, Step::Time);
}

fn not_numbers() -> [Value; 6] {
    [json!(null), json!("1700000600"), json!([1]), json!({}), json!(true), json!("")]
}

#[test]
fn exp_not_number() {
    for exp in not_numbers() {
        let quoted = exp.is_string();
        let refusal = claims_refused(&json!({"exp": exp}), &policy(), Reason::ExpNotNumber, Step::Time);
        assert_eq!(refusal.expected, "exp as a number of seconds since 1970");
        assert_eq!(refusal.hint.is_some_and(|hint| hint.contains("leave out the quotes")), quoted);
    }
}

#[test]
fn nbf_not_number() {
    for nbf in not_numbers() {
        claims_refused(&json!({"nbf": nbf}), &policy(), Reason::NbfNotNumber, Step::Time);
    }
}

#[test]
fn iat_not_number() {
    for iat in not_numbers() {
        claims_refused(&json!({"iat": iat}), &policy(), Reason::IatNotNumber, Step::Time);
    }
}

#[test]
fn time_out_of_range() {
    for time in [
        "-1",
        "1e300",
        "9223372036854775807",
        "9223372036854775808",
        "253402300800",
        "1700000600000",
        "-0.5e9",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let claims = with(claims(), &json!({name: "here"})).to_string().replace("\"here\"", time);
            let token = key().sign_bytes(header().to_string(), claims);
            assert_refused(&token, &policy(), Reason::TimeOutOfRange, Step::Time);
        }
    }
}

#[test]
fn token_expired() {
    let no_leeway = Policy { leeway_secs: 0, ..policy() };
    let refusal = claims_refused(&json!({"exp": NOW}), &no_leeway, Reason::TokenExpired, Step::Time);
    assert_eq!(refusal.code(), Code::TokenExpired);
    claims_refused(&json!({"exp": NOW - 30}), &policy(), Reason::TokenExpired, Step::Time);
    claims_refused(&json!({"exp": 0}), &policy(), Reason::TokenExpired, Step::Time);
    let more_than_most = Policy { leeway_secs: u32::MAX, ..policy() };
    claims_refused(&json!({"exp": NOW - 300}), &more_than_most, Reason::TokenExpired, Step::Time);
    let passes = |exp: Value, policy: &Policy| {
        judge(&key().sign(&with(claims(), &json!({"exp": exp}))), &key_set(key()), policy).is_ok()
    };
    assert!(passes(json!(NOW - 29), &policy()));
    assert!(passes(json!(NOW + 1), &no_leeway));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let now = NOW as f64;
    assert!(passes(json!(now + 0.5), &no_leeway));
    assert!(!passes(json!(now - 0.5), &no_leeway));
    for now in [i64::MIN, i64::MAX] {
        let token = key().sign(&claims());
        assert!(verify(&Token::parse(&token).unwrap(), &key_set(key()), &policy(), now).is_err());
    }
}

#[test]
fn token_not_yet_valid() {
    let refusal = claims_refused(&json!({"nbf": NOW + 31}), &policy(), Reason::TokenNotYetValid, Step::Time);
    assert_eq!(refusal.code(), Code::TokenNotYetValid);
    assert!(
        judge(&key().sign(&with(claims(), &json!({"nbf": NOW + 30}))), &key_set(key()), &policy()).is_ok()
    );
}

#[test]
fn issued_in_future() {
    claims_refused(&json!({"iat": NOW + 31}), &policy(), Reason::IssuedInFuture, Step::Time);
    assert!(
        judge(&key().sign(&with(claims(), &json!({"iat": NOW + 30}))), &key_set(key()), &policy()).is_ok()
    );
}

#[test]
fn lifetime_too_long() {
    let short = Policy { max_lifetime_secs: Some(600), ..policy() };
    claims_refused(&json!({"exp": NOW + 601, "iat": NOW}), &short, Reason::LifetimeTooLong, Step::Time);
    claims_refused(&json!({"exp": 253_402_300_799_i64}), &policy(), Reason::LifetimeTooLong, Step::Time);
    let judged = |changes: Value, removed: &[&str], policy: &Policy| {
        let mut claims = with(claims(), &changes);
        for name in removed {
            claims.as_object_mut().unwrap().remove(*name);
        }
        judge(&key().sign(&claims), &key_set(key()), policy).map_err(|refusal| refusal.reason)
    };
    assert!(judged(json!({"exp": NOW + 600, "iat": NOW}), &[], &short).is_ok());
    assert!(judged(json!({"exp": NOW + 630}), &["iat"], &short).is_ok());
    assert_eq!(judged(json!({"exp": NOW + 631}), &["iat"], &short).unwrap_err(), Reason::LifetimeTooLong);
    assert_eq!(
        judged(json!({"exp": NOW + 601, "nbf": NOW}), &["iat"], &short).unwrap_err(),
        Reason::LifetimeTooLong
    );
    let any = Policy { max_lifetime_secs: None, ..policy() };
    assert!(judged(json!({"exp": 253_402_300_799_i64}), &[], &any).is_ok());
}

// Step 17

fn ruled(claim: &str, op: RuleOp) -> Policy {
    Policy { rules: vec![Rule::new(claim, op).expect("a sound rule")], ..policy() }
}

#[test]
fn rule_claim_missing() {
    for claim in ["project", "/project/id", "/groups/9", "/sub/x", "Sub"] {
        let policy = ruled(claim, RuleOp::Equals(json!("x")));
        claims_refused(&json!({"groups": ["a"]}), &policy, Reason::RuleClaimMissing, Step::Rules);
    }
}

#[test]
fn rule_mismatch() {
    let policy = ruled("sub", RuleOp::Equals(json!("job-8")));
    let refusal = claims_refused(&json!({}), &policy, Reason::RuleMismatch, Step::Rules);
    assert_eq!(refusal.expected, r#""sub" equals "job-8""#);
    assert_eq!(refusal.received, r#""job-7""#);
    let two = Policy {
        rules: vec![
            Rule::new("sub", RuleOp::Equals(json!("job-7"))).unwrap(),
            Rule::new("sub", RuleOp::Glob("*-8".to_owned())).unwrap(),
        ],
        ..support::policy()
    };
    claims_refused(&json!({}), &two, Reason::RuleMismatch, Step::Rules);
}

// Step 18

#[test]
fn jti_missing() {
    let policy = Policy { require_jti: true, ..policy() };
    assert!(judge(&key().sign(&claims()), &key_set(key()), &policy).is_ok());
    claims_refused(&json!({"jti": ""}), &policy, Reason::JtiMissing, Step::Replay);
    let mut without = claims();
    without.as_object_mut().unwrap().remove("jti");
    assert_refused(&key().sign(&without), &policy, Reason::JtiMissing, Step::Replay);
}

#[test]
fn jti_too_long() {
    let policy = Policy { require_jti: true, ..policy() };
    let longest = with(claims(), &json!({"jti": "j".repeat(256)}));
    assert!(judge(&key().sign(&longest), &key_set(key()), &policy).is_ok());
    claims_refused(&json!({"jti": "j".repeat(257)}), &policy, Reason::JtiTooLong, Step::Replay);
}

// The order, the checks before keys, and explanations

#[test]
fn the_signature_is_judged_before_the_claims() {
    let other = TestKey::generate(Algorithm::Es256, key().kid());
    let expired = other.sign(&with(claims(), &json!({"exp": 1})));
    assert_refused(&expired, &policy(), Reason::SignatureInvalid, Step::Signature);
    let garbage = other.sign_bytes(header().to_string(), "foo");
    assert_refused(&garbage, &policy(), Reason::SignatureInvalid, Step::Signature);
}

#[test]
fn the_check_before_keys_looks_at_unverified_claims() {
    let check = |token: &str, policy: &Policy| {
        precheck(&Token::parse(token).unwrap(), policy, NOW).map_err(|refusal| refusal.reason)
    };
    let forged = TestKey::generate(Algorithm::Es256, "any").sign(&claims());
    assert_eq!(check(&forged, &policy()), Ok(()));
    let bad = |changes: Value| key().sign(&with(claims(), &changes));
    assert_eq!(check(&bad(json!({"iss": "x"})), &policy()), Err(Reason::IssuerMismatch));
    assert_eq!(check(&bad(json!({"aud": "x"})), &policy()), Err(Reason::AudienceMismatch));
    assert_eq!(check(&bad(json!({"exp": 1})), &policy()), Err(Reason::TokenExpired));
    let ruled = ruled("sub", RuleOp::Equals(json!("x")));
    assert_eq!(check(&forged, &ruled), Err(Reason::RuleMismatch));
    let other_algorithm = Policy { algorithms: Algorithm::Rs256.into(), ..policy() };
    assert_eq!(check(&forged, &other_algorithm), Err(Reason::AlgNotAllowed));
    assert_eq!(check(&key().sign_bytes(header().to_string(), "[]"), &policy()), Err(Reason::ClaimsNotObject));
}

#[test]
fn an_explanation_goes_on_after_failures() {
    let token = key().sign_with_header(
        &json!({"alg": "ES256", "kid": "gone", "crit": ["x"], "typ": "dpop+jwt"}),
        &with(claims(), &json!({"iss": "https://id.example.com/", "aud": 1, "exp": 1, "nbf": "x", "sub": 5})),
    );
    let policy = Policy {
        rules: ["a", "b"].map(|name| Rule::new(name, RuleOp::Equals(json!(1))).unwrap()).to_vec(),
        ..policy()
    };
    let reports = explain(&token, Some(&key_set(key())), &policy, NOW).steps;
    let failed: Vec<&str> = reports.iter().filter_map(|report| report.reason.map(Reason::as_str)).collect();
    assert_eq!(
        failed,
        [
            "crit_not_supported",
            "typ_not_supported",
            "kid_unknown",
            "sub_not_string",
            "issuer_mismatch",
            "aud_wrong_type",
            "token_expired",
            "nbf_not_number",
            "rule_claim_missing",
            "rule_claim_missing"
        ]
    );
    let outcome = |step: Step| reports.iter().find(|report| report.step == step).unwrap().outcome;
    assert_eq!(outcome(Step::Signature), Outcome::Skip);
    assert_eq!(outcome(Step::Replay), Outcome::Skip);
    assert_eq!(outcome(Step::Header), Outcome::Pass);
}

#[test]
fn jwks_unavailable() {
    let reports = explain(&key().sign(&claims()), None, &policy(), NOW).steps;
    let skipped: Vec<Step> =
        reports.iter().filter(|r| r.outcome == Outcome::Skip).map(|report| report.step).collect();
    assert_eq!(skipped, [Step::KeyPolicy, Step::Signature, Step::Rules, Step::Replay]);
    let failed: Vec<_> = reports.iter().filter_map(|r| r.reason.map(|reason| (r.step, reason))).collect();
    assert_eq!(failed, [(Step::KeyId, Reason::JwksUnavailable)]);
    assert_eq!(Reason::JwksUnavailable.code(), Code::JwksUnavailable);
    let report = serde_json::to_value(&reports[5]).unwrap();
    assert_eq!(report["number"], 6);
    assert_eq!(report["step"], "algorithm");
    assert_eq!(report["outcome"], "pass");
    assert_eq!(report["reason"], Value::Null);
}

// Steps that the server takes; here is only what callers are told of them.

#[test]
fn token_replayed() {
    assert_eq!(Reason::TokenReplayed.code(), Code::TokenUntrusted);
}

#[test]
fn service_account_missing() {
    assert_eq!(Reason::ServiceAccountMissing.code(), Code::TokenUntrusted);
}

#[test]
fn permission_missing() {
    assert_eq!(Reason::PermissionMissing.code().as_str(), "insufficient_permission");
}

#[test]
fn an_explanation_says_what_is_verified_and_only_then() {
    let token = key().sign(&claims());
    let whole = explain(&token, Some(&key_set(key())), &policy(), NOW);
    assert_eq!(whole.verified.as_ref().and_then(Verified::subject), Some("job-7"));
    let late = explain(&token, Some(&key_set(key())), &policy(), NOW + 9_000);
    assert!(late.verified.is_none(), "the signature holds, the time does not: {:#?}", late.steps);
    let other = Policy { issuer: Some("https://other.example.com".into()), ..policy() };
    let foreign = explain(&token, Some(&key_set(key())), &other, NOW);
    assert!(foreign.verified.is_none(), "all holds but the issuer: {:#?}", foreign.steps);
}

#[test]
fn refusals_read_as_sentences_and_as_json() {
    let refusal = claims_refused(&json!({"exp": NOW - 60}), &policy(), Reason::TokenExpired, Step::Time);
    assert_eq!(
        refusal.to_string(),
        "token_expired (step 16, time): expected exp after 1700000000, leeway 30 s, \
         received exp 1699999940, 60 s ago; get a new token; if it is new, compare the clocks"
    );
    let json = serde_json::to_value(&refusal).unwrap();
    assert_eq!((json["step"].as_str(), json["reason"].as_str()), (Some("time"), Some("token_expired")));
    assert_eq!(refusal.code().as_str(), "token_expired");
}
