//! Integer random numbers that repeat for ever: SplitMix64.

/// The state is the seed; two equal seeds give one stream.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0..n; n is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0);
        ((u128::from(self.draw()) * u128::from(n)) >> 64) as u64
    }

    /// Both ends included.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = (i128::from(high) - i128::from(low) + 1) as u128;
        (i128::from(low) + ((u128::from(self.draw()) * span) >> 64) as i128) as i64
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A power of two below 2^bits, or one less: where carries end.
    pub fn corner(&mut self, bits: u32) -> u64 {
        (1 << self.below(u64::from(bits))) - self.below(2)
    }

    /// Below 2^bits, its length as likely as any other: small numbers and large ones.
    pub fn of_length(&mut self, bits: u32) -> u64 {
        let length = self.below(u64::from(bits) + 1) as u32;
        if length == 0 { 0 } else { 1 << (length - 1) | self.draw() & ((1 << (length - 1)) - 1) }
    }
}
