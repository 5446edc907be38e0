//! The texts of references (RFC 3986): which are URIs, and what the URI of a resource points to.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Whether a text is made of what a URI or a relative reference may have: no blank, no control character, a
/// percent sign with its two digits only.
pub(crate) fn is_uri(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(byte),
    })
}

/// The last two segments of a URI's path, the endpoint and the id of a resource, as they are written.
pub fn target(uri: &str) -> (Option<&str>, Option<&str>) {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => path,
    };
    let mut segments = path.rsplit('/').filter(|segment| !matches!(*segment, "" | "." | ".."));
    let id = segments.next();
    (segments.next(), id)
}

/// A segment without its percent-encoding; as it is written where that is none of UTF-8.
pub(crate) fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8().unwrap_or(Cow::Borrowed(segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_told_from_other_texts() {
        for good in [
            "https://example.com/~ada?x=1#top",
            "../Users/26118915-6090-4610-87e4-49d8ca9f808d",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "data:image/png;base64,AAA+/8=",
            "http://[::1]:8080/a%20b",
            "mailto:ada@example.com",
            "x",
        ] {
            assert!(is_uri(good), "{good}");
        }
        for bad in ["a b", " x", "a\tb", "a\u{7f}", "100%", "%4", "%zz", "a%2", "x<y>", "\"x\"", "caf\u{e9}"]
        {
            assert!(!is_uri(bad), "{bad}");
        }
    }

    #[test]
    fn the_uri_of_a_resource_ends_with_its_endpoint_and_id() {
        for (uri, endpoint, id) in [
            ("https://x/scim/v2/acme/Users/7", Some("Users"), Some("7")),
            ("../Users/7?a=b/c#d", Some("Users"), Some("7")),
            ("/Users/7/", Some("Users"), Some("7")),
            ("7", None, Some("7")),
            ("https://x/", None, None),
            ("https://x", None, None),
            ("../..", None, None),
        ] {
            assert_eq!(target(uri), (endpoint, id), "{uri}");
        }
        assert_eq!(decoded("a%20b%C3%89%4"), "a bÉ%4");
        assert_eq!(decoded("%ff"), "%ff");
        assert_eq!(decoded("%+5"), "%+5");
    }
}
