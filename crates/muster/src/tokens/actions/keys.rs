//! What can be done with API keys.

use db::Tx;
use serde_json::{Value, json};

use super::{OwnerGrant, load_owner, policy};
use crate::access::Actor;
use crate::accounts;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::listing::{Listed, Orders, SearchTerm, words};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::{FieldCheck, Tags, fold};
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::tokens::model::{DEFAULT_TTL_MS, KEY_LIMIT, Policy};
use crate::tokens::store::{self, Key, KeyRow, Owner};

/// What a client wishes of a key.
#[derive(Clone, Debug)]
pub struct KeyWish {
    /// Unique among the owner's keys, case aside; never changes.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// Milliseconds; 30 days, or the account's longest life if that is less, without.
    pub default_ttl_ms: Option<i64>,
}

impl KeyWish {
    /// Checks the wish.
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn check(self) -> Result<Self> {
        let mut check = FieldCheck::new();
        self.note(&mut check);
        check.done()?;
        Ok(self)
    }

    /// Notes every complaint.
    pub fn note(&self, check: &mut FieldCheck) {
        check.identifier("identifier", &self.identifier);
        check.name("name", &self.name);
        check.description("description", self.description.as_deref());
        check.tags("tags", &self.tags);
        if self.default_ttl_ms.is_some_and(|ttl| ttl <= 0) {
            check.fail("defaultTimeToExpireToken", "must be more than 0; send milliseconds or leave it out");
        }
    }

    fn ttl(&self, policy: Policy, without: i64) -> Result<i64> {
        let Some(ttl) = self.default_ttl_ms else { return Ok(without.min(policy.max_ms())) };
        if ttl > policy.max_ms() {
            return Err(Problem::invalid(format!(
                "defaultTimeToExpireToken {ttl} is longer than tokens of this account may live ({} days): send at most \
                 {}, or {}",
                policy.max_days,
                policy.max_ms(),
                policy.way_out()
            )));
        }
        Ok(ttl)
    }

    fn row(&self, ttl: i64) -> KeyRow {
        KeyRow {
            identifier: self.identifier.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            tags: self.tags.clone(),
            default_ttl_ms: ttl,
        }
    }
}

/// A key with the number of its tokens.
#[derive(Clone, Debug)]
pub struct KeyAggregate {
    /// The key.
    pub key: Key,
    /// Its tokens, rotated ones included.
    pub tokens: i64,
}

/// Makes a key.
///
/// # Errors
/// `NoSuchResource` without its owner, `Duplicate` when the identifier is taken, `Invalid` over the limit of
/// keys or for a default time over what the account allows.
pub async fn create(app: &App, grant: &OwnerGrant, wish: KeyWish) -> Result<Key> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    app.write_alone("api_keys.create", &grant.actor, move |tx| {
        load_owner(tx, &owner)?;
        let ttl = wish.ttl(policy(tx, &owner.scope)?, DEFAULT_TTL_MS)?;
        insert(tx, &caller, &owner, &wish.row(ttl), now, &audit_id)
    })
    .await
}

/// Inserts a key within the limit and writes its audit row.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    caller: &Caller,
    owner: &Owner,
    row: &KeyRow,
    now: Timestamp,
    audit_id: &str,
) -> Result<Key> {
    // Takes the account's row first, so that two replicas cannot both count up to the limit.
    accounts::store::bump_version(tx, &owner.scope.account)?;
    if !store::insert_key(tx, owner, row, now)? {
        return Err(Problem::duplicate(format!(
            "Try using different Key name, [{}] already exists (upper and lower case count as the same)",
            row.identifier
        )));
    }
    if store::count_keys(tx, owner)? > KEY_LIMIT {
        return Err(Problem::invalid(format!(
            "Maximum limit has reached: {KEY_LIMIT} API keys for each user or service account, delete one first"
        )));
    }
    let key = Key { owner: owner.clone(), row: row.clone(), created_at: now, updated_at: now, version: 1 };
    record(tx, caller, now, audit_id, Action::Create, &key, json!({"new": document(&key)}))?;
    Ok(key)
}

/// Changes all of a key but its identifier; without a default time the stored one stays.
///
/// # Errors
/// `NotFound` for an unknown key, `Stale`, `Invalid` for a default time over what the account allows.
pub async fn update(app: &App, grant: &OwnerGrant, wish: KeyWish, seen: IfMatch) -> Result<Key> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    app.write_alone("api_keys.update", &grant.actor, move |tx| {
        let before = load(tx, &owner, &wish.identifier)?;
        seen.check(before.tag())?;
        let ttl = match wish.default_ttl_ms {
            None => before.row.default_ttl_ms,
            Some(_) => wish.ttl(policy(tx, &owner.scope)?, DEFAULT_TTL_MS)?,
        };
        let row = KeyRow { identifier: before.row.identifier.clone(), ..wish.row(ttl) };
        let after = Key { row, updated_at: now, version: before.version + 1, ..before.clone() };
        let (old, new) = (document(&before), document(&after));
        if old == new {
            return Ok(before);
        }
        store::update_key(tx, &owner, &after.row, now)?;
        let detail = json!({"old": old, "new": new});
        record(tx, &caller, now, &audit_id, Action::Update, &after, detail)?;
        accounts::store::bump_version(tx, &owner.scope.account)?;
        Ok(after)
    })
    .await
}

