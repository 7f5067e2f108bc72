//! `Mpsc` under loom, which tries every interleaving and every stale read that the orderings allow.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use crate::endpoints::{Value, lend, pop, push};
use loom::sync::Arc;
use loom::thread;
use vvp_core::queue::{Mpsc, PopError};

#[test]
fn two_producers_keep_their_order() {
    loom::model(|| {
        lend(Mpsc::<Value, 4>::new(), |queue| {
            let (mut a, mut rx) = queue.split();
            let mut b = a.clone();
            let first = thread::spawn(move || (0..2).for_each(|n| push(&mut a, n)));
            let second = thread::spawn(move || push(&mut b, 10));
            let taken: Vec<usize> = (0..3).filter_map(|_| pop(&mut rx)).collect();
            assert!(taken.iter().copied().filter(|n| *n < 10).eq(0..2) && taken.contains(&10), "{taken:?}");
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!(rx.pop(), Err(PopError::Empty));
        });
    });
}

#[test]
fn slots_are_reused() {
    loom::model(|| {
        lend(Mpsc::<Value, 2>::new(), |queue| {
            let (mut tx, mut rx) = queue.split();
            push(&mut tx, 0);
            push(&mut tx, 1);
            let producer = thread::spawn(move || push(&mut tx, 2));
            (0..3).for_each(|n| assert_eq!(pop(&mut rx), Some(n)));
            producer.join().unwrap();
        });
    });
}

#[test]
fn two_producers_share_the_last_slot() {
    loom::model(|| {
        lend(Mpsc::<Value, 2>::new(), |queue| {
            let (mut a, mut rx) = queue.split();
            push(&mut a, 0);
            let mut b = a.clone();
            let other = thread::spawn(move || b.push(Box::new(10)).is_ok());
            let mine = a.push(Box::new(1)).is_ok();
            let theirs = other.join().unwrap();
            assert!(mine != theirs, "one slot, but not exactly one of two took it");
            assert_eq!(a.stats().full_count, 1);
            assert_eq!(pop(&mut rx), Some(0));
            assert_eq!(pop(&mut rx), Some(if mine { 1 } else { 10 }));
        });
    });
}

#[test]
fn slice_stays_together() {
    loom::model(|| {
        let queue = Arc::new(Mpsc::<usize, 4>::new());
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.producer().push(10).unwrap())
        };
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || assert_eq!(queue.producer().push_slice(&[1, 2]), 2))
        };
        let mut rx = queue.consumer().unwrap();
        let mut taken = Vec::new();
        let mut out = [0; 4];
        while taken.len() < 3 {
            let n = rx.pop_slice(&mut out);
            assert!(out[..n] != [1] && out[..n] != [10, 1], "half a slice was seen");
            taken.extend_from_slice(&out[..n]);
            thread::yield_now();
        }
        assert!(taken == [10, 1, 2] || taken == [1, 2, 10], "{taken:?}");
        other.join().unwrap();
        runner.join().unwrap();
    });
}

#[test]
fn unwritten_slots_of_a_grant_are_passed_over() {
    loom::model(|| {
        lend(Mpsc::<Value, 4>::new(), |queue| {
            let (mut a, mut rx) = queue.split();
            let mut b = a.clone();
            let granting = thread::spawn(move || {
                let mut grant = a.grant(2).unwrap();
                grant.push(Box::new(1)).unwrap();
                grant.commit(); // one of two
                let mut grant = a.grant(1).unwrap();
                grant.push(Box::new(2)).unwrap();
                drop(grant); // aborted
            });
            b.push(Box::new(10)).unwrap();
            let mut taken = [pop(&mut rx).unwrap(), pop(&mut rx).unwrap()];
            granting.join().unwrap();
            taken.sort_unstable();
            assert_eq!((taken, rx.pop()), ([1, 10], Err(PopError::Empty)));
            let stats = rx.stats();
            assert_eq!((stats.pushed, stats.popped, stats.depth), (2, 2, 0));
        });
    });
}

#[test]
fn last_value_before_a_close_is_not_missed() {
    loom::model(|| {
        lend(Mpsc::<Value, 2>::new(), |queue| {
            let (mut a, mut rx) = queue.split();
            let b = a.clone();
            let first = thread::spawn(move || {
                push(&mut a, 0);
                a.close();
            });
            let second = thread::spawn(move || drop(b));
            // Not in a loop that yields: loom would forget the stale values that this test is
            // about.
            match rx.pop() {
                Ok(value) => assert_eq!(*value, 0),
                Err(e) => assert!(e != PopError::Closed, "closed, but a value was left: assertion"),
            }
            first.join().unwrap();
            second.join().unwrap();
            while rx.pop().is_ok() {}
            assert_eq!((rx.pop(), rx.is_closed()), (Err(PopError::Closed), true));
        });
    });
}

#[test]
fn producer_may_come_while_the_last_one_leaves() {
    loom::model(|| {
        let queue = Arc::new(Mpsc::<Value, 2>::new());
        let old = queue.producer();
        let newer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut tx = queue.producer();
                assert!(!queue.is_closed(), "there is a producer");
                tx.push(Box::new(1)).unwrap();
            })
        };
        old.close();
        newer.join().unwrap();
        assert_eq!(queue.consumer().unwrap().pop().map(|value| *value), Ok(1));
    });
}

#[test]
fn consumer_is_restarted_while_producers_run() {
    loom::model(|| {
        let queue = Arc::new(Mpsc::<Value, 2>::new());
        let take_one = |queue: &Mpsc<Value, 2>| queue.consumer().and_then(|mut rx| rx.pop().ok()).map(|value| *value);
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || take_one(&queue))
        };
        let mut tx = queue.producer();
        tx.push(Box::new(0)).unwrap();
        tx.push(Box::new(1)).unwrap();
        let mine = take_one(&queue);
        let theirs = other.join().unwrap();
        assert!(mine != theirs || mine.is_none());
        let taken = usize::from(mine.is_some()) + usize::from(theirs.is_some());
        assert_eq!(queue.stats().popped, taken);
        let mut rx = queue.consumer().unwrap();
        assert_eq!(rx.pop().ok().map(|value| *value), (taken < 2).then_some(taken));
    });
}

#[test]
fn remaining_values_are_dropped_with_the_queue() {
    loom::model(|| {
        let mark = Arc::new(());
        let queue = Arc::new(Mpsc::<Arc<()>, 2>::new());
        let producer = {
            let (queue, mark) = (Arc::clone(&queue), Arc::clone(&mark));
            thread::spawn(move || queue.producer().push(mark).unwrap())
        };
        queue.producer().push(Arc::clone(&mark)).unwrap();
        let taken = queue.consumer().unwrap().pop();
        producer.join().unwrap();
        drop((taken, queue));
        assert_eq!(Arc::strong_count(&mark), 1);
    });
}
