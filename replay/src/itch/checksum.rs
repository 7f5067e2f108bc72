//! A checksum over the top of a book through time, to compare two implementations.

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x100_0000_01b3;

/// FNV-1a of 64 bits over bests: each is four words of eight little-endian bytes, bid price, bid
/// size, ask price, ask size; price in ten-thousandths of a dollar, both 0 where the side is empty.
///
/// Two implementations with the same sum over a day agree on every top of book of that day.
/// All-zero bytes are the empty sum.
///
/// ```
/// use vvp_replay::itch::checksum::BboSum;
/// let mut sum = BboSum::default();
/// assert_eq!(sum.get(), 0xcbf29ce484222325);
/// sum.add([0; 4]);
/// assert_eq!(sum.get(), 0x0c8210784d8af5a5);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, zerocopy::FromZeros)]
#[repr(transparent)]
pub struct BboSum(u64); // xored with the basis, so that zero is the start

/// Returns `PRIME` to the power of `n`: the factor of `n` zero bytes.
const fn prime_power(n: u32) -> u64 {
    PRIME.wrapping_pow(n)
}

impl BboSum {
    /// Returns the sum so far.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0 ^ BASIS
    }

    /// Adds a top of book: bid price, bid size, ask price, ask size.
    #[inline(always)]
    pub const fn add(&mut self, best: [u64; 4]) {
        let mut h = self.get();
        let mut i = 0;
        while i < 4 {
            h = word(h, best[i]);
            i += 1;
        }
        self.0 = h ^ BASIS;
    }
}

/// Adds the eight bytes of a word. Each step depends on the one before, so the trailing zeros are
/// added in one step: most sizes have two bytes, and all prices four.
#[inline(always)]
const fn word(mut h: u64, word: u64) -> u64 {
    let bytes = word.to_le_bytes();
    let (used, zeros) = if word <= 0xffff {
        (2, const { prime_power(6) })
    } else if word <= 0xffff_ffff {
        (4, const { prime_power(4) })
    } else {
        (8, 1)
    };
    let mut i = 0;
    while i < used {
        // The last multiplication is combined with those of the zeros.
        h ^= bytes[i] as u64;
        h = h.wrapping_mul(if i + 1 == used { zeros.wrapping_mul(PRIME) } else { PRIME });
        i += 1;
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(mut h: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
        for b in bytes {
            h = (h ^ u64::from(b)).wrapping_mul(PRIME);
        }
        h
    }

    #[test]
    fn the_plain_one_gives_the_published_values() {
        assert_eq!(plain(BASIS, *b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(plain(BASIS, *b"foobar"), 0x8594_4171_f739_67e8);
    }

    proptest! {
        #[test]
        fn is_the_plain_one(bests in prop::collection::vec(prop::array::uniform4((any::<u64>(), 0u32..64)), 0..8)) {
            let (mut ours, mut h) = (BboSum::default(), BASIS);
            for best in bests {
                let best = best.map(|(word, shift)| word >> shift);
                ours.add(best);
                h = plain(h, best.into_iter().flat_map(u64::to_le_bytes));
            }
            prop_assert_eq!(ours.get(), h);
        }
    }
}
