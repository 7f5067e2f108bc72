//! Tasks that wait for a queue, under loom: a lost wake-up leaves a task asleep for ever, which
//! loom reports as a deadlock.
#![cfg(all(loom, feature = "async"))]

use crate::endpoints::lend;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use loom::sync::Arc;
use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::task::Wake;
use vvp_core::queue::asynch::{AsyncFanIn, AsyncMpsc, AsyncSpsc, WakerCell};

/// A waker that unblocks the thread that runs the task.
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

fn block_on<F: Future>(task: F) -> F::Output {
    let bell = std::sync::Arc::new(Bell(Notify::new()));
    let waker = std::sync::Arc::clone(&bell).into();
    let mut task = pin!(task);
    loop {
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => bell.0.wait(),
        }
    }
}

/// Only the waker cell orders the flag.
#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let shared = Arc::new((WakerCell::new(), AtomicUsize::new(0)));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for _ in 0..2 {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.wake();
                }
            })
        };
        for wanted in 1..=2 {
            let (cell, count) = (&shared.0, &shared.1);
            block_on(poll_fn(|context| {
                if count.load(Ordering::Relaxed) >= wanted {
                    return Poll::Ready(());
                }
                cell.register(context.waker());
                if count.load(Ordering::Relaxed) >= wanted { Poll::Ready(()) } else { Poll::Pending }
            }));
        }
        other.join().unwrap();
    });
}

#[test]
fn value_wakes_the_consumer() {
    loom::model(|| {
        let queue = Arc::new(AsyncSpsc::<Box<u32>, 1>::new());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.producer().unwrap().try_push(Box::new(7)).unwrap())
        };
        let mut rx = queue.consumer().unwrap();
        assert_eq!(block_on(rx.pop()).as_deref(), Some(&7));
        producer.join().unwrap();
    });
}

#[test]
fn room_wakes_the_producer() {
    loom::model(|| {
        let queue = Arc::new(AsyncSpsc::<Box<u32>, 1>::new());
        let mut tx = queue.producer().unwrap();
        tx.try_push(Box::new(0)).unwrap();
        let consumer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || assert_eq!(queue.consumer().unwrap().try_pop().as_deref(), Ok(&0)))
        };
        assert_eq!(block_on(tx.push(Box::new(1))), Ok(()));
        consumer.join().unwrap();
    });
}

#[test]
fn close_wakes_the_consumer() {
    loom::model(|| {
        let queue = Arc::new(AsyncSpsc::<Box<u32>, 1>::new());
        let producer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.producer().unwrap().close())
        };
        let mut rx = queue.consumer().unwrap();
        assert_eq!(block_on(rx.pop()), None);
        producer.join().unwrap();
    });
}

#[test]
fn closing_consumer_wakes_the_producer() {
    loom::model(|| {
        let queue = Arc::new(AsyncSpsc::<Box<u32>, 1>::new());
        let consumer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.consumer().unwrap().close())
        };
        let mut tx = queue.producer().unwrap();
        tx.try_push(Box::new(0)).unwrap();
        assert_eq!(block_on(tx.push(Box::new(1))).map_err(|full| *full.0), Err(1));
        consumer.join().unwrap();
    });
}

#[test]
fn many_producers_wake_the_consumer() {
    // Three threads that sleep and wake: three preemptions would take minutes.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        lend(AsyncMpsc::<Box<u32>, 2, 2>::new(), |queue| {
            let mut rx = queue.consumer().unwrap();
            let producers = [1, 2].map(|n| {
                let mut tx = queue.producer().unwrap();
                thread::spawn(move || tx.try_push(Box::new(n)).unwrap())
            });
            let taken = [block_on(rx.pop()), block_on(rx.pop())].map(|value| value.map_or(0, |value| *value));
            assert!(taken == [1, 2] || taken == [2, 1]);
            producers.into_iter().for_each(|producer| producer.join().unwrap());
        });
    });
}

#[test]
fn room_wakes_one_of_many_producers() {
    loom::model(|| {
        lend(AsyncMpsc::<Box<u32>, 2, 2>::new(), |queue| {
            let mut tx = queue.producer().unwrap();
            tx.try_push(Box::new(0)).unwrap();
            tx.try_push(Box::new(1)).unwrap();
            let mut rx = queue.consumer().unwrap();
            let consumer = thread::spawn(move || assert_eq!(rx.try_pop().as_deref(), Ok(&0)));
            assert_eq!(block_on(tx.push(Box::new(2))), Ok(()));
            consumer.join().unwrap();
        });
    });
}

/// The producer that closes is not the last to go.
#[test]
fn last_producer_to_leave_wakes_the_consumer() {
    loom::model(|| {
        lend(AsyncMpsc::<Box<u32>, 2, 2>::new(), |queue| {
            let (first, last) = (queue.producer().unwrap(), queue.producer().unwrap());
            first.close();
            let going = thread::spawn(move || drop(last));
            assert_eq!(block_on(queue.consumer().unwrap().pop()), None);
            going.join().unwrap();
        });
    });
}

#[test]
fn value_in_a_lane_wakes_the_consumer() {
    loom::model(|| {
        lend(AsyncFanIn::<Box<u32>, 1, 2>::new(), |queue| {
            let mut rx = queue.consumer().unwrap();
            let mut tx = queue.producer_of(1).unwrap();
            let producer = thread::spawn(move || {
                tx.try_push(Box::new(1)).unwrap();
                tx.close();
            });
            assert_eq!(block_on(rx.pop()).as_deref(), Some(&1));
            assert_eq!(block_on(rx.pop()), None);
            producer.join().unwrap();
        });
    });
}

#[test]
fn room_in_a_lane_wakes_its_producer() {
    loom::model(|| {
        lend(AsyncFanIn::<Box<u32>, 1, 2>::new(), |queue| {
            let mut tx = queue.producer_of(1).unwrap();
            tx.try_push(Box::new(0)).unwrap();
            let mut rx = queue.consumer().unwrap();
            let consumer = thread::spawn(move || assert_eq!(rx.try_pop().as_deref(), Ok(&0)));
            assert_eq!(block_on(tx.push(Box::new(1))), Ok(()));
            consumer.join().unwrap();
        });
    });
}
