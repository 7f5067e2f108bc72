//! Many producers into one queue, at full speed, with checksums. `.ci/tsan` runs this under
//! ThreadSanitizer, and then its mutants, which must be caught.

use crate::values::checked;
use std::thread;
use vvp_core::queue::{Mpsc, PopError};

/// Producers, and values from each: enough for all interleavings to be likely, few enough for the
/// sanitizer.
const PRODUCERS: u64 = 3;
const EACH: u64 = 30_000;

/// Checks that each producer's values arrive in order, complete, and whole.
#[derive(Default)]
struct Check {
    next: [u64; PRODUCERS as usize],
}

impl Check {
    fn take(&mut self, taken: [u64; 3]) {
        let next = &mut self.next[taken[0] as usize];
        assert_eq!(taken, checked(taken[0], *next));
        *next += 1;
    }
    fn complete(&self) {
        assert_eq!(self.next, [EACH; PRODUCERS as usize]);
    }
}

#[test]
fn single_values() {
    static QUEUE: Mpsc<[u64; 3], 64> = Mpsc::new();
    let mut rx = QUEUE.consumer().unwrap();
    for producer in 0..PRODUCERS {
        let mut tx = QUEUE.producer();
        thread::spawn(move || {
            for n in 0..EACH {
                while tx.push(checked(producer, n)).is_err() {
                    thread::yield_now();
                }
            }
            tx.close();
        });
    }
    let mut check = Check::default();
    loop {
        match rx.pop() {
            Ok(taken) => check.take(taken),
            Err(PopError::Closed) => break,
            Err(_) => thread::yield_now(),
        }
    }
    check.complete();
    let stats = QUEUE.stats();
    assert_eq!((stats.pushed as u64, stats.popped, stats.depth), (PRODUCERS * EACH, stats.pushed, 0));
    assert!(stats.high_water <= 64 && (stats.full_count == 0 || stats.high_water == 64));
}

/// Slices of all lengths, by copying and by grants, some of which are aborted.
#[test]
fn slices_and_grants() {
    let mut queue = Mpsc::<[u64; 3], 32>::new();
    let (tx, mut rx) = queue.split();
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let mut tx = tx.clone();
            scope.spawn(move || {
                let mut n = 0;
                while n < EACH {
                    let most = (1 + n % 13).min(EACH - n);
                    if n % 3 == 0 {
                        let run: Vec<_> = (n..n + most).map(|n| checked(producer, n)).collect();
                        n += tx.push_slice(&run) as u64;
                    } else {
                        let Ok(mut grant) = tx.grant(most as usize) else {
                            thread::yield_now();
                            continue;
                        };
                        let written = most - n % 2 * (most / 2);
                        (n..n + written).for_each(|n| grant.push(checked(producer, n)).unwrap());
                        if n % 7 != 1 {
                            grant.commit();
                            n += written;
                        } else {
                            drop(grant); // written, and aborted
                            while tx.push(checked(producer, n)).is_err() {
                                thread::yield_now();
                            }
                            n += 1;
                        }
                    }
                    thread::yield_now();
                }
            });
        }
        let (mut check, mut count) = (Check::default(), 0);
        let mut out = [[0; 3]; 20];
        while count < PRODUCERS * EACH {
            let n = rx.pop_slice(&mut out);
            out[..n].iter().for_each(|taken| check.take(*taken));
            count += n as u64;
            for taken in rx.drain().take(5) {
                check.take(taken);
                count += 1;
            }
            if n == 0 {
                thread::yield_now();
            }
        }
        check.complete();
    });
    assert_eq!(rx.pop(), Err(PopError::Empty));
    let stats = rx.stats();
    assert_eq!((stats.pushed as u64, stats.depth), (PRODUCERS * EACH, 0));
}

/// Producers come and go and the consumer changes hands; no value is lost or popped twice.
#[test]
fn handles_change_hands_without_loss() {
    static QUEUE: Mpsc<Box<u64>, 16> = Mpsc::new();
    const ALL: u64 = 12_000;
    let sum = thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            scope.spawn(move || {
                for start in (producer..ALL).step_by(PRODUCERS as usize * 10) {
                    let mut tx = QUEUE.producer();
                    for n in (start..ALL).step_by(PRODUCERS as usize).take(10) {
                        let mut value = Box::new(n);
                        while let Err(full) = tx.push(value) {
                            value = full.0;
                            thread::yield_now();
                        }
                    }
                }
            });
        }
        let takers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut sum = 0;
                    while (QUEUE.stats().popped as u64) < ALL {
                        if let Some(mut rx) = QUEUE.consumer() {
                            sum += rx.drain().take(50).map(|value| *value).sum::<u64>();
                        }
                        thread::yield_now();
                    }
                    sum
                })
            })
            .collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).sum::<u64>()
    });
    assert_eq!(sum, (0..ALL).sum::<u64>());
    assert!(QUEUE.is_empty());
}
