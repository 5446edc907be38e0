//! What a connection may cost: its bounds, and the pulse that tells a slow client from a quiet one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bounds of the listener.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections served at a time.
    pub connections: usize,
    /// Above that: does an older one give way to a new one, or does the new one wait?
    pub give_way: bool,
    /// Largest request line and headers together, bytes.
    pub header_bytes: usize,
    /// From the first byte of a request to the end of its headers.
    pub header_timeout: Duration,
    /// Without a request.
    pub idle_timeout: Duration,
    /// For requests in flight once the server stops.
    pub drain_timeout: Duration,
}

impl ConnectionLimits {
    /// How often a connection's pulse is taken: often enough that no bound is overrun by more than a quarter.
    pub(super) fn tick(&self) -> Duration {
        let shortest = self.header_timeout.min(self.idle_timeout) / 4;
        shortest.clamp(Duration::from_millis(50), Duration::from_secs(5))
    }
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

/// What a connection is doing, and for how many ticks nothing has moved in it. Counting ticks costs a
/// request no look at the clock and no timer of its own.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    phase: AtomicU8,
    ticks: AtomicU32,
    /// Whether the connection is to end with this answer, its peer still sending.
    lingers: AtomicBool,
}

impl Pulse {
    fn enter(&self, phase: u8) {
        self.phase.store(phase, Relaxed);
        self.ticks.store(0, Relaxed);
    }

    /// A request has arrived whole up to its body; from here on the request timeout counts.
    pub(super) fn busy(&self) {
        self.enter(BUSY);
    }

    /// The request is answered.
    pub(super) fn idle(&self) {
        self.enter(IDLE);
    }

    /// The connection ends with the next answer, and what its peer still sends is thrown away.
    pub(super) fn linger(&self) {
        self.lingers.store(true, Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Relaxed)
    }

    /// No request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.phase.load(Relaxed) == IDLE
    }

    /// The head of a request is under way.
    pub(super) fn awaits_head(&self) -> bool {
        self.phase.load(Relaxed) == HEAD
    }

    fn received(&self) {
        if self.phase.load(Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    fn sent(&self) {
        self.ticks.store(0, Relaxed);
    }

    /// Takes the pulse: has the connection been still for too long?
    pub(super) fn overdue(&self, limits: &ConnectionLimits) -> bool {
        let ticks = self.ticks.fetch_add(1, Relaxed) + 1;
        let still = limits.tick() * ticks;
        match self.phase.load(Relaxed) {
            IDLE if !self.lingers() => still >= limits.idle_timeout,
            IDLE | HEAD => still >= limits.header_timeout,
            _ => false,
        }
    }
}

/// A stream that moves the pulse.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.received();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        if result.is_ready() {
            self.pulse.sent();
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if result.is_ready() {
            self.pulse.sent();
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(header_secs: u64, idle_secs: u64) -> ConnectionLimits {
        ConnectionLimits {
            connections: 1,
            give_way: false,
            header_bytes: 1 << 16,
            header_timeout: Duration::from_secs(header_secs),
            idle_timeout: Duration::from_secs(idle_secs),
            drain_timeout: Duration::ZERO,
        }
    }

    fn ticks_until_overdue(pulse: &Pulse, limits: &ConnectionLimits) -> u32 {
        (1..10_000).find(|_| pulse.overdue(limits)).expect("a bound is reached")
    }

    #[test]
    fn each_phase_has_its_bound() {
        let limits = limits(4, 40); // a tick is a second
        let pulse = Pulse::default();
        assert_eq!(ticks_until_overdue(&pulse, &limits), 40);
        pulse.idle();
        pulse.received();
        assert!(!pulse.overdue(&limits));
        pulse.received(); // a drop of a header does not buy more time
        assert_eq!(ticks_until_overdue(&pulse, &limits), 3);
        pulse.busy();
        assert!((0..1_000).all(|_| !pulse.overdue(&limits)));
    }

    #[test]
    fn ticks_are_neither_too_rare_nor_too_frequent() {
        assert_eq!(limits(1, 60).tick(), Duration::from_millis(250));
        assert_eq!(limits(300, 3_600).tick(), Duration::from_secs(5));
    }
}
