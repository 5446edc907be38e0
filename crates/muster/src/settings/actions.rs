//! What can be done with settings, and how other slices read them.

use db::Tx;
use serde_json::{Value, json};
use url::Url;

use super::catalogue::{self, CATALOGUE, Check, Id, JWT_GROUP, RESTRICT_GRANTS, Setting};
use super::checks::{self, Refusal};
use super::model::{Held, Row, Seen, check_type};
use super::store;
use crate::access::permissions::{AccountView, SettingEdit, SettingView};
use crate::access::{Actor, Grant, delegation};
use crate::accounts::actions::check_scope;
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// All settings that hold in a scope, in one query.
///
/// # Errors
/// Only of the database.
pub fn held(tx: &mut Tx<'_>, scope: &Scope) -> Result<Held> {
    Ok(Held::new(scope.clone(), store::along(tx, scope)?))
}

fn held_one(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Held> {
    Ok(Held::new(scope.clone(), store::along_one(tx, scope, id)?))
}

/// The value of one setting in a scope: the nearest one, else the default.
///
/// # Errors
/// Only of the database.
pub fn text(tx: &mut Tx<'_>, scope: &Scope, id: Id) -> Result<Option<String>> {
    Ok(held_one(tx, scope, id.as_str())?.text(id).map(str::to_owned))
}

/// As `text`, for a Boolean setting.
///
/// # Errors
/// Only of the database.
pub fn flag(tx: &mut Tx<'_>, scope: &Scope, id: Id) -> Result<bool> {
    Ok(held_one(tx, scope, id.as_str())?.flag(id))
}

/// As `text`, for a Number setting.
///
/// # Errors
/// Only of the database.
pub fn number(tx: &mut Tx<'_>, scope: &Scope, id: Id) -> Result<Option<i64>> {
    Ok(held_one(tx, scope, id.as_str())?.number(id))
}

/// Stores a text setting (`None`: unsets it) for a slice whose own object the setting is a part of, with its
/// audit row. The slice has checked the value and bumps the account's version. A value that is there already
/// is left alone.
///
/// # Errors
/// Only of the database.
pub fn store_text(
    tx: &mut Tx<'_>,
    caller: &Caller,
    scope: &Scope,
    id: Id,
    value: Option<&str>,
    (now, audit_id): (Timestamp, &str),
) -> Result<()> {
    let id = id.as_str();
    let before = held_one(tx, scope, id)?;
    let own = before.own(id);
    if own.and_then(|row| row.value.as_deref()) == value {
        return Ok(());
    }
    let setting = find_here(id, scope).map_err(Problem::internal)?;
    let row = value.map(|value| Row {
        scope: scope.clone(),
        id: id.to_owned(),
        value: Some(value.to_owned()),
        allow_overrides: own.map_or(setting.allow_overrides, |row| row.allow_overrides),
        updated_at: now,
    });
    let action = if let Some(row) = &row {
        store::put(tx, row)?;
        Action::Update
    } else {
        store::delete(tx, scope, id)?;
        Action::Restore
    };
    let detail = json!({"old": document(own), "new": document(row.as_ref())});
    audit::record(tx, caller, now, audit_id, &entry(action, setting, scope, detail))
}

/// Proof that the caller may read the settings of a scope: he may view settings there, or the account.
#[derive(Clone, Debug)]
pub struct Reader(Scope);

impl Reader {
    /// Asks.
    ///
    /// # Errors
    /// `Denied`, naming the account's view permission.
    pub fn ask(actor: &Actor, scope: &Scope) -> Result<Self> {
        if !actor.holds::<SettingView>(scope, None) {
            let account = Scope::account(scope.account.clone());
            actor.grant_on::<AccountView>(&account, Some(scope.account.as_str()))?;
        }
        Ok(Self(scope.clone()))
    }
}

/// One setting as the scope sees it.
///
/// # Errors
/// `NotFound` for an identifier that does not exist at this level, `InvalidArgument` for a missing scope.
pub async fn load(app: &App, reader: &Reader, id: String) -> Result<Seen> {
    let scope = reader.0.clone();
    let setting = find_here(&id, &scope).map_err(Problem::not_found)?;
    app.db
        .of(&scope.account)
        .point("settings.load", move |tx| {
            check_scope(tx, &scope)?;
            Ok(held_one(tx, &scope, setting.id)?.see(setting))
        })
        .await
}

fn find_here(id: &str, scope: &Scope) -> std::result::Result<&'static Setting, String> {
    catalogue::find_at(id, scope.level()).ok_or_else(|| {
        let level = scope.level().upper();
        format!(
            "Setting [{id}] is either invalid or is not applicable in scope [{level}]: the list of settings names \
             those there are and their scopes"
        )
    })
}

