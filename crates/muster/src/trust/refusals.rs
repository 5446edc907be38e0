//! The last refusals of each trust, for administrators (contract §5). Noted in memory at the door, written
//! behind the requests, bounded on both sides: a flood of refusals costs no request and fills no disk. A note
//! that is lost with the process is no loss.

use std::collections::HashMap;

use db::Tx;
use jose::{Reason, Token};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::actions::{find, load_one};
use super::door::{Attempt, Refused, hex};
use super::store;
use crate::access::Grant;
use crate::access::permissions::SettingView;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::sparing::Sparing;
use crate::kernel::time::Timestamp;

/// Most trusts that one token is noted at.
const TRUSTS: usize = 4;
/// Most notes that wait to be written, over all accounts.
const WAITING: usize = 5_000;
/// Most that wait of one trust: more are not kept anyway.
const WAITING_OF_ONE: usize = 50;
/// Most refusals of one trust that are noted, logged and answered at once between two writes: as many as are
/// kept. The others are a flood.
const TOLD: u32 = 50;

/// Account and trust.
type Place = (AccountId, String);

/// What is kept of a refusal.
struct Note {
    at: Timestamp,
    /// What makes it the same as another.
    same: String,
    document: Value,
    count: u32,
}

/// The notes that wait. Shared by all requests.
#[derive(Default)]
pub struct Refusals {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    trusts: HashMap<Place, OfTrust>,
    count: usize,
}

/// What waits of one trust.
#[derive(Default)]
struct OfTrust {
    notes: Vec<Note>,
    /// Refusals since the last write.
    refused: u32,
}

impl Refusals {
    /// Notes a refused token at the trusts that refused it; `false` when it is one too many for all of them.
    /// The same again within one write is counted, so that a client that tries once a second does not push
    /// out everything else.
    pub(super) fn note(
        &self,
        attempt: &Attempt<'_>,
        token: Option<&Token<'_>>,
        refused: &[Refused],
        sha256: &[u8; 32],
    ) -> bool {
        let mut told = false;
        // Those with a hint are the ones that nearly fitted.
        let mut picked: Vec<_> = refused.iter().collect();
        picked
            .sort_by_key(|refused| (std::cmp::Reverse(refused.refusal.step), refused.refusal.hint.is_none()));
        for refused in picked.into_iter().take(TRUSTS) {
            let place = (attempt.account.clone(), refused.trust.identifier.clone());
            if !self.admits(&place) {
                continue;
            }
            told = true;
            let document = document(attempt, token, refused, sha256);
            let of = |name: &str| document[name].to_string();
            let same =
                ["reason", "code", "expected", "kid", "subject", "issuer", "address"].map(of).join(" ");
            self.add(place, Note { at: attempt.now, same, document, count: 1 });
        }
        told
    }

    /// Counts a refusal of the trust: is it one of those that are told?
    fn admits(&self, place: &Place) -> bool {
        let mut waiting = self.waiting.lock();
        if !waiting.trusts.contains_key(place) {
            waiting.trusts.insert(place.clone(), OfTrust::default());
        }
        let Some(of_trust) = waiting.trusts.get_mut(place) else { return true };
        of_trust.refused = of_trust.refused.saturating_add(1);
        of_trust.refused <= TOLD
    }

    fn add(&self, place: Place, note: Note) {
        let mut waiting = self.waiting.lock();
        let Waiting { trusts, count } = &mut *waiting;
        let notes = &mut trusts.entry(place).or_default().notes;
        if let Some(known) = notes.iter_mut().find(|known| known.same == note.same) {
            *known = Note { count: known.count.saturating_add(1), ..note };
            return;
        }
        let full = *count >= WAITING;
        if full && notes.is_empty() {
            return;
        }
        if full || notes.len() >= WAITING_OF_ONE {
            notes.remove(0);
        } else {
            *count += 1;
        }
        notes.push(note);
    }

    /// Notes again what could not be written: it is older than what came meanwhile, and gives way to that.
    fn put_back(&self, place: &Place, notes: Vec<Note>) {
        let mut waiting = self.waiting.lock();
        let Waiting { trusts, count } = &mut *waiting;
        let of_trust = trusts.entry(place.clone()).or_default();
        for note in notes.into_iter().rev() {
            if let Some(known) = of_trust.notes.iter_mut().find(|known| known.same == note.same) {
                known.count = known.count.saturating_add(note.count);
            } else if of_trust.notes.len() < WAITING_OF_ONE && *count < WAITING {
                of_trust.notes.insert(0, note);
                *count += 1;
            }
        }
    }

