//! The maps side by side with others, all in turn in each round.
//!
//! ```text
//! vvp-peers maps [--rounds N [any|sequence|many|threads]]
//! vvp-peers maps soak [OPERATIONS]
//! ```
//!
//! One thread: 131,072 places, and the same with 2^21, which no cache holds; `u64` ids, `u32`
//! values; lookups of ids that are there, in random order (ids in sequence: in sequence and in
//! random order). Churn is a removal and an insert, counted as one; "after churn" has had as many
//! of them as there are places, four times over. Hashbrown with its own hasher and with that of the
//! standard library are the peers that resist chosen keys too. Two threads: 1,024 keys, a writer
//! that updates them one after the other without a pause, a reader on the other core that reads
//! them in random order; and the same without the writer.
//!
//! `soak` inserts, updates, removes and reads on both cores, 10^9 operations by default; it checks
//! every deterministic result, and the map at the end.

use crate::support::{host, rng::Rng};
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use vvp_core::map::{ConcurrentMap, DenseMap, IdMap};
use zerocopy::FromZeros;

const PLACES: usize = 1 << 17;
const MANY: usize = 1 << 21;
const LOOKUPS: usize = 1 << 20;
const KEYS: u64 = 1024;

type Fx = hashbrown::HashMap<u64, u32, rustc_hash::FxBuildHasher>;
type Own = hashbrown::HashMap<u64, u32>;
type Sip = hashbrown::HashMap<u64, u32, std::hash::RandomState>;

trait Map {
    fn empty(places: usize) -> Self;
    fn get(&self, id: u64) -> Option<u32>;
    fn insert(&mut self, id: u64, value: u32);
    fn remove(&mut self, id: u64);
}

impl<const N: usize> Map for Box<IdMap<u32, N>> {
    fn empty(_: usize) -> Self {
        let mut map = IdMap::<u32, N>::new_box_zeroed().expect("memory");
        map.reseed(0x5eed);
        map
    }
    #[inline(always)]
    fn get(&self, id: u64) -> Option<u32> {
        (**self).get(id)
    }
    #[inline(always)]
    fn insert(&mut self, id: u64, value: u32) {
        assert!((**self).insert(id, value).is_ok());
    }
    #[inline(always)]
    fn remove(&mut self, id: u64) {
        (**self).remove(id);
    }
}

impl<S: std::hash::BuildHasher + Default> Map for hashbrown::HashMap<u64, u32, S> {
    fn empty(places: usize) -> Self {
        Self::with_capacity_and_hasher(places / 8 * 7, S::default())
    }
    #[inline(always)]
    fn get(&self, id: u64) -> Option<u32> {
        hashbrown::HashMap::get(self, &id).copied()
    }
    #[inline(always)]
    fn insert(&mut self, id: u64, value: u32) {
        hashbrown::HashMap::insert(self, id, value);
    }
    #[inline(always)]
    fn remove(&mut self, id: u64) {
        hashbrown::HashMap::remove(self, &id);
    }
}

impl<const N: usize> Map for Box<DenseMap<u32, N>> {
    fn empty(_: usize) -> Self {
        DenseMap::<u32, N>::new_box_zeroed().expect("memory")
    }
    #[inline(always)]
    fn get(&self, id: u64) -> Option<u32> {
        (**self).get(id)
    }
    #[inline(always)]
    fn insert(&mut self, id: u64, value: u32) {
        assert!((**self).insert(id, value).is_ok());
    }
    #[inline(always)]
    fn remove(&mut self, id: u64) {
        (**self).remove(id);
    }
}

/// The common hand-written map of ids in sequence: a queue, and the id of its first element.
struct Queue(std::collections::VecDeque<Option<u32>>, u64);

impl Map for Queue {
    fn empty(places: usize) -> Self {
        Self(std::collections::VecDeque::with_capacity(places), 0)
    }
    #[inline(always)]
    fn get(&self, id: u64) -> Option<u32> {
        *self.0.get(id.wrapping_sub(self.1) as usize)?
    }
    #[inline(always)]
    fn insert(&mut self, id: u64, value: u32) {
        if self.0.is_empty() {
            self.1 = id;
        }
        assert!(id == self.1 + self.0.len() as u64);
        self.0.push_back(Some(value));
    }
    #[inline(always)]
    fn remove(&mut self, id: u64) {
        self.0[id.wrapping_sub(self.1) as usize] = None;
        while self.0.front() == Some(&None) {
            self.0.pop_front();
            self.1 += 1;
        }
    }
}

