//! Key sets: what makes a key usable, every reason to skip one, and what makes a whole set an error.

use jose::testing::{TestKey, jwks};
use jose::{Algorithm, Algorithms, JsonError, KeySet, KeySetError, KeySetLimits, SkipReason};
use serde_json::{Value, json};

use crate::support::{b64, with};

fn parse(text: impl AsRef<[u8]>) -> Result<KeySet, KeySetError> {
    KeySet::parse(text.as_ref(), &KeySetLimits::default())
}

fn jwk(algorithm: Algorithm) -> Value {
    TestKey::shared(algorithm).jwk()
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().expect("an object").remove(name);
    value
}

/// Wants this entry to be skipped beside a sound key, and to make a set of its own unusable.
#[track_caller]
fn assert_skipped(entry: &str, reason: SkipReason) {
    let set = parse(format!("{{\"keys\":[{},{entry}]}}", jwk(Algorithm::EdDsa))).expect("a usable set");
    assert_eq!(set.keys().len(), 1, "{entry} is used");
    let skipped = &set.skipped()[0];
    assert_eq!((skipped.index, skipped.reason), (1, reason), "{entry}: {}", skipped.detail);
    assert!(!skipped.detail.is_empty());
    match parse(format!("{{\"keys\":[{entry}]}}")).expect_err("nothing usable") {
        KeySetError::NoUsableKeys(skipped) => assert_eq!(skipped[0].reason, reason),
        other => panic!("{other}"),
    }
}

#[track_caller]
fn changed_skipped(algorithm: Algorithm, changes: &Value, reason: SkipReason) {
    assert_skipped(&with(jwk(algorithm), changes).to_string(), reason);
}

fn admitted(jwk: &Value) -> Algorithms {
    let set = parse(json!({"keys": [jwk]}).to_string()).expect("a usable key");
    set.keys()[0].algorithms()
}

#[test]
fn every_reason_has_a_test_of_its_name() {
    let source = include_str!("keys.rs");
    for reason in SkipReason::ALL {
        assert!(source.contains(&format!("fn {reason}()")), "no test for {reason}");
    }
}

#[test]
fn keys_admit_what_their_type_and_alg_say() {
    for algorithm in Algorithm::ALL {
        assert_eq!(admitted(&jwk(algorithm)), algorithm.into());
    }
    let rsa: Algorithms = Algorithm::ALL[..6].iter().copied().collect();
    assert_eq!(admitted(&without(jwk(Algorithm::Rs256), "alg")), rsa);
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa] {
        let bare = without(without(without(jwk(algorithm), "alg"), "use"), "kid");
        assert_eq!(admitted(&bare), algorithm.into());
    }
    assert_eq!(admitted(&with(jwk(Algorithm::EdDsa), &json!({"alg": "Ed25519"}))), Algorithm::EdDsa.into());
    let extras =
        json!({"key_ops": ["verify"], "x5c": ["MII…"], "x5t": "a", "ext": true, "unknown": {"a": [1]}});
    assert_eq!(admitted(&with(jwk(Algorithm::Es256), &extras)), Algorithm::Es256.into());
    let set = parse(jwks([TestKey::shared(Algorithm::Es512)])).unwrap();
    assert_eq!((set.keys()[0].bits(), set.keys()[0].kid()), (521, Some("ES512")));
}

