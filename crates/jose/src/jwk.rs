//! One JSON Web Key: from its members to keys parsed for aws-lc-rs, or the reason why it is skipped.
//!
//! Only public signature keys come through (RFC 7517, RFC 7518 §6, RFC 8037). Never a secret one.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use serde::{Serialize, Serializer};

use crate::algorithm::{Algorithm, Algorithms};
use crate::base64url;
use crate::key_set::KeySetLimits;
use crate::roca;
use crate::token::MAX_KID_BYTES;
use crate::value::{Kind, Value};

macro_rules! skip_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Why a key of a set is not used. The texts never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SkipReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl SkipReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

skip_reasons! {
    /// The entry is no JSON object.
    NotAnObject = "not_an_object",
    /// Two members have one name.
    DuplicateMember = "duplicate_member",
    /// `kty` is missing or no public signature key type.
    KtyNotSupported = "kty_not_supported",
    /// A symmetric key, which has no place in a public set.
    SymmetricKey = "symmetric_key",
    /// Members of a private key: whoever reads the set can sign.
    PrivateMembers = "private_members",
    /// `use` is present and not `sig`.
    UseNotSig = "use_not_sig",
    /// `key_ops` is present without `verify`, or no list of distinct strings.
    KeyOpsWithoutVerify = "key_ops_without_verify",
    /// `alg` is no signature algorithm this server has.
    AlgNotSupported = "alg_not_supported",
    /// `alg` does not belong to `kty` or `crv`.
    AlgMismatch = "alg_mismatch",
    /// `crv` is none of P-256, P-384, P-521, Ed25519.
    CrvNotSupported = "crv_not_supported",
    /// `kid` is no string of at most 256 bytes.
    KidInvalid = "kid_invalid",
    /// A number or coordinate is missing, not strict base64url or of the wrong length.
    MemberInvalid = "member_invalid",
    /// An RSA modulus below the least size.
    RsaTooSmall = "rsa_too_small",
    /// An RSA modulus above the greatest size.
    RsaTooLarge = "rsa_too_large",
    /// An RSA modulus that is even.
    RsaModulusEven = "rsa_modulus_even",
    /// An RSA exponent that is even, below 65537 or above 33 bits.
    RsaExponent = "rsa_exponent",
    /// An RSA modulus of the flawed generator of CVE-2017-15361.
    RsaRoca = "rsa_roca",
    /// Coordinates that are no point of the curve, or a point of small order.
    BadPoint = "bad_point",
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SkipReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reason and detail of a key that is not used.
pub(crate) type Skip = (SkipReason, String);

fn skip<T>(reason: SkipReason, detail: impl Into<String>) -> Result<T, Skip> {
    Err((reason, detail.into()))
}

/// A public signature key, parsed once for each algorithm it may verify.
pub struct Key {
    kid: Option<Arc<str>>,
    bits: usize,
    algorithms: Algorithms,
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
}

/// Without the key itself, which is long and tells nobody anything.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {} bits, {})", self.kid, self.bits, self.algorithms)
    }
}

impl Key {
    /// The key's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn kid_shared(&self) -> Option<Arc<str>> {
        self.kid.clone()
    }

    /// Size: bits of the RSA modulus or of the curve's field.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// What the key may verify: its `alg`, or all that its type and curve admit.
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// The bare signature check, without any policy: whether `signature` (as JWS has it, RFC 7518 §3) is this
    /// key's over `message`. `false` too for an algorithm the key does not admit.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if algorithm.signature_bytes().is_some_and(|bytes| bytes != signature.len()) {
            return false;
        }
        self.parsed
            .iter()
            .find(|(admitted, _)| *admitted == algorithm)
            .is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }

    /// Reads one entry of a key set.
    pub(crate) fn read(jwk: Value<'_>, limits: &KeySetLimits) -> Result<Self, Skip> {
        if jwk.kind() != Kind::Object {
            return skip(SkipReason::NotAnObject, format!("the entry is of type {}", jwk.kind().word()));
        }
        if jwk.has_duplicates() {
            return skip(SkipReason::DuplicateMember, "two members have one name");
        }
        let kid = read_kid(jwk)?;
        let kty = jwk.get("kty").and_then(Value::as_str);
        if kty == Some("oct") {
            return skip(SkipReason::SymmetricKey, "a key set that others can read must not hold a secret");
        }
        if let Some(member) =
            ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"].iter().find(|m| jwk.get(m).is_some())
        {
            return skip(SkipReason::PrivateMembers, format!("member {member}: publish the public key only"));
        }
        check_use(jwk)?;
        let (bits, algorithms, parsed) = match kty {
            Some("RSA") => read_rsa(jwk, limits)?,
            Some("EC") => read_ec(jwk)?,
            Some("OKP") => read_okp(jwk)?,
            other => {
                let detail = other
                    .map_or_else(|| "kty is missing or no string".to_owned(), |kty| format!("kty {kty:?}"));
                return skip(SkipReason::KtyNotSupported, detail);
            }
        };
        Ok(Self { kid, bits, algorithms, parsed })
    }
}

