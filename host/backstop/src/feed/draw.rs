//! Seeded draws in integers. The same seed, purpose and index give the same numbers on any machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of draws of its own; others cannot shift it.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of `(seed, purpose, index)`.
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes()).update(&index.to_le_bytes()).update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// Uniform below `bound`, without bias; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let value = self.0.next_u64();
            if value <= u64::MAX - excess {
                return value % bound;
            }
        }
    }

    /// Uniform in `low..=high`.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below((high - low).saturating_add(1))
    }

    /// True `ppm` times in a million.
    pub fn chance(&mut self, ppm: u64) -> bool {
        self.below(1_000_000) < ppm
    }

    /// In `low..high`, every doubling of the range equally likely and uniform within: about log-uniform.
    pub fn octave(&mut self, low: u64, high: u64) -> u64 {
        let octaves = u64::from((high / low).max(2).ilog2());
        let start = low << self.below(octaves);
        let end = if start << 1 > high >> 1 { high } else { start << 1 };
        start + self.below(end - start)
    }

    /// About normal, mean 0, standard deviation `2^16`: the sum of twelve uniform 16-bit numbers, centred.
    pub fn normal(&mut self) -> i64 {
        let sum: u64 = (0..3)
            .map(|_| self.0.next_u64())
            .flat_map(|word| [0, 16, 32, 48].map(|shift| word >> shift & 0xffff))
            .sum();
        sum as i64 - 6 * 0xffff
    }

    /// Fisher-Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_repeat() {
        let first = |seed, purpose, index| Draw::new(seed, purpose, index).below(u64::MAX);
        assert_eq!(first(1, "a", 2), first(1, "a", 2));
        let streams = [first(1, "a", 2), first(2, "a", 2), first(1, "b", 2), first(1, "a", 3)];
        assert_eq!(streams.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn draws_keep_their_range_and_shape() {
        let mut draw = Draw::new(7, "test", 0);
        assert_eq!((draw.below(0), draw.below(1)), (0, 0));
        let mut octaves = [0u32; 3];
        let (mut sum, mut square) = (0i64, 0i64);
        for _ in 0..40_000 {
            assert!((3..=9).contains(&draw.within(3, 9)));
            let value = draw.octave(1_000, 10_000);
            assert!((1_000..10_000).contains(&value));
            octaves[(value / 1_000).ilog2().min(2) as usize] += 1;
            let normal = draw.normal();
            sum += normal;
            square += (normal * normal) >> 16;
        }
        assert!(octaves.iter().all(|count| (12_500..14_200).contains(count)), "{octaves:?}");
        assert!((sum / 40_000).abs() < 1_000, "{sum}");
        let variance = square / 40_000;
        assert!((63_000..68_000).contains(&variance), "{variance}");
        let mut items: Vec<u32> = (0..100).collect();
        draw.shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
