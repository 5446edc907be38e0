//! The keys of a trust as this process has them, for administrators: where from, how old, which are not used
//! and why; and asking for them now, under the cooldown of forced fetches.

use std::sync::Arc;

use db::Snapshot;
use jose::KeySet;
use serde_json::{Value, json};

use super::jwks::{self, Source};
use super::ready::{Provider, Trust, ready};
use crate::access::Grant;
use crate::access::permissions::{SettingEdit, SettingView};
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::time::Timestamp;

/// The keys of a trust; asks nobody.
///
/// # Errors
/// `NotFound`.
pub async fn show(app: &App, grant: &Grant<SettingView>, identifier: &str) -> Result<Value> {
    let (trust, stale_secs) = find(app, &grant.scope().account, identifier).await?;
    Ok(view(&trust, stale_secs, app.clock.now()))
}

/// Asks the issuer now, and shows what came.
///
/// # Errors
/// `NotFound`; `TooMany` when a forced fetch was less than 30 seconds ago, also one that a token caused.
pub async fn refresh(app: &App, grant: &Grant<SettingEdit>, identifier: &str) -> Result<Value> {
    let (trust, stale_secs) = find(app, &grant.scope().account, identifier).await?;
    if let Provider::Fetched(source) = &trust.keys {
        let now = app.clock.now();
        let Some(under_way) = source.take_forced(now) else {
            let wait = u32::try_from(source.forced_in_secs(now).max(1)).unwrap_or(1);
            let text = format!(
                "The keys were asked for less than 30 seconds ago: try again in {wait} s, or read their state."
            );
            return Err(Problem::new(Kind::TooMany, text).retry_after(wait));
        };
        app.trusts.jwks.fetch_and_wait(source, under_way).await;
    }
    Ok(view(&trust, stale_secs, app.clock.now()))
}

async fn find(app: &App, account: &AccountId, identifier: &str) -> Result<(Arc<Trust>, i64)> {
    let ready = ready(app, account, &Snapshot::default()).await?;
    let found = ready.and_then(|ready| {
        let trust = ready.trusts.iter().find(|trust| trust.identifier == identifier)?;
        Some((trust.clone(), ready.stale_secs))
    });
    found.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no JWT trust [{identifier}] in account [{account}]: the list of trusts names those there are."
        ))
    })
}

fn view(trust: &Trust, stale_secs: i64, now: Timestamp) -> Value {
    match &trust.keys {
        Provider::Stored(keys) => {
            let mut view = json!({"state": "stored"});
            list(&mut view, Some(&keys.set));
            view
        }
        Provider::Broken(why) => json!({"state": "unusable", "lastError": why, "keys": [], "ignored": []}),
        Provider::Fetched(source) => fetched(source, stale_secs, now),
    }
}

fn fetched(source: &Source, stale_secs: i64, now: Timestamp) -> Value {
    let (place, snapshot) = (source.place(), source.snapshot());
    let millis = |at: Option<Timestamp>| at.map(Timestamp::millis);
    let usable = snapshot.usable(now, stale_secs).is_some();
    let next = snapshot.retry_at.or(snapshot.refresh_at);
    let mut view = json!({
        "url": snapshot.jwks_url.as_ref().map(url::Url::as_str).or(place.issuer.is_none().then(|| place.url.as_str())),
        "discoveryUrl": place.issuer.as_ref().map(|_| place.url.as_str()),
        "state": state(&snapshot, usable, now),
        "fetchedAt": millis(snapshot.fetched_at),
        "ageSeconds": snapshot.fetched_at.map(|at| now.secs() - at.secs()),
        "expiresAt": millis(snapshot.expires_at),
        "servesUntil": millis(snapshot.expires_at.map(|at| at.plus_secs(stale_secs))),
        "nextRefreshAt": millis(next),
        "refreshPossibleInSeconds": source.forced_in_secs(now),
        "lastError": snapshot.last_error,
        "lastErrorAt": millis(snapshot.failed_at),
        "generation": snapshot.generation,
    });
    list(&mut view, snapshot.keys.as_deref());
    view
}

fn state(snapshot: &jwks::Snapshot, usable: bool, now: Timestamp) -> &'static str {
    match (&snapshot.keys, snapshot.expires_at) {
        (None, _) if snapshot.last_error.is_some() => "unreachable",
        (None, _) | (_, None) => "notFetched",
        (Some(_), Some(end)) if now < end => "fresh",
        (Some(_), Some(_)) if usable => "stale",
        (Some(_), Some(_)) => "expired",
    }
}

fn list(view: &mut Value, set: Option<&KeySet>) {
    let key = |key: &jose::Key| json!({"kid": key.kid(), "algorithms": key.algorithms(), "bits": key.bits()});
    view["keys"] = set.map(|set| set.keys().iter().map(key).collect::<Vec<_>>()).unwrap_or_default().into();
    view["ignored"] = set.map_or_else(|| json!([]), |set| json!(set.skipped()));
}
