//! 200,000 forged tokens: header, claims and signature changed by structure (types, nesting, members) and by
//! byte, and signed again by whoever could sign. None is accepted and none makes the verifier panic.
//!
//! Which change a number stands for never differs from run to run, so a failure names the one to look at.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, KeySetLimits};
use serde_json::{Value, json};
use support::{NOW, accepted, b64, claims, key_set, policy};

const FORGERIES: u64 = 200_000;

/// Numbers from a number (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.next() % bound).expect("below a small number")
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// JSON of any type, as text: also what no serializer writes.
fn any_json(dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => "null".into(),
        1 => "true".into(),
        2 => format!("{}", i64::from_ne_bytes(dice.next().to_ne_bytes())),
        3 => "1e999".into(),
        4 => "-0".into(),
        5 => format!(
            "\"{}\"",
            dice.pick(&["", "none", "HS256", "muster", "\\u0000", "\\ud800", "https://id.example.com "])
        ),
        6 => "[]".into(),
        7 => format!("[{}]", any_json(dice)),
        8 => "{}".into(),
        9 => format!("{{\"alg\":{}}}", any_json(dice)),
        10 => "[".repeat(40) + &"]".repeat(40),
        _ => format!("\"{}\"", "x".repeat(dice.below(300))),
    }
}

