//! Use cases of definitions.

use std::collections::BTreeMap;
use std::time::Duration;

use db::Tx;
use scim::fold;
use scim::index_keys;
use serde_json::{Value, json};

use super::compare::{self, Break, Effect, Why, leaves};
use super::kinds::Kinds;
use super::model::{Definition, MAX_DEFINITIONS, MAX_INDEXED, Shape, What};
use super::store::{self, Shelf};
use crate::access::Grant;
use crate::access::permissions::{AccountView, SettingEdit};
use crate::accounts::store::{bump_version, hold};
use crate::app::App;
use crate::audit::Action;
use crate::directory::stroke::Stroke;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::version::IfMatch;

/// Resources whose index rows are made in one transaction.
const FILLED_AT_ONCE: usize = 500;
/// How long the answer to a change waits for its index rows; what is left a job makes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The definitions of one kind, by name.
///
/// # Errors
/// Of the database.
pub async fn list(app: &App, grant: &Grant<AccountView>, what: What) -> Result<Vec<Definition>> {
    let account = grant.scope().account.clone();
    let all = app.db.of(&account).read("schemas.list", move |tx| store::all(tx, &account)).await?;
    Ok(all.into_iter().filter(|definition| definition.shape.what() == what).collect())
}

/// One definition.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, grant: &Grant<AccountView>, what: What, name: &str) -> Result<Definition> {
    let (account, name) = (grant.scope().account.clone(), name.to_owned());
    app.db.of(&account).read("schemas.load", move |tx| find(&store::all(tx, &account)?, what, &name)).await
}

fn find(all: &[Definition], what: What, name: &str) -> Result<Definition> {
    let is = |found: &&Definition| found.shape.what() == what && fold(found.shape.name()) == fold(name);
    all.iter().find(is).cloned().ok_or_else(|| {
        let kind = if what == What::Schema { "extension schema" } else { "resource type" };
        Problem::not_found(format!(
            "This account defines no {kind} {name:.200}: see the list of those it has. What the standard defines \
            cannot be changed."
        ))
    })
}

/// Adds a definition.
///
/// # Errors
/// `Duplicate` for a name that is taken; `Fields` for what does not go together with the other definitions.
pub async fn create(app: &App, grant: &Grant<SettingEdit>, shape: Shape) -> Result<Definition> {
    let stroke = Stroke::new(app, grant.caller());
    app.write_alone("schemas.create", grant.actor(), move |tx| {
        let account = stroke.account();
        let all = store::all(tx, account)?;
        if find(&all, shape.what(), shape.name()).is_ok() {
            return Err(Problem::duplicate(format!(
                "{} is defined already: replace that definition, or choose another name.",
                shape.name()
            )));
        }
        beside(&shape, &all)?;
        let generation = store::next_generation(tx, account)?;
        let aliases = aliases(&shape, &BTreeMap::new(), generation);
        let (created, updated) = (stroke.now, stroke.now);
        let shape = shape.clone();
        let new = Definition { shape, aliases, pending: Vec::new(), version: 1, created, updated };
        written(tx, &stroke, Action::Create, &new)?;
        Ok(new)
    })
    .await
}

fn written(tx: &mut Tx<'_>, stroke: &Stroke, action: Action, definition: &Definition) -> Result<()> {
    let (account, shape) = (stroke.account(), &definition.shape);
    store::put(tx, account, definition)?;
    bump_version(tx, account)?;
    let name = (shape.name(), shape.name());
    stroke.record(tx, action, shape.what().audited(), name, json!({"new": shape.document()}))
}

/// Each URN has one short word for ever, so that rows of one never count as those of another.
fn aliases(shape: &Shape, known: &BTreeMap<String, String>, generation: i64) -> BTreeMap<String, String> {
    let alias = |(n, schema): (usize, &scim::Schema)| {
        let urn = schema.urn.clone();
        let alias = known.get(&urn).cloned().unwrap_or_else(|| format!("x{generation}_{n}"));
        (urn, alias)
    };
    shape.schemas().into_iter().enumerate().map(alias).collect()
}

