//! What a client asks of the token endpoint, read from its form and headers (RFC 6749 §2.3.1, §4.4, RFC 7521
//! §4). Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::secret::Secret;
use crate::kernel::surface::Surface;
use crate::web::extract;

/// RFC 6749 §4.4.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// RFC 7523 §2.1.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 7523 §2.2.
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The only media type of a token request (RFC 6749 §4.4.2).
pub const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters that mean something here; none may come twice (RFC 6749 §3.2).
const KNOWN: [&str; 7] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "assertion",
];
/// Those that must not be in a URL, which logs keep.
const SECRETS: [&str; 3] = ["client_secret", "client_assertion", "assertion"];

/// A token request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What proves the client.
    pub proof: Proof,
    /// Where the access token is to be used; `None`: wherever the proof allows.
    pub surfaces: Option<Vec<Surface>>,
}

/// What proves the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Name and secret, in the header or in the body.
    Secret { client: String, secret: Secret },
    /// A JWT, as the client's authentication or as the grant itself.
    Assertion { text: Secret, client: Option<String>, is_grant: bool },
}

/// A refusal with a code of RFC 6749 §5.2.
pub fn refused(code: &'static str, text: impl Into<Cow<'static, str>>) -> Problem {
    let kind = if code == "invalid_client" { Kind::Unauthenticated } else { Kind::Invalid };
    Problem::new(kind, text).code(code)
}

fn invalid(text: impl Into<Cow<'static, str>>) -> Problem {
    refused("invalid_request", text)
}

/// Reads a token request.
///
/// # Errors
/// With a code of RFC 6749 §5.2.
pub fn read(headers: &HeaderMap, query: &str, body: &[u8]) -> Result<Ask> {
    body_only(query)?;
    let form = form(headers, body)?;
    let surfaces = form.get("scope").map(|text| surfaces(text)).transpose()?;
    let proof = match form.get("grant_type").map(String::as_str) {
        Some(CLIENT_CREDENTIALS) => authentication(headers, &form)?,
        Some(JWT_BEARER) => grant(headers, &form)?,
        Some(other) => {
            let other: String = other.chars().take(80).collect();
            let text =
                format!("grant_type {other} is not served here: send {CLIENT_CREDENTIALS} or {JWT_BEARER}.");
            return Err(refused("unsupported_grant_type", text));
        }
        None => return Err(invalid(format!("grant_type is missing: send grant_type={CLIENT_CREDENTIALS}."))),
    };
    Ok(Ask { proof, surfaces })
}

/// None of the parameters stands in the URL (RFC 6749 §2.3.1, §3.2): passed over, a `scope` there would seem
/// to have narrowed the token.
fn body_only(query: &str) -> Result<()> {
    let sent = |names: &[&str]| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| names.contains(&&**name)).map(|(name, _)| name)
    };
    if let Some(name) = sent(&SECRETS) {
        return Err(invalid(format!(
            "{name} is in the URL, which logs keep: send it in the body, and take another in its place."
        )));
    }
    match sent(&KNOWN) {
        Some(name) => Err(invalid(format!("{name} is in the URL: send it in the body."))),
        None => Ok(()),
    }
}

/// The known parameters; one without a value counts as left out (RFC 6749 §3.2). Others are nobody's business
/// here, also when they come twice, as `resource` may (RFC 8707 §2).
fn form(headers: &HeaderMap, body: &[u8]) -> Result<HashMap<&'static str, String>> {
    if !extract::media(headers).eq_ignore_ascii_case(FORM) {
        return Err(invalid(format!("The body is not a form: send Content-Type {FORM}.")));
    }
    let mut form = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
        let Some(known) = KNOWN.into_iter().find(|known| *known == name) else { continue };
        if form.insert(known, value.into_owned()).is_some() {
            return Err(invalid(format!("{known} comes more than once: send it once.")));
        }
    }
    Ok(form)
}

