//! The three maps against `HashMap`, with keys in sequence, at random, and chosen to collide; until
//! they are full, and after.

use proptest::prelude::*;
use std::collections::HashMap;
use vvp_core::map::{ConcurrentMap, DenseError, DenseMap, Full, IdMap, UpdateError};

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u32),
    GetOrInsert(u64, u32),
    Update(u64, u32),
    /// Compare-and-update; `true`: with the current value as the expected one, else with another.
    Compare(u64, bool, u32),
    Remove(u64),
    RemoveIfEven(u64),
    Get(u64),
    Clear,
}

/// Ids from a small set, so that they repeat, of the kinds that a weak hash handles badly; 0 and
/// the greatest are among them.
fn id() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0u64..100,
        1 => (0u64..40).prop_map(|i| i * 64),
        1 => (0u64..40).prop_map(|i| i << 40 | 5),
        1 => (0u64..40).prop_map(|i| u64::MAX - i),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => (id(), any::<u32>()).prop_map(|(id, v)| Step::Insert(id, v)),
        20 => (id(), any::<u32>()).prop_map(|(id, v)| Step::GetOrInsert(id, v)),
        20 => (id(), any::<u32>()).prop_map(|(id, v)| Step::Update(id, v)),
        20 => (id(), any::<bool>(), any::<u32>()).prop_map(|(id, right, v)| Step::Compare(id, right, v)),
        50 => id().prop_map(Step::Remove),
        10 => id().prop_map(Step::RemoveIfEven),
        20 => id().prop_map(Step::Get),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 0..500)
}

/// Returns the model's result of a step: the value before, or that there is no room.
fn model_step(model: &mut HashMap<u64, u32>, capacity: usize, step: &Step) -> Result<Option<u32>, Full<u32>> {
    let full = model.len() == capacity;
    Ok(match *step {
        Step::Insert(id, value) if full && !model.contains_key(&id) => return Err(Full(value)),
        Step::Insert(id, value) => model.insert(id, value),
        Step::GetOrInsert(id, value) if full && !model.contains_key(&id) => return Err(Full(value)),
        Step::GetOrInsert(id, value) => Some(*model.entry(id).or_insert(value)),
        Step::Update(id, value) => model.get_mut(&id).map(|now| std::mem::replace(now, value)),
        Step::Compare(id, right, value) => {
            let before = model.get(&id).copied();
            if right && before.is_some() {
                model.insert(id, value);
            }
            before
        }
        Step::Remove(id) => model.remove(&id),
        Step::RemoveIfEven(id) => model.get(&id).copied().filter(|v| v % 2 == 0).and_then(|_| model.remove(&id)),
        Step::Get(id) => model.get(&id).copied(),
        Step::Clear => {
            model.clear();
            None
        }
    })
}

fn id_map_step<const N: usize>(map: &mut IdMap<u32, N>, step: &Step) -> Result<Option<u32>, Full<u32>> {
    Ok(match *step {
        Step::Insert(id, value) => map.insert(id, value)?,
        Step::GetOrInsert(id, value) => Some(*map.get_or_insert(id, value)?),
        Step::Update(id, value) => map.get_mut(id).map(|now| std::mem::replace(now, value)),
        Step::Compare(id, right, value) => {
            let before = map.get(id);
            if right && before.is_some() {
                *map.get_mut(id).unwrap() = value;
            }
            before
        }
        Step::Remove(id) => map.remove(id),
        Step::RemoveIfEven(id) => map.get(id).filter(|v| v % 2 == 0).and_then(|_| map.remove(id)),
        Step::Get(id) => map.get(id),
        Step::Clear => {
            map.clear();
            None
        }
    })
}

fn concurrent_step<const N: usize>(
    map: &mut ConcurrentMap<u64, u32, N>,
    step: &Step,
) -> Result<Option<u32>, Full<u32>> {
    Ok(match *step {
        Step::Insert(id, value) => map.insert(id, value)?,
        Step::GetOrInsert(id, value) => Some(map.get_or_insert(id, value)?),
        Step::Update(id, value) => map.update(&id, |_| value)?,
        Step::Compare(id, right, value) => {
            let before = map.get(&id);
            let expected = before.unwrap_or(1) ^ u32::from(!right);
            let answer = map.compare_and_update(&id, expected, value);
            let due = match before {
                None => Err(UpdateError::Missing),
                Some(now) if !right => Err(UpdateError::Changed(now)),
                Some(_) => Ok(()),
            };
            assert_eq!(answer, due);
            before
        }
        Step::Remove(id) => map.remove(&id),
        Step::RemoveIfEven(id) => map.remove_if(&id, |v| v % 2 == 0),
        Step::Get(id) => {
            assert_eq!(map.try_get(&id), Ok(map.get(&id)));
            map.get(&id)
        }
        Step::Clear => {
            map.clear();
            None
        }
    })
}

