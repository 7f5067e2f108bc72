//! `ConcurrentMap` under loom, which tries every interleaving and every stale read that the
//! orderings allow. Under loom a neighbourhood has 2 slots, so that few keys are enough to displace
//! some.
//!
//! The spawned threads are the readers: loom switches between two accesses only where the later
//! one, by another thread, depends on the one just before it, and a writer reads a word before it
//! swaps it.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use vvp_core::map::{ConcurrentMap, Full, UpdateError};

/// Two words that are equal in every whole value.
type Pair = [usize; 2];

/// Returns the `n`-th key whose home bucket is `home`.
fn key<V: vvp_core::sync::Plain, const N: usize>(map: &ConcurrentMap<u64, V, N>, home: usize, n: usize) -> u64 {
    (0..).filter(|key| map.home(key) == home).nth(n).unwrap()
}

fn whole(pair: Option<Pair>) -> Option<usize> {
    pair.map(|pair| {
        assert_eq!(pair[0], pair[1], "torn");
        pair[0]
    })
}

#[test]
fn reader_sees_whole_values_that_never_go_back() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, Pair, 2>::new());
        map.insert(7, [1, 1]).unwrap();
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || {
                let first = whole(map.get(&7)).expect("never missed");
                let second = whole(map.get(&7)).expect("never missed");
                assert!(first <= second && second <= 3);
            })
        };
        // There are two slots: the second update returns to the first.
        assert_eq!(map.insert(7, [2, 2]), Ok(Some([1, 1])));
        assert_eq!(map.insert(7, [3, 3]), Ok(Some([2, 2])));
        reader.join().unwrap();
        assert_eq!(map.get(&7), Some([3, 3]));
    });
}

#[test]
fn slot_reused_by_another_key_is_not_taken_for_the_old_one() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, Pair, 2>::new());
        map.insert(1, [1, 1]).unwrap();
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || {
                assert!(matches!(whole(map.get(&1)), None | Some(1)));
                assert!(matches!(whole(map.get(&2)), None | Some(2)));
            })
        };
        assert_eq!(map.remove(&1), Some([1, 1]));
        assert_eq!(map.insert(2, [2, 2]), Ok(None));
        reader.join().unwrap();
        assert_eq!((map.get(&1), map.get(&2), map.len()), (None, Some([2, 2]), 1));
    });
}

#[test]
fn key_moved_back_to_its_home_is_never_missed() {
    loom::model(|| {
        let mut map = ConcurrentMap::<u64, usize, 4>::new();
        let (gone, moved, other, new) = (key(&map, 0, 0), key(&map, 0, 1), key(&map, 1, 0), key(&map, 1, 1));
        for (key, value) in [(gone, 0), (moved, 1), (other, 2)] {
            map.insert(key, value).unwrap();
        }
        assert_eq!(map.remove(&gone), Some(0));
        map.check_invariants();
        let map = Arc::new(map);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || {
                assert_eq!(map.get(&moved), Some(1));
                assert_eq!(map.get(&moved), Some(1));
            })
        };
        assert_eq!(map.insert(new, 3), Ok(None));
        reader.join().unwrap();
        assert_eq!(map.stats().moved, 1);
        assert_eq!((map.get(&moved), map.get(&other), map.get(&new)), (Some(1), Some(2), Some(3)));
    });
}

#[test]
fn displaced_key_may_be_updated_and_is_never_missed() {
    loom::model(|| {
        let map = ConcurrentMap::<u64, usize, 4>::new();
        let (first, moved, new) = (key(&map, 0, 0), key(&map, 1, 0), key(&map, 0, 1));
        map.insert(first, 1).unwrap();
        map.insert(moved, 2).unwrap();
        let map = Arc::new(map);
        let writer = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.insert(new, 3))
        };
        let updated = map.insert(moved, 4);
        let now = if updated.is_ok() { 4 } else { 2 };
        assert_eq!(map.get(&moved), Some(now));
        let inserted = writer.join().unwrap();
        // Each takes a slot for a moment: there may be none left for the other.
        assert!(matches!(updated, Ok(Some(2)) | Err(Full(4))));
        assert!(matches!(inserted, Ok(None) | Err(Full(3))));
        assert!(updated.is_ok() || inserted.is_ok());
        assert_eq!((map.get(&first), map.get(&moved)), (Some(1), Some(now)));
        assert_eq!(map.get(&new), inserted.ok().map(|_| 3));
        Arc::try_unwrap(map).unwrap().check_invariants();
    });
}

