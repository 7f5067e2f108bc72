//! Awaited queues, with minimal executors.
#![cfg(feature = "async")]
#![allow(clippy::disallowed_types)] // the test has atomics of its own; nothing here runs under loom

use crate::tasks::block_on;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use vvp_core::queue::asynch::{AsyncFanIn, AsyncMpsc, AsyncSpsc};
use vvp_core::queue::{Full, PopError};

/// A waker that counts its calls.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn two_threads_pass_values_in_order() {
    static QUEUE: AsyncSpsc<u64, 8> = AsyncSpsc::new();
    const COUNT: u64 = 20_000;
    let mut tx = QUEUE.producer().unwrap();
    let producer = thread::spawn(move || {
        block_on(async {
            for n in 0..COUNT {
                tx.push(n).await.unwrap();
            }
        });
        tx.close();
    });
    let mut rx = QUEUE.consumer().unwrap();
    let taken = block_on(async {
        let mut next = 0;
        while let Some(n) = rx.pop().await {
            assert_eq!(n, next);
            next += 1;
        }
        next
    });
    producer.join().unwrap();
    assert_eq!(taken, COUNT);
    assert_eq!((QUEUE.stats().pushed as u64, QUEUE.stats().depth), (COUNT, 0));
}

/// Two tasks on one thread; each is polled only after it was woken.
#[test]
fn two_tasks_on_one_thread_wake_each_other() {
    let mut queue = AsyncSpsc::<u32, 2>::new();
    let (mut tx, mut rx) = queue.split();
    let producer = async move {
        for n in 0..100 {
            tx.push(n).await.unwrap();
        }
        tx.close();
    };
    let consumer = async move {
        let mut sum = 0;
        while let Some(n) = rx.pop().await {
            sum += n;
        }
        assert_eq!(sum, 4950);
    };
    let mut tasks: [Option<Pin<Box<dyn Future<Output = ()>>>>; 2] =
        [Some(Box::pin(producer)), Some(Box::pin(consumer))];
    let wakes = [Arc::new(Calls(AtomicUsize::new(1))), Arc::new(Calls(AtomicUsize::new(1)))];
    while tasks.iter().any(Option::is_some) {
        let mut ran = false;
        for (slot, calls) in tasks.iter_mut().zip(&wakes) {
            let Some(task) = slot else { continue };
            if calls.0.swap(0, Ordering::Relaxed) == 0 {
                continue;
            }
            ran = true;
            if task.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(calls)))).is_ready() {
                *slot = None;
            }
        }
        assert!(ran, "both tasks sleep, and no wake-up is due");
    }
}

#[test]
fn dropped_future_has_no_effect() {
    let queue = AsyncSpsc::<Box<u32>, 1>::new();
    let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(rx.pop()).poll(&mut context).is_pending());
    assert_eq!(tx.try_push(Box::new(1)), Ok(()));
    assert!(pin!(tx.push(Box::new(2))).poll(&mut context).is_pending()); // dropped, with its value
    assert_eq!(rx.try_pop(), Ok(Box::new(1)));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(tx.try_push(Box::new(3)), Ok(()));
    rx.close();
    assert_eq!(pin!(tx.push(Box::new(4))).poll(&mut context), Poll::Ready(Err(Full(Box::new(4)))));
}

#[test]
fn only_a_waiting_endpoint_is_woken() {
    let queue = AsyncSpsc::<u8, 4>::new();
    let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&calls));
    let mut context = Context::from_waker(&waker);
    assert_eq!(tx.try_push_slice(&[1, 2]), 2);
    assert_eq!(pin!(rx.pop()).poll(&mut context), Poll::Ready(Some(1)));
    assert_eq!(pin!(rx.pop()).poll(&mut context), Poll::Ready(Some(2)));
    assert!(pin!(rx.pop()).poll(&mut context).is_pending());
    assert_eq!(calls.0.load(Ordering::Relaxed), 0);
    assert_eq!(tx.try_push_slice(&[3, 4]), 2);
    assert_eq!(tx.try_push(5), Ok(()));
    assert_eq!(calls.0.load(Ordering::Relaxed), 1); // once per wait
    let mut out = [0; 4];
    assert_eq!((rx.try_pop_slice(&mut out), out), (3, [3, 4, 5, 0]));
}

/// Polls once, with a counting waker.
fn poll<F: Future>(future: F, calls: &Arc<Calls>) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(calls))))
}