/// Deletes a key and its tokens, which are refused from then on.
///
/// # Errors
/// `NotFound` for an unknown key, `Stale`.
pub async fn delete(app: &App, grant: &OwnerGrant, identifier: String, seen: IfMatch) -> Result<()> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    app.write_alone("api_keys.delete", &grant.actor, move |tx| {
        let key = load(tx, &owner, &identifier)?;
        seen.check(key.tag())?;
        let tokens = store::delete_key(tx, &key)?;
        let detail = json!({"old": document(&key), "removed": {"tokens": tokens}});
        record(tx, &caller, now, &audit_id, Action::Delete, &key, detail)?;
        accounts::store::bump_version(tx, &owner.scope.account)
    })
    .await
}

/// The owner's keys, those of `identifiers` only unless it is empty.
///
/// # Errors
/// `NoSuchResource` without the owner.
pub async fn list(app: &App, grant: &OwnerGrant, identifiers: Vec<String>) -> Result<Vec<Key>> {
    let owner = grant.owner.clone();
    let mut keys = app
        .db
        .of(&owner.scope.account)
        .read("api_keys.list", move |tx| {
            load_owner(tx, &owner)?;
            store::list_keys(tx, &owner)
        })
        .await?;
    keys.retain(|key| named(key, &identifiers));
    Ok(keys)
}

/// One page of the owner's keys with the number of their tokens.
///
/// # Errors
/// `NoSuchResource` without the owner.
pub async fn aggregates(
    app: &App,
    grant: &OwnerGrant,
    identifiers: Vec<String>,
    search: SearchTerm,
    orders: Orders,
    page: PageRequest,
) -> Result<Page<KeyAggregate>> {
    let owner = grant.owner.clone();
    let (mut keys, counts) = app
        .db
        .of(&owner.scope.account)
        .read("api_keys.aggregate", move |tx| {
            load_owner(tx, &owner)?;
            Ok::<_, Problem>((store::list_keys(tx, &owner)?, store::token_counts(tx, &owner)?))
        })
        .await?;
    keys.retain(|key| named(key, &identifiers) && search.finds(key));
    orders.arrange(&mut keys);
    Ok(Page::cut(page, keys).map(|key| {
        let tokens = counts.get(&key.row.identifier).copied().unwrap_or(0);
        KeyAggregate { key, tokens }
    }))
}

/// One key with the number of its tokens.
///
/// # Errors
/// `InvalidArgument` for an unknown key, as the reference answers.
pub async fn aggregate(app: &App, grant: &OwnerGrant, identifier: String) -> Result<KeyAggregate> {
    let owner = grant.owner.clone();
    app.db
        .of(&owner.scope.account)
        .read("api_keys.aggregate_one", move |tx| {
            let key = store::find_key(tx, &owner, &identifier)?.ok_or_else(|| {
                Problem::argument(format!(
                    "Api key [{identifier}] doesn't exist in scope {}: check identifier, parentIdentifier and scope",
                    owner.scope.path()
                ))
            })?;
            let tokens = store::token_counts(tx, &owner)?.get(&key.row.identifier).copied().unwrap_or(0);
            Ok(KeyAggregate { key, tokens })
        })
        .await
}

/// The owner's key of that identifier.
pub(super) fn load(tx: &mut Tx<'_>, owner: &Owner, identifier: &str) -> Result<Key> {
    store::find_key(tx, owner, identifier)?.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no API key {identifier} of {}: check identifier, parentIdentifier, apiKeyType and scope",
            owner.id
        ))
    })
}

fn named(key: &Key, identifiers: &[String]) -> bool {
    let folded = fold(&key.row.identifier);
    identifiers.is_empty() || identifiers.iter().any(|i| fold(i) == folded)
}

impl Listed for Key {
    fn identifier(&self) -> &str {
        &self.row.identifier
    }
    fn name(&self) -> &str {
        &self.row.name
    }
    fn texts(&self) -> impl Iterator<Item = &str> {
        words(&self.row.tags)
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.created_at, self.updated_at))
    }
}

fn document(key: &Key) -> Value {
    json!({
        "identifier": key.row.identifier, "name": key.row.name, "description": key.row.description,
        "tags": key.row.tags, "defaultTimeToExpireToken": key.row.default_ttl_ms,
        "apiKeyType": key.owner.kind.as_str(), "parentIdentifier": key.owner.id
    })
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    audit_id: &str,
    action: Action,
    key: &Key,
    detail: Value,
) -> Result<()> {
    let named = (key.row.identifier.as_str(), key.row.name.as_str());
    let entry = Entry::about(action, "API_KEY", named, &key.owner.scope, detail);
    audit::record(tx, caller, now, audit_id, &entry)
}
