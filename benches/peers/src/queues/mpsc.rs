//! Many producers, one consumer: ours and the others'.
//!
//! On two cores the rows with two producers take two forms. In `fill` both producers push in
//! parallel into an empty queue that has room for all, without a consumer: only what they cost each
//! other. In `stream` the second producer's thread is the consumer as well, which takes two values
//! for each that it pushes.

use super::harness::{Runner, Value, across, duel, duel_once, ticks_per_ns};
use super::spsc::VALUES;
use std::num::NonZeroUsize;
use std::sync::Arc;
use vvp_core::queue::{FanIn, Mpsc, RobustMpsc};
use vvp_core::sync::Plain;
use zerocopy::FromZeros;

/// Fills in a round.
const FILLS: u64 = 4;

/// Calls `$go!(name, (push, another push, pop))` for every queue with many producers.
macro_rules! each {
    ($T:ty, $N:expr, $go:ident) => {{
        let capacity = NonZeroUsize::new($N).expect("not zero");
        vec![
            $go!("vvp Mpsc", $T, || {
                let queue: &Mpsc<$T, { $N }> = Box::leak(Mpsc::new_box_zeroed().expect("memory"));
                let (mut a, mut b, mut rx) = (queue.producer(), queue.producer(), queue.consumer().expect("free"));
                (move |v: $T| a.push(v).is_ok(), move |v: $T| b.push(v).is_ok(), move || rx.pop().ok())
            }),
            $go!("vvp RobustMpsc", $T, || {
                let queue: &RobustMpsc<$T, { $N }, 2> = Box::leak(RobustMpsc::new_box_zeroed().expect("memory"));
                let mut rx = queue.consumer().expect("free");
                let (mut a, mut b) = (queue.producer().expect("free"), queue.producer().expect("free"));
                (move |v: $T| a.push(v).is_ok(), move |v: $T| b.push(v).is_ok(), move || rx.pop().ok())
            }),
            $go!("vvp FanIn", $T, || {
                let queue: &FanIn<$T, { $N }, 2> = Box::leak(FanIn::new_box_zeroed().expect("memory"));
                let mut rx = queue.consumer().expect("free");
                let (mut a, mut b) = (queue.producer().expect("free"), queue.producer().expect("free"));
                (move |v: $T| a.push(v).is_ok(), move |v: $T| b.push(v).is_ok(), move || rx.pop().ok())
            }),
            $go!("nexus-queue", $T, || {
                let (a, rx) = nexus_queue::mpsc::ring_buffer::<$T>($N);
                let b = a.clone();
                (move |v: $T| a.push(v).is_ok(), move |v: $T| b.push(v).is_ok(), move || rx.pop())
            }),
            $go!("crossbeam ArrayQueue", $T, || {
                let a = Arc::new(crossbeam_queue::ArrayQueue::<$T>::new($N));
                let (b, rx) = (Arc::clone(&a), Arc::clone(&a));
                (move |v: $T| a.push(v).is_ok(), move |v: $T| b.push(v).is_ok(), move || rx.pop())
            }),
            $go!("gil", $T, || {
                let (mut a, mut rx) = gil::mpsc::channel::<$T>(capacity);
                let mut b = a.clone();
                (move |v: $T| a.try_send(v).is_ok(), move |v: $T| b.try_send(v).is_ok(), move || rx.try_recv())
            }),
            $go!("gil sharded", $T, || {
                let (mut a, mut rx) = gil::mpsc::sharded::channel::<$T>(NonZeroUsize::new(2).expect("two"), capacity);
                let mut b = a.clone().expect("the second shard");
                (move |v: $T| a.try_send(v).is_ok(), move |v: $T| b.try_send(v).is_ok(), move || rx.try_recv())
            }),
            $go!("std sync_channel", $T, || {
                let (a, rx) = std::sync::mpsc::sync_channel::<$T>($N);
                let b = a.clone();
                (move |v: $T| a.try_send(v).is_ok(), move |v: $T| b.try_send(v).is_ok(), move || rx.try_recv().ok())
            }),
        ]
    }};
}

