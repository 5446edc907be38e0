//! What a monitoring system scrapes, in the text format of `OpenMetrics` 1.0: on a listener of its own, since
//! it is not for those who use the server.

use std::fs;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use db::{Db, Engine};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::health::{self, VERSION};
use crate::app::App;
use crate::webhooks;

const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/metrics`, and beside it what `health` answers: neither waits for a seat on the main listener.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(metrics)).merge(health::routes())
}

async fn metrics(State(app): State<App>) -> Response {
    let mut page = String::new();
    match text::encode(&mut page, &collect(&app).await) {
        Ok(()) => ([(CONTENT_TYPE, MEDIA)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// All there is to know, as it stands now.
async fn collect(app: &App) -> Registry {
    let mut registry = Registry::with_prefix("muster");
    let engine = match app.db.engine() {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgresql",
    };
    let build = Info::new([("version", VERSION), ("engine", engine)]);
    registry.register("build", "This release and its database", build);
    let ready = i64::from(health::reason(app).await.is_none());
    registry.register("ready", "1 when /readyz answers 200", ConstGauge::new(ready));
    app.traffic.register(&mut registry);
    of_database(&mut registry, "database", &app.db);
    if app.db.engine() == Engine::Sqlite {
        of_database(&mut registry, "log_database", &app.log_db);
    }
    of_provisioning_log(&mut registry, app);
    of_webhooks(&mut registry, app).await;
    of_process(&mut registry);
    registry
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    call: &'static str,
}

fn of_database(registry: &mut Registry, prefix: &str, db: &Db) {
    let registry = registry.sub_registry_with_prefix(prefix);
    let [calls, failures, retries]: [Family<Label, Counter>; 3] = Default::default();
    let times: Family<Label, Counter<f64, std::sync::atomic::AtomicU64>> = Family::default();
    for stats in db.stats() {
        let label = Label { call: stats.label };
        calls.get_or_create(&label).inc_by(stats.calls);
        failures.get_or_create(&label).inc_by(stats.failures);
        retries.get_or_create(&label).inc_by(stats.retries);
        #[expect(clippy::cast_precision_loss, reason = "a float holds 285 years of microseconds")]
        times.get_or_create(&label).inc_by(stats.micros_total as f64 / 1e6);
    }
    registry.register("calls", "Calls answered by the database", calls);
    registry.register("failures", "Calls that failed by the database's fault", failures);
    registry.register("retries", "Times a call was run again after a conflict or a lost connection", retries);
    let help = "From each call to its answer, waiting included, summed";
    registry.register_with_unit("call_duration", help, Unit::Seconds, times);
    let help = "Write transactions committed; less than the calls that write where these share a commit";
    registry.register("commits", help, ConstCounter::new(db.commits()));
    let (reads, writes) = db.waiting();
    registry.register("waiting_reads", "Calls that wait for a reading thread", gauge(reads));
    registry.register("waiting_writes", "Calls that wait for a writing thread", gauge(writes));
}

fn of_provisioning_log(registry: &mut Registry, app: &App) {
    let registry = registry.sub_registry_with_prefix("provisioning_log");
    let log = &app.provisioning_log;
    registry.register("waiting", "Entries that wait to be written", gauge(log.waiting()));
    registry.register("dropped", "Entries dropped: too many at once", ConstCounter::new(log.lost()));
}

/// Where the database does not answer, what it would say is left out.
async fn of_webhooks(registry: &mut Registry, app: &App) {
    let registry = registry.sub_registry_with_prefix("webhook");
    app.deliveries.register(registry);
    let Ok((lagging, failing)) = app.db.house().read("webhooks.lagging", webhooks::store::lagging).await
    else {
        return;
    };
    let help = "Webhooks that have events before them, or an attempt under way";
    registry.register("lagging", help, ConstGauge::new(lagging));
    registry.register("failing", "Those of them whose last attempt failed", ConstGauge::new(failing));
}

/// Of the process itself, where Linux tells.
fn of_process(registry: &mut Registry) {
    let registry = registry.sub_registry_with_prefix("process");
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    if let Some(memory) = kibibytes.and_then(|text| text.parse::<i64>().ok()) {
        let memory = ConstGauge::new(memory * 1_024);
        registry.register_with_unit("resident_memory", "Memory in use", Unit::Bytes, memory);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        registry.register("open_fds", "File descriptors in use", gauge(open.count()));
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    if let Some(most) = line.and_then(|text| text.parse::<i64>().ok()) {
        registry.register("max_fds", "File descriptors that there may be", ConstGauge::new(most));
    }
}

fn gauge(count: usize) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX))
}
