//! A new secret in the place of another one, which goes on for a while.

use serde_json::json;

use super::keys::load as load_key;
use super::tokens::{document, insert, limit, load, record};
use super::{OwnerGrant, policy};
use crate::access::Actor;
use crate::accounts;
use crate::app::App;
use crate::audit::Action;
use crate::kernel::ids::TokenId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;
use crate::tokens::model::rotated_identifier;
use crate::tokens::secret;
use crate::tokens::store::{self, Token, TokenRow};

/// Gives a token a new secret with the same name, the same surfaces and, as far as the account allows it
/// today, the same end. The old secret keeps working until `old_until`, never past the token's end; a time
/// that is not ahead ends it at once. With the text goes the tag of the new record.
///
/// # Errors
/// `NotFound` for an unknown token, `Invalid` for an expired or rotated one and for too many rotated ones.
pub async fn rotate(
    app: &App,
    grant: &OwnerGrant,
    api_key: String,
    identifier: String,
    old_until: Timestamp,
) -> Result<(Secret, Tag)> {
    let now = app.clock.now();
    let id = TokenId::new(app.rng.uuid());
    let (audit_id, retired) = (app.rng.uuid(), rotated_identifier(&app.rng));
    let OwnerGrant { actor: Actor { caller, .. }, owner } = grant.clone();
    let (text, sha256) = secret::mint(&app.rng, owner.kind, &owner.scope.account, &id);
    let made = app.write_alone("tokens.rotate", &grant.actor, move |tx| {
        accounts::store::bump_version(tx, &owner.scope.account)?;
        let key = load_key(tx, &owner, &api_key)?;
        let old = load(tx, &key, &identifier)?;
        rotatable(&old, now)?;
        // A token that is not valid yet is not made so by its holder's wish for another secret.
        let valid_from = now.max(old.valid_from);
        let valid_to = policy(tx, &owner.scope)?.end_after_rotation(old.valid_to, now);
        if valid_to.is_some_and(|end| end <= valid_from) {
            return Err(Problem::invalid(
                "The new secret would end before the token begins, as long as tokens may live in this account: \
                 create a new token",
            ));
        }
        let until = old.valid_to.map_or(old_until, |end| end.min(old_until));
        store::retire_token(tx, &old, &retired, until, now)?;
        // One that ends at once need not wait for the purge.
        store::purge_expired_of_key(tx, &key, now)?;
        let row = TokenRow {
            id: id.clone(),
            api_key: key.row.identifier.clone(),
            identifier: old.identifier.clone(),
            name: old.name.clone(),
            description: old.description.clone(),
            tags: old.tags.clone(),
            sha256,
            valid_from,
            valid_to,
            surfaces: old.surfaces.clone(),
        };
        let made = insert(tx, &key, &row, now)?;
        limit(tx, &key, true)?;
        let rotated = json!({"identifier": retired, "tokenId": old.id.as_str(), "endsAt": until.millis()});
        let detail = json!({"new": document(&made), "rotated": rotated});
        record(tx, &caller, now, &audit_id, Action::CreateToken, &made, detail)?;
        Ok::<_, Problem>(made.tag())
    });
    Ok((text, made.await?))
}

fn rotatable(token: &Token, now: Timestamp) -> Result<()> {
    if token.scheduled_expire_at.is_some() {
        return Err(Problem::invalid(
            "This token was rotated already: rotate the token that took its identifier",
        ));
    }
    if token.valid_to.is_some_and(|end| end <= now) {
        return Err(Problem::invalid(
            "This token has expired, and a rotated one keeps its end: create a new token instead",
        ));
    }
    Ok(())
}
