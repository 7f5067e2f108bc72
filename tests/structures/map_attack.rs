//! Ids that an attacker chose to collide: their cost in a table with a fixed hash, in a map whose
//! seed is known, and in one whose seed is secret.

use vvp_core::map::{ConcurrentMap, IdMap};

const N: usize = 1 << 12;
/// Enough ids to be slow, and fewer than the capacity.
const CHOSEN: usize = N / 2;

/// Returns the mean number of probes of a successful lookup with open addressing, linear probing
/// and a fixed hash.
fn naive(ids: &[u64], hash: impl Fn(u64) -> u64) -> f64 {
    let mut places = vec![None; N];
    let mut probes = 0;
    for &id in ids {
        let mut at = hash(id) as usize % N;
        probes += 1;
        while places[at].is_some() {
            at = (at + 1) % N;
            probes += 1;
        }
        places[at] = Some(id);
    }
    probes as f64 / ids.len() as f64
}

/// The hash of rustc-hash 2, which is often used with hashbrown: one multiplication by a known
/// constant.
fn fx(id: u64) -> u64 {
    id.wrapping_mul(0xf135_7aea_2e62_a9c5).rotate_left(26)
}

/// Returns how many groups of 16 slots successful lookups probe: mean and worst.
fn groups(ids: &[u64], seed: u64) -> (f64, usize) {
    let mut map = Box::new(IdMap::<u32, N>::with_seed(seed));
    for &id in ids {
        map.insert(id, 1).expect("room");
    }
    map.check_invariants();
    let probed: Vec<usize> = ids.iter().map(|&id| map.groups_probed(id)).collect();
    (probed.iter().sum::<usize>() as f64 / ids.len() as f64, *probed.iter().max().unwrap())
}

/// Returns ids that have the same home group if the seed is 0, as an attacker with the source can
/// find them.
fn chosen_against_seed_0() -> Vec<u64> {
    let known = Box::new(IdMap::<u32, N>::new());
    (0..).filter(|&id| known.home_group(id) == 0).take(CHOSEN).collect()
}

#[test]
fn chosen_ids_make_a_fixed_hash_linear() {
    // All multiples of the table's size share one slot; multiples of the constant's inverse undo
    // its mixing.
    let multiples: Vec<u64> = (0..CHOSEN as u64).map(|i| i * N as u64).collect();
    assert!(naive(&multiples, |id| id) > CHOSEN as f64 / 3.0);
    const UNDO: u64 = {
        let mut inverse = 1u64; // Newton's iteration for the inverse modulo 2^64
        let mut i = 0;
        while i < 6 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(0xf135_7aea_2e62_a9c5u64.wrapping_mul(inverse)));
            i += 1;
        }
        inverse
    };
    let undone: Vec<u64> = (0..CHOSEN as u64).map(|i| i.wrapping_mul(UNDO)).collect();
    assert!(naive(&undone, fx) > CHOSEN as f64 / 3.0);
    // Neither set slows the map down, with any seed.
    for seed in 0..20 {
        for ids in [&multiples, &undone] {
            let (mean, worst) = groups(ids, seed);
            assert!(mean < 1.3 && worst <= 12, "seed {seed}: mean {mean}, worst {worst}");
        }
    }
}

#[test]
fn ids_chosen_against_a_known_seed_are_harmless_with_another_seed() {
    let chosen = chosen_against_seed_0();
    let (mean, _) = groups(&chosen, 0);
    assert!(mean > CHOSEN as f64 / 16.0 / 3.0, "the attack works where the seed is known: {mean}");
    let (mut sum, mut worst) = (0.0, 0);
    for seed in 1..=100 {
        let (mean, longest) = groups(&chosen, seed);
        sum += mean;
        worst = worst.max(longest);
    }
    // Ids that were neighbours when they were chosen remain neighbours, 16 at most.
    assert!(sum / 100.0 < 1.4 && worst <= 32, "mean {}, worst {worst}", sum / 100.0);
}

/// Usual patterns of ids, at a load of 75 %.
#[test]
fn common_id_patterns_are_fast_with_any_seed() {
    let n = N as u64 / 4 * 3;
    type Kind = (&'static str, fn(u64) -> u64);
    let kinds: [Kind; 9] = [
        ("in sequence", |i| i + 1_000_000),
        ("every second", |i| i * 2),
        ("every tenth", |i| i * 10),
        ("every thousandth", |i| i * 1000),
        ("two halves", |i| ((i % 2) << 63) | (i / 2)),
        ("session and number", |i| ((i % 7) << 32) | (i / 7)),
        ("upper half only", |i| i << 32),
        ("high bits only", |i| i << 48),
        ("time in ns", |i| 1_763_800_000_000_000_000 + i * 1_048_583),
    ];
    for (name, id) in kinds {
        let ids: Vec<u64> = (0..n).map(id).collect();
        let (mut sum, mut worst) = (0.0, 0);
        for seed in 0..100 {
            let (mean, longest) = groups(&ids, seed);
            sum += mean;
            worst = worst.max(longest);
        }
        assert!(sum / 100.0 < 1.7 && worst <= 40, "{name}: mean {}, worst {worst}", sum / 100.0);
    }
}

/// The mixing of `ConcurrentMap` with seed 0, from its source.
fn known_home(key: u64) -> u64 {
    let wide = u128::from(key ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03;
    ((wide as u64) ^ (wide >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

#[test]
fn concurrent_map_refuses_chosen_keys_only_if_the_seed_is_known() {
    const N: usize = 1 << 10;
    let chosen: Vec<u64> = (0..).filter(|&key| known_home(key) % N as u64 == 3).take(N / 2).collect();
    let fill = |seed| {
        let map = Box::new(ConcurrentMap::<u64, u64, N>::with_seed(seed));
        let taken = chosen.iter().filter(|&&key| map.insert(key, !key).is_ok()).count();
        assert_eq!(chosen.iter().filter(|key| map.get(key) == Some(!**key)).count(), taken);
        taken
    };
    // All keys share one home bucket: those beyond its neighbourhood are refused, and a lookup
    // stays as short as before.
    assert_eq!(fill(0), usize::BITS as usize / 2);
    for seed in 1..100 {
        assert_eq!(fill(seed), chosen.len(), "seed {seed}");
    }
}