/// Which settings a list is to show.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only of this category.
    pub category: &'static str,
    /// Only of this group.
    pub group: Option<String>,
    /// Also those that only scopes above can set.
    pub parents: bool,
}

/// Every setting of a category, set or not, as the scope sees it.
///
/// # Errors
/// `InvalidArgument` for a missing scope.
pub async fn list(app: &App, reader: &Reader, wanted: Wanted) -> Result<Vec<Seen>> {
    let scope = reader.0.clone();
    app.db
        .of(&scope.account)
        .point("settings.list", move |tx| {
            check_scope(tx, &scope)?;
            let held = held(tx, &scope)?;
            let level = |setting: &&Setting| {
                let here = setting.scopes.contains(&scope.level());
                here || wanted.parents && setting.highest() <= scope.level()
            };
            let group =
                |setting: &&Setting| wanted.group.is_none() || wanted.group.as_deref() == setting.group;
            let rows = CATALOGUE.iter().filter(|setting| setting.category == wanted.category);
            Ok(rows.filter(level).filter(group).map(|setting| held.see(setting)).collect())
        })
        .await
}

/// One wish of a PUT, as the client sent it.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Which setting.
    pub id: Option<String>,
    /// The new value.
    pub value: Option<String>,
    /// May scopes below have their own? Without: as before.
    pub allow_overrides: Option<bool>,
    /// `UPDATE` (also without) or `RESTORE`.
    pub update_type: Option<String>,
}

/// What became of one wish.
#[derive(Debug)]
pub struct Outcome {
    /// As the client sent it.
    pub id: Option<String>,
    /// The setting afterwards, or why it is as before.
    pub result: std::result::Result<Seen, String>,
    /// What the client should know although the wish was fulfilled.
    pub warning: Option<String>,
}

impl Outcome {
    /// One more thing to know.
    fn add(&mut self, warning: Option<String>) {
        self.warning = match (self.warning.take(), warning) {
            (Some(first), Some(second)) => Some(format!("{first} {second}")),
            (first, second) => first.or(second),
        };
    }
}

/// A wish that was fulfilled: the setting afterwards, and what the client should know.
type Done = (Seen, Option<String>);

/// What every wish of one request has in common.
#[derive(Clone)]
struct Request {
    app: App,
    actor: Actor,
    scope: Scope,
    now: Timestamp,
}

/// Fulfils the wishes in order: each in a transaction of its own, or (`atomic`) all or none in one.
///
/// # Errors
/// What ends the whole request; what one wish does wrong is in its outcome.
pub async fn put(
    app: &App,
    grant: &Grant<SettingEdit>,
    changes: Vec<Change>,
    atomic: bool,
) -> Result<Vec<Outcome>> {
    let (actor, scope) = (grant.actor().clone(), grant.scope().clone());
    let account = scope.account.clone();
    if changes.is_empty() {
        // Each change asks for the scope; where there is none, nobody has.
        let at = scope.clone();
        app.db.of(&account).point("settings.scope", move |tx| check_scope(tx, &at)).await?;
    }
    let request = Request { app: app.clone(), actor, scope, now: app.clock.now() };
    let mut outcomes =
        if atomic { put_together(&request, changes).await? } else { put_each(&request, changes).await? };
    warn(app, &account, &mut outcomes).await;
    Ok(outcomes)
}

