//! Tests of two threads for both queues from one producer to one consumer.

use crate::values::nth;

/// Values through each queue: enough for all interleavings to be likely, few enough for the
/// sanitizer.
pub(crate) const ROUNDS: u64 = 100_000;

/// Checks that numbers arrive in order and complete.
#[derive(Default)]
pub(crate) struct Check {
    pub(crate) count: u64,
}

impl Check {
    pub(crate) fn take(&mut self, value: u64) {
        assert_eq!(value, nth(self.count), "at {}", self.count);
        self.count += 1;
    }
}

/// Defines the tests of the queue of this name.
macro_rules! one_to_one {
    ($Queue:ident) => {
        #[test]
        fn single_values() {
            static QUEUE: $Queue<u64, 64> = $Queue::new();
            let mut tx = QUEUE.producer().unwrap();
            let producer = thread::spawn(move || {
                for n in 0..ROUNDS {
                    while tx.push(nth(n)).is_err() {
                        thread::yield_now();
                    }
                }
                tx.close();
            });
            let mut rx = QUEUE.consumer().unwrap();
            let mut check = Check::default();
            loop {
                match rx.pop() {
                    Ok(value) => check.take(value),
                    Err(PopError::Closed) => break,
                    Err(_) => thread::yield_now(),
                }
            }
            producer.join().unwrap();
            assert_eq!(check.count, ROUNDS);
            let stats = QUEUE.stats();
            assert_eq!((stats.pushed as u64, stats.popped as u64, stats.depth), (ROUNDS, ROUNDS, 0));
            assert!(stats.high_water >= 1 && stats.high_water <= 64);
            assert!(stats.full_count == 0 || stats.high_water == 64);
        }

        #[test]
        fn slices_and_drains() {
            let mut queue = $Queue::<u64, 128>::new();
            let (mut tx, mut rx) = queue.split();
            thread::scope(|scope| {
                scope.spawn(move || {
                    let all: Vec<u64> = (0..ROUNDS).map(nth).collect();
                    let mut rest = all.as_slice();
                    while !rest.is_empty() {
                        let n = tx.push_slice(&rest[..rest.len().min(50)]);
                        rest = &rest[n..];
                        if n == 0 {
                            thread::yield_now();
                        }
                    }
                });
                let mut check = Check::default();
                let mut out = [0; 40];
                while check.count < ROUNDS {
                    let n = rx.pop_slice(&mut out);
                    out[..n].iter().for_each(|value| check.take(*value));
                    rx.drain().take(30).for_each(|value| check.take(value));
                    if n == 0 {
                        thread::yield_now();
                    }
                }
            });
        }

        #[test]
        fn endpoints_change_hands_without_loss() {
            static QUEUE: $Queue<Box<u64>, 32> = $Queue::new();
            const EACH: u64 = 100;
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        loop {
                            let Some(mut tx) = QUEUE.producer() else {
                                thread::yield_now();
                                continue;
                            };
                            // Resumes where the last one stopped.
                            let n = tx.stats().pushed as u64;
                            if n == ROUNDS / 10 {
                                break;
                            }
                            for n in n..(n + EACH).min(ROUNDS / 10) {
                                let mut value = Box::new(nth(n));
                                while let Err(full) = tx.push(value) {
                                    value = full.0;
                                    thread::yield_now();
                                }
                            }
                        }
                    });
                }
                for _ in 0..2 {
                    scope.spawn(|| {
                        loop {
                            let Some(mut rx) = QUEUE.consumer() else {
                                thread::yield_now();
                                continue;
                            };
                            let mut check = Check { count: rx.stats().popped as u64 };
                            if check.count == ROUNDS / 10 {
                                break;
                            }
                            for value in core::iter::from_fn(|| rx.pop().ok()).take(EACH as usize) {
                                check.take(*value);
                            }
                        }
                    });
                }
            });
            assert!(QUEUE.is_empty());
        }
    };
}