/// The entry's `kid` for the record of skipped keys, if it has a readable one.
pub(crate) fn shown_kid(jwk: Value<'_>) -> Option<String> {
    let kid = jwk.get("kid")?.as_str()?;
    (kid.len() <= MAX_KID_BYTES).then(|| kid.to_owned())
}

fn read_kid(jwk: Value<'_>) -> Result<Option<Arc<str>>, Skip> {
    let Some(member) = jwk.get("kid") else { return Ok(None) };
    match member.as_str() {
        Some(kid) if kid.len() <= MAX_KID_BYTES => Ok(Some(kid.into())),
        Some(kid) => {
            skip(SkipReason::KidInvalid, format!("kid has {} bytes; at most {MAX_KID_BYTES}", kid.len()))
        }
        None => skip(SkipReason::KidInvalid, format!("kid is of type {}", member.kind().word())),
    }
}

fn check_use(jwk: Value<'_>) -> Result<(), Skip> {
    if let Some(member) = jwk.get("use")
        && member.as_str() != Some("sig")
    {
        return skip(SkipReason::UseNotSig, format!("use is {member}"));
    }
    let Some(member) = jwk.get("key_ops") else { return Ok(()) };
    let operations: Option<Vec<&str>> = member.elements().map(Value::as_str).collect();
    let mut operations = operations.unwrap_or_default();
    let count = operations.len();
    operations.sort_unstable();
    operations.dedup();
    if count != operations.len() || !operations.contains(&"verify") {
        return skip(SkipReason::KeyOpsWithoutVerify, format!("key_ops is {member}"));
    }
    Ok(())
}

/// The algorithms of the key's type, narrowed to its `alg`.
fn narrowed(jwk: Value<'_>, admitted: Algorithms) -> Result<Algorithms, Skip> {
    let Some(member) = jwk.get("alg") else { return Ok(admitted) };
    match member.as_str().and_then(Algorithm::from_name) {
        None => skip(SkipReason::AlgNotSupported, format!("alg is {member}")),
        Some(algorithm) if admitted.contains(algorithm) => Ok(algorithm.into()),
        Some(algorithm) => {
            skip(SkipReason::AlgMismatch, format!("alg {algorithm}, but the key is one for {admitted}"))
        }
    }
}

fn bytes(jwk: Value<'_>, member: &str) -> Result<Vec<u8>, Skip> {
    let text = jwk.get(member).and_then(Value::as_str);
    match text.map(|text| base64url::decode(text.as_bytes())) {
        Some(Some(bytes)) if !bytes.is_empty() => Ok(bytes),
        Some(_) => skip(SkipReason::MemberInvalid, format!("{member} is not base64url without padding")),
        None => skip(SkipReason::MemberInvalid, format!("{member} is missing or no string")),
    }
}

type Parsed = (usize, Algorithms, Vec<(Algorithm, ParsedPublicKey)>);

fn read_rsa(jwk: Value<'_>, limits: &KeySetLimits) -> Result<Parsed, Skip> {
    let algorithms = narrowed(jwk, Algorithms::RSA)?;
    let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    // Some issuers put a zero byte first against RFC 7518 §6.3.1.1; the number is the same.
    let (modulus, exponent) = (without_zeros(&modulus), without_zeros(&exponent));
    let bits = bit_length(modulus);
    let sizes = limits.rsa_bits();
    if bits < *sizes.start() {
        return skip(SkipReason::RsaTooSmall, format!("{bits} bits; at least {}", sizes.start()));
    }
    if bits > *sizes.end() {
        return skip(SkipReason::RsaTooLarge, format!("{bits} bits; at most {}", sizes.end()));
    }
    if modulus.last().is_none_or(|byte| byte % 2 == 0) {
        return skip(SkipReason::RsaModulusEven, "the modulus is even");
    }
    check_exponent(exponent)?;
    if roca::has_fingerprint(modulus) {
        return skip(SkipReason::RsaRoca, "the modulus comes from a flawed generator: replace the key");
    }
    let components = RsaPublicKeyComponents { n: modulus, e: exponent };
    let parsed = RSA
        .into_iter()
        .filter(|(algorithm, _)| algorithms.contains(*algorithm))
        .map(|(algorithm, parameters)| Ok((algorithm, components.to_parsed_public_key(parameters)?)))
        .collect::<Result<Vec<_>, aws_lc_rs::error::KeyRejected>>();
    match parsed {
        Ok(parsed) => Ok((bits, algorithms, parsed)),
        Err(rejected) => skip(SkipReason::MemberInvalid, format!("n and e are no RSA key: {rejected}")),
    }
}

