//! `Slab` against a `HashMap`: random scripts, with values that count their live instances.

use crate::counted::Counted;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use vvp_core::pool::{Full, Key, Slab};

#[derive(Clone, Debug)]
enum Op {
    Insert,
    Remove(usize),
    RemoveAgain(usize),
    Change(usize),
    Retain(u64),
    Clear,
    Forge(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(
        prop_oneof![
            8 => Just(Op::Insert),
            6 => (0_usize..100).prop_map(Op::Remove),
            2 => (0_usize..100).prop_map(Op::RemoveAgain),
            2 => (0_usize..100).prop_map(Op::Change),
            1 => (2_u64..5).prop_map(Op::Retain),
            1 => Just(Op::Clear),
            1 => any::<u64>().prop_map(Op::Forge),
        ],
        0..200,
    )
}

fn run<const N: usize>(script: &[Op]) {
    let alive = Rc::new(Cell::new(0));
    let mut slab = Slab::<Counted, N>::new();
    let mut model: HashMap<Key, u64> = HashMap::new();
    let (mut keys, mut gone, mut left) = (Vec::<Key>::new(), Vec::<Key>::new(), Vec::<usize>::new());
    let (mut next, mut most) = (0, 0);
    for op in script {
        match *op {
            Op::Insert => {
                next += 1;
                match slab.insert(Counted::new(next, &alive)) {
                    Err(Full(back)) => assert_eq!((model.len(), back.n), (N, next)),
                    Ok(key) => {
                        // Freed slots are reused first (LIFO); then a slot that was never used.
                        assert_eq!(key.slot(), left.pop().unwrap_or(most));
                        assert_eq!(model.insert(key, next), None, "a key twice");
                        assert!(!gone.contains(&key), "a stale key is issued again");
                        keys.push(key);
                    }
                }
            }
            Op::Remove(i) if !keys.is_empty() => {
                let key = keys.swap_remove(i % keys.len());
                assert_eq!(slab.remove(key).map(|value| value.n), model.remove(&key));
                left.push(key.slot());
                gone.push(key);
            }
            Op::RemoveAgain(i) if !gone.is_empty() => assert!(slab.remove(gone[i % gone.len()]).is_none()),
            Op::Change(i) if !keys.is_empty() => {
                let key = keys[i % keys.len()];
                slab.get_mut(key).unwrap().n += 1000;
                *model.get_mut(&key).unwrap() += 1000;
            }
            Op::Retain(divisor) => {
                let stays = |n: u64| n.is_multiple_of(divisor);
                left.extend(slab.iter().filter(|(_, value)| !stays(value.n)).map(|(key, _)| key.slot()));
                slab.retain(|_, value| stays(value.n));
                model.retain(|_, n| stays(*n));
                gone.extend(keys.extract_if(.., |key| !model.contains_key(key)));
            }
            Op::Clear => {
                left.extend(slab.iter().map(|(key, _)| key.slot()));
                slab.clear();
                model.clear();
                gone.append(&mut keys);
            }
            Op::Forge(bits) => {
                let key = Key::from_bits(bits);
                assert_eq!(slab.contains(key), model.contains_key(&key));
            }
            _ => {}
        }
        most = most.max(model.len());
        slab.check_invariants().unwrap();
        assert_eq!((slab.len(), slab.is_full(), slab.high_water()), (model.len(), model.len() == N, most));
        assert_eq!(alive.get(), model.len() as i64);
        assert!(keys.iter().all(|key| slab.get(*key).map(|v| v.n) == model.get(key).copied()));
        assert!(gone.iter().all(|key| !slab.contains(*key)));
        assert!(keys.iter().all(|key| Key::from_bits(key.to_bits()) == *key));
        let mut in_order: Vec<_> = model.iter().map(|(key, n)| (*key, *n)).collect();
        in_order.sort_by_key(|(key, _)| key.slot());
        assert!(slab.iter().map(|(key, value)| (key, value.n)).eq(in_order.iter().copied()));
        assert!(slab.iter_mut().map(|(key, value)| (key, value.n)).eq(in_order));
    }
    drop(slab);
    assert_eq!(alive.get(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_like_a_map(script in ops()) {
        run::<8>(&script);
        run::<1>(&script);
        run::<13>(&script);
    }
}

#[test]
fn zero_bytes_are_an_empty_slab() {
    use zerocopy::FromZeros;
    let mut slab = Slab::<u64, 5>::new_zeroed();
    assert!(slab.is_empty());
    let keys: Vec<_> = (0..5).map(|n| slab.insert(n).unwrap()).collect();
    assert_eq!(slab.insert(5), Err(Full(5)));
    assert!(keys.iter().zip(0..).all(|(key, n)| slab.remove(*key) == Some(n)));
}
