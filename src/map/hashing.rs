//! Keyed hashing: a secret seed keeps a peer that chooses keys from forcing collisions.
//!
//! Source: folded multiplication as in wyhash (Wang Yi); multiply-shift (M. Dietzfelbinger and
//! others, 1997), with multipliers chosen for the spread of their multiples (D. Knuth, "The Art of
//! Computer Programming" 3, 6.4).

/// 2^64 ÷ the golden ratio, rounded to the nearest odd number: its multiples are spread more evenly
/// than those of any other.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const ODD: u64 = 0xd1b5_4a32_d192_ed03; // odd; any odd number with well-mixed bits will do

/// Returns the exclusive-or of both halves of the product.
#[inline(always)]
const fn fold(a: u64, b: u64) -> u64 {
    let wide = (a as u128).wrapping_mul(b as u128);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Mixes `x` with a key; without the key the result is unpredictable. Use its upper half. Key 0 is
/// as good, but public.
///
/// The final multiplication is needed: without it, for one key in fifty, numbers at equal distances
/// clustered.
#[inline(always)]
pub(super) const fn keyed(x: u64, key: u64) -> u64 {
    fold(x ^ key ^ GOLDEN, ODD ^ (key << 1)).wrapping_mul(GOLDEN)
}

/// Returns the `i`-th number of a pseudo-random sequence that is unpredictable without the seed
/// (splitmix64, by Steele, Lea and Flood).
const fn nth(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add(GOLDEN.wrapping_mul(i + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns a secret key for [`keyed`]: adjacent seeds give unrelated keys. Seed 0 gives 0.
pub(super) const fn key(seed: u64) -> u64 {
    if seed == 0 { 0 } else { nth(seed, TRIES) }
}

/// Number of multipliers that [`multiplier`] tries.
const TRIES: u64 = 4096;

/// Returns a secret odd multiplier whose multiples are spread evenly, as those of the golden ratio,
/// and whose products with powers of two are spread well enough: 1 to 2^57 are the steps of ids
/// that count in the upper bits of a word.
///
/// Seed 0 gives [`GOLDEN`].
pub(super) const fn multiplier(seed: u64) -> u64 {
    if seed == 0 {
        return GOLDEN;
    }
    // One candidate in 125 is suitable, so the probability that none of them is lies below 10^-14.
    let mut i = 0;
    while i < TRIES {
        let candidate = nth(seed, i) | 1;
        if is_even(candidate, 6) && is_even_shifted(candidate) {
            return candidate;
        }
        i += 1;
    }
    GOLDEN
}

const fn is_even_shifted(multiplier: u64) -> bool {
    let mut shift = 1;
    while shift < 58 {
        if !is_even(multiplier << shift, 500) {
            return false;
        }
        shift += 1;
    }
    true
}

/// Returns whether multiples of `multiplier`, modulo 2^64, never cluster: whether no fraction with
/// a small denominator is very near to `multiplier` ÷ 2^64. Such fractions show as great terms in
/// its continued fraction.
const fn is_even(multiplier: u64, greatest_term: u128) -> bool {
    let (mut a, mut b) = (1u128 << 64, multiplier as u128);
    let (mut before, mut denominator) = (0u128, 1u128);
    while b != 0 && denominator < 1 << 22 {
        let term = a / b;
        // The first term only gives the magnitude of the multiplier.
        if term > greatest_term {
            return false;
        }
        (a, b) = (b, a % b);
        (before, denominator) = (denominator, term * denominator + before);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_ratio_passes_the_spread_test_and_simple_fractions_fail() {
        assert!(is_even(GOLDEN, 6));
        for denominator in 2..200 {
            let fraction = ((1u128 << 64) / denominator) as u64 | 1;
            assert!(!is_even(fraction, 6), "1/{denominator}");
        }
    }

    #[test]
    fn every_seed_finds_its_multiplier() {
        for seed in 1..2000 {
            let multiplier = multiplier(seed);
            assert!(multiplier != GOLDEN && multiplier % 2 == 1 && is_even(multiplier, 6), "seed {seed}");
        }
    }
}
