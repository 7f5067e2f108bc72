//! `Pool` and its magazines under loom, which tries every interleaving and every stale read that
//! the orderings allow.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail: a slot is released, by its box or
//! by a magazine, or claimed by its handle, with an ordering that is too weak; a magazine keeps
//! what it has shed, or takes more than was released.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use vvp_core::pool::{HandleError, Pool, PoolBox, Reset};

/// A value on the heap with the number of its last owner: two simultaneous owners, or a second
/// drop, are a memory error.
#[derive(Default)]
struct Value(Box<usize>);

impl Reset for Value {
    fn reset(&mut self) {
        *self.0 = 0;
    }
}

type Shared<const N: usize> = Arc<Pool<Value, N>>;

fn pool<const N: usize>() -> Shared<N> {
    Arc::new(Pool::new())
}

/// Acquires a value if there is one, and checks that it has no other owner.
fn use_one<const N: usize>(pool: &Pool<Value, N>, owner: usize) -> bool {
    let Some(mut value) = pool.acquire() else { return false };
    assert_eq!(*value.0, 0, "not reset, or another owner's");
    *value.0 = owner;
    thread::yield_now();
    assert_eq!(*value.0, owner, "another owner's");
    true
}

fn check_all_released<const N: usize>(mut pool: Shared<N>) {
    let pool = Arc::get_mut(&mut pool).expect("the threads have ended");
    assert_eq!(pool.check_invariants(), Ok(()));
    assert_eq!(pool.stats().in_use, 0);
    let all: Vec<PoolBox<'_, Value>> = core::iter::from_fn(|| pool.acquire()).collect();
    assert_eq!(all.len(), N);
}

#[test]
fn one_slot_has_one_owner() {
    loom::model(|| {
        let pool = pool::<1>();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || use_one(&pool, 2))
        };
        let mine = use_one(&pool, 1);
        let theirs = other.join().unwrap();
        assert!(mine || theirs);
        check_all_released(pool);
    });
}

#[test]
fn two_threads_acquire_and_release() {
    loom::model(|| {
        let pool = pool::<2>();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || (0..2).for_each(|_| assert!(use_one(&pool, 2), "there are two")))
        };
        (0..2).for_each(|_| assert!(use_one(&pool, 1), "there are two"));
        other.join().unwrap();
        check_all_released(pool);
    });
}

/// Both release concurrently: one may find the other's entry filled and the tail not yet moved.
#[test]
fn two_threads_release_what_one_acquired() {
    loom::model(|| {
        let pool: &'static Pool<Value, 2> = Box::leak(Box::new(Pool::new()));
        let (a, b) = (pool.acquire().unwrap(), pool.acquire().unwrap());
        let other = thread::spawn(move || {
            drop(b);
            use_one(pool, 2)
        });
        drop(a);
        assert!(use_one(pool, 1));
        assert!(other.join().unwrap());
        assert_eq!(pool.stats().in_use, 0);
        // SAFETY: from a box; the threads that used it have ended.
        check_all_released(Arc::new(unsafe { core::ptr::read(pool) }));
    });
}

#[test]
fn three_threads_share_one_slot() {
    loom::model(|| {
        let pool = pool::<1>();
        let others = [2, 3].map(|owner| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || use_one(&pool, owner))
        });
        let mine = use_one(&pool, 1);
        let theirs = others.map(|other| other.join().unwrap());
        assert!(mine || theirs[0] || theirs[1]);
        check_all_released(pool);
    });
}

#[test]
fn handle_is_adopted_or_released_once() {
    loom::model(|| {
        let pool = pool::<1>();
        let handle = pool.acquire_handle().unwrap();
        *pool.get_mut(handle).unwrap().0 = 7;
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || match pool.adopt(handle) {
                Ok(value) => *value.0 == 7,
                Err(e) => {
                    assert_eq!(e, HandleError::Stale);
                    false
                }
            })
        };
        let mine = pool.release(handle).is_ok();
        let theirs = other.join().unwrap();
        assert!(mine != theirs, "one of the two");
        check_all_released(pool);
    });
}

#[test]
fn borrow_excludes_others() {
    loom::model(|| {
        let pool = pool::<1>();
        let handle = pool.acquire_handle().unwrap();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || match pool.get_mut(handle) {
                Ok(mut value) => {
                    *value.0 += 1;
                    1
                }
                Err(e) => {
                    assert_eq!(e, HandleError::Busy);
                    0
                }
            })
        };
        let mine = pool.get_mut(handle).map_or(0, |mut value| {
            *value.0 += 1;
            1
        });
        let theirs = other.join().unwrap();
        assert!(mine + theirs > 0);
        assert_eq!(*pool.get(handle).unwrap().0, mine + theirs);
        pool.release(handle).unwrap();
        check_all_released(pool);
    });
}