    /// Writes what waits, one transaction an account. For the periodic job.
    ///
    /// # Errors
    /// `Unavailable`; what is not written then waits for the next time.
    pub async fn flush(&self, app: &App) -> Result<()> {
        let taken = std::mem::take(&mut *self.waiting.lock()).trusts;
        self.write(app, taken).await
    }

    /// As `flush`, for somebody who reads those of one account: others' are none of his.
    async fn flush_of(&self, app: &App, account: &AccountId) -> Result<()> {
        let taken = self.take_of(account);
        self.write(app, taken).await
    }

    fn take_of(&self, account: &AccountId) -> HashMap<Place, OfTrust> {
        let mut waiting = self.waiting.lock();
        let taken: HashMap<_, _> = waiting.trusts.extract_if(|(of, _), _| of == account).collect();
        waiting.count -= taken.values().map(|of_trust| of_trust.notes.len()).sum::<usize>();
        taken
    }

    async fn write(&self, app: &App, taken: HashMap<Place, OfTrust>) -> Result<()> {
        let mut outcome = Ok(());
        for (account, trusts) in by_account(taken) {
            let done = match outcome {
                Ok(()) => store(app, &account, &trusts).await,
                // Each further call would wait for the database, too.
                away => away,
            };
            outcome = self.settle(&account, trusts, done);
        }
        outcome
    }

