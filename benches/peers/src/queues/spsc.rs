//! One producer, one consumer: ours and the others', each behind two closures or more.

use super::harness::{Runner, Value, across, batches, round_trip, same_thread};
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::sync::Arc;
use vvp_core::queue::{Consumer, Producer, SequencedConsumer, SequencedProducer, SequencedSpsc, Spsc};
use zerocopy::FromZeros;

/// Values through the queue in a round.
pub const VALUES: u64 = 400_000;
const TRIPS: u64 = 20_000;

pub fn spsc<T: Value + FromZeros, const N: usize>() -> (Producer<'static, T, N>, Consumer<'static, T, N>) {
    Box::leak(Spsc::<T, N>::new_box_zeroed().expect("memory")).split()
}

pub fn turn<T: Value + FromZeros, const N: usize>()
-> (SequencedProducer<'static, T, N>, SequencedConsumer<'static, T, N>) {
    Box::leak(SequencedSpsc::<T, N>::new_box_zeroed().expect("memory")).split()
}

/// Calls `$go!(name, push, pop)` for every queue that pushes and pops single values.
macro_rules! each_single {
    ($T:ty, $N:expr, $go:ident) => {{
        let capacity = NonZeroUsize::new($N).expect("not zero");
        vec![
            $go!("vvp SequencedSpsc", $T, || {
                let (mut tx, mut rx) = turn::<$T, { $N }>();
                (move |v: $T| tx.push(v).is_ok(), move || rx.pop().ok())
            }),
            $go!("vvp Spsc", $T, || {
                let (mut tx, mut rx) = spsc::<$T, { $N }>();
                (move |v: $T| tx.push(v).is_ok(), move || rx.pop().ok())
            }),
            $go!("rtrb", $T, || {
                let (mut tx, mut rx) = rtrb::RingBuffer::<$T>::new($N);
                (move |v: $T| tx.push(v).is_ok(), move || rx.pop().ok())
            }),
            $go!("ringbuf", $T, || {
                use ringbuf::traits::{Consumer as _, Producer as _, Split as _};
                let (mut tx, mut rx) = ringbuf::HeapRb::<$T>::new($N).split();
                (move |v: $T| tx.try_push(v).is_ok(), move || rx.try_pop())
            }),
            $go!("heapless", $T, || {
                let queue = Box::leak(Box::new(heapless::spsc::Queue::<$T, { $N }>::new()));
                let (mut tx, mut rx) = queue.split();
                (move |v: $T| tx.enqueue(v).is_ok(), move || rx.dequeue())
            }),
            $go!("crossbeam ArrayQueue", $T, || {
                let tx = Arc::new(crossbeam_queue::ArrayQueue::<$T>::new($N));
                let rx = Arc::clone(&tx);
                (move |v: $T| tx.push(v).is_ok(), move || rx.pop())
            }),
            $go!("nexus-queue", $T, || {
                let (tx, rx) = nexus_queue::spsc::ring_buffer::<$T>($N);
                (move |v: $T| tx.push(v).is_ok(), move || rx.pop())
            }),
            $go!("gil", $T, || {
                let (mut tx, mut rx) = gil::spsc::channel::<$T>(capacity);
                (move |v: $T| tx.try_send(v).is_ok(), move || rx.try_recv())
            }),
        ]
    }};
}

macro_rules! go_across {
    ($name:expr, $T:ty, $make:expr) => {{
        let (push, pop) = ($make)();
        across::<$T>($name, VALUES, push, pop)
    }};
}
macro_rules! go_same {
    ($name:expr, $T:ty, $make:expr) => {{
        let (push, pop) = ($make)();
        same_thread::<$T>($name, 1_000_000, push, pop)
    }};
}
macro_rules! go_trip {
    ($name:expr, $T:ty, $make:expr) => {
        round_trip::<$T>($name, TRIPS, ($make)(), ($make)())
    };
}

/// One by one to the other core.
pub fn single<T: Value + FromZeros, const N: usize>() -> Vec<Runner> {
    each_single!(T, N, go_across)
}

/// Push and pop in turn on one thread.
pub fn same<T: Value + FromZeros, const N: usize>() -> Vec<Runner> {
    let mut all = each_single!(T, N, go_same);
    all.extend(super::bare::same::<T>(1_000_000));
    all
}

/// To the other core and back.
pub fn trip<T: Value + FromZeros, const N: usize>() -> Vec<Runner> {
    let mut all = each_single!(T, N, go_trip);
    all.push(super::bare::trip::<T>(TRIPS));
    all
}

/// Values a batch.
pub const BATCH: usize = 64;

fn fill<T: Value>(slots: &mut [MaybeUninit<T>], from: u64) -> u64 {
    for (slot, n) in slots.iter_mut().zip(from..) {
        slot.write(T::of(n));
    }
    slots.len() as u64
}

fn add<T: Value>(values: &[T], sum: &mut u64) -> u64 {
    for value in values {
        *sum = sum.wrapping_add(value.number());
    }
    values.len() as u64
}

