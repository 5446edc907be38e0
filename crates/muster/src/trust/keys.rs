//! The keys of a trust as this process has them, for administrators: where from, how old, which are not used
//! and why; and asking for them now, under the cooldown of forced fetches.

use std::sync::Arc;

use db::{Snapshot, Tx};
use jose::KeySet;
use serde_json::{Value, json};

use super::actions::absent;
use super::jwks::{self, Source};
use super::model::{Definition, Warning};
use super::ready::{Provider, Trust, ready, stale_secs};
use crate::access::Grant;
use crate::access::permissions::{SettingEdit, SettingView};
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// The keys of a trust; asks nobody.
///
/// # Errors
/// `NotFound`; `Conflict` where its row cannot be read.
pub async fn show(app: &App, grant: &Grant<SettingView>, identifier: &str) -> Result<Value> {
    let (trust, stale_secs) = find(app, &grant.scope().account, identifier).await?;
    Ok(view(&trust, stale_secs, app.clock.now()))
}

/// Asks the issuer now, and shows what came.
///
/// # Errors
/// As `show`; `TooMany` when a forced fetch was less than 30 seconds ago, also one that a token caused.
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

/// Asks for the keys of a trust that has been saved, so that the next token finds them; what is wrong with
/// them. Never inside of a transaction.
pub async fn look(app: &App, account: &AccountId, definition: &Definition) -> Vec<Warning> {
    let warn = |code, message| Warning { code, field: "jwks", message };
    let (set, unreachable) = match Provider::of(definition, &app.trusts.jwks) {
        Provider::Stored(keys) => (Some(keys.set), None),
        Provider::Broken(why) => (None, Some(format!("{why}. {REFUSED}"))),
        Provider::Fetched(source) => {
            let before = source.snapshot();
            app.trusts.jwks.refresh_and_wait(&source).await;
            let snapshot = source.snapshot();
            let why = if Arc::ptr_eq(&before, &snapshot) {
                Some("no answer within 3 seconds".to_owned())
            } else {
                snapshot.last_error.clone()
            };
            let unreachable = match why {
                Some(why) => Some(format!("{why}. {}", meanwhile(app, account, &snapshot).await)),
                None => None,
            };
            (snapshot.keys.clone(), unreachable)
        }
    };
    let unreachable = unreachable
        .map(|why| warn("keys_unreachable", format!("Stored, but the keys cannot be fetched now: {why}")));
    let mut found: Vec<_> = unreachable.into_iter().collect();
    let Some(set) = set else { return found };
    let allowed = definition.policy.algorithms;
    if !set.keys().iter().any(|key| key.algorithms().iter().any(|a| allowed.contains(a))) {
        let text = format!(
            "No key of the set may verify any of the algorithms allowed ({allowed}): see the keys of the issuer."
        );
        found.push(warn("no_key_for_algorithms", text));
    }
    for skipped in set.skipped().iter().take(10) {
        let text =
            format!("Key {} of the set is not used: {} ({}).", skipped.index, skipped.reason, skipped.detail);
        found.push(warn("key_ignored", text));
    }
    found
}

const REFUSED: &str = "Tokens are refused until they can be.";

/// What becomes of tokens as long as the keys do not come.
async fn meanwhile(app: &App, account: &AccountId, snapshot: &jwks::Snapshot) -> String {
    let (Some(fetched), Some(end)) = (snapshot.fetched_at, snapshot.expires_at) else {
        return REFUSED.into();
    };
    let scope = Scope::account(account.clone());
    let stale = app.db.of(account).point("trust.stale", move |tx: &mut Tx<'_>| stale_secs(tx, &scope)).await;
    // The trust is stored: that the database is away now must not say otherwise.
    let Ok(stale_secs) = stale else { return REFUSED.into() };
    if snapshot.usable(app.clock.now(), stale_secs).is_none() {
        return REFUSED.into();
    }
    let (fetched, end) = (fetched.rfc3339(), end.plus_secs(stale_secs).rfc3339());
    format!("Those of {fetched} serve until {end}; then tokens are refused.")
}

async fn find(app: &App, account: &AccountId, identifier: &str) -> Result<(Arc<Trust>, i64)> {
    let ready = ready(app, account, &Snapshot::default()).await?;
    let found = ready.and_then(|ready| {
        let trust = ready.trusts.iter().find(|trust| trust.identifier == identifier)?;
        Some((trust.clone(), ready.stale_secs))
    });
    match found {
        Some(found) => Ok(found),
        None => Err(absent(app, account, identifier).await),
    }
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