/// Ticks an operation of each row, for one map and one round.
fn any_ids<M: Map>(seed: u64, places: usize) -> Vec<(String, f64)> {
    let mut rows = vec![];
    for percent in [50, 75] {
        let n = places / 100 * percent;
        let mut rng = Rng::new(seed);
        let mut ids: Vec<u64> = (0..n).map(|_| rng.bits()).collect();
        let mut map = M::empty(places);
        ids.iter().for_each(|&id| map.insert(id, id as u32));
        let random = |rng: &mut Rng, ids: &[u64]| -> Vec<u64> {
            (0..LOOKUPS).map(|_| ids[rng.below(n as u64) as usize]).collect()
        };
        rows.push((format!("{places} places: hit, {percent} %"), hits(&map, &random(&mut rng, &ids))));
        let absent: Vec<u64> = (0..LOOKUPS).map(|_| rng.bits()).collect();
        rows.push((format!("{places} places: miss, {percent} %"), misses(&map, &absent)));
        let fresh: Vec<(usize, u64)> = (0..4 * places).map(|_| (rng.below(n as u64) as usize, rng.bits())).collect();
        let start = host::ticks();
        for &(at, id) in &fresh {
            map.remove(ids[at]);
            map.insert(id, id as u32);
            ids[at] = id;
        }
        let churn = (host::ticks() - start) as f64 / fresh.len() as f64;
        rows.push((format!("{places} places: remove + insert, {percent} %"), churn));
        rows.push((format!("{places} places: hit after churn, {percent} %"), hits(&map, &random(&mut rng, &ids))));
    }
    rows
}

/// The same for ids in sequence, removed oldest first.
fn in_sequence<M: Map>(seed: u64, places: usize) -> Vec<(String, f64)> {
    let mut rows = vec![];
    let n = places as u64 / 4 * 3;
    let mut map = M::empty(places);
    (0..n).for_each(|i| map.insert(1_000_000 + i, i as u32));
    let ids: Vec<u64> = (0..LOOKUPS as u64).map(|i| 1_000_000 + i % n).collect();
    rows.push(("hit, ids in sequence, in sequence".into(), hits(&map, &ids)));
    let mut rng = Rng::new(seed);
    let ids: Vec<u64> = (0..LOOKUPS).map(|_| 1_000_000 + rng.below(n)).collect();
    rows.push(("hit, ids in sequence, at random".into(), hits(&map, &ids)));
    let start = host::ticks();
    for i in 0..LOOKUPS as u64 {
        map.remove(1_000_000 + i);
        map.insert(1_000_000 + n + i, i as u32);
    }
    rows.push(("remove + insert, ids in sequence".into(), (host::ticks() - start) as f64 / LOOKUPS as f64));
    rows
}

fn hits<M: Map>(map: &M, ids: &[u64]) -> f64 {
    let start = host::ticks();
    let mut sum = 0u64;
    for &id in ids {
        sum = sum.wrapping_add(u64::from(map.get(id).expect("it is there")));
    }
    black_box(sum);
    (host::ticks() - start) as f64 / ids.len() as f64
}

fn misses<M: Map>(map: &M, ids: &[u64]) -> f64 {
    let start = host::ticks();
    let found = ids.iter().filter(|&&id| map.get(id).is_some()).count();
    black_box(found);
    (host::ticks() - start) as f64 / ids.len() as f64
}

/// Ticks a lookup, with a writer on the other core or without.
fn two_threads(get: impl Fn(u64) -> u64, put: impl Fn(u64, u64) + Sync, writer: bool) -> f64 {
    (0..KEYS).for_each(|key| put(key, 0));
    let done = AtomicBool::new(!writer);
    let ready = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            host::pin(0);
            host::real_time();
            ready.wait();
            let mut n = 0u64;
            while !done.load(Ordering::Relaxed) {
                n += 1;
                put(n % KEYS, n);
            }
        });
        ready.wait();
        let mut rng = Rng::new(1);
        let keys: Vec<u64> = (0..LOOKUPS / 4).map(|_| rng.below(KEYS)).collect();
        let start = host::ticks();
        let sum = keys.iter().fold(0u64, |sum, &key| sum.wrapping_add(get(key)));
        let ticks = host::ticks() - start;
        black_box(sum);
        done.store(true, Ordering::Relaxed);
        ticks as f64 / keys.len() as f64
    })
}

/// All rounds of one row: ours, then each peer.
fn print(name: &str, all: &mut [(&str, Vec<f64>)], ticks_per_ns: f64) {
    println!("{name}");
    let mut ours = f64::NAN;
    for (name, times) in all {
        times.sort_by(f64::total_cmp);
        let ns = |i: usize| times[i] / ticks_per_ns;
        let median = ns(times.len() / 2);
        if ours.is_nan() {
            ours = median;
        }
        let last = ns(times.len() - 1);
        println!("  {name:18} {median:7.1} ns [{:.1} .. {last:.1}]  ours / it {:.2}", ns(0), ours / median);
    }
}