macro_rules! go_one {
    ($name:expr, $T:ty, $make:expr) => {{
        let (push, other, pop) = ($make)();
        std::mem::forget(other); // there, and idle
        across::<$T>($name, VALUES, push, pop)
    }};
}
macro_rules! go_fill {
    ($name:expr, $T:ty, $make:expr) => {
        fill_by_two::<$T>($name, FILL, ($make)())
    };
}
macro_rules! go_stream {
    ($name:expr, $T:ty, $make:expr) => {
        stream_of_two::<$T>($name, VALUES / 2, ($make)())
    };
}

/// One producer at work, another idle, the consumer on the other core.
pub fn one<T: Value + Plain, const N: usize>() -> Vec<Runner> {
    each!(T, N, go_one)
}

/// Values a producer puts in to fill the queue.
const FILL: u64 = 32_768;

/// Two producers on two cores, and no consumer.
pub fn fill<T: Value + Plain>() -> Vec<Runner> {
    each!(T, 65_536, go_fill)
}

/// Two producers on two cores, of which one takes the values of both.
pub fn stream<T: Value + Plain, const N: usize>() -> Vec<Runner> {
    each!(T, N, go_stream)
}

fn fill_by_two<T: Value>(
    name: &'static str,
    n: u64,
    queue: (
        impl FnMut(T) -> bool + Send + 'static,
        impl FnMut(T) -> bool + Send + 'static,
        impl FnMut() -> Option<T> + Send + 'static,
    ),
) -> Runner {
    let (mut one, mut two, mut pop) = queue;
    Runner::new(name, move || {
        let mut ticks = 0;
        for _ in 0..FILLS {
            let mut fill = |disturbed: &mut bool| {
                let (took, came_between) = duel_once(&mut || (0..n).for_each(|i| while !one(T::of(i)) {}), &mut || {
                    (0..n).for_each(|i| while !two(T::of(i)) {})
                });
                let (mut sum, mut count) = (0, 0);
                while let Some(value) = pop() {
                    sum += value.number();
                    count += 1;
                }
                assert_eq!((sum, count), (2 * (0..n).sum::<u64>(), 2 * n), "{name} lost something");
                *disturbed = came_between;
                took
            };
            let mut disturbed = false;
            let mut took = fill(&mut disturbed);
            for _ in 0..3 {
                if disturbed {
                    took = fill(&mut disturbed);
                }
            }
            ticks += took;
        }
        vec![ticks as f64 / (2 * n * FILLS) as f64 / ticks_per_ns()]
    })
}

fn stream_of_two<T: Value>(
    name: &'static str,
    n: u64,
    queue: (
        impl FnMut(T) -> bool + Send + 'static,
        impl FnMut(T) -> bool + Send + 'static,
        impl FnMut() -> Option<T> + Send + 'static,
    ),
) -> Runner {
    let (mut one, mut two, mut pop) = queue;
    Runner::new(name, move || {
        let mut sum = 0_u64;
        let ticks = duel(
            &mut || {
                for i in 0..n {
                    while !one(T::of(i)) {
                        std::hint::spin_loop();
                    }
                }
            },
            &mut || {
                sum = 0;
                let (mut pushed, mut popped) = (0, 0);
                while popped < 2 * n {
                    if pushed < n && two(T::of(pushed)) {
                        pushed += 1;
                    }
                    for _ in 0..2 {
                        match pop() {
                            Some(value) => {
                                sum = sum.wrapping_add(value.number());
                                popped += 1;
                            }
                            None => break,
                        }
                    }
                }
            },
        );
        assert_eq!(sum, 2 * (0..n).sum::<u64>(), "{name} lost something");
        vec![ticks as f64 / (2 * n) as f64 / ticks_per_ns()]
    })
}