/// Holds a definition against the standard's and the account's others.
fn beside(shape: &Shape, others: &[Definition]) -> Result<()> {
    if others.len() >= MAX_DEFINITIONS {
        let text = format!("An account has {MAX_DEFINITIONS} definitions at most: remove one first.");
        return Err(Problem::invalid(text));
    }
    let mut complaints = Vec::new();
    let mut say = |at: &str, what: String| complaints.push((at.to_owned(), what));
    let indexed = |shape: &Shape| leaves(shape).values().filter(|attr| attr.indexed).count();
    let sum: usize = others.iter().map(|other| indexed(&other.shape)).sum();
    if sum + indexed(shape) > MAX_INDEXED {
        say(
            "attributes",
            format!("make more than {MAX_INDEXED} indexed attributes in the account; mark fewer."),
        );
    }
    if let Shape::Type { name, endpoint, .. } = shape {
        for other in others {
            let Shape::Type { name: its_name, endpoint: its, .. } = &other.shape else { continue };
            if its.eq_ignore_ascii_case(endpoint) {
                say(
                    "endpoint",
                    format!("/{endpoint} belongs to {its_name}; choose another than for {name}."),
                );
            }
        }
    }
    let standard = scim::Catalogue::standard();
    let theirs: Vec<&scim::Schema> = standard.schemas().into_iter().map(|schema| &**schema).collect();
    let theirs = theirs.into_iter().chain(others.iter().flat_map(|other| other.shape.schemas()));
    let mut seen: Vec<&scim::Schema> = theirs.collect();
    for schema in shape.schemas() {
        if let Some(clash) = seen.iter().find_map(|other| clash(schema, other)) {
            say("id", clash);
        }
        seen.push(schema);
    }
    if complaints.is_empty() { Ok(()) } else { Err(Problem::fields(complaints)) }
}

/// Why two schemas cannot be beside each other.
fn clash(one: &scim::Schema, other: &scim::Schema) -> Option<String> {
    if one.urn.eq_ignore_ascii_case(&other.urn) {
        return Some(format!("{} is defined already; choose another URN.", one.urn));
    }
    [(one, other), (other, one)].into_iter().find_map(|(long, short)| {
        let (head, rest) = long.urn.split_at_checked(short.urn.len())?;
        let name = rest.strip_prefix(':')?;
        let (attr, sub) = name.split_once('.').map_or((name, None), |(attr, sub)| (attr, Some(sub)));
        let attr = short.attributes.get(attr);
        let is_one = attr.is_some_and(|attr| sub.is_none_or(|sub| attr.sub.get(sub).is_some()));
        (head.eq_ignore_ascii_case(&short.urn) && is_one).then(|| {
            format!("{} reads as the attribute {name} of {}; choose another URN.", long.urn, short.urn)
        })
    })
}

/// Replaces a definition; nothing happens if it is so already. What would make stored data invalid is
/// refused; what becomes indexed gets its index rows, and is looked up by them once all are there.
///
/// # Errors
/// `NotFound`; `Stale`; `Fields` as for `create`; `Conflict` for data that stands against it.
pub async fn replace(
    app: &App,
    grant: &Grant<SettingEdit>,
    name: &str,
    shape: Shape,
    seen: IfMatch,
) -> Result<Definition> {
    if fold(name) != fold(shape.name()) {
        let text = format!(
            "The path names {name:.200} and the body {}: send the same in both. A name does not change.",
            shape.name()
        );
        return Err(Problem::invalid(text));
    }
    let stroke = Stroke::new(app, grant.caller());
    let write = move |tx: &mut Tx<'_>| renew(tx, &stroke, shape.clone(), &seen);
    let new = app.write_alone("schemas.replace", grant.actor(), write).await?;
    if new.pending.is_empty() {
        return Ok(new);
    }
    let account = &grant.caller().account;
    if let Ok(done) = tokio::time::timeout(PATIENCE, fill(app, account)).await {
        done?;
    }
    let (account, what, name) = (account.clone(), new.shape.what(), new.shape.name().to_owned());
    app.db.of(&account).read("schemas.load", move |tx| find(&store::all(tx, &account)?, what, &name)).await
}

