//! Opening: what runs on which thread. It never touches data.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use crate::gather::{self, Gathering, Seat};
use crate::lanes::{self, Post, Writer};
use crate::postgres::{self, Owner, PgSession, Settings};
use crate::queue::Queue;
use crate::reading::{self, Desk};
use crate::sqlite::{self, Readers, SqliteWriter};
use crate::stats::Stats;
use crate::tally::Tally;
use crate::turns::Turns;
use crate::{Db, Engine, Error, Inner, Lane, Options, Target};

pub(crate) fn open(options: Options) -> Result<Db, Error> {
    let most = options.queue.max(1);
    let readers = options.readers.max(1);
    let (alive, threads) = mpsc::channel(1);
    let (engine, lanes, points) = match &options.target {
        Target::Sqlite { path } => {
            (Engine::Sqlite, 1, Some(Arc::new(Readers::new(path.clone(), readers + 4))))
        }
        Target::Postgres { .. } => (Engine::Postgres, options.lanes.max(1), None),
    };
    let lanes: Vec<Lane> = (0..lanes).map(|_| Arc::new(Queue::new(most))).collect();
    let aside = match engine {
        Engine::Sqlite => Arc::clone(&lanes[0]),
        Engine::Postgres => Arc::new(Queue::new(most)),
    };
    let reads = Arc::new(Turns::new(most, readers));
    let gathering = match engine {
        Engine::Postgres if options.one_by_one => {
            Gathering::one_by_one(Arc::clone(&reads), lanes.clone(), readers)
        }
        _ => Gathering::all_at_once(Arc::clone(&reads), lanes.clone(), readers),
    };
    // Dropping this ends the threads already started, so an error on the way leaves none behind.
    let db = Db {
        inner: Arc::new(Inner {
            engine,
            target: options.target.clone(),
            points,
            reads,
            lanes,
            gathering: Arc::new(gathering),
            aside,
            stats: Stats::default(),
            tally: Arc::new(Tally::default()),
            threads: Mutex::new(threads),
        }),
    };
    match &options.target {
        Target::Sqlite { path } => start_sqlite(&db.inner, path, &options, &alive)?,
        Target::Postgres { url } => start_postgres(&db.inner, url, &options, &alive)?,
    }
    Ok(db)
}

fn start_sqlite(
    inner: &Inner,
    path: &Path,
    options: &Options,
    alive: &mpsc::Sender<()>,
) -> Result<(), Error> {
    let conn = sqlite::open_writer(path, options.synced)?;
    if let Some(readers) = &inner.points {
        readers.opened(!options.synced);
    }
    let mut writer = SqliteWriter::new(conn).beside(inner.points.clone());
    if options.synced {
        writer = writer.with_checkpoints(path)?;
    }
    let post = post(inner, Seat::Lane(0));
    start("db-write", alive, move || lanes::serve(writer, &post))?;
    for reader in 0..options.readers.max(1) {
        let Some(points) = inner.points.clone() else { break };
        let desk = desk(inner, Seat::Reader(reader));
        start("db-read", alive, move || reading::serve(points, &desk))?;
    }
    Ok(())
}

fn post(inner: &Inner, seat: Seat) -> Post {
    let queue = match seat {
        Seat::Lane(lane) => &inner.lanes[lane],
        Seat::Aside | Seat::Reader(_) => &inner.aside,
    };
    let (queue, tally) = (Arc::clone(queue), Arc::clone(&inner.tally));
    Post { seat, queue, tally, gathering: Arc::clone(&inner.gathering) }
}

fn desk(inner: &Inner, seat: Seat) -> Desk {
    Desk { seat, queue: Arc::clone(&inner.reads), gathering: Arc::clone(&inner.gathering) }
}

fn start_postgres(
    inner: &Inner,
    url: &str,
    options: &Options,
    alive: &mpsc::Sender<()>,
) -> Result<(), Error> {
    let settings = Arc::new(Settings::parse(url)?);
    aside(|| postgres::check(&settings))?;
    for seat in [Seat::Lane(0), Seat::Aside, Seat::Reader(0)] {
        start_session(inner, &settings, seat, None, alive)?;
    }
    let order = gather::order(inner.lanes.len(), options.readers.max(1));
    for (turn, seat) in order.into_iter().enumerate() {
        let turn = options.one_by_one.then_some(gather::FIRST + turn);
        start_session(inner, &settings, seat, turn, alive)?;
    }
    Ok(())
}

/// `turn`: in the order of connecting.
fn start_session(
    inner: &Inner,
    settings: &Arc<Settings>,
    seat: Seat,
    turn: Option<usize>,
    alive: &mpsc::Sender<()>,
) -> Result<(), Error> {
    let (settings, runtime) = (Arc::clone(settings), PgSession::runtime()?);
    let (gathering, tally) = (Arc::clone(&inner.gathering), Arc::clone(&inner.tally));
    let owner = Owner { seat, gathering: Arc::clone(&gathering), tally };
    let (name, work): (_, Box<dyn FnOnce(PgSession) + Send>) = if let Seat::Reader(_) = seat {
        let desk = desk(inner, seat);
        ("db-read", Box::new(move |session| reading::serve(session, &desk)))
    } else {
        let post = post(inner, seat);
        ("db-write", Box::new(move |session| lanes::serve(session, &post)))
    };
    start(name, alive, move || {
        let mut session = PgSession::new(settings, runtime).owned_by(owner);
        if turn.is_none_or(|turn| gathering.enter(turn, seat, || Writer::ready(&mut session))) {
            work(session);
        }
    })
}

fn start(name: &str, alive: &mpsc::Sender<()>, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let alive = alive.clone();
    let work = move || {
        work();
        drop(alive);
    };
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(|_| ()).map_err(|error| Error::other(format!("a database thread does not start: {error}")))
}

/// Runs `work` on a thread of its own: a PostgreSQL session waits in a runtime, which cannot be entered from
/// inside the caller's.
fn aside<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|_| Err(Error::panicked("set up")))
}

/// Waits for a call, wherever that is called from.
pub(crate) fn waited<T: Send>(call: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
    aside(|| PgSession::runtime()?.block_on(call))
}

/// A PostgreSQL session for one piece of administrative work.
pub(crate) fn on_session<T: Send>(
    url: &str,
    work: impl FnOnce(&mut PgSession) -> Result<T, Error> + Send,
) -> Result<T, Error> {
    aside(|| {
        let settings = Arc::new(Settings::parse(url)?.unhurried());
        let mut session = PgSession::new(settings, PgSession::runtime()?);
        let result = work(&mut session);
        Writer::finish(&mut session);
        result
    })
}