/// `scope` (RFC 6749 §3.3): surfaces by their names.
fn surfaces(text: &str) -> Result<Vec<Surface>> {
    let found = text.split(' ').filter(|word| !word.is_empty()).map(|word| {
        let word: String = word.chars().take(80).collect();
        let unknown = || format!("There is no scope {word}: send scim, platform, both, or no scope at all.");
        Surface::parse(&word).ok_or_else(|| refused("invalid_scope", unknown()))
    });
    let found: Vec<_> = found.collect::<Result<_>>()?;
    Ok(Surface::ALL.into_iter().filter(|surface| found.contains(surface)).collect())
}

/// The client's authentication, by exactly one method (RFC 6749 §2.3).
fn authentication(headers: &HeaderMap, form: &HashMap<&str, String>) -> Result<Proof> {
    let (client, secret) = (form.get("client_id").cloned(), form.get("client_secret").cloned());
    let assertion = assertion(form)?;
    let basic = basic(headers)?;
    let methods = [basic.is_some(), secret.is_some(), assertion.is_some()];
    if methods.into_iter().filter(|sent| *sent).count() > 1 {
        return Err(invalid(
            "The client authenticates in more than one way: send an Authorization header, client_secret or \
             client_assertion, and only one of them.",
        ));
    }
    if let Some((name, secret)) = basic {
        if client.is_some_and(|client| client != name) {
            return Err(invalid("client_id is not the one of the Authorization header: leave it out."));
        }
        return Ok(Proof::Secret { client: name, secret });
    }
    if let Some(text) = assertion {
        return Ok(Proof::Assertion { text, client, is_grant: false });
    }
    let Some(secret) = secret else {
        return Err(refused(
            "invalid_client",
            "The client does not authenticate: send client_id and client_secret, or client_assertion.",
        ));
    };
    let client = client.ok_or_else(|| invalid("client_id is missing: send it beside client_secret."))?;
    Ok(Proof::Secret { client, secret: Secret::new(secret) })
}

fn assertion(form: &HashMap<&str, String>) -> Result<Option<Secret>> {
    match (form.get("client_assertion"), form.get("client_assertion_type").map(String::as_str)) {
        (Some(text), Some(CLIENT_ASSERTION)) => Ok(Some(Secret::new(text))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid("client_assertion is missing: send the JWT in it.")),
        (Some(_), _) => Err(invalid(format!(
            "client_assertion needs client_assertion_type={CLIENT_ASSERTION}: send it so."
        ))),
    }
}

/// The JWT as the grant; it says who the client is (RFC 7521 §4.1).
fn grant(headers: &HeaderMap, form: &HashMap<&str, String>) -> Result<Proof> {
    let Some(text) = form.get("assertion") else {
        return Err(invalid("assertion is missing: send the JWT in it."));
    };
    let others = ["client_secret", "client_assertion"].iter().any(|name| form.contains_key(name));
    if others || headers.contains_key(AUTHORIZATION) {
        return Err(invalid("The assertion says who the client is: leave out every other authentication."));
    }
    let client = form.get("client_id").cloned();
    Ok(Proof::Assertion { text: Secret::new(text), client, is_grant: true })
}

/// `Authorization: Basic` with name and secret, each form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(invalid("The request has more than one Authorization header: send one."));
    }
    let decoded = || {
        let (scheme, text) = header.to_str().ok()?.trim().split_once(' ')?;
        let text = STANDARD.decode(text.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let text = String::from_utf8(text).ok()?;
        let (name, secret) = text.split_once(':')?;
        Some((plain(name)?, Secret::new(plain(secret)?)))
    };
    let wrong = "The Authorization header is not Basic with client_id and client_secret, each form-encoded.";
    decoded().map(Some).ok_or_else(|| refused("invalid_client", wrong))
}

