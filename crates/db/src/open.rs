//! Opening: what runs on which thread. It never touches data.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use crate::gather::{self, Gathering, Later};
use crate::lanes::{self, Writer};
use crate::postgres::{self, PgSession, Settings};
use crate::queue::Queue;
use crate::sqlite::{self, Readers, SqliteWriter};
use crate::stats::Stats;
use crate::tally::Tally;
use crate::{Db, Engine, Error, Inner, Lane, Options, Target, reading};

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
    let gathering = match engine {
        Engine::Postgres if options.one_by_one => Gathering::one_by_one(lanes.len() + 1 + readers),
        _ => Gathering::all_at_once(lanes.len()),
    };
    // Dropping this ends the threads already started, so an error on the way leaves none behind.
    let db = Db {
        inner: Arc::new(Inner {
            engine,
            target: options.target.clone(),
            points,
            reads: Arc::new(Queue::new(most)),
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
    let (jobs, tally) = (Arc::clone(&inner.lanes[0]), Arc::clone(&inner.tally));
    start("db-write", alive, move || lanes::serve(writer, &jobs, &tally))?;
    for points in std::iter::repeat_n(inner.points.as_ref(), options.readers.max(1)).flatten() {
        let (points, jobs) = (Arc::clone(points), Arc::clone(&inner.reads));
        start("db-read", alive, move || reading::serve(points, &jobs))?;
    }
    Ok(())
}

fn start_postgres(
    inner: &Inner,
    url: &str,
    options: &Options,
    alive: &mpsc::Sender<()>,
) -> Result<(), Error> {
    let settings = Arc::new(Settings::parse(url)?);
    aside(|| postgres::check(&settings))?;
    start_lane(inner, &inner.lanes[0], &settings, None, alive)?;
    start_lane(inner, &inner.aside, &settings, None, alive)?;
    start_reader(inner, &settings, None, alive)?;
    for (place, later) in gather::order(inner.lanes.len(), options.readers).into_iter().enumerate() {
        let place = options.one_by_one.then_some(gather::FIRST + place);
        match later {
            Later::Lane(lane) => {
                let turn = place.map(|place| (place, Some(lane)));
                start_lane(inner, &inner.lanes[lane], &settings, turn, alive)?;
            }
            Later::Reader => start_reader(inner, &settings, place.map(|place| (place, None)), alive)?,
        }
    }
    Ok(())
}

/// A place in the order of connecting, and its lane.
type Turn = Option<(usize, Option<usize>)>;

fn start_lane(
    inner: &Inner,
    lane: &Lane,
    settings: &Arc<Settings>,
    turn: Turn,
    alive: &mpsc::Sender<()>,
) -> Result<(), Error> {
    let (jobs, tally) = (Arc::clone(lane), Arc::clone(&inner.tally));
    start_session(inner, "db-write", settings, turn, alive, move |session| {
        lanes::serve(session, &jobs, &tally);
    })
}

fn start_reader(
    inner: &Inner,
    settings: &Arc<Settings>,
    turn: Turn,
    alive: &mpsc::Sender<()>,
) -> Result<(), Error> {
    let jobs = Arc::clone(&inner.reads);
    start_session(inner, "db-read", settings, turn, alive, move |session| reading::serve(session, &jobs))
}

fn start_session(
    inner: &Inner,
    name: &str,
    settings: &Arc<Settings>,
    turn: Turn,
    alive: &mpsc::Sender<()>,
    work: impl FnOnce(PgSession) + Send + 'static,
) -> Result<(), Error> {
    let (settings, runtime) = (Arc::clone(settings), PgSession::runtime()?);
    let gathering = Arc::clone(&inner.gathering);
    start(name, alive, move || {
        let mut session = PgSession::new(settings, runtime);
        let entered = turn.is_none_or(|(place, lane)| gathering.enter(place, lane, || session.ready()));
        if entered {
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
