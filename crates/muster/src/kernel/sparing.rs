//! For lines of the log that anybody can cause, or one fault for every request: the first of a while are
//! told, the others counted.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines that are told in a span.
const MOST: u32 = 20;
const SPAN: Duration = Duration::from_secs(10);

/// The lines of one kind.
#[derive(Debug)]
pub struct Sparing(Mutex<Span>);

#[derive(Debug)]
struct Span {
    began: Option<Instant>,
    told: u32,
    left_out: u64,
}

impl Sparing {
    /// None was told yet.
    pub const fn unspent() -> Self {
        Self(Mutex::new(Span { began: None, told: 0, left_out: 0 }))
    }

    /// Runs `tell` with the number of lines that were left out since the last one, unless this one is one too
    /// many.
    pub fn tell(&self, tell: impl FnOnce(u64)) {
        if let Some(left_out) = self.turn(Instant::now()) {
            tell(left_out);
        }
    }

    fn turn(&self, now: Instant) -> Option<u64> {
        let mut span = self.0.lock();
        if span.began.is_none_or(|began| now.duration_since(began) >= SPAN) {
            (span.began, span.told) = (Some(now), 0);
        }
        if span.told == MOST {
            span.left_out += 1;
            return None;
        }
        span.told += 1;
        Some(std::mem::take(&mut span.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_while_are_told_and_the_others_counted() {
        let (lines, start) = (Sparing::unspent(), Instant::now());
        let told = (0..MOST + 5).filter(|_| lines.turn(start) == Some(0)).count();
        assert_eq!(told, MOST as usize);
        assert_eq!(lines.turn(start + SPAN / 2), None);
        assert_eq!([lines.turn(start + SPAN), lines.turn(start + SPAN)], [Some(6), Some(0)]);
    }
}
