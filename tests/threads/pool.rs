//! Threads that share a pool, at full speed, with values that name their owner. `.ci/tsan` runs
//! this under ThreadSanitizer, and then as each mutant of the pool and its magazines, where it must
//! report a race.

use std::collections::VecDeque;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use vvp_core::pool::{Handle, HandleError, Magazine, Pool, PoolBox, Reset};
use vvp_core::queue::Spsc;
use vvp_core::sync::{AtomicUsize, Ordering};

/// Enough for all interleavings to be likely, few enough for the sanitizer.
const ROUNDS: u64 = 20_000;

/// Sixteen words that must be equal. Not atomics: two simultaneous owners are a data race, which
/// the sanitizer reports.
#[derive(Default)]
struct Value([u64; 16]);

impl Value {
    fn put(&mut self, n: u64) {
        self.0.fill(n);
    }
    fn check(&self, n: u64) {
        assert!(self.0.iter().all(|word| *word == n), "{:?} and not all {n}", self.0);
    }
}

impl Reset for Value {
    fn reset(&mut self) {
        self.put(0);
    }
}

#[test]
fn threads_acquire_and_release_without_conflict() {
    static POOL: Pool<Value, 8> = Pool::new();
    thread::scope(|scope| {
        for owner in 1..=3 {
            scope.spawn(move || {
                let mut mine = VecDeque::new();
                for n in 0..ROUNDS {
                    let name = owner * ROUNDS + n;
                    if let Some(mut value) = POOL.acquire() {
                        value.check(0);
                        value.put(name);
                        mine.push_back((value, name));
                    }
                    if mine.len() > n as usize % 4
                        && let Some((value, name)) = mine.pop_front()
                    {
                        value.check(name);
                    }
                }
            });
        }
    });
    let stats = POOL.stats();
    assert_eq!((stats.in_use, stats.acquired), (0, stats.released));
    assert!(stats.acquired + stats.exhausted >= 3 * ROUNDS as usize && stats.high_water <= 8);
}

/// One thread acquires boxes, the other gets them through a channel and releases them.
#[test]
fn boxes_may_be_released_by_another_thread() {
    static POOL: Pool<Value, 16> = Pool::new();
    let (tx, rx) = mpsc::sync_channel::<(PoolBox<'static, Value>, u64)>(8);
    let producer = thread::spawn(move || {
        for n in 1..=ROUNDS {
            let mut value = loop {
                match POOL.acquire() {
                    Some(value) => break value,
                    None => thread::yield_now(),
                }
            };
            value.check(0);
            value.put(n);
            tx.send((value, n)).unwrap();
        }
    });
    for (value, n) in rx {
        value.check(n);
    }
    producer.join().unwrap();
    let stats = POOL.stats();
    assert_eq!((stats.acquired as u64, stats.released as u64, stats.in_use), (ROUNDS, ROUNDS, 0));
}

/// Runs `turn` on two threads alternately. They signal each other with Relaxed, which orders
/// nothing: so they alternate on any machine, busy or idle, and only the pool orders their
/// accesses.
fn alternate(turn: impl Fn(u64) + Sync) {
    const TURNS: usize = 400;
    /// In place of a turn: the other thread has failed.
    const FAILED: usize = usize::MAX;
    struct Failing<'a>(&'a AtomicUsize);
    impl Drop for Failing<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.store(FAILED, Ordering::Relaxed); // Relaxed: as all here
            }
        }
    }
    let current = AtomicUsize::new(0);
    let turns_of = |me| {
        let _failing = Failing(&current);
        let begun = Instant::now();
        for n in (me..TURNS).step_by(2) {
            // Relaxed, both: see above.
            loop {
                match current.load(Ordering::Relaxed) {
                    now if now == n => break,
                    FAILED => panic!("the other thread has failed"),
                    _ => {}
                }
                assert!(
                    begun.elapsed() < Duration::from_secs(120),
                    "the other thread did not take its turn before {n}"
                );
                thread::yield_now();
            }
            turn(n as u64);
            current.store(n + 1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| turns_of(1));
        turns_of(0);
        other.join().unwrap();
    });
}

/// The pool's only slot changes owner each time.
#[test]
fn next_owner_sees_the_writes_of_the_last() {
    static POOL: Pool<Value, 1> = Pool::new();
    alternate(|n| {
        let mut value = loop {
            match POOL.acquire() {
                Some(value) => break value,
                None => thread::yield_now(),
            }
        };
        value.check(0);
        value.put(n);
    });
    assert_eq!(POOL.stats().in_use, 0);
}

