//! The code and the brake on guessing it.

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

/// 24 of 62 characters: 142 bits.
const LENGTH: usize = 24;
const TRIES: u32 = 10;
const WINDOW_SECS: i64 = 60;

/// A new code.
pub fn draw(rng: &Rng) -> Secret {
    Secret::new(rng.base62(LENGTH))
}

/// What is stored of a code. It has enough entropy for a plain hash.
pub fn digest(code: &str) -> [u8; 32] {
    Sha256::digest(code.trim().as_bytes()).into()
}

/// What an operator can be told at the start.
#[derive(Clone, Debug)]
pub enum Invitation {
    /// There is an account: set-up is over.
    Over,
    /// A code was made at an earlier start or by another replica; it lies in the file, if there is one.
    Waiting,
    /// A code was made now.
    Fresh(Secret),
}

/// At most 10 tries a minute on each server, whoever they come from.
#[derive(Debug, Default)]
pub struct Brake(Mutex<Option<(Timestamp, u32)>>);

impl Brake {
    /// Counts a try.
    ///
    /// # Errors
    /// `TooMany` with the seconds until the next window.
    pub fn admit(&self, now: Timestamp) -> Result<()> {
        let mut window = self.0.lock();
        let (since, tries) = match *window {
            Some((since, tries)) if now < since.plus_secs(WINDOW_SECS) => (since, tries),
            _ => (now, 0),
        };
        if tries >= TRIES {
            let left = u32::try_from(since.plus_secs(WINDOW_SECS).secs() - now.secs()).unwrap_or(1).max(1);
            let text =
                format!("Too many set-up codes were tried: wait {left} seconds and read the code again.");
            return Err(Problem::new(Kind::TooMany, text).retry_after(left));
        }
        *window = Some((since, tries + 1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_opens_again_after_its_window() {
        let (brake, start) = (Brake::default(), Timestamp::from_millis(1_000_000));
        assert!((0..TRIES).all(|_| brake.admit(start).is_ok()));
        let problem = brake.admit(start.plus_secs(20)).unwrap_err();
        assert_eq!((problem.kind(), problem.retry_after_secs()), (Kind::TooMany, Some(40)));
        assert!(brake.admit(start.plus_secs(60)).is_ok());
    }

    #[test]
    fn a_code_is_long_and_its_digest_forgives_white_space() {
        let code = draw(&Rng::seeded(1));
        assert_eq!(code.expose().len(), LENGTH);
        assert_eq!(digest(code.expose()), digest(&format!(" {}\n", code.expose())));
        assert_ne!(digest(code.expose()), digest(draw(&Rng::seeded(2)).expose()));
    }
}
