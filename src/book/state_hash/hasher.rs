//! Hasher: mixes words into one word.

/// Mixes a word, bijectively. Source: the 64-bit finalizer of MurmurHash3 (A. Appleby).
#[inline(always)]
pub(crate) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// Hash of a sequence of words; depends on each word and its position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher(u64);

impl Hasher {
    /// Creates a hasher; `kind` separates the domains.
    #[inline(always)]
    pub(crate) const fn new(kind: u64) -> Self {
        Self(mix(kind ^ 0x9e37_79b9_7f4a_7c15)) // 2^64 / golden ratio
    }

    /// Adds a word.
    #[inline(always)]
    pub(crate) const fn and(self, word: u64) -> Self {
        Self(mix(self.0.wrapping_add(word)))
    }

    /// Adds an optional word; `None` differs from every word.
    pub(crate) const fn and_maybe(self, word: Option<u64>) -> Self {
        match word {
            Some(word) => self.and(1).and(word),
            None => self.and(0),
        }
    }

    /// Returns the hash.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }
}