fn sorted(all: impl Iterator<Item = (u64, u32)>) -> Vec<(u64, u32)> {
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all
}

fn id_map_is_a_map<const N: usize>(steps: &[Step], seed: u64) -> Result<(), TestCaseError> {
    let mut map = Box::new(IdMap::<u32, N>::with_seed(seed));
    let mut model = HashMap::new();
    for step in steps {
        prop_assert_eq!(id_map_step(&mut map, step), model_step(&mut model, N / 8 * 7, step), "{:?}", step);
        map.check_invariants();
        prop_assert_eq!((map.len(), map.is_full()), (model.len(), model.len() == N / 8 * 7));
        prop_assert_eq!(sorted(map.iter()), sorted(model.iter().map(|(&id, &v)| (id, v))));
    }
    Ok(())
}

fn concurrent_is_a_map<const N: usize>(steps: &[Step], seed: u64) -> Result<(), TestCaseError> {
    let mut map = Box::new(ConcurrentMap::<u64, u32, N>::with_seed(seed));
    let capacity = ConcurrentMap::<u64, u32, N>::CAPACITY;
    let mut model = HashMap::new();
    for step in steps {
        prop_assert_eq!(concurrent_step(&mut map, step), model_step(&mut model, capacity, step), "{:?}", step);
        map.check_invariants();
        prop_assert_eq!(map.len(), model.len());
        let mut all = vec![];
        map.for_each(|id, value| all.push((id, value)));
        prop_assert_eq!(sorted(all.into_iter()), sorted(model.iter().map(|(&id, &v)| (id, v))));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn id_map(steps in steps(), seed in prop_oneof![Just(0), any::<u64>()]) {
        id_map_is_a_map::<16>(&steps, seed)?;
        id_map_is_a_map::<64>(&steps, seed)?;
        id_map_is_a_map::<256>(&steps, seed)?;
    }

    #[test]
    fn concurrent_map(steps in steps(), seed in prop_oneof![Just(0), any::<u64>()]) {
        concurrent_is_a_map::<2>(&steps, seed)?;
        concurrent_is_a_map::<16>(&steps, seed)?;
        concurrent_is_a_map::<32>(&steps, seed)?;
        concurrent_is_a_map::<128>(&steps, seed)?;
    }

    /// Against a `HashMap` and the window's two rules: an id leaves the window only after it is
    /// removed, and an id below the window is refused.
    #[test]
    fn dense_map(
        start in prop_oneof![Just(0u64), 0u64..100, Just(u64::MAX - 60), any::<u64>()],
        steps in prop::collection::vec((0u8..8, 0u64..24, any::<u32>()), 0..400),
    ) {
        const N: u64 = 16;
        let mut map = DenseMap::<u32, 16>::new();
        let mut model: HashMap<u64, u32> = HashMap::new();
        let (mut end, mut next) = (0u64, start);
        for (kind, offset, value) in steps {
            // Mostly the next id, sometimes one before or after it.
            let id = match kind {
                0..3 => next,
                3 => next.saturating_add(offset),
                _ => next.saturating_sub(offset),
            };
            match kind {
                0..5 => {
                    let due = if id >= end {
                        let blocked = model.keys().any(|&live| live < id && id - live >= N);
                        if blocked { Err(DenseError::Full) } else if id == u64::MAX { Err(DenseError::Last) } else { Ok(()) }
                    } else if id.saturating_add(N) < end {
                        Err(DenseError::Old)
                    } else {
                        Ok(())
                    };
                    let due = due.map(|()| model.insert(id, value));
                    prop_assert_eq!(map.insert(id, value), due, "insert {} with end {}", id, end);
                    if due.is_ok() {
                        end = end.max(id + 1);
                        next = end;
                    }
                }
                5 | 6 => prop_assert_eq!(map.remove(id), model.remove(&id)),
                _ => {
                    if let (Some(a), Some(b)) = (map.get_mut(id), model.get_mut(&id)) {
                        (*a, *b) = (value, value);
                    }
                }
            }
            map.check_invariants();
            for id in (0..3 * N).map(|i| next.wrapping_sub(2 * N).wrapping_add(i)).chain([0, u64::MAX]) {
                prop_assert_eq!(map.get(id), model.get(&id).copied(), "{}", id);
            }
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.iter().collect::<Vec<_>>(), sorted(model.iter().map(|(&id, &v)| (id, v))));
        }
    }
}

