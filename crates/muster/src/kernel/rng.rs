//! Randomness: the system's, or a seeded stream for tests. Nothing else in the server draws random numbers.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Builder;

use super::time::Timestamp;

/// The digits of texts that are drawn.
pub const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A source of random bytes, cheap to clone.
#[derive(Clone, Debug, Default)]
pub enum Rng {
    /// A cryptographic generator per thread, seeded by the operating system.
    #[default]
    System,
    /// A reproducible stream, for tests only.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Rng {
    /// A reproducible stream.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        match self {
            // The one place that draws from the machine.
            #[allow(clippy::disallowed_methods)]
            Self::System => rand::rng().fill_bytes(&mut out),
            Self::Seeded(stream) => stream.lock().fill_bytes(&mut out),
        }
        out
    }
    /// A random UUID (version 4) in its hyphenated form.
    pub fn uuid(&self) -> String {
        Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }
    /// A UUID (version 7, RFC 9562 §5.7): first the time, 48 bits, then random, so that new rows lie beside
    /// each other in an index.
    pub fn ordered_uuid(&self, now: Timestamp) -> String {
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid().to_string()
    }
    /// `len` characters of `0-9A-Za-z`, each equally likely.
    pub fn base62(&self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        while out.len() < len {
            // 248 = 4 × 62: bytes above it would favour the first characters.
            let fair = self.bytes::<32>().into_iter().filter(|b| *b < 248);
            out.extend(fair.take(len - out.len()).map(|b| char::from(BASE62[usize::from(b % 62)])));
        }
        out
    }
}
