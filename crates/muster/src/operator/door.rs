//! The operator's tokens: lines of a file, read with each request, so that a new one holds and an old one
//! ends without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::app::App;
use crate::kernel::caller::{Caller, Origin};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::sparing::Sparing;
use crate::web::surface::{nothing_at, origin};

/// Fewer characters could be guessed.
const SHORTEST: usize = 32;
/// Of the file.
const LARGEST: u64 = 64 << 10;

/// Who runs the installation.
#[derive(Clone, Debug)]
pub enum Operator {
    /// Whoever holds the database.
    Console,
    /// Whoever holds one of the tokens.
    Remote {
        /// Which one: the beginning of its SHA-256.
        token: String,
        /// From where.
        origin: Origin,
    },
}

impl Operator {
    /// As he acts in an account.
    pub fn caller(&self, account: AccountId) -> Caller {
        match self {
            Self::Console => Caller::console(account),
            Self::Remote { token, origin } => Caller::operator(account, token.clone(), origin.clone()),
        }
    }
    /// A line of the log about what he did. At the console he sees it himself.
    pub fn tell(&self, account: &AccountId, what: &str) {
        let Self::Remote { token, origin } = self else { return };
        tracing::info!(request_id = origin.request_id, %account, token, client = ?origin.client, "the operator {what}");
    }
}

/// Whoever sends the request, if he is the operator.
///
/// # Errors
/// `NoSuchResource` where there is none; `Unauthenticated`; `Unavailable` for a file that cannot be used.
pub async fn admit(parts: &Parts, app: &App) -> Result<Operator> {
    let Some(file) = &app.operator_tokens else { return Err(nothing_at(parts.uri.path())) };
    let origin = origin(parts);
    let shown = shown(&parts.headers).inspect_err(|_| refused(&origin))?;
    let tokens = file.read(Tokens::load).await?.map_err(unreadable)?;
    if let Some(token) = tokens.holds(shown) {
        return Ok(Operator::Remote { token, origin });
    }
    refused(&origin);
    Err(unauthenticated(WRONG))
}

/// Threads that the file can hold where its file system hangs.
const READERS: usize = 8;
/// For one of them.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the operator's tokens are, and who reads them.
pub struct TokenFile {
    path: PathBuf,
    turns: Arc<Semaphore>,
}

impl TokenFile {
    /// Of the server.
    pub fn new(path: PathBuf) -> Self {
        Self { path, turns: Arc::new(Semaphore::new(READERS)) }
    }

    /// A turn ends with the reading, and not with the request, whose sender may have gone long before.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Path) -> T + Send + 'static) -> Result<T> {
        let turn = timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| unreadable("its reading takes too long".into()))?;
        let path = self.path.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read(&path)
        });
        reading.await.map_err(|error| Problem::internal(error.to_string()))
    }
}

const WRONG: &str = "The operator's token does not hold: send a line of the file that operator-token-file names, as \
    Authorization: Bearer.";
const SEVERAL: &str =
    "The request has more than one credential: send the operator's token once, as Authorization: Bearer.";

/// The token of the request: `Authorization: Bearer`, or `x-api-key` as on the platform API. Of two nobody
/// knows which one is meant; an empty one is none.
fn shown(headers: &HeaderMap) -> Result<&str> {
    let all = headers.get_all(AUTHORIZATION).iter().chain(headers.get_all("x-api-key"));
    let mut all = all.map(|value| value.to_str().unwrap_or("?").trim()).filter(|text| !text.is_empty());
    let text = all.next().ok_or_else(|| unauthenticated(WRONG))?;
    if all.next().is_some() {
        return Err(unauthenticated(SEVERAL));
    }
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Ok(text),
    }
}

fn unauthenticated(text: &'static str) -> Problem {
    Problem::new(Kind::Unauthenticated, text)
}

