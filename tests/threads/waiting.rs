//! Tasks that wait at queues, each on its own thread, with checksums. `.ci/tsan` runs this under
//! ThreadSanitizer, and then its mutants, which must be caught. After a lost wake-up the test
//! hangs.
#![cfg(feature = "async")]
#![allow(clippy::disallowed_types)] // the test has atomics of its own; nothing here runs under loom

use crate::tasks::block_on;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use vvp_core::queue::asynch::{AsyncConsumer, AsyncFanIn, AsyncMpsc, AsyncProducer, Room, WakerCell};
use vvp_core::queue::{Pop, Push};

const PRODUCERS: usize = 3;
const EACH: u64 = 3_000;

/// Two threads count up by turns; each sleeps while it waits for the other.
#[test]
fn ping_pong_loses_no_wake_up() {
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    static CELLS: [WakerCell; 2] = [const { WakerCell::new() }; 2];
    const LAST: usize = 10_000;
    fn play(me: usize) {
        while TURNS.load(Ordering::Relaxed) < LAST {
            block_on(poll_fn(|context| {
                // Relaxed: the waker cell orders it.
                let mine = || TURNS.load(Ordering::Relaxed) % 2 == me || TURNS.load(Ordering::Relaxed) >= LAST;
                if mine() {
                    return Poll::Ready(());
                }
                CELLS[me].register(context.waker());
                if mine() { Poll::Ready(()) } else { Poll::Pending }
            }));
            TURNS.fetch_add(1, Ordering::Relaxed);
            CELLS[1 - me].wake();
        }
        CELLS[1 - me].wake();
    }
    let other = thread::spawn(|| play(1));
    play(0);
    other.join().unwrap();
    assert!(TURNS.load(Ordering::Relaxed) >= LAST);
}

/// Checks that each producer's values arrive in order and complete.
struct Check([u64; PRODUCERS]);

impl Check {
    fn take(&mut self, (producer, n): (usize, u64)) {
        assert_eq!(n, self.0[producer]);
        self.0[producer] += 1;
    }
}

/// Checks that all values arrive: the producers push theirs, sleep while there is no room, and
/// close.
fn all_arrive<P, C, R>(producers: Vec<AsyncProducer<'static, P>>, mut consumer: AsyncConsumer<'static, C, R>)
where
    P: Push<Item = (usize, u64)> + Send + 'static,
    C: Pop<Item = (usize, u64)>,
    R: Room<C>,
{
    let threads: Vec<_> = producers
        .into_iter()
        .enumerate()
        .map(|(producer, mut tx)| {
            thread::spawn(move || {
                block_on(async {
                    for n in 0..EACH {
                        tx.push((producer, n)).await.unwrap();
                    }
                });
                tx.close();
            })
        })
        .collect();
    let mut check = Check([0; PRODUCERS]);
    block_on(async {
        while let Some(value) = consumer.pop().await {
            check.take(value);
        }
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(check.0, [EACH; PRODUCERS]);
}

#[test]
fn sleeping_producers_lose_no_value() {
    static QUEUE: AsyncMpsc<(usize, u64), 4, PRODUCERS> = AsyncMpsc::new();
    all_arrive((0..PRODUCERS).map(|_| QUEUE.producer().unwrap()).collect(), QUEUE.consumer().unwrap());
    assert_eq!(QUEUE.stats().depth, 0);
}

#[test]
fn sleeping_producers_of_lanes_lose_no_value() {
    static QUEUE: AsyncFanIn<(usize, u64), 4, PRODUCERS> = AsyncFanIn::new();
    all_arrive((0..PRODUCERS).map(|lane| QUEUE.producer_of(lane).unwrap()).collect(), QUEUE.consumer().unwrap());
    assert_eq!(QUEUE.stats().depth, 0);
}
