//! Many threads on one map, at full speed, with checks that hold in any order. `.ci/tsan` runs this
//! under ThreadSanitizer, and once more as the mutant `map_publish`, where it must report a race.

use crate::values::nth;
use std::thread;
use vvp_core::map::{ConcurrentMap, UpdateError};
use vvp_core::sync::{AtomicBool, AtomicUsize, Ordering};

/// Rounds of each thread: enough for all interleavings to be likely, few enough for the sanitizer.
const ROUNDS: u64 = 20_000;
const THREADS: u64 = 3;

/// A value that shows whether it is whole: four words, each of which follows from the first.
type Value = [u64; 4];

fn value(n: u64) -> Value {
    [n, !n, n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n.rotate_left(32)]
}

fn number(v: Value) -> u64 {
    assert_eq!(v, value(v[0]), "torn");
    v[0]
}

/// Permanent keys are always found, and their values never go back, while other keys come and go
/// and displace them.
#[test]
fn permanent_keys_are_never_missed() {
    static MAP: ConcurrentMap<u64, Value, 256> = ConcurrentMap::with_seed(1);
    const STAY: u64 = 96;
    static DONE: AtomicBool = AtomicBool::new(false);
    for key in 0..STAY {
        MAP.insert(key, value(0)).unwrap();
    }
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|me| {
                scope.spawn(move || {
                    for n in 0..ROUNDS {
                        // Each counts up its own half of the permanent keys.
                        let key = nth(n) % (STAY / 2) * 2 + me;
                        let before = MAP.update(&key, |v| value(number(v) + 1)).unwrap();
                        assert!(before.is_some(), "missed by a writer");
                        // The rest fill the map and leave it: up to 48 each.
                        let passing = 1000 + n * 2 + me;
                        MAP.insert(passing, value(n)).unwrap();
                        if n >= 45 {
                            assert_eq!(MAP.remove(&(passing - 90)).map(number), Some(n - 45));
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = [0; STAY as usize];
                while !DONE.load(Ordering::Relaxed) {
                    for key in 0..STAY {
                        let now = number(MAP.get(&key).expect("missed"));
                        assert!(now >= seen[key as usize], "went back");
                        seen[key as usize] = now;
                    }
                    let mut stay = 0;
                    MAP.for_each(|key, v| {
                        number(v);
                        stay += u64::from(key < STAY);
                    });
                    assert_eq!(stay, STAY, "an iteration meets every key once");
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        DONE.store(true, Ordering::Relaxed);
    });
    let sum: u64 = (0..STAY).map(|key| number(MAP.get(&key).unwrap())).sum();
    assert_eq!(sum, 2 * ROUNDS);
    let stats = MAP.stats();
    assert_eq!((stats.len as u64, stats.refused), (STAY + 90, 0));
    assert!(stats.moved > 0, "no entry was displaced: {stats:?}");
}

/// All threads add to the same keys, in two ways; no addition is lost.
#[test]
fn no_change_is_lost() {
    static MAP: ConcurrentMap<u32, u64, 64> = ConcurrentMap::new();
    thread::scope(|scope| {
        for me in 0..THREADS {
            scope.spawn(move || {
                for n in 0..ROUNDS {
                    let key = (nth(n) % 7) as u32;
                    if (n + me).is_multiple_of(2) {
                        MAP.get_or_insert(key, 0).unwrap();
                        MAP.update(&key, |sum| sum + n).unwrap().unwrap();
                    } else {
                        let mut now = MAP.get_or_insert(key, 0).unwrap();
                        while let Err(problem) = MAP.compare_and_update(&key, now, now + n) {
                            let UpdateError::Changed(other) = problem else { panic!("{problem}") };
                            now = other;
                        }
                    }
                }
            });
        }
    });
    let mut sum = 0;
    MAP.for_each(|_, n| sum += n);
    assert_eq!(sum, THREADS * (0..ROUNDS).sum::<u64>());
    assert_eq!(MAP.len(), 7);
}

/// Writes before an insert are visible to the thread that removes the key. Each box is freed
/// exactly once.
#[test]
fn boxes_change_hands() {
    static MAP: ConcurrentMap<u64, usize, 64> = ConcurrentMap::new();
    static LIVE: AtomicUsize = AtomicUsize::new(0);
    let taken = |address: usize| {
        // SAFETY: the address was in the map, and the thread that removed it is its only owner.
        let boxed = unsafe { Box::from_raw(std::ptr::with_exposed_provenance_mut::<[u64; 2]>(address)) };
        assert_eq!(boxed[0], !boxed[1]);
        LIVE.fetch_sub(1, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for me in 0..THREADS {
            scope.spawn(move || {
                for n in 0..ROUNDS {
                    let key = nth(n * THREADS + me) % 24;
                    if nth(n + me).is_multiple_of(3) {
                        if let Some(address) = MAP.remove(&key) {
                            taken(address);
                        }
                    } else {
                        LIVE.fetch_add(1, Ordering::Relaxed);
                        let address = Box::into_raw(Box::new([n, !n])).expose_provenance();
                        if let Some(before) = MAP.insert(key, address).unwrap() {
                            taken(before);
                        }
                    }
                }
            });
        }
    });
    let mut left = vec![];
    MAP.for_each(|_, address| left.push(address));
    assert_eq!(left.len(), MAP.len());
    left.into_iter().for_each(taken);
    assert_eq!(LIVE.load(Ordering::Relaxed), 0);
}

/// All threads fill a small map and empty it again: its capacity is never exceeded, and it always
/// recovers.
#[test]
fn full_map_recovers_for_all_threads() {
    type Map = ConcurrentMap<u64, u64, 32>;
    static MAP: Map = ConcurrentMap::with_seed(5);
    const MOST: usize = Map::CAPACITY;
    thread::scope(|scope| {
        for me in 0..THREADS {
            scope.spawn(move || {
                for n in 0..ROUNDS / 100 {
                    let mut mine = vec![];
                    for i in 0..MOST as u64 {
                        let key = (n * 100 + i) * THREADS + me;
                        if MAP.insert(key, key).is_ok() {
                            mine.push(key);
                        }
                    }
                    assert!(MAP.len() <= MOST);
                    for key in mine {
                        assert_eq!(MAP.remove(&key), Some(key), "an inserted key stays until it is removed");
                    }
                }
            });
        }
    });
    assert!(MAP.is_empty());
    for key in 0..MOST as u64 {
        assert_eq!(MAP.insert(key, 0), Ok(None), "all slots are free again");
    }
}
