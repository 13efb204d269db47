//! The source of randomness: [`Entropy`], and the sequence of ids drawn from it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::id::CorrelationId;

/// The source of random bytes.
///
/// A port, so that a test can repeat what it saw. The default is the operating system's generator.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `bytes` with random bytes fit for secrets.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the system has no generator to offer.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(clippy::disallowed_methods)] // the one home of randomness
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes)
            .map_err(|error| Error::config("the system's random generator failed").caused_by(error))
    }
}

impl<E: Entropy + ?Sized> Entropy for Arc<E> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        (**self).fill(bytes)
    }
}

/// Ids that never repeat, for the price of one counter: seeded once, mixed per call.
///
/// An API call needs two GUIDs; asking the kernel for them would cost more than all else this
/// crate does to the call. They name requests and guard nothing, so a good mixer is enough.
#[derive(Debug)]
pub(crate) struct IdSequence {
    seed: [u64; 2],
    drawn: AtomicU64,
}

impl IdSequence {
    pub(crate) fn seeded_from(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        let seed = match entropy.fill(&mut bytes) {
            Ok(()) => halves(u128::from_le_bytes(bytes)),
            // The standard library's own seed for hash maps is enough to name requests by.
            Err(_) => [
                RandomState::new().hash_one(0),
                RandomState::new().hash_one(1),
            ],
        };
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    pub(crate) fn next(&self) -> CorrelationId {
        let drawn = self
            .drawn
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(GOLDEN_GAMMA);
        let high = mix(self.seed[0].wrapping_add(drawn));
        let low = mix(self.seed[1].wrapping_add(drawn.rotate_left(32)));
        CorrelationId::from_random(u128::from(high) << 64 | u128::from(low))
    }
}

/// Returns a number in `0.0..1.0`; with no generator, the middle, for it only spreads load.
pub(crate) fn fraction(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    match entropy.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

/// Stafford's variant 13 of the SplitMix64 finaliser: a bijection, so no two inputs collide.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[allow(clippy::cast_possible_truncation)] // halves are what is wanted
fn halves(word: u128) -> [u64; 2] {
    [(word >> 64) as u64, word as u64]
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_never_repeat_and_two_sequences_differ() {
        let one = IdSequence::seeded_from(&SystemEntropy);
        let two = IdSequence::seeded_from(&SystemEntropy);
        let drawn: HashSet<String> = (0..10_000)
            .flat_map(|_| [one.next(), two.next()])
            .map(|id| id.to_string())
            .collect();

        assert_eq!(drawn.len(), 20_000);
    }

    #[test]
    fn a_fraction_stays_below_one() {
        #[derive(Debug)]
        struct AllOnes;
        impl Entropy for AllOnes {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
                bytes.fill(0xff);
                Ok(())
            }
        }
        assert!(fraction(&AllOnes) < 1.0);
    }
}