pub fn main(arguments: Vec<String>) {
    if arguments.first().map(String::as_str) == Some("soak") {
        return soak(arguments.get(1).map_or(1_000_000_000, |n| n.parse().expect("a number of operations")));
    }
    let (rounds, part) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--rounds", n, part] => (n.parse().expect("a number of rounds"), part),
        ["--rounds", n] => (n.parse().expect("a number of rounds"), ""),
        _ => (7, ""),
    };
    let (pinned, real_time) = (host::pin(1), host::real_time());
    println!("core 1: pinned {pinned}, SCHED_FIFO {real_time}, {rounds} rounds");
    let ticks_per_ns = host::ticks_per_ns();
    type Run = fn(u64, usize) -> Vec<(String, f64)>;
    let any: [(&str, Run); 4] = [
        ("IdMap", any_ids::<Box<IdMap<u32, PLACES>>>),
        ("hashbrown + fx", any_ids::<Fx>),
        ("hashbrown, its own", any_ids::<Own>),
        ("hashbrown + SipHash", any_ids::<Sip>),
    ];
    let many: [(&str, Run); 3] =
        [("IdMap", any_ids::<Box<IdMap<u32, MANY>>>), ("hashbrown + fx", any[1].1), ("hashbrown, its own", any[2].1)];
    let sequence: [(&str, Run); 5] = [
        ("IdMap", in_sequence::<Box<IdMap<u32, PLACES>>>),
        ("hashbrown + fx", in_sequence::<Fx>),
        ("hashbrown, its own", in_sequence::<Own>),
        ("DenseMap", in_sequence::<Box<DenseMap<u32, PLACES>>>),
        ("VecDeque", in_sequence::<Queue>),
    ];
    for (name, maps, places, rounds) in [
        ("any", &any[..], PLACES, rounds),
        ("sequence", &sequence[..], PLACES, rounds),
        ("many", &many[..], MANY, rounds.min(3)),
    ] {
        if !part.is_empty() && part != name {
            continue;
        }
        let mut names = vec![];
        let mut times: Vec<Vec<(&str, Vec<f64>)>> = vec![];
        for round in 0..rounds {
            for (contender, run) in maps {
                for (i, (name, ticks)) in run(round, places).into_iter().enumerate() {
                    if i == names.len() {
                        names.push(name);
                        times.push(maps.iter().map(|(contender, _)| (*contender, vec![])).collect());
                    }
                    let mine = times[i].iter_mut().find(|(name, _)| name == contender).expect("one of them");
                    mine.1.push(ticks);
                }
            }
        }
        names.iter().zip(&mut times).for_each(|(name, all)| print(name, all, ticks_per_ns));
    }
    if !part.is_empty() && part != "threads" {
        return;
    }
    let ours = ConcurrentMap::<u64, u64, 2048>::new_box_zeroed().expect("memory");
    let index = scc::HashIndex::<u64, u64, rustc_hash::FxBuildHasher>::default();
    let papaya = papaya::HashMap::<u64, u64, rustc_hash::FxBuildHasher>::default();
    for (writer, name) in [(true, "read, one writer beside it"), (false, "read, no writer")] {
        let mut times = [vec![], vec![], vec![]];
        for _ in 0..rounds {
            times[0].push(two_threads(
                |key| ours.get(&key).expect("there"),
                |key, n| assert!(ours.insert(key, n).is_ok()),
                writer,
            ));
            times[1].push(two_threads(
                // An update hides the key for a moment.
                |key| index.peek_with(&key, |_, v| *v).unwrap_or(0),
                |key, n| match index.get_sync(&key) {
                    Some(mut entry) => entry.update(n),
                    None => assert!(index.insert_sync(key, n).is_ok()),
                },
                writer,
            ));
            times[2].push(two_threads(
                |key| *papaya.pin().get(&key).expect("there"),
                |key, n| _ = papaya.pin().insert(key, n),
                writer,
            ));
        }
        let [a, b, c] = times;
        let mut all = [("ConcurrentMap", a), ("scc::HashIndex", b), ("papaya", c)];
        print(name, &mut all, ticks_per_ns);
    }
}

/// Two threads on a map that stays nearly full: each owns keys, whose values it can check exactly,
/// and only reads the keys of the other.
fn soak(operations: u64) {
    // Together three quarters of the places, the capacity of the map.
    const MINE: u64 = 24_570;
    let mut map = ConcurrentMap::<u64, [u64; 2], 65_536>::new_box_zeroed().expect("memory");
    map.reseed(7);
    let (reads, started) = (AtomicU64::new(0), std::time::Instant::now());
    std::thread::scope(|scope| {
        for me in 0..2u64 {
            let (map, reads) = (&map, &reads);
            scope.spawn(move || {
                let mut rng = Rng::new(me + 1);
                let mut known: Vec<Option<u64>> = vec![None; MINE as usize * 2];
                let mut live = 0;
                for n in 0..operations / 2 {
                    let i = rng.below(MINE * 2);
                    let key = (i * 2 + me).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let slot = &mut known[i as usize];
                    match n % 4 {
                        0 if slot.is_some() || live < MINE => {
                            let before = map.insert(key, [n, !n]).expect("below the capacity");
                            assert_eq!(before.map(|v| v[0]), *slot);
                            live += u64::from(slot.is_none());
                            *slot = Some(n);
                        }
                        1 => {
                            assert_eq!(map.remove(&key).map(|v| v[0]), *slot);
                            live -= u64::from(slot.is_some());
                            *slot = None;
                        }
                        2 => assert_eq!(map.get(&key).map(|v| v[0]), *slot),
                        _ => {
                            let theirs = (i * 2 + 1 - me).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                            if let Some([a, b]) = map.get(&theirs) {
                                assert_eq!(a, !b, "torn");
                                reads.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    map.check_invariants();
    println!("{operations} operations in {:?}: {:?}", started.elapsed(), map.stats());
}