#[test]
fn one_of_two_writers_inserts_a_key() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, usize, 4>::new());
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.get_or_insert(5, 1).unwrap())
        };
        let mine = map.get_or_insert(5, 2).unwrap();
        let theirs = other.join().unwrap();
        assert_eq!((mine, Some(mine)), (theirs, map.get(&5)));
        Arc::try_unwrap(map).unwrap().check_invariants();
    });
}

#[test]
fn one_of_two_writers_removes_a_key() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, usize, 4>::new());
        map.insert(5, 1).unwrap();
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.remove(&5))
        };
        let mine = map.remove(&5);
        let theirs = other.join().unwrap();
        assert!(mine.is_some() ^ theirs.is_some());
        Arc::try_unwrap(map).unwrap().check_invariants();
    });
}

#[test]
fn no_update_is_lost() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, usize, 4>::new());
        map.insert(5, 0).unwrap();
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.update(&5, |v| v + 1))
        };
        let mine = map.update(&5, |v| v + 1);
        let theirs = other.join().unwrap();
        // There are two slots: while one writes to the second, the other may find none.
        match (mine, theirs) {
            (Ok(Some(0)), Ok(Some(1))) | (Ok(Some(1)), Ok(Some(0))) => assert_eq!(map.get(&5), Some(2)),
            (Ok(Some(0)), Err(Full(_))) | (Err(Full(_)), Ok(Some(0))) => assert_eq!(map.get(&5), Some(1)),
            other => panic!("{other:?}"),
        }
        Arc::try_unwrap(map).unwrap().check_invariants();
    });
}

#[test]
fn one_of_two_compare_and_updates_succeeds() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, usize, 4>::new());
        map.insert(5, 0).unwrap();
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.compare_and_update(&5, 0, 1))
        };
        let mine = map.compare_and_update(&5, 0, 2);
        let theirs = other.join().unwrap();
        match (mine, theirs) {
            (Ok(()), Err(UpdateError::Changed(2) | UpdateError::Full)) => assert_eq!(map.get(&5), Some(2)),
            (Err(UpdateError::Changed(1) | UpdateError::Full), Ok(())) => assert_eq!(map.get(&5), Some(1)),
            other => panic!("{other:?}"),
        }
        Arc::try_unwrap(map).unwrap().check_invariants();
    });
}

#[test]
fn writes_before_an_insert_are_visible_after_the_get() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, usize, 2>::new());
        let data = Arc::new(UnsafeCell::new(0));
        let reader = {
            let (map, data) = (Arc::clone(&map), Arc::clone(&data));
            thread::spawn(move || {
                if map.get(&3).is_some() {
                    // SAFETY: the key is in the map, so the writer is done with the data.
                    assert_eq!(data.with(|data| unsafe { *data }), 9);
                }
            })
        };
        // SAFETY: no thread reads before the key is in the map.
        data.with_mut(|data| unsafe { *data = 9 });
        map.insert(3, 1).unwrap();
        reader.join().unwrap();
    });
}

/// Found by the soak test: a writer that was suspended while it counted took the map for full,
/// after others had inserted and removed more than was there before.
#[test]
fn map_with_room_refuses_no_key() {
    loom::model(|| {
        let map = Arc::new(ConcurrentMap::<u64, usize, 4>::new());
        let (old, new) = (key(&map, 0, 0), key(&map, 1, 0));
        map.insert(old, 1).unwrap();
        let other = {
            let map = Arc::clone(&map);
            let new = key(&map, 2, 0);
            thread::spawn(move || map.insert(new, 2))
        };
        assert_eq!(map.remove(&old), Some(1));
        assert_eq!(map.insert(new, 3), Ok(None));
        assert_eq!(map.remove(&new), Some(3));
        assert_eq!(other.join().unwrap(), Ok(None));
        Arc::try_unwrap(map).unwrap().check_invariants();
    });
}
