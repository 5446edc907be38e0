//! Periodic work: it comes again, survives its own failure, and ends with the server.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster::jobs::{self, Job, Running};
use muster::kernel::problem::Problem;
use tokio::sync::watch;

use crate::actors::{World, on_sqlite};

static FAILING: AtomicU32 = AtomicU32::new(0);
static LAST: AtomicU32 = AtomicU32::new(0);

fn fails(_: muster::app::App) -> Running {
    Box::pin(async {
        FAILING.fetch_add(1, SeqCst);
        Err(Problem::invalid("as the test wants it"))
    })
}

static PANICKING: AtomicU32 = AtomicU32::new(0);

fn panics(_: muster::app::App) -> Running {
    Box::pin(async {
        PANICKING.fetch_add(1, SeqCst);
        panic!("as the test wants it")
    })
}

fn at_the_end(_: muster::app::App) -> Running {
    Box::pin(async {
        LAST.fetch_add(1, SeqCst);
        Ok(())
    })
}

#[test]
fn a_job_comes_again_after_a_failure_and_ends_with_the_server() {
    on_sqlite(|world| async move {
        let (stop, stopping) = watch::channel(false);
        let often = Job { name: "often", every: Duration::from_millis(10), at_end: false, work: fails };
        let late = Job { name: "late", every: Duration::from_hours(1), at_end: true, work: at_the_end };
        let wild = Job { name: "wild", work: panics, ..often };
        let mut running = jobs::start(&world.app, &[often, wild, late], &stopping);
        for _ in 0..3_000 {
            if FAILING.load(SeqCst) >= 3 && PANICKING.load(SeqCst) >= 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(FAILING.load(SeqCst) >= 3, "it comes again");
        assert!(PANICKING.load(SeqCst) >= 3, "so does one that panics");
        assert_eq!(LAST.load(SeqCst), 0, "not before its time");
        stop.send_replace(true);
        while running.join_next().await.is_some() {}
        let (count, last) = (FAILING.load(SeqCst), LAST.load(SeqCst));
        assert_eq!(last, 1, "once at the end");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((FAILING.load(SeqCst), LAST.load(SeqCst)), (count, last), "nothing after the end");
    });
}

fn always_fails(_: muster::app::App) -> Running {
    Box::pin(async { Err(Problem::invalid("as the test wants it")) })
}

/// Lines of the log of one thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_job_that_fails_all_the_time_hides_no_other_one() {
    let lines = Lines::default();
    let writer = lines.clone();
    // Where there is just one subscriber, a line that another thread comes to first is wanted by nobody.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    // All on this thread, whose lines are read.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let world = World::new(db::testing::sqlite()).await;
        let (stop, stopping) = watch::channel(false);
        let often = Job { name: "often", every: Duration::from_millis(1), at_end: false, work: always_fails };
        let seldom = Job { name: "seldom", every: Duration::from_millis(500), ..often };
        let mut running = jobs::start(&world.app, &[often, seldom], &stopping);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.send_replace(true);
        while running.join_next().await.is_some() {}
    });
    let told = String::from_utf8(lines.0.lock().unwrap().clone()).expect("lines are UTF-8");
    let of = |name: &str| told.lines().filter(|line| line.contains(&format!("job=\"{name}\""))).count();
    assert!((5..=40).contains(&of("often")), "{told}");
    assert!(of("seldom") > 0, "{told}");
}

fn waits_for_the_network(_: muster::app::App) -> Running {
    Box::pin(std::future::pending())
}

static BEGUN: AtomicU32 = AtomicU32::new(0);
static MAY_END: AtomicBool = AtomicBool::new(false);
static WRITTEN: AtomicU32 = AtomicU32::new(0);

fn writes_for_a_while(_: muster::app::App) -> Running {
    Box::pin(async {
        BEGUN.fetch_add(1, SeqCst);
        while !MAY_END.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        WRITTEN.fetch_add(1, SeqCst);
        Ok(())
    })
}

#[test]
fn a_stop_breaks_off_what_need_not_end_and_waits_for_what_must() {
    on_sqlite(|world| async move {
        let (stop, stopping) = watch::channel(false);
        let every = Duration::from_millis(10);
        let endless = Job { name: "endless", every, at_end: false, work: waits_for_the_network };
        let last = Job { name: "last", every, at_end: true, work: writes_for_a_while };
        let mut running = jobs::start(&world.app, &[endless, last], &stopping);
        while BEGUN.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.send_replace(true);
        // Time enough to break it off.
        tokio::time::sleep(Duration::from_millis(200)).await;
        MAY_END.store(true, SeqCst);
        let ended = async { while running.join_next().await.is_some() {} };
        assert!(tokio::time::timeout(Duration::from_secs(10), ended).await.is_ok(), "one still waits");
        assert_eq!(WRITTEN.load(SeqCst), 2, "the run that had begun, and the last one");
    });
}

#[test]
fn the_server_s_own_jobs_work() {
    on_sqlite(|world| async move {
        for job in jobs::JOBS {
            let done = (job.work)(world.app.clone()).await;
            assert!(done.is_ok(), "{}: {done:?}", job.name);
        }
    });
}
