//! The default trust: what the four settings say, and what its row says beyond them (decision 006). Whoever
//! changes one changes the other in the same transaction. The settings are read last, so that they hold
//! whatever the row says.

use db::Tx;
use futures_util::future::BoxFuture;
use jose::{Policy, Rule, RuleOp};
use serde_json::{Value, json};
use url::Url;

use super::model::{DEFAULT, Definition, Found, KeySource, Stored, Unusable};
use super::{acts_as, keys, read, store, trail};
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::Action;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;
use crate::settings;
use crate::settings::catalogue::{
    Id, JWT_JWKS_URL, JWT_KEY_FIELD, JWT_SERVICE_ACCOUNT, JWT_VALUE_FIELD, Setting,
};
use crate::settings::model::Followed;

/// In the order of the contract (§1).
const FOUR: [Id; 4] = [JWT_JWKS_URL, JWT_KEY_FIELD, JWT_VALUE_FIELD, JWT_SERVICE_ACCOUNT];

/// Values of the four settings, in their order.
type Values = [String; 4];

/// The default trust as it holds, from the settings and its row.
///
/// # Errors
/// Of the database; why there is none is the inner `Err`.
pub fn current(
    tx: &mut Tx<'_>,
    account: &AccountId,
    row: Option<Found>,
) -> Result<std::result::Result<Stored, Unusable>> {
    let held = settings::actions::held(tx, &Scope::account(account.clone()))?;
    let mut values = Values::default();
    let mut since = None;
    for (value, setting) in values.iter_mut().zip(FOUR) {
        match held.text(setting).filter(|text| !text.is_empty()) {
            Some(text) => text.clone_into(value),
            None => return Ok(Err(Unusable::Missing(setting.as_str()))),
        }
        since = since.max(held.own(setting.as_str()).map(|row| row.updated_at));
    }
    let at = since.unwrap_or(Timestamp::from_micros(0));
    let base = match row {
        Some(Ok(stored)) => stored,
        // Without what it says more than the settings, it would let in more.
        Some(Err(damaged)) => return Ok(Err(Unusable::Damaged(damaged))),
        // Stored by settings alone: the first change of it is the first version.
        None => Stored {
            definition: plain(),
            version: 0,
            created_at: at,
            updated_at: at,
            service_account_made: None,
        },
    };
    Ok(say(base.definition, values).map(|definition| Stored { definition, ..base }))
}

/// What there is without any row: the two-settings form and nothing else.
fn plain() -> Definition {
    Definition {
        identifier: DEFAULT.into(),
        name: "Default".into(),
        enabled: true,
        service_account: String::new(),
        jwks: KeySource::Url(String::new()),
        ca_pem: None,
        policy: Policy { audience_policy: jose::AudiencePolicy::Off, ..Policy::default() },
        surfaces: vec![Surface::Scim],
        replay: false,
    }
}

/// The version of a row that says only that the default trust was disabled when it ended. To set one of the
/// settings anew must not let in whom an administrator has shut out.
const ENDED: i64 = 0;

/// What such a row holds: all that is not the settings' is gone.
fn only_disabled(of: &Definition) -> Definition {
    let plain = plain();
    let rules = of.policy.rules.iter().take(1).cloned().collect();
    Definition {
        enabled: false,
        service_account: of.service_account.clone(),
        jwks: of.jwks.clone(),
        policy: Policy { rules, ..plain.policy.clone() },
        ..plain
    }
}

/// The definition with what the settings say put over it.
fn say(mut definition: Definition, values: Values) -> std::result::Result<Definition, Unusable> {
    let [url, claim, value, service_account] = values;
    let rule = Rule::new(claim, RuleOp::Equals(value.into())).map_err(Unusable::BadRule)?;
    definition.jwks = KeySource::Url(url);
    definition.service_account = service_account;
    match definition.policy.rules.first_mut() {
        Some(first) => *first = rule,
        None => definition.policy.rules.push(rule),
    }
    Ok(definition)
}

