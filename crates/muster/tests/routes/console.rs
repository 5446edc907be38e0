//! The web console: its files as they are sent, and that nothing else is. What it does is tested in a browser
//! (console/run-test.sh). The program under test may have been built without it: then its words for that are.

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use muster::router::Front;
use muster::router::console::{Dist, ROOT, is_embedded};
use muster::web::listen::Answers as _;
use serde_json::json;

use crate::actors::World;
use crate::both_engines;
use crate::process::not_here;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Is it embedded? Says so where it is not; in CI that is a failure.
fn is_here() -> bool {
    if !is_embedded() {
        not_here("the console", "scripts/build-console.sh and build again");
    }
    is_embedded()
}

/// The files that are served, by their names.
fn files() -> Option<Vec<String>> {
    is_here().then(|| Dist::iter().map(Cow::into_owned).filter(|name| !is_twin(name)).collect())
}

fn is_twin(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == "gz")
}

fn bytes_of(name: &str) -> Cow<'static, [u8]> {
    Dist::get(name).expect("it is there").data
}

fn has_twin(name: &str) -> bool {
    Dist::get(&format!("{name}.gz")).is_some()
}

/// An answer whose body may be any bytes.
struct Sent {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Sent {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }
}

async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Sent {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("the request can be built");
    let (head, body) = Front::new(world.app.clone()).answer(request, None).await.into_parts();
    let body = body.collect().await.expect("the body can be read").to_bytes();
    Sent { status: head.status.as_u16(), headers: head.headers, body }
}

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Sent {
    ask(world, Method::GET, path, headers).await
}

/// The type that a browser must be told, by the end of a name.
fn media(name: &str) -> &'static str {
    match name.rsplit('.').next().expect("a name") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        other => panic!("a file of a kind that was not there before, .{other}: say which type it has"),
    }
}

