//! The load client: a closed loop over N keep-alive connections. Each connection sends its next request when
//! the whole answer of the last one is in, and traffic that has a pace not before its time. It does as little
//! as it can for each request, because it shares the machine with the server that it measures. Never retries:
//! an answer other than the one wanted (2xx, as a rule) ends the run as an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::traffic::{Target, Traffic};
use crate::wire::Head;

/// How long a run lasts.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// Measures for `time` after `warmup`.
    Time { warmup: Duration, time: Duration },
    /// Sends so many requests and measures all of them.
    Count(u64),
}

/// One run.
#[derive(Clone, Debug)]
pub struct Load {
    pub target: Arc<Target>,
    pub traffic: Arc<Traffic>,
    pub connections: usize,
    /// Threads of the client, each with its share of the connections.
    pub threads: usize,
    pub span: Span,
    /// Keep the `id` of each answer?
    pub keep_ids: bool,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests answered within the measured time.
    pub requests: u64,
    /// The measured time.
    pub seconds: f64,
    /// Time from the first byte sent to the last byte read, nanoseconds, ascending.
    nanos: Vec<u32>,
    /// (number of the request, `id` in its answer), by number.
    pub ids: Vec<(u64, String)>,
}

impl Outcome {
    /// Requests in a second.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// A quantile of the latency, in microseconds.
    #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    pub fn micros(&self, quantile: f64) -> f64 {
        let last = self.nanos.len().saturating_sub(1);
        let at = (last as f64 * quantile).round() as usize;
        self.nanos.get(at).map_or(0.0, |nanos| f64::from(*nanos) / 1_000.0)
    }
}

/// The window that is measured, and the requests still to send.
struct Run {
    load: Load,
    from: Instant,
    to: Option<Instant>,
    sent: AtomicU64,
}

/// What one connection saw.
#[derive(Default)]
struct Tally {
    nanos: Vec<u32>,
    ids: Vec<(u64, String)>,
}

impl Load {
    /// Runs it on threads of its own.
    pub fn run(self) -> Result<Outcome> {
        let (threads, keep) = (self.threads.clamp(1, self.connections.max(1)), self.connections);
        let start = Instant::now();
        let (from, to) = match self.span {
            Span::Time { warmup, time } => (start + warmup, Some(start + warmup + time)),
            Span::Count(_) => (start, None),
        };
        let run = Arc::new(Run { load: self, from, to, sent: AtomicU64::new(0) });
        let workers: Vec<_> = (0..threads)
            .map(|at| {
                let (run, share) = (Arc::clone(&run), keep / threads + usize::from(at < keep % threads));
                std::thread::spawn(move || drive(&run, share))
            })
            .collect();
        let mut all = Tally::default();
        for worker in workers {
            let tally = worker.join().map_err(|_| "a thread of the load client panicked")??;
            all.nanos.extend(tally.nanos);
            all.ids.extend(tally.ids);
        }
        all.nanos.sort_unstable();
        all.ids.sort_unstable();
        let seconds = to.map_or_else(|| start.elapsed(), |to| to - from).as_secs_f64();
        Ok(Outcome { requests: all.nanos.len() as u64, seconds, nanos: all.nanos, ids: all.ids })
    }
}

/// One thread: a share of the connections on a runtime of its own.
fn drive(run: &Arc<Run>, connections: usize) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the load client does not start: {error}"))?;
    runtime.block_on(async {
        let mut set = JoinSet::new();
        for at in 0..connections {
            set.spawn(connection(Arc::clone(run), at));
        }
        let mut all = Tally::default();
        while let Some(done) = set.join_next().await {
            let tally =
                done.map_err(|error| format!("a connection of the load client failed: {error}"))??;
            all.nanos.extend(tally.nanos);
            all.ids.extend(tally.ids);
        }
        Ok(all)
    })
}

