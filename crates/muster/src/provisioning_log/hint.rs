//! What to change, in plain words: one table from what was answered to a sentence for the administrator of
//! the identity provider.

/// What is known of a failure, most telling first where several fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// Status of the answer.
    pub status: u16,
    /// Why a credential was refused (`Reason` of crate jose, or a word of the door).
    pub reason: Option<&'a str>,
    /// Public code of the answer.
    pub code: Option<&'a str>,
    /// A word for what `scimType` does not tell: see `record`.
    pub situation: Option<&'a str>,
    /// `scimType` of the answer.
    pub scim_type: Option<&'a str>,
}

/// (status, word, what to change); an empty word stands for all else of the status.
type Line = (u16, &'static str, &'static str);

#[rustfmt::skip] // a table: one line a case
const HINTS: &[Line] = &[
    // Done, but not all of it.
    (200, "operations_failed", "Operations of the bulk request failed: the response's body says for each bulkId which, and why."),
    // Tokens of ours.
    (401, "no_credential", "The client sent no token: enter one in the provider's SCIM connection; it goes out as Authorization: Bearer."),
    (401, "bearer_twice", "The Authorization header says `Bearer` twice: take the word out of the provider's field for the token."),
    (401, "no_bearer", "The token did not come as `Authorization: Bearer <token>`: write `Bearer ` before the token in the provider's field (Okta: HTTP Header); Basic and x-api-key are not taken here."),
    (401, "malformed_token", "The token is not whole: copy it again, without spaces or line breaks."),
    (401, "other_account", "The token is one of another account: use the SCIM base URL of the token's account, or a token of this one."),
    (401, "unknown_token", "There is no such token, or not any more: it was deleted or mistyped. Make a new one and enter it in the provider."),
    (401, "token_not_yet", "The token's validity has not begun: wait for validFrom, or make another token."),
    (401, "token_past_its_end", "The token has expired or was revoked: rotate it or make a new one, and enter it in the provider."),
    (401, "owner_gone", "The token's owner was deleted or deactivated: make a token of another service account or user."),
    (401, "access_token_unknown", "This server did not issue the access token, or it was changed on the way: have the client fetch a new one from the token endpoint."),
    (401, "access_token_past_its_end", "The access token has expired: the client must fetch a new one from the token endpoint before the end that `expires_in` tells."),
    (401, "access_token_parent_gone", "What the access token was issued for no longer stands: the client's token was deleted or has ended, or the trust was changed, disabled or deleted. Have the client fetch a new access token; where that is refused, the answer says why."),
    // JWTs: what is wrong with the token as such.
    (401, "alg_none", "The issuer sends an unsigned token: have it sign with RS256, ES256 or another asymmetric algorithm."),
    (401, "alg_symmetric", "The issuer signs with a shared secret (HS…): switch it to RS256, ES256 or another asymmetric algorithm."),
    (401, "alg_not_allowed", "The trust does not allow the token's algorithm: add it to the trust, or change it at the issuer."),
    (401, "alg_unknown", "The token's algorithm is not known here: have the issuer sign with RS256 or ES256."),
    (401, "typ_not_supported", "The token's typ is neither a JWT nor an access token: have the client send an access token."),
    (401, "typ_not_allowed", "The trust does not take tokens of this typ: add it to the trust, or send an access token."),
    (401, "kid_unknown", "The token is signed by a key that the JWKS URL does not publish: compare the URL with the issuer's, and whether its keys were just rotated."),
    (401, "key_not_for_alg", "None of the published keys may verify the token's algorithm: compare alg and use of the issuer's keys."),
    (401, "signature_invalid", "The signature does not fit the published key: the JWKS URL is probably another issuer's or another tenant's."),
    (401, "issuer_missing", "The token names no issuer and the trust wants one: have the issuer set iss."),
    (401, "issuer_mismatch", "The token's iss is not the trust's issuer: compare them character by character, a slash at the end included."),
    (401, "audience_missing", "The token names no audience and the trust wants one: have the issuer set aud."),
    (401, "audience_mismatch", "The token is meant for another audience: add its aud to the trust, or ask the issuer for this server's."),
    (401, "exp_missing", "The token never ends, and such are not taken: have the issuer set exp."),
    (401, "token_expired", "The token has expired: the client must fetch a new one for each cycle; also compare the clocks."),
    (401, "token_not_yet_valid", "The token is not valid yet: compare the clocks of the issuer and of this server."),
    (401, "issued_in_future", "The token was issued in the future: compare the clocks of the issuer and of this server."),
    (401, "lifetime_too_long", "The token lives longer than the trust allows: shorten its life at the issuer, or allow more in the trust."),
    (401, "rule_claim_missing", "The token lacks the claim that the trust looks at: add the claim at the issuer, or correct the trust's key field."),
    (401, "rule_mismatch", "The token's claim has another value than the trust wants: correct the value in the trust, or the claim at the issuer."),
    (401, "jti_missing", "The trust refuses replays and the token has no jti: have the issuer set one."),
    (401, "jti_too_long", "The token's jti is longer than 256 bytes: have the issuer make shorter ones."),
    (401, "token_replayed", "The trust refuses replays and this token was used before: have the client fetch a new token for each request, or turn replay off in the trust."),
    (401, "service_account_missing", "The service account that the trust acts as was deleted: name one that is there in the trust, or store the trust again if it was made again."),
    (401, "trust_incomplete", "No trust of the account takes JWTs here: make one, enable it, or complete the four settings (docs/identity-provider.md)."),
    (401, "token_malformed", "What was sent is no token of this server and no JWT that can be used: have the client send its token whole, a JWT signed by its issuer."),
    (401, "token_untrusted", "The token is not trusted here: compare issuer, key set, claim and value with the account's trust."),
    (401, "", "The credential was refused: make a new token, or check the account's trust in the issuer."),
    // Rights.
    (403, "insufficient_permission", "The principal lacks the permission that the answer names: bind the role SCIM Provisioner (_scim_provisioner) to it at the account."),
    (403, "other_surface", "The token is not made for the SCIM API: enter one in the provider that has scim among its surfaces; a client of the token endpoint asks for the scope `scim`."),
    (403, "", "The request is not allowed: the answer says why."),
    // The resource or the path is not there.
    (404, "no_route", "There is no such path: correct the SCIM base URL in the provider; it ends with the account's identifier, without /Users."),
    (404, "no_resource", "The resource is gone or was never here: let the provider match its users again (a fresh cycle, or a lookup by userName)."),
    (404, "", "What was asked for is not here: let the provider look it up again."),
    (405, "", "The path does not take this method: use one of those in the Allow header; PATCH and PUT go to /Users/{id}."),
    // Bodies and values.
    (400, "invalidFilter", "The filter cannot be used: map the provider's matching attribute to userName, externalId or emails[type eq \"work\"].value; of a PATCH's path, correct the target attribute in the mapping."),
    (400, "tooMany", "The filter finds too much: narrow it."),
    (400, "uniqueness", "The value is taken: see which resource has it, and match the provider's user to that one."),
    (400, "mutability", "The attribute is set by the server, or once only: take it out of the provider's attribute mapping."),
    (400, "invalidSyntax", "The body is no JSON or not of the right shape: look at what the provider sends; a custom template may have a typing error."),
    (400, "invalidPath", "The path of the operation names no attribute: correct the target attribute in the provider's mapping."),
    (400, "noTarget", "The operation's filter matches no value: let the provider add the value first, or set scim_dialect to auto or to the provider's."),
    (400, "invalidValue", "A value is missing or of the wrong type: correct the attribute mapping in the provider; scim_dialect auto forgives more than strict."),
    (400, "invalidVers", "The protocol version is not served: use SCIM 2.0 in the provider."),
    (400, "sensitive", "A secret stands in the URL: send it in the body of a .search instead."),
    (400, "invalidCursor", "The cursor belongs to another list or filter: begin again with an empty cursor."),
    (400, "expiredCursor", "The walk took too long: begin again with an empty cursor."),
    (400, "invalidCount", "The count changed on the way or is too high: keep one count, at most 200."),
    (400, "dry_run", "Muster-Dry-Run has an unknown value: send true, or leave the header out."),
    (400, "", "The request is not well formed: the answer says where."),
    (408, "", "The body did not arrive in time and nothing was done: look at the network between, or let the provider send less at once."),
    (409, "uniqueness", "The value is taken by another resource: match the provider's user to the existing one by userName, or free the value."),
    (409, "", "The state of the resource forbids it: the answer says why; the last administrator, for example, cannot be removed."),
    (412, "", "The resource changed in between: read it again and repeat the change with its new version."),
    (413, "", "The body is too large: send fewer members or operations in one request (at most 1,000 operations and 1 MiB in /Bulk), or raise the server's option scim-body-limit."),
    (414, "", "The URL is too long: send the filter in the body of a POST to .search."),
    (415, "", "The content type is not read: send application/scim+json."),
    (429, "", "Too many requests: let the provider slow down and try again."),
    (431, "", "The headers are too large: look whether the token grew, and raise the server's option header-limit."),
    (499, "", "The client went away before the answer: its timeout is too short, or the connection broke; the change may have been made."),
    (500, "", "A defect of the server: give the operator the request id."),
    (501, "", "Not built here; /Me works for tokens of persons only. Ask for /Users/{id}."),
    (503, "jwks_unavailable", "The issuer's keys cannot be fetched: check the JWKS URL and whether the server may reach it."),
    (503, "access_changed", "Rights or settings of the account changed while the request was under way, and nothing was done: the provider sends it again by itself."),
    (503, "", "The server was busy or its database away: the provider tries again by itself; look at the load if it stays."),
];