/// The pool's only slot goes from one thread's magazine to the other's.
#[test]
fn next_magazine_sees_the_writes_of_the_last() {
    static POOL: Pool<Value, 1> = Pool::new();
    alternate(|n| {
        let magazine = POOL.magazine::<1>();
        let mut value = loop {
            match magazine.acquire() {
                Some(value) => break value,
                None => thread::yield_now(),
            }
        };
        value.check(0);
        value.put(n);
    });
    assert_eq!((POOL.stats().in_use, POOL.stats().in_magazines), (0, 0));
}

/// Each thread acquires and releases three values with a magazine for two: each time one goes to
/// the pool, where the other thread may get it, and two stay.
#[test]
fn full_magazine_keeps_no_value_that_it_released() {
    static POOL: Pool<Value, 8> = Pool::new();
    let turns_of = |magazine: &Magazine<'_, Value, 2>, n| {
        // Checked one by one: the third comes from the pool, and orders this thread after the
        // other's release.
        let all = [(); 3].map(|()| {
            let mut value = magazine.acquire().expect("there are eight");
            value.check(0);
            value.put(n);
            value
        });
        all.iter().for_each(|value| value.check(n));
    };
    let magazines = [POOL.magazine(), POOL.magazine()].map(Mutex::new);
    alternate(|n| turns_of(&magazines[n as usize % 2].lock().unwrap(), n));
    drop(magazines);
    assert_eq!((POOL.stats().in_use, POOL.stats().in_magazines), (0, 0));
}

/// Both threads borrow the same value.
#[test]
fn next_borrower_sees_the_writes_of_the_last() {
    static POOL: Pool<Value, 1> = Pool::new();
    let handle = POOL.acquire_handle().unwrap();
    alternate(|n| {
        let mut value = loop {
            match POOL.get_mut(handle) {
                Ok(value) => break value,
                Err(problem) => assert_eq!(problem, HandleError::Busy),
            }
            thread::yield_now();
        };
        value.check(n);
        value.put(n + 1);
    });
    assert_eq!(POOL.release(handle), Ok(()));
}

/// Boxes of one thread's magazine go through an `Spsc` as handles to the other's.
#[test]
fn handles_pass_between_magazines() {
    static POOL: Pool<Value, 64> = Pool::new();
    static QUEUE: Spsc<Handle, 16> = Spsc::new();
    let mut tx = QUEUE.producer().unwrap();
    let producer = thread::spawn(move || {
        let magazine = POOL.magazine::<8>();
        for n in 1..=ROUNDS {
            let mut value = loop {
                match magazine.acquire() {
                    Some(value) => break value,
                    None => thread::yield_now(),
                }
            };
            value.check(0);
            value.put(n);
            let mut handle = value.into_pool_box().into_handle();
            while let Err(full) = tx.push(handle) {
                handle = full.0;
                thread::yield_now();
            }
        }
        tx.close();
    });
    let mut rx = QUEUE.consumer().unwrap();
    let magazine = POOL.magazine::<8>();
    let mut n = 0;
    while n < ROUNDS {
        let Ok(handle) = rx.pop() else {
            thread::yield_now();
            continue;
        };
        n += 1;
        let value = magazine.adopt(handle).unwrap();
        value.check(n);
        assert_eq!(POOL.release(handle), Err(HandleError::Stale));
    }
    producer.join().unwrap();
    drop(magazine);
    let stats = POOL.stats();
    assert_eq!((stats.acquired as u64, stats.released as u64, stats.in_use), (ROUNDS, ROUNDS, 0));
    assert_eq!(stats.in_magazines, 0);
}

/// Every thread has every handle, and tries every operation.
#[test]
fn shared_handles_are_released_once() {
    static POOL: Pool<Value, 4> = Pool::new();
    for _ in 0..ROUNDS / 200 {
        let handles: Vec<Handle> = core::iter::from_fn(|| POOL.acquire_handle()).collect();
        assert_eq!(handles.len(), 4);
        let handles = &handles;
        let released: usize = thread::scope(|scope| {
            let work = |thread: u64| {
                move || {
                    let mut released = 0;
                    for n in 0..100 {
                        let handle = handles[(n + thread) as usize % 4];
                        if let Ok(mut value) = POOL.get_mut(handle) {
                            let before = value.0[0];
                            value.check(before);
                            value.put(before + thread);
                        }
                        if let Ok(value) = POOL.get(handle) {
                            value.check(value.0[0]);
                        }
                        if n > 80 {
                            released += usize::from(POOL.release(handle).is_ok());
                        }
                    }
                    released
                }
            };
            let others = [2, 3].map(|thread| scope.spawn(work(thread)));
            work(1)() + others.into_iter().map(|other| other.join().unwrap()).sum::<usize>()
        });
        assert!(released <= 4);
        handles.iter().for_each(|handle| _ = POOL.release(*handle));
        assert_eq!(POOL.stats().in_use, 0);
    }
}