fn refused(origin: &Origin) {
    static REFUSED: Sparing = Sparing::unspent();
    let Origin { request_id, client, .. } = origin;
    REFUSED.tell(|left_out| {
        tracing::info!(request_id, ?client, left_out, "a token of the operator was refused");
    });
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
        let text = read(path).map_err(|error| {
            let advice = match error.kind() {
                io::ErrorKind::NotFound => ": correct the path, or make the file with `openssl rand -hex 32`",
                _ => "",
            };
            format!("{} cannot be read: {error}{advice}", path.display())
        })?;
        Self::of(&text).map_err(|what| format!("{} {what}", path.display()))
    }

    /// One token a line; empty lines and those that begin with `#` are none, nor is a byte order mark.
    fn of(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let advice = "write one of at least 32 characters a line, as `openssl rand -hex 32` makes it";
        // Others could not be sent in a header.
        if lines().any(|line| line.len() < SHORTEST || !line.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(format!(
                "has a token that is too short, or not of ASCII without white space: {advice}"
            ));
        }
        let tokens: Vec<_> = lines().map(|line| Sha256::digest(line.as_bytes()).into()).collect();
        if tokens.is_empty() { Err(format!("has no token: {advice}")) } else { Ok(Self(tokens)) }
    }

    /// The beginning of the token's hash, if it is one of them. Takes as long for each.
    fn holds(&self, shown: &str) -> Option<String> {
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        let found = self.0.iter().fold(Choice::from(0), |found, token| found | token.ct_eq(&shown));
        bool::from(found)
            .then(|| shown[..8].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
    }
}

fn read(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    // To open a pipe, or to read from it, can take for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let (file, mut text) = (std::fs::File::open(path)?, String::new());
    // What is cut off could end within a token.
    if file.take(LARGEST + 1).read_to_string(&mut text)? as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has more than 64 KiB"));
    }
    Ok(text)
}

/// Warns of a file of tokens that is not the server's alone.
#[cfg(unix)]
pub fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(file) = std::fs::metadata(path) else { return };
    let mode = file.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let (path, mode) = (path.display(), format!("{mode:o}"));
        tracing::warn!(%path, mode, "other users may read or change the operator's tokens: chmod 600 the file");
    }
}

#[cfg(not(unix))]
pub fn warn_of_readers(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_token_a_line() {
        let (one, other) = ("a".repeat(32), "b".repeat(40));
        let tokens = Tokens::of(&format!("# of this year\n\n {one}\r\n{other}")).unwrap();
        assert!(tokens.holds(&one).is_some_and(|hash| hash.len() == 16) && tokens.holds(&other).is_some());
        assert!(["", &one[1..], "# of this year"].iter().all(|text| tokens.holds(text).is_none()));
        assert!(Tokens::of(&format!("\u{feff}{one}")).unwrap().holds(&one).is_some());
        for (text, what) in [("", "no token"), ("#\n", "no token"), ("short", "too short")] {
            assert!(Tokens::of(text).is_err_and(|error| error.contains(what)), "{text}");
        }
        for text in [format!("{one} {other}"), "é".repeat(32)] {
            assert!(Tokens::of(&text).is_err_and(|error| error.contains("ASCII")), "{text}");
        }
    }

    #[tokio::test]
    async fn who_goes_away_while_the_file_hangs_leaves_his_turn_taken() {
        let file = Arc::new(TokenFile::new(PathBuf::new()));
        let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let mut ends = Vec::new();
        for _ in 0..READERS {
            let (end, hang) = std::sync::mpsc::channel::<()>();
            let (file, begin) = (file.clone(), begin.clone());
            let request = tokio::spawn(async move {
                let reading = file.read(move |_| {
                    begin.send(()).unwrap();
                    let _ = hang.recv();
                });
                reading.await
            });
            begun.recv().await.unwrap();
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
            ends.push(end);
        }
        assert_eq!(file.turns.available_permits(), 0);
        drop(ends);
        file.read(|_| ()).await.unwrap();
    }

    #[test]
    fn a_request_shows_one_token() {
        let shown_by = |list: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in list {
                headers.append(*name, value.parse().unwrap());
            }
            shown(&headers).map(str::to_owned).map_err(|problem| problem.message().to_owned())
        };
        let bearer = ("authorization", "bearer  x ");
        for list in [&[bearer][..], &[("x-api-key", "x")], &[bearer, ("x-api-key", "")]] {
            assert_eq!(shown_by(list).as_deref(), Ok("x"), "{list:?}");
        }
        for list in [&[bearer, ("x-api-key", "x")][..], &[bearer, ("authorization", "Bearer y")]] {
            assert_eq!(shown_by(list), Err(SEVERAL.to_owned()), "{list:?}");
        }
        assert_eq!(shown_by(&[]), Err(WRONG.to_owned()));
    }
}