    /// After a try to write: what the database cannot take now waits for the next time. What it does not take
    /// of this account is dropped and told in the log: it would fail again, and is no matter of others.
    fn settle(&self, account: &AccountId, trusts: Vec<(String, Vec<Note>)>, done: Result<()>) -> Result<()> {
        match done {
            Err(problem) if problem.kind() == Kind::Unavailable => {
                for (trust, notes) in trusts {
                    self.put_back(&(account.clone(), trust), notes);
                }
                Err(problem)
            }
            Err(problem) => {
                tell_dropped(account, &problem);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

fn by_account(taken: HashMap<Place, OfTrust>) -> HashMap<AccountId, Vec<(String, Vec<Note>)>> {
    let mut accounts: HashMap<AccountId, Vec<(String, Vec<Note>)>> = HashMap::new();
    for ((account, trust), OfTrust { notes, refused }) in taken {
        if refused > TOLD {
            tracing::warn!(%account, trust, refused, "a flood of JWTs is refused: most are not logged");
        }
        if !notes.is_empty() {
            accounts.entry(account).or_default().push((trust, notes));
        }
    }
    accounts
}

fn tell_dropped(account: &AccountId, problem: &Problem) {
    static DROPPED: Sparing = Sparing::unspent();
    let cause = problem.cause().unwrap_or("");
    DROPPED.tell(|left_out| {
        tracing::warn!(%account, %problem, cause, left_out, "refusals of JWTs could not be written and are dropped");
    });
}

async fn store(app: &App, account: &AccountId, trusts: &[(String, Vec<Note>)]) -> Result<()> {
    let rows = |(trust, notes): &(String, Vec<Note>)| {
        (trust.clone(), notes.iter().map(|note| Row::of(note, &app.rng)).collect::<Vec<_>>())
    };
    let (rows, of): (Vec<_>, _) = (trusts.iter().map(rows).collect(), account.clone());
    app.db.write("trust.refusals", account.as_str(), move |tx| write(tx, &of, &rows)).await
}

/// A note on its way to the database.
struct Row {
    at: Timestamp,
    id: String,
    document: String,
}

impl Row {
    fn of(note: &Note, rng: &Rng) -> Self {
        let mut document = note.document.clone();
        document["count"] = note.count.into();
        Self { at: note.at, id: rng.ordered_uuid(note.at), document: document.to_string() }
    }
}

fn write(tx: &mut Tx<'_>, account: &AccountId, trusts: &[(String, Vec<Row>)]) -> Result<()> {
    for (trust, rows) in trusts {
        // A trust that was deleted meanwhile leaves nothing behind.
        if find(tx, account, trust)?.is_none() {
            continue;
        }
        for row in rows {
            store::keep_refusal(tx, account, trust, (row.at, &row.id), &row.document)?;
        }
        store::drop_old_refusals(tx, account, trust)?;
    }
    Ok(())
}

/// Never the signature, never the whole token: what the steps say of it, and its hash.
fn document(attempt: &Attempt<'_>, token: Option<&Token<'_>>, refused: &Refused, sha256: &[u8; 32]) -> Value {
    let refusal = &refused.refusal;
    let claims = token.and_then(Token::unverified_claims);
    let text = |name: &str| claims.and_then(|claims| claims.string(name)).map(|text| shortened(text, 200));
    json!({
        "at": attempt.now.millis(), "requestId": attempt.origin.request_id,
        "address": attempt.origin.client.map(|ip| ip.to_string()),
        "stepNumber": refusal.step.number(), "step": refusal.step, "reason": refusal.reason,
        "code": refused.code(), "expected": shortened(&refusal.expected, 500),
        "received": shortened(&refusal.received, 500),
        "hint": refusal.hint.as_deref().map(|hint| shortened(hint, 500)),
        "algorithm": token.map(|token| token.algorithm().name()),
        "kid": token.and_then(Token::kid), "issuer": text("iss"), "subject": text("sub"),
        "clockDifferenceSeconds": clock_difference(refusal.reason, token, attempt.now),
        "tokenSha256": hex(sha256)
    })
}

/// How far this server's clock is from where the token would hold, in seconds: positive when the clock here
/// is ahead of it.
fn clock_difference(reason: Reason, token: Option<&Token<'_>>, now: Timestamp) -> Option<i64> {
    let claim = match reason {
        Reason::TokenExpired => "exp",
        Reason::TokenNotYetValid => "nbf",
        Reason::IssuedInFuture => "iat",
        _ => return None,
    };
    let text = token?.unverified_claims()?.get(claim)?.number_text()?.to_owned();
    let at: i64 = text.split(['.', 'e', 'E']).next()?.parse().ok()?;
    Some(now.secs().saturating_sub(at))
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The last refusals of a trust, newest first, those of this process that wait included.
///
/// # Errors
/// `NotFound`.
pub async fn list(app: &App, grant: &Grant<SettingView>, identifier: String) -> Result<Vec<Value>> {
    let account = grant.scope().account.clone();
    app.trusts.refusals.flush_of(app, &account).await?;
    app.db
        .of(&account)
        .read("trust.list_refusals", move |tx| {
            load_one(tx, &account, &identifier)?;
            let read = |text: String| {
                serde_json::from_str(&text)
                    .map_err(|error| Problem::internal(format!("a stored refusal is damaged: {error}")))
            };
            store::refusals(tx, &account, &identifier)?.into_iter().map(read).collect()
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_waits_only_where_the_database_is_away() {
        let refusals = Refusals::default();
        let account = AccountId::new("acme");
        let add = |same: &str| {
            let (at, document) = (Timestamp::from_micros(0), Value::Null);
            let note = Note { at, same: same.into(), document, count: 1 };
            refusals.add((account.clone(), "main".into()), note);
        };
        let take = || by_account(refusals.take_of(&account)).remove(&account).unwrap_or_default();
        let counts = || {
            let waiting = refusals.waiting.lock();
            let notes: Vec<_> = waiting.trusts.values().flat_map(|of_trust| &of_trust.notes).collect();
            assert_eq!(waiting.count, notes.len());
            notes.iter().map(|note| (note.same.clone(), note.count)).collect::<Vec<_>>()
        };
        let away = || Err(Problem::new(Kind::Unavailable, "as the test wants it"));
        add("late");
        let taken = take();
        add("late");
        add("early");
        refusals.settle(&account, taken, away()).expect_err("the database is away");
        assert_eq!(counts(), [("late".to_owned(), 2), ("early".to_owned(), 1)]);
        let taken = take();
        refusals.settle(&account, taken, Err(Problem::internal("as the test wants it"))).expect("told");
        assert_eq!(counts(), []);
    }

    #[test]
    fn a_flood_is_seen_where_no_more_notes_fit() {
        let refusals = Refusals::default();
        let place = |n: usize| (AccountId::new("acme"), n.to_string());
        let note =
            || Note { at: Timestamp::from_micros(0), same: String::new(), document: Value::Null, count: 1 };
        for n in 0..WAITING {
            assert!(refusals.admits(&place(n)));
            refusals.add(place(n), note());
        }
        let mut told = 0;
        while refusals.admits(&place(WAITING)) && told <= TOLD {
            refusals.add(place(WAITING), note());
            told += 1;
        }
        assert_eq!(told, TOLD);
        let waiting = refusals.waiting.lock();
        assert_eq!(waiting.count, WAITING, "none of them has a place");
        assert_eq!(waiting.trusts.values().map(|of_trust| of_trust.notes.len()).sum::<usize>(), WAITING);
    }
}
