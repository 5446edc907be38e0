//! What goes through the server: counted and timed for whoever scrapes it, and told in the log where that is
//! wanted. Neither knows more of a request than its method, path, and where it came from.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::surface::X_REQUEST_ID;
use crate::kernel::shape::without_tokens;

/// Target of the log's lines about requests: `--log-level info,requests=debug` shows them.
const TARGET: &str = "requests";
/// Status of a request whose client did not wait for the answer. No HTTP status: nothing was answered.
pub const GONE: u16 = 499;
/// Bounds of the times that are told apart, seconds.
const BOUNDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What of the server a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// SCIM.
    Scim,
    /// Everything else.
    Platform,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    surface: &'static str,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    surface: &'static str,
    method: &'static str,
    status: u16,
}

/// The counters of a server. Clones are the same counters.
#[derive(Clone, Debug)]
pub struct Traffic {
    requests: Family<Answered, Counter>,
    times: Family<Asked, Histogram, fn() -> Histogram>,
    under_way: Gauge,
}

impl Default for Traffic {
    fn default() -> Self {
        let times = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        Self { requests: Family::default(), times, under_way: Gauge::default() }
    }
}

impl Traffic {
    /// Tells a registry of the counters.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests by what was answered; 499: the client did not wait";
        registry.register("http_requests", help, self.requests.clone());
        let help = "From the head of a request to its answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, self.times.clone());
        registry.register("http_requests_under_way", "Requests not yet answered", self.under_way.clone());
    }

    /// The HTTP parser refused what came, before it was a request: it took no time, and its method is none
    /// that counts.
    pub fn refused(&self, surface: Surface, status: u16) {
        let answered = Answered { surface: surface.name(), method: OTHER, status };
        self.requests.get_or_create(&answered).inc();
    }

    /// A request begins.
    pub fn begin(&self, surface: Surface, request: &Request, client: Option<IpAddr>) -> UnderWay<'_> {
        self.under_way.inc();
        let told = tracing::enabled!(target: TARGET, tracing::Level::DEBUG);
        UnderWay {
            traffic: self,
            since: Instant::now(),
            asked: Asked { surface: surface.name(), method: name(request.method()) },
            told: told.then(|| Told { path: request.uri().path().to_owned(), client }),
            ended: false,
        }
    }
}

impl Surface {
    fn name(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Platform => "platform",
        }
    }
}

/// Any other method, or none.
pub const OTHER: &str = "other";

/// One of a few: clients must not be able to make up series, nor to have kept what they put there.
pub fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => OTHER,
    }
}

/// What the log tells of a request.
#[derive(Debug)]
struct Told {
    /// Without the query, which may hold what nobody should read.
    path: String,
    client: Option<IpAddr>,
}

/// A request that is not answered yet. Dropped before its answer, its client did not wait.
#[derive(Debug)]
pub struct UnderWay<'t> {
    traffic: &'t Traffic,
    since: Instant,
    asked: Asked,
    told: Option<Told>,
    ended: bool,
}

impl UnderWay<'_> {
    /// The answer is there.
    pub fn answered(mut self, response: &Response) {
        self.ended = true;
        let id = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        self.end(response.status().as_u16(), id.unwrap_or_default());
    }

    fn end(&self, status: u16, id: &str) {
        let Asked { surface, method } = self.asked;
        let time: Duration = self.since.elapsed();
        self.traffic.requests.get_or_create(&Answered { surface, method, status }).inc();
        self.traffic.times.get_or_create(&self.asked).observe(time.as_secs_f64());
        if let Some(Told { path, client }) = &self.told {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            let client = client.map(tracing::field::display);
            let path = &*without_tokens(path);
            tracing::debug!(target: TARGET, request_id = id, method, path, status, micros, client, "request");
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.traffic.under_way.dec();
        if !self.ended {
            self.end(GONE, "");
        }
    }
}
