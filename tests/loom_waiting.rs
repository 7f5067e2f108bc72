//! Tasks that wait for a queue, under loom: a wake-up that is lost would leave one asleep for ever, which loom calls a
//! deadlock.
#![cfg(all(loom, feature = "async"))]

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use loom::sync::Arc;
use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::task::Wake;
use vvp_core::queue::waiting::{AsyncSpsc, WakerCell};

/// Lets the thread that runs a task sleep until it is woken.
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

/// Nothing but the cell orders the flag.
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
fn a_value_wakes_the_consumer() {
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
fn a_close_wakes_the_consumer() {
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
fn a_consumer_that_closes_wakes_the_producer() {
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
