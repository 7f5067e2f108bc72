//! Threads that share a pool, at full speed, with values that say who has them. `.ci/tsan` runs this under the thread
//! sanitizer, and then as each of the broken twins of the pool and its magazines, where it must report a race.

use std::collections::VecDeque;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use vvp_core::pool::{Handle, HandleError, Magazine, Pool, PoolBox, Reset};
use vvp_core::queue::Spsc;
use vvp_core::sync::{AtomicUsize, Ordering};

/// Enough that the threads meet in every way, few enough for the sanitizer.
const ROUNDS: u64 = 20_000;

/// Sixteen words that must be alike. Not atomics: two owners at once are a race, and the sanitizer says so.
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
fn everybody_takes_and_gives_back() {
    static POOL: Pool<Value, 8> = Pool::new();
    thread::scope(|scope| {
        for who in 1..=3 {
            scope.spawn(move || {
                let mut mine = VecDeque::new();
                for n in 0..ROUNDS {
                    let name = who * ROUNDS + n;
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

/// One thread takes, the other gives back: boxes through a channel, and back to their slots on the other side.
#[test]
fn freed_by_another_thread() {
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

/// Two threads in turns, each of which must come after what the other did the time before. Whose turn it is they tell
/// each other with Relaxed, which orders nothing: so they alternate on any machine, however busy or idle, and all order
/// there is between their turns is that of the pool.
fn in_turns(turn: impl Fn(u64) + Sync) {
    const TURNS: usize = 400;
    /// Instead of a turn: there will be none.
    const FAILED: usize = usize::MAX;
    struct Failing<'a>(&'a AtomicUsize);
    impl Drop for Failing<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.store(FAILED, Ordering::Relaxed); // Relaxed: as all of them
            }
        }
    }
    let whose = AtomicUsize::new(0);
    let turns_of = |me| {
        let _failing = Failing(&whose);
        let begun = Instant::now();
        for n in (me..TURNS).step_by(2) {
            // Relaxed, both: see above.
            loop {
                match whose.load(Ordering::Relaxed) {
                    now if now == n => break,
                    FAILED => panic!("the other thread has failed"),
                    _ => {}
                }
                assert!(begun.elapsed() < Duration::from_secs(120), "waited for the other thread's turn before {n}");
                thread::yield_now();
            }
            turn(n as u64);
            whose.store(n + 1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| turns_of(1));
        turns_of(0);
        other.join().unwrap();
    });
}

/// The only slot there is goes to and fro.
#[test]
fn the_next_owner_sees_what_the_last_one_did() {
    static POOL: Pool<Value, 1> = Pool::new();
    in_turns(|n| {
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

/// The only slot there is goes to and fro, from one's magazine to the other's.
#[test]
fn the_next_magazine_sees_what_the_last_one_did() {
    static POOL: Pool<Value, 1> = Pool::new();
    in_turns(|n| {
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

/// Each has a magazine with room for two, and takes and gives back three: so each time one goes to the pool, where the
/// other may find it, and two stay.
#[test]
fn a_full_magazine_keeps_nothing_that_it_gave_back() {
    static POOL: Pool<Value, 8> = Pool::new();
    let turns_of = |magazine: &Magazine<'_, Value, 2>, n| {
        // Looked at one by one: the third comes from the pool, and after it we have seen all that the other did.
        let all = [(); 3].map(|()| {
            let mut value = magazine.acquire().expect("there are eight");
            value.check(0);
            value.put(n);
            value
        });
        all.iter().for_each(|value| value.check(n));
    };
    let magazines = [POOL.magazine(), POOL.magazine()].map(Mutex::new);
    in_turns(|n| turns_of(&magazines[n as usize % 2].lock().unwrap(), n));
    drop(magazines);
    assert_eq!((POOL.stats().in_use, POOL.stats().in_magazines), (0, 0));
}

/// The same value is lent to one and to the other.
#[test]
fn the_next_borrower_sees_what_the_last_one_did() {
    static POOL: Pool<Value, 1> = Pool::new();
    let handle = POOL.acquire_handle().unwrap();
    in_turns(|n| {
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

/// The same with magazines on both sides, and handles through our own queue.
#[test]
fn handles_and_magazines() {
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

/// Every thread has every handle, and all try everything.
#[test]
fn everybody_has_the_same_handles() {
    static POOL: Pool<Value, 4> = Pool::new();
    for _ in 0..ROUNDS / 200 {
        let handles: Vec<Handle> = core::iter::from_fn(|| POOL.acquire_handle()).collect();
        assert_eq!(handles.len(), 4);
        let handles = &handles;
        let released: usize = thread::scope(|scope| {
            let work = |who: u64| {
                move || {
                    let mut released = 0;
                    for n in 0..100 {
                        let handle = handles[(n + who) as usize % 4];
                        if let Ok(mut value) = POOL.get_mut(handle) {
                            let before = value.0[0];
                            value.check(before);
                            value.put(before + who);
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
            let others = [2, 3].map(|who| scope.spawn(work(who)));
            work(1)() + others.into_iter().map(|other| other.join().unwrap()).sum::<usize>()
        });
        assert!(released <= 4);
        handles.iter().for_each(|handle| _ = POOL.release(*handle));
        assert_eq!(POOL.stats().in_use, 0);
    }
}
