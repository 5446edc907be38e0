//! Key pairs that sign tokens, for tests. Behind the feature `testing`; it never verifies anything.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::algorithm::Algorithm;
use crate::base64url;

/// A key pair with a `kid` and the algorithm it signs with.
pub struct TestKey {
    kid: String,
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestKey({:?}, {})", self.kid, self.algorithm)
    }
}

impl TestKey {
    /// Makes a new key pair. An RSA one (2048 bits) takes a tenth of a second: prefer [`TestKey::shared`].
    ///
    /// # Panics
    /// If the cryptographic library cannot make a key.
    pub fn generate(algorithm: Algorithm, kid: &str) -> Self {
        let pair = match algorithm {
            Algorithm::Es256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().expect("Ed25519 key generation")),
            _ => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("RSA key generation")),
        };
        Self { kid: kid.to_owned(), algorithm, pair }
    }

    /// One key pair for each algorithm and process, with the algorithm's name as `kid`.
    pub fn shared(algorithm: Algorithm) -> &'static Self {
        static KEYS: [LazyLock<TestKey>; 10] = {
            const fn key<const AT: usize>() -> LazyLock<TestKey> {
                LazyLock::new(|| TestKey::generate(Algorithm::ALL[AT], Algorithm::ALL[AT].name()))
            }
            [
                key::<0>(),
                key::<1>(),
                key::<2>(),
                key::<3>(),
                key::<4>(),
                key::<5>(),
                key::<6>(),
                key::<7>(),
                key::<8>(),
                key::<9>(),
            ]
        };
        &KEYS[algorithm as usize]
    }

    /// The key's `kid`.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A JWT of these claims with a header of `alg`, `kid` and `typ`.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "kid": self.kid, "typ": "JWT"});
        self.sign_with_header(&header, claims)
    }

    /// A JWT of exactly this header.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string(), claims.to_string())
    }

    /// A compact JWS over any bytes, sound or not.
    pub fn sign_bytes(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
        let signature = base64url::encode(self.signature(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The bare signature over `message`, as JWS has it.
    ///
    /// # Panics
    /// If the cryptographic library cannot sign.
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).expect("ECDSA signing").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let encoding: &'static dyn signature::RsaEncoding = match self.algorithm {
                    Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).expect("RSA signing");
                signature
            }
        }
    }

    /// The public key as a JWK with `kid`, `alg` and `use`.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(pair.public_key())})
            }
            Pair::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = match self.algorithm {
                    Algorithm::Es384 => "P-384",
                    Algorithm::Es512 => "P-521",
                    _ => "P-256",
                };
                json!({"kty": "EC", "crv": crv, "x": base64url::encode(x), "y": base64url::encode(y)})
            }
            Pair::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref());
                json!({"kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e)})
            }
        };
        jwk["kid"] = self.kid.clone().into();
        jwk["alg"] = self.algorithm.name().into();
        jwk["use"] = "sig".into();
        jwk
    }
}

/// A JWKS of these keys, as an issuer publishes it.
pub fn jwks<'k>(keys: impl IntoIterator<Item = &'k TestKey>) -> String {
    json!({"keys": keys.into_iter().map(TestKey::jwk).collect::<Vec<_>>()}).to_string()
}

fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> Pair {
    Pair::Ecdsa(EcdsaKeyPair::generate(algorithm).expect("ECDSA key generation"))
}

/// Modulus and exponent of an `RSAPublicKey` in DER (RFC 8017 A.1.1), without leading zero bytes.
fn rsa_numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = der_content(der);
    let (modulus, rest) = der_content(sequence);
    let (exponent, _) = der_content(rest);
    let number = |bytes: &'_ [u8]| bytes.iter().take_while(|byte| **byte == 0).count();
    (&modulus[number(modulus)..], &exponent[number(exponent)..])
}

/// The content of the first DER value, and what follows it.
fn der_content(der: &[u8]) -> (&[u8], &[u8]) {
    let (start, length) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let length = der[2..2 + count].iter().fold(0, |length, byte| length * 256 + usize::from(*byte));
            (2 + count, length)
        }
    };
    der[start..].split_at(length)
}