async fn put_each(request: &Request, changes: Vec<Change>) -> Result<Vec<Outcome>> {
    let put = |change: Change| {
        let (audit_id, ask) = (request.app.rng.uuid(), request.clone());
        let work = move |tx: &mut Tx<'_>| apply(tx, &ask, &change, &audit_id);
        request.app.write_alone("settings.put", &request.actor, work)
    };
    in_turn(changes, put).await
}

/// One after the other, until the database is away: the others would each wait for it, too.
async fn in_turn<F>(changes: Vec<Change>, mut put: impl FnMut(Change) -> F) -> Result<Vec<Outcome>>
where
    F: Future<Output = std::result::Result<Done, Refusal>>,
{
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(changes.len());
    // As long as nothing is stored, the request as a whole can fail as it should.
    let (mut whole, mut stored, mut away) = (None, false, None::<String>);
    for change in changes {
        let id = change.id.clone();
        let done = match &away {
            Some(text) => Err(Refusal::Item(text.clone())),
            None => put(change).await,
        };
        let (result, warning) = match done {
            Ok((seen, warning)) => (Ok(seen), warning),
            Err(Refusal::Item(text)) => (Err(text), None),
            Err(Refusal::Whole(problem)) => {
                let is_away = problem.kind() == Kind::Unavailable;
                if is_away && !stored {
                    return Err(problem);
                }
                let text = format!("Error while updating the setting: {problem}");
                away = is_away.then(|| text.clone());
                whole = whole.or(Some(problem));
                (Err(text), None)
            }
        };
        stored |= result.is_ok();
        outcomes.push(Outcome { id, result, warning });
    }
    match whole.filter(|_| !stored) {
        Some(problem) => Err(problem),
        None => Ok(outcomes),
    }
}

/// Why a transaction of several wishes is not committed.
enum Undone {
    Some(Vec<Option<String>>),
    Whole(Problem),
}

impl From<db::Error> for Undone {
    fn from(error: db::Error) -> Self {
        Self::Whole(error.into())
    }
}

impl From<Problem> for Undone {
    fn from(problem: Problem) -> Self {
        Self::Whole(problem)
    }
}

async fn put_together(request: &Request, changes: Vec<Change>) -> Result<Vec<Outcome>> {
    let ids: Vec<_> = changes.iter().map(|change| change.id.clone()).collect();
    let wishes: Vec<_> = changes.into_iter().map(|change| (change, request.app.rng.uuid())).collect();
    let ask = request.clone();
    let work = move |tx: &mut Tx<'_>| {
        let (mut done, mut errors, mut failed) = (Vec::new(), Vec::new(), false);
        for (change, audit_id) in &wishes {
            match apply(tx, &ask, change, audit_id) {
                Ok(seen) => {
                    done.push(Ok(seen));
                    errors.push(None);
                }
                Err(Refusal::Item(text)) => {
                    errors.push(Some(text));
                    failed = true;
                }
                Err(Refusal::Whole(problem)) => return Err(Undone::Whole(problem)),
            }
        }
        if failed { Err(Undone::Some(errors)) } else { Ok(done) }
    };
    let results = match request.app.write_alone("settings.put_atomic", &request.actor, work).await {
        Ok(done) => done,
        Err(Undone::Whole(problem)) => return Err(problem),
        Err(Undone::Some(errors)) => {
            errors.into_iter().map(|error| Err(error.unwrap_or_else(held_back))).collect()
        }
    };
    let outcome = |(id, result): (_, std::result::Result<Done, String>)| match result {
        Ok((seen, warning)) => Outcome { id, result: Ok(seen), warning },
        Err(text) => Outcome { id, result: Err(text), warning: None },
    };
    Ok(ids.into_iter().zip(results).map(outcome).collect())
}