#[test]
fn leading_zeros_of_rsa_numbers_are_forgiven() {
    let key = TestKey::shared(Algorithm::Rs256);
    let with_zero = |name: &str| {
        let number = key.jwk()[name].as_str().unwrap().to_owned();
        let mut bytes = vec![0];
        bytes.extend(base64_decode(&number));
        b64(bytes)
    };
    let padded = with(key.jwk(), &json!({"n": with_zero("n"), "e": with_zero("e")}));
    let set = parse(json!({"keys": [padded]}).to_string()).unwrap();
    assert_eq!(set.keys()[0].bits(), 2048);
    assert!(set.keys()[0].verifies(Algorithm::Rs256, b"text", &key.signature(b"text")));
    assert!(!set.keys()[0].verifies(Algorithm::Rs256, b"texts", &key.signature(b"text")));
    assert!(!set.keys()[0].verifies(Algorithm::Ps256, b"text", &key.signature(b"text")));
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

#[test]
fn lookup_by_kid_takes_duplicates() {
    let keys = [
        TestKey::generate(Algorithm::Es256, "a"),
        TestKey::generate(Algorithm::Es384, "a"),
        TestKey::generate(Algorithm::EdDsa, "b"),
    ];
    let set = parse(jwks(&keys)).unwrap();
    assert_eq!(set.with_kid("a").count(), 2);
    assert_eq!(set.with_kid("A").count(), 0);
}

// Whole sets

#[test]
fn sets_that_are_no_strict_json_are_errors() {
    for bad in ["", "{", "not json", "{\"keys\":[]}x", "{\"keys\":[\"\\ud800\"]}", "\u{feff}{\"keys\":[]}"] {
        assert!(matches!(parse(bad), Err(KeySetError::NotJson(_))), "{bad}");
    }
    assert!(matches!(parse(b"\xff"), Err(KeySetError::NotJson(JsonError::NotUtf8))));
    let deep = format!("{{\"keys\":[{}]}}", "[".repeat(100_000));
    assert!(matches!(parse(deep), Err(KeySetError::NotJson(JsonError::TooDeep(_)))));
}

#[test]
fn texts_that_are_no_key_sets_are_errors() {
    let one = jwk(Algorithm::Es256).to_string();
    let twice = format!("{{\"keys\":[{one}],\"keys\":[]}}");
    for bad in ["[]", "{}", "null", "{\"Keys\":[]}", "{\"keys\":{}}", "{\"keys\":null}", &one, &twice] {
        assert!(matches!(parse(bad), Err(KeySetError::NotKeySet(_))), "{bad}");
    }
    assert_eq!(parse("{\"keys\":[]}").unwrap_err(), KeySetError::NoUsableKeys(Vec::new()));
}

#[test]
fn sets_over_the_limits_are_errors() {
    let limits = KeySetLimits::default();
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "a".repeat(limits.max_bytes));
    assert!(matches!(parse(&large), Err(KeySetError::TooLarge { .. })));
    let (sound, max_bytes) = (jwks([TestKey::shared(Algorithm::EdDsa)]), large.len());
    let padded = format!("{sound}{}", " ".repeat(max_bytes - sound.len()));
    assert!(KeySet::parse(padded.as_bytes(), &KeySetLimits { max_bytes, ..limits }).is_ok());
    let many = |count: usize| json!({"keys": vec![jwk(Algorithm::EdDsa); count]}).to_string();
    assert_eq!(parse(many(100)).unwrap().keys().len(), 100);
    assert_eq!(parse(many(101)).unwrap_err(), KeySetError::TooManyKeys { keys: 101, limit: 100 });
    let message = parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}").unwrap_err().to_string();
    assert!(message.contains("symmetric_key") && message.contains("publish a public"), "{message}");
}

#[test]
fn a_set_of_many_members_is_read_in_no_time() {
    let members: Vec<String> = (0..15_000).map(|at| format!("\"m{at}\":0")).collect();
    let text = format!("{{\"keys\":[{}],{}}}", jwk(Algorithm::Es256), members.join(","));
    let start = std::time::Instant::now();
    assert!(parse(text).is_ok());
    assert!(start.elapsed().as_secs() < 2);
}

// Each reason to skip a key

#[test]
fn not_an_object() {
    for entry in ["null", "1", "\"x\"", "[]", "true"] {
        assert_skipped(entry, SkipReason::NotAnObject);
    }
}

#[test]
fn duplicate_member() {
    let text = jwk(Algorithm::Es256).to_string();
    for start in [r#""kty":"oct""#, r#""\u006bty":"RSA""#, r#""x":{"y":1,"y":1}"#, r#""use":"enc""#] {
        assert_skipped(&format!("{{{start},{}", &text[1..]), SkipReason::DuplicateMember);
    }
}

#[test]
fn kty_not_supported() {
    for kty in [json!("AKP"), json!("rsa"), json!(""), json!(null), json!(["RSA"]), json!(1)] {
        changed_skipped(Algorithm::Es256, &json!({"kty": kty}), SkipReason::KtyNotSupported);
    }
    assert_skipped("{}", SkipReason::KtyNotSupported);
    assert_skipped(&without(jwk(Algorithm::Rs256), "kty").to_string(), SkipReason::KtyNotSupported);
}

#[test]
fn symmetric_key() {
    assert_skipped(r#"{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","alg":"HS256"}"#, SkipReason::SymmetricKey);
    assert_skipped(r#"{"kty":"oct"}"#, SkipReason::SymmetricKey);
}

#[test]
fn private_members() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        changed_skipped(Algorithm::Rs256, &json!({member: "AQAB"}), SkipReason::PrivateMembers);
        changed_skipped(Algorithm::Es256, &json!({member: null}), SkipReason::PrivateMembers);
    }
}

