//! A small random generator for streams and schedules that must be the same in every run.

/// xorshift64* (Marsaglia 2003, Vigna 2016). Not for secrets.
///
/// ```
/// use vvp_std_adapter::random::Random;
/// let (mut a, mut b) = (Random::new(7), Random::new(7));
/// assert_eq!(a.word(), b.word());
/// assert!(a.below(6) < 6);
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Creates a generator; seed 0 counts as 1.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(if seed == 0 { 1 } else { seed })
    }

    /// Returns the next 64 random bits.
    pub const fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number in `0..n`, or 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The upper half of the product (Lemire 2019), without its rejection of the bias.
        u64::try_from((u128::from(self.word()) * u128::from(n)) >> 64).unwrap_or(0)
    }
}