const HEADER_NAMES: &[&str] = &[
    "alg", "kid", "typ", "crit", "b64", "enc", "zip", "jwk", "jku", "x5u", "x5c", "cty", "epk", "p2c",
    "nonce",
];
const CLAIM_NAMES: &[&str] =
    &["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "scope", "admin", "a\\u0000b"];

/// An object as text with one thing changed.
fn bent(object: &Value, names: &[&str], dice: &mut Dice) -> String {
    let mut members: Vec<(String, String)> = object
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect();
    let (at, name, value) = (dice.below(members.len()), (*dice.pick(names)).to_owned(), any_json(dice));
    match dice.below(6) {
        0 => members[at].1 = value,
        1 => members.push((name, value)),
        2 => drop(members.remove(at)),
        3 => members.push(members[at].clone()),
        4 => members[at].0 = name,
        _ => members[at].1 = format!("{{\"x\":{}}}", members[at].1),
    }
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    let object = format!("{{{}}}", members.join(","));
    match dice.below(12) {
        0 => object + " ",
        1 => object + "{}",
        2 => format!("[{object}]"),
        3 => object.replacen(':', " :", 1),
        _ => object,
    }
}

/// Claims that no issuer's signature can make acceptable: one of those that are checked is wrong.
fn unacceptable(dice: &mut Dice) -> Value {
    let wrong_type = [json!(null), json!(7), json!(true), json!({}), json!([[]]), json!("x"), json!(["x"])];
    let mut claims = claims();
    let (name, value) = match dice.below(5) {
        0 => ("iss", dice.pick(&wrong_type).clone()),
        1 => ("aud", dice.pick(&wrong_type).clone()),
        2 => (
            "exp",
            dice.pick(&[json!(NOW - 31), json!("2000000000"), json!(null), json!(1e300), json!([NOW])])
                .clone(),
        ),
        3 => ("nbf", dice.pick(&[json!(NOW + 31), json!("0"), json!({}), json!(-1e300)]).clone()),
        _ => (
            "iat",
            dice.pick(&[json!(NOW + 31), json!(true), json!(""), json!(i64::MIN), json!(NOW - 100_000)])
                .clone(),
        ),
    };
    claims[name] = value;
    claims
}

/// Compact form with a signature that somebody already had.
fn with_old_signature(header: &str, claims: &str, sound: &str) -> String {
    let signature = sound.rsplit('.').next().expect("three parts");
    format!("{}.{}.{signature}", b64(header), b64(claims))
}

/// A key of the forger's own, under the name of a trusted one.
fn impostor(algorithm: Algorithm) -> TestKey {
    TestKey::generate(algorithm, algorithm.name())
}

struct Mint {
    trusted: &'static TestKey,
    impostor: TestKey,
    sound: String,
    keys: KeySet,
}

impl Mint {
    fn new(algorithm: Algorithm) -> Self {
        let trusted = TestKey::shared(algorithm);
        Self {
            trusted,
            impostor: impostor(algorithm),
            sound: trusted.sign(&claims()),
            keys: key_set(trusted),
        }
    }

    fn header(&self) -> Value {
        json!({"alg": self.trusted.algorithm().name(), "kid": self.trusted.kid(), "typ": "JWT"})
    }

    fn forge(&self, dice: &mut Dice) -> String {
        let (header, body) = (self.header(), claims());
        match dice.below(8) {
            0 => with_old_signature(&bent(&header, HEADER_NAMES, dice), &body.to_string(), &self.sound),
            1 => with_old_signature(&header.to_string(), &bent(&body, CLAIM_NAMES, dice), &self.sound),
            2 => self.impostor.sign_bytes(bent(&header, HEADER_NAMES, dice), body.to_string()),
            3 => self.impostor.sign_bytes(header.to_string(), bent(&body, CLAIM_NAMES, dice)),
            4 => {
                let mut header = header;
                header["jwk"] = self.impostor.jwk();
                self.impostor.sign_bytes(header.to_string(), body.to_string())
            }
            5 => self.trusted.sign_bytes(header.to_string(), unacceptable(dice).to_string()),
            6 => self.damaged_signature(dice),
            _ => {
                let alg = *dice
                    .pick(&["none", "None", "HS256", "HS512", "RS1", "ES256K", "", "A256GCM", "PS256\\n"]);
                let header = header.to_string().replace(self.trusted.algorithm().name(), alg);
                with_old_signature(&header, &body.to_string(), dice.pick::<&str>(&[&self.sound, "a.b."]))
            }
        }
    }

    /// The sound token with some bits of its signature turned, or with a signature of another length.
    fn damaged_signature(&self, dice: &mut Dice) -> String {
        let (signed, signature) = self.sound.rsplit_once('.').expect("three parts");
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("our own base64url");
        match dice.below(5) {
            0 => bytes.truncate(dice.below(bytes.len())),
            1 => bytes.push(0),
            2 => bytes.fill(0),
            3 => bytes.insert(0, 0),
            _ => {
                let (at, bit) = (dice.below(bytes.len()), dice.below(8));
                bytes[at] ^= 1 << bit;
            }
        }
        format!("{signed}.{}", b64(bytes))
    }
}

#[test]
fn of_200_000_forged_tokens_none_is_accepted() {
    let mints: Vec<Mint> = Algorithm::ALL.iter().map(|algorithm| Mint::new(*algorithm)).collect();
    for mint in &mints {
        assert!(accepted(&mint.sound, &mint.keys, &policy()), "the token before it is forged is sound");
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let mints = &mints;
            scope.spawn(move || {
                for number in (worker..FORGERIES).step_by(usize::try_from(workers).expect("a few")) {
                    let mut dice = Dice(number);
                    // Signing with Ed25519 is the fastest: most numbers go there, the others to all in turn.
                    let mint = if number % 8 == 0 {
                        &mints[usize::try_from(number / 8).expect("small") % mints.len()]
                    } else {
                        mints
                            .iter()
                            .find(|mint| mint.trusted.algorithm() == Algorithm::EdDsa)
                            .expect("one of all")
                    };
                    let forged = mint.forge(&mut dice);
                    assert!(
                        forged == mint.sound || !accepted(&forged, &mint.keys, &policy()),
                        "forgery {number} of {} was accepted: {forged}",
                        mint.trusted.algorithm()
                    );
                }
            });
        }
    });
}

#[test]
fn a_forged_key_in_the_set_of_another_issuer_opens_nothing() {
    for algorithm in Algorithm::ALL {
        let (trusted, impostor) = (TestKey::shared(algorithm), impostor(algorithm));
        let others =
            KeySet::parse(jwks([&impostor]).as_bytes(), &KeySetLimits::default()).expect("a sound set");
        assert!(!accepted(&trusted.sign(&claims()), &others, &policy()));
        assert!(!accepted(&impostor.sign(&claims()), &key_set(trusted), &policy()));
    }
}