both_engines! {
    async fn each_file_goes_out_as_it_is_to_who_has_no_credential(world: World) {
        let Some(files) = files() else { return };
        assert!(files.iter().any(|name| name.starts_with("assets/")), "{files:?}");
        for name in files {
            let sent = get(&world, &format!("{ROOT}{name}"), &[]).await;
            assert_eq!(sent.status, 200, "{name}");
            assert!(*sent.body == *bytes_of(&name), "{name}");
            let keeps = name.starts_with("assets/");
            for (header, value) in [
                ("content-type", media(&name)),
                ("cache-control", if keeps { "public, max-age=31536000, immutable" } else { "no-cache" }),
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("x-frame-options", "DENY"),
                ("cross-origin-opener-policy", "same-origin"),
                ("content-encoding", ""),
                ("set-cookie", ""),
                ("vary", if has_twin(&name) { "accept-encoding" } else { "" }),
            ] {
                assert_eq!(sent.header(header), value, "{header} of {name}");
            }
            assert_eq!(sent.header("x-request-id").len(), 36, "{name}");
            let head = ask(&world, Method::HEAD, &format!("{ROOT}{name}"), &[]).await;
            assert_eq!((head.status, head.body.len()), (200, 0), "{name}");
            assert_eq!(head.header("content-length"), sent.body.len().to_string(), "{name}");
            for header in ["content-type", "etag", "content-security-policy", "cache-control"] {
                assert_eq!(head.header(header), sent.header(header), "{header} of {name}");
            }
        }
    }

    async fn the_pages_are_there_and_run_under_their_policy(world: World) {
        if !is_here() { return }
        for (place, file) in [("", "index.html"), ("api.html", "api.html")] {
            let page = get(&world, &format!("{ROOT}{place}"), &[]).await;
            assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{file}");
            assert!(*page.body == *bytes_of(file), "{file}");
            let text = String::from_utf8(page.body.to_vec()).expect("a page is a text");
            // What the policy forbids would be missing in the browser without a word here.
            for tag in text.split("<script").skip(1) {
                let (tag, rest) = tag.split_once('>').expect("a tag ends");
                assert!(tag.contains(" src=\"./assets/"), "<script{tag}>");
                assert!(rest.starts_with("</script>"), "a script in the page itself: {rest:.80}");
            }
            // Below a proxy's prefix nothing is where a path from the root of the host leads.
            assert!(!text.contains("=\"/"), "{text}");
            for place in text.split('"').filter_map(|part| part.strip_prefix("./")) {
                assert_eq!(get(&world, &format!("{ROOT}{place}"), &[]).await.status, 200, "{place}");
            }
        }
    }

    async fn who_has_the_bytes_is_told_so(world: World) {
        let Some(files) = files() else { return };
        let mut tags = BTreeSet::new();
        for name in &files {
            let path = format!("{ROOT}{name}");
            for coding in ["identity", "gzip"] {
                let first = get(&world, &path, &[("accept-encoding", coding)]).await;
                let tag = first.header("etag");
                assert!(tag.starts_with('"') && tag.len() == 45, "a strong one: {tag}");
                tags.insert(tag.to_owned());
                for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
                    let again =
                        get(&world, &path, &[("accept-encoding", coding), ("if-none-match", &known)]).await;
                    assert_eq!((again.status, again.body.len()), (304, 0), "{name} {known}");
                    for header in ["etag", "cache-control", "vary", "content-security-policy"] {
                        assert_eq!(again.header(header), first.header(header), "{header} of {name}");
                    }
                }
                let other = [("accept-encoding", coding), ("if-none-match", "\"other\"")];
                assert_eq!(get(&world, &path, &other).await.status, 200, "{name}");
            }
        }
        let packed = files.iter().filter(|name| has_twin(name)).count();
        assert_eq!(tags.len(), files.len() + packed, "no two forms have one tag");
    }

    async fn the_compressed_twin_goes_to_who_takes_it_and_by_no_name(world: World) {
        let Some(files) = files() else { return };
        assert!(files.iter().any(|name| has_twin(name)), "the build leaves twins");
        for name in files.iter().filter(|name| has_twin(name)) {
            let (path, twin) = (format!("{ROOT}{name}"), format!("{name}.gz"));
            let sent = get(&world, &path, &[("accept-encoding", "br, gzip;q=0.5")]).await;
            assert_eq!((sent.status, sent.header("content-encoding")), (200, "gzip"), "{name}");
            assert_eq!((sent.header("vary"), sent.header("content-type")), ("accept-encoding", media(name)));
            assert!(*sent.body == *bytes_of(&twin), "{name}");
            for coding in ["gzip;q=0", "br"] {
                let plain = get(&world, &path, &[("accept-encoding", coding)]).await;
                assert_eq!(plain.header("content-encoding"), "", "{name} {coding}");
                assert!(*plain.body == *bytes_of(name), "{name} {coding}");
            }
            let by_name = world.anon().get(&format!("{ROOT}{twin}")).await;
            by_name.refused(404, "RESOURCE_NOT_FOUND");
        }
    }

    async fn nothing_else_is_served(world: World) {
        let anon = world.anon();
        for path in [
            "/console/nothing", "/console/assets", "/console/assets/", "/console/users", "/console/..",
            "/console/../", "/console/..%2f", "/console/..%2fCargo.toml", "/console/%2e%2e/",
            "/console/%2e%2e/%2e%2e/etc/passwd", "/console/../../Cargo.toml", "/console//", "/console//index.html",
            "/console/./index.html", "/console/index%2ehtml", "/console/..\\index.html", "/console/index.html/",
            "/console/assets/..%5cindex.html", "/console/%00", "/console/%ff", "/console//etc/passwd",
        ] {
            let text = anon.get(path).await.refused(404, "RESOURCE_NOT_FOUND");
            // A program without it says so wherever it would be.
            assert!(text.contains(if is_embedded() { path } else { "`make build`" }), "{path}: {text}");
        }
        for path in ["//", "//console/", "/gateway/console/", "/gateway/console", "/gateway/", "/consoles", "/Console/"] {
            anon.get(path).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
    }

    async fn only_reading_is_a_method_of_it(world: World) {
        let anon = world.anon();
        for path in ["/console", "/console/", "/console/index.html", "/console/assets/x"] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
                let answer = anon.send(method.clone(), path, None).await;
                assert_eq!(answer.header("allow"), "GET,HEAD", "{method} {path}");
                let text = answer.refused(405, "RESOURCE_NOT_FOUND_EXCEPTION");
                assert!(text.contains(method.as_str()), "{text}");
            }
        }
    }

    async fn a_person_is_led_there_and_a_program_is_not(world: World) {
        const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let anon = world.anon();
        if is_here() {
            let answer = anon.get("/console").await.expect(308);
            assert_eq!(answer.header("location"), "console/");
            for accept in [BROWSER, "application/json, Text/HTML;q=0.1"] {
                let answer = anon.with("accept", accept).get("/").await.expect(302);
                assert_eq!((answer.header("location"), answer.header("vary")), ("console/", "accept"));
            }
        } else {
            anon.with("accept", BROWSER).get("/").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
        for client in [anon.clone(), anon.with("accept", "*/*"), anon.with("accept", "application/json")] {
            let text = client.get("/").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
            assert_eq!(text, "There is no / here: compare the path with the API documentation.");
        }
        for accept in ["text/html;q=0", "application/json, text/html ; Q=0.000", "text/html2"] {
            anon.with("accept", accept).get("/").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
        let answer = anon.with("accept", BROWSER).post("/", json!({})).await;
        assert_eq!(answer.header("allow"), if is_here() { "GET,HEAD" } else { "" });
        answer.refused(if is_here() { 405 } else { 400 }, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn turned_off_it_is_not_there(world: World) {
        let off = world.replica_without_console().anon().with("accept", "text/html");
        for path in ["/console", "/console/", "/console/index.html"] {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let answer = off.send(method.clone(), path, None).await.expect(404);
                if method != Method::HEAD {
                    let text = answer.refused(404, "RESOURCE_NOT_FOUND");
                    let words = "compare the path with the API documentation.";
                    assert_eq!(text, format!("There is no {path} here: {words}"));
                }
            }
        }
        for answer in [off.get("/").await, off.post("/", json!({})).await] {
            assert_eq!(answer.header("allow"), "");
            answer.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
    }

    /// The page comes while the database is away, and before it is migrated; a bad credential is not looked
    /// at.
    async fn no_database_and_no_credential_is_asked(world: World) {
        world.app.schema_whole.store(false, std::sync::atomic::Ordering::Relaxed);
        world.app.db.close().await;
        assert_eq!(world.anon().get("/readyz").await.status, 503, "the database is away");
        let Some(files) = files() else { return };
        for name in files {
            let stranger = [("x-api-key", "pat.acme.wrong"), ("authorization", "Bearer wrong")];
            assert_eq!(get(&world, &format!("{ROOT}{name}"), &stranger).await.status, 200, "{name}");
        }
        assert_eq!(get(&world, "/console", &[]).await.status, 308);
    }
}