/// Batches written and read in place, where the queue can, each published once.
pub fn in_place<T: Value + FromZeros + Default, const N: usize>() -> Vec<Runner> {
    let batch = BATCH as u64;
    let ours = {
        let (mut tx, mut rx) = spsc::<T, N>();
        let push = move |from: u64, to: u64| {
            let mut grant = tx.grant_up_to((to - from) as usize);
            let (first, second) = grant.slots();
            let n = fill(first, from);
            let n = n + fill(second, from + n);
            // SAFETY: both parts were filled just now.
            unsafe { grant.assume_written(n as usize) };
            grant.commit();
            n
        };
        let pop = move |sum: &mut u64| {
            let lent = rx.read_up_to(BATCH);
            let (first, second) = lent.as_slices();
            let n = add(first, sum) + add(second, sum);
            lent.release();
            n
        };
        batches("vvp Spsc", VALUES, batch, push, pop)
    };
    let rtrb = {
        let (mut tx, mut rx) = rtrb::RingBuffer::<T>::new(N);
        let push = move |from: u64, to: u64| {
            let want = ((to - from) as usize).min(if tx.cached_slots() >= BATCH { BATCH } else { tx.slots() });
            let Ok(mut chunk) = tx.write_chunk_uninit(want) else { return 0 };
            let (first, second) = chunk.as_mut_slices();
            let n = fill(first, from);
            let n = n + fill(second, from + n);
            // SAFETY: both parts were filled just now.
            unsafe { chunk.commit_all() };
            n
        };
        let pop = move |sum: &mut u64| {
            let want = BATCH.min(if rx.cached_slots() >= BATCH { BATCH } else { rx.slots() });
            let Ok(chunk) = rx.read_chunk(want) else { return 0 };
            let (first, second) = chunk.as_slices();
            let n = add(first, sum) + add(second, sum);
            chunk.commit_all();
            n
        };
        batches("rtrb", VALUES, batch, push, pop)
    };
    let ringbuf = {
        use ringbuf::traits::{Consumer as _, Producer as _, Raw as _, Split as _};
        let (mut tx, rx) = ringbuf::HeapRb::<T>::new(N).split();
        let push = move |from: u64, to: u64| {
            let want = (to - from) as usize;
            let (first, _) = tx.vacant_slices_mut();
            let len = first.len().min(want);
            let n = fill(&mut first[..len], from);
            // SAFETY: `n` values were filled just now.
            unsafe { tx.advance_write_index(n as usize) };
            n
        };
        let pop = move |sum: &mut u64| {
            let (first, _) = rx.as_slices();
            let len = first.len().min(BATCH);
            let n = add(&first[..len], sum);
            // SAFETY: the slices hold `n` values, which need no drop.
            unsafe { rx.advance_read_index(n as usize) };
            n
        };
        batches("ringbuf", VALUES, batch, push, pop)
    };
    let gil = {
        let (mut tx, mut rx) = gil::spsc::channel::<T>(NonZeroUsize::new(N).expect("not zero"));
        let push = move |from: u64, to: u64| {
            let buffer = tx.write_buffer();
            let len = buffer.len().min((to - from) as usize);
            let n = fill(&mut buffer[..len], from);
            // SAFETY: `len` values were filled just now.
            unsafe { tx.commit(len) };
            n
        };
        let pop = move |sum: &mut u64| {
            let mut guard = rx.read_guard();
            let len = guard.as_slice().len().min(BATCH);
            let n = add(&guard.as_slice()[..len], sum);
            guard.advance(len);
            n
        };
        batches("gil", VALUES, batch, push, pop)
    };
    vec![ours, rtrb, ringbuf, gil]
}

/// Batches copied in and out as slices, where the queue can.
pub fn slices<T: Value + FromZeros + Default, const N: usize>() -> Vec<Runner> {
    let batch = BATCH as u64;
    /// Numbers for the slice to push.
    fn numbers<T: Value>(out: &mut [T; BATCH], from: u64, to: u64) -> &[T] {
        let len = (to - from) as usize;
        for (place, n) in out.iter_mut().zip(from..to) {
            *place = T::of(n);
        }
        &out[..len]
    }
    macro_rules! row {
        ($name:expr, $push:expr, $pop:expr) => {{
            let (mut given, mut taken) = ([T::default(); BATCH], [T::default(); BATCH]);
            let push = move |from: u64, to: u64| $push(numbers(&mut given, from, to)) as u64;
            let pop = move |sum: &mut u64| {
                let n: usize = $pop(&mut taken[..]);
                add(&taken[..n], sum)
            };
            batches($name, VALUES, batch, push, pop)
        }};
    }
    let (mut tx, mut rx) = spsc::<T, N>();
    let ours = row!("vvp Spsc", |s: &[T]| tx.push_slice(s), |o: &mut [T]| rx.pop_slice(o));
    let (mut tx, mut rx) = turn::<T, N>();
    let turns = row!("vvp SequencedSpsc", |s: &[T]| tx.push_slice(s), |o: &mut [T]| rx.pop_slice(o));
    let (mut tx, mut rx) = rtrb::RingBuffer::<T>::new(N);
    let rtrb = row!("rtrb", |s: &[T]| tx.push_partial_slice(s).0.len(), |o: &mut [T]| rx.pop_partial_slice(o).0.len());
    let ringbuf = {
        use ringbuf::traits::{Consumer as _, Producer as _, Split as _};
        let (mut tx, mut rx) = ringbuf::HeapRb::<T>::new(N).split();
        row!("ringbuf", |s: &[T]| tx.push_slice(s), |o: &mut [T]| rx.pop_slice(o))
    };
    vec![ours, turns, rtrb, ringbuf]
}
