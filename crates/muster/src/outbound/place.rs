//! Where somebody says the server is to connect: URLs as they are written. Pure.

use url::Url;

/// Reads an absolute URL of what `http` and `https` reach, where it says what it seems to say. The parser
/// forgives as browsers do, and silently: it drops line breaks and tabs, takes a backslash for a slash, and
/// finds the host behind however many slashes there are (WHATWG URL §4.4). The server would then go elsewhere
/// than a person reads, or another program that reads the same text.
///
/// # Errors
/// What is wrong, to go on behind the name of what was sent.
pub fn read_url(text: &str) -> Result<Url, String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("has white space in it".into());
    }
    if text.contains('\\') {
        return Err("has a backslash in it".into());
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL ({error})"))?;
    let behind = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    if behind.is_none_or(|rest| rest.starts_with('/')) {
        return Err("is not a URL (no host between :// and the path)".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_what_is_written() {
        for fine in
            ["https://idp.example/keys", "HTTPS://IDP.example", "http://[::1]:8080/?a=//b", "https://h"]
        {
            assert!(read_url(fine).is_ok(), "{fine}");
        }
        for (bad, why) in [
            ("https:///idp.example/keys", "no host"),
            ("https:idp.example/keys", "no host"),
            ("https:/idp.example", "no host"),
            ("https:////idp.example", "no host"),
            ("mailto:a@b.example", "no host"),
            ("https:\\\\idp.example", "backslash"),
            ("https://idp.example\\@other.example/", "backslash"),
            ("https://idp\t.example", "white space"),
            (" https://idp.example", "white space"),
            ("https://idp.example/\nkeys", "white space"),
            ("https://", "not a URL"),
            ("idp.example", "not a URL"),
        ] {
            let error = read_url(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
