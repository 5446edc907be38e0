//! Accounts that read at the same time, and one that asks for much more than there are threads.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use db::testing::databases;
use db::{Db, Error, ErrorKind, Options, Tx};
use parking_lot::{Condvar, Mutex};
use tokio::task::JoinHandle;

use super::gate::{queue, until};

/// Reads that stay on their threads until they are let go.
#[derive(Clone, Default)]
struct Stuck {
    gone: Arc<(Mutex<bool>, Condvar)>,
    begun: Arc<AtomicUsize>,
}

impl Stuck {
    fn read(&self, db: &Db, account: &str) -> JoinHandle<Result<(), Error>> {
        let (stuck, db, account) = (self.clone(), db.clone(), account.to_owned());
        let stay = move |tx: &mut Tx<'_>| {
            tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0))?;
            stuck.begun.fetch_add(1, SeqCst);
            let (gone, told) = &*stuck.gone;
            told.wait_while(&mut gone.lock(), |gone| !*gone);
            Ok(())
        };
        queue(async move { db.of(&account).read("stuck", stay).await })
    }

    fn let_go(&self) {
        let (gone, told) = &*self.gone;
        *gone.lock() = true;
        told.notify_all();
    }
}

fn one(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.query_one("SELECT 1", &[], |row| row.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_cannot_take_all_threads_from_the_others() {
    for options in databases() {
        let db = Db::open(Options { readers: 4, ..options }).unwrap();
        let stuck = Stuck::default();
        let many: Vec<_> = (0..40).map(|_| stuck.read(&db, "many")).collect();
        until("it has its share", async || stuck.begun.load(SeqCst) == 3).await;
        for account in ["few", "other", "few"] {
            assert_eq!(db.of(account).read("one", one).await.unwrap(), 1);
        }
        db.ping().await.unwrap();
        assert_eq!(stuck.begun.load(SeqCst), 3);
        stuck.let_go();
        for call in many {
            call.await.unwrap().unwrap();
        }
        db.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_many_reads_wait_the_account_with_most_of_them_hears_it() {
    let dir = std::env::temp_dir().join(format!("muster-turns-{:032x}", rand::random::<u128>()));
    let db = Db::open(Options { readers: 1, queue: 4, ..Options::sqlite(dir.join("t.db")) }).unwrap();
    let stuck = Stuck::default();
    let mut many = vec![stuck.read(&db, "many")];
    until("the thread is taken", async || stuck.begun.load(SeqCst) == 1).await;
    many.extend((0..4).map(|_| stuck.read(&db, "many")));
    let too_many = stuck.read(&db, "many").await.unwrap().unwrap_err();
    assert_eq!(too_many.kind(), ErrorKind::Unavailable);
    let reading = db.clone();
    let few = queue(async move { reading.of("few").read("one", one).await });
    let last = many.pop().unwrap().await.unwrap().unwrap_err();
    assert_eq!(last.to_string(), too_many.to_string());
    stuck.let_go();
    assert_eq!(few.await.unwrap().unwrap(), 1);
    for call in many {
        call.await.unwrap().unwrap();
    }
    db.close().await;
    std::fs::remove_dir_all(&dir).unwrap();
}
