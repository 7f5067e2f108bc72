//! `Spsc` under loom, which tries every interleaving and every stale read that the orderings allow.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use crate::endpoints::{Value, lend, pop, push};
use loom::sync::Arc;
use loom::thread;
use vvp_core::queue::{PopError, Spsc};

one_to_one!(Spsc);

#[test]
fn close_publishes_staged_values() {
    loom::model(|| {
        lend(Spsc::<Value, 2>::new(), |queue| {
            let (mut tx, mut rx) = queue.split();
            let producer = thread::spawn(move || {
                push(&mut tx, 0);
                tx.stage(Box::new(1)).unwrap();
                tx.close();
            });
            (0..2).for_each(|n| assert_eq!(pop(&mut rx), Some(n)));
            assert_eq!(pop(&mut rx), None);
            producer.join().unwrap();
        });
    });
}

#[test]
fn batches_are_published_at_once() {
    loom::model(|| {
        lend(Spsc::<Value, 2>::new(), |queue| {
            let (mut tx, mut rx) = queue.split();
            let producer = thread::spawn(move || {
                push(&mut tx, 0);
                loop {
                    // The grant crosses the wrap.
                    if let Ok(mut grant) = tx.grant(2) {
                        grant.push(Box::new(1)).unwrap();
                        grant.slots().0.iter_mut().chain([]).for_each(|slot| _ = slot.write(Box::new(2)));
                        // SAFETY: the last slot has just been written.
                        unsafe { grant.assume_written(1) };
                        grant.commit();
                        break;
                    }
                    thread::yield_now();
                }
            });
            assert_eq!(pop(&mut rx), Some(0));
            loop {
                if let Ok(lent) = rx.read(2) {
                    assert!(lent.iter().map(|v| **v).eq([1, 2]));
                    lent.release();
                    break;
                }
                assert_eq!(rx.available() % 2, 0, "half a batch was seen");
                thread::yield_now();
            }
            producer.join().unwrap();
        });
    });
}

#[test]
fn drain_releases_its_slots() {
    loom::model(|| {
        lend(Spsc::<Value, 2>::new(), |queue| {
            let (mut tx, mut rx) = queue.split();
            push(&mut tx, 0);
            push(&mut tx, 1);
            let producer = thread::spawn(move || push(&mut tx, 2)); // needs a slot that the drain releases
            let mut drain = rx.drain();
            assert_eq!(drain.next().map(|value| *value), Some(0));
            assert_eq!(drain.next().map(|value| *value), Some(1));
            drop(drain);
            assert_eq!(pop(&mut rx), Some(2));
            producer.join().unwrap();
        });
    });
}

#[test]
fn values_of_an_aborted_grant_are_dropped_once() {
    loom::model(|| {
        let mark = Arc::new(());
        let queue = Arc::new(Spsc::<Arc<()>, 2>::new());
        let producer = {
            let (queue, mark) = (Arc::clone(&queue), Arc::clone(&mark));
            thread::spawn(move || {
                let mut tx = queue.producer().unwrap();
                tx.push(Arc::clone(&mark)).unwrap();
                let mut grant = tx.grant(1).unwrap();
                grant.push(mark).unwrap();
                drop(grant); // aborted
            })
        };
        let taken = queue.consumer().unwrap().pop();
        producer.join().unwrap();
        drop((taken, queue));
        assert_eq!(Arc::strong_count(&mark), 1);
    });
}
