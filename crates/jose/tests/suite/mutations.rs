//! Random damage to sound tokens: nothing damaged is ever accepted, and nothing panics.

use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, KeySetLimits};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{self, accepted, claims, key_set, policy};

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(Algorithm::ALL.to_vec())
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Cut(Index),
    Swap(Index, Index),
    Double(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let letter = proptest::char::ranges(vec!['0'..='9', 'A'..='Z', 'a'..='z', '-'..='.', '_'..='_'].into());
    let any_char = prop_oneof![4 => letter, 1 => any::<char>()];
    prop_oneof![
        (any::<Index>(), 0..7_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), any_char.clone()).prop_map(|(at, c)| Damage::Replace(at, c)),
        (any::<Index>(), any_char).prop_map(|(at, c)| Damage::Insert(at, c)),
        any::<Index>().prop_map(Damage::Remove),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::Double(a, b)),
    ]
}

fn apply(token: &str, damage: &Damage) -> String {
    let mut letters: Vec<char> = token.chars().collect();
    let count = letters.len();
    match damage {
        Damage::Flip(at, bit) => {
            let at = at.index(count);
            letters[at] = char::from(u8::try_from(letters[at]).expect("ASCII before") ^ (1 << bit));
        }
        Damage::Replace(at, c) => letters[at.index(count)] = *c,
        Damage::Insert(at, c) => letters.insert(at.index(count + 1), *c),
        Damage::Remove(at) => drop(letters.remove(at.index(count))),
        Damage::Cut(at) => letters.truncate(at.index(count)),
        Damage::Swap(a, b) => letters.swap(a.index(count), b.index(count)),
        Damage::Double(a, b) => {
            let (a, b) = (a.index(count), b.index(count));
            let piece = letters[a.min(b)..=a.max(b)].to_vec();
            letters.splice(a.max(b)..a.max(b), piece);
        }
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn damaged_tokens_are_never_accepted(algorithm in any_algorithm(), damage in damage()) {
        let key = TestKey::shared(algorithm);
        // One token for each algorithm: signing costs far more than verifying.
        let sound = sound_token(algorithm);
        let damaged = apply(sound, &damage);
        prop_assert_eq!(accepted(&damaged, &key_set(key), &policy()), damaged == sound);
    }
}

fn sound_token(algorithm: Algorithm) -> &'static str {
    use std::sync::LazyLock;
    static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
        Algorithm::ALL.iter().map(|algorithm| TestKey::shared(*algorithm).sign(&claims())).collect()
    });
    let at = Algorithm::ALL.iter().position(|known| *known == algorithm).expect("one of all");
    &TOKENS[at]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn parts_of_different_tokens_never_fit(a in any_algorithm(), b in any_algorithm(), which in 0..3_usize) {
        let (first, second) = (sound_token(a), sound_token(b));
        let mut parts: Vec<&str> = first.split('.').collect();
        parts[which] = second.split('.').nth(which).expect("three parts");
        let mixed = parts.join(".");
        let same = mixed == first;
        for key in [TestKey::shared(a), TestKey::shared(b)] {
            let sound = same && key.algorithm() == a || mixed == second && key.algorithm() == b;
            prop_assert_eq!(accepted(&mixed, &key_set(key), &policy()), sound);
        }
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}") {
        prop_assert!(!accepted(&text, &key_set(TestKey::shared(Algorithm::EdDsa)), &policy()));
    }

    #[test]
    fn any_header_and_claims_are_refused_without_a_panic(
        header in json_text(), claims in json_text(),
        signature in proptest::collection::vec(any::<u8>(), 0..70),
    ) {
        let token = [support::b64(header), support::b64(claims), support::b64(signature)].join(".");
        prop_assert!(!accepted(&token, &key_set(TestKey::shared(Algorithm::EdDsa)), &policy()));
    }

    #[test]
    fn damaged_key_sets_never_panic(damage in damage(), algorithm in any_algorithm()) {
        let text = jwks([TestKey::shared(algorithm), TestKey::shared(Algorithm::EdDsa)]);
        let damaged = apply(&text, &damage);
        if let Ok(keys) = KeySet::parse(damaged.as_bytes(), &KeySetLimits::default()) {
            prop_assert!(!keys.keys().is_empty());
            prop_assert!(keys.keys().len() + keys.skipped().len() <= 3);
        }
    }
}

fn json_text() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("\"x\"".to_owned()),
        Just("\"EdDSA\"".to_owned()),
        Just("\"RS256\"".to_owned()),
        Just("[\"muster\"]".to_owned()),
        Just("{\"a\":{\"b\":[1]}}".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\\PC{0,8}",
    ];
    let name =
        proptest::sample::select(vec!["alg", "typ", "kid", "crit", "jwk", "iss", "aud", "exp", "sub", "x"]);
    proptest::collection::vec((name, value), 0..6).prop_map(|members| {
        let members: Vec<String> =
            members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}
