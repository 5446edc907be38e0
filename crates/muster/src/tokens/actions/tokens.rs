//! What can be done with tokens.

use std::cmp::Ordering;

use db::Tx;
use serde_json::{Value, json};

use super::keys::{insert as insert_key, load as load_key};
use super::{ListGrant, OwnerGrant, find_owner, load_owner, policy};
use crate::access::Actor;
use crate::accounts;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::listing::{Listed, Orders, SearchTerm, words};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Kind as ProblemKind, Problem, Result};
use crate::kernel::secret::Secret;
use crate::kernel::surface::{Surface, names};
use crate::kernel::text::{FieldCheck, Tags, fold};
use crate::kernel::time::Timestamp;
use crate::kernel::version::{IfMatch, Tag};
use crate::tokens::model::{DEFAULT_TTL_MS, Policy, TOKEN_LIMIT, Wish};
use crate::tokens::secret::{self, Own};
use crate::tokens::store::{self, Key, KeyRow, Listing, Owner, Token, TokenRow};
use crate::tokens::verify::{Refusal, verify};

/// Fields by which lists sort.
pub const SORT_FIELDS: &[&str] = &["name", "identifier", "validTo", "createdAt", "lastModifiedAt"];

/// What a client wishes of a token.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// The key it belongs to; made on the way when it does not exist.
    pub api_key: String,
    /// Unique among the key's tokens, case aside; never changes.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// From when to when.
    pub times: Wish,
    /// Where it may be presented, as sent; without it a new one may be anywhere.
    pub surfaces: Option<Vec<String>>,
}

impl TokenWish {
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
        check.identifier("apiKeyIdentifier", &self.api_key);
        check.description("description", self.description.as_deref());
        check.tags("tags", &self.tags);
        check.read("surfaces", self.surfaces());
    }

    /// The surfaces that are named; `None`: none are.
    fn surfaces(&self) -> std::result::Result<Option<Vec<Surface>>, String> {
        self.surfaces.as_deref().map(Surface::named).transpose()
    }
}

/// A token, with its owner where that was asked for.
#[derive(Clone, Debug)]
pub struct TokenCard {
    /// The token.
    pub token: Token,
    /// E-mail address of its owner: told by `validate` alone, since clients compare what lists and updates
    /// answer with what they sent.
    pub email: Option<String>,
    /// Name of its owner; told as the address.
    pub username: Option<String>,
    /// Does it hold now?
    pub valid: bool,
}

/// Makes a token and, if need be, its key. The answer is the only time its text is seen; with it goes the
/// tag of its record.
///
/// # Errors
/// `NoSuchResource` without its owner, `Duplicate` when the identifier is taken, `Invalid` over the limit of
/// tokens or for times that do not hold.
pub async fn create(app: &App, grant: &OwnerGrant, wish: TokenWish) -> Result<(Secret, Tag)> {
    let now = app.clock.now();
    let id = TokenId::new(app.rng.uuid());
    let audit_ids = [app.rng.uuid(), app.rng.uuid()];
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    let (text, sha256) = secret::mint(&app.rng, owner.kind, &owner.scope.account, &id);
    let surfaces = wish.surfaces().map_err(Problem::invalid)?.unwrap_or(Surface::ALL.to_vec());
    let made = app.write_alone("tokens.create", &grant.actor, move |tx| {
        load_owner(tx, &owner)?;
        let policy = policy(tx, &owner.scope)?;
        // Takes the account's row first, so that two replicas cannot both count up to the limit.
        accounts::store::bump_version(tx, &owner.scope.account)?;
        let key = match store::find_key(tx, &owner, &wish.api_key)? {
            Some(key) => key,
            None => insert_key(tx, &caller, &owner, &auto_key(&wish.api_key, policy), now, &audit_ids[0])?,
        };
        let span = policy.span(wish.times, key.row.default_ttl_ms, now)?;
        store::purge_expired_of_key(tx, &key, now)?;
        let row = TokenRow {
            id: id.clone(),
            api_key: key.row.identifier.clone(),
            identifier: wish.identifier.clone(),
            name: wish.name.clone(),
            description: wish.description.clone(),
            tags: wish.tags.clone(),
            sha256,
            valid_from: span.from,
            valid_to: span.to,
            surfaces: surfaces.clone(),
        };
        let made = insert(tx, &key, &row, now)?;
        limit(tx, &key, false)?;
        let detail = json!({"new": document(&made)});
        record(tx, &caller, now, &audit_ids[1], Action::CreateToken, &made, detail)?;
        Ok::<_, Problem>(made.tag())
    });
    Ok((text, made.await?))
}

