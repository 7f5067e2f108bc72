//! The pool and its magazines under loom, which tries every interleaving and every stale read that the orderings allow.
//!
//! `.ci/loom` runs this, and then its broken twins, which must fail: a slot is given back, by its box or
//! by a magazine, or claimed by its handle, with an ordering that is too weak; a magazine keeps what it has shed, or takes
//! more than was given back.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use vvp_core::pool::{HandleError, Pool, PoolBox, Reset};

/// A value on the heap, which says who had it last: one that has two owners, or is dropped twice, is memory gone wrong.
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

/// Takes one if there is one, and makes sure of it.
fn use_one<const N: usize>(pool: &Pool<Value, N>, who: usize) -> bool {
    let Some(mut value) = pool.acquire() else { return false };
    assert_eq!(*value.0, 0, "not reset, or somebody else's");
    *value.0 = who;
    thread::yield_now();
    assert_eq!(*value.0, who, "somebody else's");
    true
}

fn all_are_back<const N: usize>(mut pool: Shared<N>) {
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
        all_are_back(pool);
    });
}

#[test]
fn two_threads_take_and_give_back() {
    loom::model(|| {
        let pool = pool::<2>();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || (0..2).for_each(|_| assert!(use_one(&pool, 2), "there are two")))
        };
        (0..2).for_each(|_| assert!(use_one(&pool, 1), "there are two"));
        other.join().unwrap();
        all_are_back(pool);
    });
}

/// Both give back at once, so that one finds the other's entry filled and the tail not yet moved.
#[test]
fn two_threads_give_back_what_one_took() {
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
        // SAFETY: it came from a box, and nobody uses it any more.
        all_are_back(Arc::new(unsafe { core::ptr::read(pool) }));
    });
}

#[test]
fn three_threads_and_one_slot() {
    loom::model(|| {
        let pool = pool::<1>();
        let others = [2, 3].map(|who| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || use_one(&pool, who))
        });
        let mine = use_one(&pool, 1);
        let theirs = others.map(|other| other.join().unwrap());
        assert!(mine || theirs[0] || theirs[1]);
        all_are_back(pool);
    });
}

#[test]
fn a_handle_has_one_taker() {
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
        all_are_back(pool);
    });
}

#[test]
fn a_loan_keeps_others_away() {
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
        all_are_back(pool);
    });
}

#[test]
fn readers_and_a_writer() {
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
        all_are_back(pool);
    });
}

#[test]
fn an_old_handle_stays_old() {
    loom::model(|| {
        let pool = pool::<1>();
        let old = pool.acquire_handle().unwrap();
        let other = {
            let pool = Arc::clone(&pool);
            // The same slot, for the next one.
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
        all_are_back(pool);
    });
}

#[test]
fn magazines_share_the_pool() {
    loom::model(|| {
        let pool = pool::<2>();
        let use_some = |pool: &Pool<Value, 2>, who: usize| {
            let magazine = pool.magazine::<1>();
            let mut got = 0;
            for _ in 0..2 {
                if let Some(mut value) = magazine.acquire() {
                    assert_eq!(*value.0, 0, "not reset, or somebody else's");
                    *value.0 = who;
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
        all_are_back(pool);
    });
}

/// A magazine sheds several at once, while another thread takes from and gives to the pool.
#[test]
fn a_magazine_gives_back_in_one_go() {
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
        all_are_back(pool);
    });
}

/// A full magazine sheds what came first; another thread may have that at once, and the magazine has it no more.
#[test]
fn what_a_magazine_sheds_it_has_no_more() {
    loom::model(|| {
        let pool = pool::<2>();
        let magazine = pool.magazine::<1>();
        let (a, b) = (magazine.acquire().unwrap(), magazine.acquire().unwrap());
        drop(a);
        drop(b); // no room: the one before goes to the pool
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(use_one(&pool, 2), "one is in the pool"))
        };
        let mut mine = magazine.acquire().unwrap();
        assert_eq!(*mine.0, 0, "not reset, or somebody else's");
        *mine.0 = 1;
        thread::yield_now();
        assert_eq!(*mine.0, 1, "somebody else's");
        other.join().unwrap();
        drop(mine);
        drop(magazine);
        all_are_back(pool);
    });
}

/// A magazine that takes several at once takes those that were given back, and no more.
#[test]
fn a_magazine_takes_only_what_is_there() {
    loom::model(|| {
        let pool: &'static Pool<Value, 2> = Box::leak(Box::new(Pool::new()));
        let (a, b) = (pool.acquire().unwrap(), pool.acquire().unwrap());
        let other = thread::spawn(move || {
            let mut b = b;
            *b.0 = 2;
            thread::yield_now();
            assert_eq!(*b.0, 2, "somebody else's");
        });
        drop(a);
        {
            let magazine = pool.magazine::<4>();
            let mut mine: Vec<_> = core::iter::from_fn(|| magazine.acquire()).collect();
            for value in &mut mine {
                assert_eq!(*value.0, 0, "not reset, or somebody else's");
                *value.0 = 1;
            }
            thread::yield_now();
            assert!(mine.iter().all(|value| *value.0 == 1), "somebody else's");
        }
        other.join().unwrap();
        // SAFETY: it came from a box, and nobody uses it any more.
        all_are_back(Arc::new(unsafe { core::ptr::read(pool) }));
    });
}
