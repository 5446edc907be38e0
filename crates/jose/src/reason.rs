//! The stable reason codes: one for each way a token is refused, with the public code callers see.

use std::fmt;

use serde::{Serialize, Serializer};

/// What the caller of the server is told; stable, and coarse on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The token is not a JWT this server can read.
    TokenMalformed,
    /// The token's `exp` has passed.
    TokenExpired,
    /// The token's `nbf` or `iat` lies in the future.
    TokenNotYetValid,
    /// The token is readable but nothing here trusts it.
    TokenUntrusted,
    /// There are no keys to check with now; later there may be.
    JwksUnavailable,
    /// The token holds, its service account may not do what was asked for.
    InsufficientPermission,
}

impl Code {
    /// The code as text, for `error_description` and the error body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenMalformed => "token_malformed",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::TokenUntrusted => "token_untrusted",
            Self::JwksUnavailable => "jwks_unavailable",
            Self::InsufficientPermission => "insufficient_permission",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal => $code:ident,)+) => {
        /// Why a token is refused; for administrators, logs and tests. The texts never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the verification.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The public code it maps to.
            pub const fn code(self) -> Code {
                match self {
                    $(Self::$name => Code::$code,)+
                }
            }
        }
    };
}

reasons! {
    /// Step 1: no token at all.
    TokenEmpty = "token_empty" => TokenMalformed,
    /// Step 1: longer than 16 KiB.
    TokenTooLarge = "token_too_large" => TokenMalformed,
    /// Step 2: a character outside A–Z a–z 0–9 - _ and dot.
    AlphabetInvalid = "alphabet_invalid" => TokenMalformed,
    /// Step 2: not three parts.
    PartsInvalid = "parts_invalid" => TokenMalformed,
    /// Step 2 or 7: an encrypted token.
    JweNotSupported = "jwe_not_supported" => TokenMalformed,
    /// Step 3 or 6: unsigned.
    AlgNone = "alg_none" => TokenUntrusted,
    /// Step 4: a part is not strict base64url.
    Base64Invalid = "base64_invalid" => TokenMalformed,
    /// Step 5: the header is longer than 2 KiB.
    HeaderTooLarge = "header_too_large" => TokenMalformed,
    /// Step 5: the header is not strict JSON.
    HeaderNotJson = "header_not_json" => TokenMalformed,
    /// Step 5: the header nests deeper than 4 levels.
    HeaderTooDeep = "header_too_deep" => TokenMalformed,
    /// Step 5: two members of one name in the header.
    HeaderDuplicateMember = "header_duplicate_member" => TokenMalformed,
    /// Step 5: the header is no JSON object.
    HeaderNotObject = "header_not_object" => TokenMalformed,
    /// Step 6: no `alg`.
    AlgMissing = "alg_missing" => TokenMalformed,
    /// Step 6: `alg` is not a string.
    AlgNotString = "alg_not_string" => TokenMalformed,
    /// Step 6: a symmetric algorithm (HS256, HS384, HS512).
    AlgSymmetric = "alg_symmetric" => TokenUntrusted,
    /// Step 6: an algorithm this server does not have.
    AlgUnknown = "alg_unknown" => TokenUntrusted,
    /// Step 6: an algorithm the trust does not allow.
    AlgNotAllowed = "alg_not_allowed" => TokenUntrusted,
    /// Step 7: `crit` is present.
    CritNotSupported = "crit_not_supported" => TokenMalformed,
    /// Step 7: `b64` is present (RFC 7797).
    B64NotSupported = "b64_not_supported" => TokenMalformed,
    /// Step 7: `zip` is present.
    ZipNotSupported = "zip_not_supported" => TokenMalformed,
    /// Step 8: `typ` is not a string.
    TypNotString = "typ_not_string" => TokenMalformed,
    /// Step 8: `typ` names something else than a JWT or an access token.
    TypNotSupported = "typ_not_supported" => TokenUntrusted,
    /// Step 8: the trust does not take this type.
    TypNotAllowed = "typ_not_allowed" => TokenUntrusted,
    /// Step 10: `kid` is not a string.
    KidNotString = "kid_not_string" => TokenMalformed,
    /// Step 10: `kid` is longer than 256 bytes.
    KidTooLong = "kid_too_long" => TokenMalformed,
    /// Step 10: the issuer's key set could not be had.
    JwksUnavailable = "jwks_unavailable" => JwksUnavailable,
    /// Step 10: no usable key has this `kid`.
    KidUnknown = "kid_unknown" => TokenUntrusted,
    /// Step 11: no candidate key may verify this algorithm.
    KeyNotForAlg = "key_not_for_alg" => TokenUntrusted,
    /// Step 12: the signature does not have the length of its algorithm.
    SignatureWrongLength = "signature_wrong_length" => TokenUntrusted,
    /// Step 12: the signature does not verify.
    SignatureInvalid = "signature_invalid" => TokenUntrusted,
    /// Step 12: the signature checks of this request are used up.
    SignatureBudgetSpent = "signature_budget_spent" => TokenUntrusted,
    /// Step 13: the claims are longer than 8 KiB.
    ClaimsTooLarge = "claims_too_large" => TokenMalformed,
    /// Step 13: the claims are not strict JSON.
    ClaimsNotJson = "claims_not_json" => TokenMalformed,
    /// Step 13: the claims nest deeper than 16 levels.
    ClaimsTooDeep = "claims_too_deep" => TokenMalformed,
    /// Step 13: two members of one name in the claims.
    ClaimsDuplicateMember = "claims_duplicate_member" => TokenMalformed,
    /// Step 13: the claims are no JSON object.
    ClaimsNotObject = "claims_not_object" => TokenMalformed,
    /// Step 13: `sub` is present and not a string.
    SubNotString = "sub_not_string" => TokenMalformed,
    /// Step 13: `jti` is present and not a string.
    JtiNotString = "jti_not_string" => TokenMalformed,
    /// Step 14: `iss` is present and not a string.
    IssNotString = "iss_not_string" => TokenMalformed,
    /// Step 14: the trust wants an issuer and the token names none.
    IssuerMissing = "issuer_missing" => TokenUntrusted,
    /// Step 14: another issuer.
    IssuerMismatch = "issuer_mismatch" => TokenUntrusted,
    /// Step 15: `aud` is neither a string nor a list of strings.
    AudWrongType = "aud_wrong_type" => TokenMalformed,
    /// Step 15: the trust wants an audience and the token names none.
    AudienceMissing = "audience_missing" => TokenUntrusted,
    /// Step 15: none of the token's audiences is wanted.
    AudienceMismatch = "audience_mismatch" => TokenUntrusted,
    /// Step 16: no `exp`.
    ExpMissing = "exp_missing" => TokenMalformed,
    /// Step 16: `exp` is not a number.
    ExpNotNumber = "exp_not_number" => TokenMalformed,
    /// Step 16: `nbf` is not a number.
    NbfNotNumber = "nbf_not_number" => TokenMalformed,
    /// Step 16: `iat` is not a number.
    IatNotNumber = "iat_not_number" => TokenMalformed,
    /// Step 16: a time before 1970 or after 9999.
    TimeOutOfRange = "time_out_of_range" => TokenMalformed,
    /// Step 16: `exp` has passed.
    TokenExpired = "token_expired" => TokenExpired,
    /// Step 16: `nbf` lies in the future.
    TokenNotYetValid = "token_not_yet_valid" => TokenNotYetValid,
    /// Step 16: `iat` lies in the future.
    IssuedInFuture = "issued_in_future" => TokenNotYetValid,
    /// Step 16: valid for longer than the trust allows.
    LifetimeTooLong = "lifetime_too_long" => TokenUntrusted,
    /// Step 17: the claim of a rule is missing.
    RuleClaimMissing = "rule_claim_missing" => TokenUntrusted,
    /// Step 17: a claim does not match its rule.
    RuleMismatch = "rule_mismatch" => TokenUntrusted,
    /// Step 18: the trust refuses replays and the token has no usable `jti`.
    JtiMissing = "jti_missing" => TokenUntrusted,
    /// Step 18: `jti` is longer than 256 bytes.
    JtiTooLong = "jti_too_long" => TokenUntrusted,
    /// Step 18, of the server: the trust refuses replays and has seen this `jti` of this issuer.
    TokenReplayed = "token_replayed" => TokenUntrusted,
    /// Step 19, of the server: the trust's service account does not exist.
    ServiceAccountMissing = "service_account_missing" => TokenUntrusted,
    /// Step 20, of the server: the service account holds nothing.
    PermissionMissing = "permission_missing" => InsufficientPermission,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_unique_and_snake_case() {
        let mut texts: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert!(texts.iter().all(|text| text.bytes().all(|b| b.is_ascii_lowercase() || b"_46".contains(&b))));
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), count);
    }
}
