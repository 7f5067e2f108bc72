//! `SequencedSpsc` under loom, which tries every interleaving and every stale read that the
//! orderings allow.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use crate::endpoints::{Value, lend, pop, push};
use loom::sync::Arc;
use loom::thread;
use vvp_core::queue::{PopError, SequencedSpsc};

one_to_one!(SequencedSpsc);

#[test]
fn drain_releases_its_slots() {
    loom::model(|| {
        lend(SequencedSpsc::<Value, 2>::new(), |queue| {
            let (mut tx, mut rx) = queue.split();
            push(&mut tx, 0);
            push(&mut tx, 1);
            let producer = thread::spawn(move || push(&mut tx, 2)); // needs a slot that the drain releases
            let mut taken: Vec<usize> = rx.drain().map(|value| *value).collect();
            while taken.len() < 3 {
                taken.extend(pop(&mut rx));
            }
            assert_eq!(taken, [0, 1, 2]);
            producer.join().unwrap();
        });
    });
}

#[test]
fn peek_sees_a_value_only_after_it_is_written() {
    loom::model(|| {
        lend(SequencedSpsc::<Value, 1>::new(), |queue| {
            let (mut tx, mut rx) = queue.split();
            let producer = thread::spawn(move || push(&mut tx, 5));
            loop {
                if let Some(value) = rx.peek() {
                    assert_eq!(**value, 5);
                    break;
                }
                thread::yield_now();
            }
            assert_eq!(pop(&mut rx), Some(5));
            producer.join().unwrap();
        });
    });
}