#[test]
fn use_not_sig() {
    for usage in [json!("enc"), json!("SIG"), json!(""), json!(null), json!(["sig"]), json!("tls")] {
        changed_skipped(Algorithm::Es256, &json!({"use": usage}), SkipReason::UseNotSig);
    }
}

#[test]
fn key_ops_without_verify() {
    for operations in [
        json!([]),
        json!(["sign"]),
        json!(["encrypt", "wrapKey"]),
        json!("verify"),
        json!(null),
        json!(["verify", 1]),
        json!(["verify", "verify"]),
        json!({"verify": true}),
    ] {
        changed_skipped(Algorithm::Es256, &json!({"key_ops": operations}), SkipReason::KeyOpsWithoutVerify);
    }
}

#[test]
fn alg_not_supported() {
    for alg in [
        json!("RSA-OAEP"),
        json!("ES256K"),
        json!("none"),
        json!("HS256"),
        json!("es256"),
        json!(null),
        json!(1),
    ] {
        changed_skipped(Algorithm::Es256, &json!({"alg": alg}), SkipReason::AlgNotSupported);
        changed_skipped(Algorithm::Rs256, &json!({"alg": alg}), SkipReason::AlgNotSupported);
    }
}

#[test]
fn alg_mismatch() {
    changed_skipped(Algorithm::Es256, &json!({"alg": "ES384"}), SkipReason::AlgMismatch);
    changed_skipped(Algorithm::Es256, &json!({"alg": "RS256"}), SkipReason::AlgMismatch);
    changed_skipped(Algorithm::Es384, &json!({"alg": "ES256"}), SkipReason::AlgMismatch);
    changed_skipped(Algorithm::Rs256, &json!({"alg": "EdDSA"}), SkipReason::AlgMismatch);
    changed_skipped(Algorithm::EdDsa, &json!({"alg": "ES256"}), SkipReason::AlgMismatch);
    changed_skipped(Algorithm::Es256, &json!({"crv": "P-384"}), SkipReason::AlgMismatch);
}

#[test]
fn crv_not_supported() {
    for crv in [json!("secp256k1"), json!("P-192"), json!("p-256"), json!("Ed25519"), json!(null), json!(256)]
    {
        changed_skipped(Algorithm::Es256, &json!({"crv": crv}), SkipReason::CrvNotSupported);
    }
    for crv in [json!("Ed448"), json!("X25519"), json!("P-256"), json!(null)] {
        changed_skipped(Algorithm::EdDsa, &json!({"crv": crv}), SkipReason::CrvNotSupported);
    }
    assert_skipped(&without(jwk(Algorithm::EdDsa), "crv").to_string(), SkipReason::CrvNotSupported);
}

#[test]
fn kid_invalid() {
    for kid in [json!(null), json!(1), json!(["a"]), json!("k".repeat(257))] {
        changed_skipped(Algorithm::Es256, &json!({"kid": kid}), SkipReason::KidInvalid);
    }
}

#[test]
fn member_invalid() {
    for (algorithm, member) in [
        (Algorithm::Rs256, "n"),
        (Algorithm::Rs256, "e"),
        (Algorithm::Es256, "x"),
        (Algorithm::Es256, "y"),
        (Algorithm::EdDsa, "x"),
    ] {
        assert_skipped(&without(jwk(algorithm), member).to_string(), SkipReason::MemberInvalid);
        let sound = jwk(algorithm)[member].as_str().unwrap().to_owned();
        for bad in [
            json!(null),
            json!(65537),
            json!(""),
            json!("A"),
            json!("é"),
            json!(format!("{sound}=")),
            json!(format!(" {sound}")),
        ] {
            changed_skipped(algorithm, &json!({member: bad}), SkipReason::MemberInvalid);
        }
    }
    for (algorithm, bytes) in
        [(Algorithm::Es256, 31), (Algorithm::Es256, 33), (Algorithm::Es512, 65), (Algorithm::EdDsa, 31)]
    {
        changed_skipped(algorithm, &json!({"x": b64(vec![7; bytes])}), SkipReason::MemberInvalid);
    }
}

fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xa5; bits / 8];
    bytes[0] |= 0x80;
    b64(bytes)
}