fn plain(text: &str) -> Option<String> {
    let encoded = format!("v={text}");
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    let (_, value) = pairs.next()?;
    // A raw ampersand: not form-encoded.
    if pairs.next().is_some() { None } else { Some(value.into_owned()) }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    fn ask(authorization: Option<&str>, body: &str) -> Result<Ask> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "Application/X-www-form-urlencoded; charset=utf-8".parse().unwrap());
        if let Some(text) = authorization {
            headers.insert(AUTHORIZATION, text.parse().unwrap());
        }
        read(&headers, "", body.as_bytes())
    }

    fn code(asked: Result<Ask>) -> &'static str {
        asked.unwrap_err().code_text().unwrap()
    }

    fn secret(client: &str, secret: &str) -> Proof {
        Proof::Secret { client: client.into(), secret: Secret::new(secret) }
    }

    fn basic_header(text: &str) -> String {
        format!("basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_secret_comes_in_the_header_or_in_the_body() {
        let both = [
            ask(None, "grant_type=client_credentials&client_id=a%20b&client_secret=s%2Bt&more=1&more=2"),
            ask(Some(&basic_header("a+b:s%2Bt")), "grant_type=client_credentials&client_id=a+b&scope="),
        ];
        for asked in both {
            assert_eq!(asked.unwrap(), Ask { proof: secret("a b", "s+t"), surfaces: None });
        }
    }

    #[test]
    fn a_header_that_is_not_basic_is_named() {
        let grant = "grant_type=client_credentials";
        for header in
            ["Bearer abc", "Basic", "Basic ???", &basic_header("no colon"), &basic_header("a:b&c=d")]
        {
            assert_eq!(code(ask(Some(header), grant)), "invalid_client", "{header}");
        }
        assert_eq!(code(ask(Some(&basic_header("a:s")), &format!("{grant}&client_id=b"))), "invalid_request");
    }

    #[test]
    fn an_assertion_authenticates_or_is_the_grant() {
        let typed = format!("client_assertion_type={CLIENT_ASSERTION}");
        let asked =
            ask(None, &format!("grant_type=client_credentials&client_assertion=j&{typed}&scope=platform"));
        let proof = Proof::Assertion { text: Secret::new("j"), client: None, is_grant: false };
        assert_eq!(asked.unwrap(), Ask { proof, surfaces: Some(vec![Surface::Platform]) });
        let asked =
            ask(None, &format!("grant_type={JWT_BEARER}&assertion=j&client_id=c&scope=platform+scim"));
        let proof = Proof::Assertion { text: Secret::new("j"), client: Some("c".into()), is_grant: true };
        assert_eq!(asked.unwrap(), Ask { proof, surfaces: Some(Surface::ALL.to_vec()) });
        for bad in ["client_assertion=j", &typed, "client_assertion=j&client_assertion_type=saml"] {
            assert_eq!(
                code(ask(None, &format!("grant_type=client_credentials&{bad}"))),
                "invalid_request",
                "{bad}"
            );
        }
        for bad in ["", "&assertion=j&client_secret=s"] {
            assert_eq!(code(ask(None, &format!("grant_type={JWT_BEARER}{bad}"))), "invalid_request", "{bad}");
        }
        let header = basic_header("a:s");
        assert_eq!(
            code(ask(Some(&header), &format!("grant_type={JWT_BEARER}&assertion=j"))),
            "invalid_request"
        );
    }

    #[test]
    fn what_cannot_be_served_has_its_code() {
        let client = "client_id=a&client_secret=s";
        let cases = [
            (String::new(), "invalid_request"),
            (client.to_owned(), "invalid_request"),
            (format!("grant_type=password&{client}"), "unsupported_grant_type"),
            ("grant_type=client_credentials".to_owned(), "invalid_client"),
            ("grant_type=client_credentials&client_secret=s".to_owned(), "invalid_request"),
            (format!("grant_type=client_credentials&{client}&scope=scim+openid"), "invalid_scope"),
            (format!("grant_type=client_credentials&{client}&client_id=b"), "invalid_request"),
            (
                format!(
                    "grant_type=client_credentials&{client}&client_assertion=j&client_assertion_type={CLIENT_ASSERTION}"
                ),
                "invalid_request",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(code(ask(None, &body)), expected, "{body}");
        }
        assert_eq!(code(read(&HeaderMap::new(), "", b"grant_type=client_credentials")), "invalid_request");
        let in_url = read(&HeaderMap::new(), "client_secret=s", b"").unwrap_err();
        assert!(in_url.message().contains("in the URL"), "{in_url}");
    }
}
