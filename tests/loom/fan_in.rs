//! The lanes of `FanIn` under loom, which tries every interleaving and every stale read that the
//! orderings allow. `tests/loom/spsc.rs` covers a lane itself.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use crate::endpoints::{Value, lend, pop};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use vvp_core::queue::{FanIn, PopError};

#[test]
fn values_of_all_lanes_arrive() {
    loom::model(|| {
        lend(FanIn::<Value, 2, 2>::new(), |queue| {
            let ([mut a, mut b], mut rx) = queue.split();
            let first = thread::spawn(move || (0..2).for_each(|n| a.push(Box::new(n)).unwrap()));
            let second = thread::spawn(move || b.push(Box::new(10)).unwrap());
            let taken: Vec<usize> = (0..3).filter_map(|_| pop(&mut rx)).collect();
            assert!(taken.iter().copied().filter(|n| *n < 10).eq(0..2) && taken.contains(&10), "{taken:?}");
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!(rx.pop(), Err(PopError::Empty));
        });
    });
}

#[test]
fn lanes_are_claimed_concurrently() {
    loom::model(|| {
        let queue = Arc::new(FanIn::<Value, 2, 2>::new());
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut tx = queue.producer().expect("two lanes for two");
                tx.push(Box::new(1)).unwrap();
            })
        };
        let mut mine = queue.producer().expect("two lanes for two");
        mine.push(Box::new(2)).unwrap();
        let mut rx = queue.consumer().unwrap();
        let mut taken = [pop(&mut rx), pop(&mut rx)].map(Option::unwrap);
        other.join().unwrap();
        taken.sort_unstable();
        assert_eq!((taken, rx.pop()), ([1, 2], Err(PopError::Empty)));
    });
}

#[test]
fn released_lane_loses_no_value() {
    loom::model(|| {
        let queue = Arc::new(FanIn::<Value, 2, 1>::new());
        let mut tx = queue.producer().unwrap();
        let first = {
            tx.push(Box::new(1)).unwrap();
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                // Claims the lane if it is free already.
                queue.producer().map(|mut tx| tx.push(Box::new(2)).is_ok())
            })
        };
        drop(tx);
        let mut rx = queue.consumer().unwrap();
        assert_eq!(rx.pop().map(|value| *value), Ok(1));
        let second = first.join().unwrap();
        assert_eq!(rx.pop().ok().map(|value| *value), second.map(|pushed| if pushed { 2 } else { 0 }));
    });
}

#[test]
fn last_value_before_a_close_is_not_missed() {
    loom::model(|| {
        lend(FanIn::<Value, 2, 2>::new(), |queue| {
            let ([mut a, b], mut rx) = queue.split();
            drop(b);
            let producer = thread::spawn(move || {
                a.push(Box::new(0)).unwrap();
                a.close();
            });
            // Not in a loop that yields: loom would forget the stale values that this test is
            // about.
            let first = rx.pop();
            assert!(first != Err(PopError::Closed), "closed, but a value was left: assertion");
            producer.join().unwrap();
            if first.is_err() {
                assert_eq!(rx.pop().map(|value| *value), Ok(0));
            }
            assert_eq!(rx.pop(), Err(PopError::Closed));
        });
    });
}

#[test]
fn producer_that_changes_its_lane_is_not_missed() {
    loom::model(|| {
        lend(FanIn::<Value, 2, 2>::new(), |queue| {
            let ([free, old], mut rx) = queue.split();
            let queue = rx.queue();
            drop(free);
            let mover = thread::spawn(move || {
                let mut new = queue.producer_of(0).unwrap();
                old.close();
                new.push(Box::new(1)).unwrap();
            });
            // There is a producer until the value is pushed.
            let first = rx.pop();
            assert!(first != Err(PopError::Closed), "closed, but assertion: there was always a producer");
            mover.join().unwrap();
        });
    });
}

#[test]
fn producer_that_came_before_the_last_left_is_not_missed() {
    loom::model(|| {
        lend(FanIn::<Value, 2, 2>::new(), |queue| {
            let ([free, old], mut rx) = queue.split();
            let queue = rx.queue();
            drop(free);
            let here = Arc::new(AtomicBool::new(false));
            let comer = {
                let here = Arc::clone(&here);
                thread::spawn(move || {
                    let new = queue.producer_of(0).unwrap();
                    here.store(true, Ordering::Release);
                    new
                })
            };
            let leaver = thread::spawn(move || {
                if here.load(Ordering::Acquire) {
                    old.close();
                    None
                } else {
                    Some(old)
                }
            });
            assert_eq!(rx.pop().err(), Some(PopError::Empty), "there was always a producer");
            drop((comer.join().unwrap(), leaver.join().unwrap()));
        });
    });
}

#[test]
fn remaining_values_are_dropped_with_the_lanes() {
    loom::model(|| {
        let mark = Arc::new(());
        let queue = Arc::new(FanIn::<Arc<()>, 2, 2>::new());
        let producer = {
            let (queue, mark) = (Arc::clone(&queue), Arc::clone(&mark));
            thread::spawn(move || queue.producer().unwrap().push(mark).unwrap())
        };
        queue.producer().unwrap().push(Arc::clone(&mark)).unwrap();
        let taken = queue.consumer().unwrap().pop();
        producer.join().unwrap();
        drop((taken, queue));
        assert_eq!(Arc::strong_count(&mark), 1);
    });
}