/// FIPS 186-5 §5.1 wants an odd exponent above 2^16; aws-lc takes none above 33 bits.
fn check_exponent(exponent: &[u8]) -> Result<(), Skip> {
    let odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !odd || !(17..=33).contains(&bit_length(exponent)) {
        return skip(SkipReason::RsaExponent, "the exponent must be odd, at least 65537 and at most 33 bits");
    }
    Ok(())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Bits of a big-endian number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// How the signatures of each RSA algorithm are verified.
const RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];

/// A curve: its algorithm, field bytes, field bits, verification.
type Curve = (Algorithm, usize, usize, &'static dyn VerificationAlgorithm);

fn read_ec(jwk: Value<'_>) -> Result<Parsed, Skip> {
    let (algorithm, field_bytes, bits, verification): Curve = match jwk.get("crv").and_then(Value::as_str) {
        Some("P-256") => (Algorithm::Es256, 32, 256, &signature::ECDSA_P256_SHA256_FIXED),
        Some("P-384") => (Algorithm::Es384, 48, 384, &signature::ECDSA_P384_SHA384_FIXED),
        Some("P-521") => (Algorithm::Es512, 66, 521, &signature::ECDSA_P521_SHA512_FIXED),
        other => return skip(SkipReason::CrvNotSupported, format!("crv is {}", other.unwrap_or("missing"))),
    };
    let algorithms = narrowed(jwk, algorithm.into())?;
    let mut point = vec![4];
    for member in ["x", "y"] {
        let coordinate = bytes(jwk, member)?;
        if coordinate.len() != field_bytes {
            let detail =
                format!("{member} has {} bytes, not the {field_bytes} of the curve", coordinate.len());
            return skip(SkipReason::MemberInvalid, detail);
        }
        point.extend(coordinate);
    }
    match ParsedPublicKey::new(verification, point) {
        Ok(key) => Ok((bits, algorithms, vec![(algorithm, key)])),
        Err(_) => skip(SkipReason::BadPoint, "x and y are no point of the curve"),
    }
}

fn read_okp(jwk: Value<'_>) -> Result<Parsed, Skip> {
    let crv = jwk.get("crv").and_then(Value::as_str);
    if crv != Some("Ed25519") {
        return skip(SkipReason::CrvNotSupported, format!("crv is {}", crv.unwrap_or("missing")));
    }
    let algorithms = narrowed(jwk, Algorithm::EdDsa.into())?;
    let point = bytes(jwk, "x")?;
    let Ok(encoded) = <[u8; 32]>::try_from(point.as_slice()) else {
        return skip(SkipReason::MemberInvalid, format!("x has {} bytes, not 32", point.len()));
    };
    if has_small_order(encoded) {
        return skip(SkipReason::BadPoint, "a point of small order or a non-canonical one");
    }
    match ParsedPublicKey::new(&signature::ED25519, point) {
        Ok(key) => Ok((256, algorithms, vec![(Algorithm::EdDsa, key)])),
        Err(_) => skip(SkipReason::BadPoint, "x is no point of the curve"),
    }
}

/// Whether the y coordinate (little-endian, RFC 8032 §5.1.2) is one of the eight points whose order divides
/// eight, for which a signature can be made without a secret, or is not below the prime 2^255 − 19.
fn has_small_order(mut encoded: [u8; 32]) -> bool {
    const ORDER_EIGHT: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    encoded[31] &= 0x7f;
    // y = 0 and y = 1; then p − 1 and everything from p on.
    let small = encoded[0] <= 1 && encoded[1..].iter().all(|byte| *byte == 0);
    let large = encoded[0] >= 0xec && encoded[31] == 0x7f && encoded[1..31].iter().all(|byte| *byte == 0xff);
    small || large || ORDER_EIGHT.contains(&encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_without_leading_zeros() {
        assert_eq!(bit_length(without_zeros(&[0, 0, 1])), 1);
        assert_eq!(bit_length(&[0x80, 0]), 16);
        assert_eq!(bit_length(without_zeros(&[0, 0])), 0);
    }

    #[test]
    fn exponents_are_odd_and_of_a_sane_size() {
        assert!(check_exponent(&[1, 0, 1]).is_ok());
        assert!(check_exponent(&[1, 0, 0, 0, 1]).is_ok());
        for bad in
            [&[][..], &[1], &[3], &[17], &[0xff, 0xff], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 1]]
        {
            assert!(check_exponent(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn points_of_small_order_are_known_with_either_sign() {
        let mut point = [0; 32];
        assert!(has_small_order(point));
        point[0] = 1;
        assert!(has_small_order(point));
        point[31] = 0x80;
        assert!(has_small_order(point));
        point[0] = 2;
        assert!(!has_small_order(point));
        let mut large = [0xff; 32];
        assert!(has_small_order(large));
        large[0] = 0xec;
        assert!(has_small_order(large));
        large[0] = 0xeb;
        assert!(!has_small_order(large));
    }
}