/// The key that a token makes for itself (platform API §5). Identifiers may have a `$` and be as long as a
/// name, so its name is theirs as far as a name can be: a PUT of the key repeats it.
fn auto_key(identifier: &str, policy: Policy) -> KeyRow {
    let mut name: String = identifier.chars().map(|c| if c == '$' { '_' } else { c }).collect();
    name.truncate(128 - "_auto".len());
    KeyRow {
        identifier: identifier.to_owned(),
        name: name + "_auto",
        description: None,
        tags: Tags::new(),
        default_ttl_ms: DEFAULT_TTL_MS.min(policy.max_ms()),
    }
}

pub(super) fn insert(tx: &mut Tx<'_>, key: &Key, row: &TokenRow, now: Timestamp) -> Result<Token> {
    if !store::insert_token(tx, &key.owner, row, now)? {
        return Err(Problem::duplicate(format!(
            "Try using different token name, [{}] already exists (upper and lower case count as the same)",
            row.identifier
        )));
    }
    load(tx, key, &row.identifier)
}

pub(super) fn limit(tx: &mut Tx<'_>, key: &Key, rotated: bool) -> Result<()> {
    if store::count_tokens(tx, key, rotated)? <= TOKEN_LIMIT {
        return Ok(());
    }
    let what = if rotated { "rotated tokens that still hold" } else { "tokens" };
    Err(Problem::invalid(format!(
        "Maximum limit has reached: {TOKEN_LIMIT} {what} for each API key, delete one first or use another key"
    )))
}

/// Changes name, description, tags and times; times that are not given stay. Surfaces always stay: a secret
/// that somebody was given for one of them is never one for another.
///
/// # Errors
/// `NotFound` for an unknown token, `Stale`, `Invalid` for an expired or rotated one, for times that do not
/// hold and for other surfaces.
pub async fn update(app: &App, grant: &OwnerGrant, wish: TokenWish, seen: IfMatch) -> Result<TokenCard> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    let surfaces = wish.surfaces().map_err(Problem::invalid)?;
    app.write_alone("tokens.update", &grant.actor, move |tx| {
        let key = load_key(tx, &owner, &wish.api_key)?;
        let before = load(tx, &key, &wish.identifier)?;
        seen.check(before.tag())?;
        if before.scheduled_expire_at.is_some() {
            return Err(Problem::invalid(
                "Rotated tokens cannot be updated: update the token that took its identifier",
            ));
        }
        if before.valid_to.is_some_and(|end| end <= now) {
            return Err(Problem::invalid(
                "This token has expired and stays so: create a new one, whose secret nobody has had meanwhile",
            ));
        }
        same_surfaces(&before, surfaces.as_deref())?;
        let (valid_from, valid_to) = times(policy(tx, &owner.scope)?, &wish, &before, now)?;
        let after = Token {
            name: wish.name.clone(),
            description: wish.description.clone(),
            tags: wish.tags.clone(),
            valid_from,
            valid_to,
            updated_at: now,
            version: before.version + 1,
            ..before.clone()
        };
        let (old, new) = (document(&before), document(&after));
        if old == new {
            return Ok(card(before, now));
        }
        store::update_token(tx, &after, now)?;
        let detail = json!({"old": old, "new": new});
        record(tx, &caller, now, &audit_id, Action::Update, &after, detail)?;
        accounts::store::bump_version(tx, &owner.scope.account)?;
        Ok(card(after, now))
    })
    .await
}

