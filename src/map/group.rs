//! Sixteen one-byte tags, looked at together.

/// How many tags are looked at together.
pub(super) const WIDTH: usize = 16;

/// A row of tags, one a place; 0 is an empty place.
pub(super) type Group = [u8; WIDTH];

/// Places of a group: bit `i` is place `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places(pub(super) u32);

impl Places {
    #[inline(always)]
    pub(super) const fn any(self) -> bool {
        self.0 != 0
    }

    #[inline(always)]
    pub(super) const fn not(self) -> Self {
        Self(!self.0 & 0xffff)
    }

    /// This place if it is one of them, else the first of them; there is one. Which, nobody can foresee, so it is chosen
    /// without a branch.
    #[inline(always)]
    pub(super) const fn this_or_first(self, place: usize) -> usize {
        debug_assert!(self.any() && place < WIDTH);
        let this = self.0 & (1 << place);
        let of = if this != 0 { this } else { self.0 };
        of.trailing_zeros() as usize
    }
}

impl Iterator for Places {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(place)
    }
}

/// The places whose tag is `tag`.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn matching(group: &Group, tag: u8) -> Places {
    use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: a reference to 16 bytes may be read as 16 bytes, at any alignment.
    let tags = unsafe { _mm_loadu_si128(group.as_ptr().cast::<__m128i>()) };
    // SAFETY: the instructions are part of SSE2, which this build may use.
    #[allow(unused_unsafe)]
    let mask = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag.cast_signed()))) };
    Places(mask.cast_unsigned())
}

/// The places whose tag is `tag`.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
pub(super) fn matching(group: &Group, tag: u8) -> Places {
    portable(group, tag)
}

/// The same with ordinary words, eight tags at a time.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
fn portable(group: &Group, tag: u8) -> Places {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const REST: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let half = |bytes: &[u8; 8]| {
        let differ = u64::from_le_bytes(*bytes) ^ (LOW * u64::from(tag));
        // The high bit of each byte that is zero; no carry leaves its byte, so there is no false one.
        let zero = !(((differ & REST) + REST) | differ | REST);
        // Gathers the eight high bits in the top byte.
        ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    };
    match group.as_chunks::<8>().0 {
        [low, high] => Places(half(low) | half(high) << 8),
        _ => Places(0), // there are two
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_same() {
        let mut x = 1u64;
        for _ in 0..20_000 {
            let mut group = [0; WIDTH];
            for tag in &mut group {
                x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                *tag = [0, 1, 0x7f, 0x80, 0x81, 0xff, (x >> 40) as u8, 0][(x >> 61) as usize];
            }
            for tag in [0, 1, 0x7f, 0x80, 0x81, 0xff, group[3]] {
                let plain = (0..WIDTH).filter(|&i| group[i] == tag).map(|i| 1 << i).sum();
                assert_eq!(matching(&group, tag), Places(plain));
                assert_eq!(portable(&group, tag), Places(plain));
                assert!(Places(plain).eq((0..WIDTH).filter(|&i| group[i] == tag)));
                assert_eq!(Places(plain).not().count(), WIDTH - Places(plain).count());
            }
        }
    }
}