#[test]
fn readers_exclude_a_writer() {
    loom::model(|| {
        let pool = pool::<1>();
        let handle = pool.acquire_handle().unwrap();
        let reader = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || match pool.get(handle) {
                Ok(value) => assert!(*value.0 == 0 || *value.0 == 7),
                Err(e) => assert_eq!(e, HandleError::Busy),
            })
        };
        if let Ok(value) = pool.get(handle) {
            assert_eq!(*value.0, 0);
        }
        match pool.get_mut(handle) {
            Ok(mut value) => *value.0 = 7,
            Err(e) => assert_eq!(e, HandleError::Busy),
        }
        reader.join().unwrap();
        pool.release(handle).unwrap();
        check_all_released(pool);
    });
}

#[test]
fn stale_handle_stays_stale() {
    loom::model(|| {
        let pool = pool::<1>();
        let old = pool.acquire_handle().unwrap();
        let other = {
            let pool = Arc::clone(&pool);
            // The same slot again.
            thread::spawn(move || match pool.release(old) {
                Ok(()) => Some(pool.acquire_handle().unwrap()),
                Err(e) => {
                    assert_eq!(e, HandleError::Busy);
                    None
                }
            })
        };
        let lent = match pool.get_mut(old) {
            Ok(value) => Some(*value.0),
            Err(e) => {
                assert_eq!(e, HandleError::Stale);
                None
            }
        };
        match other.join().unwrap() {
            Some(new) => {
                assert_eq!(pool.release(old), Err(HandleError::Stale));
                pool.release(new).unwrap();
            }
            None => {
                assert_eq!(lent, Some(0));
                pool.release(old).unwrap();
            }
        }
        check_all_released(pool);
    });
}

#[test]
fn magazines_share_the_pool() {
    loom::model(|| {
        let pool = pool::<2>();
        let use_some = |pool: &Pool<Value, 2>, owner: usize| {
            let magazine = pool.magazine::<1>();
            let mut got = 0;
            for _ in 0..2 {
                if let Some(mut value) = magazine.acquire() {
                    assert_eq!(*value.0, 0, "not reset, or another owner's");
                    *value.0 = owner;
                    got += 1;
                }
            }
            got
        };
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || use_some(&pool, 2))
        };
        assert_eq!(use_some(&pool, 1), 2, "one slot for each");
        assert_eq!(other.join().unwrap(), 2, "one slot for each");
        let stats = pool.stats();
        assert_eq!((stats.acquired, stats.released, stats.in_magazines, stats.magazine_hits), (4, 4, 0, 2));
        check_all_released(pool);
    });
}

/// A magazine sheds several values in one step, while another thread uses the pool.
#[test]
fn magazine_releases_several_at_once() {
    loom::model(|| {
        let pool = pool::<2>();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || use_one(&pool, 2))
        };
        {
            let magazine = pool.magazine::<2>();
            let (a, b) = (magazine.acquire(), magazine.acquire());
            assert!(a.is_some());
            drop((a, b));
        }
        let _ = other.join().unwrap();
        check_all_released(pool);
    });
}

/// A full magazine sheds its oldest value; another thread may acquire it immediately, and the
/// magazine no longer has it.
#[test]
fn magazine_no_longer_has_what_it_shed() {
    loom::model(|| {
        let pool = pool::<2>();
        let magazine = pool.magazine::<1>();
        let (a, b) = (magazine.acquire().unwrap(), magazine.acquire().unwrap());
        drop(a);
        drop(b); // no room: the one before goes back to the pool
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(use_one(&pool, 2), "one is in the pool"))
        };
        let mut mine = magazine.acquire().unwrap();
        assert_eq!(*mine.0, 0, "not reset, or another owner's");
        *mine.0 = 1;
        thread::yield_now();
        assert_eq!(*mine.0, 1, "another owner's");
        other.join().unwrap();
        drop(mine);
        drop(magazine);
        check_all_released(pool);
    });
}

/// A magazine that takes several values in one step takes those that were released, and no more.
#[test]
fn magazine_takes_only_released_values() {
    loom::model(|| {
        let pool: &'static Pool<Value, 2> = Box::leak(Box::new(Pool::new()));
        let (a, b) = (pool.acquire().unwrap(), pool.acquire().unwrap());
        let other = thread::spawn(move || {
            let mut b = b;
            *b.0 = 2;
            thread::yield_now();
            assert_eq!(*b.0, 2, "another owner's");
        });
        drop(a);
        {
            let magazine = pool.magazine::<4>();
            let mut mine: Vec<_> = core::iter::from_fn(|| magazine.acquire()).collect();
            for value in &mut mine {
                assert_eq!(*value.0, 0, "not reset, or another owner's");
                *value.0 = 1;
            }
            thread::yield_now();
            assert!(mine.iter().all(|value| *value.0 == 1), "another owner's");
        }
        other.join().unwrap();
        // SAFETY: from a box; the threads that used it have ended.
        check_all_released(Arc::new(unsafe { core::ptr::read(pool) }));
    });
}