/// Any `N` consecutive ids fit, without end.
#[test]
fn window_slides_without_end() {
    let mut map = DenseMap::<u64, 64>::new();
    for id in 1000..100_000 {
        assert_eq!(map.insert(id, id * 3), Ok(None));
        if id >= 1063 {
            assert_eq!(map.insert(id + 1, 0), Err(DenseError::Full));
            assert_eq!(map.remove(id - 63), Some((id - 63) * 3));
        }
    }
    assert_eq!((map.len(), map.window()), (63, 99_936..100_000));
    map.clear();
    assert_eq!((map.len(), map.get(99_999), map.insert(99_000, 0)), (0, None, Err(DenseError::Old)));
    assert_eq!(map.insert(1 << 40, 1), Ok(None)); // nothing is in the way
}

/// Values and keys whose size is not a whole number of words.
#[test]
fn keys_and_values_of_any_length() {
    let mut map = ConcurrentMap::<[u8; 11], [u16; 5], 64>::with_seed(9);
    let key = |n: u8| [n, 1, 2, 3, 4, 5, 6, 7, 8, 9, n];
    let most = ConcurrentMap::<[u8; 11], [u16; 5], 64>::CAPACITY; // fewer on 32-bit targets
    for n in 0..most as u8 {
        assert_eq!(map.insert(key(n), [n.into(); 5]), Ok(None));
    }
    assert_eq!(map.insert(key(most as u8), [1, 2, 3, 4, 5]), Err(Full([1, 2, 3, 4, 5])));
    map.check_invariants();
    for n in 0..most as u8 {
        assert_eq!(map.update(&key(n), |v| v.map(|x| x + 1)), Ok(Some([n.into(); 5]))); // there is always room to update
        assert_eq!(map.get(&key(n)), Some([u16::from(n) + 1; 5]));
    }
    map.check_invariants();
    assert_eq!((map.stats().refused, map.stats().len, map.stats().capacity), (1, most, most));
}

/// With every seed the whole capacity can be used, a full map refuses and recovers, and churn at
/// the limit succeeds.
#[test]
fn full_map_refuses_and_recovers() {
    const N: usize = 1024;
    let mut ids = Box::new(IdMap::<u64, N>::new());
    let mut shared = Box::new(ConcurrentMap::<u64, u64, N>::new());
    for seed in 0..200 {
        ids.reseed(seed);
        shared.reseed(seed);
        let key = |n: u64| if seed % 2 == 0 { n } else { n.wrapping_mul(0x2545_f491_4f6c_dd1d) };
        let most = IdMap::<u64, N>::CAPACITY as u64;
        for n in 0..most {
            assert_eq!(ids.insert(key(n), n), Ok(None));
        }
        assert_eq!(ids.insert(key(most), 5), Err(Full(5)));
        for n in 0..4 * most {
            assert_eq!(ids.remove(key(n)), Some(n));
            assert_eq!(ids.insert(key(n + most), n + most), Ok(None));
        }
        ids.check_invariants();
        assert!((4 * most..5 * most).all(|n| ids.get(key(n)) == Some(n)));

        let most = ConcurrentMap::<u64, u64, N>::CAPACITY as u64;
        for n in 0..most {
            assert_eq!(shared.insert(key(n), n), Ok(None), "key {n} of seed {seed}");
        }
        assert_eq!(shared.insert(key(most), 5), Err(Full(5)));
        for n in 0..4 * most {
            assert_eq!(shared.update(&key(n + most / 2), |v| v), Ok(Some(n + most / 2)));
            assert_eq!(shared.remove(&key(n)), Some(n));
            assert_eq!(shared.insert(key(n + most), n + most), Ok(None), "key {n} of seed {seed}");
        }
        shared.check_invariants();
        assert!((4 * most..5 * most).all(|n| shared.get(&key(n)) == Some(n)));
    }
    assert!(shared.stats().moved > 0, "no entry was displaced");
}

#[test]
fn zeroed_memory_is_an_empty_map() {
    use zerocopy::FromZeros;
    let mut ids = IdMap::<u32, 4096>::new_box_zeroed().unwrap();
    let shared = ConcurrentMap::<u32, [u32; 3], 4096>::new_box_zeroed().unwrap();
    let mut dense = DenseMap::<u32, 4096>::new_box_zeroed().unwrap();
    assert_eq!((ids.get(0), shared.get(&0), dense.get(0)), (None, None, None));
    assert_eq!((ids.insert(0, 0), shared.insert(0, [0; 3]), dense.insert(0, 0)), (Ok(None), Ok(None), Ok(None)));
    assert_eq!((ids.get(0), shared.get(&0), dense.get(0)), (Some(0), Some([0; 3]), Some(0)));
    ids.check_invariants();
    assert_eq!(ids.iter().collect::<Vec<_>>(), IdMap::<u32, 4096>::new().iter().chain([(0, 0)]).collect::<Vec<_>>());
}
