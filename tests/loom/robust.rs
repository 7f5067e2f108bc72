//! `RobustMpsc` under loom, which tries every interleaving and every stale read that the orderings
//! allow. A producer that dies is a thread that ends in the middle of a push; a flag that is set
//! after all its writes stands for the operating system's report of the death.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use vvp_core::queue::robust_mpsc::{RobustMpsc, Stage};
use vvp_core::queue::{PopError, RobustConsumer};

/// Two words that must go together.
type Pair = [usize; 2];
type Queue = RobustMpsc<Pair, 2, 2>;

fn pair(n: usize) -> Pair {
    [n, n + 100]
}

fn number(pair: Pair) -> usize {
    assert_eq!(pair[1], pair[0] + 100, "torn");
    pair[0]
}

/// The producer lives, and the consumer passes over every slot that the queue lets it.
#[test]
fn living_producer_is_not_passed_over() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut tx = queue.producer_of(1).unwrap();
                tx.push(pair(1)).unwrap();
                tx.push(pair(2)).unwrap();
            })
        };
        let mut rx = queue.consumer().unwrap();
        let mut taken = Vec::new();
        // Not in a loop that yields: loom would forget the stale values that this test is about.
        for _ in 0..3 {
            match rx.pop() {
                Ok(value) => taken.push(number(value)),
                Err(_) => assert!(!rx.pass_over(|_| true), "passed over: it lives"),
            }
        }
        producer.join().unwrap();
        taken.extend(std::iter::from_fn(|| rx.pop().ok()).map(number));
        assert_eq!((taken, queue.passed_over()), (vec![1, 2], 0));
    });
}

/// Values are whole and in order while slots are reused, and a refused push leaves no trace.
#[test]
fn slots_are_reused() {
    loom::model(|| {
        let queue = Arc::new(RobustMpsc::<Pair, 1, 1>::new());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut tx = queue.producer().unwrap();
                (1..4).filter(|n| tx.push(pair(*n)).is_ok()).collect::<Vec<_>>()
            })
        };
        let mut rx = queue.consumer().unwrap();
        let mut taken: Vec<_> = (0..3).filter_map(|_| rx.pop().ok()).map(number).collect();
        let pushed = producer.join().unwrap();
        taken.extend(std::iter::from_fn(|| rx.pop().ok()).map(number));
        assert_eq!(taken, pushed);
        assert_eq!(queue.stats().full_count, 3 - pushed.len());
    });
}

/// Pops up to `tries` values; passes over slots of lanes for which `lives` is false.
fn take(rx: &mut RobustConsumer<'_, Pair, 2, 2>, tries: usize, lives: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut taken = Vec::new();
    for _ in 0..tries {
        match rx.pop() {
            Ok(value) => taken.push(number(value)),
            Err(_) => {
                rx.pass_over(&lives);
            }
        }
    }
    taken
}

/// Lane 0 dies at each stage of a push, and lane 1 pushes: published values arrive once, and the
/// rest blocks no value.
#[test]
fn death_in_a_push_loses_no_value_and_blocks_no_lane() {
    for at in [Stage::Begun, Stage::Reserved, Stage::Written, Stage::Published] {
        loom::model(move || {
            let queue = Arc::new(Queue::new());
            let dead = Arc::new(AtomicBool::new(false));
            let dying = {
                let (queue, dead) = (Arc::clone(&queue), Arc::clone(&dead));
                thread::spawn(move || {
                    queue.producer_of(0).unwrap().die(pair(1), at);
                    dead.store(true, Ordering::Release);
                })
            };
            queue.producer_of(1).unwrap().push(pair(10)).unwrap();
            let mut rx = queue.consumer().unwrap();
            // Acquire: as the operating system's report.
            let mut taken = take(&mut rx, 2, |lane| lane != 0 || !dead.load(Ordering::Acquire));
            dying.join().unwrap();
            taken.extend(take(&mut rx, 4, |lane| lane != 0));
            taken.sort_unstable();
            assert_eq!(taken, if at == Stage::Published { vec![1, 10] } else { vec![10] });
            assert_eq!((rx.pop(), queue.is_empty()), (Err(PopError::Empty), true));
        });
    }
}

/// A successor resumes the lane at the exact position, whatever the consumer does meanwhile, and
/// does not make it pass over values that the dead producer had published.
#[test]
fn successor_resumes_at_the_exact_position() {
    for at in [Stage::Reserved, Stage::Published] {
        loom::model(move || {
            let queue = Arc::new(Queue::new());
            let dead = Arc::new(AtomicBool::new(false));
            let published = usize::from(at == Stage::Published);
            let first = {
                let (queue, dead) = (Arc::clone(&queue), Arc::clone(&dead));
                thread::spawn(move || {
                    queue.producer_of(0).unwrap().die(pair(0), at);
                    dead.store(true, Ordering::Release);
                })
            };
            let second = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    // Acquire: as the operating system's report.
                    if !dead.load(Ordering::Acquire) {
                        return false;
                    }
                    let tx = queue.take_over_producer_of(0).unwrap();
                    assert_eq!(tx.position(), published, "another position");
                    true
                })
            };
            let mut rx = queue.consumer().unwrap();
            // The death is never reported to this consumer: only the successor frees the slot.
            let mut taken = take(&mut rx, 1, |_| true);
            first.join().unwrap();
            let taken_over = second.join().unwrap();
            if taken_over {
                queue.producer_of(0).unwrap().push(pair(1)).unwrap();
            }
            taken.extend(take(&mut rx, 4, |_| true));
            let expected = 1 - published..1 + usize::from(taken_over);
            assert!(taken.into_iter().eq(expected), "lost, or held up");
        });
    }
}

/// The position of a lane is exact even while its last values are popped and their slots go to
/// another lane.
#[test]
fn position_is_exact_while_slots_change_lanes() {
    loom::model(|| {
        let queue = Arc::new(RobustMpsc::<usize, 1, 2>::new());
        {
            let mut tx = queue.producer_of(0).unwrap();
            tx.push(7).unwrap();
        }
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut rx = queue.consumer().unwrap();
                assert_eq!(rx.pop_with_lane(), Ok((0, 7)));
                let mut tx = queue.producer_of(1).unwrap();
                (0..2).for_each(|n| {
                    tx.push(n).unwrap();
                    assert_eq!(rx.handle(|value, lane, number| (value, lane, number)), Ok((n, 1, n)));
                });
            })
        };
        let tx = queue.producer_of(0).unwrap();
        assert_eq!(tx.position(), 1, "another position");
        other.join().unwrap();
    });
}

/// A consumer that takes over gets the values whose slots were not released, and none twice.
#[test]
fn consumer_is_restarted_while_a_producer_runs() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut tx = queue.producer_of(0).unwrap();
                (1..3).for_each(|n| tx.push(pair(n)).unwrap());
                tx.close();
            })
        };
        let mut taken = Vec::new();
        let mut rx = queue.consumer().unwrap();
        taken.extend(rx.pop().ok().map(number));
        std::mem::forget(rx); // it died
        let mut rx = queue.take_over_consumer();
        let closed = loop {
            match rx.pop() {
                Ok(value) => taken.push(number(value)),
                Err(PopError::Closed) => break true,
                Err(_) => thread::yield_now(),
            }
        };
        producer.join().unwrap();
        assert_eq!((taken, closed), (vec![1, 2], true));
    });
}
