//! What is left of a request's body when its answer is there: whoever is refused at the door has often not
//! sent all of it. A connection closed over it is reset, and the answer with it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::Request;
use http::header::EXPECT;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;

/// So much is read to keep a connection.
const MOST: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_millis(100);

/// Where a body is found again that nobody read to its end.
pub(super) struct Rest {
    left: Arc<Mutex<Option<Incoming>>>,
    /// Whether the client waits to be told to go on; reading tells it.
    held_back: bool,
}

impl Rest {
    /// A request with its body tended; `None` where it has none.
    pub(super) fn of(request: Request<Incoming>) -> (Request<Body>, Option<Self>) {
        if request.body().is_end_stream() {
            return (request.map(Body::new), None);
        }
        let left = Arc::new(Mutex::new(None));
        let rest = Self { left: Arc::clone(&left), held_back: request.headers().contains_key(EXPECT) };
        (request.map(|body| Body::new(Tended { body: Some(body), left })), Some(rest))
    }

    /// Whether the body has come to its end, or does so at once: then another request can follow on the
    /// connection.
    pub(super) async fn ends(self) -> bool {
        let Some(body) = self.left.lock().take() else { return true };
        if self.held_back {
            return false;
        }
        let read = Limited::new(body, MOST).collect();
        matches!(tokio::time::timeout(PATIENCE, read).await, Ok(Ok(_)))
    }
}

/// A body that is put back unless it was read to its end.
struct Tended {
    /// `None`: nothing is left.
    body: Option<Incoming>,
    left: Arc<Mutex<Option<Incoming>>>,
}

impl HttpBody for Tended {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            *self.left.lock() = self.body.take();
        }
    }
}
