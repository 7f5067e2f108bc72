//! Producers that die in the middle of pushes, at full speed, with checksums. `.ci/tsan` runs this
//! under ThreadSanitizer, and then its mutants, which must be caught.

use crate::values::checked;
use std::thread;
use vvp_core::queue::PopError;
use vvp_core::queue::robust_mpsc::{RobustMpsc, Stage};
use vvp_core::sync::{AtomicBool, Ordering};

/// Producers, and values from each: enough for all interleavings to be likely, few enough for the
/// sanitizer.
const LANES: usize = 3;
const EACH: usize = 20_000;

fn value(lane: usize, number: usize) -> [u64; 3] {
    checked(lane as u64, number as u64)
}

/// Each lane's producers die now and then, at every stage of a push; the successor resumes at the
/// exact position. All published values arrive once, in order, and no other.
#[test]
fn deaths_lose_and_double_no_value() {
    static QUEUE: RobustMpsc<[u64; 3], 32, LANES> = RobustMpsc::new();
    static DEAD: [AtomicBool; LANES] = [const { AtomicBool::new(false) }; LANES];
    const STAGES: [Stage; 4] = [Stage::Begun, Stage::Reserved, Stage::Written, Stage::Published];
    for (lane, dead) in DEAD.iter().enumerate() {
        thread::spawn(move || {
            let mut tx = QUEUE.producer_of(lane).unwrap();
            let mut lives = 0;
            while tx.position() < EACH {
                let at = tx.position();
                if at % 37 == lives % 37 {
                    tx.die(value(lane, at), STAGES[lives % 4]);
                    lives += 1;
                    // Release: as an operating system reports a death.
                    dead.store(true, Ordering::Release);
                    if lives % 3 == 0 {
                        thread::yield_now();
                    }
                    // The successor is alive before it uses the queue.
                    dead.store(false, Ordering::Release);
                    tx = QUEUE.take_over_producer_of(lane).unwrap();
                    assert!(
                        tx.position() - at <= 1,
                        "lost or doubled: lane {lane} goes on at {} after {at}",
                        tx.position()
                    );
                } else if tx.push(value(lane, at)).is_err() {
                    thread::yield_now();
                }
            }
            tx.close();
        });
    }
    let mut rx = QUEUE.consumer().unwrap();
    let mut next = [0; LANES];
    loop {
        match rx.handle(|value, lane, number| (value, lane, number)) {
            Ok((taken, lane, number)) => {
                assert_eq!((taken, number), (value(lane, number), next[lane]), "lost or doubled");
                next[lane] += 1;
            }
            Err(PopError::Closed) => break,
            Err(_) => {
                if !rx.pass_over(|lane| !DEAD[lane].load(Ordering::Acquire)) {
                    thread::yield_now();
                }
            }
        }
    }
    assert!(next.iter().all(|count| *count >= EACH), "lost: {next:?}");
    let stats = QUEUE.stats();
    assert_eq!((stats.popped, stats.depth), (next.iter().sum(), 0));
    assert!(QUEUE.passed_over() > 0 && stats.high_water <= 32);
}

/// The memory that a value refers to changes owner with it: here a box, which the sanitizer
/// watches.
#[test]
fn boxes_change_hands() {
    static QUEUE: RobustMpsc<usize, 32, LANES> = RobustMpsc::new();
    for lane in 0..LANES {
        thread::spawn(move || {
            let mut tx = QUEUE.producer_of(lane).unwrap();
            for number in 0..EACH {
                let address = Box::into_raw(Box::new(value(lane, number))).expose_provenance();
                while tx.push(address).is_err() {
                    thread::yield_now();
                }
            }
            tx.close();
        });
    }
    let mut rx = QUEUE.consumer().unwrap();
    let mut next = [0; LANES];
    loop {
        match rx.pop_with_lane() {
            Ok((lane, address)) => {
                // SAFETY: from `into_raw`, and popped once.
                let taken = unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<[u64; 3]>(address)) };
                assert_eq!(*taken, value(lane, next[lane]));
                next[lane] += 1;
            }
            Err(PopError::Closed) => break,
            Err(_) => thread::yield_now(),
        }
    }
    assert_eq!(next, [EACH; LANES]);
}
