//! What never becomes a request: hyper refuses a head that is too large, or no HTTP at all, by itself and
//! without a body. Here its answer gets the body of the surface that was meant, and time to arrive. Costs a
//! request that is well formed a copy of a few bytes; never sees one whole. What hyper lets through although
//! HTTP wants it refused gets its answer here, too.

use std::io;
use std::pin::Pin;
use std::str::FromStr as _;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::response::{IntoResponse as _, Response};
use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{Request, StatusCode, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error;
use super::limits::Watched;
use super::traffic::{Surface, Traffic};
use crate::kernel::problem::{Kind, Problem};
use crate::kernel::rng::Rng;

/// As much of a head as tells which surface it was meant for.
const START_BYTES: usize = 64;
/// What is read and thrown away after a refusal: a connection closed over unread bytes is reset, and the
/// answer with it.
const LINGER_BYTES: usize = 16 << 20;

/// Writes the bodies of refusals, and counts them.
pub struct Refusals {
    rng: Rng,
    scim_bases: Vec<String>,
    head_bytes: usize,
    traffic: Option<Traffic>,
}

/// hyper's own refusal, taken apart around its length.
struct Own<'h> {
    status: u16,
    before: &'h str,
    after: &'h str,
}

impl<'h> Own<'h> {
    /// `None` for everything else that hyper writes.
    fn read(head: &'h [u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        if !matches!(status, 400 | 414 | 431) {
            return None;
        }
        let (before, after) = head.strip_suffix("\r\n")?.split_once("content-length: 0\r\n")?;
        Some(Self { status, before, after })
    }
}

impl Refusals {
    /// `scim_bases`: how the paths of the SCIM surface begin. `head_bytes`: the bound that a head was over.
    /// `traffic`: where refusals are counted, if anywhere.
    pub fn new(rng: Rng, scim_bases: Vec<String>, head_bytes: usize, traffic: Option<Traffic>) -> Self {
        Self { rng, scim_bases, head_bytes, traffic }
    }

    /// Counts hyper's own refusal, and words it with a body. `None`: it stays as it is.
    fn worded(&self, own: &Own<'_>, start: &[u8]) -> Option<Bytes> {
        let Own { status, before, after } = *own;
        let problem = self.problem(status)?;
        let start = String::from_utf8_lossy(start);
        let (method, target) = start.split_once(' ').unwrap_or_default();
        let Words { media, id, body } = self.words(&problem, status, target);
        if method.is_empty() || method == "HEAD" {
            return None;
        }
        let length = body.len();
        Some(Bytes::from(format!(
            "{before}content-type: {media}\r\ncontent-length: {length}\r\nx-request-id: {id}\r\n{after}\r\n{body}"
        )))
    }

    /// Counts a refusal, and has the words for it of the surface that `target` is on.
    fn words(&self, problem: &Problem, status: u16, target: &str) -> Words {
        let is_scim = self.scim_bases.iter().any(|base| target.starts_with(base.as_str()));
        if let Some(traffic) = &self.traffic {
            traffic.refused(if is_scim { Surface::Scim } else { Surface::Platform }, status);
        }
        let id = self.rng.uuid();
        let (media, (_, body)) = if is_scim {
            (error::SCIM_MEDIA, error::scim_body(problem, &id))
        } else {
            (error::PLATFORM_MEDIA, error::platform_body(problem, &id))
        };
        Words { media, id, body: body.to_string() }
    }

    /// The answer to a request that hyper takes and RFC 9112 section 3.2 wants refused: one that does not say
    /// once for which host it is.
    pub(super) fn without_host<B>(&self, request: &Request<B>) -> Option<Response> {
        if names_host(request) {
            return None;
        }
        let problem = Problem::invalid(
            "An HTTP/1.1 request names the host that it is for in one Host header: send it once, as host or \
             host:port.",
        );
        let Words { media, id, body } = self.words(&problem, 400, request.uri().path());
        let headers = [(CONTENT_TYPE.as_str(), media.to_owned()), ("x-request-id", id)];
        Some((StatusCode::BAD_REQUEST, headers, body).into_response())
    }

    fn problem(&self, status: u16) -> Option<Problem> {
        Some(match status {
            400 => Problem::invalid(
                "The request is not HTTP/1.1 as it can be read here: check its request line and the names and values \
                of its headers.",
            ),
            414 => Problem::new(
                Kind::UriTooLong,
                "The request's URL is too long: shorten it; a long SCIM filter goes into the body of a POST to .search.",
            ),
            431 => Problem::new(
                Kind::HeadTooLarge,
                format!(
                    "The request line and headers are over {} bytes together, or there are more than 100 headers: send \
                    fewer and shorter ones.",
                    self.head_bytes
                ),
            ),
            _ => return None,
        })
    }
}

/// A refusal in the words of a surface.
struct Words {
    media: &'static str,
    id: String,
    body: String,
}

/// HTTP/1.0 knows no `Host`, but has no more than one either.
fn names_host<B>(request: &Request<B>) -> bool {
    let mut named = request.headers().get_all(HOST).iter();
    let is_host = |text: &str| text.is_empty() || !text.contains('@') && Authority::from_str(text).is_ok();
    match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        (None, _) => request.version() == Version::HTTP_10,
        (Some(_), Some(_)) => false,
    }
}

/// A connection whose refusals have bodies.
pub(super) struct Worded<S> {
    stream: Watched<S>,
    refusals: Arc<Refusals>,
    start: [u8; START_BYTES],
    started: usize,
    refused: bool,
    answer: Option<Bytes>,
    lingered: usize,
}

impl<S> Worded<S> {
    pub(super) fn new(stream: Watched<S>, refusals: Arc<Refusals>) -> Self {
        Self {
            stream,
            refusals,
            start: [0; START_BYTES],
            started: 0,
            refused: false,
            answer: None,
            lingered: 0,
        }
    }

    fn remember(&mut self, new: &[u8]) {
        let count = new.len().min(START_BYTES - self.started);
        self.start[self.started..self.started + count].copy_from_slice(&new[..count]);
        self.started += count;
    }

    /// Takes hyper's refusal out of its hands. Between requests hyper writes nothing else, but the rest of
    /// an earlier answer while the next head arrives; no JSON text has the line ends of a head in it.
    fn takes(&mut self, own: &[u8]) -> bool {
        if self.refused || !self.stream.pulse.awaits_head() || !own.ends_with(b"\r\n\r\n") {
            return false;
        }
        let Some(own) = Own::read(own) else { return false };
        // Only once: what stays as it is may be written in pieces.
        self.refused = true;
        self.answer = self.refusals.worded(&own, &self.start[..self.started]);
        self.answer.is_some()
    }
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(answer) = self.answer.as_mut().filter(|answer| !answer.is_empty()) {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, answer))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            answer.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stream.pulse.is_idle() {
            self.started = 0;
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.started < START_BYTES && self.stream.pulse.awaits_head() {
            self.remember(&buf.filled()[before..]);
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.takes(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [own] = bufs
            && self.takes(own)
        {
            return Poll::Ready(Ok(own.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(cx))?;
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // The connection's pulse bounds the wait for a peer that neither sends on nor closes.
        let lingers = self.answer.is_some() || self.stream.pulse.lingers();
        while lingers && self.lingered < LINGER_BYTES {
            let mut scratch = [0; 4_096];
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
            self.lingered += buf.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
