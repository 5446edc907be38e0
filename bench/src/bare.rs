//! A bare axum endpoint: answers every request with the same status, headers and bytes. The reference of what
//! HTTP itself costs; it runs as a process of its own, as the server does.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::net::TcpListener;

use crate::Result;

/// An answer to give again and again.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// Reads a recorded answer. What hyper writes itself is left to it.
    fn parse(bytes: &[u8]) -> Result<Self> {
        let end =
            memchr::memmem::find(bytes, b"\r\n\r\n").ok_or("the recorded answer has no end of its head")?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "the recorded head is not UTF-8")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let status = status.ok_or("the recorded answer has no status")?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let name: HeaderName = name.parse().map_err(|_| format!("{name} is no header name"))?;
            let value =
                HeaderValue::from_str(value.trim()).map_err(|_| format!("{name} has no valid value"))?;
            if name != header::CONTENT_LENGTH && name != header::DATE {
                headers.append(name, value);
            }
        }
        Ok(Self { status, headers, body: Bytes::copy_from_slice(&bytes[end + 4..]) })
    }
}

/// Serves the answer recorded in a file until the process is ended.
///
/// # Errors
/// When the file cannot be read or the address not be listened on.
pub fn serve(file: &Path, listen: &str) -> Result<()> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let answer = Arc::new(Answer::parse(&bytes)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| format!("the endpoint does not start: {error}"))?.block_on(async {
        let failed = |error| format!("cannot listen on {listen}: {error}");
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        crate::say(&format!("serves http://{address}"));
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(again).with_state(answer);
        axum::serve(listener, router).await.map_err(|error| format!("the endpoint stopped: {error}"))
    })
}

async fn again(State(answer): State<Arc<Answer>>, request: Request) -> Response {
    let body = request.into_body();
    if !body.is_end_stream() {
        // As every server must, before it can answer.
        let _ = axum::body::to_bytes(body, usize::MAX).await;
    }
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers.clone();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_answer_is_given_as_it_was() {
        let text = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\netag: W/\"1\"\r\ndate: x\r\n\r\n{}";
        let answer = Answer::parse(text).unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers.len(), &answer.body[..]), (201, 1, &b"{}"[..]));
        assert!(Answer::parse(b"nothing").is_err());
    }
}
