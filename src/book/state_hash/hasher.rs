//! Hasher: mixes words into one word.

/// Spreads every bit of a word over the whole word; no two words become the same. The finalizer of MurmurHash3
/// (A. Appleby).
#[inline(always)]
pub(crate) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// Words mixed into one, one after the other: another word at any place makes another result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher(u64);

impl Hasher {
    /// Nothing yet; `kind` keeps apart what is not to be taken for each other.
    #[inline(always)]
    pub(crate) const fn new(kind: u64) -> Self {
        Self(mix(kind ^ 0x9e37_79b9_7f4a_7c15)) // 2^64 / golden ratio
    }

    /// And this.
    #[inline(always)]
    pub(crate) const fn and(self, word: u64) -> Self {
        Self(mix(self.0.wrapping_add(word)))
    }

    /// And this, or that it is not there.
    pub(crate) const fn and_maybe(self, word: Option<u64>) -> Self {
        match word {
            Some(word) => self.and(1).and(word),
            None => self.and(0),
        }
    }

    /// All of it in one.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }
}