fn same_surfaces(token: &Token, wished: Option<&[Surface]>) -> Result<()> {
    if wished.is_none_or(|wished| wished == token.surfaces) {
        return Ok(());
    }
    let surfaces = names(&token.surfaces).join(", ");
    Err(Problem::invalid(format!(
        "surfaces of a token cannot change, and those of this one are {surfaces}: leave them out, or make another \
         token"
    )))
}

/// The times after an update. Unchanged ones are not measured again: a policy that became stricter later must
/// not keep anybody from renaming a token.
fn times(
    policy: Policy,
    wish: &TokenWish,
    before: &Token,
    now: Timestamp,
) -> Result<(Timestamp, Option<Timestamp>)> {
    let Wish { from, to, never } = wish.times;
    wish.times.check()?;
    let from = from.unwrap_or(before.valid_from);
    let to = if never == Some(true) { None } else { to.or(before.valid_to) };
    if never == Some(false) && to.is_none() {
        return Err(Problem::invalid(
            "neverExpires is false, but the token has no end so far: send validTo, or leave neverExpires out",
        ));
    }
    let millis = |from: Timestamp, to: Option<Timestamp>| (from.millis(), to.map(Timestamp::millis));
    if millis(from, to) == millis(before.valid_from, before.valid_to) {
        return Ok((before.valid_from, before.valid_to));
    }
    let span = policy.span(Wish { from: Some(from), to, never: Some(to.is_none()) }, 0, now)?;
    Ok((span.from, span.to))
}

/// Revokes a token: the next request with it is refused, on every replica.
///
/// # Errors
/// `NotFound` for an unknown token, `Stale`.
pub async fn revoke(
    app: &App,
    grant: &OwnerGrant,
    api_key: String,
    identifier: String,
    seen: IfMatch,
) -> Result<()> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    app.write_alone("tokens.revoke", &grant.actor, move |tx| {
        let key = load_key(tx, &owner, &api_key)?;
        let token = load(tx, &key, &identifier)?;
        seen.check(token.tag())?;
        store::delete_token(tx, &owner.scope.account, &token.id)?;
        let detail = json!({"old": document(&token)});
        record(tx, &caller, now, &audit_id, Action::RevokeToken, &token, detail)?;
        accounts::store::bump_version(tx, &owner.scope.account)
    })
    .await
}

/// What a list of tokens shows.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Of this key only; needs one owner.
    pub api_key: Option<String>,
    /// Only these; empty for all.
    pub identifiers: Vec<String>,
    /// Only those with this in name, identifier or a tag.
    pub search: SearchTerm,
    /// Only those that hold now.
    pub active_only: bool,
    /// In which order.
    pub orders: Orders,
}

/// One page of tokens.
///
/// # Errors
/// `Invalid` for a key without its owner, `InvalidArgument` for a scope that does not exist.
pub async fn list(
    app: &App,
    grant: &ListGrant,
    filter: Filter,
    page: PageRequest,
) -> Result<Page<TokenCard>> {
    let now = app.clock.now();
    let (scope, kind, parent) = (grant.scope.clone(), grant.kind, grant.parent.clone());
    if filter.api_key.is_some() && parent.is_none() {
        return Err(Problem::invalid(
            "Need to pass parentIdentifier along with apikeyIdentifier to list the tokens.",
        ));
    }
    let identifiers: Vec<_> = filter.identifiers.iter().map(|i| fold(i).into_owned()).collect();
    app.db
        .of(&scope.account)
        .read("tokens.list", move |tx| {
            accounts::actions::check_scope(tx, &scope)?;
            let mut listing = Listing {
                scope: scope.clone(),
                kind,
                parent: parent.clone(),
                api_key: None,
                active_at: filter.active_only.then_some(now),
            };
            if let (Some(id), Some(name)) = (&parent, &filter.api_key) {
                let owner = Owner { scope: scope.clone(), kind, id: id.clone() };
                // A key that is not there has no tokens.
                let key = store::find_key(tx, &owner, name)?;
                listing.api_key = Some(key.map_or_else(|| name.clone(), |key| key.row.identifier));
            }
            let mut found = store::list_tokens(tx, &listing, |token| {
                let folded = fold(&token.identifier);
                let named = identifiers.is_empty() || identifiers.iter().any(|i| *i == folded);
                named && filter.search.finds(token)
            })?;
            filter.orders.arrange(&mut found);
            Ok(Page::cut(page, found).map(|token| card(token, now)))
        })
        .await
}

