//! A token issuer: signs JWTs with an RSA and an EC key and publishes both keys on loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::Result;

/// The issuer with one token of each kind.
#[derive(Debug)]
pub struct Issuer {
    /// Where its keys are.
    pub url: String,
    pub rs256: String,
    pub es256: String,
    published: Arc<Published>,
}

/// What whoever asks gets.
#[derive(Debug, Default)]
struct Published {
    keys: Mutex<Vec<Value>>,
    fetches: AtomicU64,
}

impl Issuer {
    /// The claim that its tokens carry.
    pub const CLAIM: (&str, &str) = ("client_id", "bench");

    /// Makes keys and tokens and publishes until the program ends.
    pub fn start() -> Result<Self> {
        let failed = |_| "the cryptographic library makes no key".to_owned();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let ec = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        let (random, mut mark) = (SystemRandom::new(), vec![0; rsa.public_modulus_len()]);
        let claims = claims();
        let rs256 = sign("RS256", "rsa", &claims, |message| {
            rsa.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut mark).map_err(failed)?;
            Ok(mark.clone())
        })?;
        let es256 = sign("ES256", "ec", &claims, |message| {
            Ok(ec.sign(&random, message).map_err(failed)?.as_ref().to_vec())
        })?;
        let keys = Mutex::new(vec![rsa_jwk(&rsa)?, ec_jwk(&ec, "ec")]);
        let published = Arc::new(Published { keys, fetches: AtomicU64::new(0) });
        Ok(Self { url: publish(&published)?, rs256, es256, published })
    }

    /// How often its keys were asked for so far.
    pub fn fetches(&self) -> u64 {
        self.published.fetches.load(Relaxed)
    }

    /// Publishes one more key, and answers a token of it.
    pub fn rotate(&self) -> Result<String> {
        let failed = |_| "the cryptographic library makes no key".to_owned();
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        let token = sign("ES256", "next", &claims(), |message| {
            Ok(pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec())
        })?;
        let mut keys = self.published.keys.lock().map_err(|_| "the issuer has failed")?;
        keys.push(ec_jwk(&pair, "next"));
        Ok(token)
    }
}

/// Good for an hour.
fn claims() -> String {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let (name, value) = Issuer::CLAIM;
    let mut claims = json!({"iss": "https://issuer.bench.example", "sub": "bench", "aud": "muster"});
    claims[name] = value.into();
    claims["iat"] = now.into();
    claims["exp"] = (now + 3_600).into();
    claims.to_string()
}

fn sign(alg: &str, kid: &str, claims: &str, by: impl FnOnce(&[u8]) -> Result<Vec<u8>>) -> Result<String> {
    let header = json!({"alg": alg, "kid": kid, "typ": "JWT"}).to_string();
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mark = by(text.as_bytes())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(mark)))
}

fn ec_jwk(pair: &EcdsaKeyPair, kid: &str) -> Value {
    // An uncompressed point: 4, then both coordinates of 32 bytes.
    let point = &pair.public_key().as_ref()[1..];
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[..32]), URL_SAFE_NO_PAD.encode(&point[32..]));
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y})
}

fn rsa_jwk(pair: &RsaKeyPair) -> Result<Value> {
    let (n, e) = rsa_numbers(pair.public_key().as_ref()).ok_or("the public key is no RSAPublicKey in DER")?;
    let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
    Ok(json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": n, "e": e}))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 A.1.1): a sequence of two integers.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = der_value(der)?;
    let (modulus, rest) = der_value(sequence)?;
    let (exponent, _) = der_value(rest)?;
    let bare = |bytes: &'_ [u8]| bytes.iter().take_while(|byte| **byte == 0).count();
    Some((&modulus[bare(modulus)..], &exponent[bare(exponent)..]))
}

/// The content of the first value, and what follows it.
fn der_value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = match *first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (length, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}

/// Answers every connection with the key set.
fn publish(published: &Arc<Published>) -> Result<String> {
    let failed = |error| format!("the keys cannot be published on loopback: {error}");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let published = Arc::clone(published);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            published.fetches.fetch_add(1, Relaxed);
            let Ok(keys) = published.keys.lock().map(|keys| json!({"keys": *keys}).to_string()) else {
                return;
            };
            let length = keys.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{keys}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Ok(format!("http://{address}/keys"))
}