/// `at`: which of the thread's connections.
async fn connection(run: Arc<Run>, at: usize) -> Result<Tally> {
    let (target, load) = (&run.load.target, &run.load);
    let mut wire = Wire::open(&target.authority).await?;
    let mut request = Vec::with_capacity(4096);
    let mut tally = Tally::default();
    let mut due = load.traffic.every().map(|every| {
        // Spread over the time between two requests of a connection.
        let share = every * u32::try_from(at).unwrap_or(0) / u32::try_from(load.connections).unwrap_or(1);
        (tokio::time::Instant::now() + share, every)
    });
    loop {
        if let Some((at, every)) = &mut due {
            tokio::time::sleep_until(*at).await;
            *at += *every;
        }
        if let Span::Count(count) = load.span
            && run.sent.fetch_add(1, Relaxed) >= count
        {
            return Ok(tally);
        }
        request.clear();
        let number = load.traffic.write(target, &mut request)?;
        let start = Instant::now();
        let head = wire.exchange(&request).await?;
        let end = Instant::now();
        if !load.traffic.wants(head.status) {
            let (asked, answered) =
                (String::from_utf8_lossy(&request), String::from_utf8_lossy(wire.bytes()));
            let line = asked.lines().next().unwrap_or_default();
            return Err(format!("{line} was answered with {answered}"));
        }
        if start >= run.from && run.to.is_none_or(|to| end <= to) {
            tally.nanos.push(u32::try_from((end - start).as_nanos()).unwrap_or(u32::MAX));
        }
        if load.keep_ids {
            tally.ids.push((number, id_in(wire.body(&head))?));
        }
        if run.to.is_some_and(|to| end >= to) {
            return Ok(tally);
        }
    }
}

/// The `id` member of a JSON text, without reading the rest.
pub fn id_in(body: &[u8]) -> Result<String> {
    const BEFORE: &[u8] = b"\"id\":\"";
    let text = || format!("no id in the answer {}", String::from_utf8_lossy(body));
    let start = memchr::memmem::find(body, BEFORE).ok_or_else(text)? + BEFORE.len();
    let length = memchr::memchr(b'"', &body[start..]).ok_or_else(text)?;
    Ok(String::from_utf8_lossy(&body[start..start + length]).into_owned())
}

/// One request on a connection of its own; the whole answer, head and body.
pub fn once(target: &Target, request: &[u8]) -> Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| format!("the load client does not start: {error}"))?;
    runtime.block_on(async {
        let mut wire = Wire::open(&target.authority).await?;
        let head = wire.exchange(request).await?;
        let bytes = wire.bytes().to_vec();
        if (200..300).contains(&head.status) {
            return Ok(bytes);
        }
        Err(format!("a single request was answered with {}", String::from_utf8_lossy(&bytes)))
    })
}

/// A connection with the answer that was read last.
struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Wire {
    async fn open(authority: &str) -> Result<Self> {
        let failed = |error| format!("cannot connect to {authority}: {error}");
        let stream = TcpStream::connect(authority).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self { stream, buffer: vec![0; 16 << 10], filled: 0 })
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    fn body(&self, head: &Head) -> &[u8] {
        &self.buffer[head.bytes..self.filled]
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Head> {
        self.stream.write_all(request).await.map_err(|error| format!("sending failed: {error}"))?;
        self.filled = 0;
        let mut head = None;
        loop {
            if self.filled == self.buffer.len() {
                self.buffer.resize(2 * self.filled, 0);
            }
            let read = self.stream.read(&mut self.buffer[self.filled..]).await;
            match read.map_err(|error| format!("reading failed: {error}"))? {
                0 => return Err("the server closed the connection before its answer was whole".into()),
                count => self.filled += count,
            }
            if head.is_none() {
                head = Head::read(self.bytes())?;
            }
            if let Some(head) = &head
                && let Some(end) = head.end(self.bytes())?
            {
                if end != self.filled {
                    return Err("the server sent more than its answer".into());
                }
                return Ok(head.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_from_the_sorted_times() {
        let nanos = (1..=101).map(|n| n * 1_000).collect();
        let outcome = Outcome { requests: 101, seconds: 2.0, nanos, ids: Vec::new() };
        assert!((outcome.micros(0.5) - 51.0).abs() < 1e-9);
        assert!((outcome.micros(0.99) - 100.0).abs() < 1e-9);
        assert!((outcome.rate() - 50.5).abs() < 1e-9);
    }

    #[test]
    fn the_id_is_found_without_reading_the_document() {
        assert_eq!(id_in(br#"{"schemas":["x"],"id":"abc","n":1}"#), Ok("abc".into()));
        assert!(id_in(br#"{"schemas":[]}"#).is_err());
    }
}