impl Listed for Token {
    fn identifier(&self) -> &str {
        &self.identifier
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn texts(&self) -> impl Iterator<Item = &str> {
        words(&self.tags)
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.created_at, self.updated_at))
    }
    fn by_own(&self, other: &Self, field: &str) -> Option<Ordering> {
        (field == "validTo").then(|| self.ends().cmp(&other.ends()))
    }
}

/// Looks at a token text as the door would and says what it belongs to.
///
/// # Errors
/// `Invalid` for an access token, which has no record; `Unauthenticated` with a reason (`token_malformed`,
/// `token_expired`, `token_not_yet_valid`, `token_untrusted`) when it does not hold in this account.
pub async fn validate(app: &App, account: &AccountId, text: &str) -> Result<TokenCard> {
    let now = app.clock.now();
    if secret::is_own(text) == Some(Own::Oat) {
        return Err(Problem::invalid(ISSUED));
    }
    let presented = secret::read(text).ok_or_else(|| {
        let why = "it is not a whole token of this server, check that the text was copied to its end";
        invalid_token(why, "token_malformed")
    })?;
    if presented.account != *account {
        return Err(untrusted());
    }
    app.db
        .of(account)
        .point("tokens.validate", move |tx| {
            match verify(tx, &presented, now)? {
                Ok(_) => {}
                Err(Refusal::Expired) => {
                    return Err(invalid_token("it has expired, make a new one", "token_expired"));
                }
                Err(Refusal::NotYet) => {
                    let why = "its validFrom lies ahead, wait for it";
                    return Err(invalid_token(why, "token_not_yet_valid"));
                }
                Err(Refusal::Unknown | Refusal::OwnerGone) => return Err(untrusted()),
            }
            let found = store::find_token_by_id(tx, &presented.account, &presented.id)?;
            let token = found.ok_or_else(untrusted)?;
            let (email, username) = find_owner(tx, &token.owner)?.unzip();
            Ok(TokenCard { email, username, ..card(token, now) })
        })
        .await
}

const ISSUED: &str = "This is an access token of the token endpoint, and only personal access tokens and service account tokens are validated here: \
    GET /ng/api/whoami with it says what it is, POST /ng/api/jwt-trusts/explain why it holds or does not.";

fn untrusted() -> Problem {
    invalid_token("it is unknown here, revoked, or its owner may no longer act", "token_untrusted")
}

fn invalid_token(why: &str, code: &'static str) -> Problem {
    Problem::new(ProblemKind::Unauthenticated, format!("Token is not valid: {why}.")).code(code)
}

pub(super) fn load(tx: &mut Tx<'_>, key: &Key, identifier: &str) -> Result<Token> {
    store::find_token(tx, key, identifier)?.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no token {identifier} of API key {}: check identifier, apiKeyIdentifier and parentIdentifier",
            key.row.identifier
        ))
    })
}

fn card(token: Token, now: Timestamp) -> TokenCard {
    TokenCard { valid: token.holds(now), email: None, username: None, token }
}

pub(super) fn document(token: &Token) -> Value {
    json!({
        "identifier": token.identifier, "name": token.name, "description": token.description, "tags": token.tags,
        "tokenId": token.id.as_str(), "apiKeyType": token.owner.kind.as_str(),
        "parentIdentifier": token.owner.id, "apiKeyIdentifier": token.api_key,
        "validFrom": token.valid_from.millis(), "validTo": token.valid_to.map(Timestamp::millis),
        "surfaces": names(&token.surfaces)
    })
}

pub(super) fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    audit_id: &str,
    action: Action,
    token: &Token,
    detail: Value,
) -> Result<()> {
    let named = (token.identifier.as_str(), token.name.as_str());
    let entry = Entry::about(action, "TOKEN", named, &token.owner.scope, detail);
    audit::record(tx, caller, now, audit_id, &entry)
}