#[test]
fn rsa_too_small() {
    for bits in [8, 512, 1024, 2040] {
        changed_skipped(Algorithm::Rs256, &json!({"n": modulus(bits)}), SkipReason::RsaTooSmall);
    }
    let zeros_do_not_count = b64([vec![0; 200], vec![0xa5; 128]].concat());
    changed_skipped(Algorithm::Rs256, &json!({"n": zeros_do_not_count}), SkipReason::RsaTooSmall);
    let mut one_bit_less = vec![0xa5; 256];
    one_bit_less[0] = 0x7f;
    changed_skipped(Algorithm::Rs256, &json!({"n": b64(one_bit_less)}), SkipReason::RsaTooSmall);
}

#[test]
fn rsa_too_large() {
    for bits in [8200, 16384] {
        changed_skipped(Algorithm::Rs256, &json!({"n": modulus(bits)}), SkipReason::RsaTooLarge);
    }
}

#[test]
fn rsa_modulus_even() {
    let mut even = vec![0xa5; 256];
    even[255] = 0xa4;
    changed_skipped(Algorithm::Rs256, &json!({"n": b64(even)}), SkipReason::RsaModulusEven);
}

#[test]
fn rsa_exponent() {
    for exponent in
        [&[0][..], &[1], &[2], &[3], &[17], &[1, 0, 0], &[0xff, 0xff], &[1, 0, 0, 0, 0, 1], &[0xff; 256]]
    {
        changed_skipped(Algorithm::Rs256, &json!({"e": b64(exponent)}), SkipReason::RsaExponent);
    }
}

#[test]
fn rsa_roca() {
    // Congruent to one modulo every prime of the fingerprint, hence a power of the generator.
    let primes = [11_u128, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    let product: u128 = primes.iter().product();
    let mut number = vec![0_u8; 256];
    number[0] = 0x80;
    let rest = number.iter().fold(0, |rest, byte| (rest * 256 + u128::from(*byte)) % product);
    let mut low = product - rest + 1;
    if low.is_multiple_of(2) {
        low += product;
    }
    number[240..].copy_from_slice(&low.to_be_bytes());
    changed_skipped(Algorithm::Rs256, &json!({"n": b64(&number)}), SkipReason::RsaRoca);
    number[255] ^= 2;
    let other = with(jwk(Algorithm::Rs256), &json!({"n": b64(&number)}));
    assert_eq!(parse(json!({"keys": [other]}).to_string()).unwrap().keys()[0].bits(), 2048);
}

#[test]
fn limits_of_the_rsa_size_stay_within_those_of_the_verification() {
    let wide = KeySetLimits { min_rsa_bits: 512, max_rsa_bits: 100_000, ..KeySetLimits::default() };
    let narrow = KeySetLimits { min_rsa_bits: 3072, ..KeySetLimits::default() };
    for (bits, limits, reason) in [
        (1024, wide, SkipReason::RsaTooSmall),
        (16_384, wide, SkipReason::RsaTooLarge),
        (2048, narrow, SkipReason::RsaTooSmall),
    ] {
        let set = json!({"keys": [with(jwk(Algorithm::Rs256), &json!({"n": modulus(bits)}))]}).to_string();
        match KeySet::parse(set.as_bytes(), &limits).unwrap_err() {
            KeySetError::NoUsableKeys(skipped) => assert_eq!(skipped[0].reason, reason),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn bad_point() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        let jwk = jwk(algorithm);
        changed_skipped(algorithm, &json!({"y": jwk["x"]}), SkipReason::BadPoint);
        let zero = b64(vec![0; base64_decode(jwk["x"].as_str().unwrap()).len()]);
        changed_skipped(algorithm, &json!({"x": zero, "y": zero}), SkipReason::BadPoint);
        let ones = b64(vec![0xff; base64_decode(jwk["x"].as_str().unwrap()).len()]);
        changed_skipped(algorithm, &json!({"x": ones}), SkipReason::BadPoint);
    }
    for (first, last) in [(0, 0), (1, 0), (1, 0x80), (0, 0x80)] {
        let mut small = [0_u8; 32];
        (small[0], small[31]) = (first, last);
        changed_skipped(Algorithm::EdDsa, &json!({"x": b64(small)}), SkipReason::BadPoint);
    }
    let mut minus_one = [0xff_u8; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    changed_skipped(Algorithm::EdDsa, &json!({"x": b64(minus_one)}), SkipReason::BadPoint);
}