fn held_back() -> String {
    "Not stored, because another item of this request is refused and atomic=true was asked for: correct that item.".into()
}

fn apply(
    tx: &mut Tx<'_>,
    ask: &Request,
    change: &Change,
    audit_id: &str,
) -> std::result::Result<Done, Refusal> {
    check_scope(tx, &ask.scope)?;
    let Some(id) = change.id.as_deref().filter(|id| !id.is_empty()) else {
        return Err(Refusal::Item("The item names no setting: send its identifier.".into()));
    };
    let guarded = id == RESTRICT_GRANTS.as_str() && flag(tx, &ask.scope, RESTRICT_GRANTS)?;
    let done = match change.update_type.as_deref() {
        None | Some("UPDATE") => update(tx, ask, id, change, audit_id)?,
        Some("RESTORE") => restore(tx, ask, id, audit_id)?,
        Some(other) => {
            let text = format!("The updateType [{other}] is unknown: send UPDATE or RESTORE.");
            return Err(Refusal::Item(text));
        }
    };
    // Without it everybody who may assign roles may give all there is, and give it to himself.
    if guarded && !flag(tx, &ask.scope, RESTRICT_GRANTS)? {
        delegation::all_own(tx, &ask.actor, &format!("turning {id} off lets roles be given that one lacks"))?;
    }
    Ok(done)
}

/// The order of the rules is the contract's (platform API §2.1).
fn update(
    tx: &mut Tx<'_>,
    ask: &Request,
    id: &str,
    change: &Change,
    audit_id: &str,
) -> std::result::Result<Done, Refusal> {
    let scope = &ask.scope;
    let before = held_one(tx, scope, id)?;
    before.may_override(id)?;
    let setting = find_here(id, scope)?;
    let removed = match change.allow_overrides {
        Some(false) => store::delete_below(tx, scope, id)?,
        _ => Vec::new(),
    };
    let value = change.value.as_deref();
    check_type(setting, value)?;
    checks::special(tx, &ask.app, scope, setting, value)?;
    let kept = before.own(id).map_or(setting.allow_overrides, |row| row.allow_overrides);
    let row = Row {
        scope: scope.clone(),
        id: id.to_owned(),
        value: change.value.clone(),
        allow_overrides: change.allow_overrides.unwrap_or(kept),
        updated_at: ask.now,
    };
    let (old, new) = (document(before.own(id)), document(Some(&row)));
    if old == new && removed.is_empty() {
        return Ok((before.see(setting), follow(tx, ask, setting)?));
    }
    store::put(tx, &row)?;
    let paths: Vec<_> = removed.iter().map(Scope::path).collect();
    let detail = json!({"old": old, "new": new, "overridesRemoved": paths});
    let warning = note(tx, ask, Action::Update, setting, detail, audit_id)?;
    Ok((held_one(tx, scope, id)?.see(setting), warning))
}

fn restore(tx: &mut Tx<'_>, ask: &Request, id: &str, audit_id: &str) -> std::result::Result<Done, Refusal> {
    let setting = find_here(id, &ask.scope)?;
    let before = held_one(tx, &ask.scope, id)?;
    let mut warning = None;
    if let Some(row) = before.own(id) {
        store::delete(tx, &ask.scope, id)?;
        warning = note(tx, ask, Action::Restore, setting, json!({"old": document(Some(row))}), audit_id)?;
    }
    Ok((held_one(tx, &ask.scope, id)?.see(setting), warning))
}

fn document(row: Option<&Row>) -> Value {
    row.map_or(Value::Null, |row| json!({"value": row.value, "allowOverrides": row.allow_overrides}))
}

/// Records the change; answers what whoever made it should know.
///
/// # Errors
/// `Item` for a value with which the settings of its group make no whole.
fn note(
    tx: &mut Tx<'_>,
    ask: &Request,
    action: Action,
    setting: &Setting,
    detail: Value,
    audit_id: &str,
) -> std::result::Result<Option<String>, Refusal> {
    audit::record(tx, &ask.actor.caller, ask.now, audit_id, &entry(action, setting, &ask.scope, detail))?;
    bump_version(tx, &ask.scope.account)?;
    follow(tx, ask, setting)
}

