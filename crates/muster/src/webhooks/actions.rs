//! Use cases of webhooks, but for what is delivered.

use db::Tx;
use serde_json::json;

use super::deliver::lost;
use super::model::{Definition, Delivery, MOST, Webhook};
use super::{sign, store};
use crate::access::permissions::{AccountView, SettingEdit, UserGroupView, UserView};
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::events::Kind;
use crate::events::model::Of;
use crate::events::store as events;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{self, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;

/// A webhook beside the last number given in its account.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As stored.
    pub webhook: Webhook,
    /// The last number.
    pub latest: i64,
    /// Is its secret to be shown? Only to who had it made just now.
    pub with_secret: bool,
}

fn seen(tx: &mut Tx<'_>, account: &AccountId, mut webhook: Webhook, now: Timestamp) -> Result<Seen> {
    let (latest, _) = events::state(tx, account)?;
    webhook.forget_former(now);
    Ok(Seen { webhook, latest, with_secret: false })
}

/// All of the account, by identifier.
///
/// # Errors
/// Of the database.
pub async fn list(app: &App, grant: &Grant<AccountView>) -> Result<Vec<Seen>> {
    let (account, now) = (grant.scope().account.clone(), app.clock.now());
    let read = move |tx: &mut Tx<'_>| {
        let all = store::list(tx, &account)?;
        all.into_iter().map(|webhook| seen(tx, &account, webhook, now)).collect()
    };
    app.db.of(&grant.scope().account).read("webhooks.list", read).await
}

/// One of them, for who may see it or more.
///
/// # Errors
/// `NotFound`.
pub async fn load<P>(app: &App, grant: &Grant<P>, identifier: &str) -> Result<Seen> {
    let (account, identifier) = (grant.scope().account.clone(), identifier.to_owned());
    let now = app.clock.now();
    let read = move |tx: &mut Tx<'_>| {
        let webhook = find(tx, &account, &identifier)?;
        seen(tx, &account, webhook, now)
    };
    app.db.of(&grant.scope().account).read("webhooks.load", read).await
}

