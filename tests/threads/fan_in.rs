//! Many producers with a lane each, at full speed, with checksums. `.ci/tsan` runs this under
//! ThreadSanitizer, and then its mutants, which must be caught.

use crate::values::checked;
use std::thread;
use vvp_core::queue::{FanIn, PopError};

const LANES: usize = 5;
const EACH: u64 = 20_000;

#[test]
fn single_values() {
    static QUEUE: FanIn<[u64; 3], 32, LANES> = FanIn::new();
    let mut rx = QUEUE.consumer().unwrap();
    rx.set_batch(5);
    for producer in 0..LANES {
        let mut tx = QUEUE.producer_of(producer).unwrap();
        thread::spawn(move || {
            for n in 0..EACH {
                while tx.push(checked(producer as u64, n)).is_err() {
                    thread::yield_now();
                }
            }
            tx.close();
        });
    }
    let mut next = [0; LANES];
    loop {
        match rx.pop_with_lane() {
            Ok((lane, taken)) => {
                assert_eq!(taken, checked(lane as u64, next[lane]));
                next[lane] += 1;
            }
            Err(PopError::Closed) => break,
            Err(_) => thread::yield_now(),
        }
    }
    assert_eq!(next, [EACH; LANES]);
    let stats = QUEUE.stats();
    assert_eq!((stats.pushed as u64, stats.popped, stats.depth), (LANES as u64 * EACH, stats.pushed, 0));
    assert!((0..LANES).all(|lane| QUEUE.lane_stats(lane).unwrap().pushed as u64 == EACH));
}

#[test]
fn batches() {
    let mut queue = FanIn::<[u64; 3], 64, LANES>::new();
    let (producers, mut rx) = queue.split();
    thread::scope(|scope| {
        for (producer, mut tx) in producers.into_iter().enumerate() {
            scope.spawn(move || {
                let all: Vec<_> = (0..EACH).map(|n| checked(producer as u64, n)).collect();
                let mut rest = all.as_slice();
                while !rest.is_empty() {
                    let n = tx.push_slice(&rest[..rest.len().min(1 + rest.len() % 29)]);
                    rest = &rest[n..];
                    if n == 0 {
                        thread::yield_now();
                    }
                }
                tx.close();
            });
        }
        let (mut next, mut out) = ([0; LANES], [[0; 3]; 48]);
        loop {
            let n = rx.pop_slice(&mut out);
            for taken in &out[..n] {
                let lane = taken[0] as usize;
                assert_eq!(*taken, checked(lane as u64, next[lane]));
                next[lane] += 1;
            }
            if n == 0 {
                match rx.pop() {
                    Ok([lane, n, _]) => {
                        assert_eq!(n, next[lane as usize]);
                        next[lane as usize] += 1;
                    }
                    Err(PopError::Closed) => break,
                    Err(_) => thread::yield_now(),
                }
            }
        }
        assert_eq!(next, [EACH; LANES]);
    });
}

/// More producers than lanes: each claims a free lane, pushes a few values and releases it.
#[test]
fn lanes_change_hands_without_loss() {
    static QUEUE: FanIn<Box<u64>, 8, 2> = FanIn::new();
    const PRODUCERS: u64 = 4;
    const ALL: u64 = 12_000;
    let sum = thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            scope.spawn(move || {
                let mut left: Vec<u64> = (producer..ALL).step_by(PRODUCERS as usize).collect();
                while !left.is_empty() {
                    let Some(mut tx) = QUEUE.producer() else {
                        thread::yield_now();
                        continue;
                    };
                    // Staged values are published when the lane is released.
                    for _ in 0..7 {
                        let Some(n) = left.pop() else { break };
                        if tx.stage(Box::new(n)).is_err() {
                            left.push(n);
                            break;
                        }
                    }
                }
            });
        }
        let (mut sum, mut count) = (0, 0);
        while count < ALL {
            // The consumer changes hands as well.
            let mut rx = QUEUE.consumer().expect("not claimed");
            for value in rx.drain().take(100) {
                sum += *value;
                count += 1;
            }
            thread::yield_now();
        }
        sum
    });
    assert_eq!(sum, (0..ALL).sum::<u64>());
    assert!(QUEUE.is_empty() && QUEUE.consumer().unwrap().pop().is_err());
}
