//! What can be done with trusts.

use db::Tx;
use serde_json::{Value, json};

use super::acts_as;
use super::default;
use super::keys;
use super::lint;
use super::model::{DEFAULT, Damaged, Definition, Found, KeySource, MAX_TRUSTS, Stored, Warning};
use super::read;
use super::store;
use super::trail;
use crate::access::Grant;
use crate::access::permissions::{SettingEdit, SettingView};
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::Action;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::listing::{Listed, Orders, SearchTerm};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::sparing::Sparing;
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;

/// A trust with what its administrator should know.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The trust.
    pub stored: Stored,
    /// In no particular order.
    pub warnings: Vec<Warning>,
}

impl Listed for Seen {
    fn identifier(&self) -> &str {
        &self.stored.definition.identifier
    }
    fn name(&self) -> &str {
        &self.stored.definition.name
    }
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.stored.definition.policy.issuer.as_deref().into_iter()
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.stored.created_at, self.stored.updated_at))
    }
}

/// Every trust of the account as it holds, by identifier; the default one among them. One whose row cannot be
/// read is left out and told in the log: the others hold all the same.
///
/// # Errors
/// Only of the database.
pub fn all(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<Stored>> {
    let (mut rows, mut row) = (Vec::new(), None);
    for found in store::list(tx, account)? {
        if let Err(damaged) = &found {
            tell_damaged(account, damaged);
        }
        match found {
            Ok(stored) if stored.is_default() => row = Some(Ok(stored)),
            Err(damaged) if damaged.identifier == DEFAULT => row = Some(Err(damaged)),
            Ok(stored) => rows.push(stored),
            Err(_) => {}
        }
    }
    if let Ok(default) = default::current(tx, account, row)? {
        let at = rows.partition_point(|trust| trust.definition.identifier.as_str() < DEFAULT);
        rows.insert(at, default);
    }
    Ok(rows)
}

fn tell_damaged(account: &AccountId, damaged: &Damaged) {
    static TOLD: Sparing = Sparing::unspent();
    let Damaged { identifier, why, .. } = damaged;
    TOLD.tell(|left_out| {
        tracing::warn!(%account, trust = identifier, why, left_out, "a stored JWT trust cannot be read: it takes no token");
    });
}

/// One trust as it holds.
///
/// # Errors
/// `NotFound`; `Conflict` where its row cannot be read.
pub fn load_one(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Stored> {
    load_any(tx, account, identifier)?.map_err(|damaged| unreadable(account, &damaged))
}

fn unreadable(account: &AccountId, damaged: &Damaged) -> Problem {
    let Damaged { identifier, why, .. } = damaged;
    let text = format!(
        "The JWT trust [{identifier}] of account [{account}] cannot be read as it is stored ({why}), and takes no token: delete it and make it anew."
    );
    Problem::new(Kind::Conflict, text)
}

/// Why a trust is not among those that can be used, as whoever loads it hears.
pub(super) async fn absent(app: &App, account: &AccountId, identifier: &str) -> Problem {
    let (of, id) = (account.clone(), identifier.to_owned());
    match app.db.of(account).point("trust.absent", move |tx| load_one(tx, &of, &id)).await {
        Err(why) => why,
        // It was made just now.
        Ok(_) => Problem::not_found(format!(
            "There is no JWT trust [{identifier}] in account [{account}] yet: send the request again."
        )),
    }
}

/// As `load_one`, also where its row cannot be read.
fn load_any(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Found> {
    find_any(tx, account, identifier)?.ok_or_else(|| {
        let more = if identifier == DEFAULT { ": it is there once all four settings are stored" } else { "" };
        Problem::not_found(format!(
            "There is no JWT trust [{identifier}] in account [{account}]{more}. The list of trusts names those there are."
        ))
    })
}

/// One trust as it holds, if there is one that can be read.
///
/// # Errors
/// Only of the database.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Option<Stored>> {
    Ok(find_any(tx, account, identifier)?.and_then(std::result::Result::ok))
}

fn find_any(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Option<Found>> {
    match store::find(tx, account, identifier)? {
        Some(Err(damaged)) => Ok(Some(Err(damaged))),
        row if identifier != DEFAULT => Ok(row),
        row => Ok(default::current(tx, account, row)?.ok().map(Ok)),
    }
}

/// One page of the account's trusts.
///
/// # Errors
/// Only of the database.
pub async fn list(
    app: &App,
    grant: &Grant<SettingView>,
    search: SearchTerm,
    orders: Orders,
    page: PageRequest,
) -> Result<Page<Seen>> {
    let account = grant.scope().account.clone();
    let look = move |tx: &mut Tx<'_>| {
        let all = all(tx, &account)?;
        let seen: Result<Vec<_>> = all.iter().map(|stored| see(tx, &account, stored.clone(), &all)).collect();
        seen
    };
    let mut seen = app.db.of(&grant.scope().account).read("trust.list", look).await?;
    seen.retain(|seen| search.finds(seen));
    orders.arrange(&mut seen);
    Ok(Page::cut(page, seen))
}

/// One trust.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, grant: &Grant<SettingView>, identifier: String) -> Result<Seen> {
    let account = grant.scope().account.clone();
    app.db
        .of(&account)
        .read("trust.show", move |tx| {
            let stored = load_one(tx, &account, &identifier)?;
            let others = all(tx, &account)?;
            see(tx, &account, stored, &others)
        })
        .await
}

/// A trust, which may be among the others, with all that is to be known of it without asking for its keys.
fn see(tx: &mut Tx<'_>, account: &AccountId, stored: Stored, others: &[Stored]) -> Result<Seen> {
    let mut warnings = lint::lint(&stored.definition, &definitions(others));
    warnings.extend(acts_as::warning(tx, account, &stored)?);
    Ok(Seen { stored, warnings })
}

/// What is weak about the default trust, in one text for the reply of the settings; `None`: nothing, or there
/// is no such trust. That it is disabled they say themselves.
///
/// # Errors
/// Only of the database.
pub fn default_lint(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<String>> {
    let all = all(tx, account)?;
    let Some(stored) = all.iter().find(|stored| stored.is_default()) else { return Ok(None) };
    let found = see(tx, account, stored.clone(), &all)?.warnings;
    let told = found.iter().filter(|warning| warning.code != "disabled");
    let texts: Vec<_> = told.map(|warning| format!("{}: {}", warning.code, warning.message)).collect();
    let text = || format!("Stored. Of the JWT trust /ng/api/jwt-trusts/{DEFAULT} know: {}", texts.join(" "));
    Ok((!texts.is_empty()).then(text))
}

fn definitions(trusts: &[Stored]) -> Vec<&Definition> {
    trusts.iter().map(|stored| &stored.definition).collect()
}

/// Reads what a client sends; `path`: the identifier that the path names.
///
/// # Errors
/// `Fields` with every complaint: of the form, of what the server may fetch, of the service account.
async fn check(app: &App, account: &AccountId, document: &Value, path: Option<&str>) -> Result<Definition> {
    let (definition, mut check) = read::examine(document, path);
    if let Ok(Some(url)) = definition.fetched_url()
        && let Err(why) = app.fetcher.allow().check_url(&url)
    {
        let field = if matches!(definition.jwks, KeySource::Url(_)) { "jwks.url" } else { "jwks.discovery" };
        check.fail(field, format!("cannot be used: {why}"));
    }
    let id = definition.service_account.clone();
    if !id.is_empty() {
        let (of, wanted) = (account.clone(), id.clone());
        let find = move |tx: &mut Tx<'_>| acts_as::made(tx, &of, &wanted);
        if app.db.of(account).point("trust.service_account", find).await?.is_none() {
            check.fail("serviceAccount", acts_as::missing(account, &id));
        }
    }
    check.done()?;
    Ok(definition)
}

/// What every change has in common.
#[derive(Clone)]
struct Change {
    caller: Caller,
    now: Timestamp,
    audit_id: String,
    /// For the rows of the four settings.
    more_ids: [String; 4],
}

impl Change {
    fn of(app: &App, grant: &Grant<SettingEdit>) -> Self {
        Self {
            caller: grant.caller().clone(),
            now: app.clock.now(),
            audit_id: app.rng.uuid(),
            more_ids: std::array::from_fn(|_| app.rng.uuid()),
        }
    }

    fn account(&self) -> &AccountId {
        &self.caller.account
    }

    /// Writes the settings that the default trust consists of.
    fn follow(&self, tx: &mut Tx<'_>, identifier: &str, definition: Option<&Definition>) -> Result<()> {
        if identifier != DEFAULT {
            return Ok(());
        }
        default::write_settings(tx, &self.caller, definition, self.now, &self.more_ids)
    }

    fn record(&self, tx: &mut Tx<'_>, action: Action, of: &Definition, detail: Value) -> Result<()> {
        let of = (of.identifier.as_str(), of.name.as_str());
        trail::record(tx, &self.caller, (self.now, &self.audit_id), action, of, detail)
    }

    /// Writes another definition over a stored one, for the service account that was made then.
    fn rewrite(
        &self,
        tx: &mut Tx<'_>,
        before: &Stored,
        definition: &Definition,
        service_account_made: Option<Timestamp>,
    ) -> Result<Stored> {
        let (account, identifier) = (self.account(), &definition.identifier);
        let after = Stored {
            definition: definition.clone(),
            version: before.version + 1,
            created_at: before.created_at,
            updated_at: self.now,
            service_account_made,
        };
        if store::find(tx, account, identifier)?.is_some() {
            store::update(tx, account, &after)?;
        } else {
            // The default trust of settings that were stored without its row.
            store::insert(tx, account, &after)?;
        }
        bump_version(tx, account)?;
        self.follow(tx, identifier, Some(definition))?;
        let detail = json!({"old": before.definition.to_json(), "new": definition.to_json()});
        self.record(tx, Action::Update, definition, detail)?;
        Ok(after)
    }
}

/// Makes a trust.
///
/// # Errors
/// `Fields` with every complaint, `Duplicate` when the identifier is taken, `Invalid` when there are enough,
/// `Conflict` when one of that identifier cannot be read.
pub async fn create(app: &App, grant: &Grant<SettingEdit>, document: Value) -> Result<Seen> {
    let change = Change::of(app, grant);
    let definition = check(app, change.account(), &document, None).await?;
    let made = app
        .write_alone("trust.create", grant.actor(), move |tx| {
            let account = change.account();
            // First, so that the account's row is held against other writers.
            bump_version(tx, account)?;
            let others = all(tx, account)?;
            room(account, &others, &definition.identifier)?;
            if let Some(Err(damaged)) = store::find(tx, account, &definition.identifier)? {
                return Err(unreadable(account, &damaged));
            }
            let made = Stored {
                definition: definition.clone(),
                version: 1,
                created_at: change.now,
                updated_at: change.now,
                service_account_made: Some(acts_as::there(tx, account, &definition.service_account)?),
            };
            // A row that the settings have outlived.
            store::delete(tx, account, &definition.identifier)?;
            store::insert(tx, account, &made)?;
            change.follow(tx, &definition.identifier, Some(&definition))?;
            change.record(tx, Action::Create, &definition, json!({"new": definition.to_json()}))?;
            see(tx, account, made, &others)
        })
        .await?;
    Ok(with_keys(app, grant, made).await)
}

fn room(account: &AccountId, others: &[Stored], identifier: &str) -> Result<()> {
    if others.iter().any(|other| other.definition.identifier == identifier) {
        return Err(Problem::duplicate(format!(
            "A JWT trust with identifier [{identifier}] is already there in account [{account}]: choose another identifier, or replace it with PUT"
        )));
    }
    if others.len() >= MAX_TRUSTS {
        return Err(Problem::invalid(format!(
            "The account has {} JWT trusts, more are not possible: delete one that is not needed",
            others.len()
        )));
    }
    Ok(())
}

/// Replaces a trust; nothing happens if it is so already.
///
/// # Errors
/// `NotFound`, `Stale`, `Fields` with every complaint.
pub async fn replace(
    app: &App,
    grant: &Grant<SettingEdit>,
    identifier: String,
    document: Value,
    seen: IfMatch,
) -> Result<Seen> {
    let change = Change::of(app, grant);
    let definition = check(app, change.account(), &document, Some(&identifier)).await?;
    let after = app
        .write_alone("trust.replace", grant.actor(), move |tx| {
            let account = change.account();
            let before = load_one(tx, account, &identifier)?;
            seen.check(before.tag())?;
            let there = Some(acts_as::there(tx, account, &definition.service_account)?);
            // What was issued under it goes on.
            let is_same = before.definition.to_json() == definition.to_json();
            let is_same = is_same && before.service_account_made == there;
            let stored = if is_same { before } else { change.rewrite(tx, &before, &definition, there)? };
            let others = all(tx, account)?;
            see(tx, account, stored, &others)
        })
        .await?;
    Ok(with_keys(app, grant, after).await)
}

/// Enables or disables a trust; nothing happens if it is so already.
///
/// # Errors
/// `NotFound`, `Stale`.
pub async fn switch(
    app: &App,
    grant: &Grant<SettingEdit>,
    identifier: String,
    enabled: bool,
    seen: IfMatch,
) -> Result<Seen> {
    let change = Change::of(app, grant);
    app.write_alone("trust.switch", grant.actor(), move |tx| {
        let account = change.account();
        let before = load_one(tx, account, &identifier)?;
        seen.check(before.tag())?;
        let definition = Definition { enabled, ..before.definition.clone() };
        let stored = if before.definition.enabled == enabled {
            before
        } else {
            change.rewrite(tx, &before, &definition, before.service_account_made)?
        };
        let others = all(tx, account)?;
        see(tx, account, stored, &others)
    })
    .await
}

/// Deletes a trust with its refusals; the default one with its four settings. Also one that cannot be read.
///
/// # Errors
/// `NotFound`, `Stale`.
pub async fn delete(app: &App, grant: &Grant<SettingEdit>, identifier: String, seen: IfMatch) -> Result<()> {
    let change = Change::of(app, grant);
    app.write_alone("trust.delete", grant.actor(), move |tx| {
        let account = change.account();
        bump_version(tx, account)?;
        let before = load_any(tx, account, &identifier)?;
        seen.check(before.as_ref().map_or_else(|damaged| damaged.tag, Stored::tag))?;
        store::delete(tx, account, &identifier)?;
        change.follow(tx, &identifier, None)?;
        match before {
            Ok(Stored { definition: of, .. }) => {
                change.record(tx, Action::Delete, &of, json!({"old": of.to_json()}))
            }
            Err(damaged) => {
                trail::record_damaged(tx, &change.caller, (change.now, &change.audit_id), &damaged)
            }
        }
    })
    .await
}

/// Forgets the tokens that can no longer come twice, as they have ended; answers how many.
///
/// # Errors
/// Only of the database.
pub async fn purge_ended(app: &App) -> Result<u64> {
    let now = app.clock.now();
    let accounts =
        app.db.house().read("trust.ended_accounts", move |tx| store::accounts_with_ended(tx, now)).await?;
    let mut gone = 0;
    for account in accounts {
        let lane = account.to_string();
        gone += app.db.write("trust.purge", &lane, move |tx| store::purge_ended(tx, &account, now)).await?;
    }
    Ok(gone)
}

async fn with_keys(app: &App, grant: &Grant<SettingEdit>, mut seen: Seen) -> Seen {
    seen.warnings.extend(keys::look(app, &grant.scope().account, &seen.stored.definition).await);
    seen
}