/// What the settings say of a default trust; `None` for one that they cannot say, which the reader refuses.
fn said(definition: &Definition) -> Option<Values> {
    let KeySource::Url(url) = &definition.jwks else { return None };
    let rule = definition.policy.rules.first()?;
    let RuleOp::Equals(Value::String(value)) = rule.op() else { return None };
    Some([url.clone(), rule.claim().to_owned(), value.clone(), definition.service_account.clone()])
}

/// Writes the settings as the default trust now says, or unsets them. `audit_ids`: four.
///
/// # Errors
/// Of the database.
pub fn write_settings(
    tx: &mut Tx<'_>,
    caller: &Caller,
    definition: Option<&Definition>,
    now: Timestamp,
    audit_ids: &[String; 4],
) -> Result<()> {
    let scope = Scope::account(caller.account.clone());
    let values = match definition {
        Some(definition) => Some(said(definition).ok_or_else(|| {
            Problem::internal("a default trust passed the reader that the settings cannot say")
        })?),
        None => None,
    };
    for (at, setting) in FOUR.into_iter().enumerate() {
        let value = values.as_ref().map(|values| values[at].as_str());
        settings::actions::store_text(tx, caller, &scope, setting, value, (now, &audit_ids[at]))?;
    }
    Ok(())
}

/// After a change of `setting`, one of the four: moves the row on, or removes it where the four are no longer
/// complete. That the trust begins or ends is recorded as of the trust, too. Answers what the trust has or
/// had beyond the settings, for their reply; the inner `Err`: why the setting cannot be what it was made.
///
/// # Errors
/// Of the database.
pub fn follow(
    tx: &mut Tx<'_>,
    caller: &Caller,
    setting: &Setting,
    (now, audit_id): (Timestamp, &str),
) -> Result<Followed> {
    let account = &caller.account;
    let row = store::find(tx, account, DEFAULT)?;
    let had = row.as_ref().is_some_and(|row| row.as_ref().is_ok_and(|row| row.version != ENDED));
    let refused = |why: &str| Ok(Err(format!("With this value the four settings make no JWT trust: {why}")));
    let stored = match current(tx, account, row.clone())? {
        Ok(stored) => stored,
        Err(Unusable::Missing(_)) => return end(tx, caller, row, (now, audit_id)).map(Ok),
        Err(unusable) => return refused(&format!("{unusable}.")),
    };
    if let Err(problem) = read::recheck(&stored.definition) {
        return refused(&format!("{}.", problem.message()));
    }
    // Who stores the setting anew means the service account that is there now; where there is none, none that
    // comes later is meant.
    let service_account_made = if had && setting.id != JWT_SERVICE_ACCOUNT.as_str() {
        stored.service_account_made
    } else {
        let there = acts_as::made(tx, account, &stored.definition.service_account)?;
        there.or(Some(Timestamp::from_micros(0)))
    };
    let stored = Stored { service_account_made, ..stored };
    let is_as_said = |row: &Stored| {
        let same = row.definition.to_json() == stored.definition.to_json();
        same && row.service_account_made == stored.service_account_made
    };
    if had && row.is_some_and(|row| row.is_ok_and(|row| is_as_said(&row))) {
        return Ok(Ok(beyond(&stored.definition)));
    }
    bump_version(tx, account)?;
    // What is made again has another time, so that no entity tag comes back.
    let created_at = if had { stored.created_at } else { now };
    let stored = Stored { version: stored.version + 1, created_at, updated_at: now, ..stored };
    if had {
        store::update(tx, account, &stored)?;
    } else {
        // The row of one that ended while it was disabled.
        store::delete(tx, account, DEFAULT)?;
        store::insert(tx, account, &stored)?;
        let of = (stored.definition.identifier.as_str(), stored.definition.name.as_str());
        let detail = json!({"new": stored.definition.to_json()});
        trail::record(tx, caller, (now, audit_id), Action::Create, of, detail)?;
    }
    Ok(Ok(beyond(&stored.definition)))
}