fn find(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Webhook> {
    store::find(tx, account, identifier)?.ok_or_else(|| {
        Problem::not_found(format!(
            "This account has no webhook {identifier:.200}: see the list of those it has."
        ))
    })
}

/// A webhook shows nobody what he may not see: whoever says where events go may read them himself.
fn may_read(actor: &Actor, kinds: &[Kind]) -> Result<()> {
    let scope = Scope::account(actor.caller.account.clone());
    let about = |of: Of| kinds.is_empty() || kinds.iter().any(|kind| kind.of() == of);
    if about(Of::Users) {
        actor.grant::<UserView>(&scope)?;
    }
    if about(Of::Groups) {
        actor.grant::<UserGroupView>(&scope)?;
        if !actor.holds_below::<UserGroupView>(&scope) {
            let text = "A webhook tells of the groups in all organizations and projects, and you hold \
                core_usergroup_view in the account but not in every scope below it: leave those types \
                out, or have the role bound to all resources including child scopes.";
            return Err(Problem::new(problem::Kind::Denied, text).code("insufficient_permission"));
        }
    }
    Ok(())
}

/// What a change writes besides: who, when, and the audit row.
struct Stroke {
    caller: Caller,
    now: Timestamp,
    audit_id: String,
}

impl Stroke {
    fn new(app: &App, grant: &Grant<SettingEdit>) -> Self {
        Self { caller: grant.caller().clone(), now: app.clock.now(), audit_id: app.rng.uuid() }
    }

    fn account(&self) -> &AccountId {
        &self.caller.account
    }

    fn record(
        &self,
        tx: &mut Tx<'_>,
        action: Action,
        of: &Definition,
        detail: serde_json::Value,
    ) -> Result<()> {
        let scope = Scope::account(self.account().clone());
        let entry = Entry::about(action, "WEBHOOK", (&of.identifier, &of.name), &scope, detail);
        audit::record(tx, &self.caller, self.now, &self.audit_id, &entry)
    }
}

/// Makes a webhook. It is told of what happens from then on.
///
/// # Errors
/// `Fields`; `Denied` for who may not read the events; `Duplicate`; `Invalid` for one too many.
pub async fn create(app: &App, grant: &Grant<SettingEdit>, new: Definition) -> Result<Seen> {
    may_read(grant.actor(), &new.kinds)?;
    new.check(app.poster.allow())?;
    let (stroke, secret) = (Stroke::new(app, grant), sign::fresh(&app.rng));
    app.write_alone("webhooks.create", grant.actor(), move |tx| {
        let account = stroke.account();
        let all = store::list(tx, account)?;
        if all.iter().any(|other| other.definition.identifier == new.identifier) {
            return Err(Problem::duplicate(format!(
                "This account has a webhook {} already: change that one, or choose another identifier.",
                new.identifier
            )));
        }
        if all.len() >= MOST {
            let text = format!("An account has {MOST} webhooks at most: remove one first.");
            return Err(Problem::invalid(text));
        }
        let (latest, _) = events::state(tx, account)?;
        let webhook = Webhook {
            definition: new.clone(),
            secret: secret.clone(),
            former: None,
            delivery: Delivery { seq: latest, ..Delivery::default() },
            version: 1,
            created_at: stroke.now,
            updated_at: stroke.now,
        };
        store::put(tx, account, &webhook)?;
        store::count(tx, account)?;
        stroke.record(tx, Action::Create, &new, json!({"new": new.shown()}))?;
        Ok(Seen { webhook, latest, with_secret: true })
    })
    .await
}

/// Replaces a webhook's definition; then it is tried at once. `skip_to_latest`: it goes on behind the last
/// number given, whatever it has.
///
/// # Errors
/// `NotFound`; `Fields`; `Denied` for who may not read the events; `Stale`; `Conflict` where it is to be
/// enabled and events that it does not have are gone.
pub async fn replace(
    app: &App,
    grant: &Grant<SettingEdit>,
    new: Definition,
    skip_to_latest: bool,
    seen_version: IfMatch,
) -> Result<Seen> {
    may_read(grant.actor(), &new.kinds)?;
    new.check(app.poster.allow())?;
    let stroke = Stroke::new(app, grant);
    app.write_alone("webhooks.replace", grant.actor(), move |tx| {
        let account = stroke.account();
        let mut webhook = find(tx, account, &new.identifier)?;
        seen_version.check(webhook.tag())?;
        let stretch = events::stretch(tx, account, None, 0, &[])?;
        let (from, latest) = (webhook.delivery.seq, stretch.latest);
        if new.enabled && !skip_to_latest && from < stretch.oldest - 1 {
            return Err(Problem::new(problem::Kind::Conflict, lost(from + 1, stretch.oldest - 1)));
        }
        let old = webhook.definition.clone();
        if old != new || skip_to_latest {
            webhook.redefine(new.clone(), skip_to_latest.then_some(latest), stroke.now);
        }
        webhook.due_now(latest, stroke.now);
        webhook.forget_former(stroke.now);
        store::put(tx, account, &webhook)?;
        events::ring(tx)?;
        if old != new || skip_to_latest {
            let mut detail = json!({"old": old.shown(), "new": new.shown()});
            if skip_to_latest {
                detail["skipped"] = json!({"from": from, "to": latest});
            }
            stroke.record(tx, Action::Update, &new, detail)?;
        }
        Ok(Seen { webhook, latest, with_secret: false })
    })
    .await
}

/// Gives a webhook another secret, and shows it. The former one still signs for a day.
///
/// # Errors
/// `NotFound`; `Stale`.
pub async fn rotate(
    app: &App,
    grant: &Grant<SettingEdit>,
    identifier: &str,
    seen_version: IfMatch,
) -> Result<Seen> {
    let (stroke, fresh, identifier) = (Stroke::new(app, grant), sign::fresh(&app.rng), identifier.to_owned());
    app.write_alone("webhooks.rotate", grant.actor(), move |tx| {
        let account = stroke.account();
        let mut webhook = find(tx, account, &identifier)?;
        seen_version.check(webhook.tag())?;
        webhook.rotate(fresh.clone(), stroke.now);
        store::put(tx, account, &webhook)?;
        stroke.record(tx, Action::Update, &webhook.definition, json!({"secret": "rotated"}))?;
        let seen = seen(tx, account, webhook, stroke.now)?;
        Ok(Seen { with_secret: true, ..seen })
    })
    .await
}

/// Removes a webhook, with what it was not told of.
///
/// # Errors
/// `NotFound`; `Stale`.
pub async fn delete(
    app: &App,
    grant: &Grant<SettingEdit>,
    identifier: &str,
    seen_version: IfMatch,
) -> Result<()> {
    let (stroke, identifier) = (Stroke::new(app, grant), identifier.to_owned());
    app.write_alone("webhooks.delete", grant.actor(), move |tx| {
        let account = stroke.account();
        let webhook = find(tx, account, &identifier)?;
        seen_version.check(webhook.tag())?;
        store::delete(tx, account, &identifier)?;
        store::count(tx, account)?;
        stroke.record(tx, Action::Delete, &webhook.definition, json!({"old": webhook.definition.shown()}))
    })
    .await
}