/// Returns the calls since the last time.
fn woken(calls: &Calls) -> usize {
    calls.0.swap(0, Ordering::Relaxed)
}

#[test]
fn all_waiting_producers_are_woken_and_no_other() {
    let queue = AsyncMpsc::<u8, 2, 3>::new();
    let mut rx = queue.consumer().unwrap();
    let [mut a, mut b, mut c] = [(); 3].map(|()| queue.producer().unwrap());
    assert!(queue.producer().is_none(), "three waker slots");
    let (first, second, reader) = (Arc::<Calls>::default(), Arc::<Calls>::default(), Arc::<Calls>::default());
    assert!(poll(rx.pop(), &reader).is_pending());
    assert_eq!(c.try_push_slice(&[1, 2, 3]), 2);
    assert_eq!(woken(&reader), 1);
    assert!(poll(a.push(4), &first).is_pending() && poll(b.push(5), &second).is_pending());
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!((woken(&first), woken(&second)), (1, 1)); // each tries again by itself
    assert_eq!(poll(b.push(5), &second), Poll::Ready(Ok(())));
    assert!(poll(a.push(4), &first).is_pending());
    let mut out = [0; 2];
    assert_eq!((rx.try_pop_slice(&mut out), out), (2, [2, 5]));
    assert_eq!((woken(&first), woken(&second)), (1, 0));
    // A waker slot is free again when its producer is dropped; the last producer to go wakes the
    // consumer.
    drop(a);
    let again = queue.producer().unwrap();
    again.close();
    c.close();
    assert!(poll(rx.pop(), &reader).is_pending());
    drop(b);
    assert_eq!((woken(&reader), poll(rx.pop(), &reader)), (1, Poll::Ready(None)));
    assert_eq!((queue.stats().pushed, queue.stats().depth), (3, 0));
}

#[test]
fn room_in_a_lane_wakes_its_own_producer() {
    let queue = AsyncFanIn::<u8, 1, 70>::new();
    let mut rx = queue.consumer().unwrap();
    let (mut a, mut b) = (queue.producer().unwrap(), queue.producer_of(69).unwrap());
    assert!(queue.producer_of(70).is_none() && queue.producer_of(69).is_none());
    let (first, second, reader) = (Arc::<Calls>::default(), Arc::<Calls>::default(), Arc::<Calls>::default());
    assert_eq!((a.try_push(1), b.try_push(2)), (Ok(()), Ok(())));
    assert!(poll(a.push(3), &first).is_pending() && poll(b.push(4), &second).is_pending());
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!((woken(&first), woken(&second)), (1, 0));
    assert_eq!(rx.try_pop(), Ok(2));
    assert_eq!((woken(&first), woken(&second)), (0, 1));
    assert_eq!(poll(b.push(4), &second), Poll::Ready(Ok(())));
    assert_eq!(rx.try_pop(), Ok(4));
    assert!(poll(rx.pop(), &reader).is_pending());
    a.close();
    assert_eq!(woken(&reader), 1);
    assert!(poll(rx.pop(), &reader).is_pending());
    drop(b);
    assert_eq!((woken(&reader), poll(rx.pop(), &reader)), (1, Poll::Ready(None)));
}

#[test]
fn closing_consumer_wakes_every_producer() {
    let (many, lanes) = (AsyncMpsc::<u8, 2, 2>::new(), AsyncFanIn::<u8, 1, 2>::new());
    let calls = Arc::<Calls>::default();
    let [mut a, mut b] = [(); 2].map(|()| many.producer().unwrap());
    assert_eq!(a.try_push_slice(&[1, 2]), 2);
    assert!(poll(a.push(3), &calls).is_pending() && poll(b.push(3), &calls).is_pending());
    many.consumer().unwrap().close();
    assert_eq!((woken(&calls), poll(b.push(3), &calls)), (2, Poll::Ready(Err(Full(3)))));
    let [mut a, mut b] = [0, 1].map(|lane| lanes.producer_of(lane).unwrap());
    assert_eq!((a.try_push(1), b.try_push(2)), (Ok(()), Ok(())));
    assert!(poll(a.push(3), &calls).is_pending() && poll(b.push(3), &calls).is_pending());
    lanes.consumer().unwrap().close();
    assert_eq!((woken(&calls), poll(a.push(3), &calls)), (2, Poll::Ready(Err(Full(3)))));
}
