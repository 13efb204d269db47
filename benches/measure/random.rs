//! Numbers that no prefetcher guesses.

/// SplitMix64 (Steele, Lea, Flood 2014), from a fixed seed: each run meets the same sequence.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x5eed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns `length` numbers below `bound`.
    pub(crate) fn below(&mut self, bound: usize, length: usize) -> Vec<usize> {
        let bound = bound as u64;
        (0..length)
            .map(|_| (self.next() % bound) as usize)
            .collect()
    }
}