fn renew(tx: &mut Tx<'_>, stroke: &Stroke, shape: Shape, seen: &IfMatch) -> Result<Definition> {
    let account = stroke.account();
    let mut others = store::all(tx, account)?;
    let old = find(&others, shape.what(), shape.name())?;
    seen.check(old.tag())?;
    if old.shape.document() == shape.document() {
        return Ok(old);
    }
    others.retain(|other| (other.shape.what(), other.shape.name()) != (old.shape.what(), old.shape.name()));
    beside(&shape, &others)?;
    still(tx, account, &old.shape, &shape)?;
    let key = fold(old.shape.name()).into_owned();
    let shelf = shelf(&old.shape, &key);
    let Effect { breaks, fill, drop } = compare::compare(&old, &shape);
    unused(tx, account, shelf, &breaks)?;
    let generation = store::next_generation(tx, account)?;
    let aliases = aliases(&shape, &old.aliases, generation);
    for leaf in &drop {
        store::drop_rows(tx, account, shelf, &leaf.path(&old.aliases))?;
    }
    let pending = fill.iter().map(|leaf| leaf.pending(&aliases)).collect();
    let (created, updated) = (old.created, stroke.now);
    let new = Definition { shape, aliases, pending, version: old.version + 1, created, updated };
    written(tx, stroke, Action::Update, &new)?;
    Ok(new)
}

fn conflict(text: String) -> Problem {
    Problem::new(Kind::Conflict, text)
}

fn shelf<'k>(shape: &Shape, key: &'k str) -> Shelf<'k> {
    match shape {
        Shape::Extension { of, .. } => Shelf::Of(*of),
        Shape::Type { .. } => Shelf::Type(key),
    }
}

/// Refuses where a resource stands against one of these.
fn unused(tx: &mut Tx<'_>, account: &AccountId, shelf: Shelf<'_>, breaks: &[Break]) -> Result<()> {
    if breaks.is_empty() {
        return Ok(());
    }
    match store::first_use(tx, account, shelf, breaks)? {
        None => Ok(()),
        Some((id, found)) => Err(conflict(found.refusal(&id))),
    }
}

/// A type keeps what clients and stored resources know it by.
fn still(tx: &mut Tx<'_>, account: &AccountId, old: &Shape, new: &Shape) -> Result<()> {
    let (Shape::Type { name, endpoint: was, .. }, Shape::Type { endpoint: is, .. }) = (old, new) else {
        return Ok(());
    };
    if was != is {
        return Err(conflict(format!("/{was} is what clients know the type by: it cannot become /{is}.")));
    }
    let urn = |shape: &Shape| shape.schemas().first().map(|schema| schema.urn.clone()).unwrap_or_default();
    let (was, is) = (urn(old), urn(new));
    if was != is
        && let Some(id) = store::any_object(tx, account, &fold(name))?
    {
        return Err(conflict(format!(
            "Resources of the type {name} (the first is {id}) name {was} as their schema: it cannot become {is}."
        )));
    }
    Ok(())
}

/// Removes a definition that no resource has data of.
///
/// # Errors
/// `NotFound`; `Stale`; `Conflict` while it is in use.
pub async fn delete(
    app: &App,
    grant: &Grant<SettingEdit>,
    what: What,
    name: &str,
    seen: IfMatch,
) -> Result<()> {
    let (stroke, name) = (Stroke::new(app, grant.caller()), name.to_owned());
    app.write_alone("schemas.delete", grant.actor(), move |tx| {
        let account = stroke.account();
        let old = find(&store::all(tx, account)?, what, &name)?;
        seen.check(old.tag())?;
        let key = fold(old.shape.name()).into_owned();
        if what == What::Type {
            if let Some(id) = store::any_object(tx, account, &key)? {
                return Err(conflict(format!(
                    "There are resources of the type {} (the first is {id}): remove them first.",
                    old.shape.name()
                )));
            }
        } else {
            let gone = |leaf| Break { leaf, why: Why::Any("would be removed") };
            let all: Vec<_> = leaves(&old.shape).into_keys().map(gone).collect();
            unused(tx, account, shelf(&old.shape, &key), &all)?;
        }
        store::delete(tx, account, what, old.shape.name())?;
        store::next_generation(tx, account)?;
        bump_version(tx, account)?;
        let name = (old.shape.name(), old.shape.name());
        stroke.record(tx, Action::Delete, what.audited(), name, json!({"old": old.shape.document()}))
    })
    .await
}