/// Removes the row of a default trust that the settings no longer make; answers what ends with it, `None`
/// where there was no trust: the missing value says it itself.
fn end(
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: Option<Found>,
    (now, audit_id): (Timestamp, &str),
) -> Result<Option<String>> {
    let Some(row) = row.filter(|row| !row.as_ref().is_ok_and(|row| row.version == ENDED)) else {
        return Ok(None);
    };
    store::delete(tx, &caller.account, DEFAULT)?;
    let left = match &row {
        Ok(stored) => (!stored.definition.enabled).then(|| only_disabled(&stored.definition)),
        // Nobody knows whether it was disabled.
        Err(_) => Some(Definition { enabled: false, ..plain() }),
    };
    if let Some(definition) = left {
        let row = Stored {
            definition,
            version: ENDED,
            created_at: now,
            updated_at: now,
            service_account_made: None,
        };
        store::insert(tx, &caller.account, &row)?;
    }
    match row {
        Ok(Stored { definition: of, .. }) => {
            let (named, detail) = ((of.identifier.as_str(), of.name.as_str()), json!({"old": of.to_json()}));
            trail::record(tx, caller, (now, audit_id), Action::Delete, named, detail)?;
            Ok(Some(format!("Restored.{}", ending(&of))))
        }
        Err(damaged) => {
            trail::record_damaged(tx, caller, (now, audit_id), &damaged)?;
            let text = "Restored. This ends the default JWT trust, which could not be read. Once the four settings are \
                complete again, they make a new one, disabled and with nothing but what they say.";
            Ok(Some(text.into()))
        }
    }
}

/// Asks for the keys at the URL that a setting now names, as the default trust does or, as long as there is
/// none, as a plain one would; what is wrong with them, in one text for the reply of the settings.
pub fn look_at_keys<'a>(app: &'a App, account: &'a AccountId, url: &'a Url) -> BoxFuture<'a, Option<String>> {
    Box::pin(async move {
        let of = account.clone();
        let load = move |tx: &mut Tx<'_>| {
            let row = store::find(tx, &of, DEFAULT)?;
            current(tx, &of, row)
        };
        let stored =
            app.db.of(account).point("settings.keys", load).await.ok().and_then(std::result::Result::ok);
        let stored = stored.map(|stored| stored.definition);
        let jwks = KeySource::Url(url.as_str().to_owned());
        let definition = stored.unwrap_or_else(|| Definition { jwks, ..plain() });
        let found = keys::look(app, account, &definition).await;
        let texts: Vec<_> = found.into_iter().map(|warning| warning.message).collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    })
}

/// The members of the default trust that say more than the four settings can.
fn kept(definition: &Definition) -> Vec<String> {
    let (now, plain) = (definition.to_json(), plain().to_json());
    let mut kept: Vec<String> = Vec::new();
    for (name, value) in now.as_object().into_iter().flatten() {
        let in_settings =
            matches!(name.as_str(), "identifier" | "name" | "serviceAccount" | "jwks" | "rules");
        if !in_settings && plain.get(name) != Some(value) {
            kept.push(name.clone());
        }
    }
    if definition.policy.rules.len() > 1 {
        kept.push("rules".into());
    }
    kept
}

/// What the default trust says that the four settings cannot; `None`: nothing.
fn beyond(definition: &Definition) -> Option<String> {
    let kept = kept(definition);
    let off = if definition.enabled { "" } else { " It is disabled, so that no token is taken by it." };
    (!kept.is_empty()).then(|| {
        format!(
            "Stored. The default JWT trust also has, beyond the settings: {}.{off} See /ng/api/jwt-trusts/{DEFAULT}.",
            kept.join(", ")
        )
    })
}

/// That the default trust ends, and what with it.
fn ending(definition: &Definition) -> String {
    let kept = kept(definition);
    let with = if kept.is_empty() {
        String::new()
    } else {
        format!(", with what it had beyond the settings: {}", kept.join(", "))
    };
    let (off, how) =
        if definition.enabled { ("", "enabled") } else { (" It was disabled.", "disabled as this one was") };
    format!(
        " This ends the default JWT trust{with}.{off} Once the four settings are complete again, they make a new one, \
        {how} and with nothing but what they say."
    )
}
