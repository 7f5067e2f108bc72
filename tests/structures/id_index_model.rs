//! `IdIndex` and `IdTable` against `HashMap`, with ids in sequence, at random, and chosen to
//! collide.

use proptest::prelude::*;
use std::collections::HashMap;
use vvp_core::map::{IdIndex, IdTable};

const IDS: usize = 64;
const MOST: usize = IDS / 8 * 7;

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(usize),
    Get(u64),
}

/// Ids that collide: few residues, neighbours, far apart, both ends.
fn id() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..200,
        (0u64..100).prop_map(|i| i * IDS as u64),
        (0u64..100).prop_map(|i| i << 40 | 5),
        (0u64..50).prop_map(|i| u64::MAX - i),
        any::<u64>(),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            3 => id().prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Remove),
            1 => id().prop_map(Step::Get),
        ],
        0..400,
    )
}

/// The operations that both have.
trait Index {
    fn get(&self, id: u64, ids: &[u64]) -> u32;
    fn insert(&mut self, id: u64, slot: u32);
    fn remove(&mut self, id: u64, slot: u32);
    fn len(&self) -> usize;
}

macro_rules! index {
    ($name:ident) => {
        impl Index for $name<IDS> {
            fn get(&self, id: u64, ids: &[u64]) -> u32 {
                self.get(id, |slot| ids[slot as usize] == id)
            }
            fn insert(&mut self, id: u64, slot: u32) {
                self.insert(id, slot);
            }
            fn remove(&mut self, id: u64, slot: u32) {
                self.remove(id, slot);
            }
            fn len(&self) -> usize {
                self.len()
            }
        }
    };
}
index!(IdIndex);
index!(IdTable);

fn run(index: &mut impl Index, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut model: HashMap<u64, u32> = HashMap::new();
    let mut ids = vec![0u64; MOST + 1]; // by slot
    let mut free: Vec<u32> = (1..=MOST as u32).rev().collect();
    for step in steps {
        match *step {
            Step::Insert(id) if !model.contains_key(&id) => {
                let Some(slot) = free.pop() else { continue };
                ids[slot as usize] = id;
                index.insert(id, slot);
                model.insert(id, slot);
            }
            Step::Insert(id) | Step::Get(id) => {
                prop_assert_eq!(index.get(id, &ids), model.get(&id).copied().unwrap_or(0));
            }
            Step::Remove(which) => {
                let mut live: Vec<u64> = model.keys().copied().collect();
                live.sort_unstable();
                let Some(&id) = live.get(which % live.len().max(1)) else { continue };
                let slot = model.remove(&id).unwrap();
                index.remove(id, slot);
                free.push(slot);
            }
        }
        prop_assert_eq!(index.len(), model.len());
        for (&id, &slot) in &model {
            prop_assert_eq!(index.get(id, &ids), slot);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn index_is_a_map(steps in steps()) {
        run(&mut IdIndex::<IDS>::new(), &steps)?;
    }

    #[test]
    fn table_is_a_map(steps in steps(), seed in any::<u64>()) {
        run(&mut IdTable::<IDS>::with_seed(seed), &steps)?;
    }
}

/// Ids that all share one place in the array end in the table, whose secret seed spreads them:
/// lookups stay short.
#[test]
fn ids_chosen_to_collide_stay_cheap() {
    const BIG: usize = 1 << 14;
    let mut index = Box::new(IdIndex::<BIG>::new());
    index.reseed(0x5eed);
    let ids: Vec<u64> = (0..BIG as u64 / 2).map(|i| i * BIG as u64).collect();
    for (slot, &id) in ids.iter().enumerate() {
        index.insert(id, slot as u32 + 1);
    }
    let probes = std::cell::Cell::new(0u64);
    for (slot, &id) in ids.iter().enumerate() {
        let found = index.get(id, |slot| {
            probes.set(probes.get() + 1);
            ids[slot as usize - 1] == id
        });
        assert_eq!(found, slot as u32 + 1);
    }
    // One comparison for the array's place, one for the entry: hashes of 32 bits hardly ever agree
    // by chance.
    assert!(probes.get() < 3 * ids.len() as u64, "{} comparisons for {} ids", probes.get(), ids.len());
}
