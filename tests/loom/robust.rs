//! The queue whose producers may die, under loom, which tries every interleaving and every stale read that the orderings
//! allow. A producer that dies is a thread that ends in the middle of a push; the operating system's word of it is a flag,
//! raised after all that the thread did.
//!
//! `.ci/loom` runs this, and then its broken twins, which must fail.
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

/// One producer each that lives, and a consumer that passes over whatever it may, wrongly if it can.
#[test]
fn nobody_alive_is_passed_over() {
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
        // No yielding here: it would make loom forget the stale values that are the point.
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

/// Values are whole and in order while slots are used again, and a refused push leaves no trace.
#[test]
fn slots_are_used_again() {
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

/// Takes what is there, passing over what `lives` lets it.
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

/// Lane 0 dies somewhere in a push, and lane 1 pushes: what was published comes, once, and the rest holds up nobody.
#[test]
fn a_death_in_a_push_loses_nothing_and_holds_up_nobody() {
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
            // Acquire: as the word of an operating system.
            let mut taken = take(&mut rx, 2, |lane| lane != 0 || !dead.load(Ordering::Acquire));
            dying.join().unwrap();
            taken.extend(take(&mut rx, 4, |lane| lane != 0));
            taken.sort_unstable();
            assert_eq!(taken, if at == Stage::Published { vec![1, 10] } else { vec![10] });
            assert_eq!((rx.pop(), queue.is_empty()), (Err(PopError::Empty), true));
        });
    }
}

/// Who takes the lane over goes on at the exact place, whatever the consumer does meanwhile; and does not make it pass over
/// what the dead one had published.
#[test]
fn a_lane_is_taken_over_at_the_exact_place() {
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
                    // Acquire: as the word of an operating system.
                    if !dead.load(Ordering::Acquire) {
                        return false;
                    }
                    let tx = queue.take_over_producer_of(0).unwrap();
                    assert_eq!(tx.position(), published, "another place");
                    true
                })
            };
            let mut rx = queue.consumer().unwrap();
            // To this one nobody ever dies: only the step of who took the lane over frees the slot.
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

/// The place of a lane is right even while its last values are taken out and their slots go to another.
#[test]
fn the_place_is_right_while_slots_change_hands() {
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
        assert_eq!(tx.position(), 1, "another place");
        other.join().unwrap();
    });
}

/// A consumer that takes over gets what was not given back, and nothing twice.
#[test]
fn a_consumer_is_restarted_while_a_producer_runs() {
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