/// Has the default trust follow its settings; answers what whoever sent one should know.
///
/// # Errors
/// As `note`.
fn follow(tx: &mut Tx<'_>, ask: &Request, setting: &Setting) -> std::result::Result<Option<String>, Refusal> {
    match setting.group {
        JWT_GROUP => {
            let trust_audit_id = ask.app.rng.uuid();
            let at = (ask.now, trust_audit_id.as_str());
            let told = (ask.app.jwt_settings_changed)(tx, &ask.actor.caller, setting, at)?;
            told.map_err(Refusal::Item)
        }
        _ => Ok(None),
    }
}

fn entry<'a>(action: Action, setting: &'a Setting, scope: &'a Scope, detail: Value) -> Entry<'a> {
    Entry::about(action, "SETTING", (setting.id, setting.name), scope, detail)
}

/// Adds what is known once all is stored: what is wrong with the keys at the URL, in its item, and what is
/// weak about the trust that the settings make, in the last of their items. Where the database does not say
/// it there is no warning, and no failure.
async fn warn(app: &App, account: &AccountId, outcomes: &mut [Outcome]) {
    let stored =
        |outcome: &Outcome| outcome.result.as_ref().is_ok_and(|seen| seen.setting.group == JWT_GROUP);
    let Some(last) = outcomes.iter().rposition(stored) else { return };
    let url = outcomes.iter().enumerate().rev().find_map(|(at, outcome)| {
        let seen = outcome.result.as_ref().ok().filter(|seen| seen.setting.check == Check::JwksUrl)?;
        Some((at, Url::parse(seen.value.as_deref()?).ok()?))
    });
    if let Some((at, url)) = url {
        outcomes[at].add((app.jwt_settings_keys)(app, account, &url).await);
    }
    let (account, lint) = (account.clone(), app.jwt_settings_lint);
    let weak = app.db.of(&account).read("settings.lint", move |tx| lint(tx, &account)).await;
    outcomes[last].add(weak.ok().flatten());
}

/// The category of that name.
///
/// # Errors
/// `NoSuchResource`, as the reference answers an unknown enum value in a query.
pub fn category(name: &str) -> Result<&'static str> {
    catalogue::CATEGORIES.iter().copied().find(|category| *category == name).ok_or_else(|| {
        let known = catalogue::CATEGORIES.join(", ");
        Problem::new(
            Kind::NoSuchResource,
            format!("There is no category {name:?} of settings: use one of {known}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn who_meets_no_database_waits_for_it_once() {
        let change = |id: &str| Change { id: Some(id.into()), ..Change::default() };
        let seen = || Held::new(Scope::account(AccountId::new("acme")), Vec::new()).see(&CATALOGUE[0]);
        let away = || Refusal::Whole(Problem::new(Kind::Unavailable, "nobody answers"));
        for (stored, asked) in [(1, 2), (3, 4), (0, 1)] {
            let tries = Cell::new(0);
            let put = async |_: Change| {
                tries.set(tries.get() + 1);
                if tries.get() <= stored { Ok((seen(), None)) } else { Err(away()) }
            };
            let outcomes = in_turn(["a", "b", "c", "d", "e", "f"].map(change).to_vec(), put).await;
            assert_eq!(tries.get(), asked);
            let Ok(outcomes) = outcomes else {
                assert_eq!(stored, 0, "nothing was stored, so the request fails as a whole");
                continue;
            };
            let texts: Vec<_> = outcomes.iter().map(|one| one.result.as_ref().err().cloned()).collect();
            assert!(texts[..stored].iter().all(Option::is_none), "{texts:?}");
            let told =
                |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("nobody answers"));
            assert!(texts.len() == 6 && texts[stored..].iter().all(told), "each is told: {texts:?}");
        }
    }
}
