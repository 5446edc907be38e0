//! Rows on PostgreSQL that somebody else has locked: who needs them waits, and nobody else.
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use db::{Db, Error, ErrorKind, Options, Rehearsal, Tx};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::gate::Gate;
use super::postgres::{ids, insert, with_server, write};

fn take(tx: &mut Tx<'_>) -> Result<u64, Error> {
    tx.exec("UPDATE t SET n = n + 1 WHERE id = 'a'", &[])
}

/// Holds the row `a`, as another replica or an operator would.
struct Holder {
    end: Sender<()>,
    done: JoinHandle<Result<(), Error>>,
}

impl Holder {
    async fn hold(db: &Db) -> Self {
        db.write("seed", "a", |tx| insert(tx, "a")).await.unwrap();
        let ((tell, told), (end, ended)) = (channel(), channel());
        let ended = Mutex::new(ended);
        let done = write(db, "a", move |tx| {
            take(tx)?;
            tell.send(()).unwrap();
            let _ = ended.lock().recv_timeout(Duration::from_mins(1));
            Ok(())
        });
        tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        Self { end, done }
    }

    async fn end(self) {
        self.end.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }
}

fn one_lane(url: &str) -> Db {
    Db::open(Options { lanes: 1, ..Options::postgres(url) }).unwrap()
}

/// An account whose calls stand in front of this one's: a batch goes by the hash of the accounts.
fn before(account: &str) -> &'static str {
    let hash = |account: &str| {
        let mut hasher = DefaultHasher::new();
        account.hash(&mut hasher);
        hasher.finish()
    };
    let other = ["b", "c", "d", "e", "f", "g", "h"].into_iter().find(|other| hash(other) < hash(account));
    other.expect("one of them does")
}

/// A write of another account together with one that needs the row: how often the other one ran, and the one
/// that waits.
async fn together(one: &Db, id: String) -> (usize, JoinHandle<Result<u64, Error>>) {
    let gate = Gate::shut(one, "b").await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let other = write(one, before("a"), move |tx| {
        counter.fetch_add(1, Ordering::SeqCst);
        insert(tx, &id)
    });
    let needs = write(one, "a", take);
    gate.open().await;
    other.await.unwrap().unwrap();
    (runs.load(Ordering::SeqCst), needs)
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_need_it_are_a_conflict_and_the_others_are_done() {
    with_server(|_, url, db| async move {
        let holder = Holder::hold(&db).await;
        let one = one_lane(&url);
        let gate = Gate::shut(&one, "b").await;
        let needs = write(&one, "a", take);
        let others = [write(&one, "a", |tx| insert(tx, "c")), write(&one, "b", |tx| insert(tx, "b"))];
        gate.open().await;
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert!(!needs.is_finished(), "it is tried again, and nobody waits for that");
        let error = needs.await.unwrap().unwrap_err();
        assert!(error.is_retryable() && error.is_locked(), "{error}");
        let again = write(&one, "a", take);
        holder.end().await;
        assert_eq!(again.await.unwrap().unwrap(), 1, "once the row is free");
        assert_eq!(ids(&one).await, ["a", "b", "c"]);
        one.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_wait_for_it_once() {
    with_server(|_, url, db| async move {
        let holder = Holder::hold(&db).await;
        let one = one_lane(&url);
        let (mut runs, mut waiting) = (Vec::new(), Vec::new());
        for n in 0..5 {
            let (ran, needs) = together(&one, format!("b{n}")).await;
            runs.push(ran);
            waiting.push(needs);
        }
        assert_eq!(runs, [2, 1, 1, 1, 1], "only the first shared a transaction with who met the lock");
        assert!(one.waiting().1 >= 4, "who waits for a lock is counted, but for the one that is tried");
        holder.end().await;
        for needs in waiting {
            assert_eq!(needs.await.unwrap().unwrap(), 1);
        }
        one.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_of_the_account_go_on_together_once_it_is_known_who_needs_it() {
    with_server(|_, url, db| async move {
        let holder = Holder::hold(&db).await;
        let one = one_lane(&url);
        let (_, needs) = together(&one, "b".into()).await;
        let mut waiting = vec![needs];
        for n in 0..4 {
            let gate = Gate::shut(&one, "a").await;
            let before = one.commits();
            let mut others = vec![write(&one, "a", move |tx| insert(tx, &format!("first-{n}")))];
            let meets = n == 1;
            if meets {
                waiting.push(write(&one, "a", take));
            }
            others.extend((0..3).map(|m| write(&one, "a", move |tx| insert(tx, &format!("last-{n}-{m}")))));
            gate.open().await;
            for other in others {
                other.await.unwrap().unwrap();
            }
            // With the gate's own one.
            assert_eq!(one.commits() - before, if meets { 5 } else { 2 }, "{n}");
        }
        assert!(waiting.iter().all(|needs| !needs.is_finished()), "nobody waited for those who do");
        holder.end().await;
        for needs in waiting {
            needs.await.unwrap().unwrap();
        }
        one.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_does_not_try_it_again() {
    with_server(|_, url, db| async move {
        let holder = Holder::hold(&db).await;
        let one = one_lane(&url);
        let (stage, runs) = (Rehearsal::new(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&runs);
        let rehearsed = one.write_in(&stage, "rehearse", "a", move |tx| {
            counter.fetch_add(1, Ordering::SeqCst);
            take(tx)
        });
        assert!(rehearsed.await.unwrap_err().is_locked());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(together(&one, "b".into()).await.0, 1, "the lane knows of the lock from then on");
        holder.end().await;
        one.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_it_hears_of_it_when_the_database_is_closed() {
    with_server(|_, url, db| async move {
        let holder = Holder::hold(&db).await;
        let one = one_lane(&url);
        let (_, needs) = together(&one, "b".into()).await;
        one.close().await;
        let error = needs.await.unwrap().unwrap_err();
        assert!(error.kind() == ErrorKind::Retry && error.is_locked(), "{error}");
        holder.end().await;
    })
    .await;
}
