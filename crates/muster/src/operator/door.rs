//! The operator's tokens: lines of a file, read with each request, so that a new one holds and an old one
//! ends without a restart.

use std::io;
use std::path::Path;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::app::App;
use crate::kernel::caller::Origin;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::sparing::Sparing;
use crate::web::surface::{nothing_at, origin};

/// Fewer characters could be guessed.
const SHORTEST: usize = 32;
/// Of the file.
const LARGEST: u64 = 64 << 10;

/// Whoever holds one of the tokens.
#[derive(Clone, Debug)]
pub struct Operator(pub Origin);

/// Whoever sends the request, if he is the operator.
///
/// # Errors
/// `NoSuchResource` where there is none; `Unauthenticated`; `Unavailable` for a file that cannot be used.
pub async fn admit(parts: &Parts, app: &App) -> Result<Operator> {
    let Some(path) = app.operator_tokens.clone() else { return Err(nothing_at(parts.uri.path())) };
    let read = tokio::task::spawn_blocking(move || Tokens::load(&path)).await;
    let tokens = read.map_err(|error| Problem::internal(error.to_string()))?.map_err(unreadable)?;
    let shown = shown(&parts.headers).ok_or_else(refused)?;
    if tokens.hold(shown) { Ok(Operator(origin(parts))) } else { Err(refused()) }
}

/// The token of the request: `Authorization: Bearer`, or `x-api-key` as on the platform API. Of two nobody
/// knows which one is meant.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(AUTHORIZATION).iter().chain(headers.get_all("x-api-key"));
    let text = shown.next().filter(|_| shown.next().is_none())?.to_str().ok()?.trim();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
        _ => Some(text),
    }
}

fn refused() -> Problem {
    let text = "The operator's token does not hold: send a line of the file that operator-token-file names, as \
        Authorization: Bearer.";
    Problem::new(Kind::Unauthenticated, text)
}

/// Whoever asks learns nothing of the file.
fn unreadable(reason: String) -> Problem {
    static UNREADABLE: Sparing = Sparing::unspent();
    UNREADABLE.tell(|left_out| tracing::error!(reason, left_out, "no operator can be let in"));
    let text = "The operator's tokens cannot be read now; the server's log says why.";
    Problem::new(Kind::Unavailable, text).retry_after(5)
}

/// Hashes of the tokens of a file.
pub struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// One line that says what to change.
    pub fn load(path: &Path) -> std::result::Result<Self, String> {
        let text = read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Self::of(&text).map_err(|what| format!("{} {what}", path.display()))
    }

    /// One token a line; empty lines and those that begin with `#` are none.
    fn of(text: &str) -> std::result::Result<Self, String> {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let advice = "write one of at least 32 characters a line, as `openssl rand -hex 32` makes it";
        if lines().any(|line| line.len() < SHORTEST || line.contains(char::is_whitespace)) {
            return Err(format!("has a token that is too short or holds white space: {advice}"));
        }
        let tokens: Vec<_> = lines().map(|line| Sha256::digest(line.as_bytes()).into()).collect();
        if tokens.is_empty() { Err(format!("has no token: {advice}")) } else { Ok(Self(tokens)) }
    }

    /// Takes as long for each token.
    fn hold(&self, shown: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        self.0.iter().fold(Choice::from(0), |found, token| found | token.ct_eq(&shown)).into()
    }
}

fn read(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let (file, mut text) = (std::fs::File::open(path)?, String::new());
    // What is cut off could end within a token.
    if file.take(LARGEST + 1).read_to_string(&mut text)? as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has more than 64 KiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_token_a_line() {
        let (one, other) = ("a".repeat(32), "b".repeat(40));
        let tokens = Tokens::of(&format!("# of this year\n\n {one}\r\n{other}")).unwrap();
        assert!(tokens.hold(&one) && tokens.hold(&other));
        assert!(!tokens.hold("") && !tokens.hold(&one[1..]) && !tokens.hold("# of this year"));
        for (text, what) in [("", "no token"), ("#\n", "no token"), ("short", "too short")] {
            assert!(Tokens::of(text).is_err_and(|error| error.contains(what)), "{text}");
        }
        assert!(Tokens::of(&format!("{one} {other}")).is_err_and(|error| error.contains("white space")));
    }

    #[test]
    fn a_request_shows_one_token() {
        let headers = |list: &[(&'static str, &'static str)]| {
            list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let shown_by = |list| shown(&headers(list)).map(str::to_owned);
        assert_eq!(shown_by(&[("authorization", "bearer  x ")]).as_deref(), Some("x"));
        assert_eq!(shown_by(&[("x-api-key", "x")]).as_deref(), Some("x"));
        assert_eq!(shown_by(&[("authorization", "Bearer x"), ("x-api-key", "x")]), None);
        assert_eq!(shown_by(&[("authorization", "Bearer x"), ("authorization", "Bearer y")]), None);
        assert_eq!(shown_by(&[]), None);
    }
}