/// Makes the index rows that are still missing, everywhere: for what a server did not finish.
///
/// # Errors
/// The last of those that accounts met with; none keeps the others from theirs.
pub async fn fill_all(app: &App) -> Result<()> {
    let mut all = Ok(());
    for account in app.db.house().read("schemas.pending", store::with_pending).await? {
        if let Err(problem) = fill(app, &account).await {
            tracing::warn!(%account, error = %problem, "index rows of an account are still missing");
            all = Err(problem);
        }
    }
    all
}

/// Makes the missing index rows of an account, in steps that hold no other write up for long.
///
/// # Errors
/// Of the database.
pub async fn fill(app: &App, account: &AccountId) -> Result<()> {
    let (lane, of) = (account.to_string(), account.clone());
    let all = app.db.of(account).read("schemas.list", move |tx| store::all(tx, &of)).await?;
    for definition in all.into_iter().filter(|definition| !definition.pending.is_empty()) {
        let (what, name, version) =
            (definition.shape.what(), definition.shape.name().to_owned(), definition.version);
        let mut after = Some(String::new());
        while let Some(from) = after {
            let (account, name) = (account.clone(), name.clone());
            let step = move |tx: &mut Tx<'_>| step(tx, &account, (what, &name, version), &from);
            after = app.db.write("schemas.fill", &lane, step).await?;
        }
    }
    Ok(())
}

/// One step: answers after which resource the next one goes on, until the definition is done.
fn step(
    tx: &mut Tx<'_>,
    account: &AccountId,
    (what, name, version): (What, &str, i64),
    after: &str,
) -> Result<Option<String>> {
    hold(tx, account)?;
    let all = store::all(tx, account)?;
    let Ok(mut definition) = find(&all, what, name) else { return Ok(None) };
    // Whoever changed it meanwhile sees to the rest, from the first resource on: an attribute that became
    // indexed since then was not filled in by the steps before.
    if definition.version != version {
        return Ok(None);
    }
    let kinds = Kinds::load(tx, account)?;
    let kind = match &definition.shape {
        Shape::Extension { of, .. } => Some(kinds.written(*of).kind),
        Shape::Type { name, .. } => kinds.written.resource_type(name).cloned(),
    };
    let kind = kind.ok_or_else(|| Problem::internal("a definition makes no resource type"))?;
    let urns = definition.pending.iter().filter_map(|entry| entry.split_once(' ').map(|(_, path)| path));
    let paths: Vec<String> = urns.map(str::to_owned).collect();
    let key = fold(definition.shape.name()).into_owned();
    let (rows, more) = store::chunk(tx, account, shelf(&definition.shape, &key), after, FILLED_AT_ONCE)?;
    for (id, doc) in &rows {
        let document: Value = serde_json::from_str(doc)
            .map_err(|error| Problem::internal(format!("the document of {id} is damaged: {error}")))?;
        for row in
            index_keys(&kind, &document).iter().filter(|row| paths.iter().any(|path| **path == *row.attr))
        {
            store::put_row(tx, account, id, row)?;
        }
    }
    if let Some((last, _)) = rows.last().filter(|_| more) {
        return Ok(Some(last.clone()));
    }
    definition.pending.clear();
    definition.version += 1;
    store::put(tx, account, &definition)?;
    bump_version(tx, account)?;
    Ok(None)
}
