//! The web console: a page with its scripts, embedded into the program and sent as it is. Sending it asks for
//! no credential and no database; what the page shows it gets from the public API, by the token of whoever
//! opened it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, any, get};
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::app::App;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::version::split;
use crate::web::etag;
use crate::web::surface::{no_route, nothing_at};

/// Where the page is; all of its files are below.
pub const ROOT: &str = "/console/";
/// The same as who asked for `/` or `/console` finds it, below whatever a proxy has taken off.
const FROM_ABOVE: &str = "console/";
/// The page itself.
const INDEX: &str = "index.html";
/// Below it a file's name changes with what is in it.
const LASTING: &str = "assets/";
/// How the name of a file's compressed twin ends.
const PACKED: &str = ".gz";

/// What stood in `console/dist` when the program was built; nothing where nobody had built it.
#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
pub struct Dist;

/// Was the program built with it?
pub fn is_embedded() -> bool {
    Dist::get(INDEX).is_some()
}

/// Sent with each file. The page runs no script but its own and talks to nobody but this server, so that what
/// gets into it cannot carry a token away. Its components set `style` elements and attributes.
const GUARDS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A file as it is, or its compressed twin.
struct Form {
    bytes: Bytes,
    /// Of these bytes.
    tag: HeaderValue,
}

impl Form {
    fn of(file: EmbeddedFile) -> Self {
        let tag = etag::of_file(&file.metadata.sha256_hash());
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        Self { bytes, tag }
    }
}

struct File {
    media: &'static str,
    keep: &'static str,
    plain: Form,
    packed: Option<Form>,
}

impl File {
    fn embedded(name: &str) -> Option<Self> {
        let plain = Dist::get(name).map(Form::of)?;
        let packed = Dist::get(&format!("{name}{PACKED}")).map(Form::of);
        let keep = if name.starts_with(LASTING) { "public, max-age=31536000, immutable" } else { "no-cache" };
        Some(Self { media: media(name), keep, plain, packed })
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let packed = self.packed.as_ref().filter(|_| takes_gzip(headers));
        let form = packed.unwrap_or(&self.plain);
        let mut response = if etag::is_known(headers, &form.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.media)], form.bytes.clone()).into_response()
        };
        let out = response.headers_mut();
        out.extend(GUARDS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        out.insert(CACHE_CONTROL, HeaderValue::from_static(self.keep));
        out.insert(ETAG, form.tag.clone());
        if self.packed.is_some() {
            out.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if packed.is_some() {
            out.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// The files by their names. Cheap to clone.
#[derive(Clone)]
struct Console(Arc<BTreeMap<String, File>>);

impl Console {
    fn embedded() -> Self {
        let own = Dist::iter().filter(|name| !name.ends_with(PACKED));
        Self(Arc::new(own.filter_map(|name| Some((name.to_string(), File::embedded(&name)?))).collect()))
    }

    /// # Errors
    /// `ResourceNotFound` where the program was built without it.
    fn whole(&self) -> Result<()> {
        if self.0.contains_key(INDEX) {
            return Ok(());
        }
        let text = "This program was built without the web console: build it by `make build` on a machine that has \
                    Node 20 and npm.";
        Err(Problem::new(Kind::ResourceNotFound, text))
    }
}

/// The routes; with `on` false none of them leads anywhere, whatever the method.
pub(super) fn routes(on: bool) -> Router<App> {
    let open = |route: MethodRouter<Console>| if on { route } else { any(nothing) };
    Router::new()
        .route("/console", open(get(lead_in)))
        .route("/console/", open(get(page)))
        .route("/console/{*file}", open(get(file)))
        .with_state(Console::embedded())
}

async fn nothing(uri: Uri) -> Problem {
    not_here(&uri)
}

/// To browsers 404 is what the platform API's own word for a path without a route is to its clients.
fn not_here(uri: &Uri) -> Problem {
    Problem::new(Kind::ResourceNotFound, nothing_at(uri.path()).message().to_owned())
}

async fn lead_in(State(console): State<Console>) -> Result<Redirect> {
    console.whole()?;
    Ok(Redirect::permanent(FROM_ABOVE))
}

async fn page(State(console): State<Console>, headers: HeaderMap) -> Result<Response> {
    console.whole()?;
    Ok(console.0[INDEX].answer(&headers))
}

/// The path is compared as it came: no name has anything in it that a client would write with a `%`.
async fn file(State(console): State<Console>, uri: Uri, headers: HeaderMap) -> Result<Response> {
    console.whole()?;
    let name = uri.path().strip_prefix(ROOT).unwrap_or_default();
    let found = console.0.get(name).ok_or_else(|| not_here(&uri))?;
    Ok(found.answer(&headers))
}

/// `GET /`: leads a person to the console. Whoever else asks is answered as where no route is.
pub(super) async fn front_door(headers: HeaderMap, request: Request) -> Result<Response> {
    if !values(&headers, &ACCEPT).any(|text| split(text, ',').any(|range| wants(range, "text/html"))) {
        return Err(no_route(request).await);
    }
    Ok((StatusCode::FOUND, [(LOCATION, FROM_ABOVE), (VARY, "accept")]).into_response())
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    values(headers, &ACCEPT_ENCODING).any(|text| text.split(',').any(|coding| wants(coding, "gzip")))
}

/// Does a part of what the client takes name it, with a weight other than none (RFC 9110 §12.4.2)?
fn wants(part: &str, name: &str) -> bool {
    let mut words = split(part, ';').map(|word| word.trim().to_ascii_lowercase());
    let is_none = |word: String| {
        word.strip_prefix("q=").is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty())
    };
    words.next().is_some_and(|word| word == name) && !words.any(is_none)
}

/// By the end of the name.
fn media(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_nobody_built_it_each_path_says_how_to() {
        let none = || State(Console(Arc::default()));
        let (at, headers) = (Uri::from_static("/console/index.html"), HeaderMap::new());
        let told = [
            lead_in(none()).await.err(),
            page(none(), headers.clone()).await.err(),
            file(none(), at, headers).await.err(),
        ];
        for problem in told {
            let problem = problem.expect("it is refused");
            assert_eq!(problem.kind(), Kind::ResourceNotFound);
            let text = problem.message();
            assert!(text.contains("without the web console") && text.contains("`make build`"), "{text}");
            assert!(text.contains("Node 20"), "{text}");
        }
    }

    #[test]
    fn gzip_is_sent_to_who_names_it() {
        let takes = |text: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        for yes in ["gzip", "br, gzip", "GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0", "gzip ; q=0.001"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "identity", "br", "gzip;q=0", "gzip; Q=0.000, br", "gzipped", "*;q=0"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