/// The sentence for a failure; `None` for what succeeded and for statuses nobody foresaw.
pub fn hint(of: Situation<'_>) -> Option<&'static str> {
    let words = [of.reason, of.situation, of.code, of.scim_type, Some("")];
    words.into_iter().flatten().find_map(|word| {
        HINTS.iter().find(|(status, name, _)| *status == of.status && *name == word).map(|(.., text)| *text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_reached_by_its_own_case_and_says_something() {
        for (status, word, text) in HINTS {
            let of = Situation { status: *status, situation: Some(word), ..Situation::default() };
            assert_eq!(hint(of), Some(*text), "{status} {word}");
            assert!(text.len() > 30 && text.ends_with('.') && !text.contains("  "), "{text}");
            assert_eq!(
                HINTS.iter().filter(|(s, w, _)| s == status && w == word).count(),
                1,
                "{status} {word}"
            );
        }
    }

    #[test]
    fn every_reason_of_the_door_has_a_line_of_its_own() {
        use crate::oauth::verify::Refusal as Issued;
        use crate::tokens::verify::Refusal as Token;
        use crate::web::error::{BEARER_TWICE, NO_BEARER};

        let tokens = [Token::Unknown, Token::NotYet, Token::Expired, Token::OwnerGone].map(Token::as_str);
        let issued =
            [Issued::Forged, Issued::Expired, Issued::ParentGone, Issued::OwnerGone].map(Issued::as_str);
        let others = ["malformed_token", "other_account", NO_BEARER, BEARER_TWICE];
        let refused = tokens.into_iter().chain(issued).chain(others).map(|reason| (401, reason));
        for line in refused.chain([(403, "other_surface")]) {
            assert!(HINTS.iter().any(|(status, word, _)| (*status, *word) == line), "{line:?}");
        }
    }

    #[test]
    fn the_most_telling_word_wins_and_every_failure_has_a_line() {
        let refused = |reason, code| {
            hint(Situation { status: 401, reason: Some(reason), code: Some(code), ..Situation::default() })
        };
        assert!(refused("kid_unknown", "token_untrusted").unwrap().contains("JWKS URL"));
        assert!(refused("signature_wrong_length", "token_untrusted").unwrap().contains("not trusted here"));
        for reason in jose::Reason::ALL {
            assert!(refused(reason.as_str(), reason.code().as_str()).is_some(), "{reason}");
        }
        for status in [400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 415, 429, 431, 499, 500, 501, 503] {
            let of = Situation { status, scim_type: Some("somethingNew"), ..Situation::default() };
            assert!(hint(of).is_some(), "{status}");
        }
        // What the operator sets, too, is named.
        for (status, option) in [(413, "scim-body-limit"), (431, "header-limit")] {
            let text = hint(Situation { status, ..Situation::default() }).unwrap();
            assert!(text.contains(option) && crate::config::options::find(option).is_some(), "{text}");
        }
        assert_eq!(hint(Situation { status: 200, ..Situation::default() }), None);
    }
}
