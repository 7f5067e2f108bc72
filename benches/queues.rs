//! Our queues alone: every queue, payload and capacity, on one thread and across two cores.
//!
//! ```text
//! cargo bench -p vvp-benches --bench queues                  # all groups
//! cargo bench -p vvp-benches --bench queues -- one_thread    # one of them
//! ```
//!
//! Criterion runs one after the other, so on a shared machine these are for seeing what a change
//! did to a queue, and for its statistics; ratios to other crates are `benches/peers`' business,
//! which takes turns.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]
#![allow(clippy::disallowed_types)] // a flag of the bench itself, which is never under loom

#[allow(dead_code)]
#[path = "support/host.rs"]
mod host;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vvp_core::cell::Latest;
use vvp_core::queue::{FanIn, Frames, Mpsc, Pop, Push, SequencedSpsc, Spsc};
use zerocopy::FromZeros;

const SMALL: usize = 1024;
const BIG: usize = 65_536;

/// The core of what is timed, and that of the other side.
const CORES: (usize, usize) = (1, 0);

fn settings<'c>(c: &'c mut Criterion, name: &str, values: u64) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(values));
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

/// A queue in zeroed memory, which lives as long as the program.
fn queue<Q: FromZeros>() -> &'static mut Q {
    Box::leak(Q::new_box_zeroed().expect("memory"))
}

/// Calls `$run` with a fresh pair of ends of each queue, for this payload and both capacities.
macro_rules! every_queue {
    ($group:expr, $payload:literal, $T:ty, $value:expr, $run:ident) => {
        every_queue!(@ $group, $payload, $T, $value, $run, SMALL);
        every_queue!(@ $group, $payload, $T, $value, $run, BIG);
    };
    (@ $group:expr, $payload:literal, $T:ty, $value:expr, $run:ident, $N:ident) => {{
        let id = |name| BenchmarkId::new(name, format!("{}/{}", $payload, $N));
        let (tx, rx) = queue::<Spsc<$T, $N>>().split();
        $run(&mut $group, id("Spsc"), tx, rx, $value);
        let (tx, rx) = queue::<SequencedSpsc<$T, $N>>().split();
        $run(&mut $group, id("SequencedSpsc"), tx, rx, $value);
        let (tx, rx) = queue::<Mpsc<$T, $N>>().split();
        $run(&mut $group, id("Mpsc"), tx, rx, $value);
        let ([tx, ..], rx) = queue::<FanIn<$T, $N, 2>>().split();
        $run(&mut $group, id("FanIn"), tx, rx, $value);
    }};
}

type Group<'c> = BenchmarkGroup<'c, WallTime>;

/// A push and a pop, both ends on this thread.
fn to_and_fro<T: Copy>(
    group: &mut Group<'_>,
    id: BenchmarkId,
    mut tx: impl Push<Item = T>,
    mut rx: impl Pop<Item = T>,
    value: T,
) {
    group.bench_function(id, |b| {
        b.iter(|| {
            black_box(tx.push(black_box(value)).is_ok());
            black_box(rx.pop().ok())
        });
    });
}

/// 64 values in by one call, and out by another.
fn slices<T: Copy>(
    group: &mut Group<'_>,
    id: BenchmarkId,
    mut tx: impl Push<Item = T>,
    mut rx: impl Pop<Item = T>,
    value: T,
) {
    let mut values = [value; 64];
    group.bench_function(id, |b| {
        b.iter(|| {
            black_box(tx.push_slice(black_box(&values)));
            black_box(rx.pop_slice(&mut values))
        });
    });
}

/// Single values from this core to another: the time until the last was taken.
fn across<T: Copy + Send>(
    group: &mut Group<'_>,
    id: BenchmarkId,
    mut tx: impl Push<Item = T> + Send,
    mut rx: impl Pop<Item = T> + Send,
    value: T,
) {
    group.bench_function(id, |b| {
        b.iter_custom(|count| {
            let ready = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    host::pin(CORES.1);
                    ready.store(true, Ordering::Release);
                    for _ in 0..count {
                        while rx.pop().map(black_box).is_err() {
                            spin_loop();
                        }
                    }
                    Instant::now()
                });
                host::pin(CORES.0);
                while !ready.load(Ordering::Acquire) {
                    spin_loop();
                }
                let start = Instant::now();
                for _ in 0..count {
                    while tx.push(black_box(value)).is_err() {
                        spin_loop();
                    }
                }
                reader.join().expect("it counts").duration_since(start)
            })
        });
    });
}

fn one_thread(c: &mut Criterion) {
    host::pin(CORES.0);
    let mut group = settings(c, "one_thread", 1);
    every_queue!(group, "8", u64, 7, to_and_fro);
    every_queue!(group, "16", [u8; 16], [7; 16], to_and_fro);
    every_queue!(group, "64", [u64; 8], [7; 8], to_and_fro);
    group.finish();
}

fn slices_of_64(c: &mut Criterion) {
    host::pin(CORES.0);
    let mut group = settings(c, "slices_of_64", 64);
    every_queue!(group, "8", u64, 7, slices);
    every_queue!(group, "16", [u8; 16], [7; 16], slices);
    every_queue!(group, "64", [u64; 8], [7; 8], slices);
    group.finish();
}

fn across_cores(c: &mut Criterion) {
    let mut group = settings(c, "across_cores", 1);
    every_queue!(group, "8", u64, 7, across);
    every_queue!(group, "16", [u8; 16], [7; 16], across);
    every_queue!(group, "64", [u64; 8], [7; 8], across);
    group.finish();
}

fn frames(c: &mut Criterion) {
    static FRAMES: Frames<65_536> = Frames::new();
    host::pin(CORES.0);
    let mut group = settings(c, "frames_64_bytes", 1);
    let (mut tx, mut rx) = (FRAMES.producer().expect("free"), FRAMES.consumer().expect("free"));
    group.bench_function("push_read", |b| {
        b.iter(|| {
            black_box(tx.push(black_box(&[7; 64])).is_ok());
            rx.read().map(vvp_core::queue::frames::FrameRead::release).is_ok()
        });
    });
    group.finish();
}

fn latest(c: &mut Criterion) {
    host::pin(CORES.0);
    let mut group = settings(c, "latest", 1);
    let (mut writer, mut reader) = queue::<Latest<u64>>().split();
    group.bench_function("8", |b| {
        b.iter(|| {
            writer.write(black_box(7));
            black_box(reader.read_if_newer())
        });
    });
    let (mut writer, mut reader) = queue::<Latest<[u64; 8]>>().split();
    group.bench_function("64", |b| {
        b.iter(|| {
            writer.write(black_box([7; 8]));
            black_box(reader.read_if_newer())
        });
    });
    group.finish();
}

criterion_group!(benches, one_thread, slices_of_64, across_cores, frames, latest);
criterion_main!(benches);
