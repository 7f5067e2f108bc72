//! SwissTable group: sixteen one-byte tags, compared in one step.
//!
//! Source: SwissTable (Abseil, 2017). Ours has no tag for a deleted entry; instead, displaced
//! entries have tags of their own.

/// Number of tags that are compared together.
pub(super) const WIDTH: usize = 16;

/// The tags of a group, one per place; 0 is an empty place.
pub(super) type Group = [u8; WIDTH];

/// Tags from here on are those of displaced entries: ids that lie past their home group, which was
/// full.
pub(super) const DISPLACED: u32 = 224;

/// A set of places of a group: bit `i` is place `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places(pub(super) u32);

impl Places {
    #[inline(always)]
    pub(super) const fn any(self) -> bool {
        self.0 != 0
    }

    /// Returns this place if it is in the set, else the first one; the set is not empty. The
    /// outcome is unpredictable, so it is chosen without a branch.
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

/// Returns the places whose tag is `tag`, which is below 256.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn matching(group: &Group, tag: u32) -> Places {
    use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi32};
    // SAFETY: a reference to 16 bytes may be read as 16 bytes, at any alignment.
    let tags = unsafe { _mm_loadu_si128(group.as_ptr().cast::<__m128i>()) };
    // SAFETY: the instructions are part of SSE2, which this build may use.
    #[allow(unused_unsafe)]
    let mask = unsafe {
        // Four copies by multiplication: one instruction less than sixteen by shuffles.
        let sought = _mm_set1_epi32((tag * 0x0101_0101).cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(tags, sought))
    };
    Places(mask.cast_unsigned())
}

/// Returns the places whose tag is `tag`, which is below 256.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
pub(super) fn matching(group: &Group, tag: u32) -> Places {
    portable(group, tag)
}

/// Returns the places of displaced entries.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn displaced(group: &Group) -> Places {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8, _mm_set1_epi8,
    };
    // SAFETY: as in `matching`.
    let tags = unsafe { _mm_loadu_si128(group.as_ptr().cast::<__m128i>()) };
    // SAFETY: as in `matching`.
    #[allow(unused_unsafe)]
    let mask = unsafe {
        let least = _mm_set1_epi8((DISPLACED as u8).cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(tags, least), tags))
    };
    Places(mask.cast_unsigned())
}

/// Returns the places of displaced entries.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
pub(super) fn displaced(group: &Group) -> Places {
    portable_displaced(group)
}

/// Portable form of `displaced`: the three upper bits of a displaced entry's tag are ones.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
fn portable_displaced(group: &Group) -> Places {
    const { assert!(DISPLACED == 0b1110_0000) };
    let half = |bytes: &[u8; 8]| {
        let tags = u64::from_le_bytes(*bytes);
        gather(tags & (tags << 1) & (tags << 2) & !REST)
    };
    match group.as_chunks::<8>().0 {
        [low, high] => Places(half(low) | half(high) << 8),
        _ => Places(0), // there are two
    }
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
const REST: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Gathers the high bits of eight bytes, all other bits of which are 0, into eight bits.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
const fn gather(high: u64) -> u32 {
    ((high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// Portable form of `matching`, eight tags at a time.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
fn portable(group: &Group, tag: u32) -> Places {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let half = |bytes: &[u8; 8]| {
        let differ = u64::from_le_bytes(*bytes) ^ (LOW * u64::from(tag));
        // The high bit of each byte that is zero; no carry leaves its byte, so there is no false
        // match.
        gather(!(((differ & REST) + REST) | differ | REST))
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
    fn simd_and_portable_matching_agree() {
        let mut x = 1u64;
        for _ in 0..20_000 {
            let mut group = [0; WIDTH];
            for tag in &mut group {
                x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                *tag =
                    [0, 1, 0x7f, 0x80, DISPLACED as u8 - 1, DISPLACED as u8, (x >> 40) as u8, 0xff][(x >> 61) as usize];
            }
            let plain = (0..WIDTH).filter(|&i| u32::from(group[i]) >= DISPLACED).map(|i| 1 << i).sum();
            assert_eq!((displaced(&group), portable_displaced(&group)), (Places(plain), Places(plain)));
            for tag in [0, 1, 0x7f, 0x80, 0x81, 0xff, group[3]] {
                let plain = (0..WIDTH).filter(|&i| group[i] == tag).map(|i| 1 << i).sum();
                assert_eq!(matching(&group, u32::from(tag)), Places(plain));
                assert_eq!(portable(&group, u32::from(tag)), Places(plain));
                assert!(Places(plain).eq((0..WIDTH).filter(|&i| group[i] == tag)));
            }
        }
    }
}
